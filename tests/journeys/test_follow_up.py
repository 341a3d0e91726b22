"""How a conversation goes on, and how it ends: without the wake word, and in silence."""

from pathlib import Path

from tests.doubles.realtime import Scenario, Speech, reply
from tests.doubles.realtime.audio import noise
from tests.journeys.household import Household, Plan
from tests.journeys.stage import journey
from tests.journeys.turns import WAITING_S, turns_ended

FOLLOW_UP_S = 5.0
ANSWERS = [reply(Speech(noise(600, seed=seed), "Well.")) for seed in (1, 2, 3)]


@journey
async def test_a_conversation_goes_on_without_the_wake_word_and_ends_in_silence(folder: Path) -> None:
    """Each reply may be answered, all in one session; between reply and speech nothing is sent, and silence ends it."""
    plan = Plan(scenario=Scenario(replies=ANSWERS), settings={"gate": {"follow_up_s": FOLLOW_UP_S}})
    async with Household(folder, plan) as home:
        record = home.server.record
        await home.room.say("okay nabu", "tell me something")
        pauses: list[tuple[float, float]] = []
        for number in (1, 2):
            turn = await home.server.turn(number, timeout_s=WAITING_S)
            await home.wait_phase("follow_up", after_s=turn.committed_at_s)
            (wish,) = await home.room.say("tell me something else", lead_s=0.8)
            pauses.append((turn.committed_at_s, wish.begins_s))
        turn = await home.server.turn(3, timeout_s=WAITING_S)
        follow_up = await home.wait_phase("follow_up", after_s=turn.committed_at_s)
        idle = await home.wait_phase("idle", after_s=follow_up.at_s)
        assert idle.at_s - follow_up.at_s > FOLLOW_UP_S / 2
        assert [turn.connection for turn in record.turns] == [1, 1, 1]
        appends = [event.at_s for event in record.of_type("input_audio_buffer.append")]
        assert not [at_s for at_s in appends for since_s, until_s in pauses if since_s < at_s < until_s]
        assert max(appends) < follow_up.at_s
        await home.settled(after_s=idle.at_s)
        await turns_ended(home, "answered", "answered", "answered")
        assert len(record.sessions) == 2
        assert len(home.watch.events("wake")) == 1
        home.server.assert_complete()


@journey
async def test_nothing_said_after_the_wake_word_ends_in_silence(folder: Path) -> None:
    """The speaker rests again, nothing is committed, no answer asked for, and the next wake word works."""
    async with Household(folder, Plan(scenario=Scenario(replies=ANSWERS[:1]))) as home:
        (word,) = await home.room.say("okay nabu")
        woken = await home.watch.event("wake", after_s=word.begins_s)
        idle = await home.wait_phase("idle", after_s=woken.at_s, timeout_s=WAITING_S)
        assert (home.server.record.turns, home.server.record.responses) == ([], [])
        again, _ = await home.room.say("okay nabu", "tell me something")
        turn = await home.server.turn(1, timeout_s=WAITING_S)
        assert woken.at_s < idle.at_s < again.begins_s < turn.first_append_at_s
        await turns_ended(home, "nothing_said")
        assert not home.server.violations


@journey
async def test_a_button_that_nobody_speaks_after_ends_in_silence(folder: Path) -> None:
    """`listen` waits as long as the wake word does, and then lets go."""
    async with Household(folder, Plan()) as home:
        asked_s = await home.watch.publish("listen")
        await home.wait_phase("listening", after_s=asked_s)
        await home.wait_phase("idle", after_s=asked_s, timeout_s=WAITING_S)
        assert home.server.record.turns == []
        await turns_ended(home, "nothing_said")
        home.server.assert_complete()
