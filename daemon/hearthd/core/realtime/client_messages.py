"""What we say to the server: each message a struct that encodes to the protocol's JSON."""

import binascii
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from hearthd.core.audio.pcm import LINK_RATE_HZ
from hearthd.core.realtime.session import FunctionTool


class ClientMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Any message of ours but `append`; the server names `event_id` when it complains about the message."""

    event_id: str | UnsetType = UNSET

    @property
    def type(self) -> str:
        """The message's type on the wire."""
        return str(self.__struct_config__.tag)


class PcmAudio(msgspec.Struct, frozen=True, tag_field="type", tag="audio/pcm"):
    """PCM16 little-endian mono."""

    rate: int = LINK_RATE_HZ


class ServerVad(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="server_vad"):
    """Turns by the server's energy detector; every switch is sent, because servers' defaults differ."""

    silence_duration_ms: int
    create_response: bool = True
    interrupt_response: bool = True


class SemanticVad(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="semantic_vad"):
    """Turns by the server's judgement of what was said."""

    create_response: bool = True
    interrupt_response: bool = True


Turns = ServerVad | SemanticVad | None
"""Who finds the end of speech; None switches the server's own detection off."""


class NoiseReduction(msgspec.Struct, frozen=True):
    """What the server takes out of the sound before anything hears it."""

    type: Literal["near_field", "far_field"]


class Transcription(msgspec.Struct, frozen=True):
    """Have a model write down what the user says."""

    model: str


class AudioInput(msgspec.Struct, frozen=True, kw_only=True):
    """How the server shall hear."""

    turn_detection: Turns
    format: PcmAudio | UnsetType = UNSET
    noise_reduction: NoiseReduction | UnsetType = UNSET
    transcription: Transcription | UnsetType = UNSET


class AudioOutput(msgspec.Struct, frozen=True, kw_only=True):
    """How the server shall speak."""

    voice: str | UnsetType = UNSET
    format: PcmAudio | UnsetType = UNSET


class SessionAudio(msgspec.Struct, frozen=True, kw_only=True):
    """Both directions of sound."""

    input: AudioInput
    output: AudioOutput | UnsetType = UNSET


class TokenLimits(msgspec.Struct, frozen=True):
    """How much of the conversation is read, instructions and functions aside."""

    post_instructions: int


class RetentionRatio(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="retention_ratio"):
    """What the server forgets when the limits are passed: all but this share, the oldest first."""

    retention_ratio: float
    token_limits: TokenLimits


class Reasoning(msgspec.Struct, frozen=True):
    """How long the model thinks."""

    effort: str


class SessionSettings(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="realtime"):
    """The session that we want; what is left out stays as the server has it."""

    instructions: str
    audio: SessionAudio
    tools: tuple[FunctionTool, ...]
    tool_choice: Literal["auto"] = "auto"
    output_modalities: tuple[Literal["audio"]] | UnsetType = UNSET
    max_output_tokens: int | UnsetType = UNSET
    truncation: RetentionRatio | UnsetType = UNSET
    reasoning: Reasoning | UnsetType = UNSET


class BetaSession(msgspec.Struct, frozen=True, kw_only=True):
    """`SessionSettings` in the beta's layout."""

    instructions: str
    turn_detection: Turns
    tools: tuple[FunctionTool, ...]
    max_response_output_tokens: int
    tool_choice: Literal["auto"] = "auto"
    modalities: tuple[Literal["audio"], Literal["text"]] | UnsetType = UNSET
    voice: str | UnsetType = UNSET
    input_audio_format: Literal["pcm16"] | UnsetType = UNSET
    output_audio_format: Literal["pcm16"] | UnsetType = UNSET
    input_audio_transcription: Transcription | UnsetType = UNSET


class FormatOnly(msgspec.Struct, frozen=True):
    """How sound is coded in one direction."""

    format: PcmAudio = PcmAudio()


class Formats(msgspec.Struct, frozen=True):
    """How sound is coded in both directions."""

    input: FormatOnly = FormatOnly()
    output: FormatOnly = FormatOnly()


class XaiSession(msgspec.Struct, frozen=True, kw_only=True):
    """`SessionSettings` in xAI's layout."""

    instructions: str
    turn_detection: Turns
    tools: tuple[FunctionTool, ...]
    voice: str | UnsetType = UNSET
    audio: Formats | UnsetType = UNSET


class SessionUpdate(ClientMessage, frozen=True, kw_only=True, tag="session.update"):
    """Ask for a session like this; the server takes all of it or nothing."""

    session: SessionSettings | BetaSession | XaiSession


class BufferCommit(ClientMessage, frozen=True, kw_only=True, tag="input_audio_buffer.commit"):
    """Make the audio sent so far the user's item."""


class BufferClear(ClientMessage, frozen=True, kw_only=True, tag="input_audio_buffer.clear"):
    """Forget the audio sent so far."""


class InputText(msgspec.Struct, frozen=True, tag_field="type", tag="input_text"):
    """Text that the model reads."""

    text: str


class OutputText(msgspec.Struct, frozen=True, tag_field="type", tag="output_text"):
    """Text of the model's own."""

    text: str


class BetaText(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    """`OutputText` in the beta's words."""

    text: str


Role = Literal["system", "user", "assistant"]


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="message"):
    """Something that somebody said or wrote."""

    role: Role
    content: tuple[InputText | OutputText | BetaText, ...]


class Call(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="function_call"):
    """A function call that the model made before."""

    call_id: str
    name: str
    arguments: str


class CallOutput(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="function_call_output"):
    """What a function call brought."""

    call_id: str
    output: str


class ItemCreate(ClientMessage, frozen=True, kw_only=True, tag="conversation.item.create"):
    """Add an item at the end of the conversation."""

    item: Message | Call | CallOutput


class ItemTruncate(ClientMessage, frozen=True, kw_only=True, tag="conversation.item.truncate"):
    """Forget what comes after `audio_end_ms` of a spoken part, and the part's text."""

    item_id: str
    content_index: int
    audio_end_ms: int


class ItemDelete(ClientMessage, frozen=True, kw_only=True, tag="conversation.item.delete"):
    """Forget an item."""

    item_id: str


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A response in the conversation, with settings of its own where any are given."""

    instructions: str | UnsetType = UNSET
    """In place of the session's."""
    max_output_tokens: int | UnsetType = UNSET


class BetaWish(msgspec.Struct, frozen=True, kw_only=True):
    """`Wish` in the beta's words."""

    instructions: str | UnsetType = UNSET
    max_response_output_tokens: int | UnsetType = UNSET


class Aside(msgspec.Struct, frozen=True, kw_only=True):
    """A response that neither reads the conversation nor adds to it."""

    instructions: str
    metadata: dict[str, str]
    max_output_tokens: int | UnsetType = UNSET
    conversation: Literal["none"] = "none"
    input: tuple[()] = ()
    """The empty context: nothing of the conversation is read, and nothing of it paid for."""
    output_modalities: tuple[Literal["audio"]] = ("audio",)
    tools: tuple[()] = ()
    tool_choice: Literal["none"] = "none"


class ResponseCreate(ClientMessage, frozen=True, kw_only=True, tag="response.create"):
    """Ask for a response; without `response`, one in the conversation with the session's settings."""

    response: Wish | BetaWish | Aside | UnsetType = UNSET


class ResponseCancel(ClientMessage, frozen=True, kw_only=True, tag="response.cancel"):
    """End a response; without `response_id`, whichever runs."""

    response_id: str | UnsetType = UNSET


_ENCODER = msgspec.json.Encoder()
_APPEND_HEAD = '{"type":"input_audio_buffer.append","audio":"'
_APPEND_TAIL = '"}'


def encode(message: ClientMessage) -> str:
    """Return the JSON text of `message`."""
    return _ENCODER.encode(message).decode()


def encode_append(pcm: bytes) -> str:
    """Return the JSON text that appends `pcm` to the input buffer.

    Built without a struct, because this one runs 50 times a second; without an `event_id`, because nothing
    answers it.
    """
    return _APPEND_HEAD + binascii.b2a_base64(pcm, newline=False).decode("ascii") + _APPEND_TAIL
