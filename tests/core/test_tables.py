"""Contract of `core.tables`: a TOML table becomes a struct, and every mistake is named."""

import datetime as dt
from typing import Annotated, Literal

import msgspec
import pytest

from hearthd.core.settings import Section
from hearthd.core.tables import Problem, fill, found, nearest


class Sample(Section, frozen=True):
    """One field of every kind that a setting can have."""

    flag: bool = False
    count: Annotated[int, msgspec.Meta(ge=1, le=3)] = 2
    any_count: int = 0
    ratio: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] = 0.5
    at_least: Annotated[float, msgspec.Meta(ge=0.0)] = 0.0
    above: Annotated[float, msgspec.Meta(gt=0.0)] = 1.0
    at_most: Annotated[int, msgspec.Meta(le=9)] = 1
    text: str = ""
    label: Annotated[str, msgspec.Meta(min_length=1, max_length=4)] = "a"
    filled: Annotated[str, msgspec.Meta(min_length=1)] = "a"
    mode: Literal["off", "on"] = "off"
    words: tuple[str, ...] = ()
    table: dict[str, str] = msgspec.field(default_factory=dict)
    day: dt.date = dt.date(2026, 1, 1)
    other: bytes = b""


def test_a_right_table_fills_the_struct_and_leaves_the_rest_at_its_defaults() -> None:
    """Given values are taken and converted, missing ones keep their defaults."""
    day = dt.date(2026, 11, 22)
    table = {"count": 3, "ratio": 1, "words": ["x", "y"], "table": {"a": "b"}, "day": day}
    assert fill(Sample, table, "sample") == (
        Sample(count=3, ratio=1.0, words=("x", "y"), table={"a": "b"}, day=day),
        [],
    )


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("flag", 1, "expected true or false, found the number 1"),
        (
            "flag",
            "yes",
            'expected true or false, found the text "yes"; numbers, true and false stand without quotes',
        ),
        ("count", 9, "expected a whole number from 1 to 3, found the number 9"),
        ("count", True, "expected a whole number from 1 to 3, found true"),
        ("count", 2.0, "expected a whole number from 1 to 3, found the number 2.0"),
        ("any_count", [], "expected a whole number, found a list"),
        ("any_count", 2**63, "expected a whole number, found a number of more than 64 bits"),
        ("text", -(2**64), "expected a text in quotes, found a number of more than 64 bits"),
        ("ratio", 0.0, "expected a number above 0 and of at most 1, found the number 0.0"),
        ("at_least", -0.5, "expected a number of at least 0, found the number -0.5"),
        ("at_least", float("inf"), "expected a number of at least 0, found the number inf"),
        ("at_least", float("nan"), "expected a number of at least 0, found the number nan"),
        ("above", 0, "expected a number above 0, found the number 0"),
        ("at_most", 10, "expected a whole number of at most 9, found the number 10"),
        ("text", 5, "expected a text in quotes, found the number 5"),
        ("text", dt.date(2026, 1, 2), "expected a text in quotes, found the date or time 2026-01-02"),
        ("text", "a\0b", "expected a text in quotes, found a text with a NUL character"),
        ("mode", "o\n\x1b[1mf", 'expected "off" or "on", found the text "o [1mf"'),
        ("label", "", "expected a text of 1 to 4 characters, found an empty text"),
        ("filled", "", "expected a text that is not empty, found an empty text"),
        ("mode", "of", 'expected "off" or "on", found the text "of"'),
        ("words", "one", 'expected a list of texts such as ["one", "two"], found the text "one"'),
        ("table", 1, 'expected a table of texts such as { name = "value" }, found the number 1'),
        ("day", 3, "expected a date such as 2026-11-22, found the number 3"),
        ("other", 1, "expected a value of another kind (BytesType), found the number 1"),
    ],
)
def test_a_wrong_value_is_told_with_what_was_expected_and_what_was_found(key: str, value: object, problem: str) -> None:
    """Each kind of setting has its own plain words and range; the default takes the wrong value's place."""
    assert fill(Sample, {key: value}, "sample") == (Sample(), [Problem(f"sample.{key}", problem)])


def test_a_wrong_element_of_a_list_is_named_by_its_place() -> None:
    """The index leads to the one wrong element, not to the list as a whole."""
    problem = Problem("sample.words[1]", "expected a text in quotes, found the number 3")
    assert fill(Sample, {"words": ["a", 3]}, "sample")[1] == [problem]
    problem = Problem("sample.words[1]", "expected a text in quotes, found a text with a NUL character")
    assert fill(Sample, {"words": ["a", "b\0"]}, "sample")[1] == [problem]


def test_a_wrong_value_in_a_table_of_texts_is_not_repeated() -> None:
    """Such tables hold HTTP headers, and with them keys: a message says where it is wrong, not what it is."""
    problem = Problem("sample.table.api-key", "expected a text in quotes, found something else")
    for wrong in (1234, "sk\0hush"):
        assert fill(Sample, {"table": {"api-key": wrong}}, "sample")[1] == [problem]


def test_a_text_in_the_place_of_such_a_table_is_not_repeated_either() -> None:
    """Who writes a header as one text has written the key into it."""
    problem = Problem("sample.table", 'expected a table of texts such as { name = "value" }, found a text')
    assert fill(Sample, {"table": "Authorization: Bearer sk-hush"}, "sample")[1] == [problem]


def test_all_mistakes_of_a_table_are_told_at_once() -> None:
    """Nobody shall have to start hearthd three times to find three mistakes."""
    keys = [problem.key for problem in fill(Sample, {"flg": True, "count": 0, "mode": 1}, "sample")[1]]
    assert keys == ["sample.flg", "sample.count", "sample.mode"]


def test_an_unknown_key_comes_with_the_nearest_valid_one() -> None:
    """A slip of the pen is recognised."""
    problem = Problem("sample.Fflag", "no such key in [sample]; did you mean flag?")
    assert fill(Sample, {"Fflag": True}, "sample")[1] == [problem]


def test_what_is_no_table_at_all_is_told() -> None:
    """`gate = 3` instead of `[gate]` is a mistake of its own."""
    problem = Problem("sample", "expected a section, written [sample], found the number 3")
    assert fill(Sample, 3, "sample") == (Sample(), [problem])


def test_a_word_that_resembles_nothing_gets_the_list_of_what_is_known() -> None:
    """Without a near match all valid words are shown, and nothing when there are none."""
    assert nearest("zzz", ["alpha", "beta"]) == "; known here: alpha, beta"
    assert nearest("zzz", []) == ""


def test_a_long_text_is_shortened_and_a_table_is_not_shown() -> None:
    """A message stays one line, whatever stands in the file."""
    assert found("x" * 100) == 'the text "' + "x" * 39 + '…"'
    assert found({"a": 1}) == "a table"
    assert found(False) == "false"
    assert found(2**16_000) == "a number of more than 64 bits"
