"""How it ends: soon and with exit code 0 whatever hangs; and with settings that are wrong it does not even begin."""

import time
from pathlib import Path
from typing import Final

from tests.doubles.alsafault import Call
from tests.doubles.realtime import Accept, Delivery, Scenario, Silence, Speech, reply
from tests.doubles.realtime.audio import noise
from tests.doubles.settings_file import Tables
from tests.journeys.household import Household, Plan
from tests.journeys.stage import journey
from tests.journeys.turns import WAITING_S, ask, lateness, sounding, until

SOON_S = 2.0
READ_EVERY_S = 0.1
"""While it rests, the microphone is read more often."""
EXIT_BAD_CONFIG = 78
WISH = "tell me a story"
LONG_WISH = "I would like you to tell me whatever it was that I wanted to know"
STORY = Speech(noise(5_000, seed=8), "A story.")
LATE_STORY = Speech(STORY.pcm, "A story.", Delivery(first_delay_s=5.0))
SHORT = Speech(noise(300, seed=8), "A story.")


async def stops(home: Household) -> float:
    """Check that it ends soon and well, and lets go of the card; returns when it was asked."""
    asked_s = time.monotonic()
    async with lateness(home.daemon.pid) as late:
        ending = await home.stop()
    assert ending.exit_code == 0
    assert ending.took_s - late.total_s < SOON_S
    assert not home.card.capture.is_open
    assert not home.card.playback.is_open
    return asked_s


@journey
async def test_it_stops_while_it_rests_thinks_and_speaks(folder: Path) -> None:
    """The house hears that it goes, the loudspeaker falls silent with it, and each time it can be started again."""
    scenario = Scenario(replies=[reply(LATE_STORY), reply(STORY)])
    async with Household(folder, Plan(scenario=scenario)) as home:
        await stops(home)
        await home.start()
        turn = await ask(home, WISH)
        await home.wait_phase("thinking", after_s=turn.committed_at_s)
        await stops(home)
        await home.start()
        await ask(home, WISH)
        _, audible_s = await sounding(home, 2)
        asked_s = await stops(home)
        assert audible_s < await home.silent(after_s=audible_s) < asked_s + SOON_S
        told = home.watch.messages.where(lambda message: message.topic.endswith("/availability"))
        assert [message.payload for message in told] == [b"online", b"offline"] * 3
        home.server.assert_complete()


@journey
async def test_it_stops_while_it_listens_waits_for_more_and_connects(folder: Path) -> None:
    """Nothing of an unfinished sentence is committed; a server that accepts and says nothing holds nobody up."""
    scenario = Scenario(replies=[reply(SHORT)])
    async with Household(folder, Plan(scenario=scenario)) as home:
        asked_s = await home.watch.publish("listen")
        await home.wait_phase("listening", after_s=asked_s)
        await home.room.say(LONG_WISH)
        await home.server.record.until(lambda: home.server.appended_audio_bytes > 24_000, "sound", WAITING_S)
        await stops(home)
        assert home.server.record.turns == []
        await home.start()
        turn = await ask(home, WISH)
        await home.wait_phase("follow_up", after_s=turn.committed_at_s)
        await stops(home)
        home.server.open_with(Silence())
        await home.daemon.start()
        await home.watch.shows(phase="idle", link="connecting", after_s=home.daemon.started_s, timeout_s=WAITING_S)
        await home.daemon.ready()
        asked_s = await home.watch.publish("listen")
        await home.wait_phase("waking", after_s=asked_s)
        await stops(home)
        home.server.assert_complete()


@journey
async def test_it_stops_whatever_stands_still(folder: Path) -> None:
    """A frozen card, a broker and a server that hold their connections and answer nothing: each alone, then all."""
    async with Household(folder, Plan()) as home:
        home.card.capture.freeze()
        home.card.playback.freeze()
        await stops(home)
        home.card.capture.thaw()
        home.card.playback.thaw()
        await home.start()
        home.broker.freeze()
        await stops(home)
        home.broker.thaw()
        home.server.open_with(Accept(handshake_delay_s=60.0))
        await home.daemon.start()
        await home.daemon.ready()
        await home.server.record.until(lambda: home.server.pending_handshakes > 0, "an attempt to connect", WAITING_S)
        home.card.capture.freeze()
        home.card.playback.freeze()
        home.broker.freeze()
        await stops(home)
        home.broker.thaw()


@journey
async def test_it_stops_while_a_call_into_the_sound_library_hangs(folder: Path) -> None:
    """A thread that cannot be ended goes down with the process, whose exit code is still that of a stop."""
    async with Household(folder, Plan(breakable=True)) as home:
        home.alsa.fail(Call.READ, 0, times=-1, stall_s=30.0)
        await until(time.monotonic() + 2 * READ_EVERY_S)
        calls = home.alsa.calls(Call.READ)
        await stops(home)
        assert home.alsa.calls(Call.READ) == calls
        assert len(home.daemon.journal.where(lambda line: line.fields.get("event") == "cut_off")) == 1


MISTAKES: Final[list[tuple[Tables, str, str, str]]] = [
    ({"gate": {"end_of_speach_ms": 500}}, "gate.end_of_speach_ms", "no such key", "did you mean end_of_speech_ms?"),
    ({"audio": {"volume_percent": 150}}, "audio.volume_percent", "100", "150"),
]


@journey
async def test_settings_that_are_wrong_are_named_and_nothing_begins(folder: Path) -> None:
    """Exit code 78; file, key, what was expected and the nearest valid key stand in the journal; no card is opened."""
    for number, (settings, *wanted) in enumerate(MISTAKES):
        async with Household(folder / str(number), Plan(settings=settings, starts=False)) as home:
            await home.daemon.start()
            assert await home.daemon.ended() == EXIT_BAD_CONFIG
            said = home.daemon.tail()
            assert [words for words in (str(home.daemon.config), *wanted) if words not in said] == []
            assert home.card.events() == []
            assert home.server.record.handshakes == []
            assert home.daemon.notices.where(lambda notice: "READY" in notice.fields) == []
