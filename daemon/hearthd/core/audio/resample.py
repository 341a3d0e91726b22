"""Conversion of a PCM16 stream from one rate to another, without a seam between its pieces."""

import numpy as np
import soxr

_LOWEST = np.float32(-32_768)
_HIGHEST = np.float32(32_767)


class Resampler:
    """A stateful mono converter from `source_hz` to `target_hz`; equal rates pass through bit-exact.

    However a stream is cut into pieces, the same samples come out: soxr runs in floating point here, because its
    16-bit output adds a dither that depends on the pieces.

    Two of soxr's engines serve two purposes, measured in 20 ms pieces on a 2 GHz core; -3 dB is a share of the lower
    rate, and all three keep aliases below -110 dB:

    =======  ================================  =========================================  ==========
    engine   withheld, 48->24 and 48->16 kHz   CPU per second, 48->24, 24->48, 48->16     -3 dB
    =======  ================================  =========================================  ==========
    steady   5.0 and 12.5 ms, always           1.1, 1.2, 1.9 ms                           0.50
    thrifty  1.3 to 20.4 and 2.5 to 20.0 ms    0.4, 0.4, 0.4 ms (0.2 in 80 ms pieces)     0.41
    HQ       4.2 to 38.3 and 6.1 to 36.6 ms    0.4, 0.4, 0.4 ms                           0.48
    =======  ================================  =========================================  ==========

    The steady engine gives as much as it takes, so a microphone block leaves at once, and what the loudspeaker played
    is known to the frame. The thrifty one listens all day: it saves 1.5 ms and loses what lies above 6.6 kHz. soxr's
    usual HQ is not offered: it holds back nearly the 40 ms that may pass between the end of speech and the commit.
    """

    def __init__(self, source_hz: int, target_hz: int, *, thrifty: bool = False) -> None:
        self._stream: soxr.ResampleStream | None = None
        if source_hz != target_hz:
            # Only the variable-rate engine is free of block transforms, hence of lumps; the rate stays fixed.
            quality, variable_rate = ("LQ", False) if thrifty else ("HQ", True)
            self._stream = soxr.ResampleStream(
                source_hz, target_hz, 1, dtype="float32", quality=quality, vr=variable_rate
            )

    def feed(self, pcm: bytes) -> bytes:
        """Take whole mono samples and return what is ready, which is in lumps and often nothing when thrifty."""
        if self._stream is None:
            return pcm
        return _convert(self._stream, pcm, last=False)

    def flush(self) -> bytes:
        """End the stream and return its withheld tail; the next `feed` starts a fresh stream."""
        if self._stream is None:
            return b""
        tail = _convert(self._stream, b"", last=True)
        self._stream.clear()
        return tail

    def reset(self) -> None:
        """Forget the stream and what is withheld of it, because a gap follows."""
        if self._stream is not None:
            self._stream.clear()


def _convert(stream: soxr.ResampleStream, pcm: bytes, *, last: bool) -> bytes:
    converted = np.rint(stream.resample_chunk(np.frombuffer(pcm, np.int16).astype(np.float32), last=last))
    return bytes(np.clip(converted, _LOWEST, _HIGHEST).astype(np.int16))
