"""How often people say what, compared with what they might say instead: a recogniser's only help between like sounds.

Nobody has counted: these are estimates of the order of magnitude, and recognition depends on no more than that.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from hearthd.offline.mind.grammar import Phrase
from hearthd.offline.mind.vocabulary import number_words

NEVER: Final = 0.0
"""Typed at most."""
RARELY: Final = 0.1
SELDOM: Final = 0.02

WAKE_CHANCE: Final = 0.5
"""The sound from before the wake word is sent along, but nothing is said before an answer to a question."""
WAKES: Final = (1.0, NEVER, RARELY, RARELY, RARELY)
"""By `vocabulary.WAKE_PHRASES`: the first is the default, and sounds like the second."""
POLITE_CHANCE: Final = 0.15
PLEASE_AT_END_CHANCE: Final = 0.05
ARTICLE_CHANCE: Final = 0.75
SECOND_COMMAND_CHANCE: Final = 0.06
SECOND_DEVICE_CHANCE: Final = 0.05

REMARKS, COMMANDS, QUESTIONS = 0.1, 0.75, 0.15
"""Of all that is said to a house."""

_TENS_WEIGHT: Final = 10.0
_FIVES_WEIGHT: Final = 2.0
_OTHER_WEIGHT: Final = 0.03
_TEMPERATE: Final = range(17, 25)
_TOLERABLE: Final = range(12, 28)
_USUAL_SPANS: Final = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 45, 50, 60, 90)
_BASIC: Final = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")


def _percents() -> dict[Phrase, float]:
    return {
        number_words(number): _TENS_WEIGHT if number % 10 == 0 else _FIVES_WEIGHT if number % 5 == 0 else _OTHER_WEIGHT
        for number in range(1, 101)
    } | {("zero",): RARELY, ("a", "hundred"): 3.0, ("hundred",): 3.0}


def _degrees() -> dict[Phrase, float]:
    found = {}
    for number in range(-20, 120):
        words = number_words(number)
        weight = _TENS_WEIGHT if number in _TEMPERATE else 1.0 if number in _TOLERABLE else RARELY
        found[words] = weight
        found[*words, "and", "a", "half"] = RARELY * weight
        found[*words, "point", "five"] = RARELY * weight / 2
    return found


PERCENTS: Final[Mapping[Phrase, float]] = _percents()
"""Tens are said, now and then a number between."""
DEGREES: Final[Mapping[Phrase, float]] = _degrees()
"""What rooms are heated to."""


def spans(entries: Iterable[Phrase]) -> dict[Phrase, float]:
    """Weigh times by their number: "ten minutes" is common, "eleven" is not, and seconds are few."""
    usual = {number_words(number) for number in _USUAL_SPANS}
    found = {}
    for words in entries:
        weight = 1.0 if words[0] in {"a", "an", "half"} or words[:-1] in usual else RARELY
        found[words] = weight * (RARELY if words[-1].startswith("second") else 1.0)
    return found


def values(entries: Iterable[Phrase]) -> dict[Phrase, float]:
    """Weigh words that things are set to: ten colours have names that everybody uses."""
    return {words: 1.0 if len(words) > 1 or words[0] in _BASIC else 0.3 for words in entries}
