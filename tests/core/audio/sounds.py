"""Sound for the tests of this floor."""

import numpy as np

from hearthd.core.audio.pcm import BLOCK_MS, GATE_FORMAT, GATE_RATE_HZ
from tests.doubles import speech
from tests.doubles.vcard.tape import Samples


def blocks(*sounds: Samples) -> list[bytes]:
    """Join sounds at the gate's rate and cut them into whole blocks."""
    pcm = np.concatenate(sounds).tobytes()
    size = GATE_FORMAT.block_bytes
    return [pcm[at : at + size] for at in range(0, len(pcm) - size + 1, size)]


def block_count(duration_s: float) -> int:
    """How many blocks last that long."""
    return round(duration_s * 1000) // BLOCK_MS


def quiet(duration_s: float) -> Samples:
    """A silent room, as a good microphone hears it."""
    return speech.noise(duration_s, GATE_RATE_HZ, level_dbfs=-80)


def recorded(kind: str, count: int) -> list[Samples]:
    """Recordings of a kind, spread over all there are."""
    paths = speech.recordings(kind)
    return [speech.load(path, GATE_RATE_HZ) for path in paths[:: len(paths) // count][:count]]


def spoken(sound: Samples) -> slice:
    """Where in a clean recording the speech is: all within 32 dB of its loudest parts, in frames.

    Told from levels of 10 ms alone, so independently of the gate.
    """
    step = GATE_RATE_HZ // 100
    pieces = sound[: len(sound) // step * step].reshape(-1, step).astype(np.float64)
    levels_db = 10 * np.log10(np.mean(pieces**2, axis=1) + 1e-3)
    loud = np.convolve(levels_db > np.percentile(levels_db, 95) - 32, [1, 1, 1], "same") >= 2
    where = np.flatnonzero(loud)
    return slice(int(where[0]) * step, int(where[-1] + 1) * step)


def longest_pause_ms(sound: Samples) -> int:
    """The longest silence between the first and the last speech of a clean recording, in steps of 10 ms."""
    step = GATE_RATE_HZ // 100
    pieces = sound[spoken(sound)].reshape(-1, step).astype(np.float64)
    levels_db = 10 * np.log10(np.mean(pieces**2, axis=1) + 1e-3)
    loud = np.flatnonzero(levels_db > np.percentile(levels_db, 95) - 28)
    return int(np.diff(loud, prepend=loud[0]).max() - 1) * 10
