"""Holds the purse: asks the budget before each response, and books what it cost after.

How to plug it in:

* *compose* builds one `Treasurer`, and runs the daemon's task group inside `async with treasurer.open():`, so that the
  books close after everybody who books has ended.
* Each session with a server takes a `Purse` from `treasurer.session()`, or from `session(tariff)` where it is not the
  configured server. The session's protocol gets `purse.allow` as its `Allow`; every event that the protocol reports
  goes to `purse.saw`, in order; and `purse.close()` is called when the session is over, for whatever reason.
* The choice of the server reads `treasurer.exhausted`; the state on MQTT reads `spent_today_usd`; the journal of turns
  reads `spent_in_run_usd` at a turn's beginning and end, and tells the number of the turn under way.
* `listen` brings what the owner should know, beside the journal: each notice once a day or month.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, Never

from hearthd.core.money.account import Account, assumed
from hearthd.core.money.amounts import shown, to_usd
from hearthd.core.money.bookings import Bill, Booking
from hearthd.core.money.budget import SHORTEST_REPLY_TOKENS, Limits, Period, Unaffordable, Wish, decide
from hearthd.core.money.cost import Tariff
from hearthd.core.money.meter import SessionMeter
from hearthd.core.realtime.allowance import Allowance, AskKind, ContextSize, Denied, Granted
from hearthd.core.realtime.events import LinkEvent
from hearthd.ports import Books, Ledger, WallClock

log = logging.getLogger(__name__)

FRESH_CONTEXT: Final = ContextSize(text_tokens=1_200, audio_tokens=60)
"""What the first response of a conversation reads in a large house: when not even that is affordable, nothing is."""
_OF_PERIOD: Final = {Period.DAY: "today's", Period.MONTH: "this month's"}
_AGAIN: Final = {Period.DAY: "tomorrow", Period.MONTH: "next month"}
_PERCENT: Final = 100


class NoticeKind(StrEnum):
    """What a notice is about."""

    WARNING = "warning"
    EXHAUSTED = "exhausted"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about the budget that the owner should know."""

    kind: NoticeKind
    period: Period
    spent_pusd: int
    limit_pusd: int

    @property
    def text(self) -> str:
        """One sentence."""
        whose = _OF_PERIOD[self.period]
        if self.kind is NoticeKind.WARNING:
            percent = self.spent_pusd * _PERCENT // self.limit_pusd
            return f"{percent} percent of {whose} budget of {shown(self.limit_pusd)} is used up."
        return (
            f"{whose[0].upper()}{whose[1:]} budget of {shown(self.limit_pusd)} is used up until {_AGAIN[self.period]}."
        )


class Treasurer:
    """One for the whole daemon; lives on the event loop, and never waits for the disk once it is open.

    Limits are kept whatever happens to the ledger. When it cannot be known what was spent before, each limit counts as
    evenly used up until now.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: WallClock,
        limits: Limits,
        tariff: Tariff,
        *,
        earliest: date,
        max_output_tokens: int,
        turn: Callable[[], int] = int,
    ) -> None:
        """Serve the configured server's `tariff`.

        `earliest` is the oldest date to believe of a clock, and `max_output_tokens` the longest reply. `turn` returns
        the number of the turn that is under way, for the bookings; 0: none is.
        """
        self._ledger = ledger
        self._clock = clock
        self._limits = limits
        self._tariff = tariff
        self._earliest = earliest
        self._max_output_tokens = max_output_tokens
        self._turn = turn
        self._least = SessionMeter(tariff).wish(FRESH_CONTEXT, SHORTEST_REPLY_TOKENS)
        self._account = Account(limits, None, earliest, earliest)
        self._books: Books | None = None
        self._purses: set[Purse] = set()
        self._listeners: list[Callable[[Notice], None]] = []
        self._told: set[tuple[Period, date]] = set()
        self._run_pusd = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Hold the books open; what is booked inside is on the disk at the end."""
        async with self._ledger.open() as books:
            now = self._clock.now()
            standing = books.standing
            if books.lost:
                standing = assumed(self._limits, now, self._earliest)
                books.keep(standing)
                log.warning(
                    "it is not known what was spent before: %s; %s of today and %s of this month count as spent",
                    books.lost,
                    shown(standing.day.spent_pusd),
                    shown(standing.month.spent_pusd),
                    extra={"HEARTHD_EVENT": "spending_unknown", "HEARTHD_PROBLEM": books.lost},
                )
            self._account = Account(self._limits, standing, now.day, self._earliest)
            self._books = books
            self._tell_standing()
            try:
                yield
            finally:
                self._books = None

    async def run(self) -> Never:
        """Watch the open books, and raise what breaks them: spending that nobody writes down must not go on."""
        assert self._books is not None, "the books are watched while they are open"
        await self._books.watch()

    def listen(self, listener: Callable[[Notice], None]) -> None:
        """Have `listener` called with every notice, from within the call that brings it about."""
        self._listeners.append(listener)

    def session(self, tariff: Tariff | None = None) -> "Purse":
        """Begin a session; None: with the configured server."""
        purse = Purse(self, tariff or self._tariff)
        self._purses.add(purse)
        return purse

    @property
    def exhausted(self) -> str:
        """Why no conversation with the configured server can be paid for, in plain words; empty while one can."""
        period = self._exhausted_period()
        return "" if period is None else self._reason(period)

    @property
    def spent_today_usd(self) -> float:
        """What was spent today."""
        return to_usd(self._current().spent_pusd(Period.DAY))

    @property
    def spent_month_usd(self) -> float:
        """What was spent this month."""
        return to_usd(self._current().spent_pusd(Period.MONTH))

    @property
    def spent_in_run_usd(self) -> float:
        """What was spent since the start: what a turn cost is the difference of two readings."""
        return to_usd(self._run_pusd)

    # For the purses

    def allow(self, purse: "Purse", reads: ContextSize) -> tuple[Wish, Granted | Denied]:
        """Decide about a response; see `Purse.allow`."""
        wish = purse.meter.wish(reads, self._max_output_tokens)
        others_pusd = sum(other.meter.reserved_pusd for other in self._purses if other is not purse)
        decision = decide(wish, self._current().left_pusd(others_pusd + purse.meter.incurred_pusd))
        if not isinstance(decision, Unaffordable):
            if decision.clamped:
                fields = {"HEARTHD_EVENT": "reply_shortened", "HEARTHD_TOKENS": decision.max_output_tokens}
                log.info("a reply is kept short, because little is left to spend", extra=fields)
            return wish, Granted(decision.max_output_tokens)
        self._tell_exhausted()
        reason = self.exhausted or (
            f"what is left of {_OF_PERIOD[decision.period]} budget is not enough for so long a conversation"
        )
        log.info("no reply: %s", reason, extra={"HEARTHD_EVENT": "reply_denied", "HEARTHD_PROBLEM": reason})
        return wish, Denied(reason)

    def settle(self, tariff: Tariff, bill: Bill) -> None:
        """Book what a response came to."""
        account = self._current()
        cost_pusd = bill.cost.total_pusd
        warned = account.book(cost_pusd)
        self._run_pusd += cost_pusd
        if self._books is not None:
            booking = Booking(
                utc_ms=self._clock.now().utc_ms,
                day=account.today,
                server=tariff.server,
                model=tariff.model,
                turn=self._turn(),
                bill=bill,
            )
            self._books.book(booking, account.standing)
        exhausted = self._tell_exhausted()
        for period in warned:
            if period is not exhausted:
                self._tell(NoticeKind.WARNING, period)

    def leave(self, purse: "Purse") -> None:
        """Forget a purse that is closed."""
        self._purses.discard(purse)

    # What is left, and who hears of it

    def _current(self) -> Account:
        self._account.look(self._clock.now(), asyncio.get_running_loop().time())
        return self._account

    def _exhausted_period(self) -> Period | None:
        decision = decide(self._least, self._current().left_pusd())
        return decision.period if isinstance(decision, Unaffordable) else None

    def _reason(self, period: Period) -> str:
        key = "budget.day_usd" if period is Period.DAY else "budget.month_usd"
        limit = shown(self._limits.of(period))
        return f"{_OF_PERIOD[period]} budget of {limit} is used up until {_AGAIN[period]} ({key} raises it)"

    def _tell_exhausted(self) -> Period | None:
        """Tell that a limit is reached, once in its period; returns whose it is."""
        period = self._exhausted_period()
        if period is None:
            return None
        standing = self._account.standing
        mark = (period, (standing.day if period is Period.DAY else standing.month).begins)
        if mark not in self._told:
            self._told.add(mark)
            self._tell(NoticeKind.EXHAUSTED, period)
        return period

    def _tell(self, kind: NoticeKind, period: Period) -> None:
        notice = Notice(kind, period, self._account.spent_pusd(period), self._limits.of(period))
        fields = {
            "HEARTHD_EVENT": f"budget_{kind}",
            "HEARTHD_PERIOD": period.value,
            "HEARTHD_COST_USD": to_usd(notice.spent_pusd),
            "HEARTHD_LIMIT_USD": to_usd(notice.limit_pusd),
        }
        log.warning("%s", notice.text, extra=fields)
        for listener in self._listeners:
            listener(notice)

    def _tell_standing(self) -> None:
        for warning in (*self._tariff.warnings, *self._tiny_limits()):
            log.warning("%s", warning, extra={"HEARTHD_EVENT": "price_warning"})
        day, month = self._account.spent_pusd(Period.DAY), self._account.spent_pusd(Period.MONTH)
        log.info(
            "%s counts %s; spent today %s, this month %s",
            self._tariff.model or "the server's model",
            self._tariff.basis,
            shown(day),
            shown(month),
            extra={"HEARTHD_EVENT": "spent", "HEARTHD_COST_USD": to_usd(day)},
        )

    def _tiny_limits(self) -> Iterator[str]:
        least_pusd = self._least.input_pusd + self._least.max_output_tokens * self._least.token_pusd
        for period in Period:
            if 0 < self._limits.of(period) < least_pusd:
                limit, least = shown(self._limits.of(period)), shown(least_pusd)
                yield f"A limit of {limit} a {period} pays for no answer at all: a short one may cost {least}."


class Purse:
    """One session's share of the treasurer."""

    def __init__(self, treasurer: Treasurer, tariff: Tariff) -> None:
        """Come from `Treasurer.session`."""
        self._treasurer = treasurer
        self._tariff = tariff
        self.meter = SessionMeter(tariff)

    def allow(self, kind: AskKind, reads: ContextSize) -> Allowance:
        """Decide whether a response may be asked for, and set aside what it may cost; the protocol's `Allow`.

        `Granted` means that it is asked for at once, or just began by itself. What is set aside counts until its end
        was seen, the next response is asked for, or the session is closed. Other responses of this session are over
        when the protocol asks, whether or not their ends were seen yet; so they count as what they came to.
        """
        self.meter.withdraw()
        wish, allowance = self._treasurer.allow(self, reads)
        if isinstance(allowance, Granted):
            self.meter.ask(kind, reads, wish.input_pusd + allowance.max_output_tokens * wish.token_pusd, _now_s())
        return allowance

    def saw(self, event: LinkEvent) -> Bill | None:
        """Take every event of the session, in order; returns what a response cost that is over with it."""
        bill = self.meter.saw(event, _now_s())
        if bill is not None:
            self._treasurer.settle(self._tariff, bill)
        return bill

    def close(self) -> None:
        """Settle by estimate what has no end any more; harmless when done twice."""
        for bill in self.meter.close(_now_s()):
            self._treasurer.settle(self._tariff, bill)
        self._treasurer.leave(self)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
