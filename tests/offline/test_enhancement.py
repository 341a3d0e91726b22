"""The neural noise reduction: its arithmetic on weights written down here, its use on a voice in noise."""

from pathlib import Path

import numpy as np
import pytest

from hearthd.offline.hearing.cepstrum import BANDS, log_mel
from hearthd.offline.hearing.enhancement import QUIET_NEPERS, WEIGHTS, Enhancer, in_a_room, normalised
from hearthd.offline.parts import HEARING_RATE_HZ
from tests.doubles import speech


@pytest.fixture(scope="module")
def enhancer() -> Enhancer:
    """One for all tests."""
    return Enhancer()


def weights(path: Path, layers: list[tuple[np.ndarray, np.ndarray, int]]) -> Path:
    """Write a network."""
    arrays = {f"taps{at}": taps.astype(np.float16) for at, (taps, _, _) in enumerate(layers)}
    arrays |= {f"bias{at}": bias.astype(np.float16) for at, (_, bias, _) in enumerate(layers)}
    dilations = np.array([dilation for *_, dilation in layers], np.int8)
    np.savez(path, allow_pickle=False, dilations=dilations, **arrays)
    return path


def test_inputs_are_levels_above_the_voice_and_above_the_noise() -> None:
    """A steady sound is as loud as its voice and as its noise, whatever its level; a third of the difference counts."""
    bands = np.full((20, BANDS), 5.0, np.float32)
    bands[10:] += 3.0
    inputs = normalised(bands)
    assert inputs.shape == (20, 2 * BANDS)
    assert inputs[0] == pytest.approx([-1.0] * BANDS + [0.0] * BANDS)
    assert inputs[19] == pytest.approx([0.0] * BANDS + [1.0] * BANDS)
    assert normalised(bands + np.float32(7)) == pytest.approx(inputs, abs=1e-5)


def test_convolutions_reach_as_far_as_their_taps(tmp_path: Path) -> None:
    """A single spike comes through three layers at the expected rows, with the residual path around the inner one."""
    first = np.zeros((1, 2 * BANDS, 1))
    first[0, 0, 0] = 3.0
    inner = np.ones((3, 1, 1))
    last = np.full((1, 1, BANDS), 1.0)
    layers = [(first, np.zeros(1), 1), (inner, np.zeros(1), 4), (last, np.zeros(BANDS), 1)]
    network = Enhancer(weights(tmp_path / "small.npz", layers))
    bands = np.zeros((30, BANDS), np.float32)
    bands[15, 0] = 6.0
    taken = bands - network.enhance(bands)
    hidden = np.zeros(30)
    hidden[[11, 19]], hidden[15] = 6.0, 12.0
    assert taken == pytest.approx(np.log1p(np.exp(hidden))[:, None].repeat(BANDS, 1), abs=1e-4)


def test_nothing_is_nothing(enhancer: Enhancer) -> None:
    """An empty utterance stays one."""
    assert enhancer.enhance(np.zeros((0, BANDS), np.float32)).shape == (0, BANDS)


@pytest.mark.parametrize("rows", [1, 2, 500])
def test_shapes_stay_and_nothing_is_raised(enhancer: Enhancer, rows: int) -> None:
    """Whatever comes in, each value goes out as it was or lower, in single precision."""
    bands = np.random.default_rng(1).normal(8.0, 3.0, (rows, BANDS)).astype(np.float32)
    clean = enhancer.enhance(bands)
    assert clean.shape == bands.shape
    assert clean.dtype == np.dtype(np.float32)
    assert np.all(clean <= bands)


def test_noise_goes_and_the_voice_stays(enhancer: Enhancer) -> None:
    """A voice in white noise, 10 dB below it, comes nearer to the voice alone, by a third of the way."""
    pause = speech.silence(0.3, HEARING_RATE_HZ)
    voice = speech.at_level(speech.synthesize("turn off the kitchen light", HEARING_RATE_HZ, "rms"), -24.0)
    voice = np.concatenate([pause, voice, pause])
    hiss = speech.noise(len(voice) / HEARING_RATE_HZ, HEARING_RATE_HZ)
    quiet = np.maximum(log_mel(voice), 8.0)
    noisy = log_mel(speech.with_noise(voice, hiss, 10.0))
    before, after = (np.abs(np.maximum(bands, 8.0) - quiet).mean() for bands in (noisy, enhancer.enhance(noisy)))
    assert after < before * 2 / 3


def test_a_recording_without_a_room_gets_one() -> None:
    """Digital silence around a voice becomes noise far below it; noise that is louder stays, and so does the voice."""
    bands = np.full((20, BANDS), -9.0, np.float32)
    bands[8:12], bands[12:] = 10.0, 6.0
    heard = in_a_room(bands)
    assert heard.dtype == np.dtype(np.float32)
    assert heard[0] == pytest.approx(10.0 - QUIET_NEPERS, abs=0.01)
    assert heard[8:] == pytest.approx(bands[8:], abs=0.1)
    assert in_a_room(bands[:0]).shape == (0, BANDS)


def test_the_weights_are_small() -> None:
    """They lie in the package, in half a megabyte at most."""
    assert WEIGHTS.stat().st_size < 500_000
