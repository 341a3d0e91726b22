"""The recogniser on synthetic voices; how good it is on many, `scripts/bench offline` tells."""

import logging
from pathlib import Path

import numpy as np
import pytest

from hearthd.offline.hearing.recogniser import LONGEST_S, GrammarRecogniser
from hearthd.offline.parts import HEARING_RATE_HZ, Grammar, Heard
from tests.doubles import speech


def grammar(*sentences: str) -> Grammar:
    """Return a grammar of a few sentences."""
    words = frozenset(word for sentence in sentences for word in sentence.split())
    return Grammar(f"#JSGF V1.0;\ngrammar test;\npublic <all> = {' | '.join(sentences)};\n", words)


HOUSE = grammar(
    "turn on the kitchen light", "turn off the kitchen light", "open the garage door", "is the bedroom window open"
)
LIGHTS = grammar(
    *(f"turn {way} the {what}" for way in ("on", "off") for what in ("kitchen light", "kitchen lights", "hall light")),
    "turn off all lights",
    "open the garage door",
    "is the bedroom window open",
)
NOTHING = Heard("", 0.0)


@pytest.fixture(scope="module")
def recogniser() -> GrammarRecogniser:
    """One for all tests, as the worker has one for all sessions."""
    return GrammarRecogniser()


def said(text: str, voice: str = "rms") -> bytes:
    """Return a sentence with a little silence around it."""
    pause = speech.noise(0.3, HEARING_RATE_HZ, level_dbfs=-70.0)
    return np.concatenate([pause, speech.synthesize(text, HEARING_RATE_HZ, voice), pause]).tobytes()


def without_a_room(text: str) -> bytes:
    """Return a sentence of the hardest voice, between digital silence."""
    pause = np.zeros(round(0.3 * HEARING_RATE_HZ), np.int16)
    return np.concatenate([pause, speech.synthesize(text, HEARING_RATE_HZ, "espeak:en-gb"), pause]).tobytes()


def hear(recogniser: GrammarRecogniser, known: Grammar, pcm: bytes, piece: int = 3_200) -> Heard:
    """Let it hear a whole utterance, in pieces."""
    recogniser.begin(known)
    for start in range(0, len(pcm), piece):
        recogniser.feed(pcm[start : start + piece])
    return recogniser.finish()


def test_what_was_said_is_heard(recogniser: GrammarRecogniser) -> None:
    """A sentence of the grammar is understood and trusted."""
    heard = hear(recogniser, HOUSE, said("turn off the kitchen light"))
    assert heard.text == "turn off the kitchen light"
    assert heard.confidence > 0.8


@pytest.mark.parametrize("sentence", ["turn on the kitchen light", "turn off the kitchen light"])
def test_a_recording_without_a_room_is_trusted_too(recogniser: GrammarRecogniser, sentence: str) -> None:
    """Digital silence around a voice is no place that the model has learnt in: it is given the noise of a quiet one."""
    heard = hear(recogniser, HOUSE, without_a_room(sentence))
    assert heard.text == sentence
    assert heard.confidence > 0.65


@pytest.mark.parametrize("sentence", ["turn off the kitchen lights", "turn off the hall light"])
def test_two_hearings_of_three_that_agree_win(recogniser: GrammarRecogniser, sentence: str) -> None:
    """In this noise the second hearing, by itself, takes off for on."""
    voice = np.frombuffer(without_a_room(sentence), np.int16) / 2
    room = speech.noise(voice.size / HEARING_RATE_HZ, HEARING_RATE_HZ, level_dbfs=-37.0)
    noisy = (voice + room[: voice.size]).astype(np.int16).tobytes()
    assert hear(recogniser, LIGHTS, noisy).text == sentence


def test_pieces_may_end_within_a_sample(recogniser: GrammarRecogniser) -> None:
    """How sound is cut into pieces changes nothing that counts."""
    assert hear(recogniser, HOUSE, said("open the garage door"), 1_001).text == "open the garage door"


def test_one_utterance_does_not_colour_the_next(recogniser: GrammarRecogniser) -> None:
    """The same sound is heard in the same way, whatever was heard before."""
    sound = said("is the bedroom window open")
    first = hear(recogniser, HOUSE, sound)
    hear(recogniser, HOUSE, speech.tone(1.0, HEARING_RATE_HZ).tobytes())
    assert hear(recogniser, HOUSE, sound) == first


def test_other_speech_is_not_trusted(recogniser: GrammarRecogniser) -> None:
    """What no sentence of the grammar resembles is not acted upon."""
    heard = hear(recogniser, HOUSE, said("my grandmother bought seventeen elephants yesterday"))
    assert heard.confidence < 0.4
    assert heard.spoken


@pytest.mark.parametrize("length_s", [0.0, 0.1, 2.0])
def test_silence_is_nothing(recogniser: GrammarRecogniser, length_s: float) -> None:
    """No sound, too little of it and a quiet room."""
    hush = speech.noise(length_s, HEARING_RATE_HZ, level_dbfs=-75.0) if length_s else np.zeros(0, np.int16)
    assert hear(recogniser, HOUSE, hush.tobytes()) == NOTHING


def test_noise_alone_is_not_trusted(recogniser: GrammarRecogniser) -> None:
    """A loud room in which nobody speaks asks for nothing, and gets no answer."""
    assert hear(recogniser, HOUSE, speech.noise(2.0, HEARING_RATE_HZ, level_dbfs=-30.0).tobytes()) == NOTHING


def test_another_grammar_replaces_the_last(recogniser: GrammarRecogniser) -> None:
    """Only sentences of the new one are heard."""
    other = grammar("start the washing machine", "stop the washing machine")
    assert hear(recogniser, other, said("start the washing machine")).text == "start the washing machine"
    assert hear(recogniser, other, said("open the garage door")).text in {*other.jsgf.split(" | "), ""} | {
        "start the washing machine",
        "stop the washing machine",
    }


def test_an_unfinished_utterance_is_forgotten(recogniser: GrammarRecogniser) -> None:
    """A new beginning starts from nothing."""
    recogniser.begin(HOUSE)
    recogniser.feed(said("turn off the kitchen light"))
    assert hear(recogniser, HOUSE, said("open the garage door")).text == "open the garage door"


def test_unknown_words_are_spelt(recogniser: GrammarRecogniser) -> None:
    """A name that is in no dictionary is heard as it is written."""
    known = grammar("turn on the kallax lamp", "turn on the kitchen lamp")
    assert hear(recogniser, known, said("turn on the kallax lamp")).text == "turn on the kallax lamp"


def test_words_that_cannot_be_said_are_left_out(
    recogniser: GrammarRecogniser, caplog: pytest.LogCaptureFixture
) -> None:
    """They are named in the log, and the other sentences stay."""
    with caplog.at_level(logging.WARNING):
        heard = hear(recogniser, grammar("open the garage door", "open the k\u00fcche"), said("open the garage door"))
    assert heard.text == "open the garage door"
    assert caplog.messages == ["words that cannot be said: k\u00fcche"]


def test_an_unusable_grammar_hears_nothing(recogniser: GrammarRecogniser, caplog: pytest.LogCaptureFixture) -> None:
    """It is told in the log, and the next good one works."""
    assert hear(recogniser, Grammar("rubbish", frozenset()), said("open the garage door")) == NOTHING
    assert caplog.messages == ["the grammar is unusable: a JSGF header is missing"]
    assert hear(recogniser, HOUSE, said("open the garage door")).text == "open the garage door"


def test_a_quarter_of_an_hour_takes_no_memory(recogniser: GrammarRecogniser) -> None:
    """Beyond the longest utterance nothing is kept, and none of it is a command."""
    second = speech.noise(1.0, HEARING_RATE_HZ, level_dbfs=-20.0).tobytes()
    recogniser.begin(HOUSE)
    for _ in range(int(LONGEST_S) + 1):
        recogniser.feed(second)
    before_kb = _resident_kb()
    for _ in range(15 * 60):
        recogniser.feed(second)
    assert _resident_kb() - before_kb < 2_000
    assert recogniser.finish() == NOTHING


def _resident_kb() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0])
