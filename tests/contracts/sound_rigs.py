"""The two microphones and the two loudspeakers that keep one contract each, and what a test does to them."""

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from hearthd.adapters.alsa import AlsaMicrophone, AlsaSpeaker
from hearthd.core.audio.pcm import PcmFormat
from hearthd.ports import Microphone, Speaker
from tests.doubles.memory_sound import CAPTURE_BUFFER_S, GONE, PLAYBACK_BUFFER_S, MemoryMicrophone, MemorySpeaker
from tests.doubles.vcard import CardSide, VirtualCard
from tests.doubles.vcard.tape import Samples
from tests.doubles.virtual_time import VirtualTimeLoop
from tests.doubles.witnesses import WitnessEar

ASKED_HZ = 48_000
LEAD_S = 0.1
"""From ordering sound to its first frame, so that the order is there in time."""


def in_virtual_time() -> bool:
    """Tell whether the running loop is the doubles'."""
    return isinstance(asyncio.get_running_loop(), VirtualTimeLoop)


class Fate(Protocol):
    """What may befall a device."""

    device: str

    @property
    def is_open(self) -> bool:
        """Whether somebody holds the device."""
        ...

    def refuse(self) -> None:
        """Let the next openings fail as if another program held the device."""
        ...

    def lose(self) -> None:
        """Unplug it."""
        ...

    def heal(self) -> None:
        """Let it be there, free."""
        ...

    def freeze(self) -> None:
        """Let it stand still without a word."""
        ...

    def xrun(self) -> None:
        """Let the card run over, or dry, once."""
        ...


class MemoryFate:
    """What may befall a double."""

    def __init__(self, double: MemoryMicrophone | MemorySpeaker, buffer_s: float) -> None:
        self._double = double
        self._buffer_s = buffer_s
        self.device = double.name
        self.lose: Callable[[], None] = lambda: double.lose(GONE)
        self.heal = double.come_back
        self.freeze = double.freeze

    @property
    def is_open(self) -> bool:
        """Whether somebody holds the device."""
        return self._double.is_open

    def refuse(self) -> None:
        """Let the next openings fail."""
        self._double.lose("Device or resource busy: another program uses the card")

    def xrun(self) -> None:
        """Keep the device from being served until it has run over, or dry."""
        self._double.stall(self._buffer_s + 0.1)


class CardFate:
    """What may befall a side of the virtual card."""

    def __init__(self, side: CardSide, device: str) -> None:
        self._side = side
        self.device = device
        self.lose = side.vanish
        self.heal = side.heal
        self.freeze = side.freeze

    @property
    def is_open(self) -> bool:
        """Whether somebody holds the device."""
        return self._side.is_open

    def refuse(self) -> None:
        """Let the next openings fail."""
        self._side.refuse_open(error=errno.EBUSY)

    def xrun(self) -> None:
        """Let the stream meet one xrun."""
        self._side.xrun()


class MicrophoneRig:
    """A microphone under test."""

    def __init__(
        self, microphone: Microphone, granted: PcmFormat, fate: Fate, say: Callable[[Samples, float], float]
    ) -> None:
        self.microphone = microphone
        self.granted = granted
        self.fate = fate
        self._say = say

    def delay(self, ear: WitnessEar, lasting_s: float) -> None:
        """Keep the reader of the device busy with something else for a while."""
        if isinstance(self.microphone, MemoryMicrophone):
            self.microphone.stall(lasting_s)
        else:
            ear.dozes_s = lasting_s

    def say(self, samples: Samples) -> float:
        """Speak into it a moment from now, at the granted rate; returns when the first frame sounds."""
        return self._say(samples, asyncio.get_running_loop().time() + LEAD_S)


def microphone_rig(folder: Path, set_env: Callable[[str, str], None], granted: PcmFormat) -> MicrophoneRig:
    """Make the microphone that belongs to the running loop, which grants `granted` whatever it is asked for."""
    if in_virtual_time():
        double = MemoryMicrophone(granted.rate_hz, granted.channels)
        return MicrophoneRig(
            double,
            granted,
            MemoryFate(double, CAPTURE_BUFFER_S),
            lambda samples, at_s: double.say(samples.tobytes(), at_s),
        )
    card = VirtualCard(folder, capture_rates_hz=(granted.rate_hz,), capture_channels=granted.channels)
    for name, value in card.env().items():
        set_env(name, value)
    return MicrophoneRig(
        AlsaMicrophone(card.microphone, ASKED_HZ),
        granted,
        CardFate(card.capture, card.microphone),
        lambda samples, _at_s: card.say(samples, granted.rate_hz, lead_s=LEAD_S),
    )


class SpeakerRig:
    """A loudspeaker under test."""

    def __init__(
        self, speaker: Speaker, granted: PcmFormat, fate: Fate, heard: Callable[[], tuple[float, bytes]]
    ) -> None:
        self.speaker = speaker
        self.granted = granted
        self.fate = fate
        self._heard = heard

    @property
    def heard(self) -> bytes:
        """What was heard until now, from the first sample to the last that is not 0."""
        return self._heard()[1]

    def heard_frames_at(self, moment_s: float) -> int:
        """How many frames of the first unbroken sound had begun to leave the loudspeaker at a moment."""
        onset_s, sound = self._heard()
        return min(self.granted.frames(sound), int((moment_s - onset_s) * self.granted.rate_hz) + 1)


def speaker_rig(folder: Path, set_env: Callable[[str, str], None], granted: PcmFormat) -> SpeakerRig:
    """Make the loudspeaker that belongs to the running loop, which grants `granted` whatever it is asked for."""
    if in_virtual_time():
        double = MemorySpeaker(granted.rate_hz, granted.channels)
        return SpeakerRig(
            double,
            granted,
            MemoryFate(double, PLAYBACK_BUFFER_S),
            lambda: (double.heard[0].began_s, double.heard_pcm) if double.heard else (0.0, b""),
        )
    card = VirtualCard(folder, playback_rates_hz=(granted.rate_hz,), playback_channels=granted.channels)
    for name, value in card.env().items():
        set_env(name, value)

    def heard() -> tuple[float, bytes]:
        sound = card.heard().reshape(-1, granted.channels)
        loud = np.flatnonzero(sound.any(axis=1))
        if loud.size == 0:
            return 0.0, b""
        return card.moment_s(int(loud[0]), granted.rate_hz), sound[loud[0] : loud[-1] + 1].tobytes()

    return SpeakerRig(AlsaSpeaker(card.speaker, ASKED_HZ), granted, CardFate(card.playback, card.speaker), heard)


def babble(granted: PcmFormat, frames: int) -> Samples:
    """Make noise in which no frame is silent and no two pieces are alike."""
    loud = np.random.default_rng(7).integers(1, 30_000, (frames, granted.channels), dtype=np.int16)
    return loud[:, 0] if granted.channels == 1 else loud
