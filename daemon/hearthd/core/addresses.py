"""Whose network address it is, and whether it stays on this machine."""

import ipaddress
import re

_HOST = re.compile(r"[a-z+]+://(?:[^/?#]*@)?(\[[^\]/?#]*\]|[^/?#:]*)")


def is_loopback(host: str) -> bool:
    """Tell whether `host` (a name, or an address without brackets) can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_host(host: str) -> bool:
    """Tell whether a resolver can take `host` (a name, or an address without brackets); "" is none.

    Names that it cannot take have an empty label or one of more than 63 bytes, and Python's own raises no `OSError`.
    """
    try:
        encoded = host.encode("idna")
    except UnicodeError:
        return False
    return bool(encoded) and host.isprintable() and " " not in host


def host_of(url: str) -> str:
    """Return the host that a URL names, in small letters and without brackets; empty if it names none."""
    found = _HOST.match(url.lower())
    return found[1].strip("[]") if found else ""
