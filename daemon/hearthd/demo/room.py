"""A room in memory behind the sound ports: a voice that is synthesised, and a loudspeaker that is recorded."""

import asyncio
import contextlib
from typing import Final

from hearthd.core.audio.pcm import PcmFormat
from hearthd.ports import Ear, Mouth

ROOM_FORMAT: Final = PcmFormat(24_000, 1)
"""Of both, as the synthesiser gives it."""
REFILL_S: Final = 0.02
IDLE_PULL_S: Final = 0.5
"""How often the loudspeaker asks although nobody nudged it."""
LATE_MAX_S: Final = 2.0
"""Sound that nobody fetched for so long is lost; a card has less patience, but its thread waits for no loop."""


class PretendMicrophone:
    """Implements `ports.Microphone`: hears silence, and what is said to it, at the pace of the clock."""

    def __init__(self) -> None:
        self._said = bytearray()

    def say(self, pcm: bytes) -> float:
        """Have PCM in `ROOM_FORMAT` said behind what was said before; returns the loop's second in which it ends."""
        self._said += pcm
        return asyncio.get_running_loop().time() + ROOM_FORMAT.frames(self._said) / ROOM_FORMAT.rate_hz

    async def listen(self, ear: Ear) -> None:
        """Feed `ear` on the loop until cancelled."""
        loop = asyncio.get_running_loop()
        ear.opened(ROOM_FORMAT)
        at_s, blocks = loop.time(), 1
        while True:
            at_s += blocks * ROOM_FORMAT.block_frames / ROOM_FORMAT.rate_hz
            await asyncio.sleep(at_s - loop.time())
            if loop.time() - at_s > LATE_MAX_S:
                at_s = loop.time()
                ear.overran()
            wanted_bytes = blocks * ROOM_FORMAT.block_frames * ROOM_FORMAT.frame_bytes
            pcm = bytes(self._said[:wanted_bytes]).ljust(wanted_bytes, b"\0")
            del self._said[:wanted_bytes]
            blocks = ear.feed(pcm, at_s)


class PretendSpeaker:
    """Implements `ports.Speaker`: plays at the pace of the clock, and keeps what was played."""

    def __init__(self) -> None:
        self.played = bytearray()
        """PCM in `ROOM_FORMAT`, without the pauses."""
        self._called = asyncio.Event()
        self._cut = False

    def nudge(self) -> None:
        """Have the mouth asked; on the loop's thread only, as everything here."""
        self._called.set()

    def cut(self) -> None:
        """Drop what waits."""
        self._cut = True
        self._called.set()

    async def play(self, mouth: Mouth) -> None:
        """Play what `mouth` gives until cancelled."""
        mouth.opened(ROOM_FORMAT)
        refill_frames = round(REFILL_S * ROOM_FORMAT.rate_hz)
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_PULL_S):
                    await self._called.wait()
            self._called.clear()
            due_s = loop.time()
            while pcm := b"" if self._cut else mouth.pull(refill_frames):
                due_s = max(due_s, loop.time() - LATE_MAX_S) + ROOM_FORMAT.frames(pcm) / ROOM_FORMAT.rate_hz
                await asyncio.sleep(due_s - loop.time())
                self.played += pcm
                mouth.played(0)
            if self._cut:
                self._cut = False
                mouth.silenced(0)
