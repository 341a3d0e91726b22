"""What may be asked, how it is written for a device, and when a report agrees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.home.colours import NAMED
from hearthd.core.home.numerals import Json, Value
from hearthd.core.home.quantities import (
    Choice,
    Colour,
    ColourTemperature,
    Percent,
    Quantity,
    Switched,
    Temperature,
    brightness,
    position,
    speed,
)

SWITCHED = Switched("ON", "OFF")
WHITE = ColourTemperature(6_500, 2_000, in_kelvin=False)
WHITE_K = ColourTemperature(6_500, 2_000, in_kelvin=True)
HEAT = Temperature(7.0, 30.0, 0.5, "°C")
MODES = Choice((("off", "off"), ("heat", "HEAT")))


@pytest.mark.parametrize(
    ("quantity", "schema", "expects"),
    [
        (SWITCHED, {"type": "boolean"}, "true or false"),
        (brightness(254), {"type": "integer"}, "a whole number from 1 to 100"),
        (position(0, 100), {"type": "integer"}, "a whole number from 0 to 100"),
        (
            WHITE,
            {"type": "integer", "minimum": 2_000, "maximum": 6_500},
            "a number from 2000 (warm) to 6500 (cold)",
        ),
        (
            HEAT,
            {"type": "number", "minimum": 7, "maximum": 30, "description": "°C"},
            "a number from 7 to 30 °C",
        ),
        (MODES, {"type": "string", "enum": ["off", "heat"]}, "one of off, heat"),
        (
            Colour(as_object=True),
            {"type": "string", "description": "name or #rrggbb"},
            "#rrggbb or one of " + ", ".join(NAMED),
        ),
    ],
)
def test_a_schema_and_a_sentence_tell_what_may_be_asked(
    quantity: Quantity, schema: dict[str, Json], expects: str
) -> None:
    """The model reads the schema beforehand and the sentence after a mistake."""
    assert (quantity.schema(), quantity.expects) == (schema, expects)


@pytest.mark.parametrize(
    ("quantity", "asked", "accepted"),
    [
        (SWITCHED, True, True),
        (SWITCHED, "on", None),
        (SWITCHED, 1, None),
        (brightness(254), 40, 40),
        (brightness(254), 40.0, 40),
        (brightness(254), 40.5, None),
        (brightness(254), 0, None),
        (brightness(254), 101, None),
        (brightness(254), "40", None),
        (brightness(254), True, None),
        (position(0, 100), 0, 0),
        (WHITE, 2_700.4, 2_700),
        (WHITE, 1_999, None),
        (WHITE, 6_501, None),
        (WHITE, "2700", None),
        (HEAT, 21, 21),
        (HEAT, 21.3, 21.5),
        (HEAT, 29.99, 30),
        (HEAT, 6.9, None),
        (HEAT, 35, None),
        (HEAT, "21", None),
        (HEAT, None, None),
        (MODES, " Heat ", "heat"),
        (MODES, "cool", None),
        (MODES, 3, None),
        (Colour(as_object=True), "Blue", "#0000ff"),
        (Colour(as_object=True), "bluish", None),
        (Colour(as_object=True), 3, None),
    ],
)
def test_only_what_lies_in_range_is_accepted(quantity: Quantity, asked: Json, accepted: Value | None) -> None:
    """Nothing is clamped: a refusal that names the range beats a house that does something else."""
    assert quantity.accept(asked) == accepted


@pytest.mark.parametrize(
    ("quantity", "value", "raw"),
    [
        (SWITCHED, True, "ON"),
        (SWITCHED, False, "OFF"),
        (brightness(254), 40, 102),
        (brightness(254), 100, 254),
        (Percent(0, 10), 1, 1),
        (position(100, 0), 30, 70),
        (Percent(10, 0), 1, 9),
        (position(0, 100), 0, 0),
        (speed(1, 3), 1, 1),
        (speed(1, 3), 66, 2),
        (speed(1, 3), 100, 3),
        (WHITE, 2_700, 370),
        (WHITE_K, 2_700, 2_700),
        (HEAT, 21.5, 21.5),
        (MODES, "heat", "HEAT"),
        (Colour(as_object=True), "#ff0080", {"r": 255, "g": 0, "b": 128}),
        (Colour(as_object=False), "#ff0080", "255,0,128"),
    ],
)
def test_a_value_is_written_as_the_device_wants_it(quantity: Quantity, value: Value, raw: Json) -> None:
    """Scales, inverted covers, fan steps and mired are the device's business, never the model's."""
    assert quantity.encode(value) == raw


@pytest.mark.parametrize(
    ("quantity", "raw", "value"),
    [
        (SWITCHED, "on", True),
        (SWITCHED, "Off", False),
        (SWITCHED, True, True),
        (SWITCHED, 0, False),
        (SWITCHED, "maybe", None),
        (SWITCHED, None, None),
        (Switched("0", "1"), "0", True),
        (Switched("0", "1"), 1, False),
        (brightness(254), 102, 40),
        (brightness(254), "102", 40),
        (brightness(254), 1, 1),
        (brightness(254), 0, 0),
        (brightness(254), 300, 100),
        (brightness(254), -4, 0),
        (brightness(254), "dim", None),
        (brightness(254), 10**400, None),
        (position(0, 1), 1e308, 100),
        (speed(1, 4), -1e308, 0),
        (position(100, 0), 70, 30),
        (speed(1, 3), 2, 67),
        (WHITE, 370, 2_703),
        (WHITE, 0, None),
        (WHITE, 1e9, None),
        (WHITE, "cold", None),
        (WHITE_K, 2_700, 2_700),
        (WHITE_K, 1e308, None),
        (HEAT, "21.25", 21.25),
        (HEAT, "unknown", None),
        (MODES, "HEAT", "heat"),
        (MODES, "dry", "dry"),
        (MODES, "", None),
        (MODES, None, None),
        (Colour(as_object=True), {"r": 1, "g": 2, "b": 3}, "#010203"),
    ],
)
def test_a_report_is_read_whatever_its_form(quantity: Quantity, raw: Json, value: Value | None) -> None:
    """JSON values and bare texts are read alike, the owner's payloads first, and nonsense is nothing."""
    assert quantity.decode(raw) == value


@pytest.mark.parametrize(
    ("quantity", "wanted", "reported", "agrees"),
    [
        (SWITCHED, True, True, True),
        (SWITCHED, True, False, False),
        (brightness(254), 40, 42, True),
        (brightness(254), 40, 43, False),
        (speed(1, 3), 50, 67, True),
        (speed(1, 3), 50, 33, False),
        (position(0, 100), 50, 53, True),
        (position(0, 100), 50, 54, False),
        (WHITE, 2_700, 2_703, True),
        (WHITE, 2_700, 3_000, False),
        (HEAT, 21.5, 21.7, True),
        (HEAT, 21.5, 22.0, False),
        (MODES, "heat", "HEAT", True),
        (MODES, "heat", "off", False),
        (Colour(as_object=True), "#ff0000", "#fa0505", True),
        (Colour(as_object=True), "#ff0000", "#00ff00", False),
    ],
)
def test_a_report_agrees_within_what_devices_round(
    quantity: Quantity, wanted: Value, reported: Value, agrees: bool
) -> None:
    """Rounding and motor slack confirm, real differences do not."""
    assert quantity.agrees(wanted, reported) is agrees


@given(st.integers(1, 1_000), st.integers(1, 100))
def test_a_device_that_repeats_what_it_was_told_confirms(scale: int, percent: int) -> None:
    """On any scale, a brightness that comes back as it was sent counts as reached and is never dark."""
    quantity = brightness(scale)

    reported = quantity.decode(quantity.encode(percent))

    assert reported is not None
    assert reported != 0
    assert quantity.agrees(percent, reported)
