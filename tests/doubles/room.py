"""What there is to hear in a room: its noise, and a person in it, each word at a known frame of the microphone."""

import asyncio
import functools
import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.doubles import speech
from tests.doubles.vcard import VirtualCard
from tests.doubles.vcard.tape import Samples

HUSH_DBFS: Final = -66.0
"""A quiet room: no microphone hears digital silence."""
VOICE_DBFS: Final = -23.0
"""Somebody speaks at two metres, behind the gain of an ordinary microphone."""
_WINDOW_S: Final = 0.01
_AUDIBLE_DB: Final = 30.0
"""What is so far below the loudest 10 ms of a sentence is no speech any more."""


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence, where it stands in the microphone's script."""

    text: str
    samples: Samples
    """From its first audible window to its last, at the microphone's rate."""
    rate_hz: int
    first_frame: int
    """Card frame of the first sample."""
    begins_s: float
    ends_s: float

    @property
    def end_frame(self) -> int:
        """Card frame behind the last sample."""
        return self.first_frame + len(self.samples)


class Room:
    """Fills the script of a card's microphone. Everything is laid a moment ahead of the card."""

    def __init__(self, card: VirtualCard, rate_hz: int, *, voice: str = "rms") -> None:
        """`rate_hz` is the card's first capture rate; `voice` as in `speech.synthesize`."""
        self.said: Final[list[Said]] = []
        self._card = card
        self._rate_hz = rate_hz
        self._voice = voice

    def hush(self, duration_s: float, *, from_frame: int | None = None) -> int:
        """Lay the noise of a quiet room from now (or a card frame) on; returns the frame behind it.

        It replaces what was laid there before, so it comes first.
        """
        start = self._card.frame() if from_frame is None else from_frame
        return self.lay(_hush(duration_s, self._rate_hz), from_frame=start)

    def lay(self, samples: Samples, *, from_frame: int, mix: bool = False) -> int:
        """Lay any sound at the microphone's rate; returns the frame behind it."""
        self._card.write_script(samples, self._rate_hz, from_frame, mix=mix)
        return from_frame + len(samples)

    async def say(
        self, *texts: str, pause_s: float = 0.15, lead_s: float = 0.15, at_s: float = 0.0, voice: str = ""
    ) -> list[Said]:
        """Have somebody speak, each text a sentence of its own, `pause_s` apart; in another voice if told so.

        The first begins after `lead_s`, but not before monotonic second `at_s`. Returns before it sounds.
        """
        sentences = [await asyncio.to_thread(self._spoken, text, voice or self._voice) for text in texts]
        frame = self._card.frame(max(time.monotonic() + lead_s, at_s))
        said = []
        for text, samples in zip(texts, sentences, strict=True):
            end = self.lay(samples, from_frame=frame, mix=True)
            moments = self._card.moment_s(frame), self._card.moment_s(end)
            said.append(Said(text, samples, self._rate_hz, frame, *moments))
            frame = end + round(pause_s * self._rate_hz)
        self.said.extend(said)
        return said

    def _spoken(self, text: str, voice: str) -> Samples:
        return speech.at_level(trimmed(speech.synthesize(text, self._rate_hz, voice), self._rate_hz), VOICE_DBFS)


@functools.lru_cache(maxsize=4)
def _hush(duration_s: float, rate_hz: int) -> Samples:
    """Make the noise once, because it takes long enough to hold up everything else on the loop."""
    return speech.noise(duration_s, rate_hz, level_dbfs=HUSH_DBFS)


def trimmed(samples: Samples, rate_hz: int) -> Samples:
    """Cut off what is not speech at both ends."""
    window = round(_WINDOW_S * rate_hz)
    levels = [speech.level_dbfs(samples[at : at + window]) for at in range(0, len(samples), window)]
    audible = np.flatnonzero(np.array(levels) > max(levels) - _AUDIBLE_DB)
    return samples[int(audible[0]) * window : (int(audible[-1]) + 1) * window]
