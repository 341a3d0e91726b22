"""Calls, their answers, and when the next response is asked for."""

import pytest

from hearthd.core.realtime import server_messages as sm
from hearthd.core.realtime.allowance import AskKind
from hearthd.core.realtime.commands import AnswerCall
from hearthd.core.realtime.events import (
    CallRequested,
    ResponseStatus,
)
from tests.core.realtime import wire
from tests.core.realtime.talk import Talk, ended


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
    talk.ask()
    assert talk.hear(wire.item_done("r1", wire.call_item("c1")))[1:] == []


def test_answers_go_out_at_once_and_one_request_after_the_last(talk: Talk) -> None:
    """Two calls, one answered before the response is over: the model speaks again when both are answered."""
    talk.hear(wire.item_done("r1", wire.call_item("c1")), wire.item_done("r1", wire.call_item("c2")))
    talk.replies.answer(AnswerCall("c1", "done"))
    talk.ask()
    output = {"type": "function_call_output", "call_id": "c1", "output": "done"}
    assert talk.sent() == [{"type": "conversation.item.create", "item": output}]
    talk.hear(wire.done("r1"))
    talk.ask()
    assert talk.sent() == []
    talk.replies.answer(AnswerCall("c2", "done"))
    talk.ask()
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
    talk.ask()
    assert ("response.create" in [message["type"] for message in talk.sent()]) is follows


def test_a_response_within_a_user_turn_is_not_followed(talk: Talk) -> None:
    """The user's own request will bring the model's next word."""
    talk.hear(wire.item_done("r1", wire.call_item("c1")))
    talk.sequencer.begin_user_turn()
    assert talk.hear(wire.done("r1")) == [ended(calls=("c1",))]


def test_a_reply_is_asked_for_with_the_session_s_settings(talk: Talk) -> None:
    """The request names nothing, so every server takes it."""
    talk.sequencer.want(AskKind.REPLY)
    talk.ask()
    talk.ask()
    assert talk.sent() == [{"type": "response.create"}]


def test_a_text_is_asked_for_outside_the_conversation(talk: Talk) -> None:
    """Its request carries the text."""
    talk.sequencer.want(AskKind.SPEECH, "Dinner.")
    talk.ask()
    (message,) = talk.sent()
    assert message["type"] == "response.create"
    response = message["response"]
    assert isinstance(response, dict)
    assert "Dinner." in response["instructions"]


def test_a_failed_request_ends_without_a_response(talk: Talk) -> None:
    """Whoever waits for the answer learns that none comes; an error about something else ends nothing."""
    talk.sequencer.want(AskKind.REPLY)
    talk.ask()
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
