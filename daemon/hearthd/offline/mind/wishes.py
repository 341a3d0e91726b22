"""What sentences mean: the marks that the grammar's tree carries, and the values that can be said."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from hearthd.core.home.colours import NAMED
from hearthd.core.home.numerals import Json, tidy
from hearthd.offline.mind.grammar import Phrase
from hearthd.offline.mind.schema import Function, Level, Measure
from hearthd.offline.mind.vocabulary import number_words

Arguments = tuple[tuple[str, Json], ...]
"""Names and values of a call, the target aside."""


class Intent(StrEnum):
    """What can be said without any function."""

    TIME = "time"
    DATE = "date"
    STOP = "stop"
    YES = "yes"
    NO = "no"
    THANKS = "thanks"
    HELP = "help"
    TIMER = "timer"
    """A timer, where no function sets one."""
    VOLUME = "volume"
    """The loudness, where no function changes it."""


@dataclass(frozen=True, slots=True)
class Start:
    """Here a command begins."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The state that a question names."""

    state: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall be done with the devices of the same command."""

    says: str
    """In plain words, with `{}` for the devices; `{names}` where no article stands before them."""
    arguments: Mapping[str, Arguments]
    """By function: a switch and a lamp may take different arguments for the same wish."""
    reader: str = ""
    """The function to ask instead of the devices' own; empty for a command."""


_FULL = 100
_HALF = 50
_DIM = 30
"""Percent that "dim the lamp" means: plainly darker, and still a light to read the room by."""

_PERCENT_WORDS: Mapping[str, int] = {
    "half": _HALF,
    "halfway": _HALF,
    "full": _FULL,
    "maximum": _FULL,
    "full brightness": _FULL,
}
_SPEED_WORDS: Mapping[str, int] = {"low": 33, "medium": 66, "high": _FULL, "full speed": _FULL}
_WHITES_K: Mapping[str, int] = {
    "warm white": 2_700,
    "neutral white": 4_000,
    "cool white": 5_500,
    "cold white": 5_500,
    "daylight": 6_000,
}
"""Kelvin, as lamps are sold."""
_WIDEST = 200
"""Whole numbers that one level may offer; wider ranges are no amounts that people say."""


def percentages(function: Function, level: Level, says: str) -> dict[Phrase, Wish]:
    """Return the percentages that a level takes, without the word "percent"."""
    return {
        words: _wish(function, level, value, f"{says} {' '.join(words)} percent")
        for number in range(_FULL + 1)
        if level.low <= (value := _scaled(level, number)) <= level.high
        for words in _ways(number)
    }


def shares(function: Function, level: Level) -> dict[Phrase, Wish]:
    """Return the words that mean a percentage: "half", and for fans "high"."""
    if level.measure is not Measure.PERCENT:
        return {}
    named = {**_PERCENT_WORDS, **(_SPEED_WORDS if "fan" in function.words else {})}
    return {
        tuple(text.split()): _wish(function, level, value, f"set {{}} to {text}")
        for text, number in named.items()
        if level.low <= (value := _scaled(level, number)) <= level.high
    }


def _scaled(level: Level, percent: int) -> float:
    """Turn percent into the argument's own scale: 0 to 1 and 0 to 255 are percent to whoever speaks."""
    if level.high <= 1 or level.high > _FULL:
        value = level.low + (level.high - level.low) * percent / _FULL
        return value if level.high <= 1 else round(value)
    return percent


def _ways(number: int) -> list[Phrase]:
    words = number_words(number)
    return [words, ("a", "hundred"), ("hundred",)] if number == _FULL else [words]


def degrees(function: Function, level: Level, says: str) -> dict[Phrase, Wish]:
    """Return the temperatures that a level takes, without "degrees": "twenty one", "twenty one and a half"."""
    return {
        (*words, *extra): _wish(function, level, number + more, f"{says} {' '.join((*words, *extra))} degrees")
        for number in _whole(level)
        for words in (number_words(number),)
        for extra, more in (_HALVES if level.fractions else _HALVES[:1])
        if level.low <= number + more <= level.high
    }


_HALVES: tuple[tuple[Phrase, float], ...] = (((), 0), (("and", "a", "half"), 0.5), (("point", "five"), 0.5))


def amounts(function: Function, level: Level, says: str) -> dict[Phrase, Wish]:
    """Return the ends that set a plain number."""
    numbers = ((number, number_words(number)) for number in _whole(level))
    return {words: _wish(function, level, number, f"{says} {' '.join(words)}") for number, words in numbers}


def _whole(level: Level) -> range:
    low, high = int(max(level.low, -_WIDEST)), int(min(level.high, _WIDEST))
    return range(low, min(high, low + _WIDEST) + 1)


_SECONDS: Mapping[Measure, int] = {Measure.SECONDS: 1, Measure.MINUTES: 60, Measure.HOURS: 3_600}


def durations(function: Function, level: Level, says: str) -> dict[Phrase, Wish]:
    """Return the ends that set a time: "five minutes", "an hour and a half", "ninety seconds"."""
    found = {}
    for words, seconds in spans():
        value = seconds / _SECONDS[level.measure]
        if level.low <= value <= level.high and (level.fractions or value == int(value)):
            found[words] = _wish(function, level, value, f"{says} {' '.join(words)}")
    return found


def before_noun(entries: Mapping[Phrase, Wish], noun: Phrase) -> dict[Phrase, Wish]:
    """Put times before what they are set on: "five minute timer" of "five minutes"."""
    return {(*words[:-1], words[-1].removesuffix("s"), *noun): wish for words, wish in entries.items()}


def spans() -> Iterable[tuple[Phrase, int]]:
    """Yield the times that people set timers to, with their seconds."""
    for number in (*range(1, 61), 75, 90, 100, 120):
        unit = "minute" if number == 1 else "minutes"
        yield (*number_words(number), unit), 60 * number
        yield (*number_words(number), unit.replace("minute", "second")), number
    for hours in range(1, 13):
        yield (*number_words(hours), "hour" if hours == 1 else "hours"), 3_600 * hours
    for text, seconds in _NAMED_SPANS.items():
        yield tuple(text.split()), seconds


_NAMED_SPANS: Mapping[str, int] = {
    "a minute": 60,
    "a minute and a half": 90,
    "a quarter of an hour": 900,
    "half an hour": 1_800,
    "an hour": 3_600,
    "an hour and a half": 5_400,
}


def whites(function: Function, level: Level) -> dict[Phrase, Wish]:
    """Return the ends that set a lamp's white, each moved into the lamps' range."""
    return {
        tuple(text.split()): _wish(function, level, min(max(kelvin, level.low), level.high), f"make {{}} {text}")
        for text, kelvin in _WHITES_K.items()
    }


def colours(function: Function) -> dict[Phrase, Wish]:
    """Return the ends that name a colour."""
    return {
        (name,): Wish(f"make {{}} {name}", {function.name: _complete(function, ((function.colour, name),))})
        for name in NAMED
    }


def dimmed(function: Function, level: Level) -> Wish:
    """Return what "dim the lamp" wishes."""
    return _wish(function, level, min(max(_scaled(level, _DIM), level.low), level.high), "dim {}")


def option(function: Function, argument: str, value: str, says: str) -> Wish:
    """Return the wish for one of an argument's words."""
    return Wish(says, {function.name: _complete(function, ((argument, value),))})


def _wish(function: Function, level: Level, value: float, says: str) -> Wish:
    return Wish(says, {function.name: _complete(function, ((level.argument, tidy(value)),))})


def _complete(function: Function, arguments: Arguments) -> Arguments:
    """Add the switch if the function demands it: whoever sets a lamp's colour wants it on."""
    on = function.power.get(True, ())
    return (*on, *arguments) if function.power_word in function.required and function.power_word else arguments
