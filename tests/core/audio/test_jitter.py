"""The queue before the loudspeaker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.audio.jitter import (
    GROWTH_KEPT,
    MAX_CUSHION_MS,
    RUN_BYTES,
    START_CUSHION_MS,
    JitterBuffer,
    JitterOverflow,
    Piece,
)

RATE_HZ = 1_000
"""One frame a millisecond keeps the sums readable."""


def sound(duration_ms: int, first: int = 0) -> bytes:
    """Frames that hold their own numbers."""
    return b"".join((first + at & 0xFFFF).to_bytes(2, "little") for at in range(duration_ms))


def filled(*durations_ms: int, pace_ms: float = 0) -> JitterBuffer[str]:
    """A buffer that got pieces of one reply, each `pace_ms` after the one before."""
    jitter: JitterBuffer[str] = JitterBuffer(RATE_HZ)
    for turn, duration_ms in enumerate(durations_ms):
        jitter.push("a", sound(duration_ms), turn * pace_ms / 1000)
    return jitter


def test_a_reply_starts_when_the_cushion_is_gathered() -> None:
    """One frame short of it nothing is given; from then on whatever there is."""
    jitter = filled(int(START_CUSHION_MS) - 1)
    assert jitter.pull(10) == []
    jitter.push("a", sound(1), 0)
    assert jitter.depth_ms == START_CUSHION_MS
    assert jitter.pull(10) == [Piece("a", sound(10))]
    assert sum(len(piece.pcm) for piece in jitter.pull(1_000)) == 2 * 50
    assert jitter.pull(10) == []
    jitter.push("a", sound(5), 0)
    assert jitter.pull(10) == [Piece("a", sound(5))]


def test_a_short_reply_plays_below_the_cushion_once_it_is_complete() -> None:
    """A "yes" of 40 ms is not withheld for ever."""
    jitter = filled(40)
    assert (jitter.pull(100), jitter.exhausted) == ([], False)
    jitter.finish()
    assert (jitter.pull(100), jitter.exhausted) == ([Piece("a", sound(40))], True)


def test_what_waits_in_vain_can_be_released() -> None:
    """A server that stalled before the cushion was gathered is not waited for; its next sound still follows on."""
    jitter = filled(40)
    jitter.push("a", b"\1", 0)
    jitter.release()
    assert jitter.pull(100) == [Piece("a", sound(40))]
    jitter.push("a", b"\2", 0)
    assert jitter.pull(100) == [Piece("a", b"\1\2")]


def test_a_minute_in_one_burst_comes_out_whole() -> None:
    """What the server sends faster than real time waits, and nothing of it is dropped."""
    jitter: JitterBuffer[str] = JitterBuffer(24_000)
    minute = bytes(range(256)) * (60 * 24_000 * 2 // 256)
    for at in range(0, len(minute), 9_999):  # odd sizes: every other piece ends in half a sample
        jitter.push("a", minute[at : at + 9_999], at / len(minute) * 2)
    assert jitter.depth_ms == 60_000
    assert b"".join(piece.pcm for _ in range(3_000) for piece in jitter.pull(480)) == minute


def test_parts_come_out_in_order_and_apart() -> None:
    """Each piece is of one part, neighbours of one part are joined, and no piece is longer than asked in all."""
    jitter: JitterBuffer[str] = JitterBuffer(RATE_HZ)
    for key, duration_ms in [("a", 50), ("a", 50), ("b", 30), ("a", 20)]:
        jitter.push(key, sound(duration_ms), 0)
    assert [(piece.key, len(piece.pcm) // 2) for piece in jitter.pull(120)] == [("a", 100), ("b", 20)]
    assert [(piece.key, len(piece.pcm) // 2) for piece in jitter.pull(120)] == [("b", 10), ("a", 20)]


def test_pieces_of_one_part_are_joined_across_runs() -> None:
    """A pull that crosses the inner boundary of a long part still is one piece."""
    jitter = filled(RUN_BYTES // 2, 10)
    assert len(jitter._runs) == 2
    assert [len(piece.pcm) for piece in jitter.pull(RUN_BYTES)] == [RUN_BYTES + 20]


def test_one_byte_deltas_share_their_memory() -> None:
    """The smallest pieces are gathered in one run, not kept as an object each."""
    jitter: JitterBuffer[str] = JitterBuffer(RATE_HZ)
    pcm = sound(200)
    assert [jitter.push("a", pcm[at : at + 1], 0) for at in range(4)] == [0, 1, 0, 1]
    for at in range(4, len(pcm)):
        jitter.push("a", pcm[at : at + 1], 0)
    assert len(jitter._runs) == 1
    assert jitter.pull(200) == [Piece("a", pcm)]


def test_half_samples_of_two_parts_do_not_mix() -> None:
    """Each part keeps its own odd byte, and a part that is finished loses it."""
    jitter: JitterBuffer[str] = JitterBuffer(RATE_HZ)
    pushes = [("a", b"\x01"), ("b", b"\x03"), ("a", b"\x02"), ("b", b"\x04\x05")]
    assert [jitter.push(key, pcm, 0) for key, pcm in pushes] == [0, 0, 1, 1]
    jitter.finish("b")
    assert jitter.push("b", b"\x06\x07", 0) == 1
    jitter.finish()
    assert jitter.pull(9) == [Piece("a", b"\x01\x02"), Piece("b", b"\x03\x04\x06\x07")]


def test_the_end_of_a_part_that_is_not_the_newest_ends_nothing() -> None:
    """A late end of the first part does not let the second play without its cushion."""
    jitter: JitterBuffer[str] = JitterBuffer(RATE_HZ)
    jitter.push("a", sound(20), 0)
    jitter.push("b", sound(20), 0)
    jitter.finish("a")
    assert jitter.pull(100) == []
    jitter.finish("b")
    assert len(jitter.pull(100)) == 2


def test_a_cut_forgets_all_and_begins_a_new_reply() -> None:
    """Nothing of what was cut is played later, half samples included, and the next reply gathers its cushion."""
    jitter = filled(100)
    jitter.push("a", b"\x01", 0)
    jitter.pull(10)
    jitter.drop()
    assert (jitter.depth_ms, jitter.exhausted, jitter.pull(10)) == (0, True, [])
    jitter.push("a", b"\x02\x03", 1)
    assert jitter.pull(10) == []
    jitter.finish()
    assert jitter.pull(10) == [Piece("a", b"\x02\x03")]


def test_each_reply_gathers_its_own_cushion() -> None:
    """A reply that follows a drained one starts as carefully, one that follows without a gap goes on."""
    jitter = filled(100)
    jitter.finish()
    jitter.pull(90)
    jitter.push("b", sound(10), 0)
    assert [piece.key for piece in jitter.pull(100)] == ["a", "b"]
    jitter.finish()
    jitter.push("c", sound(10), 1)
    assert jitter.pull(100) == []


def test_after_silence_in_mid_reply_the_cushion_is_gathered_anew() -> None:
    """One stutter, not one per delta; at the end of a reply or before the first there is nothing to gather."""
    jitter = filled(100)
    jitter.pull(100)
    jitter.underran()
    jitter.push("a", sound(50), 0.1)
    assert jitter.pull(100) == []
    jitter.push("a", sound(50), 0.1)
    assert len(jitter.pull(100)) == 1
    jitter.finish()
    jitter.underran()
    assert jitter.exhausted


def test_steady_arrivals_and_bursts_leave_the_cushion_alone() -> None:
    """Sound that comes as fast as it lasts, or faster, needs no more than the start."""
    assert filled(*[20] * 50, pace_ms=20).cushion_ms == START_CUSHION_MS
    assert filled(*[1_000] * 50, pace_ms=300).cushion_ms == START_CUSHION_MS


def test_the_cushion_grows_to_the_gap() -> None:
    """A gap of 150 ms after a delta of 100 ms needs 150 ms in hand; many small deltas at once are one delta."""
    whole = filled(100)
    whole.push("a", sound(100), 0.150)
    small: JitterBuffer[str] = JitterBuffer(RATE_HZ)
    for at in range(50):
        small.push("a", sound(2), at * 0.0001)
    small.push("a", sound(100), 0.150)
    assert (whole.cushion_ms, small.cushion_ms) == pytest.approx((150, 150))


def test_a_gap_that_the_queue_bridges_needs_no_cushion() -> None:
    """After a burst of a second, 700 ms without news are no reason for care, also when another part follows."""
    jitter = filled(1_000)
    jitter.push("a", sound(20), 0.7)
    jitter.finish()
    jitter.push("b", sound(20), 0.8)
    jitter.push("b", sound(20), 1.5)
    assert jitter.cushion_ms == START_CUSHION_MS


def test_the_cushion_is_bounded_and_decays_from_reply_to_reply() -> None:
    """However long the gap, people do not wait longer; and each later reply takes back a tenth of the growth."""
    jitter = filled(20)
    jitter.push("a", sound(20), 5)
    assert jitter.cushion_ms == MAX_CUSHION_MS
    jitter.drop()
    jitter.push("b", sound(20), 100)
    assert jitter.cushion_ms == pytest.approx(START_CUSHION_MS + (MAX_CUSHION_MS - START_CUSHION_MS) * GROWTH_KEPT)


def test_lateness_is_counted_anew_after_a_silence() -> None:
    """The gap that silenced the loudspeaker teaches once; what follows steadily teaches nothing more."""
    jitter = filled(100)
    jitter.pull(100)
    jitter.underran()
    for turn in range(20):
        jitter.push("a", sound(200), 0.25 + turn * 0.2)
    assert jitter.cushion_ms == 250


def test_ten_minutes_are_the_limit() -> None:
    """The push that would exceed it is refused whole, with the limit in the error, and can be made later."""
    jitter: JitterBuffer[str] = JitterBuffer(RATE_HZ)
    assert jitter.push("a", sound(599_999), 0) == 599_999
    jitter.push("a", b"\x01", 0)
    with pytest.raises(JitterOverflow, match="600 s") as caught:
        jitter.push("a", b"\x02" + sound(1), 0)
    assert caught.value.limit_ms == 600_000
    jitter.pull(1)
    assert jitter.push("a", b"\x02" + sound(1), 0) == 2


def test_a_cushion_that_cannot_be_gathered_is_our_own_mistake() -> None:
    """A limit below the cushion would be silence for ever."""
    with pytest.raises(AssertionError, match="limit"):
        JitterBuffer(RATE_HZ, limit_ms=MAX_CUSHION_MS - 1)


@given(
    gaps_ms=st.lists(st.integers(0, 60), min_size=1, max_size=40),
    delta_ms=st.sampled_from([20, 40, 60]),
)
def test_no_gap_within_the_cushion_is_heard(gaps_ms: list[int], delta_ms: int) -> None:
    """A loudspeaker that starts with the cushion is never dry while no delta is late by more than cushion less delta.

    Each delta leaves the server on time and is held up on its way, by no more than that and never past the next one.
    """
    jitter: JitterBuffer[str] = JitterBuffer(RATE_HZ)
    late_ms = [gap % max(1, int(START_CUSHION_MS) - delta_ms + 1) for gap in gaps_ms]
    arrivals_ms: list[int] = []
    for turn, late in enumerate(late_ms):
        arrivals_ms.append(max(turn * delta_ms + late, arrivals_ms[-1] if arrivals_ms else 0))
    pushed, playing, dry_ms = 0, False, 0
    for now_ms in range(arrivals_ms[-1]):
        while pushed < len(arrivals_ms) and arrivals_ms[pushed] <= now_ms:
            jitter.push("a", sound(delta_ms), now_ms / 1000)
            pushed += 1
        pieces = jitter.pull(1)
        playing = playing or bool(pieces)
        dry_ms += playing and not pieces
    assert dry_ms == 0
