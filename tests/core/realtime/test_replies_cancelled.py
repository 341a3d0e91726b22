"""Responses that are broken off, and replies that are cut to what was heard."""

from hearthd.core.realtime.allowance import AskKind
from hearthd.core.realtime.commands import TruncateReply
from hearthd.core.realtime.events import (
    ResponseBegan,
    ResponseStatus,
)
from hearthd.core.realtime.responses import BUSY_ASKS_MAX
from tests.core.realtime import wire
from tests.core.realtime.talk import MS_500, PART, Talk, cancelled, deleted, ended, truncated


def test_a_cancelled_response_is_silent_until_its_end(talk: Talk) -> None:
    """Later sound, text and calls are dropped; the end is reported with what was reported before."""
    talk.hear(wire.created("r1"), wire.audio("r1", "i1"))
    talk.replies.cancel()
    assert talk.sent() == [cancelled("r1")]
    events = talk.hear(
        wire.audio("r1", "i1"),
        wire.text("response.output_audio.done", **PART),
        wire.text("response.output_audio_transcript.done", **PART, transcript="Hello."),
        wire.item_done("r1", wire.call_item("c1")),
        wire.done("r1", "completed", output=[wire.call_item("c1")]),
    )
    assert events == [ended(spoke=True)]


def test_what_nobody_heard_or_did_is_deleted(talk: Talk) -> None:
    """Items of a cancelled response of which nothing was reported go, when it is over; the heard one stays."""
    talk.hear(
        wire.item_added("r1", {"id": "i1", "type": "message"}),
        wire.audio("r1", "i1"),
        wire.item_added("r1", {"id": "i2", "type": "message"}),
        wire.item_added("r1", {"id": "x", "type": "reasoning"}),
        wire.item_added("r1", {"type": "message"}),
    )
    talk.replies.cancel()
    talk.hear(wire.audio("r1", "i3"), wire.item_done("r1", wire.call_item("c1", item_id="i4")))
    assert talk.sent() == [cancelled("r1")]
    talk.hear(wire.done("r1", "cancelled"))
    assert talk.sent() == [deleted("i2"), deleted("i3"), deleted("i4")]


def test_a_requested_call_of_a_cancelled_response_stays(talk: Talk) -> None:
    """It will be answered, and the model shall see that."""
    talk.hear(wire.item_done("r1", wire.call_item("c1")))
    talk.replies.cancel()
    talk.sent()
    assert talk.hear(wire.done("r1", "cancelled")) == [ended(status=ResponseStatus.CANCELLED, calls=("c1",))]
    assert talk.sent() == []


def test_a_cancelled_text_leaves_nothing_to_delete(talk: Talk) -> None:
    """It never was in the conversation."""
    talk.sequencer.want(AskKind.SPEECH, "Dinner.")
    talk.ask()
    talk.hear(wire.created("r1"))
    talk.replies.cancel()
    talk.sent()
    talk.hear(wire.audio("r1", "i1"), wire.done("r1", "cancelled"))
    assert talk.sent() == []


def test_a_requested_response_is_cancelled_as_soon_as_it_exists(talk: Talk) -> None:
    """Its beginning and its end are reported, and nothing between them."""
    talk.sequencer.want(AskKind.REPLY)
    talk.ask()
    talk.replies.cancel()
    assert [message["type"] for message in talk.sent()] == ["response.create"]
    assert talk.hear(wire.created("r1"), wire.audio("r1", "i1")) == [ResponseBegan("r1", cancelled=True)]
    assert talk.sent() == [cancelled("r1")]
    assert talk.hear(wire.done("r1", "cancelled")) == [ended(status=ResponseStatus.CANCELLED)]


def test_a_response_that_ends_as_it_begins_is_not_cancelled(talk: Talk) -> None:
    """There is nothing left to cancel."""
    talk.sequencer.want(AskKind.REPLY)
    talk.ask()
    talk.replies.cancel()
    talk.sent()
    talk.hear(wire.done("r1", "cancelled"))
    assert talk.sent() == []


def test_something_unknown_is_cancelled_without_a_name(talk: Talk) -> None:
    """A server that is busy with what it never told of ends it when told so."""
    talk.sequencer.want(AskKind.REPLY)
    for _ in range(BUSY_ASKS_MAX):
        talk.ask()
        talk.sequencer.put_back("")
    talk.sent()
    talk.replies.cancel()
    assert talk.sent() == [{"type": "response.cancel"}]


def test_an_idle_server_ends_what_was_cancelled(talk: Talk) -> None:
    """If the server says that nothing runs, the end got lost; a response that was not cancelled goes on."""
    talk.hear(wire.created("r1"))
    talk.replies.cancel()
    talk.hear(wire.created("r2"))
    talk.replies.none_active()
    assert talk.outbox.drain_events() == [ended(status=ResponseStatus.CANCELLED)]
    assert talk.sequencer.active == "r2"


def test_a_reply_that_is_over_is_truncated_at_once(talk: Talk) -> None:
    """Sound comes faster than it plays, so this is the usual case."""
    talk.hear(wire.audio("r1", "i1", MS_500), wire.done("r1"))
    talk.replies.truncate(TruncateReply("i1", 0, 200))
    assert talk.sent() == [truncated("i1", 200)]


def test_a_running_reply_is_truncated_at_its_end(talk: Talk) -> None:
    """What is on its way counts as received: all of the first 500 ms were heard, and still there is a rest."""
    talk.hear(wire.audio("r1", "i1", MS_500))
    talk.replies.cancel()
    talk.replies.truncate(TruncateReply("i1", 0, 500))
    assert talk.sent() == [cancelled("r1")]
    talk.hear(wire.audio("r1", "i1", MS_500), wire.done("r1", "cancelled"))
    assert talk.sent() == [truncated("i1", 500)]


def test_what_was_heard_whole_is_not_truncated(talk: Talk) -> None:
    """Nothing would change."""
    talk.hear(wire.audio("r1", "i1", MS_500), wire.done("r1"))
    talk.replies.truncate(TruncateReply("i1", 0, 500))
    talk.replies.truncate(TruncateReply("i9", 0, 0))
    assert talk.sent() == []


def test_an_earlier_reply_is_truncated_while_the_next_one_runs(talk: Talk) -> None:
    """Only the items of the running response wait."""
    talk.hear(wire.audio("r1", "i1", MS_500), wire.done("r1"), wire.audio("r2", "i2", MS_500))
    talk.replies.truncate(TruncateReply("i1", 0, 0))
    assert talk.sent() == [deleted("i1")]


def test_a_said_text_is_not_truncated(talk: Talk) -> None:
    """It is in no conversation."""
    talk.sequencer.want(AskKind.SPEECH, "Dinner.")
    talk.ask()
    talk.sent()
    talk.hear(wire.audio("r1", "i1", MS_500), wire.done("r1"))
    talk.replies.truncate(TruncateReply("i1", 0, 200))
    assert talk.sent() == []
