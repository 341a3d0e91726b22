"""Contract of `core.addresses`."""

import pytest

from hearthd.core.addresses import host_of, is_host, is_loopback


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


@pytest.mark.parametrize(
    ("host", "usable"),
    [
        ("localhost", True),
        ("homeassistant.local", True),
        ("küche.lan.", True),
        ("my_broker", True),
        ("192.168.1.2", True),
        ("fe80::1%eth0", True),
        (f"{'x' * 63}.lan", True),
        ("", False),
        (".", False),
        ("homeassistant..local", False),
        (".local", False),
        (f"{'x' * 64}.lan", False),
        (f"{'ü' * 60}.lan", False),
        ("two words", False),
        ("zero\0byte", False),
        ("half\ud800", False),
    ],
)
def test_a_host_is_what_a_resolver_can_take(host: str, usable: bool) -> None:
    """Anything else would not fail as the network does."""
    assert is_host(host) == usable


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("wss://api.openai.com/v1/realtime", "api.openai.com"),
        ("wss://API.x.ai:443?model=a", "api.x.ai"),
        ("ws://user@localhost#x", "localhost"),
        ("ws://[::1]:8080/", "::1"),
        ("ws+unix:///run/server.sock", ""),
        ("nonsense", ""),
    ],
)
def test_an_address_names_its_host(url: str, host: str) -> None:
    """Whatever stands around it."""
    assert host_of(url) == host
