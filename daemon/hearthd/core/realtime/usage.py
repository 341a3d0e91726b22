"""What a response used: tokens by kind, as the server counted them."""

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

TOKENS_MAX: Final = 10_000_000
"""Far beyond any context: a count above it, or below zero, is a mistake and would bill or give back a fortune."""
_SECONDS_MAX: Final = 86_400
"""Of one utterance, likewise."""

_Count = Annotated[int, msgspec.Meta(ge=0, le=TOKENS_MAX)] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one response. The cached ones are a part of the input ones, not an addition to them."""

    text_in: int = 0
    audio_in: int = 0
    image_in: int = 0
    cached_text_in: int = 0
    cached_audio_in: int = 0
    cached_image_in: int = 0
    text_out: int = 0
    audio_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionUsage:
    """What a transcriber charges for one utterance: tokens, or seconds of sound, as its price is made."""

    text_in: int = 0
    audio_in: int = 0
    text_out: int = 0
    seconds: float = 0.0


class _Kinds(msgspec.Struct, frozen=True):
    text_tokens: _Count = None
    audio_tokens: _Count = None
    image_tokens: _Count = None

    @property
    def total(self) -> int:
        return (self.text_tokens or 0) + (self.audio_tokens or 0) + (self.image_tokens or 0)


class _InputKinds(_Kinds, frozen=True):
    cached_tokens: _Count = None
    cached_tokens_details: _Kinds | None = None


class _WireUsage(msgspec.Struct, frozen=True):
    input_tokens: _Count = None
    output_tokens: _Count = None
    input_token_details: _InputKinds | None = None
    output_token_details: _Kinds | None = None


class _WireTranscription(msgspec.Struct, frozen=True):
    seconds: Annotated[float, msgspec.Meta(ge=0, le=_SECONDS_MAX)] | None = None
    input_tokens: _Count = None
    output_tokens: _Count = None
    input_token_details: _Kinds | None = None


_EMPTY = _WireUsage()
_EMPTY_TRANSCRIPTION = _WireTranscription()
_DECODER = msgspec.json.Decoder(_WireUsage)
_TRANSCRIPTION_DECODER = msgspec.json.Decoder(_WireTranscription)


def read_usage(raw: msgspec.Raw) -> Usage | None:
    """Read the `usage` of a response; None when the server sent none, an empty, an unreadable or an impossible one.

    Where a server gives sums without their split, the reading is the dearest that the sums allow: tokens of
    no kind count as audio, and cached tokens of no kind as text first, whose discount is the smaller one.
    """
    try:
        wire = _DECODER.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    if wire == _EMPTY:
        return None
    into = wire.input_token_details or _InputKinds()
    out = wire.output_token_details or _Kinds()
    text_in, image_in = into.text_tokens or 0, into.image_tokens or 0
    audio_in = (into.audio_tokens or 0) + max(0, (wire.input_tokens or 0) - into.total)
    cached = into.cached_tokens_details or _Kinds()
    unsplit = max(0, (into.cached_tokens or 0) - cached.total)
    cached_text_in = min(text_in, (cached.text_tokens or 0) + unsplit)
    unsplit -= max(0, cached_text_in - (cached.text_tokens or 0))
    return Usage(
        text_in=text_in,
        audio_in=audio_in,
        image_in=image_in,
        cached_text_in=cached_text_in,
        cached_audio_in=min(audio_in, (cached.audio_tokens or 0) + unsplit),
        cached_image_in=min(image_in, cached.image_tokens or 0),
        text_out=out.text_tokens or 0,
        audio_out=(out.audio_tokens or 0) + max(0, (wire.output_tokens or 0) - out.total),
    )


def read_transcription_usage(raw: msgspec.Raw) -> TranscriptionUsage | None:
    """Read the `usage` of a transcription as `read_usage` does: tokens of no kind count as audio."""
    try:
        wire = _TRANSCRIPTION_DECODER.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    if wire == _EMPTY_TRANSCRIPTION:
        return None
    into = wire.input_token_details or _Kinds()
    return TranscriptionUsage(
        text_in=into.text_tokens or 0,
        audio_in=(into.audio_tokens or 0) + max(0, (wire.input_tokens or 0) - into.total),
        text_out=wire.output_tokens or 0,
        seconds=wire.seconds or 0.0,
    )
