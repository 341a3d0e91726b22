"""A server that makes turns although it was told not to: its own answers are cancelled, ours are asked for once."""

import json

import pytest

from hearthd.core.realtime.allowance import AskKind, ContextSize, Denied
from hearthd.core.realtime.commands import CommitInput, RequestResponse, SpeakText
from hearthd.core.realtime.complaints import ErrorKind
from hearthd.core.realtime.events import (
    LinkEvent,
    ReplyAudio,
    ResponseBegan,
    ResponseEnded,
    ResponseStatus,
    ServerComplained,
    ServerSpeechStarted,
    ServerSpeechStopped,
)
from hearthd.core.realtime.protocol import RealtimeProtocol
from tests.core.realtime import wire
from tests.core.realtime.wire import BYTES_PER_MS, COMMIT, CREATE, sent, sent_types, started, text

BEGUN = text("input_audio_buffer.speech_started")
OVER = text("input_audio_buffer.speech_stopped")
BUSY = "conversation_already_has_active_response"


def hears_by_itself(**how: object) -> tuple[RealtimeProtocol, list[LinkEvent]]:
    """Return a protocol whose server finds both ends of an utterance, and what was reported of that."""
    protocol = started(**how)  # type: ignore[arg-type]
    protocol.append(bytes(200 * BYTES_PER_MS))
    protocol.data_to_send()
    return protocol, [*protocol.receive(BEGUN), *protocol.receive(OVER)]


def test_it_is_told_once_what_the_owner_can_do() -> None:
    """In plain words that name the setting."""
    protocol, events = hears_by_itself()
    complaint, *rest = events
    assert isinstance(complaint, ServerComplained)
    assert (complaint.kind, complaint.code, complaint.param) == (ErrorKind.OURS, "turns_made", "turn_detection")
    assert "realtime.turn_detection" in complaint.message
    assert rest == [ServerSpeechStarted(), ServerSpeechStopped()]
    assert protocol.receive(BEGUN) == [ServerSpeechStarted()]


def test_where_the_server_is_to_make_turns_its_answers_count() -> None:
    """Then they are what everybody waits for."""
    protocol = started("server_vad")
    protocol.receive(BEGUN)
    protocol.receive(OVER)
    assert protocol.receive(wire.audio("r1")) == [ResponseBegan("r1"), ReplyAudio("r1", "item_1", 0, b"\1\2")]


def test_its_own_answer_is_cancelled_and_ours_asked_for_after_it() -> None:
    """Nothing of it is heard, and the utterance is answered once."""
    protocol, _ = hears_by_itself()
    assert protocol.receive(wire.created("r1")) == [ResponseBegan("r1", cancelled=True)]
    assert sent(protocol) == [{"type": "response.cancel", "response_id": "r1"}]
    protocol.send(CommitInput())
    protocol.send(RequestResponse())
    assert sent_types(protocol) == [COMMIT]
    assert protocol.receive(wire.audio("r1")) == []
    (end,) = protocol.receive(wire.done("r1", "cancelled"))
    assert isinstance(end, ResponseEnded)
    assert end.status is ResponseStatus.CANCELLED
    assert sent_types(protocol) == ["conversation.item.delete", CREATE]
    assert protocol.receive(wire.created("r2")) == [ResponseBegan("r2")]


def test_what_the_budget_says_of_its_own_answer_is_not_reported() -> None:
    """It is cancelled anyway, and whoever waits waits for another."""

    def deny(_kind: AskKind, _reads: ContextSize) -> Denied:
        return Denied("all is spent")

    protocol, _ = hears_by_itself(allow=deny)
    assert protocol.receive(wire.created("r1")) == [ResponseBegan("r1", cancelled=True)]


@pytest.mark.parametrize("named", [True, False])
def test_an_answer_of_its_own_that_came_before_ours_is_the_answer(*, named: bool) -> None:
    """It was taken for ours, which the server then refused: asked for again, it would come twice."""
    protocol, _ = hears_by_itself()
    protocol.send(CommitInput())
    protocol.send(RequestResponse())
    request = json.loads(protocol.data_to_send()[-1])
    assert request["type"] == CREATE
    assert protocol.receive(wire.audio("r1"))[0] == ResponseBegan("r1")
    protocol.receive(wire.error(BUSY, event_id=request["event_id"] if named else None))
    protocol.receive(wire.done("r1"))
    assert protocol.data_to_send() == []


def test_a_text_is_spoken_all_the_same() -> None:
    """What the server says of its own accord is no announcement."""
    protocol, _ = hears_by_itself()
    protocol.send(SpeakText("Dinner."))
    protocol.data_to_send()
    protocol.receive(wire.audio("r1"))
    protocol.receive(wire.error(BUSY))
    protocol.receive(wire.done("r1"))
    assert "Dinner." in protocol.data_to_send()[0]
