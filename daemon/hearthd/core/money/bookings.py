"""What the ledger holds: one booking for each response, and for what was only written down."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from hearthd.core.money.cost import Cost
from hearthd.core.realtime.usage import Usage


class Purpose(StrEnum):
    """What a response was for."""

    REPLY = "reply"
    """The answer to what the user said."""
    FOLLOW_UP = "follow_up"
    """What the model had to say about the results of its calls."""
    SPEECH = "speech"
    """A text that somebody wanted spoken."""
    TRANSCRIPT = "transcript"
    """No response at all: something was written down that none answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What one response came to."""

    purpose: Purpose
    usage: Usage
    cost: Cost
    estimated: bool = False
    """Whether the server told no usage, so that the tokens are our guess."""
    duration_ms: int = 0
    """From the request to the end."""
    latency_ms: int | None = None
    """From the request to the first sound; None: there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """One line of the ledger."""

    utc_ms: int
    """When the response was over, by the wall clock: milliseconds since 1970."""
    day: date
    """The local day that it counts for."""
    server: str
    model: str
    turn: int
    """Number of the turn since the start of the daemon; 0: no turn."""
    bill: Bill
