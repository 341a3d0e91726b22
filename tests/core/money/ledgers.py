"""Bookings for tests: one with defaults for whatever a test does not care about."""

from datetime import date

from hearthd.core.money.account import Count, Standing
from hearthd.core.money.bookings import Bill, Booking, Purpose
from hearthd.core.money.cost import Cost
from hearthd.core.realtime.usage import Usage

TODAY = date(2026, 11, 22)


def booking(
    day: date = TODAY,
    pusd: int = 10,
    *,
    turn: int = 1,
    model: str = "gpt-realtime-2.1-mini",
    purpose: Purpose = Purpose.REPLY,
    usage: Usage | None = None,
    latency_ms: int | None = None,
    estimated: bool = False,
) -> Booking:
    """Return a booking whose cost is all for spoken sound."""
    return Booking(
        utc_ms=1_795_000_000_000 + turn,
        day=day,
        server="online",
        model=model,
        turn=turn,
        bill=Bill(
            purpose=purpose,
            usage=usage or Usage(text_in=1),
            cost=Cost(audio_out=pusd),
            estimated=estimated,
            duration_ms=1_500,
            latency_ms=latency_ms,
        ),
    )


def standing(pusd: int, day: date = TODAY) -> Standing:
    """Return what a ledger keeps when so much was spent today and this month."""
    return Standing(Count(begins=day, spent_pusd=pusd), Count(begins=day.replace(day=1), spent_pusd=pusd))
