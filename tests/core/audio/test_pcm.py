"""Formats: bytes, frames and time."""

from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.audio.pcm import GATE_FORMAT, LINK_FORMAT, PcmFormat

formats = st.builds(PcmFormat, st.sampled_from([8_000, 16_000, 24_000, 44_100, 48_000]), st.integers(1, 4))


def test_a_block_is_20_ms() -> None:
    """The formats of gate and link, and a stereo card, have the block sizes that their peers expect."""
    assert (GATE_FORMAT.block_frames, GATE_FORMAT.block_bytes) == (320, 640)
    assert (LINK_FORMAT.block_frames, LINK_FORMAT.block_bytes) == (480, 960)
    assert (PcmFormat(48_000, 2).frame_bytes, PcmFormat(48_000, 2).block_bytes) == (4, 3_840)
    assert PcmFormat(11_025).block_frames == 220


def test_a_frame_without_all_its_channels_does_not_count() -> None:
    """Only whole frames are counted."""
    assert PcmFormat(48_000, 2).frames(bytes(11)) == 2


@given(formats, st.integers(0, 10_000_000))
def test_time_and_frames_agree(pcm_format: PcmFormat, frames: int) -> None:
    """Frames become milliseconds and at most one frame is lost on the way back."""
    assert frames - pcm_format.frames_of_ms(pcm_format.ms_of_frames(frames)) in {0, 1}
