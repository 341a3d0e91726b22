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


def host_of(url: str) -> str:
    """Return the host that a URL names, in small letters and without brackets; empty if it names none."""
    found = _HOST.match(url.lower())
    return found[1].strip("[]") if found else ""
