"""From what was asked of one device to the messages that do it, and to what the device must then report."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from hearthd.core.errors import CallRefused
from hearthd.core.home.expectations import Expectation, Goal, Halted, Moved, Reached
from hearthd.core.home.numerals import Json, Value, finite, word
from hearthd.core.home.wiring import Kind, Lever, Wiring

_IMPLY_ON = ("brightness_percent", "color_temperature_k", "color", "speed_percent")
"""Whoever sets one of these wants the device on."""
_ZERO_IS_OFF = ("brightness_percent", "speed_percent")
_EXCLUSIVE = (("color", "color_temperature_k"), ("action", "position_percent"))
_ENDS: Mapping[float | None, str] = {0: "close", 100: "open"}
_SPOKEN = {
    "brightness_percent": "brightness {} %",
    "color_temperature_k": "{} K",
    "color": "colour {}",
    "position_percent": "position {} %",
    "target_temperature": "{} degrees",
    "mode": "mode {}",
    "speed_percent": "speed {} %",
}


@dataclass(frozen=True, slots=True)
class DeviceCommand:
    """What one call does to one device."""

    device_id: str
    device: str
    """Spoken name."""
    messages: tuple[tuple[str, bytes], ...]
    """Topics and payloads, in the order in which they must leave."""
    expectation: Expectation | None
    """What confirms it; None for a device that reports nothing about it."""
    says: str
    """The command in plain words."""


def command(wiring: Wiring, label: str, asked: Mapping[str, Json]) -> DeviceCommand:
    """Translate the arguments of a call (without `device`) for one device.

    Raises `CallRefused` (`invalid_argument`, `not_supported`, `nothing_to_do`).
    """
    values = _values(wiring, label, _settle(wiring, asked))
    pulled = [(lever, values[lever.name]) for lever in wiring.levers if lever.name in values]
    return DeviceCommand(
        wiring.identifier, label, _messages(pulled), _expectation(wiring, pulled), _says(label, pulled)
    )


def _settle(wiring: Wiring, asked: Mapping[str, Json]) -> dict[str, Json]:
    """Resolve what arguments mean together: nothing given, one given, several that exclude each other."""
    given: dict[str, Json] = {name: value for name, value in asked.items() if value is not None}
    for one, other in _EXCLUSIVE:
        if one in given and other in given:
            raise CallRefused("invalid_argument", f"Give either {one} or {other}, not both.")
    if wiring.kind is Kind.SCENE:
        return {"activate": "activate"}
    if given.get("on", False) is False and any(_number(given.get(name)) == 0 for name in _ZERO_IS_OFF):
        return {"on": False}
    if given.get("on") is False:
        return {"on": False}
    if "on" not in given and any(name in given for name in _IMPLY_ON):
        given["on"] = True
    end = _ENDS.get(_number(given.get("position_percent")))
    if end is not None and not any(lever.name == "position_percent" for lever in wiring.levers):
        return {"action": end}
    return given


def _number(asked: Json) -> float | None:
    return None if isinstance(asked, str) else finite(asked)


def _values(wiring: Wiring, label: str, given: Mapping[str, Json]) -> dict[str, Value]:
    levers = {lever.name: lever for lever in wiring.levers}
    if not given:
        raise CallRefused("nothing_to_do", f"Say what to change: {', '.join(levers)}.")
    values = {}
    for name, asked in given.items():
        lever = levers.get(name)
        if lever is None:
            raise CallRefused("not_supported", f"The {label} has no {name}; it takes {', '.join(levers)}.")
        value = lever.quantity.accept(asked)
        if value is None:
            raise CallRefused("invalid_argument", f"{name} of the {label} must be {lever.quantity.expects}.")
        values[name] = value
    return values


def _messages(pulled: list[tuple[Lever, Value]]) -> tuple[tuple[str, bytes], ...]:
    """Gather the values of one JSON topic in one object; bare texts travel one by one."""
    objects: dict[str, dict[str, Json]] = {}
    messages: list[tuple[str, bytes | dict[str, Json]]] = []
    for lever, value in pulled:
        raw = lever.quantity.encode(value)
        if not lever.path:
            messages.append((lever.topic, (raw if isinstance(raw, str) else word(raw) or "").encode()))
            continue
        if lever.topic not in objects:
            objects[lever.topic] = {}
            messages.append((lever.topic, objects[lever.topic]))
        _put(objects[lever.topic], lever.path, raw)
    return tuple(
        (topic, payload if isinstance(payload, bytes) else msgspec.json.encode(payload)) for topic, payload in messages
    )


def _put(place: dict[str, Json], path: tuple[str, ...], raw: Json) -> None:
    for key in path[:-1]:
        inner = place.get(key)
        if not isinstance(inner, dict):
            inner = place[key] = {}
        place = inner
    place[path[-1]] = raw


def _expectation(wiring: Wiring, pulled: list[tuple[Lever, Value]]) -> Expectation | None:
    reported = {gauge.name for gauge in wiring.gauges}
    values = {lever.name: value for lever, value in pulled}
    if wiring.kind is Kind.COVER:
        if not reported & {"state", "position_percent"}:
            return None
        if values.get("action") == "stop":
            return Halted()
        target = values.get("position_percent", 100 if values.get("action") == "open" else 0)
        return Moved(int(target))
    goals = tuple(Goal(lever.name, lever.quantity, value) for lever, value in pulled if lever.name in reported)
    return Reached(goals) if goals else None


def _says(label: str, pulled: list[tuple[Lever, Value]]) -> str:
    words: list[str] = []
    for lever, value in pulled:
        if lever.name == "on":
            words.insert(0, "on" if value else "off")
        else:
            words.append(_SPOKEN.get(lever.name, "{}").format(value))
    return f"{label}: {', '.join(words)}"
