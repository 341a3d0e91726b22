"""What the instructions say about the house beside the functions: rooms, further names, and which sensors exist.

A line each, always in the same words, so that the text is short, the server's prompt cache holds it, and a program can
read it back:

    You are in: kitchen. Devices named without a room are there.
    Other names: big lamp: hall_light, bedroom_light.
    Rooms: living room: tv, radio.
    Sensors: freezer, front_door.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hearthd.core.home.names import kind_words, phrase
from hearthd.core.home.wiring import Kind, Wiring

_HERE = "You are in: "
_UNNAMED = ". Devices named without a room are there."
_NAMES = "Other names: "
_ROOMS = "Rooms: "
_SENSORS = "Sensors: "
_STRUCTURE = re.compile(r"[:;,.\s]+")
"""What separates the parts of a line cannot stand inside a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseNotes:
    """What the notes tell, by identifier, as far as identifiers do not tell it themselves."""

    here: str = ""
    """The room that hearthd stands in."""
    names: Mapping[str, tuple[str, ...]]
    rooms: Mapping[str, str]
    sensors: tuple[str, ...] = ()


def write_notes(wirings: Iterable[Wiring], area: str) -> str:
    """Return the text for a house whose hearthd stands in `area`; empty without devices.

    What an identifier says itself is not said again, nor is a word for the kind of device: a lamp is a light.
    """
    devices = tuple(wirings)
    if not devices:
        return ""
    here = _plain(area)
    lines = [_HERE + here + _UNNAMED] if here else []
    names: dict[str, list[str]] = {}
    rooms: dict[str, list[str]] = {}
    for wiring in devices:
        told = {*phrase(wiring.identifier), *kind_words(wiring)}
        for name in (wiring.name, *wiring.device.aliases):
            _note(names, name, wiring.identifier, told)
        _note(rooms, wiring.device.area, wiring.identifier, told)
    for head, texts in ((_NAMES, names), (_ROOMS, rooms)):
        if texts:
            lines.append(head + "; ".join(f"{text}: {', '.join(them)}" for text, them in texts.items()) + ".")
    if sensors := [wiring.identifier for wiring in devices if wiring.kind is Kind.SENSOR]:
        lines.append(f"{_SENSORS}{', '.join(sensors)}.")
    return "\n".join(lines)


def read_notes(text: str) -> HouseNotes:
    """Return what `write_notes` told anywhere in `text`; lines of any other kind are skipped."""
    here = ""
    sensors: tuple[str, ...] = ()
    names: dict[str, tuple[str, ...]] = {}
    rooms: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith(_HERE) and line.endswith(_UNNAMED):
            here = line.removeprefix(_HERE).removesuffix(_UNNAMED)
        elif line.startswith(_SENSORS):
            sensors = tuple(line.removeprefix(_SENSORS).rstrip(".").split(", "))
        elif line.startswith(_NAMES):
            for name, device in _entries(line.removeprefix(_NAMES)):
                names[device] = (*names.get(device, ()), name)
        elif line.startswith(_ROOMS):
            rooms |= {device: room for room, device in _entries(line.removeprefix(_ROOMS))}
    return HouseNotes(here=here, names=names, rooms=rooms, sensors=sensors)


def _entries(line: str) -> Iterator[tuple[str, str]]:
    for entry in line.rstrip(".").split("; "):
        text, _, devices = entry.partition(": ")
        yield from ((text, device) for device in devices.split(", ") if device)


def _note(place: dict[str, list[str]], text: str, identifier: str, told: set[str]) -> None:
    """Note `text` for a device unless all its words were told; they are now."""
    words = set(phrase(text))
    if words - told:
        place.setdefault(_plain(text), []).append(identifier)
        told |= words


def _plain(text: str) -> str:
    return _STRUCTURE.sub(" ", text).strip()
