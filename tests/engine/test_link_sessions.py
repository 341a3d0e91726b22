"""One session at a time: kept warm or cold, renewed, given up, and never two."""

import asyncio
from collections.abc import Callable
from random import Random

import pytest

from hearthd.core.conversation import events as ev
from hearthd.core.realtime.choice import STABLE_S
from hearthd.core.realtime.commands import AnswerCall, RequestResponse
from hearthd.engine.liveness import BEAT_EVERY_S, SILENT_AFTER_S
from tests.core.realtime import wire
from tests.engine.link_scene import GONE, RENEW_AFTER_S, SOUND, Scene, linked
from tests.engine.server import Call, says

# Renewing and giving up


async def test_an_idle_session_is_renewed_in_time() -> None:
    """Before the server's cap on its age, and the conversation hears of it at once."""
    async with linked(leisurely=True) as scene:
        await asyncio.sleep(RENEW_AFTER_S + STABLE_S + 3.0)
        moments_s = [at_s for at_s, event in scene.events if isinstance(event, ev.LinkConnecting)]
        assert moments_s[1] - moments_s[0] == pytest.approx(RENEW_AFTER_S + STABLE_S)
        assert (scene.link.attempts, len(scene.link.live)) == (2, 1)
        assert isinstance(scene.events[-1][1], ev.SessionReady)


async def test_a_session_in_use_is_not_renewed() -> None:
    """It waits for the end of the conversation, however old it grows."""
    async with linked() as scene:
        scene.resting = False
        await asyncio.sleep(RENEW_AFTER_S + 300)
        assert scene.link.attempts == 1
        scene.resting = True
        await asyncio.sleep(BEAT_EVERY_S)
        assert scene.link.attempts == 2


async def test_a_conversation_that_ended_leaves_its_session_behind() -> None:
    """The next one starts connected, and with an empty context."""
    async with linked() as scene:
        scene.keeper.end_conversation()
        scene.keeper.send(RequestResponse())
        await asyncio.sleep(0.1)
        assert (scene.link.attempts, len(scene.link.live)) == (2, 1)
        assert scene.server.came(wire.CREATE) == []


async def test_nobody_listens_to_a_session_that_was_given_up() -> None:
    """Its calls are not run, its sound is not played, an utterance begun meanwhile is not sent to it."""
    async with linked() as scene:
        scene.news.clear()
        scene.keeper.end_conversation()
        scene.server.say(wire.created("r"), wire.item_done("r", wire.call_item("c")), wire.audio("r"))
        scene.uplink.open(1)
        scene.uplink.take(1, SOUND)
        await asyncio.sleep(0.1)
        assert scene.news == [ev.LinkConnecting(), ev.SessionReady()]
        assert [len(session.came(wire.APPEND)) for session in scene.server.sessions] == [0, 2]


async def test_a_session_on_its_way_is_fresh_already() -> None:
    """Giving up what is not there yet would only delay the next conversation."""
    async with linked(prepare=lambda scene: setattr(scene.server, "start_s", 0.5)) as scene:
        scene.keeper.end_conversation()
        await asyncio.sleep(30.0)
        assert scene.link.attempts == 1


async def test_giving_up_twice_is_giving_up_once() -> None:
    """The second wish speaks of a session that is gone."""
    async with linked() as scene:
        scene.keeper.end_conversation()
        scene.keeper.end_conversation()
        await asyncio.sleep(0.001)
        scene.keeper.end_conversation()
        await asyncio.sleep(30.0)
        assert scene.link.attempts <= 3
        assert len(scene.link.live) == 1


async def test_a_call_that_two_sessions_request_is_reported_once() -> None:
    """A server that restores its context must not switch the lamp again."""
    async with linked() as scene:
        for _ in range(2):
            scene.server.say(wire.created("r"), wire.item_done("r", wire.call_item("c")), wire.done("r"))
            await asyncio.sleep(0.1)
            scene.keeper.send(AnswerCall("c", "{}"))
            scene.lose()
            await asyncio.sleep(1.0)
        assert len([event for event in scene.news if isinstance(event, ev.CallRequested)]) == 1


# A link that is not kept warm


async def test_a_cold_link_opens_when_it_is_wanted_and_closes_when_nobody_talks() -> None:
    """Servers that bill connected time are connected for conversations alone, unused sessions included."""
    async with linked(keep_warm=False) as scene:
        await asyncio.sleep(3_600)
        assert (scene.link.attempts, scene.news) == (0, [ev.LinkLost("")])
        scene.resting = False
        scene.keeper.want()
        await asyncio.sleep(60.0)
        assert scene.news == [ev.LinkConnecting(), ev.SessionReady()]
        scene.resting = True
        await asyncio.sleep(BEAT_EVERY_S + 0.1)
        assert (scene.link.live, scene.news[-1]) == ([], ev.LinkLost(""))
        await asyncio.sleep(3_600)
        assert scene.link.attempts == 1


async def test_a_cold_link_is_closed_at_the_end_of_a_conversation() -> None:
    """At once; a wish that was granted long ago does not open it again."""
    async with linked(keep_warm=False) as scene:
        scene.server.start_s = 1.0
        scene.resting = False
        scene.keeper.want()
        await asyncio.sleep(2.0)
        scene.lose()
        await asyncio.sleep(0.5)
        scene.keeper.want()
        await asyncio.sleep(10.0)
        scene.resting = True
        scene.keeper.end_conversation()
        await asyncio.sleep(60.0)
        assert (scene.link.attempts, scene.link.live) == (2, [])


async def test_a_wish_during_the_goodbye_of_a_cold_link_is_granted_after_it() -> None:
    """The next conversation began before the last connection was closed."""
    async with linked(keep_warm=False, leisurely=True) as scene:
        scene.resting = False
        scene.keeper.want()
        await asyncio.sleep(10.0)
        scene.keeper.end_conversation()
        await asyncio.sleep(0.5)
        scene.keeper.want()
        await asyncio.sleep(1.0)
        assert (scene.link.attempts, len(scene.link.live)) == (2, 1)


async def test_a_cold_link_that_failed_is_not_tried_again_for_nobody() -> None:
    """The trouble stays on show, and the next wish tries anew."""
    async with linked(keep_warm=False) as scene:
        scene.link.refuse(GONE)
        scene.resting = False
        scene.keeper.want()
        await asyncio.sleep(0.1)
        scene.resting = True
        await asyncio.sleep(3_600)
        assert (scene.link.attempts, scene.news[-1]) == (1, ev.LinkLost("the line is cut"))
        scene.keeper.want()
        await asyncio.sleep(0.1)
        assert scene.news == [ev.LinkConnecting(), ev.SessionReady()]


async def test_calls_are_answered_in_their_session() -> None:
    """And the model speaks about them."""
    async with linked() as scene:
        scene.server.replies += [says(Call()), says(SOUND)]
        scene.keeper.send(RequestResponse())
        await asyncio.sleep(1.0)
        (call,) = [event for _, event in scene.events if isinstance(event, ev.CallRequested)]
        scene.keeper.send(AnswerCall(call.call_id, "{}"))
        await asyncio.sleep(1.0)
        assert len(scene.server.came(wire.CREATE)) == 2


# The rule of one


def happenings(scene: Scene, choose: Random) -> list[Callable[[], object]]:
    """Return everything that can befall a link."""

    def hold() -> None:
        scene.server.session.connection.hold()

    return [
        hold,
        scene.keeper.want,
        scene.keeper.end_conversation,
        scene.lose,
        lambda: scene.link.refuse(GONE),
        lambda: setattr(scene.server, "start_s", choose.choice([0.0, 0.5, 3.0])),
        lambda: setattr(scene, "resting", choose.random() < 0.7),
        lambda: scene.server.say(wire.error("session_expired", "old")),
    ]


@pytest.mark.parametrize("seed", range(4))
async def test_there_is_never_a_second_live_session(seed: int) -> None:
    """Whatever happens in whatever order; and in the end there is one."""
    choose = Random(seed)
    async with linked(random_unit=choose.random, leisurely=bool(seed % 2)) as scene:
        for _ in range(200):
            choose.choice(happenings(scene, choose))()
            for _ in range(choose.randrange(20)):
                await asyncio.sleep(choose.choice([0.0, 0.001, 0.3, 2.0]))
                assert len(scene.link.live) <= 1
        scene.server.start_s = 0.0
        scene.link._refusals.clear()
        await asyncio.sleep(60.0)
        assert len(scene.link.live) == 1
        assert scene.longest_silence_s() < SILENT_AFTER_S
