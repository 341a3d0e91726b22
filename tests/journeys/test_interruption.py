"""Who speaks while hearthd speaks: the wake word cuts it off, MQTT does too, and all other talk does not."""

import asyncio
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tests.doubles.realtime import Delivery, ResponseRecord, Scenario, Speech, reply
from tests.doubles.realtime.audio import noise
from tests.doubles.room import Said
from tests.doubles.settings_file import Tables
from tests.doubles.vcard.card import LOUD
from tests.journeys.household import Household, Plan
from tests.journeys.proof import samples, without_gaps
from tests.journeys.stage import journey
from tests.journeys.turns import sounding, turns_ended, until

LINK_HZ = 24_000
SETTINGS: Final[Tables] = {"gate": {"follow_up_s": 0.0}, "log": {"level": "debug"}}
"""The journal tells at this level when the wake word was recognised."""
LONG = Speech(noise(20_000, seed=3), "A long story.", Delivery.paced(3.0, chunk_ms=100))
"""Comes so much faster than it is heard that a busy machine makes no gap where it is cut; never heard to its end."""
SHORT = Speech(noise(800, seed=4), "All right.")
WISH = "what time is it"
HEARD_S = 0.8
"""How much of the reply is heard before somebody interrupts it."""
SILENT_WITHIN_S = 0.040
SILENT_FOR_S = 0.8
"""Shorter is a gap that a busy machine made; what is said next takes longer."""
TRUNCATION_ERROR_MS = 20


@dataclass(frozen=True, slots=True)
class Cut:
    """One reply that was cut short."""

    reply: ResponseRecord
    audible_s: float
    silent_s: float


def assert_truncated(home: Household, cut: Cut) -> None:
    """Check that the server was told how much was heard, and that no more of it was."""
    [truncation] = [t for t in home.server.record.truncations if t.item_id == cut.reply.items[0].item_id]
    heard = home.card.heard(cut.audible_s - 0.05, cut.silent_s + 0.05)
    played = len(without_gaps(heard))
    assert truncation.accepted
    assert abs(truncation.audio_end_ms - 1000 * played / LINK_HZ) <= TRUNCATION_ERROR_MS
    assert cut.reply.status == "cancelled"
    assert len(cut.reply.pcm) > 2 * played, "nothing came too late"


def assert_silent(home: Household, from_s: float, to_s: float) -> None:
    """Check that nothing was played between two moments, but what is below the level that counts as sound."""
    assert int(np.abs(home.card.heard(from_s, to_s).astype(np.int32)).max(initial=0)) <= LOUD


@journey
async def test_the_wake_word_cuts_a_reply_off(folder: Path) -> None:
    """Silence within 40 ms of the recognition, the server told what was heard, nothing late, and the next answered."""
    scenario = Scenario(replies=[reply(LONG), reply(LONG), reply(LONG), reply(SHORT)])
    plan = Plan(scenario=scenario, playback_rate_hz=LINK_HZ, settings=SETTINGS)
    async with Household(folder, plan) as home:
        await home.room.say("okay nabu", WISH)
        cuts: list[Cut] = []
        delays_s: list[float] = []
        for number in range(1, 4):
            cut_off, audible_s = await sounding(home, number)
            again, wish = await home.room.say("okay nabu", WISH, at_s=audible_s + HEARD_S)
            woken_s = await recognised(home, again)
            silent_s = await home.silent(after_s=again.begins_s, hold_s=SILENT_FOR_S)
            turn = await home.server.turn(number + 1, timeout_s=15)
            assert wish.ends_s < turn.committed_at_s
            assert_silent(home, silent_s, turn.committed_at_s)
            cuts.append(Cut(cut_off, audible_s, silent_s))
            delays_s.append(silent_s - woken_s)
        last, audible_s = await sounding(home, 4)
        await home.wait_phase("idle", after_s=audible_s)
        for cut in cuts:
            assert_truncated(home, cut)
        assert [cancel.response_id for cancel in home.server.record.cancels] == [cut.reply.id for cut in cuts]
        answer = home.card.heard(audible_s, audible_s + len(SHORT.pcm) / 2 / LINK_HZ)
        assert np.array_equal(without_gaps(answer), np.trim_zeros(samples(last.pcm)))
        # One that the machine itself delayed says nothing about the daemon.
        assert statistics.median(delays_s) <= SILENT_WITHIN_S
        await turns_ended(home, "interrupted", "interrupted", "interrupted", "answered")
        home.server.assert_complete()


@journey
async def test_stop_ends_the_conversation(folder: Path) -> None:
    """`stop` silences the reply and gives up the session, so that nothing more of it is made; the next turn works."""
    scenario = Scenario(replies=[reply(LONG), reply(SHORT)])
    plan = Plan(scenario=scenario, playback_rate_hz=LINK_HZ, settings=SETTINGS)
    async with Household(folder, plan) as home:
        await home.room.say("okay nabu", WISH)
        first, audible_s = await sounding(home, 1)
        await until(audible_s + HEARD_S)
        asked_s = await home.watch.publish("stop")
        idle = await home.wait_phase("idle", after_s=asked_s)
        silent_s = await home.silent(after_s=audible_s, hold_s=SILENT_FOR_S)
        assert audible_s + HEARD_S < silent_s < idle.at_s + 0.2
        await home.settled(after_s=asked_s)
        assert not home.server.record.sessions[first.connection - 1].live
        again, _ = await home.room.say("okay nabu", WISH)
        second, audible_s = await sounding(home, 2)
        assert_silent(home, silent_s, audible_s - 0.01)
        await home.wait_phase("idle", after_s=again.ends_s)
        assert (first.status == "completed", second.status == "completed") == (False, True)
        await turns_ended(home, "stopped", "answered")
        home.server.assert_complete()


@journey
async def test_listen_gives_the_floor_to_whoever_asks_for_it(folder: Path) -> None:
    """`listen` cuts a reply off as the wake word does, and what is said then is answered."""
    scenario = Scenario(replies=[reply(LONG), reply(SHORT)])
    plan = Plan(scenario=scenario, playback_rate_hz=LINK_HZ, settings=SETTINGS)
    async with Household(folder, plan) as home:
        await home.room.say("okay nabu", WISH)
        first, first_audible_s = await sounding(home, 1)
        await until(first_audible_s + HEARD_S)
        asked_s = await home.watch.publish("listen")
        await home.wait_phase("listening", after_s=asked_s)
        silent_s = await home.silent(after_s=first_audible_s, hold_s=SILENT_FOR_S)
        (wish,) = await home.room.say(WISH)
        turn = await home.server.turn(2, timeout_s=10)
        _, audible_s = await sounding(home, 2)
        assert_silent(home, silent_s, audible_s - 0.01)
        assert wish.ends_s < turn.committed_at_s < audible_s
        await home.wait_phase("idle", after_s=audible_s)
        assert_truncated(home, Cut(first, first_audible_s, silent_s))
        await turns_ended(home, "interrupted", "answered")
        home.server.assert_complete()


@journey
async def test_talk_without_the_wake_word_does_not_interrupt(folder: Path) -> None:
    """The reply is heard whole, and not a byte of what was said over it leaves the machine."""
    speech = Speech(noise(4_000, seed=5), "A story.", Delivery.paced(3.0, chunk_ms=100))
    plan = Plan(scenario=Scenario(replies=[reply(speech)]), playback_rate_hz=LINK_HZ, settings=SETTINGS)
    async with Household(folder, plan) as home:
        await home.room.say("okay nabu", WISH)
        spoken, audible_s = await sounding(home, 1)
        appended = home.server.appended_audio_bytes
        (aside,) = await home.room.say("I would rather have a cup of tea")
        await home.wait_phase("idle", after_s=audible_s)
        assert audible_s < aside.begins_s < aside.ends_s < audible_s + 4.0
        heard = home.card.heard(audible_s - 0.01)
        assert np.array_equal(without_gaps(heard), np.trim_zeros(samples(spoken.pcm)))
        await asyncio.sleep(0.5)
        assert home.server.appended_audio_bytes == appended
        assert len(home.watch.events("wake")) == 1
        home.server.assert_complete()


async def recognised(home: Household, word: Said) -> float:
    """Wait for the journal to tell of a wake word; returns when it did."""
    line = await home.daemon.journal.until(
        lambda line: line.fields.get("event") == "wake", "wake", after_s=word.begins_s, timeout_s=10
    )
    return line.at_s
