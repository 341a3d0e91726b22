"""What a session is asked to be: voice, instructions, functions and who finds the end of speech."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from hearthd.core.realtime.dialects import OPENAI, Dialect, TurnDetection, dialect_of, takes_reasoning
from hearthd.core.settings import RealtimeSettings

__all__ = ["FunctionTool", "SessionPlan", "TurnDetection", "offline_plan", "session_plan"]


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
    """`none`: the client commits and asks; else the server commits, and interrupts when it hears speech."""
    max_output_tokens: int = 1_024
    end_of_speech_ms: int = 500
    """Silence that ends speech under `server_vad`; always sent, because servers differ in the default."""
    dialect: Dialect = OPENAI
    context_tokens: int = 0
    """Beyond so many tokens of conversation the server forgets the oldest; 0 leaves it to the server."""
    retention_ratio: float = 0.8
    """How much of the conversation stays when the server forgets: some at once, so that its cache holds for a while."""
    noise_reduction: Literal["off", "near_field", "far_field"] = "off"
    transcription: str = ""
    """Model that writes down what the user says; empty: none does."""
    reasoning_effort: str = ""
    """Empty leaves it to the model."""

    @property
    def standing_text(self) -> str:
        """Instructions and functions: what every response reads first, the same each time."""
        return self.instructions + msgspec.json.encode(self.tools).decode()


def session_plan(
    realtime: RealtimeSettings, *, instructions: str, tools: tuple[FunctionTool, ...], end_of_speech_ms: int
) -> SessionPlan:
    """Return the session for the owner's settings, as far as the server's dialect can take them.

    `instructions` are the whole text. Whether hearthd ends utterances itself, `turn_detection` of the result tells,
    not that of the settings.
    """
    dialect = dialect_of(realtime)
    effort = realtime.reasoning_effort
    return SessionPlan(
        model=realtime.model,
        voice=realtime.voice,
        instructions=instructions,
        tools=tools,
        turn_detection=dialect.turns(realtime.turn_detection),
        max_output_tokens=realtime.max_output_tokens,
        end_of_speech_ms=end_of_speech_ms,
        dialect=dialect,
        context_tokens=realtime.context_tokens if dialect.bounds_context else 0,
        retention_ratio=realtime.retention_ratio,
        noise_reduction=realtime.noise_reduction if dialect.reduces_noise else "off",
        transcription=realtime.transcription,
        reasoning_effort="" if effort == "default" or not _reasons(dialect, realtime.model) else effort,
    )


def offline_plan(plan: SessionPlan) -> SessionPlan:
    """Return what is asked of the server on this machine, in place of `plan`: nothing that only a model can do.

    Whoever pays for transcripts elsewhere gets them here for nothing.
    """
    return SessionPlan(
        model="",
        voice=plan.voice,
        instructions=plan.instructions,
        tools=plan.tools,
        turn_detection=plan.turn_detection,
        max_output_tokens=plan.max_output_tokens,
        end_of_speech_ms=plan.end_of_speech_ms,
        transcription=plan.transcription,
    )


def _reasons(dialect: Dialect, model: str) -> bool:
    return dialect.reasons and takes_reasoning(model)
