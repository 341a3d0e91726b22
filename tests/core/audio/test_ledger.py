"""The account of what was heard."""

from hearthd.core.audio.ledger import HeardPart, PlayoutLedger, ReplyPart

FIRST = ReplyPart("resp_1", "item_1", 0)
SECOND = ReplyPart("resp_1", "item_2", 0)
MS = 24
"""Frames of a millisecond at the link's rate."""


def test_what_is_pending_was_not_heard() -> None:
    """Heard is what was written less what the card still holds, whole milliseconds rounded down."""
    ledger = PlayoutLedger()
    ledger.received(FIRST, 1_000 * MS)
    ledger.written(FIRST, 300 * MS)
    assert ledger.cut(pending_frames=100 * MS + 1) == (HeardPart(FIRST, 199, 1_000),)


def test_parts_are_told_apart_in_playing_order() -> None:
    """A cut in the second part leaves the first out, and tells of one never begun that nothing was heard."""
    ledger = PlayoutLedger()
    third = ReplyPart("resp_1", "item_3", 0)
    for part in (FIRST, SECOND, third):
        ledger.received(part, 500 * MS)
        ledger.finish(part)
    ledger.written(FIRST, 500 * MS)
    ledger.written(SECOND, 100 * MS)
    assert ledger.cut(40 * MS) == (HeardPart(SECOND, 60, 500), HeardPart(third, 0, 500))


def test_a_part_that_may_still_grow_is_not_heard_to_its_end() -> None:
    """While the server still sends, even a part without a rest is reported, with all that was received."""
    ledger = PlayoutLedger()
    ledger.received(FIRST, 20 * MS)
    ledger.written(FIRST, 20 * MS)
    assert ledger.heard(0) == 20 * MS
    assert ledger.cut(0) == (HeardPart(FIRST, 20, 20),)


def test_what_was_heard_to_its_end_is_forgotten() -> None:
    """Whichever comes last, the end of the part or its last frame, the part is over; a long day costs no memory."""
    ledger = PlayoutLedger()
    for part in (FIRST, SECOND):
        ledger.received(part, 10)
        ledger.written(part, 10)
    ledger.finish(FIRST)
    ledger.heard(0)
    ledger.finish()
    assert ledger.cut(0) == ()
    assert (len(ledger._parts), len(ledger._unheard)) == (0, 0)


def test_after_a_cut_everything_starts_anew() -> None:
    """Frames of the cut reply that a thread still hands in belong to nobody, and the next reply counts from zero."""
    ledger = PlayoutLedger()
    ledger.received(FIRST, 100 * MS)
    ledger.written(FIRST, 50 * MS)
    ledger.cut(20 * MS)
    ledger.written(FIRST, 10 * MS)
    ledger.finish(FIRST)
    ledger.received(SECOND, 100 * MS)
    ledger.written(SECOND, 30 * MS)
    assert ledger.cut(5 * MS) == (HeardPart(SECOND, 25, 100),)


def test_a_tone_takes_time_but_belongs_to_no_reply() -> None:
    """Frames of no part are pending like others, and count as heard by nobody."""
    ledger = PlayoutLedger()
    ledger.received(FIRST, 100)
    ledger.written(None, 40)
    ledger.written(FIRST, 100)
    assert [ledger.heard(pending) for pending in (120, 100, 90)] == [0, 0, 10]


def test_heard_never_decreases_and_never_exceeds_what_was_written() -> None:
    """A card that reports more or less than it can hold does not change what was heard."""
    ledger = PlayoutLedger()
    ledger.received(FIRST, 100)
    ledger.written(FIRST, 60)
    assert [ledger.heard(pending) for pending in (30, 45, 1_000, -5)] == [30, 30, 30, 60]


def test_heard_is_clamped_to_what_was_received() -> None:
    """More would make the server refuse the truncation."""
    ledger = PlayoutLedger()
    ledger.received(FIRST, 100 * MS)
    ledger.written(FIRST, 150 * MS)
    assert ledger.cut(0) == (HeardPart(FIRST, 100, 100),)


def test_a_part_without_sound_is_not_reported() -> None:
    """There is nothing in it to truncate."""
    ledger = PlayoutLedger()
    ledger.received(FIRST, 0)
    assert ledger.cut(0) == ()


def test_a_part_that_was_cut_while_it_was_written_is_skipped() -> None:
    """Frames booked before their part was over and heard after it change nothing."""
    ledger = PlayoutLedger()
    ledger.received(FIRST, 10)
    ledger.written(FIRST, 10)
    ledger.written(FIRST, 5)
    ledger.finish(FIRST)
    assert [ledger.heard(5), ledger.heard(0)] == [10, 10]


def test_finishing_what_is_not_known_is_harmless() -> None:
    """The end of a reply may be told after it was cut."""
    ledger = PlayoutLedger()
    ledger.finish(FIRST)
    ledger.finish()
    assert ledger.cut(0) == ()
