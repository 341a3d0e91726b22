"""Whether somebody speaks: one verdict per 20 ms block, free in a quiet room and steady in a noisy one.

Two questions want two answers. *May there be a voice?* switches the wake scorer on, so it must never miss a
beginning. *Does somebody speak?* ends an utterance and starts a follow-up, so noise must neither hold nor start it.
"""

from collections import deque
from enum import IntEnum
from typing import Final

import webrtcvad

from hearthd.core.audio.floor import NoiseFloor
from hearthd.core.audio.pcm import GATE_FORMAT, GATE_RATE_HZ
from hearthd.core.audio.samples import level_dbfs
from hearthd.core.audio.speech import SpeechTracker
from hearthd.core.audio.voicing import voicing

SOUND_DB: Final = 3.0
SOUND_NEEDED: Final = 2
SOUND_WITHIN_BLOCKS: Final = 4
SOUND_HOLD_BLOCKS: Final = 50
"""A voice may be there when 2 of 4 blocks are speech to webrtcvad and 3 dB above the noise, and for 1 s after. Of
1016 wake words that an always-listening scorer hears in quiet and at 20, 10 and 3 dB, one switched on so with a lead of
half a second loses 9, and hears 5 others; merely starting it 20 ms later loses 9 and gains 9."""
SPEECH_DB: Final = 9.0
"""Speech is this far above the noise: in a kitchen 9 blocks in 10 are not. At 8 dB pots start twice the utterances."""


class Verdict(IntEnum):
    """What a block holds; each verdict includes those before it."""

    QUIET = 0
    SOUND = 1
    """There may be a voice: the wake scorer has to listen."""
    SPEECH = 2
    """Somebody speaks."""


class VoiceGate:
    """Judges 20 ms blocks of 16 kHz mono PCM16, in order; used by one thread. Time is counted in blocks."""

    def __init__(self, vad_level: int) -> None:
        """Take webrtcvad's aggressiveness, from 0 (nearly everything is speech) to 3."""
        self._vad_level = vad_level
        self.reset()

    def reset(self) -> None:
        """Start afresh, because a gap in the sound follows."""
        self._vad = webrtcvad.Vad(self._vad_level)
        self._floor = NoiseFloor()
        self._speech = SpeechTracker()
        self._before = bytes(GATE_FORMAT.block_bytes)
        self._sounds: deque[bool] = deque(maxlen=SOUND_WITHIN_BLOCKS)
        self._hold_blocks = 0

    @property
    def floor_dbfs(self) -> float:
        """The level of the room's noise."""
        return self._floor.level_dbfs

    def feed(self, block: bytes) -> Verdict:
        """Judge the next block."""
        level = level_dbfs(block)
        floor = self._floor.feed(level)
        like_speech: bool = self._vad.is_speech(block, GATE_RATE_HZ)
        loud = like_speech and level - floor > SPEECH_DB
        voiced = voicing(self._before + block) if loud else 0.0
        self._before = block
        speaks = self._speech.feed(level, floor, voiced, loud=loud)
        self._sounds.append(like_speech and level - floor > SOUND_DB)
        if speaks or sum(self._sounds) >= SOUND_NEEDED:
            self._hold_blocks = SOUND_HOLD_BLOCKS
        elif self._hold_blocks:
            self._hold_blocks -= 1
        if speaks:
            return Verdict.SPEECH
        return Verdict.SOUND if self._hold_blocks else Verdict.QUIET
