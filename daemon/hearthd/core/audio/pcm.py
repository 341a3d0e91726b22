"""PCM16 formats: the one owner of rates, channels and the conversions between bytes, frames and time."""

from dataclasses import dataclass

SAMPLE_BYTES = 2
"""Signed 16-bit little-endian everywhere: what ALSA, the VAD, the wake word and the Realtime API share."""
BLOCK_MS = 20
"""The piece that travels through the daemon; webrtcvad takes 10, 20 or 30 ms."""
GATE_RATE_HZ = 16_000
"""Rate of voice detection and wake word."""
LINK_RATE_HZ = 24_000
"""The only PCM rate of the Realtime API's session types."""


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """Interleaved signed 16-bit little-endian PCM."""

    rate_hz: int
    channels: int = 1

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame (one sample per channel)."""
        return SAMPLE_BYTES * self.channels

    @property
    def block_frames(self) -> int:
        """Frames of one 20 ms block, rounded down (11.025 kHz has no whole number)."""
        return self.rate_hz * BLOCK_MS // 1000

    @property
    def block_bytes(self) -> int:
        """Bytes of one 20 ms block."""
        return self.block_frames * self.frame_bytes

    def frames(self, pcm: bytes | bytearray | memoryview) -> int:
        """Count the whole frames in `pcm`."""
        return len(pcm) // self.frame_bytes

    def frames_of_ms(self, duration_ms: float) -> int:
        """Return the frames that `duration_ms` lasts, rounded down."""
        return int(self.rate_hz * duration_ms / 1000)

    def ms_of_frames(self, frames: int) -> float:
        """Return how long `frames` last, in milliseconds."""
        return frames * 1000 / self.rate_hz


GATE_FORMAT = PcmFormat(GATE_RATE_HZ)
LINK_FORMAT = PcmFormat(LINK_RATE_HZ)
