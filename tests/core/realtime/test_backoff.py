"""Delays between tries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.realtime.backoff import Backoff

ALMOST_ONE = 1.0 - 2.0**-53


def test_the_limit_doubles_up_to_the_cap() -> None:
    """The longest possible delays are 0.5, 1, 2, ... 30 seconds."""
    backoff = Backoff()
    limits = [backoff.next_delay(1.0) for _ in range(9)]
    assert limits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_jitter_spreads_over_the_whole_span() -> None:
    """A drawn 0 means no wait at all, a drawn half means half the limit."""
    backoff = Backoff(first_s=4.0, cap_s=8.0)
    assert [backoff.next_delay(0.0), backoff.next_delay(0.5)] == [0.0, 4.0]


def test_reset_begins_again() -> None:
    """After something worked the first delay is short again."""
    backoff = Backoff(first_s=1.0)
    backoff.next_delay(1.0)
    backoff.next_delay(1.0)
    backoff.reset()
    assert backoff.next_delay(1.0) == 1.0


@given(st.lists(st.floats(0.0, ALMOST_ONE), min_size=1, max_size=200))
def test_a_refusal_is_asked_about_at_most_12_times_an_hour(draws: list[float]) -> None:
    """The slow schedule stays between 300 and 900 seconds, however long it goes on."""
    backoff = Backoff.after_refusal()
    delays = [backoff.next_delay(draw) for draw in draws]
    assert min(delays) >= 300.0
    assert max(delays) <= 900.0


def test_years_of_failures_do_not_overflow() -> None:
    """The doubling stops long before floats end."""
    backoff = Backoff()
    delays = {backoff.next_delay(1.0) for _ in range(5_000)}
    assert max(delays) == 30.0


@pytest.mark.parametrize(("first_s", "cap_s", "floor_s"), [(2.0, 1.0, 0.0), (1.0, 2.0, 1.5), (1.0, 2.0, -1.0)])
def test_bounds_in_the_wrong_order_are_refused(first_s: float, cap_s: float, floor_s: float) -> None:
    """A schedule that cannot exist is a mistake of ours."""
    with pytest.raises(ValueError, match="cannot lie between"):
        Backoff(first_s, cap_s, floor_s=floor_s)
