"""The gate: on sound made for one question, and on recorded people and a recorded kitchen."""

from collections import Counter
from functools import cache

import numpy as np
import pytest

from hearthd.core.audio.endpoint import Endpoint, EndPointer
from hearthd.core.audio.gate import SOUND_HOLD_BLOCKS, Verdict, VoiceGate
from hearthd.core.audio.pcm import BLOCK_MS, GATE_FORMAT, GATE_RATE_HZ
from tests.core.audio.sounds import block_count, blocks, longest_pause_ms, quiet, recorded, spoken
from tests.doubles import speech
from tests.doubles.vcard.tape import Samples

END_OF_SPEECH_MS = 500
VAD_LEVEL = 2


def verdicts(*sounds: Samples, vad_level: int = VAD_LEVEL) -> list[Verdict]:
    """What a fresh gate says of each block."""
    gate = VoiceGate(vad_level)
    return [gate.feed(block) for block in blocks(*sounds)]


def utterances(said: list[Verdict]) -> list[tuple[int, int | None]]:
    """First and committing block of each utterance that an end-pointer finds; None for one that goes on."""
    pointer = EndPointer(END_OF_SPEECH_MS, max_utterance_s=15)
    pointer.begin()
    found: list[tuple[int, int | None]] = []
    for number, verdict in enumerate(said):
        endpoint = pointer.feed(verdict is Verdict.SPEECH)
        if endpoint is Endpoint.STARTED:
            found.append((number + 1 - (pointer.began_blocks_ago or 0), None))
        elif endpoint is not None:
            found[-1] = (found[-1][0], number)
            pointer.begin()
    return found


@cache
def kitchen() -> Samples:
    """Half a minute of pots and water."""
    return recorded("noise", 1)[0][: 30 * GATE_RATE_HZ]


@cache
def commands() -> list[Samples]:
    """Spoken commands whose own pauses are shorter than the end of speech."""
    return [sound for sound in recorded("commands", 20) if longest_pause_ms(sound) < END_OF_SPEECH_MS - 100]


def test_a_quiet_room_is_quiet() -> None:
    """The wake scorer sleeps in a silent room and over digital silence."""
    assert set(verdicts(quiet(5), speech.silence(5, GATE_RATE_HZ))) == {Verdict.QUIET}


@pytest.mark.parametrize(
    "disturbance",
    [
        speech.noise(8, GATE_RATE_HZ, level_dbfs=-35),
        speech.tone(8, GATE_RATE_HZ, pitch_hz=100, level_dbfs=-40),
        speech.tone(8, GATE_RATE_HZ, pitch_hz=440, level_dbfs=-30),
    ],
    ids=["fan", "hum", "tone"],
)
def test_a_steady_noise_is_never_speech_and_soon_no_sound(disturbance: Samples) -> None:
    """What hums or hisses on starts no utterance, and 5 s later no longer keeps the wake scorer awake."""
    said = verdicts(quiet(3), disturbance)
    assert Verdict.SPEECH not in said
    assert set(said[block_count(3 + 5) :]) == {Verdict.QUIET}


@pytest.mark.parametrize("gain_db", [0, 12])
def test_a_kitchen_starts_no_utterance(gain_db: float) -> None:
    """Pots and water, near or far from the microphone, are not taken for somebody who speaks."""
    louder = speech.at_level(kitchen(), speech.level_dbfs(kitchen()) + gain_db)
    assert utterances(verdicts(louder)) == []


def test_commands_in_a_quiet_room_are_found_whole() -> None:
    """Each is one utterance that begins within 300 ms of its first sound; the pre-roll holds the rest."""
    for sound in commands():
        where = spoken(sound)
        found = utterances(verdicts(quiet(2), sound, quiet(1)))
        assert len(found) == 1
        began_ms = found[0][0] * BLOCK_MS - (2_000 + where.start * 1000 / GATE_RATE_HZ)
        assert -100 <= began_ms <= 300


def test_the_commit_comes_at_the_set_time_after_the_last_sound() -> None:
    """Within 40 ms of the setting after the end of speech, for 19 commands in 20, and hardly ever late."""
    late_ms = [
        (found[1] + 1) * BLOCK_MS - (2_000 + spoken(sound).stop * 1000 / GATE_RATE_HZ) - END_OF_SPEECH_MS
        for sound in commands()
        for found in utterances(verdicts(quiet(2), sound, quiet(1)))
        if found[1] is not None
    ]
    assert len(late_ms) == len(commands())
    assert max(late_ms) <= 40
    assert np.median(late_ms) >= -40


def test_commands_over_a_kitchen_are_found_and_end() -> None:
    """At 20 dB above the pots each command still starts an utterance of its own, and none is held open by them."""
    outcome: Counter[str] = Counter()
    for turn, sound in enumerate(commands()):
        where = spoken(sound)
        scene = np.concatenate([quiet(3), sound[: where.stop], quiet(2)])
        pots = np.roll(kitchen(), turn * GATE_RATE_HZ)[: scene.size]
        pots = speech.at_level(pots, speech.level_dbfs(sound[where]) - 20)
        found = utterances(verdicts((scene.astype(int) + pots).clip(-32_768, 32_767).astype(np.int16)))
        starts_s = [started * BLOCK_MS / 1000 - 3 - where.start / GATE_RATE_HZ for started, _ in found]
        outcome["found"] += any(-0.1 < start_s < 0.5 for start_s in starts_s)
        outcome["ended"] += bool(found) and found[-1][1] is not None
    assert outcome == {"found": len(commands()), "ended": len(commands())}


@pytest.mark.parametrize("vad_level", range(4))
def test_no_word_begins_before_the_scorer_listens(vad_level: int) -> None:
    """Within its lead of 500 ms the scorer is on when a word begins, at every setting."""
    for word in recorded("other_words", 8):
        said = verdicts(quiet(2), word, vad_level=vad_level)
        begins = block_count(2) + spoken(word).start // GATE_FORMAT.block_frames
        assert Verdict.QUIET not in said[begins + 20 : begins + 40]


def test_after_the_last_sound_the_scorer_listens_for_a_second_more() -> None:
    """A pause inside a wake word does not switch it off."""
    said = verdicts(quiet(2), commands()[0], quiet(3))
    last_speech = max(number for number, verdict in enumerate(said) if verdict is Verdict.SPEECH)
    assert said[last_speech : last_speech + SOUND_HOLD_BLOCKS].count(Verdict.QUIET) == 0
    assert said[-1] is Verdict.QUIET


def test_a_reset_gate_judges_like_a_new_one() -> None:
    """After a gap nothing is left of the sound before it: not the floor, not the speaker, not webrtcvad's memory."""
    gate = VoiceGate(VAD_LEVEL)
    for block in blocks(commands()[0]):
        gate.feed(block)
    gate.reset()
    scene = blocks(quiet(1), commands()[1])
    fresh = VoiceGate(VAD_LEVEL)
    assert [gate.feed(block) for block in scene] == [fresh.feed(block) for block in scene]
    assert gate.floor_dbfs == fresh.floor_dbfs < -50
