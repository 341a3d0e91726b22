"""Small operations on PCM16 sound: channels, gain and level."""

import math

import numpy as np

SILENCE_DBFS = -100.0
"""What `level_dbfs` calls digital silence: below the -90.3 dBFS of a sound whose samples are all 1 or -1."""

_FULL_SCALE = 32_768
_LARGEST = 32_767


def to_mono(pcm: bytes, channels: int) -> bytes:
    """Return the first of `channels` interleaved channels.

    The first alone, not the mean: microphone arrays deliver shifted copies of a voice, whose mean cancels high tones.
    """
    if channels == 1:
        return pcm
    return np.frombuffer(pcm, np.int16)[::channels].tobytes()


def spread(pcm: bytes, channels: int) -> bytes:
    """Return mono `pcm` copied to each of `channels` interleaved channels."""
    if channels == 1:
        return pcm
    return np.repeat(np.frombuffer(pcm, np.int16), channels).tobytes()


def with_gain(pcm: bytes, gain: float) -> bytes:
    """Return `pcm` times `gain` (1.0 leaves it untouched); what grows too loud stays at full scale."""
    if gain == 1.0:
        return pcm
    louder = np.rint(np.frombuffer(pcm, np.int16) * np.float32(gain))
    return bytes(np.clip(louder, -_FULL_SCALE, _LARGEST).astype(np.int16))


def level_dbfs(pcm: bytes) -> float:
    """Return the root mean square of `pcm` relative to full scale, in dB; `SILENCE_DBFS` when there is none."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float32)
    energy = float(samples @ samples)
    if not energy:
        return SILENCE_DBFS
    return 10.0 * math.log10(energy / (samples.size * _FULL_SCALE**2))
