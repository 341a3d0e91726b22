"""Strict checks of both directions against the `openai` package's own types.

Those types allow extra members, so a misspelt field would pass: every check walks `model_extra` and
demands that it is empty. An event is dispatched on `type` first and validated by that one class.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import pydantic
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from openai.types.realtime.response_item_reference import ResponseItemReference

from tests.doubles.realtime import limits
from tests.doubles.realtime.dialects import Dialect, from_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.doubles.realtime.script import Json

APPEND = "input_audio_buffer.append"
WEBRTC_ONLY = frozenset({"output_audio_buffer.clear"})
SESSION_FACTS = frozenset({"session.id", "session.object", "session.expires_at"})
"""Members of the session that only the server sets; the event's type does not list them."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an event, in the words of an `error` event."""

    code: str
    message: str
    param: str | None = None


def _classes(union: object) -> dict[str, type[pydantic.BaseModel]]:
    members = get_args(get_args(union)[0])
    return {get_args(cls.model_fields["type"].annotation)[0]: cls for cls in members}


CLIENT = {name: cls for name, cls in _classes(RealtimeClientEvent).items() if name not in WEBRTC_ONLY}
SERVER = _classes(RealtimeServerEvent)


def decode_client(message: str | bytes, dialect: Dialect = Dialect.GA) -> tuple[Json, list[Problem]]:
    """Decode and check one message of a client, which speaks `dialect`; from here on it is GA.

    Returns the event ({} if it cannot be read) and all that is wrong with it, worst first.
    """
    if isinstance(message, bytes):
        return {}, [Problem("invalid_event", "Binary messages are not supported.")]
    try:
        event = json.loads(message)
    except ValueError as error:
        return {}, [Problem("invalid_json", f"The message is not valid JSON: {error}")]
    if not isinstance(event, dict):
        return {}, [Problem("invalid_event", "The message is not a JSON object.")]
    event, unknown = from_client(dialect, event)
    if unknown is not None:
        return event, [Problem("unknown_parameter", f"Unknown parameter: '{unknown}'.", unknown)]
    return event, _client_problems(event)


def encode_server(event: Json) -> str:
    """Encode an event of the server after asserting that the protocol knows it.

    Raises AssertionError: the double itself, or the scenario, is wrong.
    """
    text = json.dumps(event)
    cls = SERVER.get(event["type"])
    assert cls is not None, f"unknown server event {event['type']!r}"
    problems, model = _validate(cls, text)
    extras = [] if model is None else [p for p in _extras(model) if p not in SESSION_FACTS]
    assert not problems, f"{event['type']}: {problems}"
    assert not extras, f"{event['type']}: unknown fields {extras}"
    return text


def _client_problems(event: Json) -> list[Problem]:
    kind = event.get("type")
    if kind is None:
        return [Problem("missing_required_parameter", "Missing required parameter: 'type'.", "type")]
    cls = CLIENT.get(kind) if isinstance(kind, str) else None
    if cls is None:
        allowed = ", ".join(f"'{name}'" for name in CLIENT)
        text = f"Invalid value: '{kind}'. Supported values are: {allowed}."
        return [Problem("invalid_value", text, "type")]
    if kind == APPEND:
        return _append_problems(event)
    problems, model = _validate(cls, json.dumps(_without_references(event)))
    if model is not None:
        problems = [Problem("unknown_parameter", f"Unknown parameter: '{path}'.", path) for path in _extras(model)]
    return problems or [Problem(*row) for row in limits.broken(event)]


def _append_problems(event: Json) -> list[Problem]:
    """Check an append without building a model: it is most of the traffic."""
    unknown = event.keys() - {"type", "audio", "event_id"}
    if unknown:
        return [Problem("unknown_parameter", f"Unknown parameter: '{name}'.", name) for name in unknown]
    try:
        pcm = audio_of(event)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        return [Problem("invalid_value", f"'audio' is not base64: {error!r}", "audio")]
    return [Problem(*row) for row in limits.broken_append(pcm)]


def audio_of(event: Json) -> bytes:
    """Return the bytes of an append; ValueError if it is not base64."""
    return base64.b64decode(event["audio"], validate=True)


def _without_references(event: Json) -> Json:
    """Drop valid `item_reference` entries of `response.input`: the event's class lacks them."""
    response = event.get("response")
    if event["type"] != "response.create" or not isinstance(response, dict):
        return event
    entries = response.get("input")
    if not isinstance(entries, list):
        return event
    kept = [entry for entry in entries if not _is_reference(entry)]
    return {**event, "response": {**response, "input": kept}}


def _is_reference(entry: object) -> bool:
    if not isinstance(entry, dict) or entry.get("type") != "item_reference":
        return False
    problems, model = _validate(ResponseItemReference, json.dumps(entry))
    return not problems and model is not None and not list(_extras(model))


def _validate(cls: type[pydantic.BaseModel], text: str) -> tuple[list[Problem], pydantic.BaseModel | None]:
    try:
        # From JSON: in strict mode Python dicts would not pass for nested models.
        return [], cls.model_validate_json(text, strict=True)
    except pydantic.ValidationError as error:
        return [_problem(path, kind, text) for path, kind, text in _relevant(error)], None


def _relevant(error: pydantic.ValidationError) -> Iterator[tuple[str, str, str]]:
    """Yield (path, kind, text), leaving out the branches of a union that were never meant."""
    rows = error.errors(include_url=False, include_input=False, include_context=False)
    marks = {"type", "role"}
    foreign = [r["loc"][:-1] for r in rows if r["type"] == "literal_error" and r["loc"][-1] in marks]
    meant = [r for r in rows if not any(r["loc"][: len(f)] == f for f in foreign)]
    for row in meant or rows:
        names = [str(p) for p in row["loc"] if not (isinstance(p, str) and p[:1].isupper())]
        yield ".".join(names), row["type"], row["msg"]


def _problem(path: str, kind: str, text: str) -> Problem:
    if kind == "missing":
        return Problem("missing_required_parameter", f"Missing required parameter: '{path}'.", path)
    code = "invalid_type" if kind.endswith("_type") else "invalid_value"
    return Problem(code, f"Invalid '{path}': {text}.", path)


def _extras(value: object, path: str = "") -> Iterator[str]:
    """Yield the path of every member that its type does not declare."""
    if isinstance(value, pydantic.BaseModel):
        prefix = f"{path}." if path else ""
        yield from (prefix + name for name in value.model_extra or {})
        for name in value.model_fields_set:
            yield from _extras(getattr(value, name, None), prefix + name)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _extras(member, f"{path}[{index}]")
