"""One connection, through its front door: responses, calls and turns."""

from hearthd.core.realtime.commands import (
    AnswerCall,
    CancelResponse,
    RequestResponse,
    SpeakText,
    TruncateReply,
)
from hearthd.core.realtime.events import (
    CallRequested,
    ReplyAudio,
    ResponseBegan,
    ResponseEnded,
    ResponseStatus,
)
from hearthd.core.realtime.protocol import RealtimeProtocol
from tests.core.realtime import wire
from tests.core.realtime.talk import ended
from tests.core.realtime.wire import (
    BYTES_PER_MS,
    CREATE,
    STANDING,
    plan,
    sent_types,
    started,
    text,
)


def test_a_second_request_waits_for_the_first_response() -> None:
    """At most one response is asked for, however often the engine wants one."""
    protocol = started()
    for _ in range(3):
        protocol.send(RequestResponse())
    assert sent_types(protocol) == [CREATE]
    protocol.receive(wire.created("r1"))
    assert [protocol.active_response, protocol.data_to_send()] == ["r1", []]
    protocol.receive(wire.done("r1"))
    assert [protocol.active_response, sent_types(protocol)] == [None, [CREATE]]


def test_a_text_waits_for_its_turn() -> None:
    """Announcements are sequenced like answers."""
    protocol = started()
    protocol.send(RequestResponse())
    protocol.send(SpeakText("Dinner."))
    protocol.data_to_send()
    protocol.receive(wire.done("r1"))
    assert "Dinner." in protocol.data_to_send()[0]


def test_an_interruption_cancels_truncates_and_asks_again() -> None:
    """The user talks over the reply: nothing more of it is reported, and the next answer waits for its end."""
    protocol = started()
    protocol.send(RequestResponse())
    protocol.receive(wire.created("r1"))
    protocol.receive(wire.audio("r1", "i1", bytes(1_000 * BYTES_PER_MS)))
    protocol.data_to_send()
    protocol.begin_user_turn()
    for command in (CancelResponse(), TruncateReply("i1", 0, 300), RequestResponse()):
        protocol.send(command)
    assert sent_types(protocol) == ["response.cancel"]
    assert protocol.receive(wire.audio("r1", "i1")) == []
    assert protocol.receive(wire.done("r1", "cancelled")) == [
        ended(status=ResponseStatus.CANCELLED, spoke=True, context=STANDING, output_audio_ms=1_000)
    ]
    assert sent_types(protocol) == ["conversation.item.truncate", CREATE]


def test_a_call_is_answered_and_followed() -> None:
    """Call, end, answer, and then the model's next word is asked for."""
    protocol = started()
    protocol.receive(wire.item_done("r1", wire.call_item("c1")))
    protocol.receive(wire.done("r1"))
    protocol.send(AnswerCall("c1", '{"ok":true}'))
    assert sent_types(protocol) == ["conversation.item.create", CREATE]


def test_an_early_answer_is_followed_at_the_end() -> None:
    """The request goes out with the message that ends the response, without another command."""
    protocol = started()
    protocol.receive(wire.item_done("r1", wire.call_item("c1")))
    protocol.send(AnswerCall("c1", "ok"))
    protocol.data_to_send()
    protocol.receive(wire.done("r1"))
    assert sent_types(protocol) == [CREATE]


def test_a_late_answer_is_not_followed_after_the_user_spoke() -> None:
    """The output is sent all the same; the user's own request is the only one."""
    protocol = started()
    protocol.receive(wire.item_done("r1", wire.call_item("c1")))
    protocol.receive(wire.done("r1"))
    protocol.begin_user_turn()
    protocol.send(AnswerCall("c1", "ok"))
    assert sent_types(protocol) == ["conversation.item.create"]
    protocol.send(RequestResponse())
    assert sent_types(protocol) == [CREATE]


def test_an_answer_during_the_next_reply_is_not_followed() -> None:
    """The call belongs to the turn before: its output is only an item of the conversation."""
    protocol = started()
    protocol.receive(wire.item_done("r1", wire.call_item("c1")))
    protocol.receive(wire.done("r1"))
    protocol.begin_user_turn()
    protocol.send(RequestResponse())
    protocol.receive(wire.created("r2"))
    protocol.send(AnswerCall("c1", "ok"))
    protocol.receive(wire.done("r2"))
    assert sent_types(protocol) == [CREATE, "conversation.item.create"]


def test_a_call_after_the_user_spoke_is_not_followed() -> None:
    """The response that makes it began before the user's turn."""
    protocol = started()
    protocol.receive(wire.created("r1"))
    protocol.begin_user_turn()
    end = protocol.receive(wire.done("r1", output=[wire.call_item("c1")]))[-1]
    assert isinstance(end, ResponseEnded)
    assert [end.calls, end.follows] == [("c1",), False]


def test_the_server_s_own_turns_hold_follow_ups_back() -> None:
    """Where the server finds speech, its word begins the user's turn, and its commit ends it."""
    protocol = started("server_vad")
    protocol.receive(wire.item_done("r1", wire.call_item("c1")))
    protocol.receive(wire.done("r1"))
    protocol.receive(text("input_audio_buffer.speech_started"))
    protocol.send(AnswerCall("c1", "ok"))
    assert sent_types(protocol) == ["conversation.item.create"]
    protocol.receive(text("input_audio_buffer.committed", item_id="i1"))
    (_, requested) = protocol.receive(wire.item_done("r2", wire.call_item("c2")))
    assert requested == CallRequested("r2", "c2", "set_lamp", "{}")
    (end,) = protocol.receive(wire.done("r2"))
    assert isinstance(end, ResponseEnded)
    assert end.follows


def test_calls_of_earlier_connections_are_known() -> None:
    """A call that the last connection carried out is not carried out again."""
    protocol = started(known_calls=("c1",))
    events = protocol.receive(wire.done("r1", output=[wire.call_item("c1"), wire.call_item("c2")]))
    assert events[1] == CallRequested("r1", "c2", "set_lamp", "{}")
    assert protocol.known_calls == ("c1", "c2")


def test_responses_before_ready_bring_no_request() -> None:
    """A server that talks before its time is heard, but nothing is asked of it."""
    protocol = RealtimeProtocol(plan())
    assert protocol.receive(wire.audio("r1")) == [
        ResponseBegan("r1"),
        ReplyAudio("r1", "item_1", 0, b"\1\2"),
    ]
    assert protocol.data_to_send() == []
