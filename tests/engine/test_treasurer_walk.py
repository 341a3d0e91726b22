"""Random walks of the treasurer: sessions that break off, servers that tell nothing, clocks that jump, restarts."""

import asyncio
import random
from datetime import date, timedelta

import pytest

from hearthd.config.prices import shipped_prices
from hearthd.core.money.amounts import to_pusd
from hearthd.core.money.budget import Limits, Period
from hearthd.core.money.cost import cost_of
from hearthd.core.realtime import events as wire
from hearthd.core.realtime.allowance import AskKind, ContextSize, Granted
from hearthd.core.realtime.usage import Usage
from hearthd.engine.treasurer import Purse, Treasurer
from tests.core.money.ledgers import TODAY
from tests.doubles.memory_ledger import MemoryClock, MemoryLedger

TARIFF = shipped_prices().tariff("online", "gpt-realtime-2.1", stays_here=False, today=TODAY)
LIMITS = Limits(day_pusd=to_pusd(0.80), month_pusd=to_pusd(8.00))
STEPS = 150


class Walk:
    """A household that does anything at all, with a server that keeps to what it was granted."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.ledger = MemoryLedger()
        self.clock = MemoryClock()
        self.charged_pusd = 0
        """What the server charges for responses whose end was seen with a usage."""
        self.names = 0
        self.denied = 0
        self.treasurer: Treasurer

    def response(self, purse: Purse) -> None:
        """Ask for a response, and let it end in any way."""
        left_pusd = self.left_pusd()
        reads = ContextSize(text_tokens=self.random.randrange(3_000), audio_tokens=self.random.randrange(600))
        allowance = purse.allow(self.random.choice(list(AskKind)), reads)
        if not isinstance(allowance, Granted):
            self.denied += 1
            return
        self.names += 1
        name = f"r{self.names}"
        end = self.random.random()
        if end < 0.05:
            return  # the server never takes it up
        purse.saw(wire.ResponseBegan(name))
        spoken_ms = self.random.randrange(0, allowance.max_output_tokens * 40)
        purse.saw(wire.ReplyAudio(name, "i", 0, bytes(48 * min(spoken_ms, 2_000))))
        if end < 0.15:
            purse.close()  # the line breaks
            return
        usage = Usage(
            text_in=reads.text_tokens,
            cached_text_in=self.random.randrange(reads.text_tokens + 1),
            audio_in=reads.audio_tokens,
            audio_out=self.random.randrange(allowance.max_output_tokens + 1),
        )
        told = None if end < 0.25 else usage
        if told is not None:
            cost_pusd = cost_of(usage, TARIFF.rates).total_pusd
            assert cost_pusd <= left_pusd
            self.charged_pusd += cost_pusd
        ended = wire.ResponseEnded(
            response_id=name,
            status=wire.ResponseStatus.COMPLETED,
            usage=told,
            context=reads,
            output_audio_ms=min(spoken_ms, allowance.max_output_tokens * 40),
        )
        purse.saw(ended)

    async def run(self) -> None:
        """Live through one run of the daemon."""
        self.treasurer = treasurer = Treasurer(
            self.ledger, self.clock, LIMITS, TARIFF, earliest=date(2026, 1, 1), max_output_tokens=1_024
        )
        async with treasurer.open():
            for _ in range(STEPS):
                purse = treasurer.session()
                for _ in range(self.random.randrange(1, 4)):
                    self.response(purse)
                purse.close()
                await asyncio.sleep(self.random.uniform(0, 3_600))
                if self.random.random() < 0.03:
                    self.clock.jump(timedelta(days=self.random.uniform(-40, 3)))
            assert treasurer.session().meter.reserved_pusd == 0

    def left_pusd(self) -> int:
        """Return what may still be spent, as the house is told."""
        spent_usd = {Period.DAY: self.treasurer.spent_today_usd, Period.MONTH: self.treasurer.spent_month_usd}
        return min(LIMITS.of(period) - to_pusd(spent_usd[period]) for period in Period)


@pytest.mark.parametrize("seed", range(12))
async def test_no_response_costs_more_than_was_left(seed: int) -> None:
    """Whatever else happens; and what the server told is booked to the last pico-dollar, over two runs of a ledger."""
    walk = Walk(seed)
    await walk.run()
    await walk.run()
    told = [each.bill.cost.total_pusd for each in walk.ledger.bookings if not each.bill.estimated]
    assert sum(told) == walk.charged_pusd
    assert len(walk.ledger.bookings) > 20
    assert walk.denied > 0
