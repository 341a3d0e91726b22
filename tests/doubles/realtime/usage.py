"""Token counts: 10 a second of user audio, 20 a second of assistant audio, 4 characters of text each."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.doubles.realtime.audio import duration_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.doubles.realtime.conversation import Item
    from tests.doubles.realtime.script import Json

USER_AUDIO_TOKEN_MS = 100
ASSISTANT_AUDIO_TOKEN_MS = 50
TEXT_TOKEN_CHARS = 4


@dataclass(frozen=True, slots=True)
class Tokens:
    """A number of tokens of each kind."""

    text: int = 0
    audio: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        """Add kind by kind."""
        return Tokens(self.text + other.text, self.audio + other.audio)

    @property
    def total(self) -> int:
        """Both kinds together."""
        return self.text + self.audio


def text_tokens(text: str) -> int:
    """Count the tokens of a text."""
    return math.ceil(len(text) / TEXT_TOKEN_CHARS)


def item_tokens(item: Item) -> Tokens:
    """Count what an item costs, as output when it is made and as input ever after."""
    body = item.body
    words = [body.get("name"), body.get("arguments"), body.get("output")]
    assistant = body.get("role") == "assistant"
    for part in body.get("content") or []:
        words.append(part.get("text"))
        words.append(part.get("transcript") if assistant else None)
    token_ms = ASSISTANT_AUDIO_TOKEN_MS if assistant else USER_AUDIO_TOKEN_MS
    audio = math.ceil(duration_ms(item.pcm) / token_ms)
    return Tokens(sum(text_tokens(word) for word in words if word), audio)


class Meter:
    """Counts input and remembers what the previous response has already read."""

    def __init__(self, cache_from_tokens: int) -> None:
        self._cache_from_tokens = cache_from_tokens
        self._previous: list[tuple[str, Tokens]] = []

    def usage(self, config: Json, context: Sequence[Item], output: Sequence[Item]) -> Json:
        """Return the usage object of a response that read `context` and made `output`."""
        fixed = config["instructions"] + json.dumps(config["tools"])
        read = [(fixed, Tokens(text_tokens(fixed)))]
        read += [(item.id, item_tokens(item)) for item in context]
        cached = self._prefix(read)
        self._previous = read
        spent = sum((tokens for _, tokens in read), Tokens())
        made = sum((item_tokens(item) for item in output), Tokens())
        return {
            "total_tokens": spent.total + made.total,
            "input_tokens": spent.total,
            "output_tokens": made.total,
            "input_token_details": {
                "text_tokens": spent.text,
                "audio_tokens": spent.audio,
                "image_tokens": 0,
                "cached_tokens": cached.total,
                "cached_tokens_details": {
                    "text_tokens": cached.text,
                    "audio_tokens": cached.audio,
                    "image_tokens": 0,
                },
            },
            "output_token_details": {"text_tokens": made.text, "audio_tokens": made.audio},
        }

    def _prefix(self, read: list[tuple[str, Tokens]]) -> Tokens:
        same = Tokens()
        for before, now in zip(self._previous, read, strict=False):
            if before != now:
                break
            same += now[1]
        return same if same.total >= self._cache_from_tokens else Tokens()
