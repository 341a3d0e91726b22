"""Every fault of the wire and of the server: what is heard, seen and read of it, and how soon all is well again.

Time is virtual, so the figures are those of the design and the same each time.
"""

import asyncio

import pytest

from hearthd.core.conversation.phases import Phase
from tests.bench.figures import Figure, Statistic
from tests.engine.fault_list import FAULTS
from tests.engine.faults import ANSWER, PROMISED_S, Fault, lag_s, suffer
from tests.engine.server import says
from tests.engine.world import World, living

RECOVERIES_S: dict[int, float] = {}
"""Of every fault that was suffered in this run, by its number."""


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=lambda number: FAULTS[number].name)
async def test_a_fault_is_told_and_passes(number: int) -> None:
    """What is heard, published and written is what the table says; the wake in the moment of its end is answered."""
    fault: Fault = FAULTS[number]
    suffered = await suffer(fault, lag_s(number))
    assert suffered.tale == fault.tale
    assert suffered.most_live == 1
    RECOVERIES_S[number] = suffered.recovery_s


async def test_recovery_takes_as_long_as_was_promised() -> None:
    """From the end of a fault to the first sound of the answer, 1.7 s of which are the user's."""
    for number in set(range(len(FAULTS))) - set(RECOVERIES_S):
        RECOVERIES_S[number] = (await suffer(FAULTS[number], lag_s(number))).recovery_s
    figure = Figure("recovery", "s", samples=[*RECOVERIES_S.values()])
    assert figure.at(Statistic.P95) <= PROMISED_S


@pytest.mark.parametrize("after_s", [0.0, 3.0, 9.7, 19.9, 20.1])
async def test_at_rest_a_half_open_connection_is_found_within_forty_seconds(after_s: float) -> None:
    """Whenever it fell silent; the house is told, and so is the journal."""
    async with living() as world:
        await asyncio.sleep(after_s)
        assert await _found_after_s(world) <= 40.0


@pytest.mark.parametrize("phase", [Phase.LISTENING, Phase.THINKING, Phase.SPEAKING])
@pytest.mark.parametrize("after_s", [0.0, 1.3])
async def test_in_a_turn_a_half_open_connection_is_found_within_ten_seconds(phase: Phase, after_s: float) -> None:
    """Whatever of the turn is under way."""
    async with living() as world:
        world.server.replies.append(says(ANSWER * 20, pace_s=0.1, after_s=2.0))
        world.speak(2.5, world.say_word() + 0.1)
        await world.reach(phase)
        await asyncio.sleep(after_s)
        assert await _found_after_s(world) <= 10.0


async def _found_after_s(world: World) -> float:
    world.link.close_road(silently=True)
    vanished_s = world.now_s
    return await world.until(lambda: "link_down" in [told["HEARTHD_EVENT"] for told in world.journal.told]) - vanished_s
