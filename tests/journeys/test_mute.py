"""Muted means that the capture device is closed, in whatever phase somebody wishes it."""

from pathlib import Path
from typing import Final

import numpy as np

from hearthd.adapters.mute_mark import FILE_NAME
from tests.doubles.realtime import Accept, Delivery, Scenario, Speech, reply
from tests.doubles.realtime.audio import noise
from tests.doubles.settings_file import Tables
from tests.doubles.vcard import Direction, EventKind
from tests.journeys.household import Household, Plan
from tests.journeys.proof import samples, without_gaps
from tests.journeys.stage import journey
from tests.journeys.turns import WAITING_S, ask, sounding, turns_ended

LINK_HZ = 24_000
CLOSED_WITHIN_S = 1.0
WISH = "tell me a story"
LONG_WISH = "I would like you to tell me whatever it was that I wanted to know"
SETTINGS: Final[Tables] = {"gate": {"follow_up_s": 5.0}}


async def mute(home: Household) -> float:
    """Mute, and check that the microphone is closed soon; returns when."""
    asked_s = await home.watch.publish("set/mute", "ON")
    asked = await home.watch.messages.until(
        lambda message: message.topic.endswith("/set/mute"), "the request", after_s=asked_s
    )
    await home.watch.shows(mic="muted", after_s=asked_s)
    closings = await home.on_card(EventKind.CLOSE, Direction.CAPTURE, after_s=asked_s)
    assert closings[-1].stamp_s - asked.at_s < CLOSED_WITHIN_S
    await home.seen(lambda: not home.card.capture.is_open, "the microphone is closed")
    return closings[-1].stamp_s


async def unmute(home: Household) -> None:
    """Unmute, and check that the microphone is open again and the speaker at rest."""
    asked_s = await home.watch.publish("set/mute", "OFF")
    await home.settled(after_s=asked_s)
    await home.on_card(EventKind.START, Direction.CAPTURE, after_s=asked_s)
    assert home.card.capture.is_open


def assert_nothing_sent(home: Household, since_s: float) -> None:
    """Check that no sound went to the server since a moment, but what was on its way."""
    appends = home.server.record.of_type("input_audio_buffer.append")
    assert not [append.at_s for append in appends if append.at_s > since_s + 0.2]


@journey
async def test_muted_at_rest_nothing_wakes_it(folder: Path) -> None:
    """The device is closed, the wake word goes unheard, the button is refused; unmuted, both work."""
    plan = Plan(scenario=Scenario(replies=[reply(Speech(noise(400), "Well."))]), settings=SETTINGS)
    async with Household(folder, plan) as home:
        closed_s = await mute(home)
        (word,) = await home.room.say("okay nabu")
        asked_s = await home.watch.publish("listen")
        refused = await home.watch.event("error", after_s=asked_s)
        assert refused.document["code"] == "muted"
        await home.silent(after_s=word.ends_s, hold_s=0.5)
        assert home.watch.events("wake") == []
        assert home.watch.state["phase"] == "muted"
        assert home.server.appended_audio_bytes == 0
        assert not home.card.events(EventKind.OPEN, Direction.CAPTURE, after_s=closed_s)
        await unmute(home)
        turn = await ask(home, WISH)
        await home.wait_phase("follow_up", after_s=turn.committed_at_s)
        home.server.assert_complete()


@journey
async def test_muted_while_somebody_is_heard_nothing_more_is_sent(folder: Path) -> None:
    """What was heard so far is neither committed nor answered; and in a follow-up nobody is listened to any more."""
    plan = Plan(scenario=Scenario(replies=[reply(Speech(noise(400), "Well."))]), settings=SETTINGS)
    async with Household(folder, plan) as home:
        asked_s = await home.watch.publish("listen")
        await home.wait_phase("listening", after_s=asked_s)
        (wish,) = await home.room.say(LONG_WISH)
        await home.server.record.until(
            lambda: home.server.appended_audio_bytes > LINK_HZ, "some of the sentence", WAITING_S
        )
        closed_s = await mute(home)
        assert closed_s < wish.ends_s
        await home.silent(after_s=wish.ends_s, hold_s=0.7)
        assert_nothing_sent(home, closed_s)
        assert home.server.record.turns == []
        await unmute(home)

        turn = await ask(home, WISH)
        await home.wait_phase("follow_up", after_s=turn.committed_at_s)
        closed_s = await mute(home)
        (wish,) = await home.room.say(WISH)
        await home.silent(after_s=wish.ends_s, hold_s=0.7)
        assert_nothing_sent(home, closed_s)
        await turns_ended(home, "muted", "answered")
        await unmute(home)
        home.server.assert_complete()


@journey
async def test_muted_while_it_thinks_or_speaks_the_reply_is_still_heard(folder: Path) -> None:
    """The answer that was asked for comes whole; nobody can interrupt it, and no follow-up comes after it."""
    first = Speech(noise(1_500, seed=1), "A story.", Delivery(first_delay_s=1.5))
    second = Speech(noise(3_000, seed=2), "A longer story.")
    plan = Plan(scenario=Scenario(replies=[reply(first), reply(second)]), settings=SETTINGS, playback_rate_hz=LINK_HZ)
    async with Household(folder, plan) as home:
        for number, speech in ((1, first), (2, second)):
            turn = await ask(home, WISH)
            if number == 2:
                await sounding(home, number)
            closed_s = await mute(home)
            _, audible_s = await sounding(home, number)
            muted = await home.wait_phase("muted", after_s=audible_s)
            assert (closed_s < audible_s) == (number == 1)
            heard = without_gaps(home.card.heard(audible_s - 0.01))
            assert np.array_equal(heard, np.trim_zeros(samples(speech.pcm)))
            assert_nothing_sent(home, turn.committed_at_s)
            assert not [s for s in home.watch.states if s.document["phase"] == "follow_up" and s.at_s < muted.at_s]
            await unmute(home)
        await turns_ended(home, "answered", "answered")
        home.server.assert_complete()


@journey
async def test_muted_stays_muted_over_a_crash(folder: Path) -> None:
    """Nothing opens the microphone but the wish of somebody in the house."""
    async with Household(folder, Plan(settings=SETTINGS)) as home:
        await mute(home)
        await home.seen((home.folder / "state" / FILE_NAME).exists, "mute is remembered")
        await home.kill()
        await home.daemon.start()
        await home.daemon.ready()
        started_s = home.daemon.started_s
        await home.watch.shows(mic="muted", after_s=started_s)
        (word,) = await home.room.say("okay nabu")
        await home.silent(after_s=word.ends_s, hold_s=0.5)
        assert not home.card.events(EventKind.OPEN, Direction.CAPTURE, after_s=started_s)
        await unmute(home)
        home.server.assert_complete()


@journey
async def test_muted_while_it_connects_nothing_is_sent_at_all(folder: Path) -> None:
    """Whoever was woken by mistake and muted before the server was there has told it nothing."""
    scenario = Scenario(openings=[Accept(session_delay_s=2.0)])
    settings = {"realtime": {"keep_warm": False}, **SETTINGS}
    async with Household(folder, Plan(scenario=scenario, settings=settings)) as home:
        await home.room.say("okay nabu", LONG_WISH)
        woken = await home.watch.event("wake")
        await home.wait_phase("waking", after_s=woken.at_s - 0.5)
        await mute(home)
        await home.server.session(1, timeout_s=WAITING_S)
        await home.silent(after_s=woken.at_s, hold_s=1.0)
        assert home.server.appended_audio_bytes == 0
        await turns_ended(home, "muted")
        await unmute(home)
        home.server.assert_complete()
