"""Servers that speak the protocol of the beta, or the bare minimum of it; inside, the double speaks GA alone.

What a client says is translated before it is checked, what the double says after.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.doubles.realtime.script import Json


class Dialect(Enum):
    """How a server speaks."""

    GA = "ga"
    BETA = "beta"
    """All settings of a session side by side, the old names, and neither truncate nor cancel."""
    MINIMAL = "minimal"
    """No more events than a client cannot do without, and no answer to a truncation."""


LACKING: Final = {
    Dialect.GA: frozenset[str](),
    Dialect.BETA: frozenset({"conversation.item.truncate", "response.cancel"}),
    Dialect.MINIMAL: frozenset[str](),
}
"""What a server answers with an error, because it does not know how to do it."""
_UNSENT: Final = {
    Dialect.BETA: frozenset({"conversation.item.done", "rate_limits.updated"}),
    Dialect.MINIMAL: frozenset(
        {
            "conversation.item.done",
            "conversation.item.truncated",
            "rate_limits.updated",
            "response.content_part.added",
            "response.content_part.done",
            "response.function_call_arguments.delta",
            "response.output_item.added",
            "response.output_item.done",
        }
    ),
}
_OLD_NAMES: Final = {
    "response.output_text.": "response.text.",
    "response.output_audio.": "response.audio.",
    "response.output_audio_transcript.": "response.audio_transcript.",
}
_OLD_CONTENT: Final = {"output_text": "text", "output_audio": "audio"}
_NEW_CONTENT: Final = {old: new for new, old in _OLD_CONTENT.items()}
_BETA_SESSION: Final = {
    "modalities": ("output_modalities",),
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
    "input_audio_format": ("audio", "input", "format"),
    "output_audio_format": ("audio", "output", "format"),
    "input_audio_noise_reduction": ("audio", "input", "noise_reduction"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "turn_detection": ("audio", "input", "turn_detection"),
    "max_response_output_tokens": ("max_output_tokens",),
    "instructions": ("instructions",),
    "tools": ("tools",),
    "tool_choice": ("tool_choice",),
}
"""Where each setting of the beta lies today."""
_WITHOUT_MEANING: Final = frozenset({"temperature", "model"})
PCM16: Final = "pcm16"


def from_client(dialect: Dialect, event: Json) -> tuple[Json, str | None]:
    """Translate an event of a client to GA; returns it, and the path of a setting that the dialect does not know."""
    if dialect is not Dialect.BETA:
        return event, None
    match event.get("type"):
        case "session.update":
            return _settings_to_ga(event, "session", {"type": "realtime"})
        case "response.create" if "response" in event:
            return _settings_to_ga(event, "response", {})
        case "conversation.item.create":
            return {**event, "item": _renamed_content(event["item"], _NEW_CONTENT)}, None
        case _:
            return event, None


def from_server(dialect: Dialect, event: Json) -> Json | None:
    """Translate an event of the double from GA; None if it is not sent."""
    if dialect is Dialect.GA:
        return event
    kind = event["type"]
    if kind in _UNSENT[dialect]:
        return None
    if kind == "conversation.item.added":
        event = {**event, "type": "conversation.item.created"}
    return _to_beta(event) if dialect is Dialect.BETA else event


def _settings_to_ga(event: Json, name: str, start: Json) -> tuple[Json, str | None]:
    kept = {"conversation", "metadata", "input"} if name == "response" else set()
    result: Json = dict(start)
    for key, value in event[name].items():
        if key in _WITHOUT_MEANING:
            continue
        if key in kept:
            result[key] = value
            continue
        if key not in _BETA_SESSION:
            return event, f"{name}.{key}"
        _put(result, _BETA_SESSION[key], _value_to_ga(key, value))
    return {**event, name: result}, None


def _value_to_ga(key: str, value: object) -> object:
    if key == "modalities" and isinstance(value, list):
        return ["audio"] if "audio" in value else value
    if key.endswith("_audio_format") and value == PCM16:
        return {"type": "audio/pcm", "rate": 24_000}
    return value


def _put(target: Json, path: tuple[str, ...], value: object) -> None:
    *folders, last = path
    for folder in folders:
        target = target.setdefault(folder, {})
    target[last] = value


def _to_beta(event: Json) -> Json:
    kind = event["type"]
    for new, old in _OLD_NAMES.items():
        if kind.startswith(new):
            kind = old + kind.removeprefix(new)
    event = {**event, "type": kind}
    if "session" in event:
        event["session"] = _session_to_beta(event["session"])
    if "item" in event:
        event["item"] = _renamed_content(event["item"], _OLD_CONTENT)
    if "response" in event:
        event["response"] = _response_to_beta(event["response"])
    return event


def _session_to_beta(session: Json) -> Json:
    flat: Json = {name: session[name] for name in ("id", "object", "model", "expires_at")}
    for old, path in _BETA_SESSION.items():
        value: object = session
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        flat[old] = value
    flat["modalities"] = ["text", "audio"] if session["output_modalities"] == ["audio"] else ["text"]
    return {**flat, "input_audio_format": PCM16, "output_audio_format": PCM16, "temperature": 0.8}


def _response_to_beta(response: Json) -> Json:
    moved = {"output_modalities", "max_output_tokens", "audio", "output"}
    flat: Json = {name: value for name, value in response.items() if name not in moved}
    flat["modalities"] = ["text", "audio"] if response["output_modalities"] == ["audio"] else ["text"]
    flat["voice"], flat["output_audio_format"] = response["audio"]["output"]["voice"], PCM16
    flat["output"] = [_renamed_content(item, _OLD_CONTENT) for item in response["output"]]
    return flat


def _renamed_content(item: Json, names: dict[str, str]) -> Json:
    if item.get("role") != "assistant" or "content" not in item:
        return item
    return {**item, "content": [{**part, "type": names.get(part["type"], part["type"])} for part in item["content"]]}
