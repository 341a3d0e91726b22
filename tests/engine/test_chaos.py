"""Minutes of faults, drawn by lot, on a daemon that people talk to: what must always be true holds, and it recovers.

    CHAOS_SEEDS=100:400 scripts/test tests/engine/test_chaos.py

walks through other seeds than the usual ones; a failure names its seed in the test's id and tells the whole story.
"""

import asyncio
import os
from random import Random
from typing import Final

import pytest

from hearthd.core.conversation.phases import Link, Mic, Phase
from hearthd.core.settings import GateSettings, RealtimeSettings
from hearthd.engine.liveness import SILENT_AFTER_S
from tests.engine import chaos
from tests.engine.world import ROOM, World, living, settings_of

SEEDS: Final = range(*map(int, os.environ.get("CHAOS_SEEDS", "0:3").split(":")))
START_S: Final = 3.0
STORM_S: Final = 120.0
CALM_S: Final = 120.0
"""Until the last conversation of the storm has come to its end."""
RECOVERY_S: Final = 15.0
"""Longest pause between two attempts, an attempt that nobody answers, and a session's start."""


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_must_always_be_true_is_true_in_any_weather(seed: int) -> None:
    """Nothing leaves at rest, one session, commands act once, nobody hangs; and when it is over, it talks again."""
    choose = Random(seed)
    settings = settings_of(
        gate=GateSettings(follow_up_s=2.0, barge_in=choose.choice(["off", "wake_word", "speech"])),
        realtime=RealtimeSettings(keep_warm=choose.random() < 0.8, renew_after_minutes=1.0),
    )
    books: list[chaos.Logbook] = []

    def observe(world: World) -> None:
        books.append(chaos.observed(world))

    try:
        async with living(settings, watchdog_s=20.0, ready=False, prepare=observe) as world:
            await asyncio.sleep(START_S)
            await chaos.Storm(world, books[0], choose).rage(STORM_S)
            await recovers(world, warm=settings.realtime.keep_warm)
            assert_true(world, books[0])
    except BaseException as error:
        error.add_note(f"seed {seed}:\n{books[0].tell()}")
        raise


async def recovers(world: World, *, warm: bool) -> None:
    """Check that it finds back to rest by itself, and into a conversation that goes well."""
    world.scorer.due_s.clear()
    world.link._refusals.clear()
    await world.until(lambda: ROOM in world.broker.clients, within_s=RECOVERY_S)
    await asyncio.sleep(START_S)
    world.request("set/mute", "off")
    await world.until(lambda: world.machine.mic is Mic.LIVE, within_s=RECOVERY_S)
    if warm:
        await world.until(lambda: world.ready, within_s=RECOVERY_S)
    world.request("stop")
    await world.reach(Phase.IDLE, within_s=CALM_S)
    await asyncio.sleep(RECOVERY_S)
    assert world.phase is Phase.IDLE
    assert world.machine.link in ({Link.READY} if warm else {Link.READY, Link.DOWN})
    await world.converse()
    assert all(world.now_s - pulse.last_s < SILENT_AFTER_S for pulse in world.daemon._liveness._pulses)


def assert_true(world: World, book: chaos.Logbook) -> None:
    """Check the invariants on what was written down."""
    assert book.most_live <= 1, "two sessions at once"
    chaos.assert_idle_sends_no_sound(world, book)
    chaos.assert_muted_is_closed(world, book)
    chaos.assert_calls_act_once(world, book)
    chaos.assert_cuts_are_within_what_was_sent(world)
