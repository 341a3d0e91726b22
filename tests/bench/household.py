"""`scripts/bench household`: what a household pays in a month, simulated over the daemon's own protocol and treasurer.

A pure simulation in virtual time: 23 commands a day, 60 % of which switch something (anchors: Alexa 18, Google Home 23
on days of use), every fourth right after another one, and one false wake a day. The house has fifty devices.
"""

import asyncio
import logging
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from hearthd.config.prices import shipped_prices
from hearthd.core.home.catalogue import Catalogue
from hearthd.core.money.amounts import PUSD_PER_USD, to_pusd
from hearthd.core.money.budget import Limits
from hearthd.core.realtime.commands import AnswerCall, CommitInput, RequestResponse
from hearthd.core.realtime.events import CallRequested, ResponseDenied
from hearthd.core.realtime.protocol import RealtimeProtocol
from hearthd.core.realtime.session import SessionPlan, session_plan
from hearthd.core.settings import INSTRUCTIONS, RealtimeSettings
from hearthd.engine.treasurer import Purse, Treasurer
from tests.bench.figures import Budget, Figure, Statistic
from tests.bench.household_server import BilledServer, Made
from tests.bench.report import Report
from tests.core.realtime.wire import BYTES_PER_MS
from tests.doubles.fifty_devices import fifty_devices
from tests.doubles.memory_ledger import MemoryClock, MemoryLedger
from tests.doubles.virtual_time import START_S, VirtualTimeLoop

TITLE = "A household's month"
MODELS: Final = ("gpt-realtime-2.1-mini", "gpt-realtime-2.1")
Acknowledge = Literal["auto", "earcon", "speech"]
ACKNOWLEDGES: Final[tuple[Acknowledge, ...]] = ("auto", "earcon", "speech")
MONTH_GOAL_USD: Final = 1.50
"""On the mini model, with `acknowledge = "auto"`."""
LIMIT_USD: Final = 0.03
"""A day's limit below what a day costs, to see it kept."""
TALK_TURNS: Final = 120
"""An hour's talk in one conversation, to see the context bounded."""
_BEGIN: Final = datetime(2026, 11, 1, tzinfo=UTC)
_RESULT: Final = '{"done": ["kitchen ceiling light"], "state": {"on": true}, "confirmed": true}'
_CENTS: Final = 100


@dataclass(frozen=True, slots=True)
class Habits:
    """How a household talks."""

    commands_a_day: int = 23
    control_share: float = 0.6
    """Of the commands, those that switch something."""
    plain_share: float = 0.9
    """Of those, the ones that devices confirm and that need no words under `auto`."""
    follow_up_share: float = 0.25
    """Of the commands, those that come right after another one, in the same conversation."""
    false_wakes_a_day: int = 1
    heard_ms: int = 2_500
    acknowledgement_ms: int = 1_500
    answer_ms: int = 6_000


@dataclass(slots=True)
class Month:
    """What a simulation brought."""

    turns_usd: list[float] = field(default_factory=list)
    days_usd: list[float] = field(default_factory=list)
    dearest_usd: float = 0.0
    """The dearest single response."""
    context_tokens: list[int] = field(default_factory=list)
    """What each response read, in order."""
    denied: int = 0
    server_usd: float = 0.0
    """The server's own bill."""

    @property
    def total_usd(self) -> float:
        """The daemon's bill."""
        return sum(self.days_usd)


class Home:
    """A household with its treasurer, over one simulated time."""

    def __init__(self, model: str, acknowledge: Acknowledge, habits: Habits, day_usd: float = 0.0) -> None:
        self.month = Month()
        self.ledger = MemoryLedger()
        self._habits = habits
        self._acknowledge = acknowledge
        self._random = random.Random(1)
        self.plan = _plan(model)
        self.treasurer = Treasurer(
            self.ledger,
            MemoryClock(_BEGIN - timedelta(seconds=START_S)),
            Limits(day_pusd=to_pusd(day_usd)),
            shipped_prices().tariff("online", model, stays_here=False, today=_BEGIN.date()),
            earliest=_BEGIN.date(),
            max_output_tokens=self.plan.max_output_tokens,
        )

    async def live(self, days: int) -> None:
        """Let days pass, from seven in the morning to eleven at night."""
        loop = asyncio.get_running_loop()
        habits = self._habits
        for day in range(days):
            moments = [self._random.uniform(7, 23) for _ in range(habits.commands_a_day + habits.false_wakes_a_day)]
            false_wakes = set(self._random.sample(range(len(moments)), habits.false_wakes_a_day))
            talk: Talk | None = None
            for number, hour in enumerate(sorted(moments)):
                await asyncio.sleep(max(0.0, START_S + (24 * day + hour) * 3600 - loop.time()))
                if talk is None or self._random.random() >= habits.follow_up_share:
                    self._end(talk)
                    talk = Talk(self.plan, self.treasurer.session(), self.month)
                self._turn(talk, false_wake=number in false_wakes)
            self._end(talk)
            self.month.days_usd.append(self.treasurer.spent_today_usd)
        self.month.dearest_usd = max(each.bill.cost.total_pusd for each in self.ledger.bookings) / PUSD_PER_USD

    async def talk_long(self, turns: int) -> None:
        """Have one conversation that does not end for long."""
        talk = Talk(self.plan, self.treasurer.session(), self.month)
        for _ in range(turns):
            await asyncio.sleep(30.0)
            self._turn(talk)
        self._end(talk)

    def _turn(self, talk: "Talk", *, false_wake: bool = False) -> None:
        habits, before_usd = self._habits, self.treasurer.spent_in_run_usd
        if false_wake:
            talk.ask(habits.heard_ms, Made())
        elif self._random.random() < habits.control_share:
            plain = self._random.random() < habits.plain_share
            words = {"speech": True, "earcon": False, "auto": not plain}[self._acknowledge]
            talk.ask(habits.heard_ms, Made(call=True), Made(speech_ms=habits.acknowledgement_ms) if words else None)
        else:
            talk.ask(habits.heard_ms, Made(speech_ms=habits.answer_ms))
        self.month.turns_usd.append(self.treasurer.spent_in_run_usd - before_usd)

    def _end(self, talk: "Talk | None") -> None:
        if talk is not None:
            talk.purse.close()
            self.month.server_usd += float(talk.server.bill_usd)


class Talk:
    """One session: the daemon's protocol on one side, the server on the other."""

    def __init__(self, plan: SessionPlan, purse: Purse, month: Month) -> None:
        self.purse = purse
        self.server = BilledServer(plan)
        self._protocol = RealtimeProtocol(plan, (), purse.allow)
        self._month = month
        self._after_call: Made | None = None
        self._hear(self.server.greeting())

    def ask(self, heard_ms: int, made: Made, after_call: Made | None = None) -> None:
        """Say something; the model makes `made` of it and, after a call that needs words, `after_call`."""
        self._after_call, self.server.next = after_call, made
        self._protocol.begin_user_turn()
        self._protocol.append(bytes(heard_ms * BYTES_PER_MS))
        self._protocol.send(CommitInput())
        self._protocol.send(RequestResponse())
        self._deliver()

    def _deliver(self) -> None:
        while texts := self._protocol.data_to_send():
            for text in texts:
                for answer in self.server.take(text):
                    self._hear(answer)
        self._month.context_tokens += self.server.context_tokens
        self.server.context_tokens.clear()

    def _hear(self, text: str) -> None:
        for event in self._protocol.receive(text):
            self.purse.saw(event)
            if isinstance(event, ResponseDenied):
                self._month.denied += 1
            if isinstance(event, CallRequested):
                needs_words = self._after_call is not None
                self.server.next = self._after_call or Made()
                self._protocol.send(AnswerCall(event.call_id, _RESULT, follow_up=needs_words))
        if not self._protocol.ready:
            self._deliver()


def _plan(model: str) -> SessionPlan:
    catalogue = Catalogue(fifty_devices(), "living room")
    return session_plan(
        RealtimeSettings(model=model),
        instructions=f"{INSTRUCTIONS}\n{catalogue.instructions()}",
        tools=catalogue.tools(),
        end_of_speech_ms=500,
    )


def simulated(home: Home, *, days: int = 0, turns: int = 0) -> Month:
    """Run a household for so many days, or for one conversation of so many turns."""

    async def run() -> None:
        async with home.treasurer.open():
            await (home.live(days) if days else home.talk_long(turns))

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(run())
    return home.month


def household(days: int, report: Report, plot: Path | None = None) -> list[Figure]:
    """Simulate everything; raises AssertionError when the daemon does not do its part."""
    logging.getLogger("hearthd").addHandler(logging.NullHandler())  # its notices belong to nobody here
    figures: list[Figure] = []
    bill = Figure("the daemon's bill against the server's own", "%", Budget(1, Statistic.MAX))
    for model in MODELS:
        for acknowledge in ACKNOWLEDGES:
            report.progress(f"{days} days with {model}, acknowledge = {acknowledge} ...")
            month = simulated(Home(model, acknowledge, Habits()), days=days)
            bill.add(abs(month.total_usd / month.server_usd - 1) * 100)
            goal = Budget(MONTH_GOAL_USD, Statistic.MAX) if (model, acknowledge) == (MODELS[0], "auto") else None
            name = f"{model}, {acknowledge}"
            figures.append(Figure(f"{name}: 30 days", "$", goal, [month.total_usd / days * 30]))
            figures.append(Figure(f"{name}: a turn", "¢", None, [usd * _CENTS for usd in month.turns_usd]))
    report.progress(f"{days} days with a limit of ${LIMIT_USD:g} a day ...")
    limited = simulated(Home(MODELS[0], "auto", Habits(), LIMIT_USD), days=days)
    past = [max(0.0, usd - LIMIT_USD) / limited.dearest_usd for usd in limited.days_usd]
    report.progress(f"    {limited.denied} responses denied")
    report.progress(f"a talk of {TALK_TURNS} turns ...")
    talking = Home(MODELS[0], "speech", Habits())
    talk = simulated(talking, turns=TALK_TURNS)
    bound = len(talking.plan.standing_text) // 4 + talking.plan.context_tokens
    if plot is not None:
        _draw(plot, talk, bound)
    return [
        *figures,
        bill,
        Figure("past the day's limit, in responses", "", Budget(1, Statistic.MAX), past),
        Figure(
            "context of a response in a talk without end",
            "tokens",
            Budget(bound, Statistic.MAX),
            [*talk.context_tokens],
        ),
        Figure("that talk: a turn", "¢", None, [usd * _CENTS for usd in talk.turns_usd]),
    ]


def _draw(file: Path, talk: Month, bound: int) -> None:
    from matplotlib.figure import Figure as Picture  # noqa: PLC0415 - half a second that only a picture is worth.

    picture = Picture(figsize=(9.0, 4.5), layout="constrained")
    axes = picture.subplots()
    axes.plot(talk.context_tokens, color="#2f6f9f", linewidth=1.6)
    axes.axhline(bound, color="#b3261e", linewidth=1.1, linestyle=(0, (5, 3)))
    axes.set_ylim(0, bound * 1.15)
    axes.set_title("Tokens read for each response of a talk without end, and their bound", loc="left", fontsize=11)
    axes.set_xlabel("response")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6eaee")
    picture.savefig(file, dpi=150)
