"""What a session is asked to be: voice, instructions, functions and who finds the end of speech."""

from dataclasses import dataclass
from typing import Literal

import msgspec

TurnDetection = Literal["none", "server_vad", "semantic_vad"]


class FunctionTool(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="function"):
    """One function that the model may call, in the protocol's own shape."""

    name: str
    description: str
    parameters: dict[str, object]
    """JSON Schema of the arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPlan:
    """The settings of one session; they never change in it, which keeps the server's prompt cache warm."""

    model: str
    """Chosen by the connection's address, never sent: a session cannot change it."""
    voice: str
    instructions: str
    tools: tuple[FunctionTool, ...] = ()
    turn_detection: TurnDetection = "none"
    """`none`: the client commits and asks; else the server does both, and interrupts when it hears speech."""
    max_output_tokens: int = 1_024
    end_of_speech_ms: int = 500
    """Silence that ends speech under `server_vad`; always sent, because servers differ in the default."""
