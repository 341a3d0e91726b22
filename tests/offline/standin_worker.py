"""A worker whose recogniser knows what was said by how long it was; runs as a program of its own.

It plays the parts of the real one through the real `worker.serve_parent`, so that processes and pipes are as they are.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from hearthd.offline.parts import HEARING_RATE_HZ, Grammar, Heard
from hearthd.offline.serving.worker import serve_parent

SENTENCES = {
    1: "turn on the kitchen light",
    2: "turn off the kitchen light",
    3: "what time is it",
    4: "turn on the bedroom light",
}
"""What an utterance of so many seconds says; any other says nothing."""
HANGS_S = 7
"""An utterance of this length never ends."""
DIES_S = 8
"""An utterance of this length is the last."""
PIECE = b"\x01\x10" * 4_800
"""The 200 ms that this voice makes of every five letters."""
COMMAND = [sys.executable, "-P", str(Path(__file__).resolve())]


class DurationRecogniser:
    """Hears nothing but time."""

    def __init__(self) -> None:
        self._heard_bytes = 0

    def begin(self, grammar: Grammar) -> None:
        """Start an utterance."""
        self._heard_bytes = 0

    def feed(self, pcm: bytes) -> None:
        """Count."""
        self._heard_bytes += len(pcm)

    def finish(self) -> Heard:
        """Tell, hang or die."""
        seconds = round(self._heard_bytes / 2 / HEARING_RATE_HZ)
        if seconds == HANGS_S:
            time.sleep(1_000)
        if seconds == DIES_S:
            os._exit(3)
        return Heard(SENTENCES.get(seconds, ""), 0.95)


class LetterSynthesiser:
    """Speaks as long as the text is."""

    def speak(self, text: str) -> Iterator[bytes]:
        """Make one piece for every five letters."""
        for _ in range(0, len(text), 5):
            yield PIECE


if __name__ == "__main__":
    serve_parent(DurationRecogniser, lambda _speed: LetterSynthesiser())
