"""The pretended microphone and loudspeaker keep time as cards do."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from hearthd.core.audio.pcm import PcmFormat
from hearthd.demo.room import LATE_MAX_S, ROOM_FORMAT, PretendMicrophone, PretendSpeaker
from tests.doubles.virtual_time import VirtualTimeLoop

BLOCK_BYTES = ROOM_FORMAT.block_frames * ROOM_FORMAT.frame_bytes
GATHERED = 4


@dataclass
class Listening:
    """Implements `ports.Ear`; wants `GATHERED` blocks at a time."""

    heard: bytearray = field(default_factory=bytearray)
    moments_s: list[float] = field(default_factory=list)
    granted: PcmFormat | None = None
    overruns: int = 0
    busy_s: float = 0.0
    """How long the next feed holds up the loop."""

    def opened(self, granted: PcmFormat) -> None:
        """Take the format."""
        self.granted = granted

    def feed(self, pcm: bytes, captured_at_s: float) -> int:
        """Take sound."""
        self.heard += pcm
        self.moments_s.append(captured_at_s)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop._selector.now_s += self.busy_s
        self.busy_s = 0.0
        return GATHERED

    def overran(self) -> None:
        """Count."""
        self.overruns += 1


@dataclass
class Speaking:
    """Implements `ports.Mouth`."""

    left: bytearray = field(default_factory=bytearray)
    granted: PcmFormat | None = None
    cuts: int = 0

    def opened(self, granted: PcmFormat) -> None:
        """Take the format."""
        self.granted = granted

    def pull(self, frames: int) -> bytes:
        """Give what there is."""
        pcm = bytes(self.left[: frames * ROOM_FORMAT.frame_bytes])
        del self.left[: len(pcm)]
        return pcm

    def played(self, pending_frames: int) -> None:
        """Nothing waits in this card."""
        assert pending_frames == 0

    def silenced(self, pending_frames: int) -> None:
        """Count."""
        assert pending_frames == 0
        self.cuts += 1

    def underran(self) -> None:
        """Never happens here."""
        raise AssertionError


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Have something run for the time of the context."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(work)
        await asyncio.sleep(0)
        yield
        task.cancel()


async def test_the_microphone_hears_what_is_said_at_the_pace_of_the_clock() -> None:
    """First one block, then as many as the ear wants; silence where nobody speaks."""
    microphone, ear, loop = PretendMicrophone(), Listening(), asyncio.get_running_loop()
    began_s = loop.time()
    async with beside(microphone.listen(ear)):
        words = b"\1\2" * (2 * BLOCK_BYTES // 2)
        assert microphone.say(words) == pytest.approx(began_s + 0.04)
        assert microphone.say(words[:BLOCK_BYTES]) == pytest.approx(began_s + 0.06)
        await asyncio.sleep(0.19)
    assert ear.granted == ROOM_FORMAT
    assert ear.heard == (words + words[:BLOCK_BYTES]).ljust(9 * BLOCK_BYTES, b"\0")
    assert ear.moments_s == pytest.approx([began_s + 0.02, began_s + 0.1, began_s + 0.18])
    assert ear.overruns == 0


async def test_sound_that_nobody_fetched_for_long_is_lost() -> None:
    """The microphone says so and goes on from there; a little late is no harm."""
    microphone, ear, loop = PretendMicrophone(), Listening(), asyncio.get_running_loop()
    began_s = loop.time()
    async with beside(microphone.listen(ear)):
        ear.busy_s = LATE_MAX_S - 0.1
        await asyncio.sleep(3)
        assert ear.overruns == 0
        assert ear.moments_s == pytest.approx([began_s + 0.02 + 0.08 * read for read in range(len(ear.moments_s))])
        ear.busy_s = LATE_MAX_S + 0.1
        await asyncio.sleep(3)
        assert ear.overruns == 1
        assert ear.moments_s[-1] <= loop.time()


async def test_the_loudspeaker_plays_at_the_pace_of_the_clock() -> None:
    """What was played is kept, the pauses are not."""
    speaker, mouth = PretendSpeaker(), Speaking()
    async with beside(speaker.play(mouth)):
        for word in (b"\1\1", b"\2\2"):
            mouth.left += word * (5 * BLOCK_BYTES // 2)
            speaker.nudge()
            await asyncio.sleep(0.05)
            assert 0 < len(mouth.left) < 5 * BLOCK_BYTES
            await asyncio.sleep(1)
    assert mouth.granted == ROOM_FORMAT
    assert speaker.played == b"\1\1" * (5 * BLOCK_BYTES // 2) + b"\2\2" * (5 * BLOCK_BYTES // 2)
    assert mouth.cuts == 0


async def test_a_loudspeaker_that_nobody_nudges_asks_by_itself() -> None:
    """A nudge that was lost delays an answer, and loses none of it."""
    speaker, mouth = PretendSpeaker(), Speaking(bytearray(b"\1\1"))
    async with beside(speaker.play(mouth)):
        await asyncio.sleep(1)
    assert speaker.played == b"\1\1"


async def test_a_cut_silences_at_once() -> None:
    """While it plays and while it rests; what comes after it is played."""
    speaker, mouth = PretendSpeaker(), Speaking(bytearray(500 * BLOCK_BYTES))
    async with beside(speaker.play(mouth)):
        speaker.nudge()
        await asyncio.sleep(0.05)
        mouth.left.clear()
        speaker.cut()
        await asyncio.sleep(1)
        assert mouth.cuts == 1
        assert len(speaker.played) == 3 * BLOCK_BYTES
        speaker.cut()
        await asyncio.sleep(0.1)
        assert mouth.cuts == 2
        mouth.left += b"\1\1"
        speaker.nudge()
        await asyncio.sleep(0.1)
    assert speaker.played.endswith(b"\1\1")
