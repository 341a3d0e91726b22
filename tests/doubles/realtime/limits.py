"""Limits of the protocol that types do not express: lengths, ranges, names.

Each check yields (code, message, param) rows, ready for an `error` event.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.doubles.realtime.script import Json

Row = tuple[str, str, str | None]

APPEND_MOST_BYTES = 15 * 1024 * 1024
ID_MOST_CHARS = 32
TEXT_MOST_CHARS = 256_000
METADATA_MOST_PAIRS = 16
METADATA_KEY_MOST_CHARS = 64
METADATA_VALUE_MOST_CHARS = 512
OUTPUT_TOKENS_MOST = 4_096
SPEED_RANGE = (0.25, 1.5)
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def broken_append(pcm: bytes) -> list[Row]:
    """Check one append's audio: some, not too much, whole samples."""
    if not pcm:
        return [("invalid_value", "Empty audio.", "audio")]
    if len(pcm) > APPEND_MOST_BYTES:
        return [("invalid_value", "More than 15 MiB of audio.", "audio")]
    if len(pcm) % 2:
        return [("invalid_value", "Odd number of bytes: half a sample.", "audio")]
    return []


def broken(event: Json) -> list[Row]:
    """Check an event that its type has already accepted."""
    match event["type"]:
        case "session.update":
            return list(_session(event["session"]))
        case "response.create":
            return list(_response(event.get("response") or {}))
        case "conversation.item.create":
            return list(_item(event["item"]))
        case "conversation.item.truncate":
            return list(_truncate(event))
        case _:
            return []


def _session(session: Json) -> Iterator[Row]:
    if session["type"] != "realtime":
        yield "invalid_value", "This server has realtime sessions only.", "session.type"
        return
    yield from _output(session, "session")
    audio = session.get("audio") or {}
    speed = (audio.get("output") or {}).get("speed")
    if speed is not None and not SPEED_RANGE[0] <= speed <= SPEED_RANGE[1]:
        yield "invalid_value", "Speed must be 0.25 to 1.5.", "session.audio.output.speed"
    for side, fields in audio.items():
        if ((fields or {}).get("format") or {}).get("type", "audio/pcm") != "audio/pcm":
            yield "invalid_value", "This server has PCM only.", f"session.audio.{side}.format.type"
    detection = (audio.get("input") or {}).get("turn_detection") or {}
    if detection.get("idle_timeout_ms") is not None:
        param = "session.audio.input.turn_detection.idle_timeout_ms"
        yield "invalid_value", "This server has no idle timeout.", param
    threshold = detection.get("threshold")
    if threshold is not None and not 0 <= threshold <= 1:
        param = "session.audio.input.turn_detection.threshold"
        yield "invalid_value", "Threshold must be 0 to 1.", param


def _response(response: Json) -> Iterator[Row]:
    yield from _output(response, "response")
    metadata = response.get("metadata") or {}
    if len(metadata) > METADATA_MOST_PAIRS:
        yield "invalid_value", "More than 16 pairs of metadata.", "response.metadata"
    for key, value in metadata.items():
        if len(key) > METADATA_KEY_MOST_CHARS or len(value) > METADATA_VALUE_MOST_CHARS:
            yield "string_above_max_length", f"Metadata '{key}' too long.", "response.metadata"
    for item in response.get("input") or []:
        if item["type"] != "item_reference":
            yield from _item(item)


def _output(config: Json, where: str) -> Iterator[Row]:
    """Check what a session and a single response have in common."""
    modalities = config.get("output_modalities")
    if modalities is not None and len(modalities) != 1:
        text = "Choose exactly one of 'audio' and 'text'."
        yield "invalid_value", text, f"{where}.output_modalities"
    tokens = config.get("max_output_tokens")
    if isinstance(tokens, int) and not 1 <= tokens <= OUTPUT_TOKENS_MOST:
        yield "invalid_value", "Must be 1 to 4096 or 'inf'.", f"{where}.max_output_tokens"
    names = set()
    for index, tool in enumerate(config.get("tools") or []):
        if tool.get("type") != "function":
            continue
        name = tool.get("name") or ""
        if not TOOL_NAME.fullmatch(name):
            yield "invalid_value", f"Bad tool name '{name}'.", f"{where}.tools[{index}].name"
        if name in names:
            yield "invalid_value", f"Tool '{name}' twice.", f"{where}.tools[{index}].name"
        names.add(name)
        if (tool.get("parameters") or {"type": "object"}).get("type") != "object":
            yield "invalid_value", "Not an object schema.", f"{where}.tools[{index}].parameters"


def _item(item: Json) -> Iterator[Row]:
    for name in ("id", "call_id"):
        if len(item.get(name) or "") > ID_MOST_CHARS:
            yield "string_above_max_length", f"'{name}' above 32 characters.", f"item.{name}"
    kinds = {"system": {"input_text"}, "assistant": {"output_text", "output_audio"}}
    allowed = kinds.get(item.get("role") or "", {"input_text", "input_audio", "input_image"})
    for index, part in enumerate(item.get("content") or []):
        where = f"item.content[{index}]"
        if part.get("type") not in allowed:
            yield "invalid_value", f"Content must be one of {sorted(allowed)}.", f"{where}.type"
        if len(part.get("text") or "") > TEXT_MOST_CHARS:
            yield "string_above_max_length", "Text above 256,000 characters.", f"{where}.text"


def _truncate(event: Json) -> Iterator[Row]:
    if event["audio_end_ms"] < 0:
        yield "invalid_value", "Must not be negative.", "audio_end_ms"
    if event["content_index"] != 0:
        yield "invalid_value", "Only content part 0 has audio.", "content_index"
