"""A server that answers MQTT 5 as a test wishes: for the refusals and farewells that mosquitto never gives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum

_CONNACK, _PUBACK, _SUBACK, _DISCONNECT = 0x20, 0x40, 0x90, 0xE0


class Kind(IntEnum):
    """Packet types that are answered."""

    CONNECT = 1
    PUBLISH = 3
    SUBSCRIBE = 8


@dataclass
class ScriptedMqtt:
    """Takes any number of connections and answers each packet by the reason codes given here."""

    connack: int | None = 0
    """None: say nothing at all."""
    hangs_up: bool = False
    """Close the connection instead of answering CONNECT."""
    puback: int = 0
    """For every message but the availability."""
    suback: list[int] = field(default_factory=lambda: [0])
    disconnect: int | None = None
    """Sent after the first SUBSCRIBE, before the connection is closed."""
    port: int = 0
    _conversations: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["ScriptedMqtt"]:
        """Listen on a free loopback port; leaves when every connection has ended."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            if self._conversations:
                await asyncio.wait(self._conversations)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = asyncio.current_task()
        assert conversation is not None
        self._conversations.add(conversation)
        try:
            while True:
                kind, body = await _packet(reader)
                if kind == Kind.CONNECT and self.hangs_up:
                    return
                writer.write(self._answer(kind, body))
                await writer.drain()
                if kind == Kind.SUBSCRIBE and self.disconnect is not None:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self._conversations.discard(conversation)

    def _answer(self, kind: int, body: bytes) -> bytes:
        match kind:
            case Kind.CONNECT if self.connack is not None:
                return bytes([_CONNACK, 3, 0, self.connack, 0])
            case Kind.PUBLISH:
                topic_bytes = int.from_bytes(body[:2])
                topic, number = body[2 : 2 + topic_bytes], body[2 + topic_bytes : 4 + topic_bytes]
                return bytes([_PUBACK, 4, *number, 0 if topic.endswith(b"/availability") else self.puback, 0])
            case Kind.SUBSCRIBE:
                farewell = b"" if self.disconnect is None else bytes([_DISCONNECT, 2, self.disconnect, 0])
                return bytes([_SUBACK, 3 + len(self.suback), *body[:2], 0, *self.suback]) + farewell
            case _:
                return b""


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one packet; returns its type and what follows the fixed header."""
    first = (await reader.readexactly(1))[0]
    length = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return first >> 4, await reader.readexactly(length)
