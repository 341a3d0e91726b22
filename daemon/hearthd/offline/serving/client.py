"""One connected client: what it sends goes into its session, what that makes goes out, and neither without end."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from hearthd.offline.protocol import limits
from hearthd.offline.protocol.session import ServerSession
from hearthd.offline.serving.jobs import Result, SpeakOn
from hearthd.offline.serving.workshop import Workshop

if TYPE_CHECKING:
    from hearthd.offline.protocol.desk import Outgoing

FAREWELL_S: Final = 1.0
"""For the last words to a client whose session is over."""

log = logging.getLogger(__name__)


class Client:
    """Belongs to the event loop; `converse` is its whole life."""

    def __init__(
        self, socket: ServerConnection, session: ServerSession, workshop: Workshop, clock: Callable[[], datetime]
    ) -> None:
        """Take an open `socket`; whoever opened it closes it."""
        self._socket = socket
        self._session = session
        self._workshop = workshop
        self._clock = clock
        self._unsent: deque[Outgoing] = deque()
        self._unsent_bytes = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._drained = asyncio.Event()
        self._gone = False
        """Whether nothing can be sent any more."""

    async def converse(self) -> None:
        """Answer until the client goes, takes nothing more, or the session is as old as it may get."""
        self._workshop.wake()
        self._pass_on()
        try:
            async with asyncio.TaskGroup() as tasks:
                sender = tasks.create_task(self._send(), name="to an offline client")
                try:
                    await self._read_in_time()
                finally:
                    sender.cancel()
        finally:
            self._workshop.leave(self._take)

    async def _read_in_time(self) -> None:
        try:
            async with asyncio.timeout(limits.SESSION_S):
                await self._read()
        except TimeoutError:
            self._session.expire()
            self._pass_on()
            with suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_S):
                    await self._drained.wait()
            await self._socket.close(CloseCode.GOING_AWAY, "The session hit its maximum duration.")

    async def _read(self) -> None:
        while not self._gone:
            try:
                message = await self._socket.recv()
            except ConnectionClosed:
                return
            self._session.receive(message, self._clock())
            self._pass_on()
            while self._session.pending:
                await asyncio.sleep(0)  # Others have their turn between two slices of sound.
                self._session.advance(self._clock())
                self._pass_on()
            await self._room.wait()

    async def _send(self) -> None:
        try:
            while True:
                await self._news.wait()
                async with asyncio.timeout(limits.SEND_S):
                    await self._socket.send(self._unsent[0].text)
                self._note_sent()
        except ConnectionClosed:
            pass
        except TimeoutError:
            log.warning("an offline client takes nothing any more and is let go", extra=_EVENT)
            abort(self._socket)
        finally:
            self._gone = True
            self._room.set()  # Whoever reads may wait for room.

    def _note_sent(self) -> None:
        sent = self._unsent.popleft()
        self._unsent_bytes -= len(sent.text)
        if self._unsent_bytes <= limits.UNSENT_BYTES:
            self._room.set()
        if not self._unsent:
            self._news.clear()
            self._drained.set()
        if sent.job is not None:
            self._workshop.order(SpeakOn(sent.job), self._take)

    def _pass_on(self) -> None:
        """Give what the session made to those whom it is for."""
        for outgoing in self._session.data_to_send():
            self._unsent.append(outgoing)
            self._unsent_bytes += len(outgoing.text)
            self._news.set()
            self._drained.clear()
        if self._unsent_bytes > limits.UNSENT_BYTES:
            self._room.clear()
        else:
            self._room.set()
        for order in self._session.orders():
            self._workshop.order(order, self._take)

    def _take(self, result: Result) -> None:
        """Take a result of the worker. Never raises: the worker is everybody's."""
        try:
            self._session.take(result, self._clock())
            self._pass_on()
        except Exception:
            log.exception("an offline session broke; this is a bug", extra=_EVENT)
            abort(self._socket)


def abort(socket: ServerConnection) -> None:
    """Hang up without a word, whatever state the connection is in."""
    if not socket.transport.is_closing():
        socket.transport.abort()


_EVENT: Final = {"HEARTHD_EVENT": "offline_client"}
