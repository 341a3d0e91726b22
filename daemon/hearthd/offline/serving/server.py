"""The server: sessions over WebSocket, for local clients, a few at a time."""

import asyncio
import http
import itertools
import logging
import secrets
import string
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State

from hearthd.core.realtime.server_messages import ErrorBody
from hearthd.offline.protocol import limits, messages
from hearthd.offline.protocol.refused import INVALID_REQUEST, Refused
from hearthd.offline.protocol.session import ServerSession
from hearthd.offline.serving.client import Client, abort
from hearthd.offline.serving.sockets import Listening
from hearthd.offline.serving.workshop import Workshop

PATH: Final = "/v1/realtime"
CLOSE_S: Final = 1.0
"""For a client to say goodbye as well; a stop must be over in 2 s."""
PING_EVERY_S: Final = 20.0
REFUSED_CODE: Final = 4_000
"""Closes a connection whose address cannot be served, as the service does."""
OWN_HOSTS: Final = frozenset({"localhost", "127.0.0.1"})
"""Names by which a client on this machine calls it. A page of the web whose own name is made to point here calls it by
that name."""
_MARK_CHARACTERS: Final = 12

log = logging.getLogger(__name__)
_library_log: Final = logging.getLogger("hearthd.offline.websockets")
_library_log.setLevel(logging.CRITICAL)  # Garbage on a socket is its sender's trouble.


class OfflineServer:
    """Serves sessions on any number of sockets; they share the worker and the limit."""

    def __init__(self, workshop: Workshop, clock: Callable[[], datetime], *, idle_s: float | None = None) -> None:
        """Listen nowhere yet. `clock` tells the local time; after `idle_s` without a session, if given, `run` ends."""
        self._workshop = workshop
        self._clock = clock
        self._idle_s = idle_s
        self._servers: list[Server] = []
        self._jobs = itertools.count(1)
        self._last_seen_s = 0.0

    @property
    def sessions(self) -> int:
        """How many clients are connected."""
        return sum(socket.state is State.OPEN for server in self._servers for socket in server.connections)

    async def run(self, listening: Sequence[Listening], stop: asyncio.Event, ready: Callable[[], None]) -> None:
        """Serve until `stop`, then end all sessions within about a second; call `ready` when clients may come.

        Closes the sockets.
        """
        async with asyncio.TaskGroup() as tasks:
            keeper = tasks.create_task(self._workshop.run(), name="speech worker")
            try:
                async with AsyncExitStack() as stack:
                    for one in listening:
                        stack.callback(one.close)
                        self._servers.append(await self._serve_on(one))
                        stack.push_async_callback(self._end, self._servers[-1])
                    ready()
                    await self._wait(stop)
            finally:
                keeper.cancel()

    async def _serve_on(self, one: Listening) -> Server:
        def greet(socket: ServerConnection, request: Request) -> Response | None:
            return self._greet(socket, request, local=one.local)

        return await serve(
            self._serve,
            sock=one.socket,
            process_request=greet,
            compression=None,  # Between two processes of one machine it costs more than it saves.
            open_timeout=limits.HANDSHAKE_S,
            ping_interval=PING_EVERY_S,
            ping_timeout=PING_EVERY_S,
            close_timeout=CLOSE_S,
            max_size=limits.MESSAGE_BYTES,
            max_queue=4,
            server_header=None,
            logger=_library_log,
        )

    async def _end(self, server: Server) -> None:
        server.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                await asyncio.shield(server.wait_closed())
        except TimeoutError:
            for socket in server.connections:
                abort(socket)
            await server.wait_closed()

    async def _wait(self, stop: asyncio.Event) -> None:
        """Return when it is time to stop, or when nobody has come for long enough."""
        loop = asyncio.get_running_loop()
        self._last_seen_s = loop.time()
        while True:
            end_s = None if self._idle_s is None else self._last_seen_s + self._idle_s
            try:
                async with asyncio.timeout_at(end_s):
                    await stop.wait()
                    return
            except TimeoutError:
                if self.sessions:
                    self._last_seen_s = loop.time()
                elif self._idle_s is not None and self._last_seen_s + self._idle_s <= loop.time():
                    log.info("nobody has come for a while: stopping", extra={"HEARTHD_EVENT": "offline_idle"})
                    return

    def _greet(self, socket: ServerConnection, request: Request, *, local: bool) -> Response | None:
        """Refuse what is not for this server, or too much for it; None lets the client in."""
        if urlsplit(request.path).path != PATH:
            return socket.respond(http.HTTPStatus.NOT_FOUND, f"This server answers at {PATH} only.\n")
        if not local and not _from_this_machine(request):
            text = "Programs of this machine may come in; pages of the web may not.\n"
            return socket.respond(http.HTTPStatus.FORBIDDEN, text)
        if self.sessions >= limits.MOST_SESSIONS:
            text = f"This server has {limits.MOST_SESSIONS} sessions, and takes no more: close one, or try later.\n"
            response = socket.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, text)
            response.headers["Retry-After"] = str(limits.RETRY_AFTER_S)
            return response
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        try:
            model = _model(socket.request)
        except Refused as refused:
            await _turn_away(socket, refused)
            return
        expires_at = int(self._clock().timestamp()) + limits.SESSION_S
        mark = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(_MARK_CHARACTERS))
        session = ServerSession(mark=mark, model=model, expires_at=expires_at, new_job=lambda: next(self._jobs))
        log.debug("an offline session begins", extra={"HEARTHD_EVENT": "offline_session"})
        try:
            await Client(socket, session, self._workshop, self._clock).converse()
        except Exception:
            log.exception("an offline session broke; this is a bug", extra={"HEARTHD_EVENT": "offline_session"})
            raise
        finally:
            self._last_seen_s = asyncio.get_running_loop().time()


def _from_this_machine(request: Request) -> bool:
    """Whether no browser sends this: browsers name the page's origin, and the name that it used for us."""
    host = request.headers.get("Host", "")
    name = host.rpartition(":")[0] or host
    return name.lower() in OWN_HOSTS and "Origin" not in request.headers


def _model(request: Request) -> str:
    """Return the model that the address names. Raises `Refused` for what this server does not speak."""
    query = parse_qs(urlsplit(request.path).query)
    if "OpenAI-Beta" in request.headers:
        text = "The beta of the Realtime API is over: leave the header OpenAI-Beta out."
        raise Refused("beta_api_shape_disabled", text)
    if query.get("intent", ["conversation"])[-1] != "conversation":
        raise Refused("invalid_intent", "This server has no sessions for transcription alone.")
    return query.get("model", [""])[-1]


async def _turn_away(socket: ServerConnection, refused: Refused) -> None:
    """Tell a client what is wrong with its address, in the way of the service: an error, then a close that says no."""
    error = ErrorBody(type=INVALID_REQUEST, code=refused.code, message=refused.message)
    try:
        await socket.send(messages.encode(messages.Errored(error=error), "event_refused"))
        await socket.close(REFUSED_CODE, f"{INVALID_REQUEST}.{refused.code}")
    except ConnectionClosed:
        pass
