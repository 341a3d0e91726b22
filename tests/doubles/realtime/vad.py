"""The server's own voice activity detection, scripted or by energy. Time is counted in bytes heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tests.doubles.realtime.audio import BYTES_PER_MS, FULL_SCALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.doubles.realtime.script import Json

BLOCK_MS = 20
BLOCK_BYTES = BLOCK_MS * BYTES_PER_MS
ONSET_BLOCKS = 2
LEVEL_AT_FULL_THRESHOLD = 0.02
"""RMS share of full scale that threshold 1.0 asks for; the default 0.5 is then -40 dB."""
SEMANTIC_SILENCE_MS = {"low": 800, "medium": 400, "auto": 400, "high": 200}
"""Silence that stands in for the judgement of a semantic detector."""
SEMANTIC_PADDING_MS = 300


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Speech began; the offset counts all audio appended and includes the padding before it."""

    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """Speech ended; the offset includes the silence that proved it."""

    audio_end_ms: int


Verdict = SpeechStarted | SpeechStopped


class Detector(Protocol):
    """Hears everything that is appended, in order."""

    def feed(self, pcm: bytes) -> list[Verdict]:
        """Hear more audio."""


class EnergyDetector:
    """Speech is what is louder than a level for two blocks of 20 ms."""

    def __init__(self, *, level: float, silence_ms: int, padding_ms: int, heard_ms: int) -> None:
        """`level` is RMS as a share of full scale; `heard_ms` is how much was appended before."""
        self._level = level * FULL_SCALE
        self._silence_ms = silence_ms
        self._padding_ms = padding_ms
        self._position_ms = heard_ms
        self._free_ms = heard_ms
        self._rest = b""
        self._loud_blocks = 0
        self._quiet_ms = 0
        self._speaking = False

    def feed(self, pcm: bytes) -> list[Verdict]:
        """Hear more audio; what does not fill a block waits for the next call."""
        data = self._rest + pcm
        whole = len(data) - len(data) % BLOCK_BYTES
        self._rest = data[whole:]
        verdicts = []
        for start in range(0, whole, BLOCK_BYTES):
            samples = np.frombuffer(data, "<i2", BLOCK_BYTES // 2, start).astype(np.float64)
            verdict = self._block(loud=float(np.sqrt(np.mean(samples**2))) >= self._level)
            if verdict is not None:
                verdicts.append(verdict)
        return verdicts

    def _block(self, *, loud: bool) -> Verdict | None:
        self._position_ms += BLOCK_MS
        if self._speaking:
            self._quiet_ms = 0 if loud else self._quiet_ms + BLOCK_MS
            if self._quiet_ms < self._silence_ms:
                return None
            self._speaking, self._loud_blocks = False, 0
            self._free_ms = self._position_ms
            return SpeechStopped(self._position_ms)
        self._loud_blocks = self._loud_blocks + 1 if loud else 0
        if self._loud_blocks < ONSET_BLOCKS:
            return None
        self._speaking, self._quiet_ms = True, 0
        onset_ms = self._position_ms - self._loud_blocks * BLOCK_MS
        return SpeechStarted(max(onset_ms - self._padding_ms, self._free_ms))


class SpanDetector:
    """Claims speech exactly where the scenario says, whatever the audio holds."""

    def __init__(self, spans_ms: Sequence[tuple[int, int]], heard_ms: int) -> None:
        edges: list[Verdict] = []
        for start_ms, end_ms in spans_ms:
            edges += [SpeechStarted(start_ms), SpeechStopped(end_ms)]
        self._edges = [edge for edge in edges if _place_ms(edge) >= heard_ms]
        self._heard_bytes = heard_ms * BYTES_PER_MS

    def feed(self, pcm: bytes) -> list[Verdict]:
        """Hear more audio; only its length counts."""
        self._heard_bytes += len(pcm)
        due = [e for e in self._edges if _place_ms(e) * BYTES_PER_MS <= self._heard_bytes]
        del self._edges[: len(due)]
        return due


def _place_ms(edge: Verdict) -> int:
    return edge.audio_start_ms if isinstance(edge, SpeechStarted) else edge.audio_end_ms


def detector_for(detection: Json, spans_ms: Sequence[tuple[int, int]] | None, heard_ms: int) -> Detector:
    """Build the detector that a session's `turn_detection` asks for."""
    if spans_ms is not None:
        return SpanDetector(spans_ms, heard_ms)
    if detection["type"] == "semantic_vad":
        silence_ms = SEMANTIC_SILENCE_MS[detection.get("eagerness") or "auto"]
        threshold, padding_ms = 0.5, SEMANTIC_PADDING_MS
    else:
        silence_ms = detection["silence_duration_ms"]
        threshold, padding_ms = detection["threshold"], detection["prefix_padding_ms"]
    return EnergyDetector(
        level=threshold * LEVEL_AT_FULL_THRESHOLD,
        silence_ms=silence_ms,
        padding_ms=padding_ms,
        heard_ms=heard_ms,
    )
