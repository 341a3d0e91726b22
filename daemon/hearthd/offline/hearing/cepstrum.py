"""Sound to cepstra, exactly as pocketsphinx makes them for its en-us model: its `-remove_noise` and dither left out.

Between the two stand the logarithms of the mel spectrum, where noise is best told from speech; hence our own front
end. The steps are those of Davis and Mermelstein (1980), the numbers those of the model's `feat.params`.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hearthd.offline.parts import HEARING_RATE_HZ

BANDS: Final = 25
HOP_FRAMES: Final = 160
"""One row of 10 ms after the other."""
WINDOW_FRAMES: Final = 410
SHORTER: Final = 1.06
"""How much shorter vocal tracts may be than those that the model hears best: half of the way to most women's."""

_TRANSFORM_FRAMES: Final = 512
_LOWEST_HZ: Final = 130.0
_HIGHEST_HZ: Final = 6_800.0
_PREEMPHASIS: Final = np.float32(0.97)
_FLOOR: Final = np.float32(1e-4)
"""What is added to each band before its logarithm is taken, as pocketsphinx does."""
_COEFFICIENTS: Final = 13
_LIFTER: Final = 22
_AT_ONCE: Final = 32
"""OpenBLAS takes threads from 262,144 multiplications on; the largest matrix here has 6,425 a row."""


def log_mel(sound: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return the natural logarithm of the power in `BANDS` bands, a row for each whole window of sound at 16 kHz."""
    if len(sound) < WINDOW_FRAMES:
        return np.zeros((0, BANDS), np.float32)
    raised = sound.astype(np.float32)
    raised[1:] -= _PREEMPHASIS * raised[:-1]
    windows = np.lib.stride_tricks.sliding_window_view(raised, WINDOW_FRAMES)[::HOP_FRAMES]
    spectra = np.fft.rfft(windows * _HAMMING, _TRANSFORM_FRAMES)
    power = (spectra.real**2 + spectra.imag**2).astype(np.float32)
    bands: NDArray[np.float32] = np.log(product(power, _FILTERS) + _FLOOR)
    return bands


def lowered(bands: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `log_mel` with all that it shows at frequencies `1 / SHORTER` times as high, by interpolation.

    The shorter a vocal tract is, the higher lie its resonances; this makes a long one of it (Lee and Rose 1996,
    "Speaker normalization using efficient frequency warping procedures").
    """
    return product(bands, _LOWERING)


def cepstra(bands: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the cepstrum of each row of `log_mel`: 13 coefficients, liftered."""
    return product(bands, _COSINES)


def product(rows: NDArray[np.float32], matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows @ matrix, a few rows at a time.

    Of more at once OpenBLAS makes work for several threads, which spin: on a busy machine 50 ms of CPU instead of 2.
    """
    result = np.empty((len(rows), matrix.shape[1]), np.float32)
    for start in range(0, len(rows), _AT_ONCE):
        np.matmul(rows[start : start + _AT_ONCE], matrix, out=result[start : start + _AT_ONCE])
    return result


def _filters() -> NDArray[np.float32]:
    """Return triangles of unit area, equally wide on the mel scale, their corners on frequencies of the transform."""
    corners_hz = _hz(_corners_mel())
    step_hz = HEARING_RATE_HZ / _TRANSFORM_FRAMES
    corners_hz = np.floor(corners_hz / step_hz + 0.5) * step_hz
    left, top, right = corners_hz[:-2], corners_hz[1:-1], corners_hz[2:]
    at_hz = np.arange(_TRANSFORM_FRAMES // 2 + 1)[:, None] * step_hz
    sides = np.minimum((at_hz - left) / (top - left), (right - at_hz) / (right - top))
    return (np.maximum(sides, 0) * 2 / (right - left)).astype(np.float32)


def _lowering() -> NDArray[np.float32]:
    """Return a matrix that takes each band's value from between the two bands that lie `SHORTER` times as high."""
    middles = _corners_mel()[1:-1]
    places = np.interp(_mel(_hz(middles) * SHORTER), middles, np.arange(BANDS))
    distances = np.abs(np.arange(BANDS)[:, None] - places)
    shares: NDArray[np.float32] = np.clip(1 - distances, 0, 1).astype(np.float32)
    return shares


def _corners_mel() -> NDArray[np.float64]:
    """Return where each band begins, has its middle, and ends: the middle of one is the end of the one before."""
    low, high = _mel(np.array([_LOWEST_HZ, _HIGHEST_HZ]))
    return np.linspace(low, high, BANDS + 2)


def _mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return 2595 * np.log10(1 + hz / 700)


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(700 * (10 ** (mel / 2595) - 1), np.float64)


def _cosines() -> NDArray[np.float32]:
    order = np.arange(_COEFFICIENTS)
    middles = np.arange(BANDS)[:, None] + 0.5
    cosines = np.cos(np.pi * order * middles / BANDS) * np.sqrt(2 / BANDS)
    cosines[:, 0] *= np.sqrt(0.5)
    liftered = cosines * (1 + _LIFTER / 2 * np.sin(np.pi * order / _LIFTER))
    return np.asarray(liftered, np.float32)


_HAMMING: Final = np.hamming(WINDOW_FRAMES).astype(np.float32)
_FILTERS: Final = _filters()
_LOWERING: Final = _lowering()
_COSINES: Final = _cosines()
