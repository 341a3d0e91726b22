"""Where an utterance begins and ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.audio.endpoint import Endpoint, EndPointer

END_BLOCKS = 25
MAX_BLOCKS = 100
MIN_BLOCKS = 8


def begun() -> EndPointer:
    """One for 500 ms of silence, 2 s of utterance and 160 ms of speech."""
    pointer = EndPointer(end_of_speech_ms=500, max_utterance_s=2, min_speech_ms=160)
    pointer.begin()
    return pointer


def heard(pointer: EndPointer, blocks: str) -> list[tuple[int, Endpoint]]:
    """Feed "#" for speech and "." for none; returns what happened in which block, counted from 1."""
    told = ((number, pointer.feed(block == "#")) for number, block in enumerate(blocks, 1))
    return [(number, endpoint) for number, endpoint in told if endpoint is not None]


def test_an_utterance_starts_and_ends() -> None:
    """It starts with enough speech and ends when the silence after its last speech is as long as set."""
    pointer = begun()
    assert heard(pointer, "...." + "#" * 20 + "." * 30) == [(12, Endpoint.STARTED), (24 + 25, Endpoint.ENDED)]


def test_a_pause_one_block_short_of_the_limit_does_not_end_it() -> None:
    """People think while they speak."""
    assert heard(begun(), "#" * 8 + "." * 24 + "#" + "." * 24) == [(8, Endpoint.STARTED)]


def test_a_knock_and_the_tail_of_the_wake_word_are_no_utterance() -> None:
    """Less speech than needed, or as much spread over a longer time, starts nothing."""
    assert heard(begun(), "#######" + "." * 30 + ("#.." * 30)) == []


def test_speech_with_small_gaps_starts_an_utterance() -> None:
    """Half of the last 320 ms is enough, for stops and hisses fall out of the verdict."""
    assert heard(begun(), "##..##..##..##") == [(14, Endpoint.STARTED)]


def test_an_endless_utterance_is_capped() -> None:
    """A radio cannot hold the uplink open: the cap counts from the first speech."""
    pointer = begun()
    assert heard(pointer, "." * 50 + "#" * 200) == [(58, Endpoint.STARTED), (150, Endpoint.CAPPED)]
    assert pointer.began_blocks_ago == MAX_BLOCKS


def test_it_tells_how_long_ago_speech_began_and_ended() -> None:
    """The pre-roll of a follow-up reaches back to the first speech, not to the moment of certainty."""
    pointer = begun()
    heard(pointer, "...#..######")
    assert (pointer.began_blocks_ago, pointer.ended_blocks_ago) == (None, None)
    heard(pointer, "#")
    assert (pointer.began_blocks_ago, pointer.ended_blocks_ago) == (10, 0)
    heard(pointer, "..#...")
    assert (pointer.began_blocks_ago, pointer.ended_blocks_ago) == (16, 3)


def test_it_watches_from_begin_to_the_end_of_one_utterance() -> None:
    """Before `begin` and after the end it is silent; `begin` forgets everything, also in mid-utterance."""
    pointer = EndPointer(500, 2, 160)
    assert heard(pointer, "#" * 300) == []
    pointer.begin()
    assert heard(pointer, "#" * 10 + "." * 100 + "#" * 100) == [(8, Endpoint.STARTED), (35, Endpoint.ENDED)]
    pointer.begin()
    assert (pointer.began_blocks_ago, pointer.ended_blocks_ago) == (None, None)
    assert heard(pointer, "#" * 7) == []
    pointer.begin()
    assert heard(pointer, "#" * 7) == []


@pytest.mark.parametrize(("end_of_speech_ms", "blocks"), [(0, 1), (20, 1), (21, 2), (500, 25), (510.0, 26)])
def test_limits_are_whole_blocks_rounded_up(end_of_speech_ms: float, blocks: int) -> None:
    """Never shorter than set, and at least one block."""
    pointer = EndPointer(end_of_speech_ms, 60, 160)
    pointer.begin()
    assert heard(pointer, "#" * 8 + "." * 200) == [(8, Endpoint.STARTED), (8 + blocks, Endpoint.ENDED)]


@given(st.text("#.", max_size=300))
def test_whatever_is_said_the_counts_hold(blocks: str) -> None:
    """Start, then one end; every count agrees with what was fed."""
    pointer = begun()
    told = heard(pointer, blocks)
    assert [endpoint for _, endpoint in told] in (
        [],
        [Endpoint.STARTED],
        [Endpoint.STARTED, Endpoint.ENDED],
        [Endpoint.STARTED, Endpoint.CAPPED],
    )
    if not told:
        return
    fed = told[1][0] if len(told) > 1 else len(blocks)
    began, ended = pointer.began_blocks_ago, pointer.ended_blocks_ago
    assert began is not None
    assert ended is not None
    assert blocks[fed - began] == "#" == blocks[fed - ended - 1]
    assert blocks[fed - ended : fed] == "." * ended
    assert fed - began >= told[0][0] - 2 * MIN_BLOCKS
    if told[1:]:
        assert (ended, began)[told[1][1] is Endpoint.CAPPED] == (END_BLOCKS, MAX_BLOCKS)[told[1][1] is Endpoint.CAPPED]
