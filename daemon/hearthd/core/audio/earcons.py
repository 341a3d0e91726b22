"""Short tones that tell what no sentence can: made by arithmetic, so that they need no files and no network."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEVEL_DBFS: Final = -18.0
"""The loudness of the replies of speech models, so that a tone is neither missed nor a shock."""
FADE_MS: Final = 12.0
"""Raised-cosine edges of this length are not heard as clicks."""


class Earcon(StrEnum):
    """What a tone says."""

    PROBLEM = "problem"
    """Something is wrong and cannot be said."""
    DONE = "done"
    """What was asked for is done, in place of a sentence."""
    FAILED = "failed"
    """What was asked for could not be done."""
    ATTENTION = "attention"
    """An announcement follows."""
    MUTED = "muted"
    UNMUTED = "unmuted"


@dataclass(frozen=True, slots=True)
class _Note:
    pitch_hz: float
    duration_ms: float


_C4, _E4, _G4, _C5, _E5, _G5 = 261.63, 329.63, 392.00, 523.25, 659.25, 783.99
_G6, _C7 = 1567.98, 2093.00
_TUNES: Final = {
    Earcon.PROBLEM: (_Note(_E4, 110), _Note(_E4, 110), _Note(_C4, 160)),
    Earcon.DONE: (_Note(_G6, 70), _Note(_C7, 150)),
    Earcon.FAILED: (_Note(_C7, 90), _Note(_G6, 190)),
    Earcon.ATTENTION: (_Note(_G4, 110), _Note(_C5, 110), _Note(_E5, 170)),
    Earcon.MUTED: (_Note(_G5, 90), _Note(_C5, 140)),
    Earcon.UNMUTED: (_Note(_C5, 90), _Note(_G5, 140)),
}
"""Up is good and open, down is closed; trouble is low. All in one chord, so that two in a row do not jar.

After done and failed somebody may go on without the wake word: they lie above the band in which `audio.voicing` looks
for a voice, so that the gate, which listens already, does not take them for one.
"""
_PARTIALS: Final = ((1, 1.0), (2, 0.3), (3, 0.1))
"""Harmonics that small loudspeakers, silent below 300 Hz, can render."""
_DECAY_MS: Final = 90.0
"""A note rings off like a struck bar."""


def render(earcon: Earcon, rate_hz: int) -> bytes:
    """Return the tone as mono PCM16 at `rate_hz` (8 kHz or more); it lasts less than 400 ms and ends in silence."""
    tune = np.concatenate([_play(note, rate_hz) for note in _TUNES[earcon]])
    loudness = np.sqrt(np.mean(tune**2))
    scaled = np.rint(tune * (32_768 * 10 ** (LEVEL_DBFS / 20) / loudness))
    return bytes(scaled.astype(np.int16))


def _play(note: _Note, rate_hz: int) -> NDArray[np.float64]:
    at_ms = np.arange(int(rate_hz * note.duration_ms / 1000)) * (1000 / rate_hz)
    phase = 2 * np.pi * note.pitch_hz / 1000 * at_ms
    edge = np.sin(np.pi / 2 * np.clip(at_ms / FADE_MS, 0, 1)) ** 2
    audible = [(order, share) for order, share in _PARTIALS if 2 * order * note.pitch_hz < rate_hz]
    partials = np.sum([share * np.sin(order * phase) for order, share in audible], axis=0)
    tone: NDArray[np.float64] = partials * np.exp(-at_ms / _DECAY_MS) * edge * edge[::-1]
    return tone
