"""Sound cards that go, stand still, stumble or lie: hearthd says so once, costs next to nothing, and comes back."""

import asyncio
import errno
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.bench.process import ProcessMeter
from tests.doubles.alsafault import Call
from tests.doubles.mqtt_watch import Message
from tests.doubles.realtime import Part, ResponseRequest, Scenario, Speech
from tests.doubles.realtime.audio import noise
from tests.doubles.settings_file import Tables
from tests.journeys.household import Household, Plan
from tests.journeys.stage import journey
from tests.journeys.turns import WAITING_S, ask, sounding, turns_ended

SETTINGS: Final[Tables] = {"gate": {"follow_up_s": 0.0}}
WISH = "tell me a story"
LONG_WISH = "I would like you to tell me whatever it was that I wanted to know"
STORY = Speech(noise(2_500, seed=6), "A story.")
OUTAGE_S = 1.5
LAZY = 0.4
"""Share of a core; a loop that spins takes all of it, and listening a twentieth."""


async def tell_a_story(_request: ResponseRequest) -> Sequence[Part]:
    """Answer everything."""
    return [STORY]


PLAN: Final = Plan(scenario=Scenario(respond=tell_a_story), settings=SETTINGS)


async def trouble(home: Household, *words: str, after_s: float) -> Message:
    """Wait until the state names all of these troubles."""

    def is_it(message: Message) -> bool:
        problem = message.document.get("problem", "")
        return message.topic.endswith("/state") and all(word in problem for word in words)

    return await home.watch.messages.until(is_it, f"trouble with {words}", after_s=after_s, timeout_s=WAITING_S)


async def pass_lazily(home: Household, duration_s: float = OUTAGE_S) -> None:
    """Let an outage last, and check that hearthd does not wear the machine out meanwhile."""
    meter = ProcessMeter(home.daemon.pid)
    before = meter.read()
    await asyncio.sleep(duration_s)
    assert meter.read().since(before).cpu_ms_per_s < 1000 * LAZY


async def assert_it_talks(home: Household) -> None:
    """Check that a whole conversation works."""
    number = len(home.server.record.responses) + 1
    turn = await ask(home, WISH)
    await sounding(home, number)
    await home.settled(after_s=turn.committed_at_s)
    home.server.assert_clean()


def warnings(home: Household, event: str) -> list[str]:
    """Return the journal's warnings of a kind."""
    lines = home.daemon.journal.where(lambda line: line.fields.get("event") == event)
    return [line.text for line in lines if " warning " in line.text]


@journey
async def test_a_card_that_is_unplugged_comes_back_when_it_is_plugged_in(folder: Path) -> None:
    """At rest: both directions are told once, in the journal and in the state, and found again."""
    async with Household(folder, PLAN) as home:
        unplugged_s = time.monotonic()
        home.card.unplug()
        await trouble(home, "no microphone", "no loudspeaker", "No such device", after_s=unplugged_s)
        await pass_lazily(home)
        replugged_s = time.monotonic()
        home.card.replug()
        await home.settled(after_s=replugged_s)
        await assert_it_talks(home)
        assert (len(warnings(home, "microphone_lost")), len(warnings(home, "speaker_lost"))) == (1, 1)
        assert len(home.daemon.notices.where(lambda notice: notice.fields.get("READY") == "1")) == 1


@journey
async def test_a_loudspeaker_that_goes_in_mid_reply_ends_the_turn_and_no_more(folder: Path) -> None:
    """The turn fails and says why, nothing of the reply comes later, and the next reply is heard."""
    async with Household(folder, PLAN) as home:
        await ask(home, WISH)
        _, audible_s = await sounding(home, 1)
        home.card.playback.vanish()
        told = await home.watch.event("error", after_s=audible_s)
        await trouble(home, "no loudspeaker", after_s=audible_s)
        back_s = time.monotonic()
        home.card.playback.come_back()
        await home.settled(after_s=back_s)
        assert told.document["code"] == "speaker_lost"
        await turns_ended(home, "failed")
        assert not home.card.heard(back_s).any()
        await assert_it_talks(home)
        assert warnings(home, "microphone_lost") == []


@journey
async def test_a_microphone_that_goes_in_mid_sentence_ends_the_turn_and_no_more(folder: Path) -> None:
    """What was heard until then is not answered, somebody is told, and the next sentence is."""
    async with Household(folder, PLAN) as home:
        asked_s = await home.watch.publish("listen")
        await home.wait_phase("listening", after_s=asked_s)
        await home.room.say(LONG_WISH)
        await home.server.record.until(lambda: home.server.appended_audio_bytes > 24_000, "sound", WAITING_S)
        gone_s = time.monotonic()
        home.card.capture.vanish()
        told = await home.watch.event("error", after_s=gone_s)
        await trouble(home, "no microphone", after_s=gone_s)
        home.card.capture.come_back()
        await home.settled(after_s=told.at_s)
        assert told.document["code"] == "microphone_lost"
        await turns_ended(home, "failed")
        assert home.server.record.turns == []
        await assert_it_talks(home)
        assert warnings(home, "speaker_lost") == []


@journey
async def test_a_card_that_stands_still_is_lost_until_it_moves(folder: Path) -> None:
    """A frozen microphone at rest and a frozen loudspeaker in mid-reply are noticed, told, and found again."""
    async with Household(folder, PLAN) as home:
        frozen_s = time.monotonic()
        home.card.capture.freeze()
        await trouble(home, "no microphone", "no sound", after_s=frozen_s)
        await pass_lazily(home)
        thawed_s = time.monotonic()
        home.card.capture.thaw()
        await home.settled(after_s=thawed_s)

        await ask(home, WISH)
        _, audible_s = await sounding(home, 1)
        home.card.playback.freeze()
        lost = await home.watch.event("error", after_s=audible_s, timeout_s=WAITING_S)
        assert (lost.document["code"], "played nothing" in lost.document["problem"]) == ("speaker_lost", True)
        await pass_lazily(home)  # it can be opened, so that the state tells of it for a moment, or not at all
        home.card.playback.thaw()
        await home.settled(after_s=lost.at_s)
        await assert_it_talks(home)
        assert (len(warnings(home, "microphone_lost")), len(warnings(home, "speaker_lost"))) == (1, 1)


@journey
async def test_xruns_cost_sound_and_nothing_else(folder: Path) -> None:
    """In the middle of a sentence and of a reply: the turn is answered all the same, and no device counts as lost."""
    async with Household(folder, PLAN) as home:
        asked_s = await home.watch.publish("listen")
        await home.wait_phase("listening", after_s=asked_s)
        await home.room.say(LONG_WISH)
        await home.server.record.until(lambda: home.server.appended_audio_bytes > 24_000, "sound", WAITING_S)
        home.card.capture.xrun(3)
        turn = await home.server.turn(1, timeout_s=WAITING_S)
        await sounding(home, 1)
        home.card.playback.xrun(2)
        await home.settled(after_s=turn.committed_at_s)
        assert (home.card.capture.xruns_left, home.card.playback.xruns_left) == (0, 0)
        await turns_ended(home, "answered")
        await assert_it_talks(home)
        assert warnings(home, "microphone_lost") + warnings(home, "speaker_lost") == []


@journey
async def test_a_card_that_is_busy_at_the_start_is_waited_for(folder: Path) -> None:
    """The daemon says who stands in its way, is not ready before the card is free, and is ready then."""
    async with Household(folder, replace(PLAN, starts=False)) as home:
        for side in (home.card.capture, home.card.playback):
            side.refuse_open(error=errno.EBUSY)
        await home.daemon.start()
        await trouble(home, "no microphone", "no loudspeaker", "another program", after_s=home.daemon.started_s)
        await pass_lazily(home)
        assert not home.daemon.notices.where(lambda notice: notice.fields.get("READY") == "1")
        for side in (home.card.capture, home.card.playback):
            side.heal()
        healed_s = time.monotonic()
        ready = await home.daemon.ready()
        assert ready.at_s > healed_s
        await home.settled(after_s=home.daemon.started_s)
        await assert_it_talks(home)
        assert (len(warnings(home, "microphone_lost")), len(warnings(home, "speaker_lost"))) == (1, 1)


@journey
async def test_errors_of_a_driver_are_an_outage_and_no_crash(folder: Path) -> None:
    """Reading and writing fail with one errno after the other for a while, below pyalsaaudio, and then work again."""
    async with Household(folder, replace(PLAN, breakable=True)) as home:
        for error in (errno.EIO, errno.ENODEV):
            broken_s = time.monotonic()
            home.alsa.fail(Call.READ, error, times=-1)
            await trouble(home, "no microphone", after_s=broken_s)
            await pass_lazily(home)
            mended_s = time.monotonic()
            home.alsa.mend()
            await home.settled(after_s=mended_s)
        await ask(home, WISH)
        await sounding(home, 1)
        broken_s = time.monotonic()
        home.alsa.fail(Call.WRITE, errno.EIO, times=-1)
        told = await home.watch.event("error", after_s=broken_s)
        home.alsa.mend()
        assert told.document["code"] == "speaker_lost"
        await home.settled(after_s=told.at_s)
        await assert_it_talks(home)


@journey
async def test_a_read_that_hangs_inside_the_library_is_left_behind(folder: Path) -> None:
    """The rest of the daemon goes on meanwhile, says what is wrong, and hears again once the card can be opened."""
    async with Household(folder, replace(PLAN, breakable=True)) as home:
        hangs_s = time.monotonic()
        home.alsa.fail(Call.READ, 0, stall_s=8.0)
        await home.watch.publish("set/volume", "90")
        await home.watch.shows(volume_percent=90, after_s=hangs_s)
        lost = await trouble(home, "no microphone", "does not answer", after_s=hangs_s)
        await pass_lazily(home)
        await home.settled(after_s=lost.at_s)
        await assert_it_talks(home)
        assert len(warnings(home, "microphone_lost")) == 1
