"""What was lost of an utterance is counted, wherever in it."""

import numpy as np
import pytest

from tests.bench.arrival import BLOCK_FRAMES, lost_frames
from tests.doubles.vcard.tape import Samples

SAID = np.random.default_rng(1).integers(-1_000, 1_000, 10 * BLOCK_FRAMES, np.int16)
AROUND = np.random.default_rng(2).integers(-1_000, 1_000, 3 * BLOCK_FRAMES + 7, np.int16)


def without(begin: int, end: int) -> Samples:
    """Return what was said without some of it, between other sound."""
    return np.concatenate([AROUND, SAID[:begin], SAID[end:], AROUND])


@pytest.mark.parametrize(
    ("begin", "end", "blocks"),
    [
        (0, 0, 0),
        (0, 1, 1),
        (0, BLOCK_FRAMES, 1),
        (BLOCK_FRAMES - 1, BLOCK_FRAMES + 1, 2),
        (5 * BLOCK_FRAMES, 7 * BLOCK_FRAMES, 2),
        (10 * BLOCK_FRAMES - 1, 10 * BLOCK_FRAMES, 1),
        (0, 10 * BLOCK_FRAMES, 10),
    ],
)
def test_a_gap_costs_the_blocks_that_it_touches(begin: int, end: int, blocks: int) -> None:
    """At the beginning, at the end and in between; what follows a gap is found again."""
    assert lost_frames(SAID, without(begin, end)) == blocks * BLOCK_FRAMES


def test_sound_in_the_wrong_order_is_lost() -> None:
    """The server cannot understand it."""
    half = len(SAID) // 2
    assert lost_frames(SAID, np.concatenate([SAID[half:], SAID[:half]])) == half


def test_a_wrong_sample_costs_its_block() -> None:
    """Bit by bit is meant."""
    sent = SAID.copy()
    sent[700] += 1
    assert lost_frames(SAID, sent) == BLOCK_FRAMES


def test_everything_counts_when_the_length_is_no_whole_number_of_blocks() -> None:
    """Blocks are then a little longer, and none is short enough to be found by chance."""
    assert lost_frames(SAID[: 2 * BLOCK_FRAMES + 11], AROUND) == 2 * BLOCK_FRAMES + 11
    assert lost_frames(SAID[:5], AROUND) == 5
