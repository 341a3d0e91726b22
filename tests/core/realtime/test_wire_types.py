"""What we send and read, held against the `openai` package's own types.

Those types allow extra fields, so a misspelt one would pass: every model is walked, and must hold nothing that its
type does not name. The union of all messages would take a wrong one for another, so `type` chooses the class first.
"""

import dataclasses
import json
from collections.abc import Iterator
from typing import Literal, get_args, get_origin

import msgspec
import pydantic
import pytest
from openai.types import realtime as sdk
from openai.types.beta import realtime as beta

from hearthd.core.realtime import server_messages as sm
from hearthd.core.realtime.allowance import Granted
from hearthd.core.realtime.commands import (
    AddContext,
    AddUserText,
    AnswerCall,
    CancelResponse,
    ClearInput,
    CommitInput,
    RequestResponse,
    SpeakText,
    TruncateReply,
)
from hearthd.core.realtime.dialects import BETA_STYLE
from hearthd.core.realtime.history import CallMade, ReplyHeard, UserSaid
from hearthd.core.realtime.protocol import RealtimeProtocol
from hearthd.core.realtime.responses import BUSY_ASKS_MAX
from hearthd.core.realtime.session import TurnDetection
from tests.core.realtime import wire

BETA = {"response.audio.delta", "response.audio.done", "response.audio_transcript.done", "response.text.done"}


def classes_by_type(union: object) -> dict[str, type[pydantic.BaseModel]]:
    """Return the models of a union by the `type` that each one names."""
    found: dict[str, type[pydantic.BaseModel]] = {}
    for model in get_args(get_args(union)[0]):
        annotation = model.model_fields["type"].annotation
        assert get_origin(annotation) is Literal
        for name in get_args(annotation):
            found[name] = model
    return found


CLIENT_TYPES = classes_by_type(sdk.RealtimeClientEvent)
SERVER_TYPES = classes_by_type(sdk.RealtimeServerEvent)


def strangers(value: object, where: str) -> Iterator[str]:
    """Yield the path of every field that the model's type does not name."""
    if isinstance(value, pydantic.BaseModel):
        yield from (f"{where}.{name}" for name in value.model_extra or {})
        for name in type(value).model_fields:
            yield from strangers(getattr(value, name), f"{where}.{name}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from strangers(each, f"{where}[{index}]")


def checked(text: str) -> str:
    """Assert that `text` is a client message of the protocol, and nothing more; return its type."""
    message = json.loads(text)
    model = CLIENT_TYPES[message["type"]].model_validate(message, strict=True)
    assert list(strangers(model, message["type"])) == []
    assert model.model_dump(exclude_unset=True) == message
    return str(message["type"])


@pytest.mark.parametrize("detection", ["none", "server_vad", "semantic_vad"])
def test_all_updates_are_of_the_protocol(detection: TurnDetection) -> None:
    """Every update, from the whole to the plainest, holds known fields only, whoever finds the end of speech."""
    protocol = RealtimeProtocol(dataclasses.replace(wire.RICH, turn_detection=detection))
    protocol.receive(wire.text("session.created"))
    protocol.receive(wire.error("unknown_parameter"))
    protocol.receive(wire.error("unknown_parameter"))
    assert [checked(text) for text in protocol.data_to_send()] == ["session.update"] * 3


def test_all_that_is_ever_sent_is_of_the_protocol() -> None:
    """A talk with every command in it, at its dearest: each text validates against the class of its type."""
    protocol = wire.started(allow=lambda _kind, _context: Granted(300))
    protocol.restore([UserSaid("Hello."), CallMade("set_lamp", "{}", "ok"), ReplyHeard("Hello.")])
    assert [checked(text) for text in protocol.data_to_send()] == ["conversation.item.create"] * 5
    protocol.send(AddContext("It is evening."))
    assert [checked(text) for text in protocol.data_to_send()] == ["conversation.item.create"]
    protocol.append(b"\0\0")
    protocol.send(ClearInput())
    protocol.append(b"\0\0")
    protocol.send(CommitInput())
    protocol.send(AddUserText("It is evening."))
    protocol.send(RequestResponse())
    protocol.receive(wire.audio("r1", "i1", bytes(1_000 * wire.BYTES_PER_MS)))
    protocol.receive(wire.audio("r1", "i2", bytes(1_000 * wire.BYTES_PER_MS)))
    protocol.receive(wire.item_done("r1", wire.call_item("c1")))
    protocol.receive(wire.done("r1"))
    protocol.send(TruncateReply("i1", 0, 250))
    protocol.send(TruncateReply("i2", 0, 0))
    protocol.send(AnswerCall("c1", '{"on":true}'))
    protocol.receive(wire.done("r2"))
    protocol.send(SpeakText('Say "hello".\n'))
    protocol.receive(wire.created("r3"))
    protocol.send(CancelResponse())
    protocol.receive(wire.done("r3", "cancelled"))
    protocol.send(RequestResponse())
    for _ in range(BUSY_ASKS_MAX):
        protocol.receive(wire.error("conversation_already_has_active_response"))
    protocol.send(CancelResponse())
    assert [checked(text) for text in protocol.data_to_send()] == [
        "input_audio_buffer.append",
        "input_audio_buffer.clear",
        "input_audio_buffer.append",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
        "conversation.item.create",
        "conversation.item.create",  # be brief: the budget allows no long replies
        "response.create",
        "conversation.item.truncate",
        "conversation.item.delete",
        "conversation.item.create",
        "response.create",
        "response.create",
        "response.cancel",
        *["response.create"] * BUSY_ASKS_MAX,
        "response.cancel",
    ]


def test_all_that_is_sent_in_the_beta_s_words_is_of_the_beta() -> None:
    """Sessions, wishes and items validate against the types that the package keeps of it."""
    types = classes_by_type(beta.RealtimeClientEvent)
    protocol = RealtimeProtocol(
        dataclasses.replace(wire.RICH, dialect=BETA_STYLE, turn_detection="server_vad"), allow=lambda *_: Granted(300)
    )
    protocol.receive(wire.text("session.created"))
    protocol.receive(wire.error("unknown_parameter"))
    protocol.receive(wire.UPDATED)
    protocol.restore([UserSaid("Hello."), CallMade("set_lamp", "{}", "ok"), ReplyHeard("Hello.")])
    protocol.send(AddContext("It is evening."))
    protocol.send(RequestResponse())
    protocol.receive(wire.done("r1"))
    protocol.send(SpeakText("Dinner."))
    texts = protocol.data_to_send()
    for text in texts:
        message = json.loads(text)
        model = types[message["type"]].model_validate(message)
        assert list(strangers(model, message["type"])) == []
        assert model.model_dump(exclude_unset=True) == message
    assert len(texts) == 11


def test_a_misspelt_field_would_be_found() -> None:
    """The walk itself is sharp, at the top and deep inside."""
    with pytest.raises(AssertionError, match="item_idd"):
        checked('{"type":"conversation.item.delete","item_id":"i","item_idd":"i"}')
    with pytest.raises(AssertionError, match=r"session\.audio\.output\.speedd"):
        checked('{"type":"session.update","session":{"type":"realtime","audio":{"output":{"speedd":1.0}}}}')


READ = {str(message.__struct_config__.tag): message for message in get_args(sm.Understood)}


@pytest.mark.parametrize("message_type", sorted(READ.keys() - BETA))
def test_what_we_read_exists(message_type: str) -> None:
    """Every message that we read, and every field of it, is one that the protocol knows."""
    assert set(fields_of(READ[message_type])) <= set(SERVER_TYPES[message_type].model_fields)


def test_beta_names_are_gone_from_the_protocol() -> None:
    """What stands here as beta is no name of today's protocol."""
    assert READ.keys() >= BETA
    assert not BETA & SERVER_TYPES.keys()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (sm.ErrorBody, sdk.RealtimeError),
        (sm.StatusDetails, sdk.RealtimeResponseStatus),
        (sm.OutputItem, sdk.RealtimeConversationItemFunctionCall),
        (sm.AddedItem, sdk.RealtimeConversationItemUserMessage),
        (sm.ResponseBody, sdk.RealtimeResponse),
    ],
)
def test_what_we_read_inside_exists(ours: type[msgspec.Struct], theirs: type[pydantic.BaseModel]) -> None:
    """The same holds for errors, statuses, calls and responses."""
    assert set(fields_of(ours)) <= set(theirs.model_fields)


def fields_of(struct: type[msgspec.Struct]) -> tuple[str, ...]:
    """Return the names that a struct reads."""
    return tuple(each.encode_name for each in msgspec.structs.fields(struct))
