"""Channels, gain and level."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.audio.samples import SILENCE_DBFS, level_dbfs, spread, to_mono, with_gain

samples = st.lists(st.integers(-32_768, 32_767), min_size=1, max_size=50)


def pcm(*values: int) -> bytes:
    """Samples as bytes."""
    return np.array(values, np.int16).tobytes()


def test_mono_is_the_first_channel() -> None:
    """Of interleaved channels the first is taken, unmixed."""
    assert to_mono(pcm(1, 10, 100, 2, 20, 200), 3) == pcm(1, 2)


@given(samples, st.integers(1, 8))
def test_what_is_spread_comes_back_as_mono(values: list[int], channels: int) -> None:
    """Every channel carries the same samples, so spreading and taking one are inverse."""
    wide = spread(pcm(*values), channels)
    assert len(wide) == 2 * channels * len(values)
    assert to_mono(wide, channels) == pcm(*values)


def test_gain_rounds_and_saturates() -> None:
    """What falls between two steps goes to the nearer one; what grows too loud stays at full scale, both ways."""
    assert with_gain(pcm(3, -3, 101), 0.6) == pcm(2, -2, 61)
    assert with_gain(pcm(100, -100, 20_000, -20_000), 2.0) == pcm(200, -200, 32_767, -32_768)


@given(samples)
def test_unity_gain_is_bit_exact(values: list[int]) -> None:
    """At full volume a reply leaves as it came."""
    assert with_gain(pcm(*values), 1.0) == pcm(*values)


@pytest.mark.parametrize(("value", "expected_db"), [(32_767, 0.0), (16_384, -6.02), (1, -90.31)])
def test_level_is_relative_to_full_scale(value: int, expected_db: float) -> None:
    """A square wave's level is its height."""
    assert level_dbfs(pcm(value, -value)) == pytest.approx(expected_db, abs=0.01)


def test_silence_has_a_level_of_its_own() -> None:
    """Digital silence and nothing at all are quieter than the softest sound."""
    assert level_dbfs(bytes(64)) == level_dbfs(b"") == SILENCE_DBFS < level_dbfs(pcm(1, -1))
