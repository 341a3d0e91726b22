"""Text made fit for a speech program: no control characters or markup, signs as words, cut where a voice pauses."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

LONGEST_TEXT_CHARACTERS: Final = 4_000
"""More than four minutes of speech; what is longer is cut, for nobody listens to the end of it."""
PHRASE_CHARACTERS: Final = 120
"""A phrase is made before any of it is heard. This many characters are 7 s of speech, which `slt` makes in 0.1 s on a
2 GHz core and within the second on a Pi Zero 2 W, while the phrase before it plays."""
FIRST_PHRASE_CHARACTERS: Final = 60
"""The first phrase is short, because somebody waits for it."""
SENTENCE_PAUSE_MS: Final = 300
CLAUSE_PAUSE_MS: Final = 120
"""Behind a comma, or where a sentence is too long for one phrase."""

_NUMBER: Final = r"(?<![\w.])\d+(?:[.,]\d+)*"
_UNITS: Final = {
    "°C": ("degree", "degrees"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°": ("degree", "degrees"),
    "%": ("percent", "percent"),
    "ms": ("millisecond", "milliseconds"),
    "s": ("second", "seconds"),
    "min": ("minute", "minutes"),
    "h": ("hour", "hours"),
    "W": ("watt", "watts"),
    "kW": ("kilowatt", "kilowatts"),
    "Wh": ("watt hour", "watt hours"),
    "kWh": ("kilowatt hour", "kilowatt hours"),
    "V": ("volt", "volts"),
    "A": ("ampere", "amperes"),
    "Hz": ("hertz", "hertz"),
    "K": ("kelvin", "kelvins"),
    "lx": ("lux", "lux"),
    "lm": ("lumen", "lumens"),
    "dB": ("decibel", "decibels"),
    "Pa": ("pascal", "pascals"),
    "hPa": ("hectopascal", "hectopascals"),
    "bar": ("bar", "bars"),
    "ppm": ("part per million", "parts per million"),
    "ppb": ("part per billion", "parts per billion"),
    "μg/m3": ("microgram per cubic metre", "micrograms per cubic metre"),
    "mm": ("millimetre", "millimetres"),
    "cm": ("centimetre", "centimetres"),
    "m": ("metre", "metres"),
    "km": ("kilometre", "kilometres"),
    "m/s": ("metre per second", "metres per second"),
    "km/h": ("kilometre per hour", "kilometres per hour"),
    "l": ("litre", "litres"),
    "L": ("litre", "litres"),
    "kg": ("kilogram", "kilograms"),
    "m3": ("cubic metre", "cubic metres"),
}
"""How a unit behind a number is read, behind one and behind several; written as NFKC leaves it."""
_MEASURE: Final = re.compile(
    rf"({_NUMBER})[ ]?({'|'.join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))})(?![\w/])"
)
_MINUS: Final = re.compile(r"(?<![\w.)-])[-−–](?=\d)")  # noqa: RUF001 - the signs that people type for it.
_SIGNS: Final = {"%": " percent ", "°": " degrees ", "&": " and ", "+": " plus ", "=": " equals ", "@": " at "}
_SIGN: Final = re.compile("|".join(map(re.escape, _SIGNS)))
_LOOKALIKES: Final = str.maketrans(
    {"‘": "'", "’": "'", "–": ", ", "—": ", ", "⁄": "/", "ß": "ss", "æ": "ae", "ø": "o", "ł": "l"}  # noqa: RUF001
)
"""What stays without ASCII when accents are taken off."""
_UNSPOKEN: Final = re.compile(r"[^A-Za-z0-9.,;:!?'$/-]+|(?<!\d)/|/(?!\d)")
"""Control characters, markup, and signs without a word; square brackets are markup, for espeak-ng reads phonemes there.
A slash stays between digits alone, where it makes a fraction."""
_SPACE: Final = re.compile(r" +(?=[.,;:!?])")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?;:])(?<!\b(?:Dr|Mr|Ms|St)\.)(?<!\bMrs\.) +(?=[A-Z0-9$'])")
_LINE_END: Final = ".!?;:,"


@dataclass(frozen=True, slots=True)
class Phrase:
    """What is given to a speech program in one piece."""

    text: str
    """One line of ASCII with at least one letter or digit, at most `PHRASE_CHARACTERS` long."""
    pause_ms: int
    """Silence between it and the next one, at the voice's own speed; 0 behind the last."""


def phrases(text: str) -> Iterator[Phrase]:
    """Yield what can be said of `text` in the order of speaking; nothing when it holds no word and no number."""
    rest = speakable(text)
    first = True
    while rest:
        end, pause_ms = _end(rest, FIRST_PHRASE_CHARACTERS if first else PHRASE_CHARACTERS)
        piece, rest = rest[:end].strip(), _from_a_word(rest[end:])
        if piece := _from_a_word(piece):
            yield Phrase(piece, pause_ms if rest else 0)
            first = False


def speakable(text: str) -> str:
    """Return `text` as one line of ASCII words, numbers and punctuation; empty when nothing can be said.

    Numbers stay digits, which speech programs read well; units and signs beside them become words. Letters lose
    their accents, and scripts other than Latin are left out, for the voices speak English.
    """
    text = unicodedata.normalize("NFKC", text[:LONGEST_TEXT_CHARACTERS])
    text = _MEASURE.sub(_in_words, _MINUS.sub("minus ", text))
    text = _SIGN.sub(lambda sign: _SIGNS[sign[0]], text).translate(_LOOKALIKES)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    lines = (_SPACE.sub("", " ".join(_UNSPOKEN.sub(" ", line).split())) for line in text.splitlines())
    return _from_a_word(" ".join(line if line[-1] in _LINE_END else f"{line}." for line in lines if line))


def _in_words(measure: re.Match[str]) -> str:
    number, unit = measure.groups()
    one, several = _UNITS[unit]
    return f"{number} {one if number == '1' else several}"


def _from_a_word(text: str) -> str:
    """Return `text` without leading space, or nothing if it holds no word and no number."""
    return text.lstrip() if any(map(str.isalnum, text)) else ""


def _end(text: str, clause_characters: int) -> tuple[int, int]:
    """Return where the first phrase of `text` ends, and the pause behind it in ms."""
    sentence = _SENTENCE_END.search(text, 0, PHRASE_CHARACTERS + 1)
    length, pause_ms = (sentence.start(), SENTENCE_PAUSE_MS) if sentence else (len(text), 0)
    if length <= clause_characters:
        return length, pause_ms
    for limit in (clause_characters, PHRASE_CHARACTERS):
        if comma := text.rfind(", ", 0, min(limit, length)) + 1:
            return comma, CLAUSE_PAUSE_MS
    if length <= PHRASE_CHARACTERS:
        return length, pause_ms
    space = text.rfind(" ", 0, PHRASE_CHARACTERS)
    return (space if space > 0 else PHRASE_CHARACTERS), CLAUSE_PAUSE_MS
