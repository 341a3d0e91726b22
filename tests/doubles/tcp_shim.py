"""A wire between a client and a server that breaks in every way a network does, while connections run.

    async with TcpShim(broker.host, broker.port) as wire:
        ...  # a client connects to wire.port
        wire.faults.delay_s = 0.2
        wire.blackhole()
        ...
        wire.heal()

It passes bytes on and knows no protocol, so it serves MQTT, WebSockets and TLS alike.
"""

import asyncio
import contextlib
import socket
import struct
import time
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.doubles.chronicle import Chronicle

_READ_BYTES: Final = 65_536
_HELD_BYTES: Final = 2**20
"""What a standing wire swallows each way before its sender notices, beside the kernel's own buffers."""
_STEP_S: Final = 0.02
"""How long a throttled wire takes for a piece, unless a piece is a single byte."""
_NO_LINGER: Final = struct.pack("ii", 1, 0)
"""Closing then sends RST."""


class Happening(StrEnum):
    """What the wire itself noticed or did."""

    OPENED = "opened"
    UNREACHABLE = "unreachable"
    """A client came, and the server was not there."""
    RESET = "reset"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class WireEvent:
    """One happening."""

    at_s: float
    connection: int
    happening: Happening


@dataclass(slots=True)
class Passed:
    """What was passed on in one direction of one connection."""

    bytes: int = 0
    first_at_s: float | None = None
    last_at_s: float | None = None
    ended_at_s: float | None = None
    """When its sender ended it or was gone, whether or not that could be passed on; None: not before the wire did."""


@dataclass(slots=True)
class WireConnection:
    """One connection, from the client's knock on."""

    number: int
    """Counts from 1."""
    opened_at_s: float
    closed_at_s: float | None = None
    from_client: Passed = field(default_factory=Passed)
    from_server: Passed = field(default_factory=Passed)

    @property
    def live(self) -> bool:
        """Whether either side still has it."""
        return self.closed_at_s is None


@dataclass(slots=True)
class Faults:
    """How the wire treats all bytes that it has not passed on yet, each way; may change at any time."""

    delay_s: float = 0.0
    """How much later than they came they go on."""
    bytes_per_s: float | None = None
    """How fast they go on; None: at once."""
    piece_bytes: int | None = None
    """The most that go on at once, each piece in a segment of its own; None: as they came."""

    @property
    def most_bytes(self) -> int:
        """The size of the next piece."""
        steady = _READ_BYTES if self.bytes_per_s is None else max(1, round(self.bytes_per_s * _STEP_S))
        return min(steady, self.piece_bytes or steady)


class TcpShim:
    """Listens on loopback, or on a UNIX socket, and passes everything on to a server on either.

    Owned by the event loop.
    """

    host: Final = "127.0.0.1"

    def __init__(
        self, host: str = "", port: int = 0, *, unix_server: Path | None = None, unix_path: Path | None = None
    ) -> None:
        """The server is `host` and `port`, or `unix_server`; clients come by TCP, or to `unix_path`."""
        self.events: Final = Chronicle[WireEvent]("event of the wire")
        self.connections: Final[list[WireConnection]] = []
        self.faults: Final = Faults()
        self.passing: Final = asyncio.Event()
        """Whether anything is passed on; see `blackhole`."""
        self.passing.set()
        self._target = (host, port)
        self._unix_server = unix_server
        self.unix_path: Final = unix_path
        """Where clients connect, if not by TCP."""
        self._port = 0
        self._server: asyncio.Server | None = None
        self._pairs: dict[int, _Pair] = {}
        self._cuts: dict[bool, int] = {}

    async def __aenter__(self) -> Self:
        """Listen."""
        await self.accept()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more, and reset what is still connected."""
        self.refuse()
        self.heal()
        self.reset()
        if self.live:
            await self.events.until(lambda _event: not self.live, "the end of all connections")

    @property
    def port(self) -> int:
        """Where clients connect instead; stays the same until the end."""
        return self._port

    @property
    def live(self) -> list[WireConnection]:
        """The connections that either side still has."""
        return [connection for connection in self.connections if connection.live]

    # ------------------------------------------------------------------------------------------------- faults

    def refuse(self) -> None:
        """Let nobody else connect: they are refused at once. Those who are connected stay so."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def accept(self) -> None:
        """Let clients connect again, at the same place."""
        assert self._server is None, "accepts already"
        if self.unix_path is not None:
            self.unix_path.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._serve, self.unix_path)
        else:
            self._server = await asyncio.start_server(self._serve, self.host, self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    def reset(self) -> None:
        """Break all connections off, with RST to both sides; a UNIX socket, which has none, just ends."""
        for number, pair in tuple(self._pairs.items()):
            self._note(number, Happening.RESET)
            pair.reset()

    def blackhole(self) -> None:
        """Pass nothing on until `heal`, not even an end: neither side learns anything, and whoever connects waits."""
        self.passing.clear()

    def heal(self) -> None:
        """Pass everything on again, first what came meanwhile, as TCP does when a wire was mended in time."""
        self.passing.set()

    def cut_after(self, count_bytes: int, *, from_client: bool) -> None:
        """Reset the connection that passes the last of so many bytes that way: in the middle of a message."""
        self._cuts[from_client] = count_bytes

    def until_cut(self, size_bytes: int, *, from_client: bool) -> int | None:
        """Count `size_bytes` that are about to pass; returns how many of them still may, None without a limit."""
        left = self._cuts.get(from_client)
        if left is None:
            return None
        if left > size_bytes:
            self._cuts[from_client] = left - size_bytes
            return None
        del self._cuts[from_client]
        return left

    # ------------------------------------------------------------------------------------------------ insides

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = WireConnection(len(self.connections) + 1, time.monotonic())
        number = connection.number
        pair = self._pairs[number] = _Pair([writer])
        self.connections.append(connection)
        self._note(number, Happening.OPENED)
        try:
            await self.passing.wait()
            server_reader, server_writer = await self._connect()
            pair.writers.append(server_writer)
            there = _Way(self, pair, (reader, server_writer), connection.from_client, from_client=True)
            back = _Way(self, pair, (server_reader, writer), connection.from_server, from_client=False)
            async with asyncio.TaskGroup() as tasks:
                pair.ways = [tasks.create_task(way.run(), name=f"wire {number}") for way in (there, back)]
                if pair.is_broken:
                    pair.reset()
        except OSError:
            self._note(number, Happening.UNREACHABLE)
            pair.reset()
        finally:
            del self._pairs[number]
            for end in pair.writers:
                end.close()
            connection.closed_at_s = time.monotonic()
            self._note(number, Happening.CLOSED)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._unix_server is not None:
            return await asyncio.open_unix_connection(self._unix_server)
        return await asyncio.open_connection(*self._target)

    def _note(self, connection: int, happening: Happening) -> None:
        self.events.add(WireEvent(time.monotonic(), connection, happening))


@dataclass(slots=True)
class _Pair:
    """The two ends of one connection and what runs between them."""

    writers: list[asyncio.StreamWriter]
    ways: list[asyncio.Task[None]] = field(default_factory=list)
    is_broken: bool = False

    def reset(self) -> None:
        """Send RST to both sides and pass nothing more on."""
        self.is_broken = True
        for writer in self.writers:
            with contextlib.suppress(OSError):  # closed already
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            writer.transport.abort()
        for way in self.ways:
            way.cancel()


class _Way:
    """Passes on what one end says, until it says nothing more."""

    def __init__(
        self,
        wire: TcpShim,
        pair: _Pair,
        ends: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        passed: Passed,
        *,
        from_client: bool,
    ) -> None:
        self._wire = wire
        self._pair = pair
        self._reader, self._writer = ends
        self._passed = passed
        self._from_client = from_client
        self._came: asyncio.Queue[tuple[float, bytes | None]] = asyncio.Queue()
        self._held_bytes = 0
        self._has_room = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            taking = tasks.create_task(self._take(), name="wire, taking")
            await self._give()
            taking.cancel()

    async def _take(self) -> None:
        """Queue what comes; nothing for an end, None for an RST."""
        data: bytes | None = b"anything"
        while data:
            try:
                data = await self._reader.read(_READ_BYTES)
            except OSError:
                data = None
            if not data:
                self._passed.ended_at_s = time.monotonic()
            self._hold(len(data or b""))
            self._came.put_nowait((time.monotonic(), data))
            await self._has_room.wait()

    async def _give(self) -> None:
        while True:
            came_s, data = await self._came.get()
            await asyncio.sleep(came_s + self._wire.faults.delay_s - time.monotonic())
            try:
                if not data:
                    await self._end(orderly=data is not None)
                    return
                await self._pass(data)
                self._hold(-len(data))
            except OSError:  # the other end is gone
                self._pair.reset()
                return

    def _hold(self, more_bytes: int) -> None:
        self._held_bytes += more_bytes
        if self._held_bytes < _HELD_BYTES:
            self._has_room.set()
        else:
            self._has_room.clear()

    async def _end(self, *, orderly: bool) -> None:
        await self._wire.passing.wait()
        if orderly and self._writer.can_write_eof():
            self._writer.write_eof()
        elif not orderly:
            self._pair.reset()

    async def _pass(self, data: bytes) -> None:
        faults = self._wire.faults
        while data:
            piece, data = data[: faults.most_bytes], data[faults.most_bytes :]
            await asyncio.sleep(0.0 if faults.bytes_per_s is None else len(piece) / faults.bytes_per_s)
            await self._wire.passing.wait()
            left = self._wire.until_cut(len(piece), from_client=self._from_client)
            piece = piece[:left]
            self._writer.write(piece)
            await self._writer.drain()
            self._passed.last_at_s = time.monotonic()
            self._passed.first_at_s = self._passed.first_at_s or self._passed.last_at_s
            self._passed.bytes += len(piece)
            if left is not None:
                await asyncio.sleep(_STEP_S)  # an RST at once could overtake it
                self._pair.reset()
                return
