"""Noise reduction before recognition, second half: a small neural network takes out what the Wiener filter leaves.

Six convolutions over time see 0.2 s around each 10 ms and say by how much each of the 25 bands of the mel spectrum must
be lowered (Xu et al. 2015, "A regression approach to speech enhancement", with a mask in place of a spectrum). On its
own it is worse than behind the filter. `tests/bench/train_enhancement.py` says from what `enhancement.npz` was made.
"""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hearthd.offline.hearing.cepstrum import product

WEIGHTS: Final = Path(__file__).with_suffix(".npz")
LOUD_SHARE: Final = 0.95
"""The level of the voice is that of all bands together, which so many of the rows stay below."""
QUIET_SHARE: Final = 0.15
"""The level of the noise is that of each band, which so many of the rows stay below."""
QUIET_NEPERS: Final = np.float32(6.5)
"""The noise of the quietest room, 28 dB below the voice. Every room that models learnt from had noise of its own:
without any, synthetic voices are heard worse than at 20 dB."""
SCALE: Final = np.float32(1 / 3)
"""Brings logarithms into the range that networks learn best in."""

_Matrix = NDArray[np.float32]


class Enhancer:
    """The network with its weights; without any state between utterances."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        with np.load(weights) as arrays:
            count = len(arrays["dilations"])
            self._layers: list[_Layer] = [
                (arrays[f"taps{at}"].astype(np.float32), arrays[f"bias{at}"].astype(np.float32), int(dilation))
                for at, dilation in zip(range(count), arrays["dilations"], strict=True)
            ]

    def enhance(self, bands: _Matrix) -> _Matrix:
        """Return a whole utterance's `log_mel` with less noise, each value as it was or lower; takes 3 ms."""
        if not len(bands):
            return bands
        first, *inner, last = self._layers
        hidden = _rectified(_convolved(normalised(bands), first))
        for layer in inner:
            hidden += _rectified(_convolved(hidden, layer))
        return bands - np.logaddexp(np.float32(0), _convolved(hidden, last))


def in_a_room(bands: _Matrix) -> _Matrix:
    """Return a whole utterance's `log_mel` with as much noise as the quietest room has."""
    return np.logaddexp(bands, _level(bands) - QUIET_NEPERS) if len(bands) else bands


def normalised(bands: _Matrix) -> _Matrix:
    """Return 50 inputs a row: how far each band lies above the voice's level, and how far above its own noise's."""
    noise = np.quantile(bands, QUIET_SHARE, axis=0).astype(np.float32)
    return np.concatenate([bands - _level(bands), bands - noise], axis=1) * SCALE


def _level(bands: _Matrix) -> np.float32:
    return np.float32(np.quantile(bands.mean(axis=1), LOUD_SHARE))


_Layer = tuple[NDArray[np.float32], _Matrix, int]
"""Weights (tap, input, output), biases, and how many rows lie between two taps."""


def _convolved(rows: _Matrix, layer: _Layer) -> _Matrix:
    taps, bias, dilation = layer
    reach = len(taps) // 2 * dilation
    padded = np.pad(rows, ((reach, reach), (0, 0)))
    result = np.broadcast_to(bias, (len(rows), len(bias))).copy()
    for at, tap in enumerate(taps):
        result += product(padded[at * dilation : at * dilation + len(rows)], tap)
    return result


def _rectified(rows: _Matrix) -> _Matrix:
    return np.maximum(rows, 0, out=rows)
