"""A raw client for the double's own tests: sends what it is told, right or wrong, and keeps what comes."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self

from websockets.asyncio.client import ClientConnection, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.doubles.realtime.script import Json
    from tests.doubles.realtime.server import RealtimeDouble

DEADLINE_S = 10.0
APPEND_BYTES = 4_800
MANUAL: Json = {
    "type": "realtime",
    "output_modalities": ["audio"],
    "instructions": "Be short.",
    "audio": {
        "input": {"format": {"type": "audio/pcm", "rate": 24000}, "turn_detection": None},
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"},
    },
    "tools": [{"type": "function", "name": "set_light", "description": "", "parameters": {"type": "object"}}],
    "tool_choice": "auto",
    "max_output_tokens": 1024,
}
"""A session whose client says when a turn ends."""


class RawClient:
    """One connection; every wait has a deadline."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[Json] = []

    async def send(self, kind: str, **fields: object) -> None:
        """Send one event."""
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def next(self) -> Json:
        """Return the next event."""
        async with asyncio.timeout(DEADLINE_S):
            event: Json = json.loads(await self.socket.recv())
        self.seen.append(event)
        return event

    async def until(self, kind: str) -> Json:
        """Return the next event of that type; those before it are in `seen`."""
        while (event := await self.next())["type"] != kind:
            pass
        return event

    async def error(self) -> Json:
        """Return the content of the next error."""
        content: Json = (await self.until("error"))["error"]
        return content

    async def append(self, pcm: bytes) -> None:
        """Append audio, 100 ms a message."""
        for start in range(0, len(pcm), APPEND_BYTES):
            audio = base64.b64encode(pcm[start : start + APPEND_BYTES]).decode()
            await self.send("input_audio_buffer.append", audio=audio)

    async def speak(self, pcm: bytes) -> Json:
        """Append a turn and commit it."""
        await self.append(pcm)
        await self.send("input_audio_buffer.commit")
        return await self.until("input_audio_buffer.committed")

    async def ask(self, response: Mapping[str, object] | None = None) -> Json:
        """Ask for a response and return the `response` of its end."""
        await self.send("response.create", **({} if response is None else {"response": response}))
        done: Json = (await self.until("response.done"))["response"]
        return done

    async def configured(self, **changes: object) -> Self:
        """Pass the start of a session; `changes` lie over the settings of `MANUAL`."""
        await self.until("session.created")
        await self.send("session.update", session={**MANUAL, **changes})
        await self.until("session.updated")
        self.seen.clear()
        return self

    def kinds(self) -> list[str]:
        """Return the types of all that came, in order."""
        return [event["type"] for event in self.seen]

    def audio(self) -> bytes:
        """Return the audio of all that came, joined."""
        deltas = [e["delta"] for e in self.seen if e["type"] == "response.output_audio.delta"]
        return b"".join(base64.b64decode(delta) for delta in deltas)


@asynccontextmanager
async def joined(server: RealtimeDouble) -> AsyncIterator[RawClient]:
    """Connect a client that has read nothing yet."""
    async with connect(f"{server.url}?model=gpt-realtime-2.1-mini", max_size=None) as socket:
        yield RawClient(socket)


@asynccontextmanager
async def configured(server: RealtimeDouble, **changes: object) -> AsyncIterator[RawClient]:
    """Connect a client and configure its session."""
    async with joined(server) as client:
        yield await client.configured(**changes)
