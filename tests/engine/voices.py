"""Voices made by arithmetic, so that these tests need no recording and no synthesiser; the real gate takes them."""

import functools

import numpy as np

LEVEL_DBFS = -20.0
PITCH_HZ = 120.0


@functools.cache
def voice(duration_s: float, rate_hz: int, seed: int = 1) -> bytes:
    """Return PCM16 of somebody who hums with moving pitch and level; no two stretches of it are alike."""
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    pitch_hz = PITCH_HZ + 15 * np.sin(2 * np.pi * 3 * time_s)
    turn = 2 * np.pi * np.cumsum(pitch_hz) / rate_hz
    harmonics = range(1, 25)
    formant = [np.exp(-(((order * PITCH_HZ - 600) / 700) ** 2)) / order**0.7 for order in harmonics]
    sound = np.sum([share * np.sin(order * turn) for order, share in zip(harmonics, formant, strict=True)], axis=0)
    sound *= 0.6 + 0.4 * np.sin(2 * np.pi * 4 * time_s)
    sound += 0.01 * np.random.default_rng(seed).normal(size=sound.size)
    sound *= 32_768 * 10 ** (LEVEL_DBFS / 20) / np.sqrt(np.mean(sound**2))
    return bytes(np.rint(sound).clip(-32_768, 32_767).astype(np.int16))


def noise(duration_s: float, rate_hz: int, seed: int = 1) -> bytes:
    """Return PCM16 in which every sample is a surprise: for comparing sounds bit by bit."""
    samples = np.random.default_rng(seed).integers(-9_000, 9_000, round(duration_s * rate_hz), dtype=np.int16)
    return samples.tobytes()
