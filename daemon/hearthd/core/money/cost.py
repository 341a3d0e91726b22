"""What tokens cost: usage times rates, kind by kind."""

from dataclasses import astuple, dataclass, fields
from operator import add
from typing import Final

from hearthd.core.realtime.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Pico-dollars for one token of each kind."""

    text_in: int = 0
    audio_in: int = 0
    image_in: int = 0
    cached_text_in: int = 0
    cached_audio_in: int = 0
    cached_image_in: int = 0
    text_out: int = 0
    audio_out: int = 0

    @property
    def dearest_out(self) -> int:
        """What a token of a reply costs at most."""
        return max(self.text_out, self.audio_out)


FREE: Final = Rates()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """What counts on one server for one model."""

    server: str
    """The name under which the ledger knows it."""
    model: str
    rates: Rates = FREE
    transcription_minute_pusd: int = 0
    """For a minute of what the user says; 0: nobody writes it down, or nobody charges for that."""
    basis: str = "free of charge"
    """Where the rates come from, as a clause for the journal."""
    warnings: tuple[str, ...] = ()
    """Sentences for the owner: an unknown price, an old table, a model that goes away."""


OFFLINE: Final = Tariff(server="offline", model="offline")
"""The server on this machine: it takes nothing, and what it answers is counted all the same."""


def dearest(*rates: Rates) -> Rates:
    """Return the highest rate of each kind."""
    highest = {field.name: max((getattr(each, field.name) for each in rates), default=0) for field in fields(Rates)}
    return Rates(**highest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What something cost, by kind, in pico-dollars."""

    text_in: int = 0
    """Text that was read for the first time; like `audio_in` and `image_in` without what came from the cache."""
    audio_in: int = 0
    image_in: int = 0
    cached_in: int = 0
    """Input of every kind that the server had read before."""
    text_out: int = 0
    audio_out: int = 0
    transcription: int = 0

    @property
    def total_pusd(self) -> int:
        """All kinds together."""
        return sum(astuple(self))

    def __add__(self, other: "Cost") -> "Cost":
        """Add kind by kind."""
        names = (field.name for field in fields(Cost))
        return Cost(**dict(zip(names, map(add, astuple(self), astuple(other)), strict=True)))


NOTHING: Final = Cost()


def cost_of(usage: Usage, rates: Rates) -> Cost:
    """Return what the server charges for `usage`.

    Cached tokens are a part of the input and cost their own rate instead (OpenAI, "Managing costs"); a count of
    them beyond the input is no credit.
    """
    cached_text = min(usage.cached_text_in, usage.text_in)
    cached_audio = min(usage.cached_audio_in, usage.audio_in)
    cached_image = min(usage.cached_image_in, usage.image_in)
    return Cost(
        text_in=(usage.text_in - cached_text) * rates.text_in,
        audio_in=(usage.audio_in - cached_audio) * rates.audio_in,
        image_in=(usage.image_in - cached_image) * rates.image_in,
        cached_in=cached_text * rates.cached_text_in
        + cached_audio * rates.cached_audio_in
        + cached_image * rates.cached_image_in,
        text_out=usage.text_out * rates.text_out,
        audio_out=usage.audio_out * rates.audio_out,
    )
