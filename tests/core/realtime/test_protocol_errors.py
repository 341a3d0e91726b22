"""One connection, through its front door: errors and nonsense of the server."""

import json

import pytest

from hearthd.core.realtime.commands import (
    CancelResponse,
    RequestResponse,
)
from hearthd.core.realtime.complaints import ErrorKind
from hearthd.core.realtime.events import (
    ResponseEnded,
    ResponseStatus,
    ServerComplained,
    SessionFailed,
)
from hearthd.core.realtime.protocol import RealtimeProtocol
from hearthd.core.realtime.responses import BUSY_ASKS_MAX
from tests.core.realtime import wire
from tests.core.realtime.talk import complaint, ended
from tests.core.realtime.wire import CREATE, STANDING, sent_types, started, text


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
    protocol.receive(wire.created("r0"))
    code = "conversation_already_has_active_response"
    assert protocol.receive(wire.error(code, "Busy.", event_id)) == [
        complaint(ErrorKind.BUSY, code, "Busy.", client_event_id=event_id)
    ]
    assert protocol.data_to_send() == []
    protocol.receive(wire.done("r0"))
    assert sent_types(protocol) == [CREATE]


def test_a_server_that_is_busy_with_what_is_over_is_asked_again_at_once() -> None:
    """The end of a response crossed our request on its way; the bound is for a server that never gets free."""
    protocol = started()
    protocol.receive(wire.done("r0"))
    protocol.send(RequestResponse())
    for _ in range(BUSY_ASKS_MAX):
        assert sent_types(protocol) == [CREATE]
        protocol.receive(wire.error("conversation_already_has_active_response"))
    assert protocol.data_to_send() == []
    protocol.receive(wire.done("r9"))
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
        ended(status=ResponseStatus.CANCELLED, context=STANDING),
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
        ended("", status=ResponseStatus.FAILED, error_code="server_error", error_text="Sorry."),
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


@pytest.mark.parametrize("param", ["item.content[0].type", "item_id", "session.tools", "audio", "previous_item_id"])
def test_an_error_about_something_else_leaves_the_request_alone(param: str) -> None:
    """It names no message, but what is wrong belongs to no request for a response."""
    protocol = started()
    protocol.send(RequestResponse())
    (only,) = protocol.receive(wire.error("invalid_value", "No.", param=param))
    assert isinstance(only, ServerComplained)
    protocol.send(RequestResponse())
    assert sent_types(protocol) == [CREATE]


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
