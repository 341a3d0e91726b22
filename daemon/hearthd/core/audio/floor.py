"""How loud the room is when nobody speaks."""

from collections import deque
from typing import Final

SMOOTHING: Final = 0.4
"""Share of the newest block in the level whose minimum is taken: one soft block between loud ones is no pause."""
SLICE_BLOCKS: Final = 25
SLICES: Final = 6
"""The floor is the minimum of the last 3.0 to 3.5 s. Speech pauses in every such stretch, and a fan that is
switched on counts as news for no longer. With 2 s the ends of long sentences were lost; with 5 s a kitchen held half
as many utterances more open."""
QUIET_DBFS: Final = -70.0
"""The lowest floor: behind a microphone that mutes itself, a rustle must not stand out by 30 dB."""


class NoiseFloor:
    """Follows the minimum of the smoothed level over the last seconds; time is counted in 20 ms blocks."""

    def __init__(self) -> None:
        self._smooth_dbfs: float | None = None
        self._slice_dbfs = 0.0
        self._slice_blocks = 0
        self._slices: deque[float] = deque(maxlen=SLICES)
        self._level_dbfs = QUIET_DBFS

    @property
    def level_dbfs(self) -> float:
        """The level of the noise, at least `QUIET_DBFS`."""
        return self._level_dbfs

    def feed(self, level_dbfs: float) -> float:
        """Take the level of the next block and return the level of the noise."""
        smooth_dbfs = level_dbfs if self._smooth_dbfs is None else self._smooth_dbfs
        self._smooth_dbfs = smooth_dbfs + SMOOTHING * (level_dbfs - smooth_dbfs)
        self._slice_dbfs = min(self._slice_dbfs, self._smooth_dbfs)
        self._level_dbfs = max(QUIET_DBFS, min((self._slice_dbfs, *self._slices)))
        self._slice_blocks += 1
        if self._slice_blocks == SLICE_BLOCKS:
            self._slices.append(self._slice_dbfs)
            self._slice_dbfs = 0.0
            self._slice_blocks = 0
        return self._level_dbfs
