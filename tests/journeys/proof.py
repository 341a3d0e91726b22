"""How sound that went through the daemon is compared with what was put in."""

from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from tests.doubles.vcard import VirtualCard
from tests.doubles.vcard.tape import Samples

_GAP_FRAMES: Final = 8
"""Noise has no so many zeros in a row."""


def samples(pcm: bytes | bytearray) -> Samples:
    """The samples of mono PCM16."""
    return np.frombuffer(pcm, np.int16)


def script(card: VirtualCard, rate_hz: int) -> Samples:
    """All that the microphone was given to hear; sample n is frame n of the card."""
    return np.fromfile(card.folder / f"capture-{rate_hz}.s16", np.int16)


def place(part: Samples, whole: Samples) -> int | None:
    """Where `part` begins in `whole`, sample for sample; None if it is nowhere in it."""
    at_bytes = whole.tobytes().find(part.tobytes())
    return None if at_bytes < 0 else at_bytes // whole.itemsize


def likeness(part: Samples, whole: Samples, ratio: int) -> tuple[int, float]:
    """Where `part` lies in `whole`, whose rate is `ratio` times higher, and how much of it that place explains.

    The place is in samples of `whole` and right to within the delay of a resampler; 1.0 is all of it.
    """
    reference = soxr.resample(whole.astype(np.float64), ratio, 1, quality="VHQ")
    lag = _best_lag(part.astype(np.float64), reference)
    return lag * ratio, float(np.corrcoef(part, reference[lag : lag + len(part)])[0, 1])


def in_pieces(heard: Samples) -> list[tuple[int, Samples]]:
    """Cut what was heard, from its first sample to its last, at its gaps; returns each piece and where it begins."""
    sounding = np.flatnonzero(heard)
    breaks = np.flatnonzero(np.diff(sounding) > _GAP_FRAMES)
    starts = [0, *sounding[breaks + 1].tolist()]
    ends = [*(sounding[breaks] + 1).tolist(), len(heard)]
    return [(start, heard[start:end]) for start, end in zip(starts, ends, strict=True)]


def without_gaps(heard: Samples) -> Samples:
    """Join what was heard: a busy machine makes gaps, at the server or at the card, and they are no loss."""
    sounding = np.trim_zeros(heard)
    return np.concatenate([piece for _, piece in in_pieces(sounding)]) if len(sounding) else sounding


def longest_silence(sound: Samples) -> int:
    """The most zeros in a row."""
    edges = np.concatenate(([-1], np.flatnonzero(sound), [len(sound)]))
    return int(np.diff(edges).max()) - 1


def _best_lag(part: NDArray[np.float64], whole: NDArray[np.float64]) -> int:
    size = 1 << (len(part) + len(whole)).bit_length()
    spectrum = np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size))
    return int(np.argmax(np.fft.irfft(spectrum, size)[: len(whole) - len(part) + 1]))
