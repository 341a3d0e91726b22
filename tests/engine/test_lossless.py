"""Not one sample of an utterance is lost, whatever the link does: compared with what the microphone was given."""

import asyncio
from functools import partial

import pytest

from hearthd.core.audio.pcm import LINK_FORMAT, LINK_RATE_HZ
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.commands import Command
from hearthd.core.conversation.phases import Link, Phase
from hearthd.core.settings import GateSettings, RealtimeSettings
from tests.engine.server import says
from tests.engine.voices import noise, voice
from tests.engine.world import WORD_S, World, settings_of
from tests.engine.world import living as living_at

PREROLL_MS = 1_500
QUESTION_S = 1.2
QUESTION = voice(QUESTION_S, LINK_RATE_HZ, seed=3)
REPLY = noise(0.5, LINK_RATE_HZ)

living = partial(living_at, capture_hz=LINK_RATE_HZ)


def begin_to_ask(world: World) -> float:
    """Say the wake word, and the question straight after it; returns when the question ends."""
    world.server.replies.append(says(REPLY))
    return world.hear(QUESTION, world.say_word())


def check(world: World) -> None:
    """Hold that the one utterance that was committed is all that was heard, from the pre-roll to the end."""
    (utterance,) = world.server.utterances
    word_and_question = voice(WORD_S, LINK_RATE_HZ, seed=7) + QUESTION
    at = utterance.index(word_and_question)
    before_ms = LINK_FORMAT.ms_of_frames(LINK_FORMAT.frames(utterance[:at]))
    after = utterance[at + len(word_and_question) :]
    assert before_ms == pytest.approx(PREROLL_MS - 1_000 * WORD_S, abs=81)
    assert set(utterance[:at]) == {0}
    assert set(after) == {0}
    assert LINK_FORMAT.ms_of_frames(LINK_FORMAT.frames(after)) == pytest.approx(500, abs=61)


@pytest.mark.parametrize("start_s", [0.0, 0.6, 1.5, 5.0])
async def test_nothing_is_lost_while_connecting(start_s: float) -> None:
    """The link comes up after the wake: soon, in mid-utterance, or long after the utterance is over."""
    async with living() as world:
        world.server.start_s = start_s
        world.lose_link()
        await world.until(lambda: world.machine.link is not Link.READY)
        begin_to_ask(world)
        await world.reach(Phase.FOLLOW_UP)
        check(world)
        assert world.outcomes() == ["answered"]


async def test_nothing_is_lost_of_the_longest_wait_and_the_longest_utterance() -> None:
    """Nine seconds for the link, five to the first word, and then somebody speaks until the cap."""
    async with living(settings_of(gate=GateSettings(preroll_ms=5_000))) as world:
        await asyncio.sleep(4)
        world.server.start_s = 9.0
        world.lose_link()
        await asyncio.sleep(0.3)
        world.server.replies.append(says(REPLY))
        word_s = world.say_word()
        said = [world.speak(1.0, word_s + 14.0 + second, seed=second) for second in range(16)]
        await world.reach(Phase.FOLLOW_UP)
        (utterance,) = world.server.utterances
        heard_ms = LINK_FORMAT.ms_of_frames(LINK_FORMAT.frames(utterance))
        assert heard_ms == pytest.approx(5_000 + 14_000 + 15_000, abs=200)
        assert all(voice(1.0, LINK_RATE_HZ, seed=second) in utterance for second in range(14))
        assert said[0] - word_s == pytest.approx(15.0)


async def test_nothing_is_lost_while_a_cold_link_connects() -> None:
    """`keep_warm = false`: the wake itself opens the connection, which takes 600 ms; silence closes it again."""
    cold = settings_of(realtime=RealtimeSettings(keep_warm=False))
    async with living(cold, ready=False) as world:
        world.link.opening_s = world.server.start_s = 0.3
        await asyncio.sleep(60)
        assert (world.link.attempts, world.status) == (0, 'waiting for "okay nabu"; the server is not connected')
        begin_to_ask(world)
        await world.reach(Phase.FOLLOW_UP)
        check(world)
        await world.reach(Phase.IDLE)
        await asyncio.sleep(60)
        assert (world.link.attempts, world.link.live) == (1, [])
        assert world.state["phase"] == "idle"


@pytest.mark.parametrize(("after_s", "away_s"), [(0.02, 0.0), (0.3, 0.6), (0.9, 0.0), (1.2, 0.6), (1.6, 3.0)])
async def test_nothing_is_lost_when_the_link_drops_in_mid_utterance(after_s: float, away_s: float) -> None:
    """The next session gets the whole utterance again, from its first sample."""
    async with living() as world:
        begin_to_ask(world)
        await world.reach(Phase.LISTENING)
        await asyncio.sleep(after_s)
        assert world.phase is Phase.LISTENING
        world.server.start_s = away_s
        world.lose_link()
        await world.reach(Phase.FOLLOW_UP)
        check(world)
        assert (world.outcomes(), world.link.attempts) == (["answered"], 2)


@pytest.mark.parametrize("after_s", [0.0, 0.001, 0.02, 0.19, 0.4])
async def test_nothing_is_lost_when_the_wake_meets_a_renewal(after_s: float) -> None:
    """In whatever moment of the renewal somebody speaks."""
    async with living(settings_of(realtime=RealtimeSettings(renew_after_minutes=0.05))) as world:
        world.server.start_s = 0.2
        await world.until(lambda: world.link.attempts == 2)
        begin_to_ask(world)
        await asyncio.sleep(after_s)
        await world.reach(Phase.FOLLOW_UP)
        check(world)


@pytest.mark.parametrize("after_s", [-0.55, -0.5, -0.495, -0.2, 0.0])
async def test_nothing_is_lost_in_the_gap_after_a_conversation(after_s: float) -> None:
    """The wake word is completed just before, in, or just after the moment in which the session is replaced."""
    async with living(settings_of(gate=GateSettings(follow_up_s=0.0))) as world:
        world.server.start_s = 0.3
        world.server.replies.append(says(REPLY))
        await world.ask()
        await world.until(lambda: world.speaker.heard)
        ends_s = world.speaker.heard[0].began_s + 0.5
        world.server.sessions[0].utterances.clear()
        await asyncio.sleep(ends_s + after_s - world.now_s)
        if world.phase is Phase.SPEAKING:
            world.scorer.due_s.append(ends_s + after_s + WORD_S)
            world.hear(voice(WORD_S, LINK_RATE_HZ, seed=7) + QUESTION)
            world.server.replies.append(says(REPLY))
        else:
            begin_to_ask(world)
        await world.until(lambda: len(world.turns) == 2)
        (utterance,) = world.server.utterances
        assert QUESTION in utterance
        assert world.outcomes()[-1] == "answered"


async def test_sound_never_passes_the_inbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """A conversation of seconds takes few events, and none of them carries sound."""
    async with living() as world:
        seen: list[ev.Event] = []
        step = world.machine.step

        def watch(event: ev.Event, now: float) -> tuple[Command, ...]:
            seen.append(event)
            return step(event, now)

        monkeypatch.setattr(world.machine, "step", watch)
        world.server.replies.append(says(noise(3.0, LINK_RATE_HZ), delta_bytes=960))
        await world.ask()
        await world.reach(Phase.FOLLOW_UP)
        assert len(seen) < 15
        assert not any(isinstance(getattr(event, name), bytes) for event in seen for name in event.__slots__)


async def test_a_minute_of_reply_in_two_seconds_is_played_bit_by_bit() -> None:
    """From the wire to the loudspeaker: all of it, without a gap."""
    reply = noise(60.0, LINK_RATE_HZ)
    async with living(settings_of(gate=GateSettings(barge_in="off"))) as world:
        world.server.replies.append(says(reply, delta_bytes=9_601, pace_s=2 * 9_601 / len(reply)))
        await world.ask()
        await asyncio.sleep(60.3)
        await world.reach(Phase.FOLLOW_UP)
        assert [stretch.pcm for stretch in world.speaker.heard] == [reply]
        assert "HEARTHD_UNDERRUNS" not in world.turns[0]
