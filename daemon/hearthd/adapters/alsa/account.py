"""What waits in a playback card: how much of it is the mouth's, and how much is silence of ours."""

from collections import deque
from dataclasses import dataclass


@dataclass(slots=True)
class Stretch:
    """Neighbouring frames in the card's queue, all the mouth's or all silence of ours."""

    frames: int
    sound: bool


class Account:
    """The frames that were written and have not been played, oldest first."""

    def __init__(self) -> None:
        """Know an empty card."""
        self._queue: deque[Stretch] = deque()

    @property
    def frames(self) -> int:
        """All frames that wait."""
        return sum(stretch.frames for stretch in self._queue)

    @property
    def sound_frames(self) -> int:
        """Those of them that the mouth gave."""
        return sum(stretch.frames for stretch in self._queue if stretch.sound)

    def wrote(self, frames: int, *, sound: bool) -> None:
        """Add `frames` behind the others."""
        if self._queue and self._queue[-1].sound is sound:
            self._queue[-1].frames += frames
        else:
            self._queue.append(Stretch(frames, sound))

    def played_to(self, pending_frames: int) -> int:
        """Take out what was played now that the card says that `pending_frames` wait; returns how many those were."""
        played = left = max(0, self.frames - pending_frames)
        while left > 0:
            first = self._queue[0]
            step = min(left, first.frames)
            first.frames -= step
            left -= step
            if first.frames == 0:
                self._queue.popleft()
        return played

    def clear(self) -> None:
        """Know an empty card again."""
        self._queue.clear()
