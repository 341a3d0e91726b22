"""Named scenarios for a server of its own process: tests of the service, benchmarks, trying things by hand."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tests.doubles.realtime.audio import babble, noise
from tests.doubles.realtime.scenario import Scenario
from tests.doubles.realtime.script import Call, Delivery, Part, Reply, Speech, Text, reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.doubles.realtime.script import Json, Responder, ResponseRequest

WISHES = ("kitchen", "light", "on")
LONG_REPLY_MS = 60_000
LONG_REPLY_FACTOR = 30.0


def demo(answer: bytes) -> Scenario:
    """Every spoken turn calls the first tool that looks like a light; its output is answered aloud."""
    return Scenario(respond=_house(answer))


def talk(answer: bytes) -> Scenario:
    """Every turn is answered aloud at twice real time."""

    async def respond(_request: ResponseRequest) -> Reply:
        return reply(Speech(answer, "Here is your answer.", Delivery.paced(2.0, chunk_ms=100)))

    return Scenario(respond=respond)


def long(_answer: bytes) -> Scenario:
    """Every turn is answered with a minute of noise, delivered in two seconds."""
    speech = Speech(noise(LONG_REPLY_MS), "A long story.", Delivery.paced(LONG_REPLY_FACTOR))

    async def respond(_request: ResponseRequest) -> Reply:
        return reply(speech)

    return Scenario(respond=respond)


SCENARIOS: dict[str, Callable[[bytes], Scenario]] = {"demo": demo, "talk": talk, "long": long}
"""Builders by name; each takes the PCM of the spoken answer."""


def default_answer() -> bytes:
    """Return what is said when no recording is given."""
    return babble(1_600)


def _house(answer: bytes) -> Responder:
    async def respond(request: ResponseRequest) -> list[Part]:
        words = "The kitchen light is on."
        if request.body.get("output_modalities") == ["text"]:
            return [Text(words)]
        spoken = Speech(answer, words, Delivery.paced(4.0, chunk_ms=100))
        if request.outputs or not request.pcm:
            return [spoken]
        call = light_call(request.tools)
        return [spoken] if call is None else [call]

    return respond


def light_call(tools: tuple[Json, ...]) -> Call | None:
    """Return the call that switches the kitchen light on, as far as the tools tell; None without tools."""
    functions = [tool for tool in tools if tool.get("type") == "function"]
    if not functions:
        return None
    tool = max(functions, key=lambda t: _liking(json.dumps(t)))
    return Call(tool["name"], _fill(tool.get("parameters") or {}))


def _liking(text: str) -> int:
    words = set(re.split(r"[\W_]+", text.lower()))
    return sum(wish in words for wish in WISHES)


def _fill(schema: Json) -> Json:
    """Return arguments for an object schema: what is required, and whatever a wish matches."""
    required = {*(schema.get("required") or []), "on"}
    filled = {}
    for name, rule in (schema.get("properties") or {}).items():
        value = _value(rule)
        if name in required or _liking(str(value)):
            filled[name] = value
    return filled


def _value(rule: Json) -> object:
    """Return what a wish would pick for a rule of JSON Schema."""
    if rule.get("enum"):
        return max(rule["enum"], key=lambda choice: _liking(str(choice)))
    match rule.get("type"):
        case "boolean":
            return True
        case "integer" | "number":
            return rule.get("minimum", 0)
        case "object":
            return _fill(rule)
        case "array":
            return [_value(rule.get("items") or {})]
        case _:
            return ""
