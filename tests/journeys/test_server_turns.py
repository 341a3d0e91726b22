"""Turns that the server ends: sound flows until it has heard enough, and whoever commits, it is not us."""

from pathlib import Path
from typing import Final

from tests.doubles.realtime import Delivery, Scenario, Speech, UserTurn, reply
from tests.doubles.realtime.audio import noise
from tests.doubles.settings_file import Tables
from tests.journeys.household import Household, Plan
from tests.journeys.stage import journey
from tests.journeys.turns import WAITING_S, sounding, turns_ended

REPLIES = [reply(Speech(noise(4_000, seed=seed), "Well.", Delivery.paced(3.0, chunk_ms=100))) for seed in (1, 2)]
FOLLOW_UP: Final[Tables] = {"gate": {"follow_up_s": 5.0}}
LINK_BYTES_PER_S = 48_000
LATE_S = 2.0
"""How much sound may flow on after the server said that it has heard enough: less than the reply takes."""


async def ended_by_server(home: Household, number: int) -> UserTurn:
    """Follow a turn to its follow-up, and check that sound flowed until the server had heard enough."""
    turn = await home.server.turn(number, timeout_s=WAITING_S)
    stopped = await home.server.wait_for("input_audio_buffer.speech_stopped", number)
    await sounding(home, number)
    await home.wait_phase("follow_up", after_s=stopped.at_s)
    appends = home.server.record.of_type("input_audio_buffer.append")
    assert home.room.said[-1].ends_s < appends[-1].at_s
    assert sum(append.audio_bytes for append in appends if append.at_s > stopped.at_s) <= LATE_S * LINK_BYTES_PER_S
    return turn


async def converse(folder: Path, turn_detection: str) -> None:
    """Have a turn and a follow-up, both ended by the server."""
    settings = {**FOLLOW_UP, "realtime": {"turn_detection": turn_detection}}
    async with Household(folder, Plan(scenario=Scenario(replies=REPLIES), settings=settings)) as home:
        record = home.server.record
        session = await home.server.session(1)
        assert session.config["audio"]["input"]["turn_detection"]["type"] == turn_detection
        await home.room.say("okay nabu", "tell me something")
        first = await ended_by_server(home, 1)
        await home.room.say("tell me something else", lead_s=0.5)
        second = await ended_by_server(home, 2)
        assert (first.by_vad, second.by_vad) == (True, True)
        await home.wait_phase("idle", after_s=second.committed_at_s)
        assert record.of_type("input_audio_buffer.commit") == []
        assert len(record.of_type("response.create")) == 2, "each answer is asked for, because the budget must agree"
        await turns_ended(home, "answered", "answered")
        home.server.assert_complete()


@journey
async def test_server_vad_ends_turns(folder: Path) -> None:
    """The silence that the server waits for is streamed, and its commit is what we ask for an answer on."""
    await converse(folder, "server_vad")


@journey
async def test_semantic_vad_ends_turns(folder: Path) -> None:
    """The same with a server that judges by what was said."""
    await converse(folder, "semantic_vad")
