"""Contract of the report: sums by day, month and model, a forecast, and how long people waited."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.money.account import Moment
from hearthd.core.money.bookings import Purpose
from hearthd.core.money.report import forecast, percentile, report, total
from hearthd.core.realtime.usage import Usage
from tests.core.money.ledgers import TODAY, booking

NOON = Moment(utc_ms=0, day=TODAY, day_share=0.5)
DAY = timedelta(days=1)


def test_days_without_a_booking_are_days() -> None:
    """From the first to the last one shown, today at the end."""
    told = report([booking(TODAY - 2 * DAY, 7), booking(TODAY, 3), booking(TODAY, 2)], NOON, 4)
    assert [(day, each.cost.total_pusd, each.responses) for day, each in told.days.items()] == [
        (TODAY - 3 * DAY, 0, 0),
        (TODAY - 2 * DAY, 7, 1),
        (TODAY - DAY, 0, 0),
        (TODAY, 5, 2),
    ]
    assert (told.today_sum.cost.total_pusd, told.total.cost.total_pusd) == (5, 12)


def test_the_month_is_the_calendars_whatever_is_shown() -> None:
    """Two days are shown, and the whole month counts; the month before does not."""
    told = report([booking(date(2026, 10, 31), 100), booking(date(2026, 11, 1), 7), booking(TODAY, 3)], NOON, 2)
    assert (told.total.cost.total_pusd, told.month.cost.total_pusd) == (3, 10)


def test_models_come_by_what_they_cost() -> None:
    """The dearest first."""
    told = report([booking(pusd=1, model="a"), booking(pusd=5, model="b"), booking(pusd=3, model="a")], NOON, 1)
    assert [(model, each.cost.total_pusd) for model, each in told.models.items()] == [("b", 5), ("a", 4)]


def test_a_booking_from_the_future_counts_as_todays() -> None:
    """A clock that ran ahead wrote it; money that vanishes from the report would be worse."""
    assert report([booking(TODAY + 40 * DAY, 9)], NOON, 1).today_sum.cost.total_pusd == 9


def test_tokens_and_shares_add_up() -> None:
    """The cached share is that of all input; without input there is none."""
    usages = [
        Usage(text_in=100, audio_in=50, image_in=10, cached_text_in=60, cached_audio_in=20, cached_image_in=0),
        Usage(text_out=5, audio_out=7),
    ]
    both = total([booking(usage=usage, estimated=usage.text_in == 0) for usage in usages])
    assert (both.input_tokens, both.cached_tokens, both.output_tokens, both.estimated) == (160, 80, 12, 1)
    assert (both.cached_share, total([]).cached_share) == (0.5, 0.0)


def test_turns_are_counted_once_each() -> None:
    """A turn has several responses; numbers begin anew with each start; 0 is no turn."""
    assert total([booking(turn=number) for number in (1, 1, 2, 0, 2, 1, 0)]).turns == 3


def test_waits_are_those_of_people() -> None:
    """A follow-up comes after the lamp has answered, and a silent response has no first sound."""
    waits = [
        booking(latency_ms=800),
        booking(latency_ms=None),
        booking(latency_ms=900, purpose=Purpose.SPEECH),
        booking(latency_ms=5, purpose=Purpose.FOLLOW_UP),
    ]
    told = total(waits)
    assert (told.latency_p50_ms, told.latency_p95_ms) == (800, 900)
    assert total([]).latency_p50_ms is None


@given(st.lists(st.integers(0, 10_000), min_size=1), st.floats(0.01, 1.0))
def test_a_percentile_is_a_value_that_was_measured(values: list[int], share: float) -> None:
    """At least that share of the values lies at or below it."""
    reached = percentile(values, share)
    assert reached in values
    assert sum(value <= reached for value in values) >= share * len(values) - 1e-9


# ---------------------------------------------------------------------------------------------- the forecast


def test_nothing_spent_costs_nothing() -> None:
    """An empty ledger has no future."""
    assert forecast({}, NOON) == 0


def test_the_first_day_is_all_that_the_first_forecast_has() -> None:
    """10 until noon of the 22nd: 8.5 days of the month are left."""
    assert forecast({TODAY: 10}, NOON) == 10 + 85


def test_the_pace_is_that_of_whole_days() -> None:
    """Two days, one of them silent: 30 a day, and today's 5 count as spent alone."""
    assert forecast({TODAY - 2 * DAY: 60, TODAY: 5}, NOON) == 65 + round(30 * 8.5)


def test_the_pace_forgets_after_two_weeks() -> None:
    """What was spent three weeks ago is spent, and tells nothing about tomorrow."""
    spent = {TODAY - 21 * DAY: 1_000, TODAY - DAY: 14}
    assert forecast(spent, NOON) == 1_014 + round(1 * 8.5)


@pytest.mark.parametrize(("day", "share"), [(date(2026, 2, 28), 0.999999), (date(2026, 12, 31), 0.999999)])
def test_at_the_end_of_a_month_it_is_what_was_spent(day: date, share: float) -> None:
    """Nothing is left to come."""
    assert forecast({day: 1_000}, Moment(0, day, share)) == 1_000


@given(st.dictionaries(st.dates(date(2026, 9, 1), date(2026, 11, 22)), st.integers(0, 10**9)), st.floats(0, 1))
def test_a_forecast_is_never_below_what_was_spent(spent: dict[date, int], share: float) -> None:
    """Money does not come back."""
    so_far = sum(pusd for day, pusd in spent.items() if day.month == 11)
    assert forecast(spent, Moment(0, TODAY, share)) >= so_far


def test_what_was_only_written_down_costs_and_is_no_answer() -> None:
    """Nobody answered it, so that it counts among the costs alone."""
    written = booking(pusd=7, purpose=Purpose.TRANSCRIPT, usage=Usage())
    both = total([booking(pusd=10), written])
    assert (both.responses, both.cost.total_pusd) == (1, 17)
