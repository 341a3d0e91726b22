"""The link to the Realtime server over a WebSocket, by the `websockets` library."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from websockets.asyncio import client
from websockets.exceptions import ConnectionClosed

from hearthd import __version__
from hearthd.adapters.websocket_errors import from_closing, from_opening
from hearthd.core.addresses import is_loopback
from hearthd.core.realtime.dialects import dialect_of
from hearthd.core.settings import API_KEY_PLACEHOLDER, RealtimeSettings, Secret

OPEN_S: Final = 10.0
"""DNS, TCP, TLS and upgrade together; from far away they take up to 2.1 s."""
CLOSE_S: Final = 1.0
"""A stop must be over in 2 s, and nothing of value is lost when the peer does not say goodbye."""
MAX_MESSAGE_BYTES: Final = 16 * 2**20
"""Some servers send a whole reply as one delta: 16 MiB hold more than four minutes."""
MAX_QUEUED_FRAMES: Final = 1024
"""While the queue is full nothing is read, pongs included. 1024 deltas are a minute and more of speech, which a
server sends within a second."""
UNIX_RESOURCE: Final = "/v1/realtime"
"""The path asked for on a UNIX socket whose address names none."""

# The library writes every header down at DEBUG, the key among them: this logger never lets that happen.
_library_log: Final = logging.getLogger("hearthd.websockets")
_library_log.setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class _Target:
    """Where to connect, taken apart."""

    uri: str
    host: str
    """For messages, and to know whether a proxy may stand between."""
    socket_path: str = ""
    """Of a UNIX socket; empty for TCP."""


class WebSocketTransport:
    """The `LinkTransport` port over TCP, TLS or a UNIX socket.

    An own TLS context is kept, because loading the authorities takes longer than the rest of a connection.
    """

    def __init__(self, settings: RealtimeSettings, api_key: Secret) -> None:
        """Connect nothing yet; `api_key` may be empty."""
        self._target = _target(settings)
        self._headers = _headers(settings, api_key)
        self._secrets = [api_key.reveal(), *self._headers.values()]
        self._tls: ssl.SSLContext | None = None

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["WebSocketLink"]:
        """Open one connection, closed on exit within about a second.

        Entering raises `LinkUnavailable` or `LinkRefused`, in at most 10 s.
        """
        try:
            socket = await self._open()
        except Exception as error:
            raise from_opening(error, self._target.host, self._secrets) from error
        try:
            yield WebSocketLink(socket)
        finally:
            await _leave(socket)

    def _open(self) -> client.connect:
        options: dict[str, Any] = {}
        if self._target.socket_path:
            options = {"unix": True, "path": self._target.socket_path}
        elif self._target.uri.startswith("wss:"):
            self._tls = self._tls or ssl.create_default_context()
            options = {"ssl": self._tls}
        return _Connect(
            self._target.uri,
            additional_headers=self._headers,
            user_agent_header=f"hearthd/{__version__}",
            compression=None,  # Base64 of speech hardly shrinks, and deflating it costs up to 7.7 times the CPU.
            proxy=None if is_loopback(self._target.host) else True,
            open_timeout=OPEN_S,
            ping_interval=None,  # Whoever uses the link knows when a sign of life is worth asking for.
            close_timeout=CLOSE_S,
            max_size=MAX_MESSAGE_BYTES,
            max_queue=MAX_QUEUED_FRAMES,
            logger=_library_log,
            **options,
        )


class WebSocketLink:
    """The `LinkConnection` port: one open WebSocket."""

    def __init__(self, socket: client.ClientConnection) -> None:
        """Take an open `socket`; whoever opened it closes it."""
        self._socket = socket

    async def send(self, text: str) -> None:
        """Hand one text to the socket; waits while more than 32 KiB are under way.

        Raises `LinkUnavailable`, or `LinkRefused` if the server closed with a code that says no.
        """
        try:
            await self._socket.send(text)
        except ConnectionClosed as closed:
            raise from_closing(closed) from closed

    async def ping(self) -> None:
        """Ask the peer for a pong and return when it came.

        Raises `LinkUnavailable` or `LinkRefused` when the connection ends before.
        """
        try:
            await (await self._socket.ping())
        except ConnectionClosed as closed:
            raise from_closing(closed) from closed

    async def receive(self) -> AsyncIterator[str]:
        """Iterate over the texts that arrive, in order, to be read by one task only.

        Always ends by raising `LinkUnavailable` or `LinkRefused`; a polite goodbye is an outage too.
        """
        while True:
            try:
                message = await self._socket.recv()
            except ConnectionClosed as closed:
                raise from_closing(closed) from closed
            # Realtime messages are texts; a server that packs them into binary frames is understood all the same.
            yield message if isinstance(message, str) else message.decode("utf-8", "replace")


async def _leave(socket: client.ClientConnection) -> None:
    """Say goodbye, or hang up: the library's own limit does not count while its socket takes nothing more."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await socket.close()
    except TimeoutError:
        pass
    finally:
        socket.transport.abort()


class _Connect(client.connect):
    """Does not follow redirects: they would carry the key to wherever the answer points."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Return `exc` itself, which ends the attempt with it."""
        return exc


def _target(settings: RealtimeSettings) -> _Target:
    parts, model = urlsplit(settings.url), settings.model
    query = parts.query
    if model and "model" not in parse_qs(query, keep_blank_values=True):
        query = "&".join(part for part in (query, f"model={quote(model, safe='')}") if part)
    if parts.scheme == "ws+unix":
        path, _, resource = parts.path.partition(":")
        uri = parts._replace(scheme="ws", netloc="localhost", path=resource or UNIX_RESOURCE, query=query)
        return _Target(uri.geturl(), "localhost", path)
    if parts.path in {"", "/"}:
        parts = parts._replace(path=dialect_of(settings).path)
    return _Target(parts._replace(query=query).geturl(), parts.hostname or "")


def _headers(settings: RealtimeSettings, api_key: Secret) -> dict[str, str]:
    headers = {name: value.replace(API_KEY_PLACEHOLDER, api_key.reveal()) for name, value in settings.headers.items()}
    if api_key and not settings.authorizes_itself:
        name, value = dialect_of(settings).header(api_key.reveal())
        headers[name] = value
    return headers
