"""What types cannot say: addresses, topics, headers, and settings that do not go together."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from hearthd.config.credentials import MQTT_PASSWORD
from hearthd.config.settings import Settings
from hearthd.core.addresses import is_host, is_loopback
from hearthd.core.settings import (
    API_KEY_PLACEHOLDER,
    ESPEAK_VOICES,
    FLITE_VOICES,
    MqttSettings,
    OfflineSettings,
    RealtimeSettings,
)
from hearthd.core.tables import Problem, found, nearest

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HOST_FORM = "a host name whose parts between the dots have 1 to 63 letters, without spaces"
_HANDSHAKE_HEADERS = frozenset({"connection", "host", "upgrade"})
_UNIX_SCHEME = "ws+unix"
_SOCKET_PATH_BYTES = 107
"""Longest address that fits into `sun_path` with its closing zero (unix(7))."""


def contradictions(settings: Settings) -> list[Problem]:
    """Return what cannot work, whatever else is changed."""
    return [
        *_url(settings.realtime.url),
        *_headers(settings.realtime.headers),
        *_broker(settings.mqtt),
        *_confirmations(settings),
        *_offline(settings.offline),
    ]


def warnings(settings: Settings) -> tuple[str, ...]:
    """Return what is allowed but hardly meant, each a sentence for the owner."""
    return tuple(_doubtful(settings))


def _url(url: str) -> Iterator[Problem]:
    key = "realtime.url"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        # The error repeats what it takes for the port or the host, and that may be a part of a password.
        yield Problem(key, "expected an address such as wss://api.openai.com/v1/realtime; check its host and port")
        return
    if parts.scheme == _UNIX_SCHEME:
        if parts.netloc or not parts.path.startswith("/"):
            yield Problem(key, "expected ws+unix:// and an absolute path, as in ws+unix:///run/server.sock")
    elif parts.scheme not in {"ws", "wss"}:
        hint = {"http": "; did you mean ws://?", "https": "; did you mean wss://?"}.get(parts.scheme, "")
        yield Problem(key, f"expected an address that begins with wss://, ws:// or ws+unix://{hint}")
    elif not host:
        yield Problem(key, "expected a host name behind the two slashes")
    elif not is_host(host):
        yield Problem(key, f"expected {_HOST_FORM}")
    elif parts.scheme == "ws" and not is_loopback(host):
        yield Problem(
            key,
            f"expected wss:// for the host {host}: with ws:// the API key and your voice would be readable "
            "to the network, so it is allowed on this machine alone (localhost, 127.0.0.1, ::1)",
        )
    if parts.username is not None:
        yield Problem(key, "expected no user name or password inside the address; use realtime.headers")
    if parts.fragment:
        yield Problem(key, "expected no part behind #")


def _headers(headers: dict[str, str]) -> Iterator[Problem]:
    # The values may be secrets: no message repeats one.
    for name, value in headers.items():
        key = f"realtime.headers.{name}"
        if not _HEADER_NAME.fullmatch(name):
            yield Problem(key, "expected a header name of letters, digits and hyphens")
        elif name.lower() in _HANDSHAKE_HEADERS or name.lower().startswith("sec-websocket-"):
            yield Problem(key, "belongs to the WebSocket handshake itself and cannot be set")
        if not value.isascii() or not value.isprintable():
            yield Problem(key, "expected one line of plain ASCII")


def _broker(mqtt: MqttSettings) -> Iterator[Problem]:
    # What stands there may hold a password: no message repeats it.
    if "/" in mqtt.host or "@" in mqtt.host:
        yield Problem(
            "mqtt.host",
            'expected a host name such as "homeassistant.local", found an address; the user is mqtt.username, the '
            f"password stands in /etc/credstore/hearthd.{MQTT_PASSWORD.credential}",
        )
    elif mqtt.host.count(":") == 1:
        yield Problem("mqtt.host", "expected a host name alone; the port is mqtt.port")
    elif mqtt.host and not is_host(mqtt.host):
        yield Problem("mqtt.host", f'expected {_HOST_FORM}, such as "homeassistant.local"')
    for key, topic in (("base_topic", mqtt.base_topic), ("discovery_prefix", mqtt.discovery_prefix)):
        if re.search(r"[+#]", topic) or topic.startswith("$") or "" in topic.split("/"):
            yield Problem(
                f"mqtt.{key}",
                f'expected topic levels joined by "/" without "+", "#" or a leading "$", {_but(topic)}',
            )
    if mqtt.tls_ca_file and not mqtt.tls:
        yield Problem("mqtt.tls_ca_file", "is of use only with mqtt.tls = true")


def _but(value: str) -> str:
    return f"found {found(value)}"


def _confirmations(settings: Settings) -> Iterator[Problem]:
    for index, identifier in enumerate(settings.policy.confirm):
        if identifier not in settings.devices:
            problem = f'there is no device "{identifier}"{nearest(identifier, settings.devices)}'
            yield Problem(f"policy.confirm[{index}]", problem)


def _offline(offline: OfflineSettings) -> Iterator[Problem]:
    voices = (*FLITE_VOICES, *ESPEAK_VOICES)
    if offline.voice not in voices:
        yield Problem(
            "offline.voice",
            f'there is no voice "{offline.voice}"{nearest(offline.voice, voices)}; '
            f"flite has {', '.join(FLITE_VOICES)}, espeak-ng has {', '.join(ESPEAK_VOICES)}",
        )
    if offline.socket and not offline.socket.startswith("/"):
        yield Problem("offline.socket", f"expected an absolute path, {_but(offline.socket)}")
    elif len(offline.socket.encode()) > _SOCKET_PATH_BYTES:
        yield Problem("offline.socket", f"expected a path of at most {_SOCKET_PATH_BYTES} bytes, as sockets have it")
    elif re.search(r"[:?#]", offline.socket):
        yield Problem("offline.socket", f'expected a path without ":", "?" and "#", {_but(offline.socket)}')


def _doubtful(settings: Settings) -> Iterator[str]:
    realtime, wake, mqtt = settings.realtime, settings.wake, settings.mqtt
    if needs_key(realtime) and not settings.openai_api_key:
        consequence = (
            "so hearthd works offline only until there is one"
            if settings.offline.enabled
            else "and without one the server refuses every conversation"
        )
        yield (
            f"There is no API key here, {consequence}: the service takes it from "
            "/etc/credstore/hearthd.openai_api_key, a start by hand from the variable OPENAI_API_KEY."
        )
    if not wake.words and not (wake.push_to_talk and mqtt.host):
        yield "Nothing can start a conversation: wake.words is empty and MQTT listen is switched off."
    if settings.gate.barge_in == "speech" and settings.gate.echo_cancel == "off":
        yield 'gate.barge_in = "speech" without echo cancellation: hearthd may take its own voice for yours.'
    if settings.offline.voice == "rms" and settings.offline.pitch != OfflineSettings().pitch:
        yield "offline.pitch has no effect on the voice rms: flite's other voices and espeak-ng's obey it."
    if settings.mqtt_password and not mqtt.username:
        yield "There is an MQTT password but no mqtt.username, so the password is not used."
    if mqtt.tls and mqtt.port == MqttSettings().port:
        yield "mqtt.tls is on, yet mqtt.port is that of plain MQTT; brokers speak TLS on 8883 as a rule."


def needs_key(realtime: RealtimeSettings) -> bool:
    """Tell whether the configured server can be talked to only with the key."""
    # A server elsewhere wants to know who pays, unless a header tells it; the placeholder needs the key too.
    if any(API_KEY_PLACEHOLDER in value for value in realtime.headers.values()):
        return True
    host = urlsplit(realtime.url).hostname or ""
    return bool(host) and not is_loopback(host) and not realtime.authorizes_itself
