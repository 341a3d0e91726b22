"""The utterance on its way to the server: kept until committed, sent as soon as there is a session to take it."""

import logging

from hearthd.core.audio.pcm import LINK_FORMAT
from hearthd.core.realtime.protocol import RealtimeProtocol

log = logging.getLogger(__name__)

APPEND_BYTES_MAX = LINK_FORMAT.frames_of_ms(100) * LINK_FORMAT.frame_bytes
"""A pre-roll goes out in pieces of 100 ms: small enough not to delay what follows, few enough to be cheap."""


class Uplink:
    """Holds one utterance at a time at the link rate; lives on the event loop.

    The sound stays until the answer begins, so that a connection lost before costs nothing: the next session gets it
    again from the start. The capture side ends every utterance at its cap, `limit_s` is the second net.
    """

    def __init__(self, limit_s: float) -> None:
        """Hold at most `limit_s` seconds."""
        self._limit_bytes = LINK_FORMAT.frames_of_ms(limit_s * 1000) * LINK_FORMAT.frame_bytes
        self._turn = 0
        self._sound = bytearray()
        self._sent_bytes = 0
        self._full = False
        self._protocol: RealtimeProtocol | None = None

    def open(self, turn: int) -> None:
        """Begin the utterance of `turn`; whatever was held before is forgotten."""
        self._forget()
        self._turn = turn

    def close(self) -> None:
        """Forget the utterance: it is being answered, or nobody wants it."""
        self._forget()

    def take(self, turn: int, pcm: bytes) -> None:
        """Add sound of `turn`; sound of any other turn comes too late and is dropped."""
        if turn != self._turn or turn == 0 or self._full:
            return
        if len(self._sound) + len(pcm) > self._limit_bytes:
            self._full = True
            log.error(
                "an utterance outgrew its cap; the rest of it is dropped",
                extra={"HEARTHD_EVENT": "utterance_too_long", "HEARTHD_TURN": turn},
            )
            return
        self._sound += pcm
        self._send()

    def attach(self, protocol: RealtimeProtocol | None) -> None:
        """Send to this session from now on, beginning with the start of the utterance; None: there is none."""
        self._protocol = protocol
        self._sent_bytes = 0
        self._send()

    def _send(self) -> None:
        if self._protocol is None:
            return
        while self._sent_bytes < len(self._sound):
            piece = bytes(self._sound[self._sent_bytes : self._sent_bytes + APPEND_BYTES_MAX])
            self._protocol.append(piece)
            self._sent_bytes += len(piece)

    def _forget(self) -> None:
        self._turn = 0
        self._sound.clear()
        self._sent_bytes = 0
        self._full = False
