"""A Realtime server's end of the link, in memory: for tests of the engine, and in virtual time if they like."""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from hearthd.ports import LinkRefused, LinkUnavailable

LinkError = LinkRefused | LinkUnavailable

OPEN_S = 10.0
"""How long an attempt waits for a server that does not answer, as the real adapter does."""
KNOCKS_S = (1.0, 2.0, 4.0)
"""Between the tries of one attempt to reach a silent server: TCP repeats its first packet so."""


class MemoryConnection:
    """One connection; the daemon uses `send` and `receive`, the test plays the server with the rest.

    Keeps the port's contract, misuse included: two readers at once are an error of ours and assert.
    """

    def __init__(self) -> None:
        self.sent: list[str] = []
        """Every text that the daemon sent, in order."""
        self.pushed: list[str] = []
        """Every text that the test sent, in order."""
        self.open = True
        """Whether the daemon still holds the connection."""
        self._unread = asyncio.Queue[str]()
        self._arriving = deque[str]()
        self._changed = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._error: LinkError | None = None
        self._awaited = False
        self._vanished = False
        self._ended = asyncio.Event()
        self.pings = 0
        """How often the daemon asked for a sign of life."""
        self.bytes_per_s = math.inf
        """How fast the line carries what the daemon sends; what waits for it is held by a socket without end."""
        self._carried_s = 0.0
        """When all of that has arrived."""

    # The daemon's side

    async def send(self, text: str) -> None:
        """Take one text; waits while the test holds the server still."""
        await self._flowing.wait()
        if self._error is not None:
            raise self._error
        self.sent.append(text)
        if self.bytes_per_s == math.inf:
            self._unread.put_nowait(text)
            return
        loop = asyncio.get_running_loop()
        self._carried_s = max(loop.time(), self._carried_s) + len(text) / self.bytes_per_s
        loop.call_at(self._carried_s, self._arrive, text)

    def _arrive(self, text: str) -> None:
        if self.open:
            self._unread.put_nowait(text)

    async def receive(self) -> AsyncIterator[str]:
        """Yield what the test pushed, then raise how it ended."""
        while True:
            while self._arriving and not self._vanished:
                yield self._arriving.popleft()
            if self._error is not None:
                raise self._error
            await self._news()

    async def ping(self) -> None:
        """Answer when everything before it has arrived, unless the other end has vanished."""
        self.pings += 1
        if (queue_s := self._carried_s - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(queue_s)
        if self._vanished:
            await self._ended.wait()
        if self._error is not None:
            raise self._error

    async def _news(self) -> None:
        assert not self._awaited, "two tasks read one connection"
        self._awaited = True
        self._changed.clear()
        try:
            await self._changed.wait()
        finally:
            self._awaited = False

    # The server's side

    def push(self, *texts: str) -> None:
        """Send texts to the daemon."""
        self.pushed.extend(texts)
        self._arriving.extend(texts)
        self._changed.set()

    async def next_text(self) -> str:
        """Wait for the next text of the daemon that this method has not returned yet."""
        return await self._unread.get()

    def hold(self) -> None:
        """Take nothing more from the daemon: its `send` waits, as with a full socket."""
        self._flowing.clear()

    def vanish(self) -> None:
        """Be gone without a word: take everything and answer nothing, pings included."""
        self._vanished = True

    def let_go(self) -> None:
        """Take texts again."""
        self._flowing.set()

    def end(self, error: LinkError) -> None:
        """End the connection; the daemon still reads what was pushed before, and then gets `error`."""
        self._error = self._error or error
        self._ended.set()
        self._changed.set()
        self._flowing.set()

    def hang_up(self, code: int, words: str) -> None:
        """End the connection with a WebSocket code, as `words` tell."""
        self.end(LinkUnavailable(words, close_code=code))


class MemoryLink:
    """The `LinkTransport` port for tests: every connection attempt is counted, held up or refused as they wish."""

    def __init__(self) -> None:
        self.attempts = 0
        self.opening_s = 0.0
        """How long an attempt takes, in the loop's time."""
        self.bytes_per_s = math.inf
        """How fast coming connections carry what the daemon sends."""
        self.connections: list[MemoryConnection] = []
        """Every connection that was opened, in order."""
        self.most_live = 0
        """The most connections that the daemon held at once; more than one would be one too many."""
        self._refusals = deque[LinkError]()
        self._road_closed: Literal["", "loudly", "silently"] = ""
        self._unaccepted = asyncio.Queue[MemoryConnection]()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[MemoryConnection]:
        """Open one connection, or raise the next refusal."""
        self.attempts += 1
        await asyncio.sleep(self.opening_s)
        for pause_s in (*KNOCKS_S, OPEN_S - sum(KNOCKS_S)):
            if self._road_closed == "silently":
                await asyncio.sleep(pause_s)
        if self._road_closed:
            raise LinkUnavailable("no way to the server", code="unreachable")
        if self._refusals:
            raise self._refusals.popleft()
        connection = MemoryConnection()
        connection.bytes_per_s = self.bytes_per_s
        self.connections.append(connection)
        self.most_live = max(self.most_live, len(self.live))
        self._unaccepted.put_nowait(connection)
        try:
            yield connection
        finally:
            connection.open = False
            connection.end(LinkUnavailable("closed by this side", close_code=1000))

    @property
    def live(self) -> list[MemoryConnection]:
        """The connections that the daemon holds now; more than one would be one too many."""
        return [connection for connection in self.connections if connection.open]

    async def accept(self) -> MemoryConnection:
        """Wait for the next connection that this method has not returned yet."""
        return await self._unaccepted.get()

    def close_road(self, *, silently: bool) -> None:
        """Pull the network: attempts fail, at once or after a while, and what is open breaks off or falls silent."""
        self._road_closed = "silently" if silently else "loudly"
        for connection in self.live:
            if silently:
                connection.vanish()
            else:
                connection.end(LinkUnavailable("the line is cut"))

    def open_road(self) -> None:
        """Plug the network in again; what vanished stays so."""
        self._road_closed = ""

    def refuse(self, *errors: LinkError) -> None:
        """Let as many coming attempts fail, in this order."""
        self._refusals.extend(errors)
