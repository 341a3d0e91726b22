"""How much audio of each reply the server sent, which bounds what it can be told to forget."""

from hearthd.core.audio.pcm import LINK_FORMAT
from hearthd.core.realtime.client_messages import ItemDelete, ItemTruncate

_BYTES_PER_MS = LINK_FORMAT.rate_hz * LINK_FORMAT.frame_bytes // 1000
_MOST_PARTS = 64
"""A reply has one part, rarely a few; only the last replies can still be playing."""

Part = tuple[str, int]
"""Item and content index: the key of a piece of speech, because one response may speak several items."""


class ReceivedAudio:
    """Counts the audio of the last parts in the conversation."""

    def __init__(self) -> None:
        """Begin with no part."""
        self._bytes: dict[Part, int] = {}

    def add(self, part: Part, size_bytes: int) -> None:
        """Count more audio of `part`; the oldest part is forgotten when there are too many."""
        self._bytes[part] = self._bytes.get(part, 0) + size_bytes
        if len(self._bytes) > _MOST_PARTS:
            del self._bytes[next(iter(self._bytes))]

    def cut(self, part: Part, heard_ms: int) -> ItemTruncate | ItemDelete | None:
        """Return what makes the server forget the unheard rest of `part`; None when nothing would change.

        What was cut off is no longer counted, so a second cut of the same part is measured against the first.
        """
        if part not in self._bytes or heard_ms >= self._bytes[part] // _BYTES_PER_MS:
            return None
        item_id, content_index = part
        if heard_ms <= 0 and not self._has_other_parts(part):
            del self._bytes[part]
            return ItemDelete(item_id=item_id)
        end_ms = max(0, heard_ms)
        self._bytes[part] = end_ms * _BYTES_PER_MS
        return ItemTruncate(item_id=item_id, content_index=content_index, audio_end_ms=end_ms)

    def _has_other_parts(self, part: Part) -> bool:
        return any(other != part and other[0] == part[0] for other in self._bytes)
