"""How much of what was said arrived at the server, compared bit by bit."""

from typing import Final

import numpy as np

from tests.doubles.vcard.tape import Samples

BLOCK_FRAMES: Final = 480
"""20 ms at the rate of the protocol: with a room's noise in it, no second block is like it."""


def lost_frames(said: Samples, sent: Samples) -> int:
    """Count the frames of `said` that `sent` does not have, in the order of `said`; what is lost counts whole blocks.

    What else was sent, before, behind and in between, is of no account.
    """
    stream, at, lost = sent.tobytes(), 0, 0
    for block in np.array_split(said, max(1, len(said) // BLOCK_FRAMES)):
        found = stream.find(block.tobytes(), at)
        if found < 0:
            lost += len(block)
        else:
            at = found + block.nbytes
    return lost
