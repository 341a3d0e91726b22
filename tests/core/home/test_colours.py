"""Colours in all notations that lamps use."""

import pytest

from hearthd.core.home.colours import NAMED, channels, named_colour, near, reported_colour
from hearthd.core.home.numerals import Json


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("red", "#ff0000"),
        (" Red ", "#ff0000"),
        ("#12AbCd", "#12abcd"),
        ("#12abc", None),
        ("12abcd", None),
        ("reddish", None),
    ],
)
def test_a_colour_is_a_known_name_or_a_hex_number(text: str, colour: str | None) -> None:
    """Case and blanks do not matter; everything else is refused rather than guessed."""
    assert named_colour(text) == colour


@pytest.mark.parametrize(
    ("raw", "colour"),
    [
        ("255,0,128", "#ff0080"),
        ("999,0,0", "#ff0000"),
        ("FF0080", "#ff0080"),
        ("#ff0080", "#ff0080"),
        ("FF00801122", "#ff0080"),
        ("red-ish", None),
        ({"r": 255, "g": 0, "b": 128}, "#ff0080"),
        ({"r": 300, "g": -4, "b": 0}, "#ff0000"),
        ({"hex": "#FF0080"}, "#ff0080"),
        ({"h": 120, "s": 100}, "#00ff00"),
        ({"hue": 480, "saturation": 200}, "#00ff00"),
        ({"x": 0.7006, "y": 0.2993}, "#ff0000"),
        ({"x": 0.5, "y": 0}, None),
        ({"x": 1, "y": 1e-310}, "#ff0031"),
        ({"h": 1e308, "s": 1e308}, "#ee00ff"),
        ({"x": 2, "y": 0.5}, None),
        ({"r": 255, "g": "much"}, None),
        ({}, None),
        (7, None),
        (None, None),
    ],
)
def test_every_notation_of_a_report_is_read(raw: Json, colour: str | None) -> None:
    """Decimal, hexadecimal, RGB, HS and xy all become `#rrggbb`, and nonsense becomes nothing."""
    assert reported_colour(raw) == colour


@pytest.mark.parametrize("colour", NAMED.values())
def test_a_colour_survives_the_way_over_xy(colour: str) -> None:
    """What zigbee2mqtt reports as xy after it was told RGB is recognised as the colour that was asked for."""
    red, green, blue = ((channel / 255) for channel in channels(colour))
    linear = [((c + 0.055) / 1.055) ** 2.4 if c > 0.04045 else c / 12.92 for c in (red, green, blue)]
    x = linear[0] * 0.664511 + linear[1] * 0.154324 + linear[2] * 0.162028
    y = linear[0] * 0.283881 + linear[1] * 0.668433 + linear[2] * 0.047685
    z = linear[0] * 0.000088 + linear[1] * 0.072310 + linear[2] * 0.986039
    total = x + y + z

    reported = reported_colour({"x": round(x / total, 4), "y": round(y / total, 4)})

    assert reported is not None
    assert near(reported, colour)


def test_different_colours_are_not_near() -> None:
    """Red is not blue, and darkness alone changes no hue."""
    assert not near("#ff0000", "#0000ff")
    assert near("#ff0000", "#800000")
    assert near("#000000", "#ffffff")
