"""The description file that lies beside every microWakeWord model (its JSON format, version 2)."""

import msgspec

MODEL_MAGIC = b"TFL3"
"""Bytes 4 to 7 of every TensorFlow Lite file."""


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
