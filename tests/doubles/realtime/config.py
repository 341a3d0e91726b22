"""The session object: its defaults, and how an update merges into it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from tests.doubles.realtime.refused import Refused

if TYPE_CHECKING:
    from tests.doubles.realtime.script import Json

PCM: Json = {"type": "audio/pcm", "rate": 24_000}
SERVER_VAD: Json = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
SEMANTIC_VAD: Json = {
    "type": "semantic_vad",
    "eagerness": "auto",
    "create_response": True,
    "interrupt_response": True,
}
NO_REASONING = ("gpt-realtime-1.5", "gpt-realtime-mini", "gpt-realtime-2025-08-28")
"""Models that refuse `reasoning`; and so does plain `gpt-realtime`."""


def default_session(session_id: str, model: str, expires_at: int) -> Json:
    """Return what `session.created` shows; `expires_at` in epoch seconds."""
    return {
        "id": session_id,
        "object": "realtime.session",
        "type": "realtime",
        "model": model,
        "expires_at": expires_at,
        "output_modalities": ["audio"],
        "instructions": "You are a helpful assistant.",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "include": None,
        "prompt": None,
        "audio": {
            "input": {
                "format": dict(PCM),
                "noise_reduction": None,
                "transcription": None,
                "turn_detection": dict(SERVER_VAD),
            },
            "output": {"format": dict(PCM), "voice": "alloy", "speed": 1.0},
        },
    }


def merged(session: Json, update: Json, *, has_spoken: bool) -> Json:
    """Return `session` with `update` in it; neither argument is changed.

    `has_spoken`: the model has produced audio, which locks the voice.
    Raises Refused: the update is discarded whole.
    """
    _check_fixed(session, update, has_spoken=has_spoken)
    result = copy.deepcopy(session)
    for name, value in update.items():
        if name != "audio":
            result[name] = copy.deepcopy(value)
    for side, fields in (update.get("audio") or {}).items():
        for name, value in (fields or {}).items():
            old = result["audio"][side].get(name)
            result["audio"][side][name] = _merged_field(name, old, value)
    return result


def _merged_field(name: str, old: Json | None, value: Json | None) -> Json | None:
    if value is None or name not in ("turn_detection", "noise_reduction"):
        return copy.deepcopy(value)
    if name == "turn_detection":
        defaults = SERVER_VAD if value["type"] == "server_vad" else SEMANTIC_VAD
        return {**defaults, **value}
    return {**(old or {"strength": 1.0}), **value}


def _check_fixed(session: Json, update: Json, *, has_spoken: bool) -> None:
    voice = ((update.get("audio") or {}).get("output") or {}).get("voice")
    if has_spoken and voice not in (None, session["audio"]["output"]["voice"]):
        text = "Cannot update a conversation's voice if assistant audio is present."
        raise Refused("cannot_update_voice", text, "session.audio.output.voice")
    if update.get("model") not in (None, session["model"]):
        raise Refused("invalid_value", "The model of a session is fixed.", "session.model")
    if session["tracing"] is not None and "tracing" in update:
        raise Refused("invalid_value", "Tracing cannot be changed once on.", "session.tracing")
    model = session["model"]
    if "reasoning" in update and (model == "gpt-realtime" or model.startswith(NO_REASONING)):
        raise Refused("unknown_parameter", "Unknown parameter: 'session.reasoning'.", None)
