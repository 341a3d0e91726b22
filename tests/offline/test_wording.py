"""Numbers, units, times and lists as they are said."""

from datetime import datetime

import pytest

from hearthd.core.home.numerals import Json
from hearthd.offline.mind.wording import clock, date, listed, number, plain, quantity, sentence


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (1, "°C", "one degree"),
        (-0.5, "°C", "minus zero point five degrees"),
        (50, "%", "fifty percent"),
        ("1.25", "kWh", "one point two kilowatt hours"),
        (3, "bananas", "three bananas"),
        (7, "", "seven"),
        (True, "", "on"),
        (False, "", "off"),
        ("wet_and_cold", "", "wet and cold"),
        (None, "", ""),
    ],
)
def test_a_quantity_is_said_with_its_unit(value: Json, unit: str, said: str) -> None:
    """One degree, two degrees, and words as they are."""
    assert said == quantity(value, unit)


def test_large_numbers_end_where_speech_does() -> None:
    """Thousands are said, and what lies beyond a million is cut to it."""
    assert number(12_345) == "twelve thousand three hundred forty five"
    assert number(1e12) == "nine hundred ninety nine thousand nine hundred ninety nine"


@pytest.mark.parametrize(
    ("hour", "minute", "said"),
    [(0, 0, "twelve o'clock"), (9, 5, "nine oh five"), (12, 30, "twelve thirty"), (23, 59, "eleven fifty nine")],
)
def test_the_time_of_day(hour: int, minute: int, said: str) -> None:
    """Twelve hours, as people say them."""
    assert said == clock(datetime(2026, 11, 22, hour, minute))  # noqa: DTZ001 (local time is handed in)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (1, "Sunday, the first of November"),
        (12, "Thursday, the twelfth of November"),
        (20, "Friday, the twentieth of November"),
        (22, "Sunday, the twenty second of November"),
        (24, "Tuesday, the twenty fourth of November"),
    ],
)
def test_the_date(day: int, said: str) -> None:
    """Days are counted as people count them."""
    assert said == date(datetime(2026, 11, day))  # noqa: DTZ001 (local time is handed in)


def test_somebody_elses_text_is_cut_where_a_sentence_ends() -> None:
    """Without marks of structure and control characters, and never in the middle of a word."""
    assert plain(" **Hello**\n\x00 {world} ") == "Hello world"
    assert plain("One. " + "two " * 100) == "One."
    assert plain("word " * 100).endswith("word.")


def test_sentences_and_lists() -> None:
    """A capital, a full stop, commas and one "and"."""
    assert [sentence(text) for text in ("hello", "Really?", " ")] == ["Hello.", "Really?", ""]
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
