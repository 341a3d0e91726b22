"""An ear that remembers what it heard, a mouth that says what it is given, and waiting for what they witness."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from threading import Lock
from time import monotonic, sleep

from hearthd.core.audio.pcm import PcmFormat

PATIENCE_S = 20.0
"""Far beyond anything that works, on a loaded machine too."""


async def until(happened: Callable[[], bool], what: str) -> None:
    """Return once something has happened, else raise AssertionError with `what` was waited for."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not happened():  # noqa: ASYNC110 - threads and cards set no event
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not seen within {PATIENCE_S:g} s: {what}") from None


async def outcome(work: Awaitable[object]) -> Exception | None:
    """Return the error with which `work` ends, or None; cancellation passes."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - whatever it is, the test judges it
        return error
    return None


@dataclass(frozen=True, slots=True)
class Feed:
    """One call of `feed`."""

    pcm: bytes
    captured_at_s: float


class WitnessEar:
    """Implements `ports.Ear`; wants `blocks` at once, and raises `error` in the method that `fails_in` names."""

    def __init__(self, blocks: int = 1) -> None:
        self.blocks = blocks
        self.calls: list[str] = []
        """The names of the methods that were called, in order."""
        self.formats: list[PcmFormat] = []
        self.feeds: list[Feed] = []
        self.dozes_s = 0.0
        """How long the next `feed` takes; for ears in a thread."""
        self.fails_in = ""
        self.error: BaseException = RuntimeError("the ear aches")

    @property
    def pcm(self) -> bytes:
        """Everything that was heard."""
        return b"".join(feed.pcm for feed in self.feeds)

    @property
    def overruns(self) -> int:
        """How often sound was lost."""
        return self.calls.count("overran")

    def opened(self, granted: PcmFormat) -> None:
        """Note the format."""
        self.formats.append(granted)
        self._note("opened")

    def feed(self, pcm: bytes, captured_at_s: float) -> int:
        """Keep the sound."""
        dozes_s, self.dozes_s = self.dozes_s, 0.0
        if dozes_s:
            sleep(dozes_s)
        self.feeds.append(Feed(pcm, captured_at_s))
        self._note("feed")
        return self.blocks

    def overran(self) -> None:
        """Count."""
        self._note("overran")

    def _note(self, method: str) -> None:
        self.calls.append(method)
        if method == self.fails_in:
            raise self.error


@dataclass(frozen=True, slots=True)
class Word:
    """One call of a mouth's method."""

    method: str
    frames: int
    """The number that came with it; for `pull`, the frames that were given; else 0."""
    pulled_frames: int
    """How many frames the mouth had given by then, in all."""
    at_s: float


class WitnessMouth:
    """Implements `ports.Mouth`; says what `give` queued, and raises `error` in the method that `fails_in` names."""

    def __init__(self, clock: Callable[[], float] = monotonic, sip_frames: int | None = None) -> None:
        """Stamp calls by `clock`; give at most `sip_frames` at a time, or as much as is asked for."""
        self.words: list[Word] = []
        """Every call, in order."""
        self.formats: list[PcmFormat] = []
        self.fails_in = ""
        self.error: BaseException = RuntimeError("the mouth is dry")
        self._clock = clock
        self._sip_frames = sip_frames
        self._queue = bytearray()
        self._lock = Lock()
        self._pulled_frames = 0

    @property
    def pulled_frames(self) -> int:
        """How many frames were given away, in all."""
        return self._pulled_frames

    def give(self, pcm: bytes) -> None:
        """Have more to say."""
        with self._lock:
            self._queue += pcm

    def hush(self) -> None:
        """Have nothing more to say."""
        with self._lock:
            self._queue.clear()

    def said(self, method: str) -> list[Word]:
        """Return the calls of one method."""
        return [word for word in self.words if word.method == method]

    def drained(self) -> bool:
        """Tell whether all that was given has been played."""
        with self._lock:
            played = self.said("played")
            return (
                not self._queue
                and bool(played)
                and (played[-1].frames, played[-1].pulled_frames)
                == (
                    0,
                    self._pulled_frames,
                )
            )

    def opened(self, granted: PcmFormat) -> None:
        """Note the format."""
        self.formats.append(granted)
        self._note("opened")

    def pull(self, frames: int) -> bytes:
        """Give what was queued."""
        granted = self.formats[-1]
        wanted_frames = frames if self._sip_frames is None else min(frames, self._sip_frames)
        with self._lock:
            pcm = bytes(self._queue[: wanted_frames * granted.frame_bytes])
            del self._queue[: len(pcm)]
            self._pulled_frames += granted.frames(pcm)
        self._note("pull", granted.frames(pcm))
        return pcm

    def played(self, pending_frames: int) -> None:
        """Note how much waits."""
        self._note("played", pending_frames)

    def silenced(self, pending_frames: int) -> None:
        """Note how much was thrown away."""
        self._note("silenced", pending_frames)

    def underran(self) -> None:
        """Note it."""
        self._note("underran")

    def _note(self, method: str, frames: int = 0) -> None:
        self.words.append(Word(method, frames, self._pulled_frames, self._clock()))
        if method == self.fails_in:
            raise self.error
