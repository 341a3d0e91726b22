"""Follows one session and tells what each of its responses will cost at most, and did cost in the end."""

import math
from dataclasses import dataclass
from typing import Final

from hearthd.core.money.bookings import Bill, Purpose
from hearthd.core.money.budget import Wish
from hearthd.core.money.cost import Cost, Tariff, cost_of
from hearthd.core.realtime import events as wire
from hearthd.core.realtime.allowance import AskKind, ContextSize
from hearthd.core.realtime.context import reply_ms
from hearthd.core.realtime.tokens import (
    AUDIO_IN_MS_PER_TOKEN,
    AUDIO_OUT_MS_PER_TOKEN,
    TEXT_OUT_TOKENS_PER_S,
    estimated_text_tokens,
)
from hearthd.core.realtime.usage import TranscriptionUsage, Usage

LOST_REPLY_MS: Final = 6_000
"""How much a response whose end got lost is taken to have said at least: two sentences."""
_MS_PER_MINUTE: Final = 60_000


@dataclass(slots=True)
class _Open:
    """A response that was asked for or runs."""

    kind: AskKind
    reads: ContextSize
    began_s: float
    """When it was asked for, or else first heard of."""
    reserved_pusd: int = 0
    first_sound_s: float | None = None
    sound_bytes: int = 0
    call_tokens: int = 0

    def estimate(self, spoken_ms: int) -> Usage:
        """Return the usage that the context, the calls and so much speech come to; nothing counts as cached."""
        return Usage(
            text_in=self.reads.text_tokens,
            audio_in=self.reads.audio_tokens,
            image_in=self.reads.image_tokens,
            text_out=self.call_tokens + math.ceil(spoken_ms * TEXT_OUT_TOKENS_PER_S / 1000),
            audio_out=math.ceil(spoken_ms / AUDIO_OUT_MS_PER_TOKEN),
        )


class SessionMeter:
    """One session's responses and what they cost. Pure: `now_s` are monotonic seconds.

    A response without a usage is billed by estimate, as is one whose end was lost. One that failed without a sound
    and without a usage costs nothing, since the server made nothing.
    """

    def __init__(self, tariff: Tariff) -> None:
        """Begin with nothing asked for."""
        self._tariff = tariff
        self._asked: _Open | None = None
        self._running: dict[str, _Open] = {}
        self._reads = ContextSize()
        """What the last response was to read."""
        self._heard_ms = 0
        """The sound that was committed before the responses so far."""
        self._written_ms = 0
        """The sound that the transcriber said it wrote down."""
        self._paid_ms = 0
        """The sound whose transcription was billed."""

    @property
    def reserved_pusd(self) -> int:
        """What the responses that were asked for or run may cost at most."""
        asked = self._asked.reserved_pusd if self._asked else 0
        return asked + sum(response.reserved_pusd for response in self._running.values())

    @property
    def incurred_pusd(self) -> int:
        """What the responses that run have come to by now."""
        estimates = (response.estimate(reply_ms(response.sound_bytes)) for response in self._running.values())
        return sum(cost_of(usage, self._tariff.rates).total_pusd for usage in estimates)

    def wish(self, reads: ContextSize, max_output_tokens: int) -> Wish:
        """Return what a response would cost at most."""
        usage = Usage(text_in=reads.text_tokens, audio_in=reads.audio_tokens, image_in=reads.image_tokens)
        return Wish(
            input_pusd=cost_of(usage, self._tariff.rates).total_pusd,
            max_output_tokens=max_output_tokens,
            token_pusd=self._tariff.rates.dearest_out,
        )

    def ask(self, kind: AskKind, reads: ContextSize, reserved_pusd: int, now_s: float) -> None:
        """Note that a response is being asked for; an earlier request that the server never took up is forgotten."""
        self._reads = reads
        self._asked = _Open(kind, reads, now_s, reserved_pusd)

    def withdraw(self) -> None:
        """Forget the request that the server never took up."""
        self._asked = None

    def saw(self, event: wire.LinkEvent, now_s: float) -> Bill | None:
        """Take an event of the session; returns the bill of a response that ends with it, if it cost anything."""
        match event:
            case wire.ResponseBegan():
                self._begin(event.response_id, event.purpose, now_s)
            case wire.ReplyAudio() if response := self._running.get(event.response_id):
                response.sound_bytes += len(event.pcm)
                response.first_sound_s = now_s if response.first_sound_s is None else response.first_sound_s
            case wire.CallRequested() if response := self._running.get(event.response_id):
                response.call_tokens += estimated_text_tokens(event.name + event.arguments)
            case wire.InputTranscribed() if event.usage is not None:
                self._written_ms += _written_ms(event.usage)
            case wire.ResponseEnded():
                return self._end(event, now_s)
            case _:
                pass
        return None

    def close(self, now_s: float) -> list[Bill]:
        """End the session; returns bills for what will have no end any more.

        What was asked for and never began may have run all the same, so it is billed as if it had.
        """
        lost = [*self._running.values(), *([self._asked] if self._asked else [])]
        self._running.clear()
        self._asked = None
        spoken_ms = [max(LOST_REPLY_MS, reply_ms(response.sound_bytes)) for response in lost]
        bills = [
            self._bill(response, response.estimate(ms), now_s, estimated=True)
            for response, ms in zip(lost, spoken_ms, strict=True)
        ]
        written_pusd = self._transcription_pusd()
        if written_pusd:
            cost = Cost(transcription=written_pusd)
            bills.append(Bill(purpose=Purpose.TRANSCRIPT, usage=Usage(), cost=cost))
        return bills

    def _begin(self, response_id: str, kind: AskKind, now_s: float) -> _Open:
        """Take a response for the one that was asked for, or else for the server's own idea."""
        response, self._asked = self._asked or _Open(kind, self._reads, now_s), None
        self._running[response_id] = response
        return response

    def _end(self, ended: wire.ResponseEnded, now_s: float) -> Bill | None:
        response = self._running.get(ended.response_id) or self._begin(ended.response_id, ended.purpose, now_s)
        del self._running[ended.response_id]
        self._heard_ms += ended.input_audio_ms
        if ended.usage is not None:
            return self._bill(response, ended.usage, now_s)
        if ended.status is wire.ResponseStatus.FAILED and not ended.output_audio_ms:
            return None
        response.reads = ended.context
        return self._bill(response, response.estimate(ended.output_audio_ms), now_s, estimated=True)

    def _transcription_pusd(self) -> int:
        """Return what is owed for transcription, as paid: of what was heard, or more if the transcriber had more."""
        owed_ms = max(self._heard_ms, self._written_ms) - self._paid_ms
        self._paid_ms += owed_ms
        return -(-owed_ms * self._tariff.transcription_minute_pusd // _MS_PER_MINUTE)

    def _bill(self, response: _Open, usage: Usage, now_s: float, *, estimated: bool = False) -> Bill:
        sound_s = response.first_sound_s
        return Bill(
            purpose=Purpose(response.kind.value),
            usage=usage,
            cost=cost_of(usage, self._tariff.rates) + Cost(transcription=self._transcription_pusd()),
            estimated=estimated,
            duration_ms=round(1000 * (now_s - response.began_s)),
            latency_ms=None if sound_s is None else round(1000 * (sound_s - response.began_s)),
        )


def _written_ms(usage: TranscriptionUsage) -> int:
    """Return how much sound was written down, from its seconds or else from its tokens."""
    return math.ceil(max(1000 * usage.seconds, AUDIO_IN_MS_PER_TOKEN * usage.audio_in))
