"""Whether what a device reports confirms what it was told."""

import pytest

from hearthd.core.home.expectations import Goal, Halted, Moved, Reached, State
from hearthd.core.home.quantities import Switched, brightness

DIMMED = Reached((Goal("on", Switched("ON", "OFF"), value=True), Goal("brightness_percent", brightness(254), 40)))


@pytest.mark.parametrize(
    ("report", "met"),
    [
        ({"on": True, "brightness_percent": 41}, True),
        ({"on": True, "brightness_percent": 80}, False),
        ({"on": False, "brightness_percent": 40}, False),
        ({"on": True}, False),
        ({}, False),
    ],
)
def test_all_goals_must_be_reported_and_reached(report: State, met: bool) -> None:
    """One property at its value does not vouch for another."""
    assert DIMMED.met(report, {}) is met


@pytest.mark.parametrize(
    ("target_percent", "before", "report", "met"),
    [
        # arrived
        (100, {"position_percent": 0}, {"position_percent": 98, "state": "open"}, True),
        (0, {}, {"position_percent": 2}, True),
        # on its way
        (100, {"position_percent": 0}, {"position_percent": 5}, True),
        (0, {"position_percent": 100}, {"position_percent": 95, "state": "open"}, True),
        (50, {"position_percent": 20}, {"position_percent": 20, "state": "opening"}, True),
        (50, {"position_percent": 80}, {"position_percent": 80, "state": "closing"}, True),
        (100, {}, {"state": "opening"}, True),
        (0, {}, {"state": "closing"}, True),
        (50, {}, {"state": "closing"}, True),
        (50, {}, {"state": "opening"}, True),
        # the wrong way, or not at all
        (100, {"position_percent": 50}, {"position_percent": 40}, False),
        (100, {"position_percent": 50}, {"position_percent": 50, "state": "closing"}, False),
        (0, {}, {"state": "opening"}, False),
        (50, {"position_percent": 20}, {"position_percent": 20, "state": "closing"}, False),
        (100, {"position_percent": 50}, {"position_percent": 50, "state": "open"}, False),
        (0, {"position_percent": 50}, {"position_percent": 50, "state": "stopped"}, False),
        # without a position
        (100, {"state": "closed"}, {"state": "open"}, True),
        (0, {"state": "open"}, {"state": "closed"}, True),
        (0, {"state": "open"}, {"state": "open"}, False),
        (50, {"state": "closed"}, {"state": "open"}, True),
        (100, {}, {}, False),
        # without one now, though it is known to have one
        (50, {"position_percent": 100}, {"state": "open"}, False),
    ],
)
def test_a_cover_confirms_by_arriving_or_by_moving_there(
    target_percent: int, before: State, report: State, met: bool
) -> None:
    """A blind takes half a minute; setting out in the right direction is what can be known in time."""
    assert Moved(target_percent).met(report, before) is met


@pytest.mark.parametrize(
    ("report", "met"),
    [
        ({"state": "stopped"}, True),
        ({"position_percent": 40}, True),
        ({"available": True}, False),
        ({"state": "closing"}, False),
    ],
)
def test_a_cover_has_halted_when_it_does_not_move(report: State, met: bool) -> None:
    """Any report of where it is but motion will do."""
    assert Halted().met(report, {"state": "closing"}) is met
