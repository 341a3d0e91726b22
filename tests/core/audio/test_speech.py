"""Which blocks belong to somebody's speech."""

from dataclasses import dataclass

import pytest

from hearthd.core.audio.speech import (
    FAINT_DB,
    FALL_DB,
    FORGET_BLOCKS,
    NEAR_DB,
    PAUSE_BLOCKS,
    UNSURE_BLOCKS,
    SpeechTracker,
)

FLOOR_DBFS = -60.0
NOISY_DBFS = -45.0
"""A floor out of which speech at -30 dBFS does not stand clear."""


@dataclass(frozen=True, slots=True)
class Block:
    """What the gate knows of a block."""

    level_dbfs: float = -30.0
    voicing: float = 0.95
    loud: bool = True


VOWEL = (Block(-30), Block(-32))
HISS = Block(voicing=0.3)
SILENCE = Block(-58, 0, loud=False)


def heard(*blocks: Block, floor_dbfs: float = FLOOR_DBFS) -> str:
    """What a fresh tracker says, "#" for speech."""
    tracker = SpeechTracker()
    told = [tracker.feed(block.level_dbfs, floor_dbfs, block.voicing, loud=block.loud) for block in blocks]
    return "".join(".#"[speech] for speech in told)


def after_speech(*blocks: Block, floor_dbfs: float = FLOOR_DBFS) -> str:
    """What it says after a second of speech at -30 dBFS."""
    return heard(*VOWEL * 25, *blocks, floor_dbfs=floor_dbfs)[50:]


def test_speech_begins_with_three_voiced_blocks_in_ten() -> None:
    """They need not follow one another, but two that do not suffice."""
    assert heard(*VOWEL * 2) == "..##"
    assert heard(SILENCE, *VOWEL, *[SILENCE] * 5, Block(-31)) == "........#"
    assert heard(*VOWEL, *[SILENCE] * 8, *VOWEL) == "." * 12


def test_hiss_and_clatter_begin_nothing() -> None:
    """Nothing that is not voiced starts an utterance, however loud and long."""
    assert heard(*[HISS, Block(-10, 0.5)] * 50) == "." * 100


def test_a_hum_begins_nothing() -> None:
    """A fan or a tone that is switched on is voiced and stands still."""
    assert heard(*[SILENCE] * 5, Block(-45), *[Block(-30, 1.0)] * 100) == "." * 106


def test_a_hiss_at_the_end_of_a_word_belongs_to_it() -> None:
    """What follows without a pause is part of the word, for as long as a hiss lasts, and no longer."""
    weak = Block(-30 - NEAR_DB - 3, 0.3)
    assert after_speech(*[weak] * 20) == "#" * UNSURE_BLOCKS + "." * (20 - UNSURE_BLOCKS)


def test_the_echo_of_the_room_does_not() -> None:
    """What is far below the speech ends with it, although webrtcvad still takes it for speech."""
    assert after_speech(*[Block(-31 - FAINT_DB)] * 3) == "..."
    assert after_speech(Block(-30 - FAINT_DB + 4, 0.3)) == "#"


def test_a_short_pause_changes_nothing() -> None:
    """Up to 60 ms of silence, as before a t, even what is weak and voiceless goes on with the word."""
    weak = Block(-30 - NEAR_DB - 3, 0.3)
    assert after_speech(*[SILENCE] * PAUSE_BLOCKS, weak) == "...#"
    assert after_speech(*[SILENCE] * (PAUSE_BLOCKS + 1), weak) == "....."


@pytest.mark.parametrize(
    ("block", "floor_dbfs", "expected"),
    [
        (Block(-35, 0.7), FLOOR_DBFS, "#"),
        (Block(-35, 0.7), NOISY_DBFS, "#"),
        (Block(-35, 0.3), FLOOR_DBFS, "#"),
        (Block(-35, 0.3), NOISY_DBFS, "."),
        (Block(-30 - NEAR_DB - 1, 0.7), FLOOR_DBFS, "."),
        (Block(-35, 0.7, loud=False), FLOOR_DBFS, "."),
    ],
)
def test_after_a_pause_only_what_is_like_the_speech_goes_on_with_it(
    block: Block, floor_dbfs: float, expected: str
) -> None:
    """It has to be nearly as loud, and half voiced unless the speech stands clear of the noise."""
    assert after_speech(*[SILENCE] * 10, block, floor_dbfs=floor_dbfs) == "." * 10 + expected


def test_after_a_long_pause_a_single_block_is_a_clatter() -> None:
    """The credit that a short word earned is spent, so two blocks have to come; a long sentence lasts longer."""
    pause = [SILENCE] * 40
    assert heard(*VOWEL * 5, *pause, HISS, HISS)[-2:] == ".#"
    assert heard(*VOWEL * 25, *pause, HISS, HISS)[-2:] == "##"


def test_after_a_second_of_silence_the_next_speaker_may_be_far_away() -> None:
    """The level of the last speech is forgotten: soft speech begins anew, by its voice."""
    far = [Block(-55), Block(-53)] * 3
    assert after_speech(*[SILENCE] * (FORGET_BLOCKS - 6), *far)[-6:] == "......"
    assert after_speech(*[SILENCE] * (FORGET_BLOCKS + 1), *far)[-6:] == "..####"


def test_the_level_of_the_speech_falls_slowly() -> None:
    """Who turns away while speaking is still heard, two seconds later and not at once."""
    turned_away = Block(-30 - NEAR_DB - 100 * FALL_DB / 2, 0.7)
    assert after_speech(*[SILENCE] * 5, turned_away)[-1] == "."
    assert after_speech(*[Block(-40)] * 100, *[SILENCE] * 5, turned_away)[-1] == "#"
