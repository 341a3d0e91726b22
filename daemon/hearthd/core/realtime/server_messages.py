"""What the server says: the messages that we read, and nothing of them that we do not use.

Unknown types and fields are ignored, optional fields have defaults, and the names of the protocol's beta are read
as their successors, so that compatible servers of every age are understood. Base64 audio becomes bytes while the
JSON is decoded.
"""

from typing import get_args

import msgspec

from hearthd.core.errors import HearthdError


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """An error, in an `error` message or inside a failed response; servers leave out any part of it."""

    type: str | None = None
    code: str | int | None = None
    message: str | None = None
    param: str | None = None
    event_id: str | None = None
    """The client message that caused it; often missing even where there is one."""

    @property
    def word(self) -> str:
        """The code, or the type where there is no code; empty when there is neither."""
        return str(self.code or self.type or "")


class StatusDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Why a response ended as it did."""

    reason: str | None = None
    error: ErrorBody | None = None


class OutputItem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a response made: a spoken message, a function call, or a kind that we do not know."""

    id: str | None = None
    type: str | None = None
    status: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None


class ResponseBody(msgspec.Struct, frozen=True, kw_only=True):
    """A response as its first and its last message show it."""

    id: str | None = None
    status: str | None = None
    status_details: StatusDetails | None = None
    output: tuple[OutputItem, ...] | None = None
    conversation_id: str | None = None
    """Null for a response outside the conversation, and also where a server does not fill it."""
    usage: msgspec.Raw = msgspec.Raw(b"null")
    """Decoded apart, because a response must end whatever its bill looks like."""


class ServerMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Any message of the server; its `event_id` is not read, because some servers send a constant."""


class SessionCreated(ServerMessage, frozen=True, kw_only=True, tag="session.created"):
    """The server is there."""


class SessionUpdated(ServerMessage, frozen=True, kw_only=True, tag="session.updated"):
    """Our settings are in force; `session` shows what the server made of them."""

    session: msgspec.Raw = msgspec.Raw(b"{}")


class ErrorReported(ServerMessage, frozen=True, kw_only=True, tag="error"):
    """Something went wrong; the connection goes on unless it is closed afterwards."""

    error: ErrorBody = ErrorBody()


class BufferCommitted(ServerMessage, frozen=True, kw_only=True, tag="input_audio_buffer.committed"):
    """The audio sent so far became the user's item `item_id`."""

    item_id: str = ""


class SpeechStarted(ServerMessage, frozen=True, kw_only=True, tag="input_audio_buffer.speech_started"):
    """The server's voice detection heard speech."""


class SpeechStopped(ServerMessage, frozen=True, kw_only=True, tag="input_audio_buffer.speech_stopped"):
    """The server's voice detection heard speech end."""


class InputTranscript(
    ServerMessage, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.completed"
):
    """What a transcriber made of the user's item; may come after the answer to it."""

    item_id: str = ""
    transcript: str | None = None
    usage: msgspec.Raw = msgspec.Raw(b"null")


class InputTranscriptFailed(
    ServerMessage, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.failed"
):
    """The transcriber failed; the conversation goes on without its text."""

    error: ErrorBody = ErrorBody()


class AddedItem(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the conversation, told apart by who it is from."""

    role: str | None = None


class ItemAdded(ServerMessage, frozen=True, kw_only=True, tag="conversation.item.added"):
    """Something joined the conversation."""

    item: AddedItem = AddedItem()


class BetaItemAdded(ItemAdded, frozen=True, kw_only=True, tag="conversation.item.created"):
    """`ItemAdded` in the beta's words."""


class ResponseCreated(ServerMessage, frozen=True, kw_only=True, tag="response.created"):
    """A response began."""

    response: ResponseBody


class ResponseDone(ServerMessage, frozen=True, kw_only=True, tag="response.done"):
    """A response ended."""

    response: ResponseBody


class PartMessage(ServerMessage, frozen=True, kw_only=True):
    """A message about one part of one item of a response."""

    response_id: str
    item_id: str
    content_index: int | None = None

    @property
    def part(self) -> tuple[str, int]:
        """The key of the part: item and index, 0 when the server leaves it out."""
        return self.item_id, self.content_index or 0


class AudioDelta(PartMessage, frozen=True, kw_only=True, tag="response.output_audio.delta"):
    """The next piece of PCM; may end in the middle of a sample."""

    delta: bytes


class BetaAudioDelta(AudioDelta, frozen=True, kw_only=True, tag="response.audio.delta"):
    """`AudioDelta` in the beta's words."""


class AudioDone(PartMessage, frozen=True, kw_only=True, tag="response.output_audio.done"):
    """A part's audio is complete."""


class BetaAudioDone(AudioDone, frozen=True, kw_only=True, tag="response.audio.done"):
    """`AudioDone` in the beta's words."""


class TranscriptDone(PartMessage, frozen=True, kw_only=True, tag="response.output_audio_transcript.done"):
    """The text of a part's audio."""

    transcript: str | None = None


class BetaTranscriptDone(TranscriptDone, frozen=True, kw_only=True, tag="response.audio_transcript.done"):
    """`TranscriptDone` in the beta's words."""


class TextDone(PartMessage, frozen=True, kw_only=True, tag="response.output_text.done"):
    """The text of a part without audio."""

    text: str | None = None


class BetaTextDone(TextDone, frozen=True, kw_only=True, tag="response.text.done"):
    """`TextDone` in the beta's words."""


class OutputItemAdded(ServerMessage, frozen=True, kw_only=True, tag="response.output_item.added"):
    """A response began to make an item."""

    response_id: str
    item: OutputItem = OutputItem()


class OutputItemDone(ServerMessage, frozen=True, kw_only=True, tag="response.output_item.done"):
    """A response ended an item; its `status` tells whether it is whole."""

    response_id: str
    item: OutputItem = OutputItem()


class CallArgumentsDone(ServerMessage, frozen=True, kw_only=True, tag="response.function_call_arguments.done"):
    """The arguments of a call ended, also where the response was cut in the middle of them."""

    response_id: str
    item_id: str = ""
    call_id: str = ""
    name: str | None = None
    """Missing in the beta, where only the item names the function."""
    arguments: str = ""


SessionMessage = (
    SessionCreated
    | SessionUpdated
    | ErrorReported
    | BufferCommitted
    | SpeechStarted
    | SpeechStopped
    | InputTranscript
    | InputTranscriptFailed
    | ItemAdded
    | BetaItemAdded
)
ResponseMessage = (
    ResponseCreated
    | ResponseDone
    | AudioDelta
    | BetaAudioDelta
    | AudioDone
    | BetaAudioDone
    | TranscriptDone
    | BetaTranscriptDone
    | TextDone
    | BetaTextDone
    | OutputItemAdded
    | OutputItemDone
    | CallArgumentsDone
)
Understood = SessionMessage | ResponseMessage
"""Every message that `decode` returns."""

_DECODER: msgspec.json.Decoder[Understood] = msgspec.json.Decoder(Understood)
_KNOWN_TYPES = frozenset(str(message.__struct_config__.tag) for message in get_args(Understood))


class _Header(msgspec.Struct, frozen=True):
    type: str


_HEADER_DECODER = msgspec.json.Decoder(_Header)


class GarbledMessage(HearthdError):
    """A text of the server that is no message: broken JSON, or a known type in an impossible shape."""

    def __init__(self, message_type: str, problem: str) -> None:
        """Carry the type that the text claims to have, "" when even that is unreadable, and what is wrong."""
        super().__init__(f"{message_type or 'no type'}: {problem}")
        self.message_type = message_type
        self.problem = problem


def decode(text: str) -> Understood | None:
    """Return the message in `text`, or None for a type that we do not use. Raises `GarbledMessage`."""
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        message_type = _type_of(text)
        if message_type and message_type not in _KNOWN_TYPES:
            return None
        raise GarbledMessage(message_type, str(error)) from error


def _type_of(text: str) -> str:
    try:
        return _HEADER_DECODER.decode(text).type
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return ""
