"""Signs of life: a server that vanished without a word is found, before anybody speaks to it if possible."""

import asyncio

import pytest

from hearthd.core.conversation import events as ev
from hearthd.core.realtime.commands import RequestResponse
from hearthd.engine.link_session import ANSWER_IN_USE_S, ANSWER_S, QUIET_IN_USE_S, QUIET_S
from hearthd.engine.liveness import BEAT_EVERY_S
from tests.core.realtime import wire
from tests.engine.link_scene import SOUND, Scene, linked

IDLE_LIMIT_S = 40.0
TURN_LIMIT_S = 10.0
"""What owners were promised."""


def lost_after_s(scene: Scene, since_s: float) -> float:
    """Return how long it took until the loss was known."""
    [known_s] = [at_s for at_s, event in scene.events if isinstance(event, ev.LinkLost)]
    return known_s - since_s


@pytest.mark.parametrize("after_s", [0.0, 7.0, 19.9, 20.1])
async def test_at_rest_a_vanished_server_is_found(after_s: float) -> None:
    """Within 40 s, whenever it vanished between two signs of life; and there is a new session then."""
    async with linked() as scene:
        await asyncio.sleep(after_s)
        scene.server.session.connection.vanish()
        vanished_s = asyncio.get_running_loop().time()
        await asyncio.sleep(IDLE_LIMIT_S)
        assert lost_after_s(scene, vanished_s) <= QUIET_S + ANSWER_S < IDLE_LIMIT_S
        assert len(scene.link.live) == 1
        assert scene.longest_silence_s() < BEAT_EVERY_S + 0.001


@pytest.mark.parametrize("after_s", [0.0, 2.9, 3.1, 60.0])
async def test_in_a_turn_a_vanished_server_is_found(after_s: float) -> None:
    """Within 10 s, whatever is being sent to it."""
    async with linked() as scene:
        scene.resting = False
        scene.keeper.begin_turn()
        await asyncio.sleep(after_s)
        scene.server.session.connection.vanish()
        vanished_s = asyncio.get_running_loop().time()
        scene.uplink.open(1)
        for _ in range(100):
            scene.uplink.take(1, SOUND)
            scene.keeper.pump()
            await asyncio.sleep(0.1)
        assert lost_after_s(scene, vanished_s) <= QUIET_IN_USE_S + ANSWER_IN_USE_S < TURN_LIMIT_S


@pytest.mark.parametrize("asks", ["turn", "text"])
async def test_whoever_begins_to_speak_finds_out_at_once(asks: str) -> None:
    """A server that has been quiet is asked before the first word is over."""
    async with linked() as scene:
        await asyncio.sleep(15.0)
        scene.server.session.connection.vanish()
        asked_s = asyncio.get_running_loop().time()
        if asks == "turn":
            scene.keeper.begin_turn()
        else:
            scene.keeper.send(RequestResponse())
        await asyncio.sleep(ANSWER_IN_USE_S + 0.1)
        assert lost_after_s(scene, asked_s) == pytest.approx(ANSWER_IN_USE_S)
        assert [event.problem for _, event in scene.events if isinstance(event, ev.LinkLost)] == [
            "the server gave no sign of life for 4 s"
        ]


async def test_whoever_speaks_shortens_the_wait_for_a_sign_that_was_asked_for_at_leisure() -> None:
    """It was asked for a moment before, with more patience than somebody who speaks has."""
    async with linked() as scene:
        scene.server.session.connection.vanish()
        await asyncio.sleep(QUIET_S + 0.5)
        asked_s = asyncio.get_running_loop().time()
        scene.keeper.begin_turn()
        await asyncio.sleep(1.0)
        scene.keeper.send(RequestResponse())
        await asyncio.sleep(ANSWER_IN_USE_S)
        assert lost_after_s(scene, asked_s) == pytest.approx(ANSWER_IN_USE_S)


async def test_doubt_in_the_very_moment_of_the_loss_changes_nothing() -> None:
    """The limit has passed, and nobody has acted on it yet."""
    async with linked() as scene:
        scene.server.session.connection.vanish()
        loop = asyncio.get_running_loop()
        loop.call_at(scene.server.session.texts[0][0] + QUIET_S + ANSWER_S, scene.keeper.begin_turn)
        await asyncio.sleep(IDLE_LIMIT_S)
        assert len([event for _, event in scene.events if isinstance(event, ev.LinkLost)]) == 1


async def test_a_quiet_server_that_lives_is_left_in_peace() -> None:
    """Three signs of life a minute, and no more of them because somebody speaks."""
    async with linked() as scene:
        connection = scene.server.session.connection
        await asyncio.sleep(610.0)
        assert connection.pings == 30
        assert connection.open
        for _ in range(20):
            scene.keeper.begin_turn()
            await asyncio.sleep(0.1)
        assert connection.pings == 31


async def test_a_server_that_talks_need_not_answer_pings() -> None:
    """On a slow line the pong may wait behind a minute of speech; some servers answer none at all."""
    async with linked() as scene:
        connection = scene.server.session.connection
        answer = asyncio.Event()
        connection.ping = answer.wait  # type: ignore[method-assign, assignment]
        scene.resting = False
        scene.keeper.begin_turn()
        for _ in range(20):
            await asyncio.sleep(QUIET_IN_USE_S + 0.5)
            scene.server.say(wire.text("rate_limits.updated", rate_limits=[]))
        assert connection.open


async def test_a_slow_sign_of_life_is_one() -> None:
    """It came before the limit."""
    async with linked() as scene:
        connection = scene.server.session.connection
        connection.ping = lambda: asyncio.sleep(ANSWER_S - 1.0)  # type: ignore[method-assign]
        await asyncio.sleep(600.0)
        assert connection.open


async def test_no_sign_of_life_is_asked_for_before_the_session_is_ready() -> None:
    """A server that loads its model has a limit of its own."""
    async with linked(prepare=lambda scene: setattr(scene.server, "start_s", 15.0)) as scene:
        scene.resting = False
        await asyncio.sleep(14.0)
        assert scene.server.session.connection.pings == 0


@pytest.mark.parametrize(("came_s", "given_up_s"), [(4.9, 20.0), (5.1, 5.1), (12.0, 12.0), (30.0, 20.0)])
async def test_a_session_that_does_not_start_is_given_up_for_whoever_comes(came_s: float, given_up_s: float) -> None:
    """At once when it has been silent for 5 s; one that began just now may be slow, and has its 20 s."""
    async with linked(prepare=lambda scene: setattr(scene.server, "start_s", 1e6)) as scene:
        began_s = asyncio.get_running_loop().time() - 0.1
        await asyncio.sleep(came_s - 0.1)
        scene.keeper.want()
        await asyncio.sleep(20.0)
        assert lost_after_s_first(scene, began_s) == pytest.approx(given_up_s, abs=0.01)


async def test_a_session_that_starts_in_the_moment_somebody_comes_is_kept() -> None:
    """Hurry does not throw away what just came."""
    async with linked(prepare=lambda scene: setattr(scene.server, "start_s", 7.0)) as scene:
        await asyncio.sleep(6.9)
        scene.server.session.connection.push(wire.UPDATED)
        await asyncio.sleep(0)
        scene.keeper.want()
        await asyncio.sleep(1.0)
        assert len(scene.link.connections) == 1


async def test_somebody_waiting_makes_the_attempts_lie_close_together() -> None:
    """At most a second apart, where they are up to five otherwise."""
    async with linked(random_unit=lambda: 0.999) as scene:
        scene.resting = False
        scene.link.close_road(silently=False)
        await asyncio.sleep(30.0)
        attempts = scene.link.attempts
        await asyncio.sleep(10.0)
        assert scene.link.attempts - attempts == 10


def lost_after_s_first(scene: Scene, since_s: float) -> float:
    """Return how long it took until the first loss was known."""
    return next(at_s for at_s, event in scene.events if isinstance(event, ev.LinkLost)) - since_s
