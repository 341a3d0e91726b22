"""Reports that nobody can command: what a cover is doing, and what a sensor measures."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hearthd.core.home.numerals import Json, Value, finite, tidy, word


class Readable(Protocol):
    """One kind of value that a device reports."""

    def decode(self, raw: Json) -> Value | None:
        """Read what the device reported; None if it makes no sense."""
        ...


class CoverState(StrEnum):
    """What a cover is doing."""

    OPEN = "open"
    CLOSED = "closed"
    OPENING = "opening"
    CLOSING = "closing"
    STOPPED = "stopped"


_COVER_WORDS = {
    "open": CoverState.OPEN,
    "opened": CoverState.OPEN,
    "up": CoverState.OPEN,
    "close": CoverState.CLOSED,
    "closed": CoverState.CLOSED,
    "down": CoverState.CLOSED,
    "opening": CoverState.OPENING,
    "closing": CoverState.CLOSING,
    "stop": CoverState.STOPPED,
    "stopped": CoverState.STOPPED,
}


@dataclass(frozen=True, slots=True)
class CoverReading:
    """A cover's state in the words that devices use for it."""

    payloads: Mapping[str, CoverState]
    """The owner's own payloads, in lower case."""

    def decode(self, raw: Json) -> Value | None:
        """Read the owner's payloads first, then the usual words."""
        text = (word(raw) or "").casefold()
        state = self.payloads.get(text) or _COVER_WORDS.get(text)
        return None if state is None else state.value


@dataclass(frozen=True, slots=True)
class Measurement:
    """A sensor's value: the owner's word for it, else a number, a truth value or the text itself."""

    meanings: Mapping[str, str]

    def decode(self, raw: Json) -> Value | None:
        """Read a scalar."""
        text = word(raw)
        if text is None:
            return None
        if text in self.meanings:
            return self.meanings[text]
        number = finite(raw)
        if number is not None:
            return tidy(number)
        return raw if isinstance(raw, bool) else text or None


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a device, or its bridge, says that it is there."""

    def decode(self, raw: Json) -> Value | None:
        """Read `online` or `offline`, bare or as zigbee2mqtt's `{"state": ...}`, and other usual words."""
        text = (word(raw.get("state") if isinstance(raw, Mapping) else raw) or "").casefold()
        return _PRESENCE.get(text)


_PRESENCE = {
    "online": True,
    "connected": True,
    "true": True,
    "1": True,
    "offline": False,
    "disconnected": False,
    "false": False,
    "0": False,
    "lost": False,
}
