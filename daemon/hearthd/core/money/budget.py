"""Before each response: whether it is affordable, and how long it may be."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SHORTEST_REPLY_TOKENS: Final = 160
"""Room for a function call or for about 6 s of speech with its text; with less, a reply is not worth asking for."""


class Period(StrEnum):
    """What a limit holds for."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What may be spent, in pico-dollars; 0 sets no limit."""

    day_pusd: int = 0
    month_pusd: int = 0
    warn_percent: int = 80

    def of(self, period: Period) -> int:
        """Return the limit of a period."""
        return self.day_pusd if period is Period.DAY else self.month_pusd


@dataclass(frozen=True, slots=True)
class Affordable:
    """The response may be asked for, with this limit."""

    max_output_tokens: int
    clamped: bool = False
    """Whether the limit is lower than was wished, because little is left."""


@dataclass(frozen=True, slots=True)
class Unaffordable:
    """The response must not be asked for."""

    period: Period
    """Whose limit would be passed."""


Decision = Affordable | Unaffordable


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A response that is wanted, as dear as it can get."""

    input_pusd: int
    """For everything that the server reads, none of it cached."""
    max_output_tokens: int
    token_pusd: int
    """For each token of the reply, at the rate of its dearest kind."""


def decide(wish: Wish, left_pusd: dict[Period, int]) -> Decision:
    """Allow what certainly stays within every limit, shorten what may not, deny what is not worth shortening.

    `left_pusd` has an entry for each period with a limit; what is in flight is taken off already. What costs nothing
    is allowed whatever is left.
    """
    if not wish.input_pusd and not wish.token_pusd:
        return Affordable(wish.max_output_tokens)
    tokens = wish.max_output_tokens
    for period, left in left_pusd.items():
        room = left - wish.input_pusd
        affordable = room // wish.token_pusd if wish.token_pusd else wish.max_output_tokens
        if room < 0 or affordable < min(SHORTEST_REPLY_TOKENS, wish.max_output_tokens):
            return Unaffordable(period)
        tokens = min(tokens, affordable)
    return Affordable(tokens, clamped=tokens < wish.max_output_tokens)
