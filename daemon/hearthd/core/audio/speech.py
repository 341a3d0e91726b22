"""From how loud and how voiced each block is to whether it belongs to somebody's speech.

The constants were chosen on 196 recordings of commands and words by many speakers, over two minutes of one kitchen or
over pink noise, mixed in at 20 and 10 dB, and the figures beside them are of the same recordings. Of 62
recordings of a word that had no part in any choice, 2 were missed in quiet, 1 to 2 at 20 dB and 7 to 10 at 10 dB, where
1 to 6 of the 196 were: a short word leaves few blocks above a noise. Time is counted in 20 ms blocks.
"""

from collections import deque
from typing import Final

VOICED: Final = 0.85
"""Half of all speech is above 0.9; of the kitchen blocks that webrtcvad takes for speech, 19 in 20 are below 0.82.
At 0.82 the kitchen starts four times as many utterances, at 0.88 single words go unheard."""
VOICED_NEEDED: Final = 3
ONSET_BLOCKS: Final = 10
"""Speech begins with 3 voiced blocks within 200 ms. On webrtcvad and level alone, the kitchen starts 27 utterances
in two minutes; so it starts none."""
STEADY_DB: Final = 0.5
"""A hum or a tone is voiced as well, but its level stands still once it is on, and a voice's does not: the last of the
three must differ by this from the block before."""

NEAR_DB: Final = 13.0
HALF_VOICED: Final = 0.6
CLEAR_DB: Final = 25.0
"""After a pause, what is within 13 dB of the utterance's level goes on with it, if it is half voiced, or whatever
it is when the utterance stands 25 dB out of the noise, where few pots reach. At 15 dB pots hold one utterance in
six open, at 10 dB weak last words are lost."""
CREDIT_NEEDED: Final = 2
"""Every such block earns a credit and every other spends one. After a sentence the first such block goes on with
it; after a long pause it takes a second one, which a clatter lacks. Without this the kitchen starts an utterance a
minute."""
PAUSE_BLOCKS: Final = 3
UNSURE_BLOCKS: Final = 12
"""What follows without a pause of 60 ms belongs to the utterance for 240 ms: no s or t at its end is longer."""
FAINT_DB: Final = 28.0
"""What is 28 dB below the utterance is its echo in the room. webrtcvad's own hangover of 60 to 100 ms ends here, so
the silence is counted from the last sound."""
FALL_DB: Final = 0.06
"""The utterance's level is that of its loudest block, and falls by 3 dB in a second."""
FORGET_BLOCKS: Final = 50
"""After 1 s the next who speaks may sit further away, so the level is learnt anew."""


class SpeechTracker:
    """Follows one utterance after the other."""

    def __init__(self) -> None:
        self._onset = _Onset()
        self._utterance: _Utterance | None = None

    def feed(self, level_dbfs: float, floor_dbfs: float, voicing: float, *, loud: bool) -> bool:
        """Tell whether the next block is speech.

        `voicing` is as in `voicing.voicing`, and 0 unless `loud`: above the noise and speech to webrtcvad.
        """
        if self._utterance is None:
            if not self._onset.feed(level_dbfs, voicing):
                return False
            self._utterance = _Utterance(level_dbfs)
            return True
        goes_on = self._utterance.feed(level_dbfs, floor_dbfs, voicing, loud=loud)
        if self._utterance.pause_blocks > FORGET_BLOCKS:
            self._utterance = None
            self._onset = _Onset()
        return goes_on


class _Onset:
    """Waits for enough voiced blocks that do not stand still."""

    def __init__(self) -> None:
        self._voiced: deque[bool] = deque(maxlen=ONSET_BLOCKS)
        self._last_dbfs = 0.0

    def feed(self, level_dbfs: float, voicing: float) -> bool:
        voiced = voicing >= VOICED
        steady = abs(level_dbfs - self._last_dbfs) < STEADY_DB
        self._voiced.append(voiced)
        self._last_dbfs = level_dbfs
        return voiced and not steady and sum(self._voiced) >= VOICED_NEEDED


class _Utterance:
    """Knows the level of somebody's speech, and so what still belongs to it."""

    def __init__(self, level_dbfs: float) -> None:
        self._level_dbfs = level_dbfs
        self._credit_blocks = 0
        self._unsure_blocks = 0
        self.pause_blocks = 0
        """Blocks since the last that belonged to it."""

    def feed(self, level_dbfs: float, floor_dbfs: float, voicing: float, *, loud: bool) -> bool:
        below_db = self._level_dbfs - level_dbfs
        clear = voicing >= HALF_VOICED or self._level_dbfs - floor_dbfs > CLEAR_DB
        firm = loud and clear and below_db < NEAR_DB
        self._credit_blocks = self._credit_blocks + 1 if firm else max(0, self._credit_blocks - 1)
        self._unsure_blocks = 0 if firm else self._unsure_blocks + 1
        attached = self.pause_blocks <= PAUSE_BLOCKS and self._unsure_blocks <= UNSURE_BLOCKS
        resumed = firm and self._credit_blocks >= CREDIT_NEEDED
        belongs = loud and below_db < FAINT_DB and (attached or resumed)
        self._level_dbfs -= FALL_DB
        if belongs:
            self._level_dbfs = max(level_dbfs, self._level_dbfs)
        self.pause_blocks = 0 if belongs else self.pause_blocks + 1
        return belongs
