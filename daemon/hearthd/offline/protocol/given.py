"""The objects in a client's messages: session, items and responses as it wishes them, and nothing beside that.

`core.realtime.client_messages` holds what our own client says, which is a part of this. A server must tell absent from
null, and must refuse the field that it does not know, as the real one does; so it reads with types of its own. Base64
becomes bytes while the JSON is decoded.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hearthd.core.realtime.session import FunctionTool
from hearthd.offline.protocol import limits

Modality = Literal["text", "audio"]
Text = Annotated[str, Meta(max_length=limits.TEXT_CHARACTERS)]
TokenLimit = Annotated[int, Meta(ge=1, le=limits.MOST_OUTPUT_TOKENS)] | Literal["inf"]
Milliseconds = Annotated[int, Meta(ge=0, le=10_000)]
Metadata = Annotated[dict[str, str], Meta(max_length=limits.METADATA_PAIRS)]


class Given(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An object in a client's message; a field that nobody knows is an error."""


class Format(Given, frozen=True, kw_only=True):
    """How sound is coded."""

    type: Literal["audio/pcm", "audio/pcmu", "audio/pcma"] = "audio/pcm"
    rate: int | None = None


class NoiseReduction(Given, frozen=True, kw_only=True, omit_defaults=True):
    """Taken and echoed; the recogniser has its own."""

    type: Literal["near_field", "far_field"] | None = None
    strength: float | None = None


class Transcription(Given, frozen=True, kw_only=True, omit_defaults=True):
    """Wishes for the transcriber, which is the recogniser, whatever model is named."""

    model: str | None = None
    language: str | None = None
    languages: tuple[str, ...] | None = None
    keywords: tuple[str, ...] | None = None
    prompt: str | None = None
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class ServerVad(Given, frozen=True, kw_only=True, tag_field="type", tag="server_vad"):
    """Turns by how voiced and how loud the sound is."""

    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None
    prefix_padding_ms: Milliseconds | None = None
    silence_duration_ms: Milliseconds | None = None
    idle_timeout_ms: int | None = None
    create_response: bool | None = None
    interrupt_response: bool | None = None


class SemanticVad(Given, frozen=True, kw_only=True, tag_field="type", tag="semantic_vad"):
    """Turns by how sure the end of speech shall be."""

    eagerness: Literal["low", "medium", "high", "auto"] | None = None
    create_response: bool | None = None
    interrupt_response: bool | None = None


class InputPatch(Given, frozen=True, kw_only=True):
    """Changes to how the server hears."""

    format: Format | UnsetType | None = UNSET
    noise_reduction: NoiseReduction | UnsetType | None = UNSET
    transcription: Transcription | UnsetType | None = UNSET
    turn_detection: ServerVad | SemanticVad | UnsetType | None = UNSET


class Voice(Given, frozen=True, kw_only=True):
    """A voice of the client's own making."""

    id: str


class OutputPatch(Given, frozen=True, kw_only=True):
    """Changes to how the server speaks."""

    format: Format | UnsetType | None = UNSET
    voice: str | Voice | UnsetType | None = UNSET
    speed: Annotated[float, Meta(ge=0.25, le=1.5)] | UnsetType | None = UNSET


class AudioPatch(Given, frozen=True, kw_only=True):
    """Changes to either direction of sound."""

    input: InputPatch | None = None
    output: OutputPatch | None = None


class Tool(Given, frozen=True, kw_only=True, tag_field="type", tag="function"):
    """A function that the client offers."""

    name: Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    description: str | None = None
    parameters: dict[str, object] | None = None

    def offered(self) -> FunctionTool:
        """Return it as the rest of the house knows functions."""
        return FunctionTool(name=self.name, description=self.description or "", parameters=self.parameters or {})


class ChosenFunction(Given, frozen=True, kw_only=True, tag_field="type", tag="function"):
    """The one function that shall be called."""

    name: str


ToolChoice = Literal["auto", "none", "required"] | ChosenFunction


class TokenLimits(Given, frozen=True, kw_only=True, omit_defaults=True):
    """Part of `Retention`."""

    post_instructions: int | None = None


class Retention(Given, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="retention_ratio"):
    """Taken and echoed; this server forgets by its own limits."""

    retention_ratio: Annotated[float, Meta(ge=0, le=1)]
    token_limits: TokenLimits | None = None


class Tracing(Given, frozen=True, kw_only=True, omit_defaults=True):
    """Taken and echoed; nothing is traced anywhere."""

    workflow_name: str | None = None
    group_id: str | None = None
    metadata: dict[str, object] | None = None


class Reasoning(Given, frozen=True, kw_only=True):
    """Taken and echoed; there is nothing to think about."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None


class SessionPatch(Given, frozen=True, kw_only=True):
    """Changes to the session; what is left out stays as it is."""

    type: Literal["realtime"]
    model: str | None = None
    output_modalities: Annotated[tuple[Modality, ...], Meta(min_length=1, max_length=1)] | UnsetType | None = UNSET
    instructions: Text | UnsetType | None = UNSET
    audio: AudioPatch | None = None
    tools: tuple[Tool, ...] | UnsetType | None = UNSET
    tool_choice: ToolChoice | UnsetType | None = UNSET
    parallel_tool_calls: bool | UnsetType | None = UNSET
    reasoning: Reasoning | UnsetType | None = UNSET
    max_output_tokens: TokenLimit | UnsetType | None = UNSET
    truncation: Literal["auto", "disabled"] | Retention | UnsetType | None = UNSET
    tracing: Literal["auto"] | Tracing | UnsetType | None = UNSET
    include: tuple[Literal["item.input_audio_transcription.logprobs"], ...] | UnsetType | None = UNSET
    prompt: UnsetType | None = UNSET


class Part(Given, frozen=True, kw_only=True):
    """One part of a message's content."""

    type: Literal["input_text", "input_audio", "input_image", "output_text", "output_audio"]
    text: Text | None = None
    audio: bytes | None = None
    transcript: Text | None = None
    image_url: str | None = None
    detail: Literal["auto", "low", "high"] | None = None


Status = Literal["completed", "incomplete", "in_progress"]
Id = Annotated[str, Meta(min_length=1, max_length=limits.ID_CHARACTERS)]


class GivenItem(Given, frozen=True, kw_only=True):
    """What every item of a client's may carry."""

    id: Id | None = None
    object: Literal["realtime.item"] | None = None
    status: Status | None = None


class GivenMessage(GivenItem, frozen=True, kw_only=True, tag_field="type", tag="message"):
    """Something that somebody said or wrote."""

    role: Literal["user", "assistant", "system"]
    content: Annotated[tuple[Part, ...], Meta(max_length=64)]


class GivenCall(GivenItem, frozen=True, kw_only=True, tag_field="type", tag="function_call"):
    """A call of an earlier session, given as history."""

    name: str
    arguments: Text
    call_id: Id | None = None


class GivenOutput(GivenItem, frozen=True, kw_only=True, tag_field="type", tag="function_call_output"):
    """What a call brought."""

    call_id: Annotated[str, Meta(max_length=64)]
    output: Text


class Reference(Given, frozen=True, kw_only=True, tag_field="type", tag="item_reference"):
    """An item of the conversation, in a response's own input."""

    id: str


class OwnOutput(Given, frozen=True, kw_only=True):
    """How one response shall sound."""

    format: Format | None = None
    voice: str | Voice | None = None


class OwnAudio(Given, frozen=True, kw_only=True):
    """As in the session."""

    output: OwnOutput | None = None


class ResponseWish(Given, frozen=True, kw_only=True):
    """Settings of one response, over those of its session."""

    conversation: Literal["auto", "none"] | None = None
    input: (
        Annotated[tuple[GivenMessage | GivenCall | GivenOutput | Reference, ...], Meta(max_length=limits.ITEMS)] | None
    ) = None
    instructions: Text | None = None
    output_modalities: Annotated[tuple[Modality, ...], Meta(min_length=1, max_length=1)] | None = None
    audio: OwnAudio | None = None
    tools: tuple[Tool, ...] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None
    max_output_tokens: TokenLimit | None = None
    metadata: Metadata | None = None
    prompt: None = None
