"""Wake word models: the description file that lies beside each of microWakeWord's (its JSON format, version 2)."""

import msgspec

from hearthd.core.errors import HearthdError

MODEL_MAGIC = b"TFL3"
"""Bytes 4 to 7 of every TensorFlow Lite file."""


class WakeModelUnusable(HearthdError):
    """A wake word that is unknown, or whose model cannot be loaded."""

    def __init__(self, word: str, problem: str) -> None:
        """Tell which configured `word` it is, and what is wrong with it."""
        super().__init__(f'wake word "{word}": {problem}')
        self.word = word
        self.problem = problem


class Detection(msgspec.Struct, frozen=True):
    """When the word counts as heard."""

    probability_cutoff: float
    """The mean probability that must be exceeded."""
    sliding_window_size: int
    """How many probabilities the mean is made of."""


class WakeModel(msgspec.Struct, frozen=True):
    """What a description must say for its model to be used; anything else in it is ignored."""

    model: str
    """The model's file, beside the description."""
    wake_word: str
    """As people say it."""
    micro: Detection


def parse_wake_model(description: bytes) -> WakeModel:
    """Read a description file's content. Raises `msgspec.MsgspecError` that says what is missing or wrong."""
    return msgspec.json.decode(description, type=WakeModel)
