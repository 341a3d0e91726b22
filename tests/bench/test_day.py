"""Hours of the link, simulated: nobody waits longer than a connection takes, and nothing grows."""

import pytest

from tests.bench.day import CONNECT_S, HOUR_S, SLOPE_LIMIT_PER_H, WARM_H, simulated


@pytest.mark.parametrize("seed", [1, 2])
def test_every_wake_of_eight_hours_is_served_and_nothing_grows(seed: int) -> None:
    """Sessions are renewed before their cap, there is one at a time, and each hour ends with what it began with."""
    day = simulated(8, seed=seed)
    assert len(day.waits_s) > 16
    assert 0.0 < max(day.waits_s) <= CONNECT_S
    assert (day.unanswered, day.capped, day.most_live) == (0, 0, 1)
    assert day.renewals > 0
    assert len(set(day.tasks.values)) == 1
    assert day.grown.total() == 0
    assert day.blocks.since(WARM_H * HOUR_S).slope_per_h() <= SLOPE_LIMIT_PER_H


def test_a_talk_that_outlives_its_session_goes_on_in_the_next() -> None:
    """The server ends sessions at their cap whoever talks; the next wake waits for no more than a connection."""
    day = simulated(6, talk_s=4_000.0)
    assert day.capped > 0
    assert day.unanswered == 0
    assert max(day.waits_s) <= CONNECT_S
