"""How voiced a sound is."""

import numpy as np
import pytest

from hearthd.core.audio.pcm import GATE_RATE_HZ
from hearthd.core.audio.voicing import WINDOW_FRAMES, voicing
from tests.doubles import speech

AT_S = np.arange(WINDOW_FRAMES) / GATE_RATE_HZ


def hummed(pitch_hz: float, level_dbfs: float = -20) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """A buzz with ten harmonics, as vocal folds make it."""
    buzz = sum(np.sin(2 * np.pi * pitch_hz * order * AT_S) / order for order in range(1, 11))
    return speech.at_level((3_000 * np.asarray(buzz)).astype(np.int16), level_dbfs)


@pytest.mark.parametrize("pitch_hz", [75, 110, 210, 330, 395])
@pytest.mark.parametrize("level_dbfs", [-60, -20])
def test_any_voice_is_voiced_at_any_level(pitch_hz: float, level_dbfs: float) -> None:
    """From the deepest man to a child, near or far, a vowel is close to 1."""
    assert voicing(hummed(pitch_hz, level_dbfs).tobytes()) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("seed", range(5))
def test_hiss_is_not_voiced(seed: int) -> None:
    """An s, a tap or a fan stays far below half."""
    assert voicing(speech.noise(0.04, GATE_RATE_HZ, level_dbfs=-20, seed=seed).tobytes()) < 0.6


def test_a_voice_is_still_voiced_in_noise() -> None:
    """10 dB above a noise, a vowel counts as voiced."""
    noisy = speech.with_noise(hummed(150), speech.noise(0.04, GATE_RATE_HZ), 10)
    assert voicing(noisy.tobytes()) > 0.85


def test_silence_is_not_voiced() -> None:
    """Nothing repeats in nothing, and nothing is divided by zero."""
    assert voicing(bytes(2 * WINDOW_FRAMES)) == 0
