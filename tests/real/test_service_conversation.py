"""The installed service does its job under a real systemd, and comes back to it however it fell over."""

import pytest

from tests.doubles.installation import Installed
from tests.doubles.realtime import Scenario, Speech, reply
from tests.doubles.realtime.audio import babble
from tests.doubles.realtime.scenarios import demo
from tests.doubles.service import Service
from tests.journeys.household import LAMP, Household, Plan
from tests.real.served import WATCHDOG_S, served

# The first run collects Python packages, perhaps over a slow line.
pytestmark = pytest.mark.timeout(600)

LIMIT_S = 20.0
"""For any one step, on a loaded machine too."""
STORY = (
    "MESSAGE",
    "PRIORITY",
    "SYSLOG_IDENTIFIER",
    "HEARTHD_TURN",
    "HEARTHD_CAUSE",
    "HEARTHD_OUTCOME",
    "HEARTHD_CALLS",
)


def _plan() -> Plan:
    """A server that switches the lamp on whenever it is spoken to, and takes its time to read a text aloud."""
    reads = reply(Speech(babble(30_000), "A long story."))
    return Plan(scenario=Scenario(out_of_band=[reads], respond=demo(babble(800)).respond))


async def _converse(home: Household) -> None:
    """Wake it, ask for light, and have the lamp obey and an answer sound."""
    heard = len(home.server.record.turns)
    wake, wish = await home.room.say("okay nabu", "turn on the kitchen light")
    turn = await home.server.turn(heard + 1, timeout_s=LIMIT_S)
    lamp = await home.appliances.told(LAMP, '{"state": "ON"}', after_s=wake.begins_s, timeout_s=LIMIT_S)
    sounds_s = await home.audible(after_s=lamp.at_s, timeout_s=LIMIT_S)

    moments = [wake.begins_s, wish.ends_s, turn.committed_at_s, lamp.at_s, sounds_s]
    assert moments == sorted(moments)
    home.server.assert_clean()


async def _speaks(home: Household) -> float:
    """Have it read a text aloud; returns the moment at which it is heard doing so."""
    await home.settled()
    asked_s = await home.watch.publish("say", "A long story.")
    return await home.audible(after_s=asked_s, timeout_s=LIMIT_S)


async def _comes_back(home: Household, service: Service, *, fell_s: float) -> None:
    """Wait until it was started anew, once, and can be spoken to."""
    await service.shows(NRestarts="1", ActiveState="active")
    await home.settled(after_s=fell_s, timeout_s=LIMIT_S)


async def test_it_converses_and_tells_each_turn_once(installed: Installed) -> None:
    """From wake word to answer; one entry with its fields a turn, nothing worse than news, and a stop with code 0."""
    async with served(installed, _plan()) as (home, service):
        await service.start()
        await home.settled()
        await _converse(home)
        await home.wait_phase("follow_up")
        status = await service.says("listening for more")
        await home.room.say("thank you very much")
        await home.server.turn(2, timeout_s=LIMIT_S)
        await home.watch.messages.until(lambda _: len(home.watch.events("turn")) == 2, "two turns", timeout_s=LIMIT_S)
        await service.stop()

        turns = await service.journal("HEARTHD_EVENT=turn")
        assert [[turn[name] for name in STORY] for turn in turns] == [
            ["turn answered", "6", "hearthd", "1", "okay_nabu", "answered", "1"],
            ["turn answered", "6", "hearthd", "2", "follow_up", "answered", "1"],
        ]
        assert all(int(str(turn["HEARTHD_LATENCY_MS"])) > 0 for turn in turns)
        assert status == "listening for more; the server is ready"
        assert await service.show("Result", "ExecMainCode", "ExecMainStatus") == ("success", "1", "0")
        assert await service.journal("--priority=warning") == []


async def test_a_kill_in_mid_sentence_brings_it_back(installed: Installed) -> None:
    """After `kill -9`, systemd starts it again, and it converses."""
    async with served(installed, _plan()) as (home, service):
        await service.start()
        spoke_s = await _speaks(home)
        await service.signal("KILL")
        await _comes_back(home, service, fell_s=spoke_s)
        await _converse(home)

        assert home.server.record.peak_live_sessions == 1


async def test_a_hang_brings_it_back_and_leaves_its_tracebacks(installed: Installed) -> None:
    """Who stands still starves the watchdog and is aborted, the journal shows where it hung, and it converses."""
    async with served(installed, _plan()) as (home, service):
        await service.start()
        ready = await home.settled()
        (hung,) = await service.show("MainPID")
        await service.signal("STOP")
        await _comes_back(home, service, fell_s=ready.at_s)
        await _converse(home)

        said = [entry["MESSAGE"] for entry in await service.journal(f"_PID={hung}")]
        assert "Fatal Python error: Aborted" in said
        assert f"hearthd.service: Watchdog timeout (limit {WATCHDOG_S}s)!" in [
            entry["MESSAGE"] for entry in await service.journal("_PID=1")
        ]


async def test_a_stop_in_mid_sentence_is_clean_and_quick(installed: Installed) -> None:
    """SIGTERM ends it with exit code 0 before the two seconds that are granted here are over, and it falls silent."""
    async with served(installed, _plan()) as (home, service):
        await service.start()
        await _speaks(home)
        assert (home.card.capture.is_open, home.card.playback.is_open) == (True, True)
        await service.stop()

        assert await service.show("Result", "ExecMainCode", "ExecMainStatus") == ("success", "1", "0")
        assert (home.card.capture.is_open, home.card.playback.is_open) == (False, False)
        assert await service.journal("--priority=warning") == []
