"""When an utterance begins and ends, told from one verdict per 20 ms block."""

from collections import deque
from enum import StrEnum
from typing import Final

from hearthd.core.audio.pcm import BLOCK_MS

MIN_SPEECH_MS: Final = 120
"""Speech that makes an utterance, on top of the 40 ms that the gate takes to notice it. Of single words 10 dB above a
noise, 160 ms miss 43 of 124 and 120 ms miss 17; in quiet and at 20 dB it hardly matters. The price is a kitchen that,
6 dB closer, starts one utterance in two minutes instead of none."""


class Endpoint(StrEnum):
    """What happened to the utterance in the block just fed."""

    STARTED = "started"
    ENDED = "ended"
    CAPPED = "capped"


class EndPointer:
    """Watches for one utterance at a time; time is counted in blocks.

    An utterance starts when `min_speech_ms` of speech lie within twice that time, so that a knock is none. It ends when
    the `end_of_speech_ms` after its last speech held none, and is capped when `max_utterance_s` passed since its first
    speech. Limits are rounded up to whole blocks.
    """

    def __init__(self, end_of_speech_ms: float, max_utterance_s: float, min_speech_ms: float = MIN_SPEECH_MS) -> None:
        self._end_blocks = _blocks(end_of_speech_ms)
        self._max_blocks = _blocks(max_utterance_s * 1000)
        self._min_speech_blocks = _blocks(min_speech_ms)
        self._recent: deque[bool] = deque(maxlen=2 * self._min_speech_blocks)
        self._watching = False
        self._since_began: int | None = None
        self._since_spoke: int | None = None

    @property
    def began_blocks_ago(self) -> int | None:
        """Blocks from the utterance's first speech to the block fed last, both counted; None before it started."""
        return self._since_began

    @property
    def ended_blocks_ago(self) -> int | None:
        """Blocks fed after the utterance's last speech: 0 while it speaks; None before it started."""
        return self._since_spoke

    def begin(self) -> None:
        """Watch for a new utterance, and forget the last one."""
        self._recent.clear()
        self._watching = True
        self._since_began = self._since_spoke = None

    def feed(self, speech: bool) -> Endpoint | None:  # noqa: FBT001 - a verdict is all there is to feed
        """Take the verdict on the next block; silent until `begin`, and again after ENDED or CAPPED."""
        if not self._watching:
            return None
        if self._since_began is None or self._since_spoke is None:
            return self._wait_for_start(speech)
        self._since_began += 1
        self._since_spoke = 0 if speech else self._since_spoke + 1
        if self._since_spoke >= self._end_blocks:
            self._watching = False
            return Endpoint.ENDED
        if self._since_began >= self._max_blocks:
            self._watching = False
            return Endpoint.CAPPED
        return None

    def _wait_for_start(self, speech: bool) -> Endpoint | None:  # noqa: FBT001
        self._recent.append(speech)
        if self._recent.count(True) < self._min_speech_blocks:
            return None
        self._since_began = len(self._recent) - self._recent.index(True)
        self._since_spoke = 0
        return Endpoint.STARTED


def _blocks(duration_ms: float) -> int:
    return max(1, -(-round(duration_ms) // BLOCK_MS))
