"""What of a conversation is kept."""

from hearthd.core.realtime.commands import AddUserText, AnswerCall, CommitInput, TruncateReply
from hearthd.core.realtime.events import (
    CallRequested,
    InputCommitted,
    InputTranscribed,
    ReplyAudio,
    ReplyTranscribed,
    SessionReady,
)
from hearthd.core.realtime.history import ITEMS_MAX, CallMade, ReplyHeard, UserSaid
from hearthd.core.realtime.memory import TalkMemory
from tests.core.realtime.wire import BYTES_PER_MS


def spoken(memory: TalkMemory, text: str, duration_ms: int = 1_000) -> None:
    """Let the model say something."""
    memory.heard(ReplyAudio("r1", "i2", 0, bytes(duration_ms * BYTES_PER_MS)))
    memory.heard(ReplyTranscribed("r1", "i2", text))


def test_a_turn_is_kept_in_order() -> None:
    """A transcript that comes late finds its utterance; what means nothing for the talk is not kept."""
    memory = TalkMemory()
    memory.heard(SessionReady())
    memory.said(CommitInput())
    memory.heard(InputCommitted("i1"))
    memory.heard(CallRequested("r1", "c1", "set_lamp", "{}"))
    memory.said(AnswerCall("c1", "ok"))
    spoken(memory, "Done.")
    assert memory.past == (UserSaid(), CallMade("set_lamp", "{}", "ok"), ReplyHeard("Done."))
    memory.heard(InputTranscribed("i1", "Light on."))
    assert memory.past[0] == UserSaid("Light on.")
    memory.forget()
    assert not memory.past


def test_what_nobody_answered_is_not_told() -> None:
    """The utterance will be sent again as sound, a call that is still open has no result, a strange one no name."""
    memory = TalkMemory()
    memory.heard(CallRequested("r1", "c1", "set_lamp", "{}"))
    memory.said(AnswerCall("c9", "ok"))
    memory.heard(InputCommitted("i1"))
    memory.said(AddUserText("Hello?"))
    assert not memory.past
    spoken(memory, "Hello.")
    assert memory.past == (UserSaid(), UserSaid("Hello?"), ReplyHeard("Hello."))


def test_only_what_was_heard_of_a_reply_is_told() -> None:
    """By its share of the sound, in whole words; nothing of what nobody heard."""
    for heard_ms, expected in (
        (500, (ReplyHeard("One two ..."),)),
        (1_000, (ReplyHeard("One two three four"),)),
        (0, ()),
        (50, ()),
    ):
        memory = TalkMemory()
        spoken(memory, "One two three four")
        memory.said(TruncateReply("i2", 0, heard_ms))
        assert memory.past == expected


def test_a_cut_of_something_unknown_changes_nothing() -> None:
    """Its text never came."""
    memory = TalkMemory()
    memory.said(TruncateReply("i7", 0, 100))
    assert memory.past == ()


def test_memory_is_bounded() -> None:
    """A talk of hours is not kept whole."""
    memory = TalkMemory()
    for number in range(1_000):
        memory.heard(InputCommitted(f"i{number}"))
        memory.heard(ReplyTranscribed("r1", f"j{number}", str(number)))
    assert len(memory.past) == 3 * ITEMS_MAX
    assert memory.past[-1] == ReplyHeard("999")


def test_items_without_an_identifier_are_told_apart() -> None:
    """Some servers name none."""
    memory = TalkMemory()
    for text in ("One.", "Two."):
        memory.heard(ReplyTranscribed("r1", "", text))
    assert memory.past == (ReplyHeard("One."), ReplyHeard("Two."))
