"""Sound for scripts: PCM16 little-endian, mono, 24 kHz, as the protocol carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr

if TYPE_CHECKING:
    from pathlib import Path

RATE_HZ = 24_000
SAMPLE_BYTES = 2
BYTES_PER_MS = RATE_HZ * SAMPLE_BYTES // 1000
FULL_SCALE = 32_767


def duration_ms(pcm: bytes | bytearray) -> float:
    """Length of `pcm` in milliseconds, fractions included."""
    return len(pcm) / BYTES_PER_MS


def silence(length_ms: int) -> bytes:
    """Digital silence."""
    return bytes(length_ms * BYTES_PER_MS)


def tone(length_ms: int, *, hz: float = 440.0, peak: float = 0.3) -> bytes:
    """Return a steady sine; `peak` is a share of full scale."""
    time_s = np.arange(length_ms * RATE_HZ // 1000) / RATE_HZ
    return _to_pcm(peak * np.sin(2 * np.pi * hz * time_s))


def noise(length_ms: int, *, seed: int = 1, peak: float = 0.3) -> bytes:
    """White noise: no two stretches are alike, so a lost or doubled sample shows in a comparison."""
    samples = np.random.default_rng(seed).uniform(-peak, peak, length_ms * RATE_HZ // 1000)
    return _to_pcm(samples)


def babble(length_ms: int, *, peak: float = 0.4) -> bytes:
    """Voice-like sound: harmonics of 140 Hz in four syllables a second, with pauses between them."""
    time_s = np.arange(length_ms * RATE_HZ // 1000) / RATE_HZ
    voice = sum(np.sin(2 * np.pi * 140.0 * k * time_s) / k for k in range(1, 12))
    syllables = np.clip(np.sin(2 * np.pi * 4.0 * time_s), 0.0, None)
    shaped = np.asarray(voice * syllables, dtype=np.float64)
    return _to_pcm(shaped / max(float(np.max(np.abs(shaped), initial=0.0)), 1e-9) * peak)


def from_wav(path: Path) -> bytes:
    """Read any sound file that libsndfile knows; channels are averaged, the rate becomes 24 kHz."""
    samples, rate_hz = soundfile.read(path, dtype="float64", always_2d=True)
    return _to_pcm(soxr.resample(samples.mean(axis=1), rate_hz, RATE_HZ))


def _to_pcm(samples: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> bytes:
    scaled = np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE - 1, FULL_SCALE)
    return scaled.astype("<i2").tobytes()
