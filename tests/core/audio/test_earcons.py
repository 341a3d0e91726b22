"""Tones of our own."""

import numpy as np
import pytest

from hearthd.core.audio.earcons import LEVEL_DBFS, Earcon, render
from hearthd.core.audio.pcm import PcmFormat
from tests.doubles.speech import level_dbfs

rates = pytest.mark.parametrize("rate_hz", [8_000, 24_000, 48_000])
earcons = pytest.mark.parametrize("earcon", Earcon)


@earcons
@rates
def test_a_tone_is_short_and_as_loud_as_speech(earcon: Earcon, rate_hz: int) -> None:
    """Nobody waits for it, is startled by it, or misses it, and it never clips."""
    pcm = render(earcon, rate_hz)
    samples = np.frombuffer(pcm, np.int16)
    assert 100 < PcmFormat(rate_hz).ms_of_frames(samples.size) < 400
    assert level_dbfs(samples) == pytest.approx(LEVEL_DBFS, abs=0.1)
    assert np.abs(samples.astype(int)).max() < 24_000


@earcons
def test_a_tone_begins_and_ends_without_a_click(earcon: Earcon) -> None:
    """Its first and last half millisecond are 40 dB below the tone."""
    samples = np.frombuffer(render(earcon, 24_000), np.int16)
    assert max(level_dbfs(samples[:12]), level_dbfs(samples[-12:])) < LEVEL_DBFS - 40


def test_no_tone_is_mistaken_for_another() -> None:
    """Each meaning has a sound of its own."""
    assert len({render(earcon, 16_000) for earcon in Earcon}) == len(Earcon)
