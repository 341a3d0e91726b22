"""What the provider charges: list prices in USD, counted from what the double read and sent, not from what it told.

Prices as on the model pages in November 2026; the daemon has its own table, and a test compares two bills.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.doubles.realtime.script import Json

_MILLION: Final = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Prices:
    """USD for a million tokens of text and of audio: read, read again, made."""

    text: tuple[Decimal, Decimal, Decimal]
    audio: tuple[Decimal, Decimal, Decimal]


def _prices(text: str, audio: str) -> Prices:
    text_read, text_again, text_made = map(Decimal, text.split())
    audio_read, audio_again, audio_made = map(Decimal, audio.split())
    return Prices((text_read, text_again, text_made), (audio_read, audio_again, audio_made))


_LARGE: Final = _prices("4 0.40 24", "32 0.40 64")
_OLD: Final = _prices("4 0.40 16", "32 0.40 64")
_MINI: Final = _prices("0.60 0.06 2.40", "10 0.30 20")
PRICES: Final = {
    "gpt-realtime-2.1": _LARGE,
    "gpt-realtime-2": _LARGE,
    "gpt-realtime-1.5": _OLD,
    "gpt-realtime": _OLD,
    "gpt-realtime-2.1-mini": _MINI,
    "gpt-realtime-mini": _MINI,
}
TRANSCRIPTION_MINUTE_USD: Final = {
    "gpt-realtime-whisper": Decimal("0.017"),
    "gpt-live-transcribe": Decimal("0.017"),
    "gpt-transcribe": Decimal("0.0045"),
    "gpt-4o-transcribe": Decimal("0.006"),
    "gpt-4o-mini-transcribe": Decimal("0.003"),
    "whisper-1": Decimal("0.006"),
}


def cost_usd(model: str, usage: Json) -> Decimal:
    """Price a usage object; a model that nobody knows is charged like the dearest."""
    prices = PRICES.get(model, _LARGE)
    read, made = usage["input_token_details"], usage["output_token_details"]
    again = read["cached_tokens_details"]
    total = Decimal()
    for kind, (first, once_more, out) in (("text_tokens", prices.text), ("audio_tokens", prices.audio)):
        total += (read[kind] - again[kind]) * first + again[kind] * once_more + made[kind] * out
    return total / _MILLION


def transcription_usd(model: str, seconds: float) -> Decimal:
    """Price a separate transcription, by the second."""
    dearest = max(TRANSCRIPTION_MINUTE_USD.values())
    return TRANSCRIPTION_MINUTE_USD.get(model, dearest) * Decimal(seconds) / 60
