"""The recent past of the microphone, so that nothing is lost between a wake and the opening of the uplink."""

from hearthd.core.audio.pcm import PcmFormat


class Preroll:
    """A ring of the last `capacity_ms` of sound, addressed by the number of frames seen since it was made.

    Memory is taken once; keeping a block costs one copy, however much is kept. Used by the capture thread alone.
    """

    def __init__(self, pcm_format: PcmFormat, capacity_ms: float) -> None:
        self._frame_bytes = pcm_format.frame_bytes
        self._ring = bytearray(pcm_format.frames_of_ms(capacity_ms) * self._frame_bytes)
        self._start_bytes = 0
        self._end_bytes = 0

    @property
    def start_frame(self) -> int:
        """The absolute number of the oldest frame that is still kept."""
        return self._start_bytes // self._frame_bytes

    @property
    def end_frame(self) -> int:
        """How many frames were seen so far: the absolute number of the next one."""
        return self._end_bytes // self._frame_bytes

    def keep(self, pcm: bytes) -> None:
        """Take the next sound, in whole frames."""
        assert not len(pcm) % self._frame_bytes, "pre-roll takes whole frames"
        capacity_bytes = len(self._ring)
        self._end_bytes += len(pcm)
        self._start_bytes = max(self._start_bytes, self._end_bytes - capacity_bytes)
        kept = memoryview(pcm)[max(0, len(pcm) - capacity_bytes) :]
        if not kept:
            return
        at = (self._end_bytes - len(kept)) % capacity_bytes
        until_wrap = capacity_bytes - at
        head = kept[:until_wrap]
        self._ring[at : at + len(head)] = head
        self._ring[: len(kept) - len(head)] = kept[until_wrap:]

    def since(self, frame: int) -> bytes:
        """Return the sound from absolute `frame` on, or what is still kept of it."""
        from_bytes = max(frame * self._frame_bytes, self._start_bytes)
        length = self._end_bytes - from_bytes
        if length <= 0:
            return b""
        at = from_bytes % len(self._ring)
        head = bytes(self._ring[at : at + length])
        return head + bytes(self._ring[: length - len(head)])

    def clear(self) -> None:
        """Forget the sound, and overwrite it; the count of frames goes on."""
        self._ring[:] = bytes(len(self._ring))
        self._start_bytes = self._end_bytes
