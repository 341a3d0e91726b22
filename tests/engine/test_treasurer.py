"""Contract of the treasurer: no response without its leave, every response booked, and the owner told once."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, timedelta

import pytest

from hearthd.core.money.amounts import to_pusd
from hearthd.core.money.bookings import Purpose
from hearthd.core.money.budget import Limits, Period
from hearthd.core.money.cost import Rates, Tariff
from hearthd.core.realtime import events as wire
from hearthd.core.realtime.allowance import Allowance, AskKind, ContextSize, Denied, Granted
from hearthd.core.realtime.usage import Usage
from hearthd.engine.treasurer import Notice, NoticeKind, Purse, Treasurer
from tests.core.money.ledgers import TODAY, standing
from tests.doubles.memory_ledger import MemoryClock, MemoryLedger

CENT = to_pusd(0.01)
DAY_S = 24 * 3600.0
EARLIEST = date(2026, 1, 1)
RATES = Rates(text_in=0, text_out=CENT // 160, audio_in=0, audio_out=CENT // 160)
"""160 tokens of a reply, the shortest useful one, are a cent; reading is free."""
TARIFF = Tariff(server="online", model="mini", rates=RATES, basis="at the prices of mini")
READS = ContextSize(text_tokens=800, audio_tokens=25)
LONGEST = 1_600
"""Ten cents."""


class Till:
    """A treasurer and those around it."""

    def __init__(self, limits: Limits, ledger: MemoryLedger, tariff: Tariff) -> None:
        self.ledger = ledger
        self.clock = MemoryClock()
        self.notices: list[Notice] = []
        self.turn = 0
        self.treasurer = Treasurer(
            ledger,
            self.clock,
            limits,
            tariff,
            earliest=EARLIEST,
            max_output_tokens=LONGEST,
            turn=lambda: self.turn,
        )
        self.treasurer.listen(self.notices.append)
        self.responses = 0

    def pay(self, cents: float, purse: Purse | None = None, kind: AskKind = AskKind.REPLY) -> Allowance:
        """Ask for a response and, if it may be made, let it cost so many cents."""
        purse = purse or self.treasurer.session()
        allowance = purse.allow(kind, READS)
        if isinstance(allowance, Granted):
            self.responses += 1
            purse.saw(wire.ResponseBegan(f"r{self.responses}", kind))
            purse.saw(ended(f"r{self.responses}", Usage(audio_out=round(cents * 160))))
        return allowance

    def told(self) -> list[tuple[NoticeKind, Period]]:
        """Return what the owner was told, and forget it."""
        told = [(notice.kind, notice.period) for notice in self.notices]
        self.notices.clear()
        return told


def ended(response_id: str, usage: Usage | None = None, **facts: object) -> wire.ResponseEnded:
    """Return the end of a response."""
    return wire.ResponseEnded(
        response_id=response_id,
        status=wire.ResponseStatus.COMPLETED,
        usage=usage,
        **facts,  # type: ignore[arg-type]
    )


@asynccontextmanager
async def till(
    day_cents: int = 0, month_cents: int = 0, ledger: MemoryLedger | None = None, tariff: Tariff = TARIFF
) -> AsyncIterator[Till]:
    """Open a till."""
    limits = Limits(day_pusd=day_cents * CENT, month_pusd=month_cents * CENT, warn_percent=80)
    opened = Till(limits, ledger or MemoryLedger(), tariff)
    async with opened.treasurer.open():
        yield opened


# ------------------------------------------------------------------------------------------------- the limits


async def test_without_limits_everything_is_allowed() -> None:
    """And counted."""
    async with till() as house:
        assert house.pay(10) == Granted(LONGEST)
        assert house.treasurer.exhausted == ""
        assert house.treasurer.spent_today_usd == house.treasurer.spent_month_usd == 0.10
        assert house.told() == []


async def test_near_the_limit_replies_are_short_and_at_the_limit_there_are_none() -> None:
    """Of 20 cents: a long reply, one that must not be longer than what is left, and no more."""
    async with till(day_cents=20) as house:
        assert house.pay(10) == Granted(LONGEST)
        assert house.pay(5) == Granted(LONGEST)
        assert house.pay(4.5) == Granted(800)
        denied = house.pay(1)
        assert isinstance(denied, Denied)
        assert denied.reason == "today's budget of $0.20 is used up until tomorrow (budget.day_usd raises it)"
        assert house.treasurer.exhausted == denied.reason


async def test_a_limit_is_passed_by_one_response_at_most() -> None:
    """A server that takes more than it was allowed is paid once, and then not asked again."""
    async with till(day_cents=20) as house:
        house.pay(19)
        house.pay(50)
        assert isinstance(house.pay(1), Denied)
        assert len(house.ledger.bookings) == 2


async def test_the_month_counts_as_well() -> None:
    """The tighter limit decides, and is the one that is named."""
    async with till(day_cents=20, month_cents=25) as house:
        house.pay(10)
        house.clock.jump(timedelta(days=1))
        house.pay(10)
        assert house.pay(5) == Granted(800)
        assert "this month's budget of $0.25" in house.treasurer.exhausted


async def test_what_is_in_flight_is_set_aside() -> None:
    """Two sessions cannot spend the same money; when one is over, what it did not use is free again."""
    async with till(day_cents=15) as house:
        first, second = house.treasurer.session(), house.treasurer.session()
        assert first.allow(AskKind.REPLY, READS) == Granted(LONGEST)
        assert second.allow(AskKind.REPLY, READS) == Granted(800)
        first.saw(wire.ResponseBegan("r1"))
        first.saw(ended("r1", Usage(audio_out=160)))
        assert second.allow(AskKind.REPLY, READS) == Granted(LONGEST)


async def test_a_follow_up_is_not_denied_by_the_reply_before_it() -> None:
    """The protocol asks for it before its end was seen: by then only what it came to counts."""
    async with till(day_cents=11) as house:
        purse = house.treasurer.session()
        assert purse.allow(AskKind.REPLY, READS) == Granted(LONGEST)
        purse.saw(wire.ResponseBegan("r1"))
        purse.saw(wire.ReplyAudio("r1", "i1", 0, bytes(48_000)))
        follow_up = purse.allow(AskKind.FOLLOW_UP, READS)
        assert isinstance(follow_up, Granted)
        assert 1_500 < follow_up.max_output_tokens <= LONGEST


async def test_a_long_conversation_is_denied_before_a_short_one() -> None:
    """What is left may still do for a fresh one, so that nothing counts as used up."""
    rates = Rates(text_in=CENT // 1_000, text_out=CENT // 160, audio_out=CENT // 160)
    async with till(day_cents=10, tariff=Tariff(server="online", model="m", rates=rates)) as house:
        denied = house.treasurer.session().allow(AskKind.REPLY, ContextSize(text_tokens=20_000))
        assert denied == Denied("what is left of today's budget is not enough for so long a conversation")
        assert (house.treasurer.exhausted, house.told()) == ("", [])


async def test_what_is_free_is_never_denied() -> None:
    """The server on this machine answers when nothing is left, and its answers are booked at nothing."""
    async with till(day_cents=1) as house:
        house.pay(50)
        offline = house.treasurer.session(Tariff(server="offline", model="embedded"))
        assert house.pay(0, offline) == Granted(LONGEST)
        assert house.treasurer.exhausted != ""
        last = house.ledger.bookings[-1]
        assert (last.server, last.bill.cost.total_pusd) == ("offline", 0)


# ------------------------------------------------------------------------------------------------- days


async def test_midnight_opens_the_purse() -> None:
    """By the wall clock of the house, without a restart."""
    async with till(day_cents=20) as house:
        house.pay(20)
        assert house.treasurer.exhausted != ""
        house.clock.jump(timedelta(hours=12))
        assert house.treasurer.exhausted == ""
        assert (house.pay(1), house.treasurer.spent_today_usd) == (Granted(LONGEST), 0.01)


@pytest.mark.parametrize("jump", [timedelta(hours=-13), timedelta(days=-5), timedelta(days=-20_000)])
async def test_a_clock_that_goes_back_opens_nothing(jump: timedelta) -> None:
    """To yesterday, to last week, to before there was any clock."""
    async with till(day_cents=20) as house:
        house.pay(20)
        house.clock.jump(jump)
        assert house.treasurer.exhausted != ""
        assert isinstance(house.pay(1), Denied)


async def test_a_clock_that_was_not_set_yet_books_on_the_last_day() -> None:
    """A Pi without a battery starts in 1970; what it spends counts for the day of its last booking."""
    ledger = MemoryLedger(standing(15 * CENT))
    async with till(day_cents=20, ledger=ledger) as house:
        house.clock.jump(timedelta(days=-20_000))
        assert house.pay(5) == Granted(800)
        assert ledger.bookings[-1].day == TODAY
        assert house.treasurer.spent_today_usd == 0.20


# ------------------------------------------------------------------------------------------------- the books


async def test_every_response_becomes_a_booking() -> None:
    """With the turn that it belongs to, the server, the model and the day; the count goes with it."""
    async with till() as house:
        house.turn = 7
        house.pay(1, kind=AskKind.SPEECH)
        [booking] = house.ledger.bookings
        assert (booking.turn, booking.server, booking.model, booking.day) == (7, "online", "mini", TODAY)
        assert (booking.bill.purpose, booking.bill.cost.audio_out) == (Purpose.SPEECH, CENT // 160 * 160)
        assert house.ledger.standing == standing(booking.bill.cost.total_pusd)
    assert not house.ledger.is_open


async def test_a_restart_forgets_nothing() -> None:
    """What one run spent is missing in the next one's purse."""
    ledger = MemoryLedger()
    async with till(day_cents=20, ledger=ledger) as house:
        house.pay(15)
    async with till(day_cents=20, ledger=ledger) as house:
        assert house.pay(5) == Granted(800)


async def test_a_session_that_breaks_off_is_settled_by_estimate() -> None:
    """Nothing stays set aside, and what may have been made is paid; twice closed is once settled."""
    async with till(day_cents=20) as house:
        purse = house.treasurer.session()
        purse.allow(AskKind.REPLY, READS)
        purse.saw(wire.ResponseBegan("r1"))
        purse.close()
        purse.close()
        [booking] = house.ledger.bookings
        assert booking.bill.estimated
        assert purse.meter.reserved_pusd == 0
        assert 0 < house.treasurer.spent_today_usd < 0.02


async def test_what_a_turn_cost_is_the_difference_of_two_readings() -> None:
    """Counted from the start of the run, whatever was spent before."""
    async with till(ledger=MemoryLedger(standing(50 * CENT))) as house:
        before = house.treasurer.spent_in_run_usd
        house.pay(3)
        assert (before, house.treasurer.spent_in_run_usd) == (0.0, 0.03)
        assert house.treasurer.spent_today_usd == 0.53


async def test_lost_books_leave_what_an_even_pace_would(caplog: pytest.LogCaptureFixture) -> None:
    """At noon of the 22nd: half of the day's limit, and 72 percent of the month's."""
    async with till(day_cents=20, month_cents=100, ledger=MemoryLedger(lost="the ledger was damaged")) as house:
        spent_usd = (house.treasurer.spent_today_usd, house.treasurer.spent_month_usd)
        assert [round(usd, 2) for usd in spent_usd] == [0.10, 0.72]
        assert "it is not known what was spent before: the ledger was damaged" in caplog.text


async def test_what_was_assumed_once_is_not_forgotten() -> None:
    """A restart finds it in the new ledger; otherwise a damaged one and two starts would open the budget."""
    ledger = MemoryLedger(lost="the ledger was damaged")
    async with till(day_cents=20, ledger=ledger):
        pass
    ledger.lost = ""
    async with till(day_cents=20, ledger=ledger) as house:
        assert round(house.treasurer.spent_today_usd, 2) == 0.10


async def test_a_run_that_ends_leaves_late_settlements_to_nobody() -> None:
    """A session that is closed after the books is no mistake: it is counted, and nothing is written."""
    async with till() as house:
        purse = house.treasurer.session()
        purse.allow(AskKind.REPLY, READS)
    purse.close()
    assert (house.ledger.bookings, house.treasurer.spent_in_run_usd > 0) == ([], True)


# ------------------------------------------------------------------------------------------------- notices


async def test_the_owner_is_warned_once_and_told_once() -> None:
    """At 80 percent, and when nothing more can be paid; never again on that day, and anew on the next."""
    async with till(day_cents=20) as house:
        house.pay(15.9)
        assert house.told() == []
        house.pay(0.2)
        assert house.told() == [(NoticeKind.WARNING, Period.DAY)]
        house.pay(0.5)
        house.pay(2.6)
        assert house.told() == [(NoticeKind.EXHAUSTED, Period.DAY)]
        house.pay(1)
        house.pay(1)
        assert house.told() == []
        house.clock.jump(timedelta(days=1))
        house.pay(20)
        assert house.told() == [(NoticeKind.EXHAUSTED, Period.DAY)]


async def test_a_month_is_warned_of_although_the_day_is_over() -> None:
    """Both in the same moment: the one is no reason to forget the other."""
    async with till(day_cents=20, month_cents=25) as house:
        house.pay(20)
        assert house.told() == [(NoticeKind.EXHAUSTED, Period.DAY), (NoticeKind.WARNING, Period.MONTH)]


async def test_a_run_that_begins_with_nothing_left_says_so_when_somebody_asks() -> None:
    """Not at the start, when nobody listens; and it does not warn of what is long over."""
    async with till(day_cents=20, ledger=MemoryLedger(standing(20 * CENT))) as house:
        assert house.told() == []
        house.pay(1)
        house.pay(1)
        assert house.told() == [(NoticeKind.EXHAUSTED, Period.DAY)]


@pytest.mark.parametrize(
    ("notice", "text"),
    [
        (
            Notice(NoticeKind.WARNING, Period.DAY, 81 * CENT, 100 * CENT),
            "81 percent of today's budget of $1.00 is used up.",
        ),
        (Notice(NoticeKind.EXHAUSTED, Period.DAY, 1, 100 * CENT), "Today's budget of $1.00 is used up until tomorrow."),
        (
            Notice(NoticeKind.EXHAUSTED, Period.MONTH, 1, 2_000 * CENT),
            "This month's budget of $20.00 is used up until next month.",
        ),
    ],
)
def test_notices_are_sentences(notice: Notice, text: str) -> None:
    """That can be spoken."""
    assert notice.text == text


async def test_the_journal_says_what_counts_and_what_was_spent(caplog: pytest.LogCaptureFixture) -> None:
    """At every start, with the warnings of the price table."""
    caplog.set_level(logging.INFO)
    tariff = Tariff(server="online", model="new", rates=RATES, basis="at the dearest known rates", warnings=("Mind.",))
    async with till(ledger=MemoryLedger(standing(5 * CENT)), tariff=tariff):
        told: Callable[[logging.LogRecord], str] = logging.LogRecord.getMessage
        assert [told(record) for record in caplog.records] == [
            "Mind.",
            "new counts at the dearest known rates; spent today $0.05, this month $0.05",
        ]


async def test_a_limit_that_pays_for_nothing_is_told_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """Otherwise its owner would wonder why the first answer of the day is denied."""
    rates = Rates(text_out=CENT // 80, audio_out=CENT // 80)
    async with till(day_cents=1, month_cents=5, tariff=Tariff(server="online", model="m", rates=rates)):
        assert [record.getMessage() for record in caplog.records] == [
            "A limit of $0.01 a day pays for no answer at all: a short one may cost $0.02."
        ]


async def test_a_short_reply_and_a_denied_one_stand_in_the_journal(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever wonders why an answer stopped finds it there."""
    caplog.set_level(logging.INFO)
    async with till(day_cents=5) as house:
        house.pay(5)
        house.pay(1)
        events = [vars(record).get("HEARTHD_EVENT") for record in caplog.records]
        assert events == ["spent", "reply_shortened", "budget_exhausted", "reply_denied"]
