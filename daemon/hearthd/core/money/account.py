"""What was spent today and this month, whatever the clock does.

A wall clock may be wrong: a Pi without a battery starts with an old one, and corrections step. Money must not
become free by that, and a clock that was wrong for an hour must not close the purse for years. Hence:

* A period begins anew only when the clock moves forward into a later one, and within one run only when its midnight
  lies `APART_S` of the monotonic clock behind the one before: other steps forward move the date and keep the count.
* A clock that goes back opens nothing. Up to `AHEAD_DAYS_MAX` the later date simply stays; from further back we
  conclude that the date was wrong before, and take the new one over with everything that was spent since.
* A date before `earliest`, when this version was made, is no date: the clock was not set yet.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from hearthd.core.money.budget import Limits, Period

APART_S: Final = 22 * 3600.0
"""Days are 23 to 25 hours long where clocks are changed."""
AHEAD_DAYS_MAX: Final = 2
"""A clock that is behind by so much may be an old one that was not set yet."""
_DAY_S: Final = 24 * 3600.0
_PERCENT: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What was spent in one period."""

    begins: date
    """Its first day."""
    spent_pusd: int = 0
    before: date | None = None
    """The first day of the period before, and what was spent in it: needed when the clock was wrong."""
    before_pusd: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """The account as it is kept on the disk."""

    day: Count
    month: Count


@dataclass(frozen=True, slots=True)
class Moment:
    """A reading of the wall clock."""

    utc_ms: int
    """Milliseconds since 1970."""
    day: date
    """By the local calendar."""
    day_share: float
    """How much of that day is over, from 0 to 1."""

    @property
    def month_share(self) -> float:
        """How much of the month is over, from 0 to 1."""
        return (self.day.day - 1 + self.day_share) / days_of_month(self.day)


def days_of_month(day: date) -> int:
    """Return how many days the month of `day` has."""
    return (_next_month(day) - day.replace(day=1)).days


def assumed(limits: Limits, now: Moment, earliest: date) -> Standing:
    """Return what must be taken for spent when the books are lost: each limit evenly used up until `now`.

    To assume nothing would open the budget again, to assume all of it would silence the house for a month.
    """
    today = max(now.day, earliest)
    return Standing(
        day=Count(begins=today, spent_pusd=round(limits.day_pusd * now.day_share)),
        month=Count(begins=today.replace(day=1), spent_pusd=round(limits.month_pusd * now.month_share)),
    )


class Account:
    """Counts what is spent in the current day and month. Pure: time is handed in."""

    def __init__(self, limits: Limits, standing: Standing | None, today: date, earliest: date) -> None:
        """Continue from `standing` (None: nothing was spent yet); `earliest` is the oldest date to believe."""
        self._limits = limits
        self._earliest = earliest
        start = max(today, earliest)
        fresh = Standing(Count(begins=start), Count(begins=start.replace(day=1)))
        self._day = _Running((standing or fresh).day)
        self._month = _Running((standing or fresh).month)

    @property
    def today(self) -> date:
        """The day that counts, which the wall clock may not agree with."""
        return self._day.count.begins

    @property
    def standing(self) -> Standing:
        """What has to be kept."""
        return Standing(self._day.count, self._month.count)

    def spent_pusd(self, period: Period) -> int:
        """Return what was spent, without what is in flight."""
        return self._of(period).count.spent_pusd

    def look(self, now: Moment, now_s: float) -> None:
        """Learn the date; `now_s` are monotonic seconds."""
        behind_days = (self.today - now.day).days
        if behind_days < 0 or (behind_days > AHEAD_DAYS_MAX and now.day >= self._earliest):
            midnight_s = now_s - now.day_share * _DAY_S
            self._day.reach(now.day, midnight_s)
            self._month.reach(now.day.replace(day=1), midnight_s)

    def left_pusd(self, reserved_pusd: int = 0) -> dict[Period, int]:
        """Return what is left of each limit that is set when `reserved_pusd` is in flight; may be negative."""
        return {
            period: limit - self.spent_pusd(period) - reserved_pusd
            for period in Period
            if (limit := self._limits.of(period))
        }

    def book(self, pusd: int) -> tuple[Period, ...]:
        """Spend; returns the periods in which this reached the share of the limit at which to warn."""
        reached = []
        for period in Period:
            running, limit = self._of(period), self._limits.of(period)
            before = running.count.spent_pusd
            running.add(pusd)
            if before * _PERCENT < limit * self._limits.warn_percent <= (before + pusd) * _PERCENT:
                reached.append(period)
        return tuple(reached)

    def _of(self, period: Period) -> "_Running":
        return self._day if period is Period.DAY else self._month


class _Running:
    """A count that goes on into the next period when its time has come."""

    def __init__(self, count: Count) -> None:
        self.count = count
        self._opened_s: float | None = None
        """The midnight with which this run last began a period anew."""

    def add(self, pusd: int) -> None:
        count = self.count
        self.count = Count(
            begins=count.begins, spent_pusd=count.spent_pusd + pusd, before=count.before, before_pusd=count.before_pusd
        )

    def reach(self, begins: date, midnight_s: float) -> None:
        count = self.count
        if begins > count.begins and (self._opened_s is None or midnight_s - self._opened_s >= APART_S):
            self._opened_s = midnight_s
            self.count = Count(begins=begins, before=count.begins, before_pusd=count.spent_pusd)
        elif begins > count.begins:
            self.count = Count(
                begins=begins, spent_pusd=count.spent_pusd, before=count.before, before_pusd=count.before_pusd
            )
        elif begins < count.begins:
            again_pusd = count.before_pusd if count.before is not None and count.before >= begins else 0
            self.count = Count(begins=begins, spent_pusd=count.spent_pusd + again_pusd)


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
