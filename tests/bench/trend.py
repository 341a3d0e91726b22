"""How a measurement moves over time: its slope, whatever single values do, and its beginning against its end."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

_MOST: Final = 400
"""So many points have 80,000 pairs; more would tell nothing new."""
S_PER_H: Final = 3_600.0


@dataclass(slots=True)
class Series:
    """Values with their moments, in order."""

    at_s: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, at_s: float, value: float) -> None:
        """Take one more."""
        self.at_s.append(at_s)
        self.values.append(value)

    def between(self, from_s: float, to_s: float) -> list[float]:
        """Return the values from one moment up to another."""
        return [value for at_s, value in zip(self.at_s, self.values, strict=True) if from_s <= at_s < to_s]

    def since(self, from_s: float) -> "Series":
        """Return the part from a moment on."""
        kept = [number for number, at_s in enumerate(self.at_s) if at_s >= from_s]
        return Series([self.at_s[number] for number in kept], [self.values[number] for number in kept])

    def slope_per_h(self) -> float:
        """Return the Theil-Sen slope, the median over all pairs (Sen, JASA 63, 1968); 0 with fewer than two moments."""
        step = math.ceil(len(self.values) / _MOST) or 1
        points = list(zip(self.at_s, self.values, strict=True))[::step]
        slopes = [
            (later - value) / (later_s - at_s)
            for number, (at_s, value) in enumerate(points)
            for later_s, later in points[number + 1 :]
            if later_s > at_s
        ]
        return statistics.median(slopes) * S_PER_H if slopes else 0.0


def nearest_rank(values: Sequence[float], share: float) -> float:
    """Return the value below or at which a share of them lies; NaN of nothing."""
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1] if values else math.nan
