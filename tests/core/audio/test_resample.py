"""Conversion between rates."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthd.core.audio.resample import Resampler
from tests.doubles import speech

RATES_HZ = [(48_000, 24_000), (48_000, 16_000), (24_000, 48_000), (44_100, 16_000), (24_000, 44_100)]
rates = pytest.mark.parametrize(("source_hz", "target_hz"), RATES_HZ)
engines = pytest.mark.parametrize("thrifty", [False, True])


def converted(resampler: Resampler, pcm: bytes, cuts: list[int]) -> bytes:
    """A whole stream, cut at these frames."""
    edges = [0, *sorted(2 * cut for cut in cuts), len(pcm)]
    pieces = [resampler.feed(pcm[start:end]) for start, end in pairwise(edges)]
    return b"".join(pieces) + resampler.flush()


@rates
@engines
@settings(max_examples=15)
@given(cuts=st.lists(st.integers(0, 9_600), max_size=30), seed=st.integers(0, 3))
def test_however_the_stream_is_cut_the_same_samples_come_out(
    source_hz: int, target_hz: int, thrifty: bool, cuts: list[int], seed: int
) -> None:
    """No piece leaves a seam, and none is lost: the whole stream in one piece gives the same bytes."""
    pcm = speech.noise(0.2, source_hz, level_dbfs=-10, seed=seed).tobytes()[: 2 * 9_600]
    whole = converted(Resampler(source_hz, target_hz, thrifty=thrifty), pcm, [])
    assert converted(Resampler(source_hz, target_hz, thrifty=thrifty), pcm, cuts) == whole


@rates
@engines
def test_a_stream_keeps_its_duration(source_hz: int, target_hz: int, thrifty: bool) -> None:
    """With its tail, a stream lasts as long as before."""
    pcm = speech.noise(0.5, source_hz).tobytes()
    assert len(converted(Resampler(source_hz, target_hz, thrifty=thrifty), pcm, [])) == target_hz  # half a second


@rates
@engines
def test_after_a_flush_or_a_reset_a_stream_starts_afresh(source_hz: int, target_hz: int, thrifty: bool) -> None:
    """Nothing of an old stream reaches the next."""
    pcm = speech.noise(0.1, source_hz).tobytes()
    resampler = Resampler(source_hz, target_hz, thrifty=thrifty)
    fresh = converted(resampler, pcm, [])
    assert converted(resampler, pcm, []) == fresh
    resampler.feed(speech.tone(0.1, source_hz).tobytes())
    resampler.reset()
    assert converted(resampler, pcm, []) == fresh


@given(st.binary(max_size=200).map(lambda pcm: pcm[: len(pcm) // 2 * 2]))
def test_equal_rates_pass_through_bit_exact(pcm: bytes) -> None:
    """Without a conversion nothing is touched and nothing withheld."""
    resampler = Resampler(24_000, 24_000)
    assert resampler.feed(pcm) == pcm
    assert resampler.flush() == b""
    resampler.reset()


@pytest.mark.parametrize(
    ("source_hz", "target_hz", "withheld_ms"), [(48_000, 24_000, 5.0), (24_000, 48_000, 10.0), (48_000, 16_000, 12.5)]
)
def test_the_steady_engine_withholds_the_same_always(source_hz: int, target_hz: int, withheld_ms: float) -> None:
    """Block in, block out: what the card played can be told from what it was given."""
    resampler = Resampler(source_hz, target_hz)
    block = speech.noise(0.02, source_hz).tobytes()
    given_frames = [len(resampler.feed(block)) // 2 for _ in range(50)]
    assert given_frames[0] == (20 - withheld_ms) * target_hz / 1000
    assert set(given_frames[1:]) == {target_hz // 50}


def test_the_thrifty_engine_withholds_at_most_a_block() -> None:
    """The gate, fed from a card at 48 kHz, is never more than one block behind."""
    resampler = Resampler(48_000, 16_000, thrifty=True)
    block = speech.noise(0.02, 48_000).tobytes()
    given_frames = np.cumsum([len(resampler.feed(block)) // 2 for _ in range(100)])
    assert (320 * np.arange(1, 101) - given_frames).max() <= 320


@engines
def test_speech_keeps_its_level_and_what_would_alias_is_gone(thrifty: bool) -> None:
    """A tone of 5 kHz passes from 48 to 16 kHz; one of 9.6 kHz, which would fold to 6.4 kHz, does not."""
    for pitch_hz, expected_db in [(5_000, -20.0), (9_600, float("-inf"))]:
        resampler = Resampler(48_000, 16_000, thrifty=thrifty)
        out = np.frombuffer(resampler.feed(speech.tone(1, 48_000, pitch_hz=pitch_hz).tobytes()), np.int16)
        assert speech.level_dbfs(out[4_000:12_000]) == pytest.approx(expected_db, abs=0.1)


def test_overshoot_saturates() -> None:
    """A full-scale square wave, whose edges ring, does not wrap around."""
    square = np.resize(np.repeat(np.array([32_767, -32_768], np.int16), 60), 4_800)
    out = np.frombuffer(Resampler(24_000, 48_000).feed(square.tobytes()), np.int16)
    assert (out.max(), out.min()) == (32_767, -32_768)
    assert np.abs(np.diff(out.astype(int))).max() < 45_000
