"""Contract of `core.addresses`."""

import pytest

from hearthd.core.addresses import is_loopback


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("", False),
        ("128.0.0.1", False),
        ("192.168.1.2", False),
        ("::2", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("0.0.0.0", False),
    ],
)
def test_only_addresses_that_cannot_leave_this_machine_are_loopback(host: str, loopback: bool) -> None:
    """Names that merely look local are not trusted with a key in plain text."""
    assert is_loopback(host) == loopback
