"""The double's own bill: list prices for what it read and made, whatever it told the client."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.client import connect

from tests.doubles.realtime import Delivery, RealtimeDouble, Reply, Scenario, Speech, reply
from tests.doubles.realtime.audio import noise, tone
from tests.doubles.realtime.bill import cost_usd, transcription_usd
from tests.doubles.realtime.client import RawClient, configured
from tests.doubles.realtime.outbox import AUDIO_DELTA

if TYPE_CHECKING:
    from tests.doubles.realtime.script import Json


def usage(read: tuple[int, int], again: tuple[int, int], made: tuple[int, int]) -> Json:
    """Return a usage object; each pair is of text and audio."""
    cached = {"text_tokens": again[0], "audio_tokens": again[1]}
    return {
        "input_token_details": {"text_tokens": read[0], "audio_tokens": read[1], "cached_tokens_details": cached},
        "output_token_details": {"text_tokens": made[0], "audio_tokens": made[1]},
    }


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        # read 1,000 of text, 300 of them again; 600 of audio, 100 of them again; made 50 and 1,200
        ("gpt-realtime-2.1", 700 * 4 + 300 * 0.4 + 50 * 24 + 500 * 32 + 100 * 0.4 + 1200 * 64),
        ("gpt-realtime", 700 * 4 + 300 * 0.4 + 50 * 16 + 500 * 32 + 100 * 0.4 + 1200 * 64),
        ("gpt-realtime-2.1-mini", 700 * 0.6 + 300 * 0.06 + 50 * 2.4 + 500 * 10 + 100 * 0.3 + 1200 * 20),
        ("nobody-knows-it", 700 * 4 + 300 * 0.4 + 50 * 24 + 500 * 32 + 100 * 0.4 + 1200 * 64),
    ],
)
def test_prices_are_those_of_the_list(model: str, cost: float) -> None:
    """What was read before is a part of what was read, and cheaper; an unknown model is the dearest."""
    billed = cost_usd(model, usage((1000, 600), (300, 100), (50, 1200)))
    assert float(billed) == pytest.approx(cost / 1e6)


def test_transcriptions_are_billed_by_the_second() -> None:
    """A minute at the list's price, and an unknown model at the dearest."""
    assert transcription_usd("gpt-transcribe", 60.0) == Decimal("0.0045")
    assert transcription_usd("nobody-knows-it", 30.0) == Decimal("0.0085")


async def test_a_bill_is_kept_although_nothing_was_told() -> None:
    """A response without usage, and one that tells something else, cost as much as one that tells all."""
    speech = Speech(noise(1_000), "Well.")
    odd: list[Reply] = [reply(speech), Reply((speech,), usage=False), Reply((speech,), usage={})]
    async with RealtimeDouble(Scenario(replies=odd)) as server:
        for _ in odd:
            async with configured(server) as client:
                await client.speak(tone(500))
                await client.ask()
        costs = {response.cost_usd for response in server.record.responses}
        assert [response.usage for response in server.record.responses][1:] == [None, {}]
        assert len(costs) == 1
        assert server.record.cost_usd == 3 * costs.pop() > 0


async def test_what_was_cancelled_is_billed_as_far_as_it_was_made() -> None:
    """Less than the whole, more than nothing; the model of the session counts."""
    slow = Speech(noise(10_000), "", Delivery.paced(5.0, chunk_ms=100))
    async with RealtimeDouble(Scenario(replies=[reply(slow), reply(Speech(noise(1_000), "Well."))])) as server:
        async with connect(f"{server.url}?model=gpt-realtime-2.1", max_size=None) as socket:
            client = await RawClient(socket).configured()
            await client.send("response.create")
            await client.until(AUDIO_DELTA)
            await client.send("response.cancel")
            await client.until("response.done")
        async with configured(server) as client:
            await client.ask()
        cut, whole = server.record.responses
        made = cut.usage["output_token_details"]["audio_tokens"] if cut.usage else 0
        assert 0 < made < 200
        assert float(cut.cost_usd) == pytest.approx(_cost(cut.usage, "gpt-realtime-2.1"))
        assert float(whole.cost_usd) == pytest.approx(_cost(whole.usage, "gpt-realtime-2.1-mini"))


def _cost(told: Json | None, model: str) -> float:
    assert told is not None
    return float(cost_usd(model, told))
