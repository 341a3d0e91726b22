"""Before each response the budget is asked."""

from dataclasses import dataclass, field

from hearthd.core.realtime.allowance import Allowance, AskKind, ContextSize, Denied, Granted
from hearthd.core.realtime.commands import (
    AnswerCall,
    ClearInput,
    CommitInput,
    RequestResponse,
    SpeakText,
)
from hearthd.core.realtime.complaints import ErrorKind
from hearthd.core.realtime.dialects import BETA_STYLE, XAI
from hearthd.core.realtime.events import (
    CallRequested,
    FollowUpSpared,
    InputCommitted,
    InputTranscribed,
    ReplyAudio,
    ResponseBegan,
    ResponseDenied,
    ResponseEnded,
    ResponseStatus,
    ServerComplained,
)
from hearthd.core.realtime.protocol import RealtimeProtocol
from hearthd.core.realtime.usage import TranscriptionUsage, Usage
from tests.core.realtime import wire
from tests.core.realtime.wire import (
    BYTES_PER_MS,
    COMMIT,
    CREATE,
    CREATED,
    STANDING,
    Json,
    sent,
    sent_types,
    started,
    text,
)

BROKE = Denied("the day's budget is spent")
COMMITTED = text("input_audio_buffer.committed", item_id="i1")


@dataclass
class Purse:
    """A budget that writes down what it was asked."""

    answer: Allowance
    asked: list[tuple[AskKind, ContextSize]] = field(default_factory=list)

    def __call__(self, kind: AskKind, context: ContextSize) -> Allowance:
        """Answer always the same."""
        self.asked.append((kind, context))
        return self.answer


def limits(messages: list[Json]) -> list[object]:
    """Return the limits that responses were asked for with; None for the session's own."""
    found: list[object] = []
    for message in messages:
        if message["type"] == CREATE:
            response = message.get("response", {})
            assert isinstance(response, dict)
            found.append(response.get("max_output_tokens"))
    return found


def test_every_kind_of_response_is_asked_about() -> None:
    """Reply, follow-up and speech, each with what it will read."""
    purse = Purse(Granted(512))
    protocol = started(allow=purse)
    protocol.append(bytes(300 * BYTES_PER_MS))
    protocol.send(CommitInput())
    protocol.send(RequestResponse())
    protocol.receive(wire.item_done("r1", wire.call_item("c1")))
    protocol.receive(wire.done("r1", usage={"input_token_details": {"text_tokens": 200, "audio_tokens": 30}}))
    protocol.send(AnswerCall("c1", "a" * 36))
    protocol.receive(wire.done("r2"))
    protocol.send(SpeakText("Dinner."))
    assert sent_types(protocol).count(CREATE) == 3
    (reply, heard), (follow_up, read), (speech, aside) = purse.asked
    assert [reply, follow_up, speech] == [AskKind.REPLY, AskKind.FOLLOW_UP, AskKind.SPEECH]
    assert heard == ContextSize(text_tokens=STANDING.text_tokens, audio_tokens=3)
    assert read == ContextSize(text_tokens=210, audio_tokens=30)
    assert 0 < aside.text_tokens < 100
    assert aside.audio_tokens == 0


def test_what_is_denied_is_not_sent() -> None:
    """It is reported with the reason, forgotten, and holds up nothing that comes after it."""
    purse = Purse(BROKE)
    protocol = started(allow=purse)
    protocol.send(RequestResponse())
    protocol.send(SpeakText("Dinner."))
    assert protocol.data_to_send() == []
    assert protocol.events() == [
        ResponseDenied(AskKind.REPLY, BROKE.reason),
        ResponseDenied(AskKind.SPEECH, BROKE.reason),
    ]
    purse.answer = Granted(512)
    protocol.send(RequestResponse())
    assert sent_types(protocol) == [CREATE]


def test_calls_that_were_carried_out_are_answered_though_nobody_may_speak_of_them() -> None:
    """A denied follow-up leaves the call's output in the conversation."""
    purse = Purse(Granted(512))
    protocol = started(allow=purse)
    protocol.receive(wire.done("r1", output=[wire.call_item("c1")]))
    purse.answer = BROKE
    protocol.send(AnswerCall("c1", "ok"))
    assert sent_types(protocol) == ["conversation.item.create"]
    assert protocol.events() == [ResponseDenied(AskKind.FOLLOW_UP, BROKE.reason)]


def test_a_limit_is_sent_where_it_differs_from_the_session_s() -> None:
    """Near the cap answers get shorter, never longer than planned."""
    purse = Purse(Granted(200))
    protocol = started(allow=purse)
    for granted in (200, 512, 9_999):
        purse.answer = Granted(granted)
        protocol.send(RequestResponse())
        protocol.receive(wire.done(f"r{granted}"))
    assert limits(sent(protocol)) == [200, None, None]


def test_a_session_that_took_no_limit_is_limited_by_each_request() -> None:
    """Where the server shows another limit than ours, every response carries its own, budget or not."""
    protocol = RealtimeProtocol(wire.plan())
    protocol.receive(CREATED)
    (complaint, _) = protocol.receive(text("session.updated", session={"max_output_tokens": "inf"}))
    assert isinstance(complaint, ServerComplained)
    assert [complaint.kind, complaint.param] == [ErrorKind.OURS, "max_output_tokens"]
    protocol.send(RequestResponse())
    assert limits(sent(protocol)) == [512]


def test_where_the_server_finds_speech_we_ask_for_the_answer() -> None:
    """With a budget, the session makes no responses itself; the commit is the moment to ask."""
    purse = Purse(Granted(100))
    protocol = RealtimeProtocol(wire.plan("server_vad"), allow=purse)
    protocol.receive(CREATED)
    (update,) = protocol.data_to_send()
    assert '"create_response":false' in update
    protocol.receive(wire.UPDATED)
    protocol.append(bytes(400 * BYTES_PER_MS))
    protocol.receive(text("input_audio_buffer.speech_started"))
    assert protocol.receive(COMMITTED) == [InputCommitted("i1")]
    assert limits(sent(protocol)) == [100]
    assert purse.asked == [(AskKind.REPLY, ContextSize(text_tokens=STANDING.text_tokens, audio_tokens=4))]


def test_without_a_budget_the_server_answers_by_itself() -> None:
    """Then its commit asks for nothing."""
    protocol = started("server_vad")
    protocol.receive(COMMITTED)
    assert protocol.data_to_send() == []


def test_a_server_that_answers_unasked_is_stopped_where_it_may_not() -> None:
    """Its first message is the first moment to deny it; what it says is not reported."""
    protocol = started("server_vad", allow=Purse(BROKE), dialect=XAI)
    protocol.receive(COMMITTED)
    assert protocol.receive(wire.created("r1")) == [
        ResponseBegan("r1"),
        ResponseDenied(AskKind.REPLY, BROKE.reason),
    ]
    assert sent(protocol) == [{"type": "response.cancel", "response_id": "r1"}]
    assert protocol.receive(wire.audio("r1")) == []
    (end,) = protocol.receive(wire.done("r1", "cancelled"))
    assert isinstance(end, ResponseEnded)
    assert end.status is ResponseStatus.CANCELLED


def test_a_server_that_answers_unasked_goes_on_where_it_may() -> None:
    """It is asked about all the same."""
    purse = Purse(Granted(100))
    protocol = started("server_vad", allow=purse, dialect=XAI)
    events = [*protocol.receive(COMMITTED), *protocol.receive(wire.audio("r1"))]
    assert events == [InputCommitted("i1"), ResponseBegan("r1"), ReplyAudio("r1", "item_1", 0, b"\1\2")]
    assert [kind for kind, _ in purse.asked] == [AskKind.REPLY]
    assert protocol.data_to_send() == []


def test_an_answer_waits_for_an_item_that_comes_late() -> None:
    """Some servers add the utterance when it is transcribed; an answer asked for before would miss it."""
    for release in (
        text("conversation.item.created", item={"type": "message", "role": "user"}),
        text("conversation.item.input_audio_transcription.completed", item_id="i1", transcript="?"),
        text("conversation.item.input_audio_transcription.failed", item_id="i1"),
    ):
        protocol = started(dialect=BETA_STYLE)
        protocol.append(bytes(200 * BYTES_PER_MS))
        protocol.send(CommitInput())
        protocol.send(RequestResponse())
        protocol.receive(COMMITTED)
        protocol.receive(text("conversation.item.created", item={"type": "message", "role": "assistant"}))
        assert sent_types(protocol)[-1] == COMMIT
        protocol.receive(release)
        assert sent_types(protocol) == [CREATE]


def test_an_answer_that_we_ask_for_in_the_server_s_turns_waits_too() -> None:
    """The commit alone does not say that the utterance is there."""
    protocol = started("server_vad", allow=Purse(Granted(512)), dialect=BETA_STYLE)
    protocol.receive(COMMITTED)
    assert protocol.data_to_send() == []
    protocol.receive(text("conversation.item.created", item={"type": "message", "role": "user"}))
    assert sent_types(protocol) == [CREATE]


def test_a_plain_switch_needs_no_second_response() -> None:
    """All calls need no words and the model said nothing: the tone is due instead."""
    protocol = started()
    end = protocol.receive(wire.done("r1", output=[wire.call_item("c1"), wire.call_item("c2")]))[-1]
    assert isinstance(end, ResponseEnded)
    assert end.follows
    protocol.send(AnswerCall("c1", "ok", follow_up=False))
    protocol.send(AnswerCall("c2", "ok", follow_up=False))
    assert sent_types(protocol) == ["conversation.item.create"] * 2
    assert protocol.events() == [FollowUpSpared("r1")]


def test_what_needs_words_gets_them() -> None:
    """A model that began to speak, or was cut, or any one result that has to be told."""
    for first, status in ((wire.audio("r1"), "completed"), (wire.created("r1"), "incomplete")):
        protocol = started()
        protocol.receive(first)
        (requested, *_) = protocol.receive(wire.item_done("r1", wire.call_item("c1")))
        assert isinstance(requested, CallRequested)
        protocol.receive(wire.done("r1", status))
        protocol.send(AnswerCall("c1", "ok", follow_up=False))
        assert sent_types(protocol) == ["conversation.item.create", CREATE]


def test_the_end_of_a_response_tells_what_its_bill_needs() -> None:
    """Purpose, model, what was read, and both directions of sound, heard or not."""
    protocol = started()
    protocol.append(bytes(1_000 * BYTES_PER_MS))
    protocol.send(ClearInput())
    protocol.append(bytes(500 * BYTES_PER_MS))
    protocol.send(CommitInput())
    protocol.send(RequestResponse())
    protocol.receive(wire.audio("r1", pcm=bytes(700 * BYTES_PER_MS)))
    (end,) = protocol.receive(wire.done("r1", usage={"input_tokens": 9}))
    assert end == ResponseEnded(
        response_id="r1",
        status=ResponseStatus.COMPLETED,
        usage=Usage(audio_in=9),
        spoke=True,
        purpose=AskKind.REPLY,
        model="gpt-realtime-2.1-mini",
        context=ContextSize(text_tokens=STANDING.text_tokens, audio_tokens=5),
        input_audio_ms=500,
        output_audio_ms=700,
    )
    protocol.send(SpeakText("Dinner."))
    began = protocol.receive(wire.created("r2"))
    assert began == [ResponseBegan("r2", AskKind.SPEECH)]
    (end,) = protocol.receive(wire.done("r2"))
    assert isinstance(end, ResponseEnded)
    assert [end.purpose, end.input_audio_ms] == [AskKind.SPEECH, 0]


def test_a_request_that_failed_is_told_with_its_purpose() -> None:
    """Nothing was read and nothing said."""
    protocol = started()
    protocol.send(SpeakText("Dinner."))
    (_, end) = protocol.receive(wire.error("invalid_value", "No."))
    assert isinstance(end, ResponseEnded)
    assert [end.purpose, end.status, end.context] == [AskKind.SPEECH, ResponseStatus.FAILED, ContextSize()]


def test_a_transcription_is_told_with_its_bill() -> None:
    """The transcriber charges for itself."""
    protocol = started(transcription="gpt-transcribe")
    completed = "conversation.item.input_audio_transcription.completed"
    usage = {"type": "duration", "seconds": 2.5}
    assert protocol.receive(text(completed, item_id="i1", transcript="light on", usage=usage)) == [
        InputTranscribed("i1", "light on", "gpt-transcribe", TranscriptionUsage(seconds=2.5))
    ]


def test_a_model_that_may_not_say_much_is_told_so_once() -> None:
    """Before its first short reply; a text that is to be spoken word for word cannot be shortened."""
    protocol = started(allow=Purse(Granted(200)))
    told = []
    for number in (1, 2):
        protocol.send(RequestResponse())
        told.append(sent(protocol))
        protocol.receive(wire.created(f"r{number}"))
        protocol.receive(wire.done(f"r{number}"))
    assert [[message["type"] for message in messages] for messages in told] == [
        ["conversation.item.create", CREATE],
        [CREATE],
    ]
    assert "answer in one short sentence" in str(told[0])
    speaking = started(allow=Purse(Granted(200)))
    speaking.send(SpeakText("dinner"))
    assert sent_types(speaking) == [CREATE]
