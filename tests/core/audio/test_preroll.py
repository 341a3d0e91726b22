"""The recent past of the microphone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.audio.pcm import PcmFormat
from hearthd.core.audio.preroll import Preroll

STEREO = PcmFormat(8_000, 2)
"""4 bytes a frame, 8 frames a millisecond."""


def frames_of(first: int, count: int) -> bytes:
    """Frames that hold their own absolute numbers."""
    return b"".join(number.to_bytes(STEREO.frame_bytes, "little") for number in range(first, first + count))


@given(
    capacity_ms=st.integers(0, 6),
    sizes=st.lists(st.integers(0, 70), max_size=12),
    asked=st.integers(-5, 500),
    cleared_at=st.integers(0, 12),
)
def test_it_returns_exactly_the_frames_asked_for(
    capacity_ms: int, sizes: list[int], asked: int, cleared_at: int
) -> None:
    """Whatever was kept or forgotten, `since` gives each frame under its number, from the one asked to the newest."""
    preroll = Preroll(STEREO, capacity_ms)
    seen = oldest = 0
    for turn, size in enumerate(sizes):
        if turn == cleared_at:
            preroll.clear()
            oldest = seen
        preroll.keep(frames_of(seen, size))
        seen += size
    oldest = max(oldest, seen - 8 * capacity_ms)
    assert (preroll.start_frame, preroll.end_frame) == (oldest, seen)
    first = max(asked, oldest)
    assert preroll.since(asked) == frames_of(first, max(0, seen - first))


def test_what_was_cleared_is_overwritten() -> None:
    """After mute not even the memory holds what was said."""
    preroll = Preroll(STEREO, 1)
    preroll.keep(frames_of(1_000, 8))
    preroll.clear()
    assert not any(preroll._ring)


def test_half_a_frame_is_our_own_mistake() -> None:
    """A block that splits a frame would swap the channels for ever, so it crashes instead."""
    with pytest.raises(AssertionError, match="whole frames"):
        Preroll(STEREO, 1).keep(bytes(6))
