"""The connection drops again and again, in every moment of a conversation: one session at a time, one command a call.

    DROPS=1000 DROPS_SEED=7 scripts/test tests/engine/test_drops.py

drops it more often than the suite does; the server counts its sessions itself.
"""

import asyncio
import os
from random import Random
from typing import Final

import pytest

from hearthd.core.audio.pcm import LINK_RATE_HZ
from hearthd.core.conversation.phases import BEGINNINGS_MAX, SENDS_MAX, Phase
from hearthd.ports import LinkUnavailable
from tests.core.realtime import wire
from tests.engine import chaos
from tests.engine.fault_ways import closing
from tests.engine.server import Call, says
from tests.engine.voices import noise
from tests.engine.world import World, living

DROPS: Final = int(os.environ.get("DROPS", "100"))
SEED: Final = int(os.environ.get("DROPS_SEED", "4"))
TALK: Final = noise(0.6, LINK_RATE_HZ)
CODES: Final = (None, 1000, 1001, 1011, 1012)
LONGEST_S: Final = 2.5
"""Between two drops: hardly enough for a whole turn, so that they fall into every part of one."""


async def test_no_drop_makes_a_second_session_or_a_second_command() -> None:
    """Whatever is under way when the connection ends, and however it ends."""
    choose = Random(SEED)
    try:
        async with living() as world:
            book = chaos.observed(world)
            for _ in range(DROPS):
                await _live_on(world, choose)
                await world.until(lambda: world.link.live)
                _drop(world, choose)
            await _calm(world)
            assert world.link.most_live == 1
            assert len(world.link.connections) > DROPS / 2
            assert any(published.topic == chaos.LAMP for _, published in book.published)
            chaos.assert_calls_act_once(world, book)
    except BaseException as error:
        error.add_note(f"DROPS_SEED={SEED} DROPS={DROPS}")
        raise


@pytest.mark.parametrize("spoken_s", [0.0, 20.0])
@pytest.mark.parametrize("lives_s", [0.1, 2.0, 5.2])
async def test_a_server_that_dies_of_every_sound_keeps_no_microphone_open(spoken_s: float, lives_s: float) -> None:
    """Woken by mistake or spoken to for long: soon it is quiet again, and little was sent, to few sessions.

    What a session gets at the most is the pre-roll and what was taken down from the wake to the end.
    """
    async with living() as world:
        dying = world.tasks.create_task(_die_of_sound(world, lives_s))
        word_s = world.say_word()
        if spoken_s:
            world.speak(spoken_s, word_s + 0.1)
        await world.until(lambda: world.phase is not Phase.IDLE)
        woken_s = world.now_s
        await world.reach(Phase.IDLE, within_s=50.0 if spoken_s else 17.0)
        sessions = [session for session in world.server.sessions if session.came(wire.APPEND)]
        assert len(sessions) <= BEGINNINGS_MAX + SENDS_MAX
        assert world.server.sound_bytes <= len(sessions) * (world.now_s - woken_s + 2.0) * 2 * LINK_RATE_HZ
        assert world.server.sound_bytes < 8_000_000
        sent = world.server.sound_bytes
        await asyncio.sleep(30.0)
        assert (world.phase, world.server.sound_bytes) == (Phase.IDLE, sent)
        dying.cancel()


async def _die_of_sound(world: World, lives_s: float) -> None:
    """End every session so many seconds after its first sound."""
    while True:
        await world.until(lambda: world.link.live and world.server.session.came(wire.APPEND), within_s=3600.0)
        await asyncio.sleep(lives_s)
        if world.link.live:
            world.link.live[0].end(LinkUnavailable("crashed", close_code=1011))


async def _live_on(world: World, choose: Random) -> None:
    """Let a moment pass, in which somebody asks for the lamp if nobody talks."""
    if world.phase is Phase.IDLE:
        world.server.replies.clear()
        world.server.replies.append(says(Call(), pace_s=0.05))
        world.server.replies.extend([says(TALK, pace_s=0.05)] * 2)
        world.speak(0.4, world.say_word() + 0.05)
    await asyncio.sleep(choose.uniform(0.0, LONGEST_S))


def _drop(world: World, choose: Random) -> None:
    match choose.randrange(8):
        case 0:
            world.link.live[0].vanish()
        case 1:
            world.server.start_s = choose.uniform(0.0, 2.0)
            world.link.opening_s = choose.uniform(0.0, 1.0)
            world.lose_link()
        case _:
            world.link.live[0].end(closing(choose.choice(CODES)))


async def _calm(world: World) -> None:
    """Let the last turn end, and have a conversation that goes well."""
    world.server.start_s = world.link.opening_s = 0.0
    await asyncio.sleep(15.0)
    world.scorer.due_s.clear()
    world.request("stop")
    await world.reach(Phase.IDLE)
    await world.until(lambda: world.ready)
    await asyncio.sleep(2.0)
    await world.converse()
