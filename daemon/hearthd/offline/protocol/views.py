"""The objects in the server's messages: items and responses as every client may look for them."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from hearthd.offline.protocol.given import Modality, Status, Voice
from hearthd.offline.protocol.settings import Pcm


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a message item."""

    type: Literal["input_text", "input_audio", "output_text", "output_audio"]
    text: str | UnsetType = UNSET
    transcript: str | UnsetType | None = UNSET
    audio: bytes | UnsetType = UNSET


class ItemView(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """An item as a message shows it."""

    id: str
    object: Literal["realtime.item"] = "realtime.item"
    status: Status = "completed"


class MessageView(ItemView, frozen=True, kw_only=True, tag="message"):
    """Something said or written."""

    role: Literal["user", "assistant", "system"]
    content: tuple[Content, ...]


class CallView(ItemView, frozen=True, kw_only=True, tag="function_call"):
    """A function that the client shall carry out."""

    call_id: str
    name: str
    arguments: str


class CallOutputView(ItemView, frozen=True, kw_only=True, tag="function_call_output"):
    """What that brought."""

    call_id: str
    output: str


class TokenKinds(msgspec.Struct, frozen=True):
    """Tokens by what they stand for."""

    text_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int = 0


class InputTokens(TokenKinds, frozen=True):
    """Tokens that were read."""

    cached_tokens: int = 0
    cached_tokens_details: TokenKinds = TokenKinds()


class OutputTokens(msgspec.Struct, frozen=True):
    """Tokens that were made."""

    text_tokens: int = 0
    audio_tokens: int = 0


class NoUsage(msgspec.Struct, frozen=True):
    """The bill of a response: this server counts no tokens, because it costs nothing."""

    total_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    input_token_details: InputTokens = InputTokens()
    output_token_details: OutputTokens = OutputTokens()


class FailureView(msgspec.Struct, frozen=True, kw_only=True):
    """Why a response failed."""

    type: str
    code: str
    message: str


class StatusDetails(msgspec.Struct, frozen=True, kw_only=True):
    """How a response ended."""

    type: Literal["completed", "cancelled", "incomplete", "failed"]
    reason: Literal["turn_detected", "client_cancelled", "max_output_tokens"] | UnsetType = UNSET
    error: FailureView | UnsetType = UNSET


class ResponseOutput(msgspec.Struct, frozen=True, kw_only=True):
    """How a response sounds."""

    format: Pcm = Pcm()
    voice: str | Voice


class ResponseAudio(msgspec.Struct, frozen=True, kw_only=True):
    """Only one direction of sound is a response's."""

    output: ResponseOutput


class ResponseView(msgspec.Struct, frozen=True, kw_only=True):
    """A response as its first and its last message show it."""

    object: Literal["realtime.response"] = "realtime.response"
    id: str
    status: Literal["in_progress", "completed", "cancelled", "incomplete", "failed"]
    status_details: StatusDetails | None = None
    output: tuple[ItemView, ...] = ()
    conversation_id: str | None
    output_modalities: tuple[Modality, ...]
    max_output_tokens: int | Literal["inf"]
    audio: ResponseAudio
    usage: NoUsage | None = None
    metadata: dict[str, str] | None = None
