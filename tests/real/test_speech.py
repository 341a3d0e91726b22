"""The sounds that other tests speak with."""

import numpy as np
import pytest

from tests.doubles import speech

RATE_HZ = 16_000


@pytest.mark.parametrize("voice", ["slt", "kal16", "espeak", "espeak:en-gb"])
def test_synthetic_voices_speak(voice: str) -> None:
    """Every voice says the sentence at a speaking level, and says it the same way again."""
    said = speech.synthesize("turn on the kitchen light", RATE_HZ, voice)
    assert 1 < len(said) / RATE_HZ < 3
    assert -35 < speech.level_dbfs(said) < -5
    assert np.array_equal(said, speech.synthesize("turn on the kitchen light", RATE_HZ, voice))


def test_unknown_voices_are_refused() -> None:
    """A misspelled voice is an error, not another voice."""
    with pytest.raises(ValueError, match="no voice 'slt2'"):
        speech.synthesize("hello", RATE_HZ, "slt2")


@pytest.mark.parametrize(("kind", "count"), [("wake_alexa", 165), ("other_words", 116), ("commands", 80), ("noise", 1)])
def test_recordings_are_there(kind: str, count: int) -> None:
    """The recorded people can be found and read at the rate of a card."""
    paths = speech.recordings(kind)
    assert count == len(paths)
    assert speech.load(paths[0], 48_000).dtype == np.int16


def test_missing_recordings_are_an_error() -> None:
    """A test without its recordings fails in plain words."""
    with pytest.raises(FileNotFoundError, match="shared test data"):
        speech.recordings("no_such_kind")


def test_noise_is_mixed_at_the_ratio_asked_for() -> None:
    """Levels and signal-to-noise ratio are RMS in dB, and the noise is repeated to the length of the speech."""
    said = speech.tone(1.0, RATE_HZ, level_dbfs=-20)
    mixed = speech.with_noise(said, speech.noise(0.3, RATE_HZ), 12)
    behind = (mixed.astype(np.int32) - said).astype(np.int16)
    assert speech.level_dbfs(said) == pytest.approx(-20, abs=0.1)
    assert speech.level_dbfs(behind) == pytest.approx(-32, abs=0.1)
    assert speech.level_dbfs(speech.silence(0.1, RATE_HZ)) == float("-inf")
