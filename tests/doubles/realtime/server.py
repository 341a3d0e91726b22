"""The Realtime double: a strict, scripted server of the GA protocol on loopback."""

from __future__ import annotations

import asyncio
import http
import time
import traceback
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, Self, TextIO, assert_never
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.protocol import State

from tests.doubles.realtime import config
from tests.doubles.realtime.conversation import Conversation
from tests.doubles.realtime.openings import drain, expire, refusal, stays
from tests.doubles.realtime.outbox import Outbox
from tests.doubles.realtime.record import (
    Event,
    Handshake,
    Record,
    ResponseRecord,
    SessionRecord,
    UserTurn,
    Violation,
    now_s,
)
from tests.doubles.realtime.scenario import (
    Accept,
    CloseFirst,
    Cursor,
    ErrorFirst,
    HttpRefusal,
    Opening,
    Scenario,
    Silence,
)
from tests.doubles.realtime.session import Session
from tests.doubles.realtime.wiring import Wiring

if TYPE_CHECKING:
    import ssl
    from pathlib import Path
    from types import TracebackType

    from websockets.http11 import Request, Response

    from tests.doubles.realtime.frames import Frame
    from tests.doubles.realtime.script import Reply, Responder

PATH = "/v1/realtime"
MOST_MESSAGE_BYTES = 32 * 1024 * 1024
"""Room for an append of 15 MiB in base64."""
OPEN_TIMEOUT_S = 60.0
CLOSE_TIMEOUT_S = 1.0


class RealtimeDouble:
    """A Realtime server in this process; use as an async context manager.

    `record` holds all that happened; the helpers here are its short forms. Everything runs on the
    event loop that entered the context.
    """

    def __init__(
        self,
        scenario: Scenario | None = None,
        *,
        port: int = 0,
        unix_path: Path | None = None,
        tls: ssl.SSLContext | None = None,
        journal: TextIO | None = None,
    ) -> None:
        """`port` 0 takes a free one; `unix_path` listens there instead; `journal` gets JSON lines."""
        self.scenario = scenario or Scenario()
        self.record = Record(journal)
        self._cursor = Cursor(self.scenario)
        self._port = port
        self._unix_path = unix_path
        self._tls = tls
        self._openings: dict[ServerConnection, Opening] = {}
        self._sockets: set[ServerConnection] = set()
        self._closing = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.pending_handshakes = 0
        """Handshakes that have come and are not answered yet."""
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start to listen."""
        where: dict[str, Any] = {"host": "127.0.0.1", "port": self._port}
        if self._unix_path is not None:
            where = {"unix": True, "path": str(self._unix_path)}
        server = await self._stack.enter_async_context(
            serve(
                self._serve,
                **where,
                ssl=self._tls,
                process_request=self._greet,
                compression=None,
                open_timeout=OPEN_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                max_size=MOST_MESSAGE_BYTES,
            )
        )
        if self._unix_path is None:
            self._port = next(iter(server.sockets)).getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all connections with 1001 and end every task."""
        self._closing.set()
        self.thaw()
        await self._stack.__aexit__(kind, error, trace)

    @property
    def port(self) -> int:
        """The TCP port; a later server can take it over, as one that restarts does."""
        return self._port

    @property
    def url(self) -> str:
        """The address without query; a client adds `?model=`. `ws+unix://` and a path on a UNIX socket."""
        return f"ws+unix://{self._unix_path}" if self._unix_path else f"{self.base_url}/realtime"

    @property
    def base_url(self) -> str:
        """What the `openai` client takes as `websocket_base_url`."""
        return f"{'wss' if self._tls else 'ws'}://127.0.0.1:{self._port}/v1"

    @property
    def violations(self) -> list[Violation]:
        """What clients did that a correct one never does."""
        return self.record.violations

    @property
    def appended_audio_bytes(self) -> int:
        """Bytes of audio received in all sessions."""
        return self.record.appended_audio_bytes

    def enqueue(self, *replies: Reply | Responder) -> None:
        """Script further replies, after those that are left."""
        self._cursor.replies.extend(replies)

    def open_with(self, *openings: Opening) -> None:
        """Replace how the coming connections open; the last one serves all that follow."""
        self._cursor.openings.clear()
        self._cursor.openings.extend(openings)

    async def wait_for(self, event_type: str, count: int = 1, timeout_s: float = 5.0) -> Event:
        """Wait until `count` events of that type came or went in all; return the last of these.

        Raises AssertionError when the time is over.
        """

        def came() -> bool:
            return len(self.record.of_type(event_type)) >= count

        await self.record.until(came, f"{count} x {event_type}", timeout_s)
        return self.record.of_type(event_type)[count - 1]

    async def turn(self, number: int = 1, timeout_s: float = 5.0) -> UserTurn:
        """Wait for the user turn of that number (from 1) to be committed."""
        turns = self.record.turns
        await self.record.until(lambda: len(turns) >= number, f"turn {number}", timeout_s)
        return turns[number - 1]

    async def response(self, number: int = 1, timeout_s: float = 5.0) -> ResponseRecord:
        """Wait for `response.done` of the response of that number (from 1)."""
        responses = self.record.responses

        def done() -> bool:
            return len(responses) >= number and responses[number - 1].done_at_s is not None

        await self.record.until(done, f"end of response {number}", timeout_s)
        return responses[number - 1]

    async def session(self, number: int = 1, timeout_s: float = 5.0) -> SessionRecord:
        """Wait for the session of that number (from 1) to have been configured."""
        sessions = self.record.sessions

        def ready() -> bool:
            return len(sessions) >= number and sessions[number - 1].updated_at_s is not None

        await self.record.until(ready, f"configured session {number}", timeout_s)
        return sessions[number - 1]

    async def drop(self, code: int = 1001, reason: str = "") -> None:
        """Close every live connection with a close frame, as a server that goes away does."""
        for socket in tuple(self._sockets):
            await socket.close(code, reason)

    def abort(self) -> None:
        """Cut every live connection without a close frame (the client sees 1006)."""
        for socket in tuple(self._sockets):
            socket.transport.abort()

    def freeze(self) -> None:
        """Hold every connection and answer nothing, not even a ping, until `thaw`; whoever connects waits."""
        self._flowing.clear()
        for socket in self._sockets:
            socket.transport.pause_reading()

    def thaw(self) -> None:
        """Go on where `freeze` stopped."""
        self._flowing.set()
        for socket in self._sockets:
            socket.transport.resume_reading()

    async def send_frames(self, *frames: Frame) -> None:
        """Send to every live connection what no correct server sends."""
        for socket in tuple(self._sockets):
            for frame in frames:
                await socket.send(frame.data, text=frame.text)

    def assert_clean(self) -> None:
        """Assert that no client did what a correct one never does."""
        problems = [violation.problem for violation in self.record.violations]
        assert not problems, "; ".join(problems)

    def assert_complete(self) -> None:
        """Assert a clean record and that all that was scripted was asked for."""
        self.assert_clean()
        leftovers = self._cursor.leftovers()
        assert not leftovers, f"{', '.join(leftovers)}; {self.record.summary()}"

    async def _greet(self, socket: ServerConnection, request: Request) -> Response | None:
        """Answer a handshake as the scenario says."""
        opening = self._cursor.next_opening()
        self.pending_handshakes += 1
        self.record.changed()
        await self._pause(opening.handshake_delay_s)
        await self._flowing.wait()
        self.pending_handshakes -= 1
        self._openings[socket] = opening
        status = opening.status if isinstance(opening, HttpRefusal) else 101
        if self._closing.is_set():
            status = 503
        elif urlsplit(request.path).path != PATH:
            status = 404
            self.record.add_violation(0, f"wrong path {request.path}")
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        self.record.handshakes.append(Handshake(now_s(), request.path, headers, status))
        self.record.changed()
        if status == http.HTTPStatus.SWITCHING_PROTOCOLS:
            return None
        del self._openings[socket]
        body = opening.body if isinstance(opening, HttpRefusal) else ""
        response = socket.respond(http.HTTPStatus(status), body)
        if isinstance(opening, HttpRefusal):
            for name, value in opening.headers.items():
                if name in response.headers:
                    del response.headers[name]
                response.headers[name] = value
        return response

    async def _serve(self, socket: ServerConnection) -> None:
        """Handle one upgraded connection to its end."""
        assert socket.request is not None
        model = parse_qs(urlsplit(socket.request.path).query).get("model", [None])[0]
        session = SessionRecord(len(self.record.sessions) + 1, model, opened_at_s=now_s())
        self._sockets.add(socket)
        self.record.opened(session, live=sum(s.state is State.OPEN for s in self._sockets))
        try:
            await self._open(socket, session, self._openings.pop(socket))
        except ConnectionClosed:
            pass
        except Exception:
            self.record.add_violation(session.number, f"the double broke: {traceback.format_exc()}")
            await socket.close(CloseCode.INTERNAL_ERROR)
            raise
        finally:
            self._sockets.discard(socket)
            with suppress(ConnectionClosed):
                await socket.close()
            self.record.closed(session, socket.close_code, socket.close_reason)

    async def _open(self, socket: ServerConnection, session: SessionRecord, opening: Opening) -> None:
        outbox = Outbox(socket, session.number, self.scenario.quirks, self.record, self._flowing)
        earned = refusal(socket, session) or self._refusal_of_one_more()
        if earned is not None:
            self.record.add_violation(session.number, earned.message)
            opening = earned
        match opening:
            case Accept():
                if await stays(socket, opening.session_delay_s):
                    await self._converse(socket, session, outbox)
            case ErrorFirst():
                kind = opening.error_type
                await outbox.error(opening.code, opening.message, param=None, kind=kind, event_id=None)
                if opening.close_code is not None:
                    await socket.close(opening.close_code, f"{kind}.{opening.code}")
                await drain(socket)
            case Silence():
                await drain(socket)
            case CloseFirst():
                await outbox.close(opening.close_code, opening.reason)
            case HttpRefusal():
                raise AssertionError("a refused handshake has no session")
            case _:
                assert_never(opening)

    async def _converse(self, socket: ServerConnection, session: SessionRecord, outbox: Outbox) -> None:
        life_s = self.scenario.session_life_s
        expires_at = int(time.time() + life_s)  # noqa: TID251 - the wire has epoch seconds
        session.config = config.default_session(outbox.new_id("sess"), session.model or "", expires_at)
        wiring = Wiring(self.scenario, self._cursor, self.record, session, outbox, Conversation())
        async with asyncio.TaskGroup() as tasks:
            expiry = tasks.create_task(expire(outbox, life_s), name=f"life of session {session.number}")
            await Session(wiring, tasks).serve(socket)
            expiry.cancel()

    def _refusal_of_one_more(self) -> ErrorFirst | None:
        """Return the refusal of a session that is one too many."""
        most = self.scenario.most_sessions
        if most is None or sum(socket.state is State.OPEN for socket in self._sockets) <= most:
            return None
        return ErrorFirst("session_limit_reached", f"more than {most} sessions at once", close_code=4000)

    async def _pause(self, delay_s: float) -> None:
        """Sleep, but not past the end of the server."""
        if delay_s > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await self._closing.wait()
