"""What takes a minute to show: a long reply to its last sample, and a speaker that nobody talks to."""

import asyncio
import time
from pathlib import Path

import numpy as np

from tests.doubles import speech
from tests.doubles.realtime import Delivery, Scenario, Speech, reply
from tests.doubles.realtime.audio import noise
from tests.doubles.vcard.tape import Samples
from tests.journeys.household import Household, Plan
from tests.journeys.proof import in_pieces, samples, without_gaps
from tests.journeys.stage import journey

LINK_HZ = 24_000
MINUTE_S = 60
LIMIT_S = 100.0
MACHINE_GAPS = 2
"""A minute is long enough for a busy machine to let nobody play for a moment."""
WORDS_DBFS = -26.0
"""Talk in the room, not into the microphone."""


@journey(limit_s=LIMIT_S)
async def test_a_minute_that_arrives_in_two_seconds_is_played_to_its_last_sample(folder: Path) -> None:
    """Whatever the burst and however odd its pieces, what the server sent leaves the loudspeaker, without a gap."""
    story = noise(MINUTE_S * 1000, seed=60)
    scenario = Scenario(replies=[reply(Speech(story, "A long story.", Delivery.odd(factor=30)))])
    plan = Plan(scenario=scenario, playback_rate_hz=LINK_HZ, settings={"gate": {"follow_up_s": 0.0}})
    async with Household(folder, plan) as home:
        await home.room.say("okay nabu", "tell me a long story")
        sent = await home.server.response(1, timeout_s=20)
        idle = await home.wait_phase("idle", after_s=sent.requested_at_s, timeout_s=MINUTE_S + 15)
        first, last = sent.items[0].first_delta_at_s, sent.items[0].last_delta_at_s
        assert first is not None
        assert last is not None
        assert last < first + MINUTE_S / 2 < idle.at_s
        assert_heard(home.card.heard(sent.requested_at_s), samples(story))
        home.server.assert_complete()


@journey(limit_s=LIMIT_S)
async def test_a_minute_of_silence_sends_nothing(folder: Path) -> None:
    """In a quiet room not one byte of sound leaves the machine."""
    async with Household(folder, Plan()) as home:
        await assert_nothing_leaves(home)


@journey(limit_s=LIMIT_S)
async def test_a_minute_of_kitchen_noise_sends_nothing(folder: Path) -> None:
    """Pots, water and doors wake nobody."""
    async with Household(folder, Plan()) as home:
        [kitchen] = speech.recordings("noise")
        await assert_nothing_leaves(home, await asyncio.to_thread(speech.load, kitchen, home.plan.capture_rate_hz))


@journey(limit_s=LIMIT_S)
async def test_a_minute_of_talk_without_the_wake_word_sends_nothing(folder: Path) -> None:
    """Neither do people who talk to each other."""
    async with Household(folder, Plan()) as home:
        await assert_nothing_leaves(home, await asyncio.to_thread(talk, home.plan.capture_rate_hz))


def talk(rate_hz: int) -> Samples:
    """A minute of recorded sentences and words."""
    spoken: list[Samples] = []
    for path in [*speech.recordings("commands"), *speech.recordings("other_words")]:
        spoken.append(speech.at_level(speech.load(path, rate_hz), WORDS_DBFS))
        if sum(map(len, spoken)) > MINUTE_S * rate_hz:
            break
    return np.concatenate(spoken)


async def assert_nothing_leaves(home: Household, sound: Samples | None = None) -> None:
    """Let a minute of `sound` pass in the room, and check that nobody was woken and nothing sent."""
    rate_hz = home.plan.capture_rate_hz
    begins = home.card.frame(time.monotonic() + 0.3)
    if sound is not None:
        home.room.lay(sound[: MINUTE_S * rate_hz], from_frame=begins, mix=True)
    last_event = len(home.server.record.events)
    ends_s = home.card.moment_s(begins + MINUTE_S * rate_hz)
    await asyncio.sleep(ends_s - time.monotonic() + 1.0)
    assert home.server.appended_audio_bytes == 0
    assert [event.type for event in home.server.record.events[last_event:]] == []
    assert home.watch.events() == []
    assert {state.document["phase"] for state in home.watch.states} <= {"idle", "offline"}
    ending = await home.stop()
    assert ending.exit_code == 0
    home.server.assert_complete()


def assert_heard(heard: Samples, wanted: Samples) -> None:
    """Check that the loudspeaker said just that, in one piece as far as the machine let it."""
    assert np.array_equal(without_gaps(heard), np.trim_zeros(wanted))
    assert len(in_pieces(np.trim_zeros(heard))) <= 1 + MACHINE_GAPS
