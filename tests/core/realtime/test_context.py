"""How much the conversation holds."""

from hearthd.core.realtime.allowance import ContextSize
from hearthd.core.realtime.context import ContextTally, reply_ms
from hearthd.core.realtime.usage import Usage
from tests.core.realtime.wire import BYTES_PER_MS


def test_what_stands_before_every_conversation_counts() -> None:
    """Instructions and functions are read by the very first response."""
    assert ContextTally("a" * 36).size == ContextSize(text_tokens=10)


def test_sound_counts_when_it_is_committed() -> None:
    """A token for each 100 ms begun; what was cleared never joined."""
    tally = ContextTally()
    tally.append(1_000 * BYTES_PER_MS)
    tally.clear()
    tally.append(250 * BYTES_PER_MS)
    assert tally.size == ContextSize()
    tally.commit()
    assert tally.size == ContextSize(audio_tokens=3)
    assert [tally.take_unanswered_ms(), tally.take_unanswered_ms()] == [250, 0]


def test_the_server_s_count_replaces_ours() -> None:
    """Input and output are what the next response reads; what joined meanwhile is added to them."""
    tally = ContextTally("a" * 36)
    began_with = tally.size
    tally.add_text("b" * 36)
    tally.append(1_000 * BYTES_PER_MS)
    tally.commit()
    tally.answered(began_with, Usage(text_in=100, audio_in=60, image_in=7, text_out=20, audio_out=40), 2_000)
    assert tally.size == ContextSize(text_tokens=130, audio_tokens=110, image_tokens=7)


def test_a_reply_without_a_bill_is_estimated() -> None:
    """A token for each 50 ms of speech, and the text that comes with it."""
    tally = ContextTally()
    tally.answered(tally.size, None, 1_250)
    assert tally.size == ContextSize(text_tokens=5, audio_tokens=25)


def test_sound_is_measured_in_whole_milliseconds() -> None:
    """PCM16 at 24 kHz."""
    assert reply_ms(10 * BYTES_PER_MS + 1) == 10
