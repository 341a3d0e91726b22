"""One connection's protocol, through its front door."""

import json

import pytest

from hearthd.core.realtime.commands import (
    AddUserText,
    AnswerCall,
    CancelResponse,
    ClearInput,
    CommitInput,
    RequestResponse,
    SpeakText,
    TruncateReply,
)
from hearthd.core.realtime.complaints import ErrorKind
from hearthd.core.realtime.events import (
    CallRequested,
    InputCommitted,
    InputTranscribed,
    ReplyAudio,
    ResponseBegan,
    ResponseEnded,
    ResponseStatus,
    ServerComplained,
    ServerSpeechStarted,
    ServerSpeechStopped,
    SessionFailed,
    SessionReady,
)
from hearthd.core.realtime.protocol import RealtimeProtocol
from hearthd.core.realtime.session import TurnDetection
from tests.core.realtime import wire
from tests.core.realtime.wire import BYTES_PER_MS, plan, sent, sent_types, started, text

CREATED = text("session.created", session={"id": "sess_1"})
UPDATED = text("session.updated", session={})
APPEND = "input_audio_buffer.append"
COMMIT = "input_audio_buffer.commit"
CREATE = "response.create"
UPDATE = "session.update"


def complaint(kind: ErrorKind, code: str, message: str = "", **rest: str) -> ServerComplained:
    """Return a complaint of the server."""
    return ServerComplained(kind=kind, code=code, message=message, **rest)


def failed(**facts: object) -> ResponseEnded:
    """Return the end of a request that brought no response."""
    return ResponseEnded(**{"response_id": "", "status": ResponseStatus.FAILED, **facts})  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------------------------- start


def test_the_session_starts_in_order() -> None:
    """Nothing is sent before the server speaks, and ready is only when it confirmed our settings."""
    protocol = RealtimeProtocol(plan())
    assert [protocol.data_to_send(), protocol.ready] == [[], False]
    assert protocol.receive(CREATED) == []
    assert [sent_types(protocol), protocol.ready] == [[UPDATE], False]
    assert protocol.receive(UPDATED) == [SessionReady()]
    assert [protocol.data_to_send(), protocol.ready] == [[], True]


def test_repeated_openings_change_nothing() -> None:
    """A second `session.created` or `session.updated` neither updates nor announces again."""
    protocol = started()
    assert protocol.receive(CREATED) + protocol.receive(UPDATED) == []
    assert protocol.data_to_send() == []


@pytest.mark.parametrize("command", [CommitInput(), RequestResponse(), CancelResponse()])
def test_commands_before_ready_are_our_mistake(command: CommitInput | RequestResponse | CancelResponse) -> None:
    """The engine waits for the session; if it does not, it shall crash in a test."""
    protocol = RealtimeProtocol(plan())
    with pytest.raises(RuntimeError, match="before the session is ready"):
        protocol.send(command)


def test_audio_before_ready_is_our_mistake() -> None:
    """Audio under the server's own settings would lock the wrong voice."""
    protocol = RealtimeProtocol(plan())
    protocol.receive(CREATED)
    with pytest.raises(RuntimeError, match="before the session is ready"):
        protocol.append(b"\0\0")


def test_a_setting_that_the_server_changed_is_reported() -> None:
    """The session starts all the same."""
    protocol = RealtimeProtocol(plan())
    protocol.receive(CREATED)
    events = protocol.receive(text("session.updated", session={"audio": {"output": {"voice": "alloy"}}}))
    assert events == [
        complaint(ErrorKind.OURS, "session_differs", "asked for cedar, got alloy", param="voice"),
        SessionReady(),
    ]


def test_a_refused_update_is_tried_once_more_plainly() -> None:
    """The plain update lacks what the server may not know, and makes the session ready."""
    protocol = RealtimeProtocol(plan())
    protocol.receive(CREATED)
    protocol.data_to_send()
    events = protocol.receive(wire.error("unknown_parameter", "Unknown parameter.", param="session.voice"))
    assert events == [complaint(ErrorKind.OURS, "unknown_parameter", "Unknown parameter.", param="session.voice")]
    (update,) = sent(protocol)
    assert "max_output_tokens" not in json.dumps(update)
    assert protocol.receive(UPDATED) == [SessionReady()]


def test_a_session_that_refuses_both_updates_has_failed() -> None:
    """A person must mend the settings."""
    protocol = RealtimeProtocol(plan())
    protocol.receive(CREATED)
    protocol.receive(wire.error("unknown_parameter"))
    assert protocol.receive(wire.error("invalid_value", "No tools.")) == [
        SessionFailed("invalid_value", "No tools.", permanent=True)
    ]
    assert not protocol.ready


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            wire.error("invalid_api_key", "Incorrect key."),
            SessionFailed("invalid_api_key", "Incorrect key.", permanent=True),
        ),
        (wire.error("made_up"), SessionFailed("made_up", "", permanent=True)),
        (wire.error("model_load_error"), SessionFailed("model_load_error", "", permanent=False)),
        (wire.error("session_expired"), SessionFailed("session_expired", "", permanent=False)),
        (wire.error(None, "?", type=None), SessionFailed("unknown", "?", permanent=False)),
        (wire.error("server_error"), SessionFailed("server_error", "", permanent=False)),
    ],
)
def test_an_error_instead_of_a_session_ends_the_attempt(error: str, expected: SessionFailed) -> None:
    """Only refusals and errors that blame our request wait for a person."""
    assert RealtimeProtocol(plan()).receive(error) == [expected]


def test_a_hiccup_during_the_update_is_not_our_settings_fault() -> None:
    """The server's own trouble costs this connection, not the voice."""
    protocol = RealtimeProtocol(plan())
    protocol.receive(CREATED)
    protocol.data_to_send()
    assert protocol.receive(wire.error("server_error")) == [SessionFailed("server_error", "", permanent=False)]
    assert protocol.data_to_send() == []


def test_everything_is_dropped_after_a_failure() -> None:
    """The engine learns of it a moment later, and must not crash meanwhile."""
    protocol = started()
    protocol.receive(wire.error("session_expired"))
    protocol.append(b"\0\0")
    protocol.send(CommitInput())
    assert [protocol.receive(wire.created("r1")), protocol.data_to_send()] == [[], []]


def test_a_response_that_fails_of_the_account_ends_the_session() -> None:
    """An empty account is told by the response, but concerns every later one."""
    protocol = started()
    error = {"type": "insufficient_quota", "code": "insufficient_quota", "message": "Pay."}
    events = protocol.receive(wire.done("r1", "failed", status_details={"error": error}))
    assert events[2:] == [SessionFailed("insufficient_quota", "Pay.", permanent=True)]


# ---------------------------------------------------------------------------------------------------------------- input


def test_a_manual_turn_is_committed_and_asked_for() -> None:
    """Audio, commit and request go out in one burst; the server's acknowledgement is reported."""
    protocol = started()
    protocol.begin_user_turn()
    protocol.append(bytes(200 * BYTES_PER_MS))
    protocol.send(CommitInput())
    protocol.send(RequestResponse())
    assert sent_types(protocol) == [APPEND, COMMIT, CREATE]
    assert protocol.receive(text("input_audio_buffer.committed", item_id="i1")) == [InputCommitted("i1")]


def test_a_short_utterance_is_padded() -> None:
    """A commit below 100 ms would be refused, so silence makes up the rest."""
    protocol = started()
    protocol.append(bytes(60 * BYTES_PER_MS))
    protocol.send(CommitInput())
    _, padding, commit = sent(protocol)
    assert len(str(padding["audio"])) * 3 // 4 == 40 * BYTES_PER_MS
    assert commit["type"] == COMMIT


def test_every_commit_counts_anew() -> None:
    """Audio of an earlier utterance does not lengthen the next."""
    protocol = started()
    protocol.append(bytes(100 * BYTES_PER_MS))
    protocol.send(CommitInput())
    protocol.send(CommitInput())
    assert sent_types(protocol) == [APPEND, COMMIT, APPEND, COMMIT]


@pytest.mark.parametrize("detection", ["server_vad", "semantic_vad"])
def test_a_server_that_finds_speech_commits_itself(detection: TurnDetection) -> None:
    """Our commit would be refused."""
    protocol = started(detection)
    protocol.append(bytes(200 * BYTES_PER_MS))
    protocol.send(CommitInput())
    assert sent_types(protocol) == [APPEND]


def test_clear_forgets_what_was_appended() -> None:
    """An empty buffer needs no clearing: idle sends nothing."""
    protocol = started()
    protocol.send(ClearInput())
    protocol.append(b"\0\0")
    protocol.send(ClearInput())
    protocol.send(ClearInput())
    assert sent_types(protocol) == [APPEND, "input_audio_buffer.clear"]


def test_half_a_frame_is_our_mistake() -> None:
    """It would turn everything after it into noise; no audio at all is nothing to send."""
    protocol = started()
    with pytest.raises(ValueError, match="middle of a frame"):
        protocol.append(b"\0\0\0")
    protocol.append(b"")
    assert protocol.data_to_send() == []


def test_what_the_user_wrote_joins_the_conversation() -> None:
    """The text becomes an item; nothing is asked for yet."""
    protocol = started()
    protocol.send(AddUserText("It is evening."))
    content = [{"type": "input_text", "text": "It is evening."}]
    item = {"type": "message", "role": "user", "content": content}
    assert sent(protocol) == [{"type": "conversation.item.create", "item": item}]


def test_speech_that_the_server_finds_is_reported() -> None:
    """Beginning, end and reading of the user's speech come out as they come in."""
    protocol = started("server_vad")
    completed = "conversation.item.input_audio_transcription.completed"
    events = [
        *protocol.receive(text("input_audio_buffer.speech_started", audio_start_ms=3, item_id="i1")),
        *protocol.receive(text("input_audio_buffer.speech_stopped", audio_end_ms=9, item_id="i1")),
        *protocol.receive(text(completed, item_id="i1", transcript="light on")),
        *protocol.receive(text(completed, item_id="i2", transcript=None)),
    ]
    assert events == [
        ServerSpeechStarted(),
        ServerSpeechStopped(),
        InputTranscribed("i1", "light on"),
        InputTranscribed("i2", ""),
    ]


def test_a_failed_transcription_harms_nothing() -> None:
    """The model heard the sound itself."""
    failed_text = "conversation.item.input_audio_transcription.failed"
    events = started().receive(text(failed_text, item_id="i1", error={"code": "audio_unintelligible"}))
    assert events == [complaint(ErrorKind.BENIGN, "audio_unintelligible")]


# ------------------------------------------------------------------------------------------------------------ responses


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
        ResponseEnded(response_id="r1", status=ResponseStatus.CANCELLED, spoke=True)
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


# --------------------------------------------------------------------------------------------------------------- errors


def request_id(protocol: RealtimeProtocol) -> str:
    """Ask for a response and return the id of the request."""
    protocol.send(RequestResponse())
    event_id = json.loads(protocol.data_to_send()[-1])["event_id"]
    assert isinstance(event_id, str)
    return event_id


def test_a_busy_server_is_asked_again_when_it_is_free() -> None:
    """The request is not lost, and not repeated before the other response is over."""
    protocol = started("server_vad")
    event_id = request_id(protocol)
    code = "conversation_already_has_active_response"
    assert protocol.receive(wire.error(code, "Busy.", event_id)) == [
        complaint(ErrorKind.BUSY, code, "Busy.", client_event_id=event_id)
    ]
    protocol.receive(wire.created("r0"))
    assert protocol.data_to_send() == []
    protocol.receive(wire.done("r0"))
    assert sent_types(protocol) == [CREATE]


def test_a_late_cancel_unblocks() -> None:
    """If the server says that nothing runs, a response whose end got lost is over."""
    protocol = started()
    protocol.receive(wire.created("r1"))
    protocol.send(CancelResponse())
    protocol.send(RequestResponse())
    code = "response_cancel_not_active"
    assert protocol.receive(wire.error(code)) == [
        complaint(ErrorKind.IDLE, code),
        ResponseEnded(response_id="r1", status=ResponseStatus.CANCELLED),
    ]
    assert sent_types(protocol) == ["response.cancel", CREATE]


@pytest.mark.parametrize("names_us", [True, False])
def test_a_failed_request_is_over(names_us: bool) -> None:
    """Whoever waits for the answer is told, and the next request goes out."""
    protocol = started()
    event_id = request_id(protocol)
    events = protocol.receive(wire.error("server_error", "Sorry.", event_id if names_us else None))
    named = event_id if names_us else ""
    assert events == [
        complaint(ErrorKind.TRANSIENT, "server_error", "Sorry.", client_event_id=named),
        failed(error_code="server_error", error_text="Sorry."),
    ]
    assert request_id(protocol) != event_id


def test_a_benign_error_is_not_the_request_s() -> None:
    """A truncation that came too late says nothing about the answer under way."""
    protocol = started()
    request_id(protocol)
    message = "Audio content of 500ms is already shorter than 700ms"
    assert protocol.receive(wire.error("invalid_value", message, event_id="item_7")) == [
        complaint(ErrorKind.BENIGN, "invalid_value", message)
    ]
    protocol.send(RequestResponse())
    assert protocol.data_to_send() == []


def test_an_error_without_content_is_survived() -> None:
    """Not even a reason is needed."""
    protocol = started()
    assert protocol.receive(text("error")) == [complaint(ErrorKind.OURS, "unknown")]
    assert protocol.ready


def test_an_expired_session_may_be_renewed_at_once() -> None:
    """The longest life of a session is no refusal."""
    events = started().receive(wire.error("session_expired", "Your session hit the maximum duration."))
    assert events == [SessionFailed("session_expired", "Your session hit the maximum duration.", permanent=False)]


def test_garbled_messages_are_counted_and_survived() -> None:
    """Each is reported with the type that it claims to have."""
    protocol = started()
    (broken,) = protocol.receive("{")
    assert isinstance(broken, ServerComplained)
    assert [broken.kind, broken.code, broken.param] == [ErrorKind.GARBLED, "unreadable", ""]
    (shapeless,) = protocol.receive(text("response.output_audio.delta", delta="?"))
    assert isinstance(shapeless, ServerComplained)
    assert shapeless.param == "response.output_audio.delta"
    assert protocol.garbled_messages == 2


def test_an_unreadable_end_still_ends_the_response() -> None:
    """Otherwise every later answer would wait for ever."""
    protocol = started()
    protocol.receive(wire.created("r1"))
    complained, end = protocol.receive(text("response.done", response="over"))
    assert isinstance(complained, ServerComplained)
    assert isinstance(end, ResponseEnded)
    assert [end.response_id, end.status, end.error_code] == ["r1", ResponseStatus.FAILED, "unreadable"]


def test_unknown_messages_are_ignored() -> None:
    """New events of the protocol disturb nobody."""
    protocol = started()
    assert [protocol.receive(text("rate_limits.updated", rate_limits=[])), protocol.garbled_messages] == [[], 0]
