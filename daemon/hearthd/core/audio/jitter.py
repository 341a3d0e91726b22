"""Reply audio between the socket, which brings it in bursts, and the loudspeaker, which wants it evenly."""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from hearthd.core.audio.pcm import SAMPLE_BYTES, PcmFormat
from hearthd.core.errors import HearthdError

START_CUSHION_MS: Final = 60.0
"""Not felt as a delay, and enough for the gaps of a wired network."""
MAX_CUSHION_MS: Final = 400.0
"""Half of the 800 ms that people accept between question and answer; a network that needs more may stutter."""
LIMIT_MS: Final = 600_000.0
"""Ten minutes, 29 MB: an answer of 4096 output tokens lasts 3.5 minutes."""
GROWTH_KEPT: Final = 0.9
"""How much of the cushion's growth the next reply inherits: a bad minute is forgotten after some 20 replies."""
BURST_S: Final = 0.005
"""What arrives within 5 ms is one message that was cut small."""
RUN_BYTES: Final = 65_536
"""Pieces of one key are gathered up to this size, so that one-byte deltas cost no object each."""

K = TypeVar("K", bound=Hashable)


class JitterOverflow(HearthdError):
    """The server sent more audio than may wait for the loudspeaker."""

    def __init__(self, limit_ms: float) -> None:
        """Tell how much may wait."""
        super().__init__(f"more than {limit_ms / 1000:g} s of reply audio would wait for the loudspeaker")
        self.limit_ms = limit_ms


@dataclass(frozen=True, slots=True)
class Piece(Generic[K]):
    """Sound of one key, to be played next."""

    key: K
    pcm: bytes


class JitterBuffer(Generic[K]):
    """An elastic queue of mono PCM16: whatever the bursts, all of it comes out, in order, under its key.

    A reply starts when the cushion is gathered or nothing more is to come. The cushion grows to what the arrivals
    show to be needed and shrinks from reply to reply. Taking from the front costs what is taken, however much waits.
    Not thread-safe: its owner locks.
    """

    def __init__(
        self,
        rate_hz: int,
        *,
        start_cushion_ms: float = START_CUSHION_MS,
        max_cushion_ms: float = MAX_CUSHION_MS,
        limit_ms: float = LIMIT_MS,
    ) -> None:
        assert start_cushion_ms <= max_cushion_ms <= limit_ms, "a cushion must fit below the limit"
        self._format = PcmFormat(rate_hz)
        self._start_cushion_ms = start_cushion_ms
        self._max_cushion_ms = max_cushion_ms
        self._limit_ms = limit_ms
        self._cushion_ms = start_cushion_ms
        self._runs: deque[_Run[K]] = deque()
        self._depth_bytes = 0
        self._odd_bytes: dict[K, bytes] = {}
        self._newest_key: K | None = None
        self._complete = True
        self._filling = True
        self._arrivals: _Arrivals | None = None

    @property
    def depth_ms(self) -> float:
        """How long the waiting sound lasts."""
        return self._ms(self._depth_bytes)

    @property
    def cushion_ms(self) -> float:
        """How much is gathered before playing starts, and again after an underrun."""
        return self._cushion_ms

    @property
    def exhausted(self) -> bool:
        """Whether nothing waits and nothing more is to come."""
        return self._complete and not self._runs

    def push(self, key: K, pcm: bytes, now_s: float) -> int:
        """Queue what arrived at `now_s` (monotonic), and return how many frames that completed.

        A sample may be split between two pushes of one key. Raises `JitterOverflow`, and takes nothing, when more than
        the limit would wait.
        """
        joined = self._odd_bytes.get(key, b"") + pcm
        whole_bytes = len(joined) - len(joined) % SAMPLE_BYTES
        if self._ms(self._depth_bytes + whole_bytes) > self._limit_ms:
            raise JitterOverflow(self._limit_ms)
        self._odd_bytes.pop(key, None)
        if len(joined) > whole_bytes:
            self._odd_bytes[key] = joined[whole_bytes:]
        if not whole_bytes:
            return 0
        if self.exhausted:
            self._filling = True
            self._cushion_ms -= (self._cushion_ms - self._start_cushion_ms) * (1 - GROWTH_KEPT)
        self._complete = False
        self._newest_key = key
        self._learn(self._ms(whole_bytes), now_s)
        if not self._runs or self._runs[-1].key != key or len(self._runs[-1].pcm) >= RUN_BYTES:
            self._runs.append(_Run(key))
        self._runs[-1].pcm += joined[:whole_bytes]
        self._depth_bytes += whole_bytes
        return whole_bytes // SAMPLE_BYTES

    def finish(self, key: K | None = None) -> None:
        """Learn that nothing more comes for `key`, or for any: then what waits is played without a cushion.

        Half a sample that still waits for its other half is forgotten.
        """
        if key is None:
            self._odd_bytes.clear()
        else:
            self._odd_bytes.pop(key, None)
        if key is None or key == self._newest_key:
            self._complete = True
            self._arrivals = None

    def underran(self) -> None:
        """Learn that the loudspeaker fell silent; in mid-reply the cushion is gathered anew before it goes on.

        An empty queue alone is no underrun, because the sound card has its own.
        """
        if self._arrivals is not None:
            self._filling = True
            self._arrivals.outdated = True

    def release(self) -> None:
        """Play what waits, although it is less than the cushion: the next sound is too long in coming."""
        self._filling = False

    def pull(self, frames: int) -> list[Piece[K]]:
        """Take the next sound, at most `frames` frames; nothing while the cushion is being gathered."""
        if self._filling and not self._complete and self.depth_ms < self._cushion_ms:
            return []
        self._filling = False
        pieces: list[Piece[K]] = []
        wanted_bytes = frames * SAMPLE_BYTES
        while wanted_bytes > 0 and self._runs:
            run = self._runs[0]
            pcm = run.take(wanted_bytes)
            if run.spent:
                self._runs.popleft()
            wanted_bytes -= len(pcm)
            self._depth_bytes -= len(pcm)
            if pieces and pieces[-1].key == run.key:
                pcm = pieces.pop().pcm + pcm
            pieces.append(Piece(run.key, pcm))
        return pieces

    def drop(self) -> None:
        """Forget all that waits, because the reply was cut off; what is pushed next is a new reply."""
        self._runs.clear()
        self._depth_bytes = 0
        self.finish()

    def _learn(self, pushed_ms: float, now_s: float) -> None:
        """Grow the cushion to what would have bridged the gap that this push ends."""
        if self._arrivals is not None:
            needed_ms = self._arrivals.needed_ms(now_s)
            self._cushion_ms = min(max(self._cushion_ms, needed_ms), self._max_cushion_ms)
        if self._arrivals is None or self._arrivals.outdated:
            self._arrivals = _Arrivals(now_s, self.depth_ms)
        self._arrivals.add(pushed_ms, now_s)

    def _ms(self, pcm_bytes: int) -> float:
        return self._format.ms_of_frames(pcm_bytes // SAMPLE_BYTES)


class _Run(Generic[K]):
    """Consecutive sound of one key, taken from the front."""

    __slots__ = ("_taken_bytes", "key", "pcm")

    def __init__(self, key: K) -> None:
        self.key = key
        self.pcm = bytearray()
        self._taken_bytes = 0

    @property
    def spent(self) -> bool:
        return self._taken_bytes == len(self.pcm)

    def take(self, most_bytes: int) -> bytes:
        taken = bytes(self.pcm[self._taken_bytes : self._taken_bytes + most_bytes])
        self._taken_bytes += len(taken)
        return taken


class _Arrivals:
    """Compares when sound arrived with how long it lasts, from a first arrival on."""

    def __init__(self, first_s: float, waiting_ms: float) -> None:
        self._first_s = first_s
        self._lasting_ms = waiting_ms
        self._burst_s = first_s
        self._burst_ms = 0.0
        self.outdated = False
        """Whether the loudspeaker has fallen silent since, so that lateness is counted anew."""

    def add(self, pushed_ms: float, now_s: float) -> None:
        if now_s - self._burst_s >= BURST_S:
            self._burst_s = now_s
            self._burst_ms = 0.0
        self._burst_ms += pushed_ms
        self._lasting_ms += pushed_ms

    def needed_ms(self, now_s: float) -> float:
        """Return the cushion with which a loudspeaker that started at the first arrival would not be dry now.

        That is how late the sound is, plus the burst before the gap: it is part of a cushion that reaches over it.
        """
        late_ms = (now_s - self._first_s) * 1000 - self._lasting_ms
        return late_ms + self._burst_ms if late_ms > 0 else 0.0
