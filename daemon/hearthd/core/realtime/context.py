"""How much the session's conversation holds by now, which every response reads and pays for again."""

import math

from hearthd.core.audio.pcm import LINK_FORMAT
from hearthd.core.realtime.allowance import ContextSize
from hearthd.core.realtime.tokens import (
    AUDIO_IN_MS_PER_TOKEN,
    AUDIO_OUT_MS_PER_TOKEN,
    TEXT_OUT_TOKENS_PER_S,
    estimated_text_tokens,
)
from hearthd.core.realtime.usage import Usage

_BYTES_PER_MS = LINK_FORMAT.rate_hz * LINK_FORMAT.frame_bytes // 1000


class ContextTally:
    """Counts what goes into the conversation, and believes the server's own count whenever one comes.

    What is truncated or deleted is not taken off: the server's next count will.
    """

    def __init__(self, standing: str = "") -> None:
        """Begin with what stands before every conversation: instructions and functions, as text."""
        self._text_tokens = estimated_text_tokens(standing)
        self._audio_tokens = 0
        self._image_tokens = 0
        self._appended_bytes = 0
        self._unanswered_ms = 0

    @property
    def size(self) -> ContextSize:
        """What a response in the conversation would read now."""
        return ContextSize(
            text_tokens=self._text_tokens, audio_tokens=self._audio_tokens, image_tokens=self._image_tokens
        )

    def add_text(self, text: str) -> None:
        """Count a text that joins the conversation."""
        self._text_tokens += estimated_text_tokens(text)

    def append(self, size_bytes: int) -> None:
        """Count sound that lies in the input buffer."""
        self._appended_bytes += size_bytes

    def clear(self) -> None:
        """Forget the sound in the input buffer, as the server does."""
        self._appended_bytes = 0

    def commit(self) -> None:
        """Let the sound in the input buffer join the conversation."""
        heard_ms = self._appended_bytes // _BYTES_PER_MS
        self._audio_tokens += math.ceil(heard_ms / AUDIO_IN_MS_PER_TOKEN)
        self._unanswered_ms += heard_ms
        self._appended_bytes = 0

    def take_unanswered_ms(self) -> int:
        """Return the milliseconds of sound that joined since this was last asked."""
        heard_ms, self._unanswered_ms = self._unanswered_ms, 0
        return heard_ms

    def answered(self, began_with: ContextSize, usage: Usage | None, reply_ms: int) -> None:
        """Take the end of a response that began when the size was `began_with`.

        Without the server's `usage`, its reply of `reply_ms` is estimated.
        """
        if usage is None:
            self._audio_tokens += math.ceil(reply_ms / AUDIO_OUT_MS_PER_TOKEN)
            self._text_tokens += math.ceil(reply_ms * TEXT_OUT_TOKENS_PER_S / 1000)
            return
        self._text_tokens += usage.text_in + usage.text_out - began_with.text_tokens
        self._audio_tokens += usage.audio_in + usage.audio_out - began_with.audio_tokens
        self._image_tokens = usage.image_in


def reply_ms(size_bytes: int) -> int:
    """Return the duration of this much reply sound."""
    return size_bytes // _BYTES_PER_MS
