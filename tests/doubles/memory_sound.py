"""A microphone and a loudspeaker in memory, in the pace of the loop's clock: for tests of the engine.

They keep the ports' contracts (tests/contracts runs both on one suite with the ALSA adapter), but without threads: ears
and mouths are called on the loop. Moments are seconds of `loop.time()`; in virtual time they are exact to the frame.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import floor

from hearthd.core.audio.pcm import PcmFormat
from hearthd.ports import DeviceUnavailable, Ear, Mouth

CAPTURE_BUFFER_S = 0.64
PLAYBACK_BUFFER_S = 0.1
REFILL_S = 0.02
"""How often the loudspeaker pulls while it plays."""
IDLE_PULL_S = 1.5
"""How often it pulls although nobody nudged it."""
FROZEN_AFTER_S = 2.0
"""A card that moves no frame for this long counts as lost."""
GONE = "No such device: the card is gone"
_FRAME_SLACK = 1e-3
"""Part of a frame that floats and timers may be off."""


@dataclass(slots=True)
class Opening:
    """A stretch of time in which a device was held open."""

    opened_s: float
    closed_s: float | None = None
    """None while it is open."""


@dataclass(frozen=True, slots=True)
class Heard:
    """PCM that left the loudspeaker without a gap."""

    began_s: float
    pcm: bytes


class _Device:
    """A card in one direction, and what befalls it."""

    def __init__(self, name: str, granted: PcmFormat, operation: str) -> None:
        self.name = name
        self.granted = granted
        """What the card gives whatever is asked for; may be changed while it is closed."""
        self.openings: list[Opening] = []
        """When it was open, oldest first."""
        self._operation = operation
        self._refusal: str | None = None
        """What is wrong with the next opening."""
        self._loss: str | None = None
        """What is wrong with this one."""
        self._frozen_s: float | None = None
        self._stalled_until_s = 0.0
        self._news = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether somebody holds the device."""
        return bool(self.openings) and self.openings[-1].closed_s is None

    def lose(self, problem: str = GONE) -> None:
        """Be gone: whoever holds the device loses it, and it cannot be opened."""
        self._refusal = self._loss = problem
        self._news.set()

    def come_back(self) -> None:
        """Be there to be opened again."""
        self._refusal = None

    def freeze(self) -> None:
        """Stand still without a word until `thaw`."""
        self._frozen_s = _now_s()
        self._news.set()

    def thaw(self) -> None:
        """Go on where the clock is by now."""
        self._frozen_s = None
        self._news.set()

    def stall(self, lasting_s: float) -> None:
        """Keep whoever serves the device from doing so, as a busy machine does: the card goes on meanwhile."""
        self._stalled_until_s = _now_s() + lasting_s
        self._news.set()

    @contextmanager
    def _held(self) -> Iterator[None]:
        assert not self.is_open, f"{self.name} is opened twice"
        if self._refusal is not None:
            raise DeviceUnavailable(self.name, "open", self._refusal)
        self._loss = None
        opening = Opening(_now_s())
        self.openings.append(opening)
        try:
            yield
        finally:
            opening.closed_s = _now_s()

    def _frame(self) -> int:
        """How many frames the card has moved since the loop's second 0."""
        moment_s = _now_s() if self._frozen_s is None else self._frozen_s
        return floor(moment_s * self.granted.rate_hz + _FRAME_SLACK)

    async def _until(self, moment_s: float) -> None:
        """Wait for a moment or for news, then for the end of a stall. Raises `DeviceUnavailable` for a lost card."""
        try:
            async with asyncio.timeout_at(moment_s):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()
        stalled_s = self._stalled_until_s - _now_s()
        if stalled_s > 0:
            await asyncio.sleep(stalled_s)
        if self._loss is not None:
            raise DeviceUnavailable(self.name, self._operation, self._loss)

    def _gives_up_s(self) -> float:
        """When a card that stands still is lost. Raises `DeviceUnavailable` after that moment."""
        assert self._frozen_s is not None
        gives_up_s = max(self._frozen_s, self.openings[-1].opened_s) + FROZEN_AFTER_S
        if _now_s() >= gives_up_s:
            raise DeviceUnavailable(self.name, self._operation, f"nothing moved for {FROZEN_AFTER_S:.0f} s")
        return gives_up_s


class MemoryMicrophone(_Device):
    """Implements `ports.Microphone`: hears silence, and what `say` lays over it."""

    def __init__(self, rate_hz: int = 48_000, channels: int = 1, name: str = "memory_microphone") -> None:
        super().__init__(name, PcmFormat(rate_hz, channels), "read")
        self._script: list[tuple[int, bytes]] = []

    def say(self, pcm: bytes, at_s: float | None = None) -> float:
        """Let the microphone hear PCM in the granted format from a moment on, or from now; returns that moment.

        The latest lies on top. What was read already is past changing.
        """
        start_frame = round((_now_s() if at_s is None else at_s) * self.granted.rate_hz)
        self._script.append((start_frame, pcm))
        return start_frame / self.granted.rate_hz

    async def listen(self, ear: Ear) -> None:
        """Feed `ear` on the loop; see `ports.Microphone`."""
        with self._held():
            card = self.granted
            ear.opened(card)
            next_frame = self._frame()
            due_blocks = 1
            while True:
                due_s = (next_frame + due_blocks * card.block_frames) / card.rate_hz
                await self._until(due_s if self._frozen_s is None else self._gives_up_s())
                waiting_frames = self._frame() - next_frame
                blocks = waiting_frames // card.block_frames
                if waiting_frames > CAPTURE_BUFFER_S * card.rate_hz:
                    next_frame += waiting_frames
                    ear.overran()
                elif blocks >= due_blocks:
                    pcm = self._sound(next_frame, blocks * card.block_frames)
                    next_frame += blocks * card.block_frames
                    due_blocks = ear.feed(pcm, next_frame / card.rate_hz)
                    assert due_blocks >= 1, "an ear wants a block at least"

    def _sound(self, first_frame: int, frames: int) -> bytes:
        frame_bytes = self.granted.frame_bytes
        sound = bytearray(frames * frame_bytes)
        for start_frame, pcm in self._script:
            offset = (start_frame - first_frame) * frame_bytes
            piece = pcm[max(0, -offset) : max(0, len(sound) - offset)]
            sound[max(0, offset) : max(0, offset) + len(piece)] = piece
        return bytes(sound)


class MemorySpeaker(_Device):
    """Implements `ports.Speaker`, and remembers what was heard and when."""

    def __init__(self, rate_hz: int = 48_000, channels: int = 1, name: str = "memory_speaker") -> None:
        super().__init__(name, PcmFormat(rate_hz, channels), "write")
        self._cut = False
        self._waiting = bytearray()
        """What the card holds and has not played."""
        self._next_frame = 0
        """Card frame at which the first of it is heard."""
        self._heard: list[tuple[float, bytearray]] = []
        self._runs = False

    @property
    def heard(self) -> list[Heard]:
        """Everything that was heard until now, in stretches without a gap."""
        self._settle()
        return [Heard(began_s, bytes(pcm)) for began_s, pcm in self._heard if pcm]

    @property
    def heard_pcm(self) -> bytes:
        """The same without the times and the gaps."""
        return b"".join(stretch.pcm for stretch in self.heard)

    def nudge(self) -> None:
        """Have the mouth asked for sound."""
        self._news.set()

    def cut(self) -> None:
        """Drop what the card holds."""
        self._cut = True
        self._news.set()

    async def play(self, mouth: Mouth) -> None:
        """Play what `mouth` gives, asking on the loop; see `ports.Speaker`."""
        with self._held():
            self._cut = False
            mouth.opened(self.granted)
            try:
                while True:
                    self._turn(mouth)
                    await self._until(self._next_turn_s())
            finally:
                self._drop()

    def _turn(self, mouth: Mouth) -> None:
        overdue_frames = self._settle()
        if self._cut:
            self._cut = False
            mouth.silenced(self._drop())
        buffer_frames = round(PLAYBACK_BUFFER_S * self.granted.rate_hz)
        while (space_frames := buffer_frames - self._pending_frames) and (pcm := mouth.pull(space_frames)):
            assert len(pcm) % self.granted.frame_bytes == 0, "a mouth gave a part of a frame"
            assert self.granted.frames(pcm) <= space_frames, "a mouth gave more than it was asked for"
            if self._runs and overdue_frames > 0:
                self._runs = False
                mouth.underran()
            self._write(pcm)
        if self._runs:
            mouth.played(self._pending_frames)
            if self._pending_frames == 0:
                self._drop()

    def _next_turn_s(self) -> float:
        now_s = _now_s()
        if not self._runs:
            return now_s + IDLE_PULL_S
        if self._frozen_s is not None:
            return self._gives_up_s()
        return min(now_s + REFILL_S, (self._next_frame + self._pending_frames) / self.granted.rate_hz)

    @property
    def _pending_frames(self) -> int:
        return self.granted.frames(self._waiting)

    def _write(self, pcm: bytes) -> None:
        if not self._runs:
            self._runs = True
            self._next_frame = self._frame()
            self._heard.append((self._next_frame / self.granted.rate_hz, bytearray()))
        self._waiting += pcm

    def _settle(self) -> int:
        """Move what was played from what waits to what was heard; returns how many frames were played too many."""
        if not self._runs:
            return 0
        due_frames = self._frame() - self._next_frame
        played_frames = min(due_frames, self._pending_frames)
        played_bytes = played_frames * self.granted.frame_bytes
        self._heard[-1][1].extend(self._waiting[:played_bytes])
        del self._waiting[:played_bytes]
        self._next_frame += played_frames
        return due_frames - played_frames

    def _drop(self) -> int:
        """Stop at once; returns how many frames were never heard."""
        self._settle()
        unheard_frames = self._pending_frames
        self._waiting.clear()
        self._runs = False
        return unheard_frames


def _now_s() -> float:
    return asyncio.get_running_loop().time()
