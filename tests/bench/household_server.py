"""A Realtime server for a simulated month: pure, exact, and with a bill of its own."""

import base64
import json
import math
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Final

from hearthd.core.realtime.session import SessionPlan
from tests.core.realtime import wire
from tests.core.realtime.wire import Json
from tests.doubles.realtime.bill import cost_usd

CACHE_FROM_TOKENS: Final = 1_024
"""A shorter prefix is not cached (OpenAI, "Prompt caching")."""
TRANSCRIPT_TOKENS_PER_S: Final = 3.25
"""150 words a minute of 1.3 tokens each."""
CALL_TOKENS: Final = 25
"""A function's name and a device with a state."""


@dataclass(frozen=True, slots=True)
class Made:
    """What the model makes of a request: a call, so much speech, or neither."""

    call: bool = False
    speech_ms: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """Something in the conversation, by its tokens."""

    text: int = 0
    audio: int = 0


class BilledServer:
    """One session: takes the daemon's texts and answers with the server's, counting tokens as the provider does.

    Sound is 10 tokens a second when heard and 20 when made; the whole conversation is read for every response, what
    the response before it read is cached from 1,024 tokens on; and beyond the plan's limit the oldest items go.
    """

    def __init__(self, plan: SessionPlan) -> None:
        self.bill_usd = Decimal()
        self.context_tokens: list[int] = []
        """What each response read."""
        self.next = Made()
        """What the model makes of the next request."""
        self._plan = plan
        self._fixed = Item(text=math.ceil(len(plan.standing_text) / 4))
        self._items: list[Item] = []
        self._read_before: list[Item] = []
        self._appended_bytes = 0
        self._names = count(1)

    @staticmethod
    def greeting() -> str:
        """Return the first text."""
        return wire.CREATED

    def take(self, text: str) -> list[str]:
        """Take a text and return the answers."""
        message: Json = json.loads(text)
        match message["type"]:
            case wire.UPDATE:
                return [wire.UPDATED]
            case wire.APPEND:
                self._appended_bytes += len(base64.b64decode(str(message["audio"])))
                return []
            case wire.COMMIT:
                self._items.append(Item(audio=math.ceil(self._appended_bytes / wire.BYTES_PER_MS / 100)))
                self._appended_bytes = 0
                return [wire.text("input_audio_buffer.committed", item_id=f"item_{next(self._names)}")]
            case "conversation.item.create":
                self._items.append(Item(text=math.ceil(len(json.dumps(message["item"])) / 4)))
                return []
            case wire.CREATE:
                return self._respond()
            case _:
                raise AssertionError(f"the month's server knows no {message['type']}")

    def _respond(self) -> list[str]:
        self._forget()
        made, response_id = self.next, f"resp_{next(self._names)}"
        texts = [wire.created(response_id)]
        out = Item()
        if made.call:
            call = wire.call_item(f"call_{response_id}", name="set_light")
            texts.append(wire.item_done(response_id, call))
            out = Item(text=CALL_TOKENS)
        elif made.speech_ms:
            texts.append(wire.audio(response_id, pcm=bytes(made.speech_ms * wire.BYTES_PER_MS)))
            spoken = math.ceil(made.speech_ms / 50)
            out = Item(text=math.ceil(made.speech_ms / 1000 * TRANSCRIPT_TOKENS_PER_S), audio=spoken)
        usage = self._usage(out)
        self.bill_usd += cost_usd(self._plan.model, usage)
        self._items.append(out)
        return [*texts, wire.done(response_id, usage=usage)]

    def _forget(self) -> None:
        """Drop the oldest items when there are too many tokens, down to the plan's share of the limit at once."""
        limit = self._plan.context_tokens
        if limit and _total(self._items) > limit:
            while _total(self._items) > limit * self._plan.retention_ratio:
                self._items.pop(0)

    def _usage(self, out: Item) -> Json:
        read = [self._fixed, *self._items]
        same = 0
        while same < min(len(read), len(self._read_before)) and read[same] is self._read_before[same]:
            same += 1
        cached = read[:same] if _total(read[:same]) >= CACHE_FROM_TOKENS else []
        self._read_before = read
        self.context_tokens.append(_total(read))
        return {
            "input_tokens": _total(read),
            "output_tokens": out.text + out.audio,
            "total_tokens": _total(read) + out.text + out.audio,
            "input_token_details": {
                **_kinds(read),
                "cached_tokens": _total(cached),
                "cached_tokens_details": _kinds(cached),
            },
            "output_token_details": _kinds([out]),
        }


def _total(items: list[Item]) -> int:
    return sum(item.text + item.audio for item in items)


def _kinds(items: list[Item]) -> Json:
    return {"text_tokens": sum(item.text for item in items), "audio_tokens": sum(item.audio for item in items)}
