"""The daemon's ledger against the bill of the strict server: dozens of conversations by lot, in virtual time."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import pytest
from msgspec import structs

from hearthd.core.audio.pcm import LINK_RATE_HZ
from hearthd.core.conversation.phases import Phase
from hearthd.core.money.amounts import PUSD_PER_USD
from hearthd.core.settings import BudgetSettings, RealtimeSettings
from hearthd.ports import LinkUnavailable
from tests.doubles.memory_ledger import MemoryClock, MemoryLedger
from tests.doubles.memory_link import MemoryConnection
from tests.doubles.realtime import (
    Broken,
    Call,
    Incomplete,
    Record,
    Reply,
    ResponseRequest,
    Scenario,
    SessionRecord,
    config,
    now_s,
)
from tests.doubles.realtime import Speech as Said
from tests.doubles.realtime.conversation import Conversation
from tests.doubles.realtime.outbox import Outbox
from tests.doubles.realtime.scenario import Cursor
from tests.doubles.realtime.session import Session
from tests.doubles.realtime.wiring import Wiring
from tests.engine.server import ScriptedServer
from tests.engine.voices import noise
from tests.engine.world import World, living, settings_of

MODEL: Final = "gpt-realtime-2.1-mini"
WAYS: Final = ("plain", "call", "interrupt", "cancel", "break", "untold", "cut", "follow", "silent")
EACH_WAY: Final = 3
SWITCH: Final = Call("set_switch", {"device": ["lamp"], "on": True})


@dataclass
class MemorySocket:
    """A connection in memory as the double's session knows sockets."""

    connection: MemoryConnection

    async def send(self, text: str) -> None:
        """Send."""
        self.connection.push(text)

    async def __aiter__(self) -> AsyncIterator[str]:
        """Receive."""
        while True:
            yield await self.connection.next_text()

    @property
    def transport(self) -> "MemorySocket":
        """Be one's own."""
        return self

    def abort(self) -> None:
        """Break off."""
        self.connection.end(LinkUnavailable("the line broke"))


class StrictServer(ScriptedServer):
    """The strict double with its bill, on links in memory; makes what `planned` says, else a short answer."""

    planned: deque[Reply]
    record: Record

    async def run(self) -> None:
        """Serve for ever."""
        self.planned, self.record = deque(), Record()
        scenario = Scenario(respond=self._make, cache_from_tokens=1_024)
        cursor = Cursor(scenario)
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(self._host(await self.link.accept(), scenario, cursor))

    async def _make(self, _request: ResponseRequest) -> Reply:
        return self.planned.popleft() if self.planned else said(0.3)

    async def _host(self, connection: MemoryConnection, scenario: Scenario, cursor: Cursor) -> None:
        number = len(self.record.sessions) + 1
        session = SessionRecord(number, MODEL, now_s())
        self.record.opened(session, live=1)
        flowing = asyncio.Event()
        flowing.set()
        socket: Any = MemorySocket(connection)
        outbox = Outbox(socket, number, scenario.quirks, self.record, flowing)
        session.config = config.default_session(outbox.new_id("sess"), MODEL, 2_000_000_000)
        wiring = Wiring(scenario, cursor, self.record, session, outbox, Conversation())
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(Session(wiring, tasks).serve(socket))
            await connection._ended.wait()
            serving.cancel()


def said(duration_s: float, **how: object) -> Reply:
    """Return a spoken reply."""
    return Reply((Said(noise(duration_s, LINK_RATE_HZ), "word " * round(3 * duration_s)),), **how)  # type: ignore[arg-type]


@dataclass
class Household:
    """Converses by lot."""

    world: World
    server: StrictServer
    lot: random.Random

    async def converse(self, way: str) -> None:
        """Hold one conversation."""
        long_s = self.lot.uniform(0.4, 4.0)
        match way:
            case "call":
                self.server.planned += [Reply((SWITCH,), usage=self.lot.random() < 0.7), said(long_s)]
            case "cancel":
                self.server.planned.append(said(long_s, delay_s=30.0, usage=self.lot.random() < 0.7))
            case "break":
                self.server.planned.append(said(long_s, ending=Broken()))
            case "untold":
                self.server.planned.append(said(long_s, usage=False))
            case "cut":
                self.server.planned.append(said(long_s, ending=Incomplete()))
            case "silent":
                self.server.planned.append(Reply((), usage=self.lot.random() < 0.7))
            case _:
                self.server.planned.append(said(long_s))
        await self.world.ask(self.lot.uniform(0.4, 3.0))
        await self._go_on(way)
        await self.world.reach(Phase.IDLE)
        await self.world.until(lambda: self.world.ready)

    async def _go_on(self, way: str) -> None:
        if way == "cancel":
            await asyncio.sleep(1.0)
            self.world.request("stop")
        elif way == "interrupt":
            await self.world.reach(Phase.SPEAKING)
            self.world.speak(0.5, self.world.say_word() + 0.1)
        elif way == "follow":
            await self.world.reach(Phase.FOLLOW_UP)
            self.world.speak(0.6)


def usd(amounts_pusd: list[int]) -> Decimal:
    """Add up."""
    return Decimal(sum(amounts_pusd)) / PUSD_PER_USD


@pytest.mark.parametrize("seed", range(2))
async def test_the_ledger_is_the_servers_bill(seed: int) -> None:
    """To the last digit where the server told what it took, and never below its bill where it did not."""
    realtime = RealtimeSettings(model=MODEL, acknowledge="speech", transcription="gpt-transcribe")

    def strict(world: World) -> None:
        world.server = StrictServer(world.link)

    async with living(settings_of(realtime=realtime), prepare=strict) as world:
        server, ledger = world.server, world.daemon._outside.ledger
        assert isinstance(server, StrictServer)
        assert isinstance(ledger, MemoryLedger)
        house = Household(world, server, random.Random(seed))
        for way in house.lot.sample(WAYS * EACH_WAY, len(WAYS) * EACH_WAY):
            await house.converse(way)
    bills = [booking.bill for booking in ledger.bookings]
    told: list[Decimal] = []
    untold: list[Decimal] = []
    for response in server.record.responses:
        heard = response.usage is not None and response.cancel_at_s is None  # else the session is given up before
        (told if heard else untold).append(response.cost_usd)
    assert len(told) > len(WAYS) * EACH_WAY / 2
    written_pusd = [bill.cost.transcription for bill in bills]
    spent = [(bill.estimated, bill.cost.total_pusd - bill.cost.transcription) for bill in bills]
    assert usd([pusd for estimated, pusd in spent if not estimated]) == sum(told)
    assert usd([pusd for estimated, pusd in spent if estimated]) >= sum(untold) > 0
    assert usd(written_pusd) == pytest.approx(server.record.transcription_usd, rel=Decimal("0.001"))
    assert usd([bill.cost.total_pusd for bill in bills]) == pytest.approx(server.record.cost_usd, rel=Decimal("0.5"))
    assert [violation.problem for violation in server.record.violations] == []


@pytest.mark.parametrize("seed", range(2))
async def test_a_day_costs_its_limit_and_one_response_at_most(seed: int) -> None:
    """By the server's own bill, whatever the conversations are like; then nobody is listened to any more."""
    budget = BudgetSettings(day_usd=0.02, when_exhausted="refuse")
    settings = structs.replace(settings_of(realtime=RealtimeSettings(model=MODEL)), budget=budget)

    def strict(world: World) -> None:
        world.server = StrictServer(world.link)

    async with living(settings, prepare=strict, clock=MemoryClock()) as world:
        assert isinstance(world.server, StrictServer)
        house = Household(world, world.server, random.Random(seed))
        while not world.machine.budget_trouble:
            await house.converse(house.lot.choice(WAYS))
        record, spent_usd = world.server.record, world.daemon._treasurer.spent_today_usd
    dearest_usd = max(response.cost_usd for response in record.responses)
    assert record.cost_usd <= Decimal("0.02") + dearest_usd
    assert 0.015 < spent_usd <= 0.02 + float(dearest_usd)
