"""Colours: from names and the notations that lamps use to `#rrggbb`, and how near two of them are."""

import colorsys
import re
from collections.abc import Mapping

from hearthd.core.home.numerals import Json, finite

NAMED = {
    "red": "#ff0000",
    "orange": "#ff8000",
    "amber": "#ffbf00",
    "yellow": "#ffff00",
    "lime": "#80ff00",
    "green": "#00ff00",
    "turquoise": "#00ffc0",
    "cyan": "#00ffff",
    "blue": "#0000ff",
    "violet": "#8000ff",
    "purple": "#a000ff",
    "magenta": "#ff00ff",
    "pink": "#ff60c0",
    "white": "#ffffff",
}
"""What people ask a lamp for, as light rather than as paint: saturated and at full brightness."""

NEAR = 0.1
"""Distance in the CIE 1931 xy plane that still is the same colour: lamps move what they cannot show."""

_HEX = re.compile(r"#?([0-9a-f]{6})(?:[0-9a-f]{2})*")
_DECIMAL = re.compile(r"(\d{1,3}),(\d{1,3}),(\d{1,3})")
_FULL = 255


def named_colour(text: str) -> str | None:
    """Read a colour's name or `#rrggbb`; None if it is neither."""
    word = text.strip().casefold()
    if word in NAMED:
        return NAMED[word]
    return word if re.fullmatch(r"#[0-9a-f]{6}", word) else None


def channels(colour: str) -> tuple[int, int, int]:
    """Split `#rrggbb` into red, green and blue, 0 to 255 each."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def reported_colour(raw: Json) -> str | None:
    """Read a lamp's report: `r,g,b`, `rrggbb[ww]`, or an object with `r g b`, `hex`, `x y`, `h s`."""
    if isinstance(raw, str):
        return _from_text(raw.strip().casefold())
    if not isinstance(raw, Mapping):
        return None
    if isinstance(raw.get("hex"), str):
        return _from_text(str(raw["hex"]).strip().casefold())
    for names, convert in _NOTATIONS:
        numbers = [finite(raw.get(name)) for name in names]
        if None not in numbers:
            return convert(*(number for number in numbers if number is not None))
    return None


def near(one: str, other: str) -> bool:
    """Tell whether two colours are the same hue and saturation for the eye, whatever their brightness."""
    (one_x, one_y), (other_x, other_y) = _xy(one), _xy(other)
    return (one_x - other_x) ** 2 + (one_y - other_y) ** 2 <= NEAR**2


def _from_text(text: str) -> str | None:
    if match := _DECIMAL.fullmatch(text):
        return _from_rgb(*(float(channel) for channel in match.groups()))
    if match := _HEX.fullmatch(text):
        return "#" + match.group(1)
    return None


def _from_rgb(red: float, green: float, blue: float) -> str:
    return "#" + "".join(f"{round(min(max(channel, 0), _FULL)):02x}" for channel in (red, green, blue))


def _from_hs(hue_degrees: float, saturation_percent: float) -> str:
    red, green, blue = colorsys.hsv_to_rgb(hue_degrees % 360 / 360, min(max(saturation_percent, 0), 100) / 100, 1)
    return _from_rgb(red * _FULL, green * _FULL, blue * _FULL)


def _from_xy(x: float, y: float) -> str | None:
    """Turn a chromaticity into the brightest colour that has it, within the wide RGB gamut of lamps."""
    if not (0 <= x <= 1 and 0 < y <= 1):
        return None
    z = 1 - x - y
    linear = (
        x * 1.656492 - y * 0.354851 - z * 0.255038,
        -x * 0.707196 + y * 1.655397 + z * 0.036152,
        x * 0.051713 - y * 0.121364 + z * 1.011530,
    )
    brightest = max(linear)
    return _from_rgb(*(_FULL * _compress(max(channel, 0) / brightest) for channel in linear))


def _xy(colour: str) -> tuple[float, float]:
    """Return the CIE 1931 chromaticity in the wide RGB gamut (D65) that Hue made the custom of lamps."""
    red, green, blue = (_expand(channel / _FULL) for channel in channels(colour))
    big_x = red * 0.664511 + green * 0.154324 + blue * 0.162028
    big_y = red * 0.283881 + green * 0.668433 + blue * 0.047685
    big_z = red * 0.000088 + green * 0.072310 + blue * 0.986039
    total = big_x + big_y + big_z
    return (big_x / total, big_y / total) if total else (0.3127, 0.3290)


def _expand(channel: float) -> float:
    """Undo the sRGB transfer function."""
    return ((channel + 0.055) / 1.055) ** 2.4 if channel > 0.04045 else channel / 12.92  # noqa: PLR2004


def _compress(channel: float) -> float:
    """Apply the sRGB transfer function."""
    return 1.055 * channel ** (1 / 2.4) - 0.055 if channel > 0.0031308 else 12.92 * channel  # noqa: PLR2004


_NOTATIONS = (
    (("r", "g", "b"), _from_rgb),
    (("x", "y"), _from_xy),
    (("h", "s"), _from_hs),
    (("hue", "saturation"), _from_hs),
)
