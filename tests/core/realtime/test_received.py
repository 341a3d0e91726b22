"""How a reply is cut to what was heard."""

from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.realtime.client_messages import ItemDelete, ItemTruncate
from hearthd.core.realtime.received import ReceivedAudio
from tests.core.realtime.wire import BYTES_PER_MS


def received(*parts: tuple[str, int, int]) -> ReceivedAudio:
    """Return a count of parts, each as item, content index and milliseconds."""
    audio = ReceivedAudio()
    for item_id, content_index, received_ms in parts:
        audio.add((item_id, content_index), received_ms * BYTES_PER_MS)
    return audio


def test_the_unheard_rest_is_cut() -> None:
    """The part ends where the listener stopped hearing."""
    audio = received(("a", 1, 500), ("a", 1, 500))
    assert audio.cut(("a", 1), 700) == ItemTruncate(item_id="a", content_index=1, audio_end_ms=700)


def test_nothing_is_cut_when_all_was_heard() -> None:
    """A cut at or beyond the end would be refused by the server, so none is sent."""
    audio = received(("a", 0, 1_000))
    assert [audio.cut(("a", 0), 1_000), audio.cut(("a", 0), 5_000)] == [None, None]


def test_an_unknown_part_is_not_cut() -> None:
    """There is nothing to say about audio that never came, or came outside the conversation."""
    assert received(("a", 0, 100)).cut(("a", 1), -5) is None


def test_an_unheard_item_is_deleted() -> None:
    """An item of which nothing was heard goes away as a whole, once."""
    audio = received(("a", 0, 1_000), ("b", 0, 1_000))
    assert audio.cut(("a", 0), 0) == ItemDelete(item_id="a")
    assert audio.cut(("a", 0), 0) is None


def test_an_unheard_part_does_not_take_the_heard_one_with_it() -> None:
    """While the item has another part, the unheard one is truncated to nothing."""
    audio = received(("a", 0, 1_000), ("a", 1, 1_000))
    assert audio.cut(("a", 1), -3) == ItemTruncate(item_id="a", content_index=1, audio_end_ms=0)


def test_a_second_cut_is_measured_against_the_first() -> None:
    """What was cut off cannot be cut off again."""
    audio = received(("a", 0, 1_000))
    audio.cut(("a", 0), 400)
    assert audio.cut(("a", 0), 600) is None
    assert audio.cut(("a", 0), 300) == ItemTruncate(item_id="a", content_index=0, audio_end_ms=300)


def test_the_oldest_part_is_forgotten() -> None:
    """Memory is bounded: 64 parts later nothing is known of the first."""
    audio = received(*((f"item_{number}", 0, 100) for number in range(65)))
    assert audio.cut(("item_0", 0), 10) is None
    assert audio.cut(("item_1", 0), 10) is not None


@given(st.integers(0, 200_000), st.integers(-100, 5_000))
def test_a_cut_lies_inside_the_audio(size_bytes: int, heard_ms: int) -> None:
    """Whatever was received and heard, the server finds audio at and after the cut."""
    audio = ReceivedAudio()
    audio.add(("a", 0), size_bytes)
    cut = audio.cut(("a", 0), heard_ms)
    if isinstance(cut, ItemTruncate):
        assert 0 < cut.audio_end_ms == heard_ms
        assert cut.audio_end_ms * BYTES_PER_MS < size_bytes
    elif cut is None:
        assert heard_ms >= size_bytes // BYTES_PER_MS
    else:
        assert heard_ms <= 0
