"""Figures: what was measured how often, what it may be at most, and whether it is."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Statistic(StrEnum):
    """What of many measurements a budget limits."""

    P50 = "p50"
    P95 = "p95"
    P99 = "p99"
    MAX = "max"

    @property
    def share(self) -> float:
        """The share of measurements that lie at or below it."""
        return {"p50": 0.50, "p95": 0.95, "p99": 0.99, "max": 1.0}[self.value]


class Verdict(StrEnum):
    """How a figure compares with its budget."""

    KEPT = "kept"
    BROKEN = "BROKEN"
    NONE = ""
    """There is no budget, or nothing was measured."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a statistic may be, in the figure's unit."""

    limit: float
    statistic: Statistic = Statistic.P95

    def __str__(self) -> str:
        return f"{self.statistic} ≤ {self.limit:g}"


@dataclass(slots=True)
class Figure:
    """One row of a report."""

    name: str
    unit: str
    budget: Budget | None = None
    samples: list[float] = field(default_factory=list)

    def add(self, *samples: float) -> None:
        """Take more measurements."""
        self.samples.extend(samples)

    def at(self, statistic: Statistic) -> float:
        """Return a statistic by nearest rank: a value that was measured, and never one that flatters."""
        rank = max(1, math.ceil(statistic.share * len(self.samples)))
        return sorted(self.samples)[rank - 1]

    @property
    def verdict(self) -> Verdict:
        """Compare with the budget."""
        if self.budget is None or not self.samples:
            return Verdict.NONE
        return Verdict.KEPT if self.at(self.budget.statistic) <= self.budget.limit else Verdict.BROKEN

    def document(self) -> dict[str, object]:
        """Return all of it for JSON."""
        measured = {statistic.value: self.at(statistic) for statistic in Statistic} if self.samples else {}
        return {
            "name": self.name,
            "unit": self.unit,
            "n": len(self.samples),
            **measured,
            "budget": None if self.budget is None else {str(self.budget.statistic): self.budget.limit},
            "verdict": self.verdict.value,
            "samples": self.samples,
        }


MS_PER_S: Final = 1000.0


def ms(durations_s: Iterable[float]) -> list[float]:
    """Turn seconds into milliseconds."""
    return [duration_s * MS_PER_S for duration_s in durations_s]
