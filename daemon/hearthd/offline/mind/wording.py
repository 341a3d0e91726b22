"""Numbers, units, times and lists as they are said."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from hearthd.core.home.numerals import Json, finite
from hearthd.offline.mind.vocabulary import number_words

_LONGEST_SAID = 300
"""Characters of somebody else's text: twenty seconds of speech, then nobody listens any more."""

_UNITS: Mapping[str, tuple[str, str]] = {
    "°c": ("degree", "degrees"),
    "°f": ("degree", "degrees"),
    "c": ("degree", "degrees"),
    "°": ("degree", "degrees"),
    "%": ("percent", "percent"),
    "w": ("watt", "watts"),
    "kw": ("kilowatt", "kilowatts"),
    "wh": ("watt hour", "watt hours"),
    "kwh": ("kilowatt hour", "kilowatt hours"),
    "v": ("volt", "volts"),
    "a": ("ampere", "amperes"),
    "lx": ("lux", "lux"),
    "lm": ("lumen", "lumens"),
    "ppm": ("part per million", "parts per million"),
    "ppb": ("part per billion", "parts per billion"),
    "hpa": ("hectopascal", "hectopascals"),
    "mbar": ("millibar", "millibars"),
    "db": ("decibel", "decibels"),
    "m/s": ("metre per second", "metres per second"),
    "km/h": ("kilometre per hour", "kilometres per hour"),
    "mm": ("millimetre", "millimetres"),
    "cm": ("centimetre", "centimetres"),
    "m": ("metre", "metres"),
    "l": ("litre", "litres"),
    "m³": ("cubic metre", "cubic metres"),
    "µg/m³": ("microgram per cubic metre", "micrograms per cubic metre"),
    "s": ("second", "seconds"),
    "min": ("minute", "minutes"),
    "h": ("hour", "hours"),
    "d": ("day", "days"),
    "k": ("kelvin", "kelvin"),
}

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July")
_MONTHS_MORE = ("August", "September", "October", "November", "December")
_ORDINALS: Mapping[str, str] = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
    "twenty": "twentieth",
    "thirty": "thirtieth",
}


def number(value: float) -> str:
    """Spell a number out, rounded to a tenth where that is exact enough to hear."""
    return " ".join(number_words(round(value, 1) if abs(value) >= 1 else value))


def quantity(value: Json, unit: str = "") -> str:
    """Say a value with its unit: "twenty one point five degrees"; words stay as they are."""
    if isinstance(value, bool):
        return "on" if value else "off"
    amount = finite(value)
    if amount is None:
        return plain(value) if isinstance(value, str) else ""
    one, several = _UNITS.get(unit.strip().casefold(), (plain(unit), plain(unit)))
    return f"{number(amount)} {one if amount == 1 else several}".rstrip()


def plain(text: str) -> str:
    """Return somebody else's text as it can be said: without marks of structure, and shortened at a sentence's end."""
    calm = re.sub(r"[\s_*#`<>{}\[\]|\\]+", " ", "".join(c if c.isprintable() else " " for c in text)).strip()
    if len(calm) <= _LONGEST_SAID:
        return calm
    cut = calm[:_LONGEST_SAID]
    end = max(cut.rfind(mark) for mark in (". ", "! ", "? "))
    return cut[: end + 1] if end > 0 else cut.rsplit(" ", 1)[0] + "."


def sentence(text: str) -> str:
    """Begin with a capital and end with a full stop, unless it ends like a sentence already."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def listed(names: Sequence[str]) -> str:
    """Say a list: "the lamp, the fan and the blinds"."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def clock(now: datetime) -> str:
    """Say the time of day: "nine o'clock", "nine oh five", "twelve thirty"."""
    hour = number(now.hour % 12 or 12)
    if now.minute == 0:
        return f"{hour} o'clock"
    return f"{hour} {'oh ' if now.minute < 10 else ''}{number(now.minute)}"  # noqa: PLR2004


def date(now: datetime) -> str:
    """Say the date: "Sunday, the twenty second of November"."""
    *tens, last = number_words(now.day)
    ordinal = _ORDINALS.get(last, f"{last}th")
    month = (*_MONTHS, *_MONTHS_MORE)[now.month - 1]
    return f"{_WEEKDAYS[now.weekday()]}, the {' '.join((*tens, ordinal))} of {month}"
