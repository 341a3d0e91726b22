"""What was spent: by day, month and model, how much more the month will cost, and how long people waited."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from hearthd.core.money.account import Moment, days_of_month
from hearthd.core.money.bookings import Booking, Purpose
from hearthd.core.money.cost import NOTHING, OFFLINE, Cost

FORECAST_DAYS: Final = 14
"""How many whole days a forecast looks back: two weeks hold every weekday twice."""
_AWAITED: Final = frozenset({Purpose.REPLY, Purpose.SPEECH})
"""Responses whose first sound somebody waits for; before a follow-up, lamps and tones have answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What several bookings came to."""

    responses: int = 0
    estimated: int = 0
    """How many of the responses the server told no usage for."""
    turns: int = 0
    offline_turns: int = 0
    """How many of the turns the server on this machine had a part in."""
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost: Cost = NOTHING
    latency_p50_ms: int | None = None
    """From the request to the first sound; None: nothing was spoken."""
    latency_p95_ms: int | None = None

    @property
    def cached_share(self) -> float:
        """The share of the input that the server had read before."""
        return self.cached_tokens / self.input_tokens if self.input_tokens else 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that `hearthd usage` tells."""

    today: date
    days: dict[date, Sum]
    """Every day from the first to the last one shown, also those without a booking."""
    models: dict[str, Sum]
    """The days shown, by model, the dearest first."""
    total: Sum
    """The days shown together."""
    month: Sum
    """The calendar month of `today`, until now."""
    forecast_pusd: int
    """What that month will have cost at its end."""

    @property
    def today_sum(self) -> Sum:
        """Today, until now."""
        return self.days[self.today]


def percentile(values: Iterable[int], share: float) -> int | None:
    """Return the value at `share` by nearest rank: one that was measured; None of nothing."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(share * len(ordered))) - 1] if ordered else None


def total(bookings: Iterable[Booking]) -> Sum:
    """Add up."""
    bookings = list(bookings)
    bills = [booking.bill for booking in bookings]
    usages = [bill.usage for bill in bills]
    latencies = [bill.latency_ms for bill in bills if bill.latency_ms is not None and bill.purpose in _AWAITED]
    return Sum(
        responses=sum(bill.purpose is not Purpose.TRANSCRIPT for bill in bills),
        estimated=sum(bill.estimated for bill in bills),
        turns=_turns(bookings),
        offline_turns=_turns([booking for booking in bookings if booking.server == OFFLINE.server]),
        input_tokens=sum(usage.text_in + usage.audio_in + usage.image_in for usage in usages),
        cached_tokens=sum(usage.cached_text_in + usage.cached_audio_in + usage.cached_image_in for usage in usages),
        output_tokens=sum(usage.text_out + usage.audio_out for usage in usages),
        cost=sum((bill.cost for bill in bills), NOTHING),
        latency_p50_ms=percentile(latencies, 0.50),
        latency_p95_ms=percentile(latencies, 0.95),
    )


def report(bookings: Sequence[Booking], now: Moment, days: int) -> Report:
    """Add `bookings` up for the last `days` days; a booking dated after today, by a wrong clock, counts as today's."""
    today = now.day
    by_day: dict[date, list[Booking]] = {}
    for booking in bookings:
        by_day.setdefault(min(booking.day, today), []).append(booking)
    shown = [today - timedelta(days=ago) for ago in reversed(range(days))]
    in_view = [booking for day in shown for booking in by_day.get(day, ())]
    month = [booking for day, booked in by_day.items() if _same_month(day, today) for booking in booked]
    by_model: dict[str, list[Booking]] = {}
    for booking in in_view:
        by_model.setdefault(booking.model, []).append(booking)
    models = {model: total(booked) for model, booked in by_model.items()}
    spent = {day: sum(booking.bill.cost.total_pusd for booking in booked) for day, booked in by_day.items()}
    return Report(
        today=today,
        days={day: total(by_day.get(day, ())) for day in shown},
        models=dict(sorted(models.items(), key=lambda model: -model[1].cost.total_pusd)),
        total=total(in_view),
        month=total(month),
        forecast_pusd=forecast(spent, now),
    )


def forecast(spent_pusd: dict[date, int], now: Moment) -> int:
    """Return what the month will have cost at its end: so far, plus its remaining days at the recent pace.

    The pace is the mean of the last `FORECAST_DAYS` whole days, or of as many as there were since the first booking;
    before there is one, it is today's so far. What is left of today counts for its share.
    """
    so_far = sum(pusd for day, pusd in spent_pusd.items() if _same_month(day, now.day))
    if not spent_pusd:
        return 0
    begun = max(min(spent_pusd), now.day - timedelta(days=FORECAST_DAYS))
    whole_days = (now.day - begun).days
    if whole_days:
        pace = sum(pusd for day, pusd in spent_pusd.items() if begun <= day < now.day) / whole_days
    else:
        pace = float(spent_pusd.get(now.day, 0))
    return so_far + round(pace * (days_of_month(now.day) - now.day.day + 1 - now.day_share))


def _same_month(day: date, other: date) -> bool:
    return (day.year, day.month) == (other.year, other.month)


def _turns(bookings: Sequence[Booking]) -> int:
    """Count turns: numbers begin anew with each start of the daemon, so that a number may come back later."""
    numbers = [booking.turn for booking in bookings if booking.turn]
    return sum(number != previous for number, previous in zip(numbers, [0, *numbers], strict=False))
