"""One connection, through its front door: how it starts, and what goes in."""

import json

import pytest

from hearthd.core.realtime.commands import (
    AddUserText,
    CancelResponse,
    ClearInput,
    CommitInput,
    RequestResponse,
)
from hearthd.core.realtime.complaints import ErrorKind
from hearthd.core.realtime.events import (
    InputCommitted,
    InputTranscribed,
    ServerSpeechStarted,
    ServerSpeechStopped,
    SessionFailed,
    SessionReady,
)
from hearthd.core.realtime.protocol import RealtimeProtocol
from hearthd.core.realtime.session import TurnDetection
from tests.core.realtime import wire
from tests.core.realtime.talk import complaint
from tests.core.realtime.wire import (
    APPEND,
    BYTES_PER_MS,
    COMMIT,
    CREATE,
    CREATED,
    UPDATE,
    UPDATED,
    plan,
    sent,
    sent_types,
    started,
    text,
)


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
    assert "cedar" not in json.dumps(update)
    assert "max_output_tokens" in json.dumps(update)
    assert protocol.receive(UPDATED) == [SessionReady()]


def test_a_session_that_refuses_every_update_has_failed() -> None:
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
