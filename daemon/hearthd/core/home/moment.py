"""What a conversation is told at its beginning and nobody says: the time, and how the room stands.

It goes into the conversation and not into the instructions, because whatever changes there makes the server read, and
charge for, everything anew.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from hearthd.core.home.numerals import Json

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_ROOM_CHARACTERS_MAX = 400
"""About 110 tokens, which the question for a single device costs as well."""
_UNITS = {"brightness_percent": " %", "position_percent": " %", "speed_percent": " %", "color_temperature_k": " K"}


def moment(now: datetime, reported: Iterable[tuple[str, Mapping[str, Json] | None]] = ()) -> str:
    """Return the note for a conversation that begins at local time `now`.

    `reported` are devices of the room with their states, as `StateBook.answer` gives them; what is outdated, or has no
    room left, is left out: the model asks when it needs to know.
    """
    day = f"{_WEEKDAYS[now.weekday()]}, {now.day} {_MONTHS[now.month - 1]} {now.year}"
    told = [f"It is {day}, {now:%H:%M}."]
    known: list[str] = []
    room = _ROOM_CHARACTERS_MAX
    for identifier, state in reported:
        if state and not state.get("outdated"):
            known.append(f"{identifier} {_words(state)}")
            room -= len(known[-1]) + 2
            if room < 0:
                known.pop()
                break
    if known:
        told.append(f"In this room now: {'; '.join(known)}.")
    return " ".join(told)


def _words(state: Mapping[str, Json]) -> str:
    """Say a state in few words: "on, brightness 40 %"."""
    unit = state.get("unit", "")
    words: list[str] = []
    for name, value in state.items():
        match name, value:
            case "unit", _:
                pass
            case "on", bool():
                words.insert(0, "on" if value else "off")
            case "value" | "state", _:
                words.append(f"{value} {unit}".strip())
            case "available", _:
                words.append("offline")
            case _:
                plain = name.removesuffix("_percent").removesuffix("_k").replace("_", " ")
                words.append(f"{plain} {value}{_UNITS.get(name, '')}")
    return ", ".join(words)
