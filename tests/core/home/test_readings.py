"""Reports that nobody can command."""

import pytest

from hearthd.core.home.numerals import Json, Value
from hearthd.core.home.readings import Availability, CoverReading, CoverState, Measurement

COVER = CoverReading({"auf": CoverState.OPEN})


@pytest.mark.parametrize(
    ("raw", "state"),
    [("AUF", "open"), ("CLOSE", "closed"), ("opening", "opening"), ("stopped", "stopped"), ("?", None), (None, None)],
)
def test_a_cover_says_what_it_does(raw: Json, state: str | None) -> None:
    """The owner's payloads count, then the words that covers use."""
    assert COVER.decode(raw) == state


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (True, "closed"),
        ("false", "open"),
        (21.299999999, 21.3),
        ("55", 55),
        ("raining", "raining"),
        ("", None),
        (None, None),
        ({}, None),
    ],
)
def test_a_measurement_is_a_meaning_a_number_or_a_text(raw: Json, value: Value | None) -> None:
    """The owner's words win; what is no scalar is no measurement."""
    assert Measurement({"true": "closed", "false": "open"}).decode(raw) == value


def test_a_truth_value_without_a_meaning_stays_one() -> None:
    """`true` is told as true, not as a text."""
    assert Measurement({}).decode(raw=True) is True


@pytest.mark.parametrize(
    ("raw", "available"),
    [("Online", True), ({"state": "offline"}, False), ({"other": 1}, None), ("asleep", None), (0, False), (None, None)],
)
def test_presence_is_read_bare_and_as_an_object(raw: Json, available: bool | None) -> None:
    """Tasmota says Online, zigbee2mqtt an object; unknown words say nothing."""
    assert Availability().decode(raw) is available
