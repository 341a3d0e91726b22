"""Whole talks with each family of servers, message by message as those servers send them."""

import base64
import dataclasses
import json
from collections.abc import Iterator

import pytest

from hearthd.core.realtime.allowance import Granted
from hearthd.core.realtime.commands import (
    AddContext,
    AnswerCall,
    CancelResponse,
    CommitInput,
    RequestResponse,
    SpeakText,
    TruncateReply,
)
from hearthd.core.realtime.dialects import AZURE, BETA_STYLE, COMPATIBLE, OPENAI, XAI, Dialect
from hearthd.core.realtime.events import (
    CallRequested,
    InputCommitted,
    InputTranscribed,
    LinkEvent,
    ReplyAudio,
    ReplyAudioEnded,
    ReplyTranscribed,
    ResponseBegan,
    ResponseEnded,
    ResponseStatus,
    ServerComplained,
    ServerSpeechStarted,
    ServerSpeechStopped,
    SessionFailed,
    SessionReady,
)
from hearthd.core.realtime.history import CONTINUES, CallMade, ReplyHeard, UserSaid
from hearthd.core.realtime.protocol import RealtimeProtocol
from hearthd.core.realtime.utterances import CONTEXT_CHARACTERS_MAX
from tests.core.realtime import wire
from tests.core.realtime.wire import BYTES_PER_MS, Json, plan, sent, sent_types, started

PCM = bytes(960)
PIECE = base64.b64encode(PCM).decode()
ITEM_CREATE = "conversation.item.create"


def message(message_type: str, **fields: object) -> str:
    """Return a message with the constant identifier that some servers send."""
    return json.dumps({"event_id": "event_TODO", "type": message_type, **fields})


def told(protocol: RealtimeProtocol, texts: Iterator[str]) -> list[LinkEvent]:
    """Return all that is reported, with the ends of responses cut down to their ids."""
    events: list[LinkEvent] = []
    for text in texts:
        events += protocol.receive(text)
    bare = [ResponseEnded(response_id=each.response_id, status=each.status) if isinstance(each, ResponseEnded) else each
            for each in events]  # fmt: skip
    assert protocol.garbled_messages == 0
    return bare


def commit(protocol: RealtimeProtocol) -> None:
    """Say something, and ask for the answer."""
    protocol.append(bytes(200 * BYTES_PER_MS))
    protocol.send(CommitInput())
    protocol.send(RequestResponse())


SPOKEN: list[LinkEvent] = [
    ResponseBegan("resp_1"),
    ReplyAudio("resp_1", "item_2", 0, PCM),
    ReplyAudioEnded("resp_1", "item_2", 0),
    ReplyTranscribed("resp_1", "item_2", "Hello."),
    ResponseEnded(response_id="resp_1", status=ResponseStatus.COMPLETED),
]


# ----------------------------------------------------------------------------------------------------- OpenAI and Azure


def openai_turn() -> Iterator[str]:
    """Every message of a spoken answer, in the order in which they were seen to come."""
    ids = {"response_id": "resp_1", "item_id": "item_2", "output_index": 0, "content_index": 0}
    item = {"id": "item_2", "object": "realtime.item", "type": "message", "role": "assistant"}
    user = {"id": "item_1", "type": "message", "role": "user", "content": [{"type": "input_audio"}]}
    body = {"id": "resp_1", "object": "realtime.response", "conversation_id": "conv_1"}
    yield message("input_audio_buffer.committed", item_id="item_1", previous_item_id=None)
    yield message("conversation.item.added", item=user, previous_item_id=None)
    yield message("conversation.item.done", item=user, previous_item_id=None)
    yield message("response.created", response={**body, "status": "in_progress", "output": [], "usage": None})
    yield message("response.output_item.added", response_id="resp_1", output_index=0, item=item)
    yield message("conversation.item.added", item=item, previous_item_id="item_1")
    yield message("response.content_part.added", **ids, part={"type": "audio", "transcript": ""})
    yield message("response.output_audio_transcript.delta", **ids, delta="Hel", obfuscation="x1")
    yield message("response.output_audio.delta", **ids, delta=PIECE)
    yield message("response.output_audio.done", **ids)
    yield message("response.output_audio_transcript.done", **ids, transcript="Hello.")
    yield message("response.content_part.done", **ids, part={"type": "audio", "transcript": "Hello."})
    yield message("conversation.item.done", item=item, previous_item_id="item_1")
    yield message(
        "response.output_item.done", response_id="resp_1", output_index=0, item={**item, "status": "completed"}
    )
    yield message("response.done", response={**body, "status": "completed", "output": [item], "usage": {}})
    yield message("rate_limits.updated", rate_limits=[{"name": "tokens", "limit": 1, "remaining": 1}])


@pytest.mark.parametrize("dialect", [OPENAI, AZURE, COMPATIBLE])
def test_openai_and_azure(dialect: Dialect) -> None:
    """A manual turn with all that they send, of which a part is news."""
    protocol = started(dialect=dialect)
    commit(protocol)
    assert told(protocol, openai_turn()) == [InputCommitted("item_1"), *SPOKEN]


# -------------------------------------------------------------------------------------------------------------- LocalAI


def test_localai_says_what_is_wrong_instead_of_a_session() -> None:
    """Its upgrade always succeeds; a model that does not load is its own trouble, not ours."""
    protocol = RealtimeProtocol(plan())
    error = {"type": "server_error", "code": "model_load_error", "message": "no such pipeline"}
    assert protocol.receive(message("error", error=error)) == [
        SessionFailed("model_load_error", "no such pipeline", permanent=False)
    ]


def localai_turn() -> Iterator[str]:
    """No `conversation.created`, extra events of its own, and all the audio in one message."""
    ids = {"response_id": "resp_1", "item_id": "item_2", "output_index": 0, "content_index": 0}
    yield message("input_audio_buffer.committed", item_id="item_1")
    yield message("conversation.item.added", item={"id": "item_1", "type": "message", "role": "user"})
    yield message("localai.speaker.identified", speaker="nobody")
    yield message("response.created", response={"id": "resp_1", "status": "in_progress"})
    yield message("response.output_audio.delta", **ids, delta=PIECE)
    yield message("response.output_audio.done", **ids)
    yield message("response.output_audio_transcript.done", **ids, transcript="Hello.")
    yield message("response.done", response={"id": "resp_1", "status": "completed"})


def test_localai() -> None:
    """Constant event ids and missing messages change nothing."""
    protocol = started(dialect=COMPATIBLE)
    commit(protocol)
    assert told(protocol, localai_turn()) == [InputCommitted("item_1"), *SPOKEN]


def test_localai_names_an_item_in_an_error() -> None:
    """What stands in `error.event_id` there is no message of ours, and the talk goes on."""
    protocol = started(dialect=COMPATIBLE)
    (complaint,) = protocol.receive(wire.error("invalid_item_id", "no such item", event_id="item_9"))
    assert isinstance(complaint, ServerComplained)
    assert complaint.client_event_id == ""
    assert protocol.last_complaint == complaint


# ------------------------------------------------------------------------------------------------------------- speaches


def speaches_turn() -> Iterator[str]:
    """The beta's names, and the user's item only after it was transcribed."""
    ids = {"response_id": "resp_1", "item_id": "item_2", "output_index": 0, "content_index": 0}
    completed = "conversation.item.input_audio_transcription.completed"
    yield message("input_audio_buffer.committed", item_id="item_1", previous_item_id="")
    yield message(completed, item_id="item_1", content_index=0, transcript="Hi.")
    user = {
        "id": "item_1",
        "type": "message",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": "Hi."}],
    }
    yield message("conversation.item.created", item=user, previous_item_id=None)
    yield message("response.created", response={"id": "resp_1", "status": "in_progress"})
    yield message("response.content_part.added", **ids, part={"type": "audio"})
    yield message("response.audio_transcript.delta", **ids, delta="Hello.")
    yield message("response.audio.delta", **ids, delta=PIECE)
    yield message("response.audio.done", **ids)
    yield message("response.audio_transcript.done", **ids, transcript="Hello.")
    yield message("response.done", response={"id": "resp_1", "status": "completed"})


def test_speaches() -> None:
    """The flat session is sent, the beta's names are read, and the answer waits for the transcript."""
    protocol = RealtimeProtocol(dataclasses.replace(plan(), dialect=BETA_STYLE))
    protocol.receive(message("session.created", session={"id": "sess_1", "modalities": ["audio", "text"]}))
    (update,) = sent(protocol)
    session = update["session"]
    assert isinstance(session, dict)
    assert "audio" not in session
    flat: Json = {"voice": "cedar", "turn_detection": None, "max_response_output_tokens": 512, "tools": []}
    (complaint, ready) = protocol.receive(message("session.updated", session=flat))
    assert isinstance(complaint, ServerComplained)
    assert [complaint.param, ready] == ["tools", SessionReady()]
    commit(protocol)
    assert sent_types(protocol) == [wire.APPEND, wire.COMMIT]
    turn = [InputCommitted("item_1"), InputTranscribed("item_1", "Hi."), *SPOKEN]
    assert told(protocol, speaches_turn()) == turn
    assert sent_types(protocol) == [wire.CREATE]


def test_speaches_can_neither_cancel_nor_truncate() -> None:
    """The rest of a reply is dropped as it comes; what was half heard stays, what was not heard goes."""
    protocol = started(dialect=BETA_STYLE)
    protocol.receive(message("response.created", response={"id": "r1"}))
    for item in ("half", "unheard"):
        protocol.receive(message("response.audio.delta", response_id="r1", item_id=item, delta=PIECE))
    protocol.send(CancelResponse())
    assert protocol.receive(message("response.audio.delta", response_id="r1", item_id="half", delta=PIECE)) == []
    protocol.send(TruncateReply("half", 0, 10))
    protocol.send(TruncateReply("unheard", 0, 0))
    assert protocol.data_to_send() == []
    protocol.receive(message("response.done", response={"id": "r1", "status": "completed"}))
    assert sent(protocol) == [{"type": "conversation.item.delete", "item_id": "unheard"}]


@pytest.mark.parametrize("words", ["Not implemented", "Error committing input audio buffer: buffer too small."])
def test_speaches_has_errors_without_codes(words: str) -> None:
    """They are known by their words, and the request for an answer is not taken for failed."""
    protocol = started(dialect=BETA_STYLE)
    protocol.send(RequestResponse())
    (complaint,) = protocol.receive(message("error", error={"type": "invalid_request_error", "message": words}))
    assert isinstance(complaint, ServerComplained)


# ---------------------------------------------------------------------------------------- Hugging Face speech-to-speech


def hugging_face_turn() -> Iterator[str]:
    """Its own detection makes the turns; neither parts nor items nor acknowledgements can be counted on."""
    yield message("input_audio_buffer.speech_started", item_id="item_1", audio_start_ms=0)
    yield message("input_audio_buffer.speech_stopped", item_id="item_1", audio_end_ms=900)
    ids = {"response_id": "resp_1", "item_id": "item_c", "output_index": 0}
    call = {"call_id": "call_1", "name": "set_lamp", "arguments": '{"on":true}'}
    yield message("response.function_call_arguments.done", **ids, **call)
    yield message("response.done", response={"id": "resp_1", "status": "completed"})


def test_hugging_face() -> None:
    """A call that only the end of its arguments tells of, in a response that nobody announced."""
    protocol = started("server_vad", dialect=COMPATIBLE)
    protocol.append(bytes(200 * BYTES_PER_MS))
    protocol.send(CommitInput())
    assert sent_types(protocol) == [wire.APPEND]
    assert told(protocol, hugging_face_turn()) == [
        ServerSpeechStarted(),
        ServerSpeechStopped(),
        ResponseBegan("resp_1"),
        CallRequested("resp_1", "call_1", "set_lamp", '{"on":true}'),
        ResponseEnded(response_id="resp_1", status=ResponseStatus.COMPLETED),
    ]
    protocol.send(AnswerCall("call_1", "ok"))
    assert sent_types(protocol)[0] == ITEM_CREATE
    created = message("conversation.item.created", item={"id": "item_9", "type": "function_call_output"})
    assert protocol.receive(created) == []


# ------------------------------------------------------------------------------------------------------------------ xAI


def xai_turn() -> Iterator[str]:
    """Indexes and parts are missing, usage is empty, and tools of the server's own appear as calls."""
    yield message("conversation.created", conversation={"id": "conv_1"})
    yield message("ping", timestamp=1)
    yield message("input_audio_buffer.speech_started", item_id="item_1")
    yield message("input_audio_buffer.speech_stopped", item_id="item_1")
    yield message("input_audio_buffer.committed", item_id="item_1")
    yield message("conversation.item.input_audio_transcription.updated", item_id="item_1", transcript="Hi")
    yield message("response.created", response={"id": "resp_1"})
    for call_id, name in (("call_1", "web_search"), ("call_2", "set_lamp")):
        item = {"id": call_id, "type": "function_call", "role": "tool", "call_id": call_id, "name": name}
        yield message("response.output_item.added", response_id="resp_1", item={**item, "status": "in_progress"})
        yield message("response.function_call_arguments.done", response_id="resp_1", call_id=call_id, arguments="{}")
        yield message("response.output_item.done", response_id="resp_1", item={**item, "arguments": "{}"})
    yield message("response.output_audio.delta", response_id="resp_1", item_id="item_2", delta=PIECE)
    yield message("response.output_audio.done", response_id="resp_1", item_id="item_2")
    yield message("response.content_part.done", response_id="resp_1", item_id="item_2")
    yield message("response.done", response={"id": "resp_1", "status": "completed", "usage": {}})


def test_xai() -> None:
    """It answers by itself, whatever the budget would have it do; of its calls only ours are ours."""
    protocol = started("server_vad", dialect=XAI, allow=lambda _kind, _context: Granted(100))
    events = told(protocol, xai_turn())
    assert events == [
        ServerSpeechStarted(),
        ServerSpeechStopped(),
        InputCommitted("item_1"),
        ResponseBegan("resp_1"),
        CallRequested("resp_1", "call_2", "set_lamp", "{}"),
        ReplyAudio("resp_1", "item_2", 0, PCM),
        ReplyAudioEnded("resp_1", "item_2", 0),
        ResponseEnded(response_id="resp_1", status=ResponseStatus.COMPLETED),
    ]
    assert protocol.data_to_send() == []


@pytest.mark.parametrize(
    ("words", "sends_again"),
    [("Conversation already has an active response in progress", True), ("Item not found", False)],
)
def test_xai_errors_are_known_by_their_words(words: str, sends_again: bool) -> None:
    """Its codes are its own; a request that met its own response is sent again after that one's end."""
    protocol = started("server_vad", dialect=XAI)
    protocol.send(RequestResponse())
    protocol.receive(message("error", error={"type": "error", "code": "xai_1", "message": words}))
    protocol.receive(message("response.created", response={"id": "resp_9"}))
    protocol.receive(message("response.done", response={"id": "resp_9", "status": "completed"}))
    assert sent_types(protocol) == [wire.CREATE] * (2 if sends_again else 1)


def test_a_text_said_in_the_conversation_can_be_cut() -> None:
    """Where there is no beside, a spoken text is an item like any other."""
    protocol = started("server_vad", dialect=XAI)
    protocol.send(SpeakText("Dinner."))
    protocol.receive(message("response.created", response={"id": "r1"}))
    protocol.receive(message("response.output_audio.delta", response_id="r1", item_id="i1", delta=PIECE))
    protocol.receive(message("response.done", response={"id": "r1", "status": "completed"}))
    protocol.send(TruncateReply("i1", 0, 10))
    assert sent_types(protocol) == [wire.CREATE, "conversation.item.truncate"]


# ----------------------------------------------------------------------------------------- a new connection, any server


def test_a_talk_goes_on_over_a_new_connection() -> None:
    """What is restored asks for nothing, runs nothing, and counts as read."""
    asked: list[int] = []

    def allow(_kind: object, context: object) -> Granted:
        asked.append(getattr(context, "text_tokens", 0))
        return Granted(512)

    protocol = started(known_calls=("call_1",), allow=allow)
    protocol.restore((UserSaid("Light on."), CallMade("set_lamp", "{}", "ok"), ReplyHeard("Done.")))
    messages = sent(protocol)
    assert [each["type"] for each in messages] == [ITEM_CREATE] * 5
    assert CONTINUES in json.dumps(messages[0])
    echo: Json = {"id": "i3", "type": "function_call", "call_id": "earlier_2", "name": "set_lamp", "arguments": "{}"}
    assert protocol.receive(message("conversation.item.added", item=echo)) == []
    began, *calls = protocol.receive(message("response.output_item.done", response_id="r1", item=echo))
    assert [began, calls] == [ResponseBegan("r1"), []]
    protocol.receive(wire.done("r1"))
    protocol.send(RequestResponse())
    assert asked[-1] > wire.STANDING.text_tokens + 100


def test_a_fresh_talk_restores_nothing() -> None:
    """Nothing is sent where nothing was said; before ready it is our mistake, after a failure it is too late."""
    protocol = started()
    protocol.restore(())
    assert protocol.data_to_send() == []
    with pytest.raises(RuntimeError):
        RealtimeProtocol(plan()).restore((UserSaid("Hello."),))
    protocol.receive(wire.error("session_expired"))
    protocol.restore((ReplyHeard("Hello."),))
    assert protocol.data_to_send() == []


def test_context_is_a_late_item_of_bounded_length() -> None:
    """The system says it, and no answer is asked for."""
    protocol = started()
    protocol.send(AddContext("x" * (CONTEXT_CHARACTERS_MAX + 1)))
    content = [{"type": "input_text", "text": "x" * CONTEXT_CHARACTERS_MAX}]
    assert sent(protocol) == [{"type": ITEM_CREATE, "item": {"type": "message", "role": "system", "content": content}}]
