"""Which network addresses stay on this machine."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Tell whether `host` (a name, or an address without brackets) can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
