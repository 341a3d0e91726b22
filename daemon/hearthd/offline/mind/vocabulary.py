"""Words: names and typed text as they are spoken, numbers as words, and the words that every house knows."""

import re
import unicodedata
from collections.abc import Mapping

from hearthd.offline.mind.grammar import Phrase

LONGEST_NAME = 80
"""Characters of a name in a schema; what is longer was not made to be said."""
_LONGEST_NAME_WORDS = 8
_LONGEST_TEXT = 400
"""Characters of an utterance: more than anybody says to a house in one breath."""

_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_LARGEST = 1_000_000

WAKE_PHRASES: tuple[Phrase, ...] = (("okay", "nabu"), ("ok", "nabu"), ("hey", "jarvis"), ("hey", "mycroft"), ("alexa",))
"""The names that wake hearthd: the sound from before the wake word was recognised is sent along."""

ROOM_WORDS = frozenset(
    """attic balcony basement bathroom bedroom carport cellar conservatory corridor den downstairs driveway entrance
    entry foyer garage garden gym hall hallway kitchen landing laundry library loft lounge nursery office pantry
    patio playroom porch shed stairs staircase studio study terrace toilet upstairs utility veranda workshop
    yard room floor""".split()  # noqa: SIM905
)
"""The last word of most areas."""

NOUNS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "light": (("light", "lights"), ("lamp", "lamps")),
    "cover": (("blind", "blinds"), ("shutter", "shutters"), ("curtain", "curtains")),
    "climate": (("heating", "heating"), ("thermostat", "thermostats")),
    "fan": (("fan", "fans"),),
}
"""By kind of device what it is called in general, one and several."""

COVER_NOUNS = (
    ("blind", "blinds"),
    ("shutter", "shutters"),
    ("curtain", "curtains"),
    ("shade", "shades"),
    ("awning", "awnings"),
    ("door", "doors"),
    ("gate", "gates"),
    ("window", "windows"),
    ("garage", "garages"),
)
"""A cover whose own name says what it is answers to no other noun: "the blinds" must not open the garage."""


def spoken(name: str) -> Phrase:
    """Return the words of a name or identifier as people say them; empty if it cannot be said in English words.

    `kitchen_light_2`, `KitchenLight2` and "Kitchen light 2" all are "kitchen light two".
    """
    if len(name) > LONGEST_NAME:
        return ()
    text = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", " ", name)
    words = _words(text.replace("_", " "))
    return words if len(words) <= _LONGEST_NAME_WORDS and all(_is_word(word) for word in words) else ()


def heard(text: str) -> Phrase:
    """Return recognised or typed text as spoken words: "Set it to 21.5°C, please!" loses all but what is said."""
    plain = text[:_LONGEST_TEXT].casefold().replace("\u2019", "'")
    plain = re.sub(r"(?<=\d)\s*%", " percent ", plain)
    plain = re.sub(r"\s*°\s*[cf]?\b|\s*°", " degrees ", plain)
    plain = re.sub(r"\bper cent\b", "percent", plain)
    plain = re.sub(r"\b(what|that|it|how|who|where)s\b", lambda match: _CONTRACTED.get(match[0], match[0]), plain)
    return _words(plain)


_CONTRACTED = {"whats": "what's", "hows": "how's"}


def number_words(number: float) -> Phrase:
    """Spell a number out: 21.5 is "twenty one point five"; beyond a million it stays at what can be said."""
    if number < 0:
        return ("minus", *number_words(-number))
    number = min(round(number, 2), _LARGEST - 1)
    whole = int(number)
    if number == whole:
        return _whole_words(whole)
    digits = f"{number:.2f}".split(".")[1].rstrip("0")
    return (*_whole_words(whole), "point", *(_UNITS[int(digit)] for digit in digits))


def _whole_words(number: int) -> Phrase:
    if number < len(_UNITS):
        return (_UNITS[number],)
    if number < 100:  # noqa: PLR2004
        return (_TENS[number // 10], *(_whole_words(number % 10) if number % 10 else ()))
    size, name = (1_000, "thousand") if number >= 1_000 else (100, "hundred")  # noqa: PLR2004
    rest = _whole_words(number % size) if number % size else ()
    return (*_whole_words(number // size), name, *rest)


def _words(text: str) -> Phrase:
    """Split into words, with digits spelled out and accents and punctuation gone."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    plain = plain.replace("&", " and ").replace("\u2019", "'")
    words: list[str] = []
    for piece in re.findall(r"\d+(?:[.,]\d+)?|[^\W\d_]+(?:'[^\W\d_]+)*", plain):
        if piece[0].isdecimal():
            words.extend(_spelled(piece))
        else:
            words.append(piece)
    return tuple(words)


def _spelled(digits: str) -> Phrase:
    if len(digits) > LONGEST_NAME // 8:
        return (digits,)
    return number_words(float(digits.replace(",", ".")))


def _is_word(word: str) -> bool:
    return re.fullmatch(r"[a-z]+(?:'[a-z]+)*", word) is not None
