"""Contract of the account: days and months end when they should, and no clock makes money free."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.money.account import APART_S, Account, Count, Moment, Standing, assumed, days_of_month
from hearthd.core.money.budget import Limits, Period

EARLIEST = date(2026, 1, 1)
TODAY = date(2026, 11, 22)
DAY_S = 24 * 3600.0
LIMITS = Limits(day_pusd=1_000, month_pusd=10_000, warn_percent=80)


def account(limits: Limits = LIMITS, standing: Standing | None = None, today: date = TODAY) -> Account:
    """Return an account as it begins a run."""
    return Account(limits, standing, today, EARLIEST)


def look(book: Account, day: date, now_s: float, share: float = 0.0) -> None:
    """Show a date and a time of day to an account."""
    book.look(Moment(0, day, share), now_s)


def spent(of: Account) -> tuple[int, int]:
    """Return what was spent in the day and in the month."""
    return of.spent_pusd(Period.DAY), of.spent_pusd(Period.MONTH)


def stood(day: date, day_pusd: int, month_pusd: int) -> Standing:
    """Return what a run before left."""
    return Standing(Count(begins=day, spent_pusd=day_pusd), Count(begins=day.replace(day=1), spent_pusd=month_pusd))


# ------------------------------------------------------------------------------------------------- spending


def test_what_is_spent_counts_for_day_and_month() -> None:
    """And what is left takes off what is in flight."""
    book = account()
    book.book(300)
    book.book(50)
    assert spent(book) == (350, 350)
    assert book.left_pusd(reserved_pusd=100) == {Period.DAY: 550, Period.MONTH: 9_550}


def test_without_limits_nothing_is_left_to_keep() -> None:
    """0 is no limit."""
    assert account(Limits()).left_pusd() == {}
    assert account(Limits(month_pusd=5)).left_pusd() == {Period.MONTH: 5}


@pytest.mark.parametrize(
    ("before", "more", "reached"), [(0, 799, ()), (0, 800, ("day",)), (799, 1, ("day",)), (800, 1, ())]
)
def test_the_share_to_warn_at_is_reached_once(before: int, more: int, reached: tuple[str, ...]) -> None:
    """At 80 of 100, not before, and not again."""
    book = account()
    book.book(before)
    assert book.book(more) == reached


def test_both_periods_may_be_reached_at_once() -> None:
    """One dear response can do it."""
    assert account().book(8_000) == (Period.DAY, Period.MONTH)
    assert account(Limits(warn_percent=0)).book(1) == ()


def test_a_run_continues_where_the_last_one_stopped() -> None:
    """On the same day nothing is forgotten; it is told so as it was kept."""
    standing = stood(TODAY, 900, 5_000)
    book = account(standing=standing)
    assert spent(book) == (900, 5_000)
    assert book.standing == standing


# -------------------------------------------------------------------------------------- days and months end


def test_a_new_day_begins_at_nothing_and_the_month_goes_on() -> None:
    """Until the month ends as well."""
    book = account(standing=stood(TODAY, 900, 5_000))
    look(book, TODAY + timedelta(days=1), DAY_S)
    assert spent(book) == (0, 5_000)
    look(book, date(2026, 12, 1), 9 * DAY_S)
    assert spent(book) == (0, 0)


@given(st.dates(date(2026, 1, 31), date(2030, 12, 30)))
def test_every_midnight_of_a_long_run_opens_a_day(first: date) -> None:
    """Months begin with their first day, in leap years and at the turn of the year as well."""
    book = account(today=first)
    for number in range(40):
        today = first + timedelta(days=number)
        look(book, today, number * DAY_S)
        assert spent(book) == (0, number if today.month == first.month else (today.day - 1))
        book.book(1)
        assert book.today == today


@pytest.mark.parametrize("hours", [23, 24, 25])
def test_days_on_which_clocks_change_are_days(hours: int) -> None:
    """23 hours after a midnight comes the next one when summer time begins."""
    book = account()
    look(book, TODAY + timedelta(days=1), 0.0)
    book.book(5)
    look(book, TODAY + timedelta(days=2), hours * 3600.0)
    assert spent(book) == (0, 5)


def test_a_late_day_does_not_close_an_early_one() -> None:
    """Days are told apart by their midnights: somebody first asks at eleven, and the next day at seven."""
    book = account()
    look(book, TODAY + timedelta(days=1), 11 * 3600.0, 11 / 24)
    book.book(5)
    look(book, TODAY + timedelta(days=2), 31 * 3600.0, 7 / 24)
    assert spent(book) == (0, 5)


@given(st.lists(st.floats(0, 0.999), min_size=2, max_size=60))
def test_whenever_somebody_asks_first_each_day_is_a_day(shares: list[float]) -> None:
    """At any time of any day."""
    book = account()
    for number, share in enumerate(shares):
        look(book, TODAY + timedelta(days=number), (number + share) * DAY_S, share)
        assert spent(book)[0] == 0
        book.book(1)


# -------------------------------------------------------------------------------------- clocks that are wrong


@pytest.mark.parametrize("back", [timedelta(days=1), timedelta(days=2), timedelta(days=3), timedelta(days=40)])
def test_a_clock_that_goes_back_opens_nothing(back: timedelta) -> None:
    """By a day or by a month: what was spent counts on."""
    book = account(standing=stood(TODAY, 900, 5_000))
    look(book, TODAY - back, 0.0)
    assert spent(book) == (900, 5_000)


def test_a_clock_that_goes_back_for_a_moment_keeps_the_later_date() -> None:
    """As where clocks are put back at midnight, and where a Pi starts with the time of its last shutdown."""
    book = account()
    look(book, TODAY - timedelta(days=1), 0.0)
    assert book.today == TODAY
    look(book, TODAY, 3600.0)
    assert book.today == TODAY


def test_a_clock_that_ran_ahead_and_was_corrected_costs_a_day_and_no_year() -> None:
    """The date of today is taken over with everything that was spent since; tomorrow is a day like any other."""
    book = account(standing=stood(date(2031, 5, 6), 900, 950))
    look(book, TODAY, 0.0)
    assert (book.today, *spent(book)) == (TODAY, 900, 950)
    look(book, TODAY + timedelta(days=1), 3600.0)
    assert spent(book) == (0, 950)


def test_a_jump_ahead_and_back_again_opens_no_month() -> None:
    """The month before is remembered, and what was spent in between added to it."""
    book = account(standing=stood(TODAY, 900, 5_000))
    look(book, date(2026, 12, 24), 0.0)
    assert spent(book) == (0, 0)
    book.book(70)
    look(book, TODAY, 60.0)
    assert spent(book) == (970, 5_070)


def test_what_is_remembered_of_the_month_before_survives_a_restart() -> None:
    """The standing carries it."""
    book = account(standing=stood(TODAY, 900, 5_000))
    look(book, date(2026, 12, 24), 0.0)
    book.book(70)
    again = account(standing=book.standing)
    look(again, TODAY, 0.0)
    assert spent(again) == (970, 5_070)


def test_one_run_opens_no_two_days_within_hours() -> None:
    """A clock that is set in two steps, or that flaps, moves the date and keeps the count."""
    book = account(standing=stood(TODAY, 900, 5_000))
    look(book, TODAY + timedelta(days=1), 0.0)
    book.book(100)
    look(book, TODAY + timedelta(days=3), 60.0)
    assert (book.today, *spent(book)) == (TODAY + timedelta(days=3), 100, 5_100)
    look(book, TODAY + timedelta(days=4), APART_S)
    assert spent(book) == (0, 5_100)


def test_a_clock_that_was_not_set_yet_is_not_believed() -> None:
    """1970 is no day: neither to begin with nor to go back to."""
    assert account(today=date(1970, 1, 1)).today == EARLIEST
    book = account(standing=stood(TODAY, 900, 5_000))
    look(book, date(1970, 1, 1), 0.0)
    assert (book.today, *spent(book)) == (TODAY, 900, 5_000)


@given(
    st.lists(
        st.tuples(st.integers(-400, 400), st.floats(0, 0.999), st.floats(1, 3 * 3600.0), st.integers(0, 100)),
        min_size=1,
        max_size=60,
    )
)
def test_however_the_clock_jumps_a_day_is_opened_once_in_22_hours(
    jumps: list[tuple[int, float, float, int]],
) -> None:
    """So many times the limit can be spent at most in a run, and no more."""
    book = account(Limits(day_pusd=1_000))
    now_s, total = 0.0, 0
    for days, share, seconds, pusd in jumps:
        now_s += seconds
        look(book, TODAY + timedelta(days=days), now_s, share)
        if book.left_pusd()[Period.DAY] >= pusd:
            book.book(pusd)
            total += pusd
    assert total <= 1_000 * (3 + int(now_s // APART_S))


# ------------------------------------------------------------------------------------------------- lost books


def test_when_the_books_are_lost_each_limit_counts_as_evenly_used() -> None:
    """At 18:00 three quarters of the day's, and on the 22nd of November 73 percent of the month's."""
    now = Moment(utc_ms=0, day=TODAY, day_share=0.75)
    standing = assumed(LIMITS, now, EARLIEST)
    assert (standing.day.begins, standing.month.begins) == (TODAY, date(2026, 11, 1))
    assert (standing.day.spent_pusd, standing.month.spent_pusd) == (750, 7_250)
    assert assumed(LIMITS, Moment(0, date(1970, 1, 1), 0.0), EARLIEST).day.begins == EARLIEST


@pytest.mark.parametrize(("month", "days"), [(date(2026, 2, 3), 28), (date(2028, 2, 29), 29), (date(2026, 12, 31), 31)])
def test_months_have_their_days(month: date, days: int) -> None:
    """December and leap years included."""
    assert days_of_month(month) == days
