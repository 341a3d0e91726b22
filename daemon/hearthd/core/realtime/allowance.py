"""Whether a response may be asked for, and how long it may be: what the budget is asked before each one."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class AskKind(StrEnum):
    """Why a response is wanted."""

    REPLY = "reply"
    """The user's turn waits for an answer."""
    FOLLOW_UP = "follow_up"
    """The model waits to speak about the results of its calls."""
    SPEECH = "speech"
    """Somebody wants a text spoken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextSize:
    """What a response will read, in tokens: as the server last counted it, and estimated for what came since.

    Estimates err upwards. How much of it the server still has in its cache is not known beforehand.
    """

    text_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int = 0


NOTHING_READ = ContextSize()


@dataclass(frozen=True, slots=True)
class Granted:
    """The response may be made, with at most this many tokens of output."""

    max_output_tokens: int


@dataclass(frozen=True, slots=True)
class Denied:
    """The response shall not be made; `reason` says why in plain words."""

    reason: str


Allowance = Granted | Denied
Allow = Callable[[AskKind, ContextSize], Allowance]
"""Decides at once, without waiting for anything; called right before a response would be asked for."""
