"""Numbers and words as devices write them, in JSON or as bare text, and how they stand in an answer."""

import math
from collections.abc import Mapping, Sequence

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""A decoded JSON value."""

Value = bool | int | float | str
"""A property's value as it stands in answers to the model."""

_LONGEST_WORD = 200
"""Characters of a reported text that are worth telling; a sensor that says more is cut."""
_EXACT = 2.0**53
"""Above it a float is no exact integer, and 64-bit JSON integers are near their end."""


def finite(raw: Json) -> float | None:
    """Read a number, or a text that is one; None for everything else, infinities included."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    try:
        number = float(raw)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def word(raw: Json) -> str | None:
    """Return a scalar as the text that a device would send for it; None for null, arrays and objects."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int | float):
        number = finite(raw)
        return None if number is None else str(tidy(number))
    return raw.strip()[:_LONGEST_WORD] if isinstance(raw, str) else None


def tidy(number: float) -> int | float:
    """Drop a fraction of zero and the digits that binary fractions add, so that 21.299999 reads 21.3."""
    if abs(number) >= _EXACT:
        return number
    rounded = round(number, 3)
    return int(rounded) if rounded == int(rounded) else rounded
