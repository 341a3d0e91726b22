"""Contract of the LinkTransport port, held by its two adapters and by the double that stands in for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest
from websockets.asyncio.server import ServerConnection, serve

from hearthd.adapters.offline_server import OfflineTransport
from hearthd.adapters.websocket import WebSocketTransport
from hearthd.core.settings import OfflineSettings, RealtimeSettings, Secret
from hearthd.ports import LinkConnection, LinkRefused, LinkTransport, LinkUnavailable
from tests.doubles.memory_link import LinkError, MemoryConnection, MemoryLink

pytestmark = pytest.mark.timeout(20)


class Peer(Protocol):
    """What a test does as the server, on one connection."""

    async def next_text(self) -> str:
        """Wait for the client's next text."""
        ...

    async def push(self, *texts: str) -> None:
        """Send texts to the client."""
        ...

    async def end(self, code: int, reason: str) -> None:
        """Close with a code."""
        ...

    async def left(self) -> None:
        """Wait until the client is gone."""
        ...


class House(Protocol):
    """A server with the transport that leads to it."""

    transport: LinkTransport

    async def accept(self) -> Peer:
        """Wait for the next connection."""
        ...


class _SocketPeer:
    """A real connection of a real server."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket

    async def next_text(self) -> str:
        return str(await self._socket.recv())

    async def push(self, *texts: str) -> None:
        for text in texts:
            await self._socket.send(text)

    async def end(self, code: int, reason: str) -> None:
        await self._socket.close(code, reason)

    async def left(self) -> None:
        await self._socket.wait_closed()


class _SocketHouse:
    """A real server on a free port of loopback."""

    def __init__(self, transport: LinkTransport, peers: "asyncio.Queue[ServerConnection]") -> None:
        self.transport = transport
        self._peers = peers

    async def accept(self) -> Peer:
        return _SocketPeer(await self._peers.get())


class _MemoryPeer:
    """A connection of the double."""

    def __init__(self, connection: MemoryConnection) -> None:
        self._connection = connection

    async def next_text(self) -> str:
        return await self._connection.next_text()

    async def push(self, *texts: str) -> None:
        self._connection.push(*texts)

    async def end(self, code: int, reason: str) -> None:
        permanent: LinkError = LinkRefused(reason.rpartition(".")[2], reason)
        self._connection.end(permanent if code >= 3000 else LinkUnavailable(reason, close_code=code))

    async def left(self) -> None:
        assert not self._connection.open


class _MemoryHouse:
    """The double."""

    def __init__(self) -> None:
        self.link = MemoryLink()
        self.transport: LinkTransport = self.link

    async def accept(self) -> Peer:
        return _MemoryPeer(await self.link.accept())


@asynccontextmanager
async def socket_house() -> AsyncIterator[_SocketHouse]:
    """Serve on loopback."""
    peers = asyncio.Queue[ServerConnection]()

    async def take(socket: ServerConnection) -> None:
        peers.put_nowait(socket)
        await socket.wait_closed()

    async with serve(take, "127.0.0.1", 0, max_size=None, max_queue=None) as server:
        port = server.sockets[0].getsockname()[1]
        settings = RealtimeSettings(url=f"ws://127.0.0.1:{port}/v1/realtime")
        yield _SocketHouse(WebSocketTransport(settings, Secret("sk-test")), peers)


@asynccontextmanager
async def offline_house(folder: Path) -> AsyncIterator[_SocketHouse]:
    """Serve on a UNIX socket, which the way to the offline server leads to."""
    peers, address = asyncio.Queue[ServerConnection](), str(folder / "socket")

    async def take(socket: ServerConnection) -> None:
        peers.put_nowait(socket)
        await socket.wait_closed()

    async with (
        serve(take, unix=True, path=address, max_size=None, max_queue=None),
        OfflineTransport(OfflineSettings(socket=address)) as transport,
    ):
        yield _SocketHouse(transport, peers)


@pytest.fixture(params=["websocket", "offline", "memory"])
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    """The same server, twice real and once in memory."""
    if request.param == "memory":
        yield _MemoryHouse()
    else:
        async with socket_house() if request.param == "websocket" else offline_house(tmp_path) as real:
            yield real


async def texts(connection: LinkConnection, count: int) -> list[str]:
    """Read as many texts."""
    arriving = connection.receive()
    return [await anext(arriving) for _ in range(count)]


async def how_it_ended(connection: LinkConnection) -> tuple[list[str], LinkError]:
    """Read to the end, which must be an error."""
    arriving = connection.receive()
    found: list[str] = []
    try:
        while True:
            found.append(await anext(arriving))
    except (LinkRefused, LinkUnavailable) as error:
        return found, error


async def test_texts_arrive_in_order_both_ways(house: House) -> None:
    """Nothing is lost, doubled or turned round, large messages included."""
    sent = [f'{{"n":{n}}}' for n in range(50)] + ["é" * 3_000_000]
    async with house.transport.connect() as connection:
        peer = await house.accept()
        for text in sent:
            await connection.send(text)
        assert [await peer.next_text() for _ in sent] == sent
        await peer.push(*sent)
        assert await texts(connection, len(sent)) == sent


async def test_reading_can_be_taken_up_again(house: House) -> None:
    """Who stops reading in between, or is cancelled while waiting, loses nothing."""
    async with house.transport.connect() as connection:
        peer = await house.accept()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await texts(connection, 1)
        await peer.push("one", "two")
        assert await texts(connection, 1) == ["one"]
        assert await texts(connection, 1) == ["two"]


async def test_a_sign_of_life_comes_whatever_else_is_under_way(house: House) -> None:
    """Below the protocol: it takes nobody who reads, and nothing of what is read."""
    async with house.transport.connect() as connection:
        peer = await house.accept()
        await connection.ping()
        await peer.push("one")
        await connection.ping()
        assert await texts(connection, 1) == ["one"]


async def test_an_ended_connection_gives_no_sign_of_life(house: House) -> None:
    """It says so, as everything else does."""
    async with house.transport.connect() as connection:
        peer = await house.accept()
        await peer.end(1001, "")
        await how_it_ended(connection)
        with pytest.raises(LinkUnavailable):
            await connection.ping()


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1013])
async def test_an_end_that_may_pass_is_an_outage(house: House, code: int) -> None:
    """A polite goodbye too: nobody but the daemon itself may end the link quietly."""
    async with house.transport.connect() as connection:
        peer = await house.accept()
        await peer.push("last words")
        await peer.end(code, "bye")
        found, error = await how_it_ended(connection)
    assert isinstance(error, LinkUnavailable)
    assert (found, error.close_code) == (["last words"], code)
    assert "bye" in error.problem


@pytest.mark.parametrize("code", [3000, 4000, 4004])
async def test_an_end_that_would_come_again_is_a_refusal(house: House, code: int) -> None:
    """Codes of the application mean: do not try again soon; the error's code is the server's own."""
    async with house.transport.connect() as connection:
        peer = await house.accept()
        await peer.push("last words")
        await peer.end(code, "invalid_request_error.invalid_api_key")
        found, error = await how_it_ended(connection)
    assert isinstance(error, LinkRefused)
    assert (found, error.code) == (["last words"], "invalid_api_key")


async def test_sending_into_an_ended_connection_is_told(house: House) -> None:
    """Nothing vanishes without a word."""
    async with house.transport.connect() as connection:
        peer = await house.accept()
        await peer.end(1011, "bye")
        await how_it_ended(connection)
        with pytest.raises(LinkUnavailable):
            await connection.send("too late")


async def test_leaving_closes_the_connection(house: House) -> None:
    """The server sees the end, and the next connection is a new one."""
    async with house.transport.connect() as first:
        peer = await house.accept()
    await peer.left()
    with pytest.raises(LinkUnavailable):
        await first.send("too late")
    async with house.transport.connect() as second:
        again = await house.accept()
        await second.send("hello")
        assert await again.next_text() == "hello"


async def test_an_error_inside_leaves_no_connection_behind(house: House) -> None:
    """Whatever goes wrong while connected, the server sees the end."""
    connecting = house.transport.connect()
    await connecting.__aenter__()
    peer = await house.accept()
    error = ZeroDivisionError()
    assert not await connecting.__aexit__(ZeroDivisionError, error, None)
    await peer.left()


# The double's own powers


async def test_the_double_refuses_as_told() -> None:
    """Refusals are spent in order, and every attempt counts."""
    link = MemoryLink()
    link.refuse(LinkUnavailable("no network"), LinkRefused("http_401", "no"))
    for expected in (LinkUnavailable, LinkRefused):
        with pytest.raises(expected):
            async with link.connect():
                pass
    async with link.connect() as connection:
        assert (link.attempts, link.live) == (3, [connection])
    assert link.live == []


async def test_the_double_holds_back_what_is_sent() -> None:
    """A full socket makes the sender wait, and an end wakes it."""
    link = MemoryLink()
    async with link.connect() as connection:
        connection.hold()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await connection.send("one")
        connection.let_go()
        await connection.send("two")
        assert connection.sent == ["two"]
        connection.hold()
        connection.end(LinkUnavailable("gone"))
        with pytest.raises(LinkUnavailable, match="gone"):
            await connection.send("three")
