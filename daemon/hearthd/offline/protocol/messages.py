"""What the server says: every message that it sends, whole.

`core.realtime.server_messages` reads what our own client needs of them, and forgives; what is sent must lack nothing
that any client may look for. Bytes become base64 while the JSON is encoded.
"""

from typing import Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from hearthd.core.realtime.server_messages import ErrorBody
from hearthd.offline.protocol.settings import Session
from hearthd.offline.protocol.views import FailureView, ItemView, ResponseView


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Any message of the server's; `encode` gives it its id."""

    event_id: str = ""


class Errored(Event, frozen=True, kw_only=True, tag="error"):
    """Something is wrong; the session goes on."""

    error: ErrorBody


class SessionCreated(Event, frozen=True, kw_only=True, tag="session.created"):
    """The first message of all."""

    session: Session


class SessionUpdated(Event, frozen=True, kw_only=True, tag="session.updated"):
    """An update is in force."""

    session: Session


class BufferCommitted(Event, frozen=True, kw_only=True, tag="input_audio_buffer.committed"):
    """The sound so far became an item."""

    item_id: str
    previous_item_id: str | None


class BufferCleared(Event, frozen=True, kw_only=True, tag="input_audio_buffer.cleared"):
    """The sound so far is forgotten."""


class SpeechStarted(Event, frozen=True, kw_only=True, tag="input_audio_buffer.speech_started"):
    """Somebody speaks; the offset counts all sound of this session."""

    item_id: str
    audio_start_ms: int


class SpeechStopped(Event, frozen=True, kw_only=True, tag="input_audio_buffer.speech_stopped"):
    """Nobody speaks any more."""

    item_id: str
    audio_end_ms: int


class ItemAdded(Event, frozen=True, kw_only=True, tag="conversation.item.added"):
    """The conversation has one item more, which may not be complete yet."""

    item: ItemView
    previous_item_id: str | None


class ItemDone(Event, frozen=True, kw_only=True, tag="conversation.item.done"):
    """An item is complete."""

    item: ItemView
    previous_item_id: str | None


class ItemRetrieved(Event, frozen=True, kw_only=True, tag="conversation.item.retrieved"):
    """An item, with its sound."""

    item: ItemView


class ItemDeleted(Event, frozen=True, kw_only=True, tag="conversation.item.deleted"):
    """An item is gone."""

    item_id: str


class ItemTruncated(Event, frozen=True, kw_only=True, tag="conversation.item.truncated"):
    """The end of an item's sound is gone, and its text."""

    item_id: str
    content_index: int
    audio_end_ms: int


_TRANSCRIPTION: Final = "conversation.item.input_audio_transcription"


class Duration(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="duration"):
    """How a transcript is billed, were it billed."""

    seconds: float


class TranscriptDelta(Event, frozen=True, kw_only=True, tag=f"{_TRANSCRIPTION}.delta"):
    """Text of what a user said."""

    item_id: str
    content_index: int = 0
    delta: str


class TranscriptCompleted(Event, frozen=True, kw_only=True, tag=f"{_TRANSCRIPTION}.completed"):
    """All that a user said; empty when it was nothing that this server knows."""

    item_id: str
    content_index: int = 0
    transcript: str
    usage: Duration


class TranscriptFailed(Event, frozen=True, kw_only=True, tag=f"{_TRANSCRIPTION}.failed"):
    """What a user said could not be heard."""

    item_id: str
    content_index: int = 0
    error: FailureView


class ResponseCreated(Event, frozen=True, kw_only=True, tag="response.created"):
    """A response begins."""

    response: ResponseView


class ResponseDone(Event, frozen=True, kw_only=True, tag="response.done"):
    """A response is over."""

    response: ResponseView


class OutputEvent(Event, frozen=True, kw_only=True):
    """Any message about one item of a response."""

    response_id: str
    output_index: int


class OutputItemAdded(OutputEvent, frozen=True, kw_only=True, tag="response.output_item.added"):
    """A response has one item more."""

    item: ItemView


class OutputItemDone(OutputEvent, frozen=True, kw_only=True, tag="response.output_item.done"):
    """An item of a response is over."""

    item: ItemView


class PartEvent(OutputEvent, frozen=True, kw_only=True):
    """Any message about the one content part of a response's message."""

    item_id: str
    content_index: int = 0


class PartView(msgspec.Struct, frozen=True, kw_only=True):
    """A content part; these messages call the kinds by their short names."""

    type: Literal["text", "audio"]
    text: str | UnsetType = UNSET
    transcript: str | UnsetType = UNSET


class PartAdded(PartEvent, frozen=True, kw_only=True, tag="response.content_part.added"):
    """A message's content begins."""

    part: PartView


class PartDone(PartEvent, frozen=True, kw_only=True, tag="response.content_part.done"):
    """A message's content is over."""

    part: PartView


class TextDelta(PartEvent, frozen=True, kw_only=True, tag="response.output_text.delta"):
    """More of a written answer."""

    delta: str


class TextDone(PartEvent, frozen=True, kw_only=True, tag="response.output_text.done"):
    """A written answer is over."""

    text: str


class AudioDelta(PartEvent, frozen=True, kw_only=True, tag="response.output_audio.delta"):
    """More of a spoken answer: whole samples of PCM16 at 24 kHz."""

    delta: bytes


class AudioDone(PartEvent, frozen=True, kw_only=True, tag="response.output_audio.done"):
    """A spoken answer's sound is over."""


class SpeechTextDelta(PartEvent, frozen=True, kw_only=True, tag="response.output_audio_transcript.delta"):
    """More of a spoken answer's text."""

    delta: str


class SpeechTextDone(PartEvent, frozen=True, kw_only=True, tag="response.output_audio_transcript.done"):
    """A spoken answer's text is over."""

    transcript: str


class ArgumentsDelta(OutputEvent, frozen=True, kw_only=True, tag="response.function_call_arguments.delta"):
    """More of a call's arguments."""

    item_id: str
    call_id: str
    delta: str


class ArgumentsDone(OutputEvent, frozen=True, kw_only=True, tag="response.function_call_arguments.done"):
    """All of a call's arguments."""

    item_id: str
    call_id: str
    name: str
    arguments: str


_ENCODER: Final = msgspec.json.Encoder()


def encode(event: Event, event_id: str) -> str:
    """Return the JSON text of `event` under `event_id`."""
    return _ENCODER.encode(msgspec.structs.replace(event, event_id=event_id)).decode()
