"""What the embedded server is made of: an ear, a mind and a voice, each behind a protocol of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from hearthd.core.errors import HearthdError

HEARING_RATE_HZ = 16_000
"""Of the PCM16 mono that a recogniser takes; the acoustic model was made at this rate."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """The sentences that may be said."""

    jsgf: str
    """JSpeech Grammar Format, one public rule; words in lower case without punctuation."""
    words: frozenset[str]
    """Every word of it, so that a recogniser can cut its dictionary and spell out the words that it lacks."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a recogniser made of one utterance."""

    text: str
    """The likeliest sentence of the grammar; empty when nothing was said or nothing fits."""
    confidence: float
    """From 0 (something else was said) to 1 (this was said)."""
    spoken: bool = False
    """Whether somebody spoke, as far as that can be told, even if nothing fits."""


class Recogniser(Protocol):
    """Hears one utterance at a time. Lives in the worker, where blocking is allowed; not thread-safe."""

    def begin(self, grammar: Grammar) -> None:
        """Start an utterance and forget an unfinished one; a grammar that differs from the last one is compiled."""
        ...

    def feed(self, pcm: bytes) -> None:
        """Take more PCM16 mono at `HEARING_RATE_HZ`; does its share of the work at once, so that `finish` is quick."""
        ...

    def finish(self) -> Heard:
        """End the utterance and say what it was."""
        ...


class Synthesiser(Protocol):
    """Speaks. Lives in the worker, where blocking is allowed."""

    def speak(self, text: str) -> Iterator[bytes]:
        """Yield PCM16 mono at 24 kHz in pieces of at most 200 ms, the first as soon as the first phrase is made.

        Closing the iterator early ends the work. Raises `VoiceUnavailable`.
        """
        ...


class VoiceUnavailable(HearthdError):
    """No synthesiser is installed, or it failed."""

    def __init__(self, engine: str, problem: str) -> None:
        """Tell which speech `engine` (a program's name) failed, and how."""
        super().__init__(f"{engine}: {problem}")
        self.engine = engine
        self.problem = problem
