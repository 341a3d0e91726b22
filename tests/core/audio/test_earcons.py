"""Tones of our own."""

import numpy as np
import pytest

from hearthd.core.audio.earcons import LEVEL_DBFS, Earcon, render
from hearthd.core.audio.gate import Verdict, VoiceGate
from hearthd.core.audio.pcm import GATE_FORMAT, GATE_RATE_HZ, PcmFormat
from hearthd.core.settings import GateSettings
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


@pytest.mark.parametrize("earcon", [Earcon.DONE, Earcon.FAILED])
@pytest.mark.parametrize("noise", [0, 1, 10, 100])
@pytest.mark.parametrize("gain_db", [6, 0, -10, -20, -30])
def test_the_tones_of_an_open_ear_are_no_speech(earcon: Earcon, noise: float, gain_db: float) -> None:
    """They sound while the follow-up listens already, loud or faint, in any room: they must not be answered."""
    tone = np.frombuffer(render(earcon, GATE_RATE_HZ), np.int16) * 10 ** (gain_db / 20)
    for offset in range(0, GATE_FORMAT.block_frames, 80):
        sound = np.concatenate([np.zeros(GATE_RATE_HZ + offset), tone, np.zeros(GATE_RATE_HZ // 2)])
        sound += np.random.default_rng(offset).normal(0, 1, sound.size) * noise
        pcm = np.clip(sound, -32_768, 32_767).astype(np.int16).tobytes()
        gate, size = VoiceGate(GateSettings().vad_level), GATE_FORMAT.block_bytes
        verdicts = [gate.feed(pcm[at : at + size]) for at in range(0, len(pcm) - size + 1, size)]
        assert Verdict.SPEECH not in verdicts
