"""Nothing is lost: what was said reaches the server to the sample, whatever the connection does meanwhile."""

import asyncio
from pathlib import Path
from typing import Final

from hearthd.core.audio.resample import Resampler
from tests.doubles.realtime import Accept, Scenario, Speech, reply
from tests.doubles.realtime.audio import noise
from tests.doubles.room import Said
from tests.doubles.settings_file import Tables
from tests.journeys.household import Household, Plan
from tests.journeys.proof import likeness, place, samples, script
from tests.journeys.stage import journey

LINK_HZ = 24_000
SLOW = Accept(handshake_delay_s=0.6)
COLD: Final[Tables] = {"realtime": {"keep_warm": False}, "gate": {"follow_up_s": 0.0}}
PREROLL_S = 1.5
END_OF_SPEECH_S = 0.5
LATE_S = 0.4
"""How late at most the daemon finds that a word or a sentence is over, on a machine that has much else to do."""
BREATH_S = 0.02
"""Between wake word and command, when nobody waits for anything."""
ANSWER = reply(Speech(noise(300), "Yes."))


async def in_one_breath(home: Household, *sentences: str) -> tuple[Said, Said, float]:
    """Say the wake word and more behind a whole pre-roll; returns word and last sentence, and when it was told."""
    said = await home.room.say("okay nabu", *sentences, pause_s=BREATH_S, lead_s=PREROLL_S)
    woken = await home.watch.event("wake", after_s=said[0].begins_s)
    return said[0], said[-1], woken.at_s


def assert_whole(home: Household, start: int, frames: int, woken_s: float, said: tuple[Said, Said]) -> None:
    """Check that a stretch of the script reaches from the pre-roll of the wake to the silence behind the last word."""
    card, (word, last) = home.card, said
    begins_s, ends_s = card.moment_s(start), card.moment_s(start + frames)
    assert word.begins_s < begins_s + PREROLL_S < min(woken_s, word.ends_s + LATE_S)
    assert 0 <= ends_s - last.ends_s - END_OF_SPEECH_S + 0.02 < LATE_S


@journey
async def test_a_link_that_takes_600_ms_to_open_costs_no_sample(folder: Path) -> None:
    """Wake word and command in one breath on a cold link: the server commits just these samples, each once."""
    scenario = Scenario(replies=[ANSWER], openings=[SLOW])
    plan = Plan(scenario=scenario, settings=COLD, capture_rate_hz=LINK_HZ)
    async with Household(folder, plan) as home:
        wake, wish, woken_s = await in_one_breath(home, "turn on the kitchen light")
        turn = await home.server.turn(1, timeout_s=15)
        spoken = script(home.card, LINK_HZ)
        start = place(samples(turn.pcm), spoken)
        assert start is not None
        assert_whole(home, start, len(samples(turn.pcm)), woken_s, (wake, wish))
        assert start <= wake.first_frame
        assert start + len(samples(turn.pcm)) >= wish.end_frame
        [handshake] = home.server.record.handshakes
        assert handshake.at_s > wake.begins_s + SLOW.handshake_delay_s
        assert home.server.appended_audio_bytes == len(turn.pcm)
        await home.settled(after_s=turn.committed_at_s)
        home.server.assert_complete()


@journey
async def test_a_link_that_breaks_in_mid_utterance_costs_no_sample(folder: Path) -> None:
    """The second connection gets the whole utterance once more from its beginning, and commits it alone."""
    scenario = Scenario(replies=[ANSWER], openings=[Accept(), SLOW])
    plan = Plan(scenario=scenario, settings={"gate": {"follow_up_s": 0.0}}, capture_rate_hz=LINK_HZ)
    async with Household(folder, plan) as home:
        wish = "what will the weather be like tomorrow in the afternoon"
        wake, last, woken_s = await in_one_breath(home, wish)
        first = home.server.record.sessions[0]
        await home.server.record.until(lambda: len(first.appended) > 2 * LINK_HZ * 2, "2 s of sound", 10)
        assert asyncio.get_running_loop().time() < last.ends_s
        home.server.abort()
        turn = await home.server.turn(1, timeout_s=15)
        spoken = script(home.card, LINK_HZ)
        start = place(samples(turn.pcm), spoken)
        assert start is not None
        assert_whole(home, start, len(samples(turn.pcm)), woken_s, (wake, last))
        assert start <= wake.first_frame
        assert turn.pcm.startswith(bytes(first.appended))
        assert (turn.connection, bytes(home.server.record.sessions[1].appended)) == (2, turn.pcm)
        await home.settled(after_s=turn.committed_at_s)
        home.server.assert_complete()


@journey
async def test_a_card_at_48_khz_is_resampled_as_one_piece(folder: Path) -> None:
    """On a cold link too the server gets what resampling the whole utterance at once makes of it, sample for sample."""
    scenario = Scenario(replies=[ANSWER], openings=[SLOW])
    async with Household(folder, Plan(scenario=scenario, settings=COLD)) as home:
        wake, wish, woken_s = await in_one_breath(home, "turn on the kitchen light")
        turn = await home.server.turn(1, timeout_s=15)
        received, card_hz = samples(turn.pcm), home.plan.capture_rate_hz
        ratio = card_hz // LINK_HZ
        frames = len(received) * ratio
        spoken = script(home.card, card_hz)[: wish.end_frame + card_hz]
        near, explained = await asyncio.to_thread(likeness, received, spoken, ratio)
        assert explained > 0.99

        def as_one_piece(start: int) -> bytes:
            resampler = Resampler(card_hz, LINK_HZ)
            return resampler.feed(spoken[start : start + frames].tobytes()) + resampler.flush()

        starts = [start for start in range(near - 10, near + 10) if as_one_piece(start) == turn.pcm]
        assert len(starts) == 1
        assert_whole(home, starts[0], frames, woken_s, (wake, wish))
        await home.settled(after_s=turn.committed_at_s)
        home.server.assert_complete()
