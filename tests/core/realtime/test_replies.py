"""Responses, their sound and their calls, from first message to last."""

import json
from dataclasses import dataclass, field

import pytest

from hearthd.core.realtime import server_messages as sm
from hearthd.core.realtime.calls import CallBook
from hearthd.core.realtime.commands import AnswerCall, TruncateReply
from hearthd.core.realtime.events import (
    CallRequested,
    LinkEvent,
    ReplyAudio,
    ReplyAudioEnded,
    ReplyTranscribed,
    ResponseBegan,
    ResponseEnded,
    ResponseStatus,
)
from hearthd.core.realtime.outbox import Outbox
from hearthd.core.realtime.replies import Replies
from hearthd.core.realtime.responses import AskKind, Sequencer
from hearthd.core.realtime.usage import Usage
from tests.core.realtime import wire
from tests.core.realtime.wire import BYTES_PER_MS, Json

MS_500 = bytes(500 * BYTES_PER_MS)
PART = {"response_id": "r1", "item_id": "i1", "content_index": 0}


@dataclass
class Talk:
    """The replies with all that they need, and short words for what tests do with them."""

    outbox: Outbox = field(default_factory=Outbox)
    calls: CallBook = field(default_factory=CallBook)
    sequencer: Sequencer = field(default_factory=Sequencer)

    def __post_init__(self) -> None:
        self.replies = Replies(self.outbox, self.calls, self.sequencer)

    def hear(self, *texts: str) -> list[LinkEvent]:
        """Take messages of the server and return what is reported."""
        for text in texts:
            message = sm.decode(text)
            assert isinstance(message, sm.ResponseMessage)
            self.replies.take(message)
        return self.outbox.drain_events()

    def sent(self) -> list[Json]:
        """Return the messages that were sent."""
        messages: list[Json] = [json.loads(text) for text in self.outbox.drain_texts()]
        for message in messages:
            del message["event_id"]
        return messages


@pytest.fixture
def talk() -> Talk:
    """Return a talk in which nothing happened yet."""
    return Talk()


def ended(response_id: str = "r1", **facts: object) -> ResponseEnded:
    """Return the end of a response that completed, but for `facts`."""
    return ResponseEnded(**{"response_id": response_id, "status": ResponseStatus.COMPLETED, **facts})  # type: ignore[arg-type]


def deleted(item_id: str) -> Json:
    """Return the message that deletes an item."""
    return {"type": "conversation.item.delete", "item_id": item_id}


def cancelled(response_id: str) -> Json:
    """Return the message that cancels a response."""
    return {"type": "response.cancel", "response_id": response_id}


# ------------------------------------------------------------------------------------------------------ sound and text


def test_a_spoken_reply_is_reported_from_beginning_to_end(talk: Talk) -> None:
    """Every piece comes with the ids of its part, and the end says that there was sound."""
    events = talk.hear(
        wire.created("r1"),
        wire.item_added("r1", {"id": "i1", "type": "message", "status": "in_progress"}),
        wire.audio("r1", "i1", b"\1\2\3"),
        wire.audio("r1", "i1", b"\4"),
        wire.text("response.output_audio.done", **PART),
        wire.text("response.output_audio_transcript.done", **PART, transcript="Hello."),
        wire.item_done("r1", {"id": "i1", "type": "message", "status": "completed"}),
        wire.done("r1"),
    )
    assert events == [
        ResponseBegan("r1"),
        ReplyAudio("r1", "i1", 0, b"\1\2\3"),
        ReplyAudio("r1", "i1", 0, b"\4"),
        ReplyAudioEnded("r1", "i1", 0),
        ReplyTranscribed("r1", "i1", "Hello."),
        ended(spoke=True),
    ]
    assert talk.sent() == []


def test_any_message_begins_an_unannounced_response(talk: Talk) -> None:
    """Servers leave `response.created` out; the response begins with whatever comes first, and only once."""
    assert talk.hear(wire.audio("r1", "i1", b"\1\2", content_index=None), wire.created("r1")) == [
        ResponseBegan("r1"),
        ReplyAudio("r1", "i1", 0, b"\1\2"),
    ]


def test_an_end_alone_is_a_whole_response(talk: Talk) -> None:
    """Around interruptions the end may come alone, with a bill."""
    assert talk.hear(wire.done("r1", "cancelled", usage={"input_tokens": 7})) == [
        ResponseBegan("r1"),
        ended(status=ResponseStatus.CANCELLED, usage=Usage(audio_in=7)),
    ]


def test_a_response_without_a_name_is_not_begun(talk: Talk) -> None:
    """An announcement without an id is no use: the messages that follow carry one."""
    assert talk.hear(wire.text("response.created", response={})) == []


def test_an_end_without_a_name_is_the_running_response_s(talk: Talk) -> None:
    """One runs, so it must be meant."""
    assert talk.hear(wire.created("r1"), wire.done(None))[1:] == [ended()]
    assert talk.sequencer.active is None


def test_an_end_without_a_name_or_a_response_still_counts(talk: Talk) -> None:
    """It may carry a bill, and there may be another one."""
    for _ in range(2):
        assert talk.hear(wire.done(None)) == [ResponseBegan(""), ended("")]


def test_nothing_is_reported_of_a_response_that_is_over(talk: Talk) -> None:
    """Late and repeated messages are dropped."""
    talk.hear(wire.created("r1"), wire.done("r1"))
    assert (
        talk.hear(
            wire.audio("r1"),
            wire.text("response.output_audio.done", **PART),
            wire.text("response.output_audio_transcript.done", **PART, transcript="late"),
            wire.item_added("r1", wire.call_item("c1")),
            wire.item_done("r1", wire.call_item("c1")),
            wire.arguments_done("r1", "c1"),
            wire.created("r1"),
            wire.done("r1"),
        )
        == []
    )


def test_empty_audio_is_no_sound(talk: Talk) -> None:
    """An empty piece is not reported and does not count as spoken."""
    assert talk.hear(wire.created("r1"), wire.audio("r1", pcm=b""), wire.done("r1"))[1:] == [ended()]


def test_a_text_part_is_transcribed_too(talk: Talk) -> None:
    """A server that answers in text is at least readable; an empty text is none."""
    events = talk.hear(
        wire.text("response.output_text.done", **PART, text="Hello."),
        wire.text("response.output_text.done", **PART, text=""),
        wire.text("response.output_audio_transcript.done", **PART),
    )
    assert events[1:] == [ReplyTranscribed("r1", "i1", "Hello.")]


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("completed", ResponseStatus.COMPLETED),
        ("cancelled", ResponseStatus.CANCELLED),
        ("incomplete", ResponseStatus.INCOMPLETE),
        ("failed", ResponseStatus.FAILED),
        ("exploded", ResponseStatus.FAILED),
        (None, ResponseStatus.COMPLETED),
    ],
)
def test_the_status_is_read(talk: Talk, word: str | None, status: ResponseStatus) -> None:
    """An unknown status is a failure, a missing one is none."""
    assert talk.hear(wire.done("r1", word))[1:] == [ended(status=status)]


def test_a_failure_carries_its_reasons(talk: Talk) -> None:
    """Code, words and the wait they ask for are handed on."""
    error = {"type": "tokens", "code": "rate_limit_exceeded", "message": "Please try again in 6.232s."}
    details = {"type": "failed", "reason": "why", "error": error}
    assert talk.hear(wire.done("r1", "failed", status_details=details))[1:] == [
        ended(
            status=ResponseStatus.FAILED,
            reason="why",
            error_code="rate_limit_exceeded",
            error_text="Please try again in 6.232s.",
            retry_after_s=pytest.approx(6.232),
        )
    ]


# --------------------------------------------------------------------------------------------------------------- calls


@pytest.mark.parametrize(
    "messages",
    [
        [wire.item_done("r1", wire.call_item("c1"))],
        [wire.item_done("r1", wire.call_item("c1", status=None))],
        [wire.arguments_done("r1", "c1")],
        [wire.item_added("r1", wire.call_item("c1")), wire.arguments_done("r1", "c1", name=None)],
        [wire.done("r1", output=[wire.call_item("c1")])],
        [wire.done("r1", output=[wire.call_item("c1", status=None)])],
    ],
)
def test_a_call_is_requested_by_whichever_message_comes_first(talk: Talk, messages: list[str]) -> None:
    """Item, arguments or the end of the response: servers send some of them or all."""
    events = talk.hear(wire.created("r1"), *messages)
    assert events[1] == CallRequested("r1", "c1", "set_lamp", "{}")
    rest = talk.hear(wire.arguments_done("r1", "c1"), wire.item_done("r1", wire.call_item("c1")), wire.done("r1"))
    assert [*events[2:], *rest] == [ended(calls=("c1",), follows=True)]


@pytest.mark.parametrize(
    "message",
    [
        wire.item_done("r1", wire.call_item("c1", "incomplete")),
        wire.item_done("r1", wire.call_item("c1", "in_progress")),
        wire.item_done("r1", wire.call_item("")),
        wire.item_done("r1", wire.call_item("c1", name="")),
        wire.item_done("r1", wire.call_item("c1", type="mcp_call")),
        wire.arguments_done("r1", "c1", name=None),
        wire.arguments_done("r1", "c1", arguments='{"on": tr'),
        wire.arguments_done("r1", "c1", arguments="[]"),
        wire.arguments_done("r1", "c1", arguments=""),
        wire.arguments_done("r1", "c1", arguments='{"x":' + "[" * 10_000),
        wire.item_added("r1", wire.call_item("c1")),
    ],
)
def test_an_unfinished_or_nameless_call_is_not_requested(talk: Talk, message: str) -> None:
    """Cut arguments, other items, and calls without an id or a name act on nothing."""
    assert talk.hear(wire.created("r1"), message)[1:] == []


def test_broken_arguments_of_a_complete_call_are_handed_on(talk: Talk) -> None:
    """The model wrote nonsense to the end; whoever carries out the call answers that."""
    events = talk.hear(wire.item_done("r1", wire.call_item("c1", arguments="{nonsense")))
    assert events[1:] == [CallRequested("r1", "c1", "set_lamp", "{nonsense")]


@pytest.mark.parametrize("status", ["cancelled", "failed", "incomplete"])
def test_the_end_of_a_broken_response_requests_no_call(talk: Talk, status: str) -> None:
    """What is listed there may have been cut."""
    events = talk.hear(wire.done("r1", status, output=[wire.call_item("c1", status=None)]))
    assert events[1:] == [ended(status=ResponseStatus(status))]


def test_a_call_outside_the_conversation_is_not_requested(talk: Talk) -> None:
    """Its answer would have nowhere to go."""
    talk.sequencer.want(AskKind.SPEECH, "Hello.")
    talk.replies.ask()
    assert talk.hear(wire.item_done("r1", wire.call_item("c1")))[1:] == []


def test_answers_go_out_at_once_and_one_request_after_the_last(talk: Talk) -> None:
    """Two calls, one answered before the response is over: the model speaks again when both are answered."""
    talk.hear(wire.item_done("r1", wire.call_item("c1")), wire.item_done("r1", wire.call_item("c2")))
    talk.replies.answer(AnswerCall("c1", "done"))
    talk.replies.ask()
    output = {"type": "function_call_output", "call_id": "c1", "output": "done"}
    assert talk.sent() == [{"type": "conversation.item.create", "item": output}]
    talk.hear(wire.done("r1"))
    talk.replies.ask()
    assert talk.sent() == []
    talk.replies.answer(AnswerCall("c2", "done"))
    talk.replies.ask()
    assert [message["type"] for message in talk.sent()] == ["conversation.item.create", "response.create"]


def test_unknown_and_repeated_answers_are_ignored(talk: Talk) -> None:
    """A call is answered once."""
    talk.hear(wire.item_done("r1", wire.call_item("c1")))
    talk.replies.answer(AnswerCall("c1", "first"))
    talk.sent()
    talk.replies.answer(AnswerCall("c1", "second"))
    talk.replies.answer(AnswerCall("c9", "?"))
    assert talk.sent() == []


@pytest.mark.parametrize(
    ("status", "follows"), [("completed", True), ("incomplete", True), ("failed", False), ("cancelled", False)]
)
def test_only_a_response_that_was_not_broken_off_is_followed(talk: Talk, status: str, follows: bool) -> None:
    """After a failure or a cancel the model is not asked to go on about its calls."""
    talk.hear(wire.item_done("r1", wire.call_item("c1")))
    end = talk.hear(wire.done("r1", status))[-1]
    assert end == ended(status=ResponseStatus(status), calls=("c1",), follows=follows)
    talk.replies.answer(AnswerCall("c1", "done"))
    talk.replies.ask()
    assert ("response.create" in [message["type"] for message in talk.sent()]) is follows


def test_a_response_within_a_user_turn_is_not_followed(talk: Talk) -> None:
    """The user's own request will bring the model's next word."""
    talk.hear(wire.item_done("r1", wire.call_item("c1")))
    talk.sequencer.begin_user_turn()
    assert talk.hear(wire.done("r1")) == [ended(calls=("c1",))]


# ------------------------------------------------------------------------------------------------------------- asking


def test_a_reply_is_asked_for_with_the_session_s_settings(talk: Talk) -> None:
    """The request names nothing, so every server takes it."""
    talk.sequencer.want(AskKind.REPLY)
    talk.replies.ask()
    talk.replies.ask()
    assert talk.sent() == [{"type": "response.create"}]


def test_a_text_is_asked_for_outside_the_conversation(talk: Talk) -> None:
    """Its request carries the text."""
    talk.sequencer.want(AskKind.SPEECH, "Dinner.")
    talk.replies.ask()
    (message,) = talk.sent()
    assert message["type"] == "response.create"
    response = message["response"]
    assert isinstance(response, dict)
    assert "Dinner." in response["instructions"]


def test_a_failed_request_ends_without_a_response(talk: Talk) -> None:
    """Whoever waits for the answer learns that none comes; an error about something else ends nothing."""
    talk.sequencer.want(AskKind.REPLY)
    talk.replies.ask()
    error = sm.ErrorBody(type="server_error", message="Please try again in 2s")
    talk.replies.request_failed("session.update-9", error)
    assert talk.outbox.drain_events() == []
    talk.replies.request_failed("response.create-1", error)
    assert talk.outbox.drain_events() == [
        ended(
            "",
            status=ResponseStatus.FAILED,
            error_code="server_error",
            error_text="Please try again in 2s",
            retry_after_s=2.0,
        )
    ]


# --------------------------------------------------------------------------------------------------------- cancelling


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
    talk.replies.ask()
    talk.hear(wire.created("r1"))
    talk.replies.cancel()
    talk.sent()
    talk.hear(wire.audio("r1", "i1"), wire.done("r1", "cancelled"))
    assert talk.sent() == []


def test_a_requested_response_is_cancelled_as_soon_as_it_exists(talk: Talk) -> None:
    """Its beginning and its end are reported, and nothing between them."""
    talk.sequencer.want(AskKind.REPLY)
    talk.replies.ask()
    talk.replies.cancel()
    assert [message["type"] for message in talk.sent()] == ["response.create"]
    assert talk.hear(wire.created("r1"), wire.audio("r1", "i1")) == [ResponseBegan("r1")]
    assert talk.sent() == [cancelled("r1")]
    assert talk.hear(wire.done("r1", "cancelled")) == [ended(status=ResponseStatus.CANCELLED)]


def test_a_response_that_ends_as_it_begins_is_not_cancelled(talk: Talk) -> None:
    """There is nothing left to cancel."""
    talk.sequencer.want(AskKind.REPLY)
    talk.replies.ask()
    talk.replies.cancel()
    talk.sent()
    talk.hear(wire.done("r1", "cancelled"))
    assert talk.sent() == []


def test_something_unknown_is_cancelled_without_a_name(talk: Talk) -> None:
    """A server that is busy with what it never told of ends it when told so."""
    talk.sequencer.want(AskKind.REPLY)
    talk.replies.ask()
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


# ---------------------------------------------------------------------------------------------------------- truncating


def truncated(item_id: str, audio_end_ms: int) -> Json:
    """Return the message that truncates an item."""
    return {
        "type": "conversation.item.truncate",
        "item_id": item_id,
        "content_index": 0,
        "audio_end_ms": audio_end_ms,
    }


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
    talk.replies.ask()
    talk.sent()
    talk.hear(wire.audio("r1", "i1", MS_500), wire.done("r1"))
    talk.replies.truncate(TruncateReply("i1", 0, 200))
    assert talk.sent() == []
