"""The sound of a card on disk: sparse files in card time, one for each rate that the card may run at."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import soxr
from numpy.typing import NDArray

from tests.doubles.vcard.clock import frame_at

Samples: TypeAlias = NDArray[np.int16]
"""Mono as (frames,), more channels as (frames, channels)."""


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Bit-exact when the rates are equal."""
    if from_hz == to_hz:
        return samples
    resampled: Samples = soxr.resample(samples, from_hz, to_hz, quality="HQ")
    return resampled


@dataclass(frozen=True, slots=True)
class _Piece:
    card_ns: int
    samples: Samples
    rate_hz: int
    mix: bool


class Script:
    """What the microphone will hear. Pieces may be added while the card runs; the latest lies on top."""

    def __init__(self, folder: Path, rates_hz: tuple[int, ...], channels: int) -> None:
        self._folder = folder
        self._rates_hz: list[int] = []
        self._channels = channels
        self._pieces: list[_Piece] = []
        self.offer(rates_hz)

    def offer(self, rates_hz: tuple[int, ...]) -> None:
        """Makes the whole script available at further rates."""
        for rate_hz in rates_hz:
            if rate_hz not in self._rates_hz:
                self._rates_hz.append(rate_hz)
                for piece in self._pieces:
                    self._lay(piece, rate_hz)

    def add(self, card_ns: int, samples: Samples, rate_hz: int, *, mix: bool) -> None:
        """Lays a piece at a card time, over or mixed with what is there. Mono is spread over all channels."""
        piece = _Piece(card_ns, samples, rate_hz, mix)
        self._pieces.append(piece)
        for script_hz in self._rates_hz:
            self._lay(piece, script_hz)

    def _lay(self, piece: _Piece, rate_hz: int) -> None:
        sound = resample(piece.samples, piece.rate_hz, rate_hz)
        if sound.ndim == 1:
            sound = np.repeat(sound[:, np.newaxis], self._channels, axis=1)
        if sound.shape[1] != self._channels:
            raise ValueError(f"the card has {self._channels} channels, the piece {sound.shape[1]}")
        path = self._folder / f"capture-{rate_hz}.s16"
        path.touch()
        with path.open("r+b") as tape:
            start = frame_at(piece.card_ns, rate_hz) * self._channels * sound.itemsize
            if piece.mix:
                tape.seek(start)
                below = np.zeros(sound.shape, np.int32)
                there = np.frombuffer(tape.read(sound.nbytes), np.int16)
                below.reshape(-1)[: there.size] = there
                sound = np.clip(below + sound, -32768, 32767).astype(np.int16)
            tape.seek(start)
            tape.write(np.ascontiguousarray(sound).tobytes())


def read_record(folder: Path, rate_hz: int, channels: int, start: int, stop: int) -> NDArray[np.int16]:
    """Frames start to stop of what the loudspeaker said at a rate, as (frames, channels)."""
    sound = np.zeros((max(0, stop - start), channels), np.int16)
    path = folder / f"playback-{rate_hz}.s16"
    if sound.size and path.exists():
        there = np.fromfile(path, np.int16, count=sound.size, offset=start * channels * sound.itemsize)
        sound.reshape(-1)[: there.size] = there
    return sound
