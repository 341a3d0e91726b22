"""Numbers and words as devices write them."""

import msgspec
import pytest

from hearthd.core.home.numerals import Json, finite, tidy, word


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        (21, 21.0),
        (21.5, 21.5),
        (" 40 ", 40.0),
        ("-3.5", -3.5),
        ("warm", None),
        ("nan", None),
        ("1e999", None),
        (10**400, None),
        (True, None),
        (None, None),
        ([1], None),
        ({"a": 1}, None),
    ],
)
def test_only_finite_numbers_are_numbers(raw: Json, number: float | None) -> None:
    """Texts count if they are numbers; truth values, infinities and containers never do."""
    assert finite(raw) == number


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (True, "true"),
        (False, "false"),
        (1, "1"),
        (1.0, "1"),
        (21.299999999, "21.3"),
        (float("inf"), None),
        (" ON ", "ON"),
        ("x" * 300, "x" * 200),
        (None, None),
        ([], None),
        ({}, None),
    ],
)
def test_a_scalar_reads_as_the_text_a_device_would_send(raw: Json, text: str | None) -> None:
    """JSON's `true` and the text "true" mean the same, and a long text is cut."""
    assert word(raw) == text


def test_tidy_numbers_fit_into_json() -> None:
    """Binary noise goes, whole numbers lose their fraction, and the largest float can still be encoded."""
    assert tidy(21.30000001) == 21.3
    assert isinstance(tidy(21.0), int)
    assert msgspec.json.encode(tidy(1e300)) == b"1e300"
