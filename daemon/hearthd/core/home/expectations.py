"""Did it happen? Decides whether what a device reports confirms what it was told."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from hearthd.core.home.numerals import Value
from hearthd.core.home.quantities import Quantity
from hearthd.core.home.readings import CoverState

State = Mapping[str, Value]
"""A device's reported properties by name."""

_MOVING = frozenset({CoverState.OPENING.value, CoverState.CLOSING.value})
_OPEN_PERCENT = 100
_AT_TARGET_PERCENT = 3
"""Covers stop by motor time and miss their target by a little."""


class Expectation(Protocol):
    """What a device must report for a command to count as carried out."""

    def met(self, report: State, before: State) -> bool:
        """Judge what is known now (`report`) against what was known when the command left (`before`)."""
        ...


@dataclass(frozen=True, slots=True)
class Goal:
    """One property and the value that it shall have."""

    name: str
    quantity: Quantity
    value: Value


@dataclass(frozen=True, slots=True)
class Reached:
    """All properties have their values, each within the tolerance of its quantity."""

    goals: tuple[Goal, ...]

    def met(self, report: State, before: State) -> bool:  # noqa: ARG002  one signature for all expectations
        """Compare property by property."""
        return all(goal.name in report and goal.quantity.agrees(goal.value, report[goal.name]) for goal in self.goals)


@dataclass(frozen=True, slots=True)
class Moved:
    """A cover is at its target or on its way there: it takes far longer than anybody waits for an answer."""

    target_percent: int

    def met(self, report: State, before: State) -> bool:
        """Take arrival, motion in the right direction, or a position nearer than before."""
        now, was = report.get("position_percent"), before.get("position_percent")
        state = report.get("state")
        if now is not None and abs(int(now) - self.target_percent) <= _AT_TARGET_PERCENT:
            return True
        if now is not None and was is not None and self._distance(now) < self._distance(was):
            return True
        if state in _MOVING:
            return state in self._directions(was)
        return now is None and was is None and state in self._ends()

    def _distance(self, percent: Value) -> int:
        return abs(int(percent) - self.target_percent)

    def _directions(self, was: Value | None) -> frozenset[str]:
        """Return the motions that lead to the target; either may, if nobody knows where the cover was."""
        if was is None and 0 < self.target_percent < _OPEN_PERCENT:
            return _MOVING
        opens = self.target_percent == _OPEN_PERCENT or (was is not None and self.target_percent > int(was))
        return frozenset({CoverState.OPENING.value if opens else CoverState.CLOSING.value})

    def _ends(self) -> frozenset[str]:
        """Return the resting states of a cover that reports no position."""
        return frozenset({CoverState.OPEN.value if self.target_percent else CoverState.CLOSED.value})


@dataclass(frozen=True, slots=True)
class Halted:
    """A cover does not move."""

    def met(self, report: State, before: State) -> bool:  # noqa: ARG002  one signature for all expectations
        """Take any report of a position or of a state but motion."""
        return bool(report.keys() & {"state", "position_percent"}) and report.get("state") not in _MOVING
