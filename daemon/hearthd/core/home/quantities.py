"""What devices can be told: per kind of value its JSON schema, its limits and both ways of writing it."""

import math
from dataclasses import dataclass
from typing import Protocol

from hearthd.core.home.colours import NAMED, channels, named_colour, near, reported_colour
from hearthd.core.home.numerals import Json, Value, finite, tidy, word

_PERCENT_TOLERANCE = 2
"""Devices round percent to their own steps and back; 2 covers scales down to 50 steps."""
_POSITION_TOLERANCE = 3
"""Covers stop by motor time and miss their target by a little."""
_MIRED_TOLERANCE = 10
"""Lamps move a colour temperature to their nearest step; 10 mired are below what the eye tells apart."""
_MIRED = 1_000_000


class Quantity(Protocol):
    """One kind of value: asked for by the model, written to a device, reported by it."""

    @property
    def expects(self) -> str:
        """Plain words for what may be asked: "a whole number from 1 to 100"."""
        ...

    def schema(self) -> dict[str, Json]:
        """Return the JSON schema of what may be asked."""
        ...

    def accept(self, asked: Json) -> Value | None:
        """Return the value asked for, or None if it must not be carried out."""
        ...

    def encode(self, value: Value) -> Json:
        """Write an accepted value as this device wants it."""
        ...

    def decode(self, raw: Json) -> Value | None:
        """Read what the device reported; None if it makes no sense."""
        ...

    def agrees(self, wanted: Value, reported: Value) -> bool:
        """Tell whether a report says that the wanted value was reached."""
        ...


_SWITCHED = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Switched:
    """On or off."""

    on: str
    off: str
    expects = "true or false"

    def schema(self) -> dict[str, Json]:
        """A boolean."""
        return {"type": "boolean"}

    def accept(self, asked: Json) -> Value | None:
        """Take a boolean alone: a word could mean a mode."""
        return asked if isinstance(asked, bool) else None

    def encode(self, value: Value) -> Json:
        """Write the owner's payload."""
        return self.on if value else self.off

    def decode(self, raw: Json) -> Value | None:
        """Read the owner's payloads first, then what on and off are usually called."""
        text = (word(raw) or "").casefold()
        if text in (self.on.casefold(), self.off.casefold()):
            return text == self.on.casefold()
        return _SWITCHED.get(text)

    def agrees(self, wanted: Value, reported: Value) -> bool:
        """Exactly."""
        return wanted == reported


@dataclass(frozen=True, slots=True)
class Percent:
    """A share of a device's own scale, which may run downwards."""

    zero: int
    """The raw value of 0 %."""
    full: int
    """The raw value of 100 %."""
    least: int = 1
    """The smallest percentage that may be asked; 1 where 0 would mean off."""
    tolerance: int = _PERCENT_TOLERANCE

    @property
    def expects(self) -> str:
        """The allowed percentages."""
        return f"a whole number from {self.least} to 100"

    def schema(self) -> dict[str, Json]:
        """An integer: that percentages end at 100 need not be said."""
        return {"type": "integer"}

    def accept(self, asked: Json) -> Value | None:
        """Take a whole percentage in range."""
        number = None if isinstance(asked, str) else finite(asked)
        if number is None or number != int(number) or not self.least <= number <= 100:  # noqa: PLR2004
            return None
        return int(number)

    def encode(self, value: Value) -> Json:
        """Scale and round, but never down to nothing."""
        span = self.full - self.zero
        raw = self.zero + round(span * int(value) / 100)
        if raw == self.zero and int(value) > 0:
            raw += 1 if span > 0 else -1
        return raw

    def decode(self, raw: Json) -> Value | None:
        """Scale back; anything above nothing is at least 1 %."""
        number = finite(raw)
        if number is None:
            return None
        share = min(max((number - self.zero) / (self.full - self.zero), 0.0), 1.0)
        return max(round(share * 100), 1) if share else 0

    def agrees(self, wanted: Value, reported: Value) -> bool:
        """Within rounding, or on the same raw step."""
        return abs(int(wanted) - int(reported)) <= self.tolerance or self.encode(wanted) == self.encode(reported)


def brightness(scale: int) -> Percent:
    """Brightness on a raw scale from 0 to `scale`."""
    return Percent(0, scale)


def position(closed: int, opened: int) -> Percent:
    """A cover's position: 0 % closed, 100 % open."""
    return Percent(closed, opened, least=0, tolerance=_POSITION_TOLERANCE)


def speed(slowest: int, fastest: int) -> Percent:
    """A fan's speed; raw `slowest` is its first step above standing still."""
    return Percent(slowest - 1, fastest)


@dataclass(frozen=True, slots=True)
class ColourTemperature:
    """White from warm to cold, in kelvin; devices mostly count in mired."""

    coldest_k: int
    warmest_k: int
    in_kelvin: bool

    @property
    def expects(self) -> str:
        """The lamp's range."""
        return f"a number from {self.warmest_k} (warm) to {self.coldest_k} (cold)"

    def schema(self) -> dict[str, Json]:
        """A bounded integer."""
        return {"type": "integer", "minimum": self.warmest_k, "maximum": self.coldest_k}

    def accept(self, asked: Json) -> Value | None:
        """Take kelvin within the lamp's range."""
        number = None if isinstance(asked, str) else finite(asked)
        return round(number) if number is not None and self.warmest_k <= number <= self.coldest_k else None

    def encode(self, value: Value) -> Json:
        """Write whole kelvin or whole mired."""
        return int(value) if self.in_kelvin else round(_MIRED / int(value))

    def decode(self, raw: Json) -> Value | None:
        """Read kelvin or mired; 0 means that the lamp shows a colour, and below one mired nothing is white."""
        number = finite(raw)
        if number is None or not 1 <= number <= _MIRED:
            return None
        return round(number if self.in_kelvin else _MIRED / number) or None

    def agrees(self, wanted: Value, reported: Value) -> bool:
        """Within a few mired, the measure in which the eye works."""
        return abs(_MIRED / int(wanted) - _MIRED / int(reported)) <= _MIRED_TOLERANCE


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour as `#rrggbb`."""

    as_object: bool
    """Whether the device takes `{"r":, "g":, "b":}` rather than the text `r,g,b`."""
    expects = "#rrggbb or one of " + ", ".join(NAMED)

    def schema(self) -> dict[str, Json]:
        """A text."""
        return {"type": "string", "description": "name or #rrggbb"}

    def accept(self, asked: Json) -> Value | None:
        """Take a known name or `#rrggbb`."""
        return named_colour(asked) if isinstance(asked, str) else None

    def encode(self, value: Value) -> Json:
        """Write red, green and blue."""
        red, green, blue = channels(str(value))
        return {"r": red, "g": green, "b": blue} if self.as_object else f"{red},{green},{blue}"

    def decode(self, raw: Json) -> Value | None:
        """Read any notation that lamps use."""
        return reported_colour(raw)

    def agrees(self, wanted: Value, reported: Value) -> bool:
        """Near enough in hue and saturation: lamps cannot show all colours and move them."""
        return near(str(wanted), str(reported))


@dataclass(frozen=True, slots=True)
class Temperature:
    """A set point within the owner's limits."""

    lowest: float
    highest: float
    step: float
    unit: str

    @property
    def expects(self) -> str:
        """The owner's limits."""
        return f"a number from {tidy(self.lowest)} to {tidy(self.highest)} {self.unit}"

    def schema(self) -> dict[str, Json]:
        """A bounded number."""
        return {
            "type": "number",
            "minimum": tidy(self.lowest),
            "maximum": tidy(self.highest),
            "description": self.unit,
        }

    def accept(self, asked: Json) -> Value | None:
        """Take a number within the limits, rounded to the device's step."""
        number = None if isinstance(asked, str) else finite(asked)
        if number is None or not self.lowest <= number <= self.highest:
            return None
        stepped = math.floor(number / self.step + 0.5) * self.step
        return tidy(min(max(stepped, self.lowest), self.highest))

    def encode(self, value: Value) -> Json:
        """Write the number."""
        return value

    def decode(self, raw: Json) -> Value | None:
        """Read a number."""
        number = finite(raw)
        return None if number is None else tidy(number)

    def agrees(self, wanted: Value, reported: Value) -> bool:
        """Within half a step."""
        return abs(float(wanted) - float(reported)) <= self.step / 2


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words, each with the payload that stands for it."""

    payloads: tuple[tuple[str, str], ...]
    """Word and payload."""

    @property
    def expects(self) -> str:
        """The words."""
        return "one of " + ", ".join(choice for choice, _ in self.payloads)

    def schema(self) -> dict[str, Json]:
        """An enumeration."""
        return {"type": "string", "enum": [choice for choice, _ in self.payloads]}

    def accept(self, asked: Json) -> Value | None:
        """Take one of the words in any case."""
        text = asked.strip().casefold() if isinstance(asked, str) else None
        return next((choice for choice, _ in self.payloads if choice.casefold() == text), None)

    def encode(self, value: Value) -> Json:
        """Write the word's payload."""
        return dict(self.payloads)[str(value)]

    def decode(self, raw: Json) -> Value | None:
        """Read a payload as its word, an unknown one as itself: a device may know more modes than we set."""
        text = word(raw)
        known = next(
            (choice for choice, payload in self.payloads if payload.casefold() == (text or "").casefold()),
            text,
        )
        return known or None

    def agrees(self, wanted: Value, reported: Value) -> bool:
        """Exactly, but for case."""
        return str(wanted).casefold() == str(reported).casefold()
