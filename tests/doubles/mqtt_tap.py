"""A wire between a client and its broker that stamps every MQTT packet, whichever way it goes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import IntEnum
from types import TracebackType
from typing import Final, Self

from tests.doubles.chronicle import Chronicle


class Kind(IntEnum):
    """The packets that are told apart, by the number in their first four bits."""

    CONNECT = 1
    PUBLISH = 3
    PUBACK = 4
    SUBSCRIBE = 8
    OTHER = 0


_KINDS: Final = {kind.value: kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet, stamped when its last byte was read and before it was passed on."""

    at_s: float
    from_client: bool
    kind: Kind
    topic: str = ""
    """Of a PUBLISH."""
    packet_id: int = 0
    """Of a PUBLISH with QoS 1, and of its PUBACK."""


class MqttTap:
    """Listens on loopback and passes everything on; costs a hop of 0.1 to 0.3 ms each way."""

    def __init__(self, host: str, port: int) -> None:
        """Where the broker is."""
        self.packets: Final = Chronicle[Packet]("MQTT packet")
        self._broker = (host, port)
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more; connections end with their client."""
        assert self._server is not None, "never entered"
        self._server.close()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """Where the client connects instead."""
        assert self._server is not None, "never entered"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            broker_reader, broker_writer = await asyncio.open_connection(*self._broker)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pass(reader, broker_writer, from_client=True))
                tasks.create_task(self._pass(broker_reader, writer, from_client=False))
        writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_client: bool) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            async for first, length, body in _packets(reader):
                self.packets.add(_packet(first, body, from_client=from_client))
                writer.write(bytes([first]) + length + body)
                await writer.drain()
        writer.close()


async def _packets(reader: asyncio.StreamReader) -> AsyncIterator[tuple[int, bytes, bytes]]:
    """Yield first byte, encoded length and body of each packet; ends by IncompleteReadError."""
    while True:
        first = (await reader.readexactly(1))[0]
        encoded, size, shift = b"", 0, 0
        while not encoded or encoded[-1] & 0x80:
            encoded += await reader.readexactly(1)
            size |= (encoded[-1] & 0x7F) << shift
            shift += 7
        yield first, encoded, await reader.readexactly(size)


def _packet(first: int, body: bytes, *, from_client: bool) -> Packet:
    at_s = time.monotonic()
    kind = _KINDS.get(first >> 4, Kind.OTHER)
    topic, packet_id = "", 0
    if kind is Kind.PUBLISH:
        end = 2 + int.from_bytes(body[:2])
        topic = body[2:end].decode()
        if first & 0x06:
            packet_id = int.from_bytes(body[end : end + 2])
    elif kind is Kind.PUBACK:
        packet_id = int.from_bytes(body[:2])
    return Packet(at_s, from_client, kind, topic, packet_id)
