"""The wire that other tests break really breaks as they expect, and else passes everything on."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.doubles.tcp_shim import Happening, TcpShim

LIMIT_S = 10.0
STORY = bytes(range(256)) * 40


@dataclass
class Far:
    """A server that keeps what it hears and answers with it."""

    heard: bytearray
    ended: asyncio.Event
    how: type[BaseException] | None = None
    """The error with which the last connection ended; None after an orderly end."""


@contextlib.asynccontextmanager
async def server(path: Path | None = None) -> AsyncIterator[tuple[Far, int]]:
    """Let a server echo; yields what it hears, and its port."""
    far = Far(bytearray(), asyncio.Event())

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far.how = None
        try:
            while data := await reader.read(4096):
                far.heard += data
                writer.write(data)
        except OSError as error:
            far.how = type(error)
        far.ended.set()
        writer.close()

    listening = await (asyncio.start_unix_server(echo, path) if path else asyncio.start_server(echo, "127.0.0.1"))
    async with listening, asyncio.timeout(LIMIT_S):
        yield far, 0 if path else listening.sockets[0].getsockname()[1]


@contextlib.asynccontextmanager
async def connected(wire: TcpShim) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect a client through the wire."""
    path = wire.unix_path
    reader, writer = await (
        asyncio.open_unix_connection(path) if path else asyncio.open_connection(wire.host, wire.port)
    )
    yield reader, writer
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def test_everything_passes_and_is_counted() -> None:
    """Bytes both ways, and the end that one side says, arrive; numbers and moments are kept."""
    async with server() as (far, port), TcpShim("127.0.0.1", port) as wire:
        began_s = time.monotonic()
        async with connected(wire) as (reader, writer):
            writer.write(STORY)
            assert await reader.readexactly(len(STORY)) == STORY
            writer.write_eof()
            assert await reader.read() == b""
        assert (bytes(far.heard), far.how) == (STORY, None)
        await wire.events.until(lambda event: event.happening is Happening.CLOSED, "the end")
        [connection] = wire.connections
        assert [event.happening for event in wire.events] == [Happening.OPENED, Happening.CLOSED]
        assert [passed.bytes for passed in (connection.from_client, connection.from_server)] == [len(STORY)] * 2
        there, back = connection.from_client.first_at_s, connection.from_server.first_at_s
        assert there is not None
        assert back is not None
        assert began_s <= connection.opened_at_s <= there <= back
        assert not wire.live


async def test_unix_sockets_serve_on_either_side(tmp_path: Path) -> None:
    """A server on a UNIX socket is reached through another one."""
    async with (
        server(tmp_path / "far") as (far, _),
        TcpShim(unix_server=tmp_path / "far", unix_path=tmp_path / "near") as wire,
    ):
        async with connected(wire) as (reader, writer):
            writer.write(STORY)
            assert await reader.readexactly(len(STORY)) == STORY
            wire.reset()
            assert await reader.read() == b""
        await far.ended.wait()
        assert bytes(far.heard) == STORY


async def test_a_reset_reaches_both_sides() -> None:
    """Neither sees an orderly end."""
    async with server() as (far, port), TcpShim("127.0.0.1", port) as wire, connected(wire) as (reader, writer):
        writer.write(b"a")
        await reader.readexactly(1)
        wire.reset()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        await far.ended.wait()
        assert far.how is ConnectionResetError
        await wire.events.until(lambda event: event.happening is Happening.CLOSED, "the end")
        assert [event.happening for event in wire.events] == [Happening.OPENED, Happening.RESET, Happening.CLOSED]


async def test_refused_and_accepted_again() -> None:
    """Who is connected stays so; who comes is refused until the same port accepts again."""
    async with server() as (_, port), TcpShim("127.0.0.1", port) as wire, connected(wire) as (reader, writer):
        writer.write(b"a")
        await reader.readexactly(1)
        place = wire.port
        wire.refuse()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(wire.host, place)
        writer.write(b"b")
        assert await reader.readexactly(1) == b"b"
        await wire.accept()
        async with connected(wire) as (reader_again, writer_again):
            writer_again.write(b"c")
            assert await reader_again.readexactly(1) == b"c"
        assert wire.port == place


async def test_a_server_that_is_away_is_a_reset() -> None:
    """The wire is up, and nobody is at its other end."""
    async with server() as (_, port):
        pass
    async with asyncio.timeout(LIMIT_S), TcpShim("127.0.0.1", port) as wire, connected(wire) as (reader, _writer):
        with pytest.raises(ConnectionResetError):
            await reader.read()
        assert Happening.UNREACHABLE in [event.happening for event in wire.events]


async def test_in_a_black_hole_neither_side_learns_anything() -> None:
    """Not of bytes, not of an end; mended, all of it arrives in order."""
    async with server() as (far, port), TcpShim("127.0.0.1", port) as wire:
        async with connected(wire) as (reader, writer):
            writer.write(b"before")
            await reader.readexactly(6)
            wire.blackhole()
            writer.write(STORY)
            writer.write_eof()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await reader.read(1)
                    raise AssertionError("something passed")
            assert (bytes(far.heard), far.ended.is_set()) == (b"before", False)
            wire.heal()
            assert await reader.read() == STORY
        assert (bytes(far.heard), far.how) == (b"before" + STORY, None)


async def test_who_connects_in_a_black_hole_waits() -> None:
    """The connection is there and leads nowhere."""
    async with server() as (far, port), TcpShim("127.0.0.1", port) as wire:
        wire.blackhole()
        async with connected(wire) as (reader, writer):
            writer.write(b"a")
            await wire.events.until(lambda event: event.happening is Happening.OPENED, "a client")
            assert not far.heard
            wire.heal()
            assert await reader.readexactly(1) == b"a"


async def test_a_client_that_leaves_a_standing_wire_is_noticed() -> None:
    """Here, though not by its server; what it had said is kept and delivered when the wire is mended."""
    async with server() as (far, port), TcpShim("127.0.0.1", port) as wire:
        async with connected(wire) as (reader, writer):
            writer.write(b"a")
            await reader.readexactly(1)
            wire.blackhole()
            writer.write(b"b")
        said = wire.connections[0].from_client
        deadline_s = time.monotonic() + 10.0
        while said.ended_at_s is None:
            assert time.monotonic() < deadline_s, "nobody noticed"
            await asyncio.sleep(0.01)
        assert bytes(far.heard) == b"a"
        wire.heal()
        await far.ended.wait()
        assert bytes(far.heard) == b"ab"


async def test_bytes_are_late_but_not_slow() -> None:
    """Each byte is delayed by as much, also while others are on their way."""
    async with server() as (_, port), TcpShim("127.0.0.1", port) as wire, connected(wire) as (reader, writer):
        wire.faults.delay_s = 0.05
        began_s = time.monotonic()
        for _ in range(10):
            writer.write(b"a")
            await asyncio.sleep(0)
        await reader.readexactly(10)
        assert time.monotonic() - began_s >= 2 * wire.faults.delay_s
        back = wire.connections[0].from_server
        assert back.first_at_s is not None
        assert back.first_at_s - began_s >= 2 * wire.faults.delay_s


async def test_a_narrow_wire_takes_its_time() -> None:
    """Bytes pass at the given rate."""
    async with server() as (_, port), TcpShim("127.0.0.1", port) as wire, connected(wire) as (reader, writer):
        wire.faults.bytes_per_s = 100_000.0
        began_s = time.monotonic()
        writer.write(STORY)
        await reader.readexactly(len(STORY))
        assert time.monotonic() - began_s >= len(STORY) / 100_000.0


async def test_single_bytes_are_still_the_same_story() -> None:
    """In pieces of one byte everything arrives, in order."""
    async with server() as (far, port), TcpShim("127.0.0.1", port) as wire, connected(wire) as (reader, writer):
        wire.faults.piece_bytes = 1
        writer.write(STORY[:300])
        assert await reader.readexactly(300) == STORY[:300]
        assert bytes(far.heard) == STORY[:300]


@pytest.mark.parametrize("from_client", [True, False])
async def test_a_cut_comes_in_the_middle(from_client: bool) -> None:
    """So many bytes of a direction arrive, then the connection breaks; the next one is whole."""
    async with server() as (far, port), TcpShim("127.0.0.1", port) as wire:
        wire.cut_after(100, from_client=from_client)
        async with connected(wire) as (reader, writer):
            writer.write(STORY)
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(len(STORY))
            await far.ended.wait()
            passed = wire.connections[0].from_client if from_client else wire.connections[0].from_server
            assert passed.bytes == 100
        async with connected(wire) as (reader, writer):
            writer.write(STORY)
            assert await reader.readexactly(len(STORY)) == STORY
