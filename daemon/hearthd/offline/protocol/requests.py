"""What a client says to the server: every message of the protocol, read as strictly as the real one reads."""

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from hearthd.offline.protocol.given import Given, GivenCall, GivenMessage, GivenOutput, ResponseWish, SessionPatch
from hearthd.offline.protocol.refused import Refused


class Request(Given, frozen=True, kw_only=True, tag_field="type"):
    """Any message of a client's; `event_id` comes back in an error about it."""

    event_id: str | None = None


class SessionUpdate(Request, frozen=True, kw_only=True, tag="session.update"):
    """Change the session, all of it or nothing."""

    session: SessionPatch


class BufferAppend(Request, frozen=True, kw_only=True, tag="input_audio_buffer.append"):
    """Here is more sound."""

    audio: bytes


class BufferCommit(Request, frozen=True, kw_only=True, tag="input_audio_buffer.commit"):
    """Make the sound so far the user's item."""


class BufferClear(Request, frozen=True, kw_only=True, tag="input_audio_buffer.clear"):
    """Forget the sound so far."""


class ItemCreate(Request, frozen=True, kw_only=True, tag="conversation.item.create"):
    """Add an item, behind `previous_item_id`, at the `root`, or at the end."""

    item: GivenMessage | GivenCall | GivenOutput
    previous_item_id: str | None = None


class ItemRetrieve(Request, frozen=True, kw_only=True, tag="conversation.item.retrieve"):
    """Show an item with its sound."""

    item_id: str


class ItemTruncate(Request, frozen=True, kw_only=True, tag="conversation.item.truncate"):
    """Forget what was not heard of the server's speech."""

    item_id: str
    content_index: int
    audio_end_ms: Annotated[int, Meta(ge=0)]


class ItemDelete(Request, frozen=True, kw_only=True, tag="conversation.item.delete"):
    """Forget an item."""

    item_id: str


class ResponseCreate(Request, frozen=True, kw_only=True, tag="response.create"):
    """Answer."""

    response: ResponseWish | None = None


class ResponseCancel(Request, frozen=True, kw_only=True, tag="response.cancel"):
    """Stop answering."""

    response_id: str | None = None


AnyRequest = (
    SessionUpdate
    | BufferAppend
    | BufferCommit
    | BufferClear
    | ItemCreate
    | ItemRetrieve
    | ItemTruncate
    | ItemDelete
    | ResponseCreate
    | ResponseCancel
)

_DECODER: Final[msgspec.json.Decoder[AnyRequest]] = msgspec.json.Decoder(AnyRequest)
_KINDS: Final = (
    "session.update",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "conversation.item.create",
    "conversation.item.retrieve",
    "conversation.item.truncate",
    "conversation.item.delete",
    "response.create",
    "response.cancel",
)
_PLACE: Final = re.compile(r"^(?P<problem>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_FIELD: Final = re.compile(r"^Object (?P<what>contains unknown|missing required) field `(?P<name>.*)`$", re.DOTALL)
_LONG: Final = re.compile(r"^Expected `(str|array)` of length <=")
_TOO_LONG: Final = {"str": "string", "array": "array"}


class _Header(msgspec.Struct, frozen=True):
    event_id: str | None = None


_HEADER_DECODER: Final = msgspec.json.Decoder(_Header)


def decode(message: str | bytes) -> AnyRequest:
    """Return the request in a client's message. Raises `Refused`."""
    if not isinstance(message, str):
        raise Refused("invalid_event", "Binary messages are not supported: send each event as JSON in a text message.")
    try:
        return _DECODER.decode(message)
    except msgspec.ValidationError as error:
        raise _explained(str(error)) from error
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise Refused("invalid_json", f"The message is not valid JSON: {error}") from error


def event_id_of(message: str | bytes) -> str | None:
    """Return the `event_id` of a message that may be wrong in every other way."""
    try:
        return _HEADER_DECODER.decode(message).event_id
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


def _explained(words: str) -> Refused:
    """Turn the decoder's words into the protocol's code and parameter."""
    found = _PLACE.match(words)
    assert found is not None, "the pattern takes any text"
    problem, path = found["problem"], found["path"] or ""
    if field := _FIELD.match(problem):
        param = f"{path}.{field['name']}" if path else field["name"]
        if field["what"] == "contains unknown":
            return Refused("unknown_parameter", f"Unknown parameter: '{param}'.", param)
        return Refused("missing_required_parameter", f"Missing required parameter: '{param}'.", param)
    if not path:
        return Refused("invalid_event", "The message is not a JSON object.")
    if path == "type":
        known = ", ".join(f"'{kind}'" for kind in _KINDS)
        return Refused("invalid_value", f"{problem}. Supported values are: {known}.", path)
    if long := _LONG.match(problem):
        return Refused(f"{_TOO_LONG[long[1]]}_above_max_length", f"Invalid '{path}': {problem}.", path)
    code = "invalid_type" if ", got " in problem else "invalid_value"
    return Refused(code, f"Invalid '{path}': {problem}.", path)
