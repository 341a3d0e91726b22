"""How much audio lies in the server's input buffer, so that a commit is never refused."""

from hearthd.core.audio.pcm import LINK_FORMAT

SHORTEST_COMMIT_MS = 100
"""Below this the server answers `input_audio_buffer_commit_empty` and makes no item."""
_SHORTEST_COMMIT_BYTES = LINK_FORMAT.frames_of_ms(SHORTEST_COMMIT_MS) * LINK_FORMAT.frame_bytes


class InputMeter:
    """Counts what was appended since the last commit or clear."""

    def __init__(self) -> None:
        """Begin with an empty buffer."""
        self._appended_bytes = 0

    @property
    def empty(self) -> bool:
        """Whether nothing was appended since the last commit or clear."""
        return self._appended_bytes == 0

    def add(self, size_bytes: int) -> None:
        """Count appended audio."""
        self._appended_bytes += size_bytes

    def padding(self) -> bytes:
        """Return the silence that is missing for a commit; empty when there is enough."""
        return bytes(max(0, _SHORTEST_COMMIT_BYTES - self._appended_bytes))

    def reset(self) -> None:
        """Count from nothing again: the buffer was committed or cleared."""
        self._appended_bytes = 0
