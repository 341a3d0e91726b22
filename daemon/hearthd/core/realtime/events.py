"""What the protocol reports: everything that the server's messages come down to."""

from dataclasses import dataclass
from enum import StrEnum

from hearthd.core.realtime.allowance import NOTHING_READ, AskKind, ContextSize
from hearthd.core.realtime.complaints import ErrorKind
from hearthd.core.realtime.usage import TranscriptionUsage, Usage


class ResponseStatus(StrEnum):
    """How a response ended."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    """By our cancel, or by the server's voice detection."""
    FAILED = "failed"
    INCOMPLETE = "incomplete"
    """Cut by the token limit or the content filter: speech may stop within a word."""


@dataclass(frozen=True, slots=True)
class SessionReady:
    """Our settings are in force; audio and commands may go out."""


@dataclass(frozen=True, slots=True)
class SessionFailed:
    """The session cannot start, or cannot go on; the protocol ignores everything from here on."""

    code: str
    problem: str
    """The server's own words."""
    permanent: bool
    """Whether a person must mend it (key, model, account, quota, settings); else a new connection may do."""


@dataclass(frozen=True, slots=True)
class InputCommitted:
    """The audio sent so far became the user's item."""

    item_id: str


@dataclass(frozen=True, slots=True)
class ServerSpeechStarted:
    """The server's voice detection heard speech; a running response is being interrupted."""


@dataclass(frozen=True, slots=True)
class ServerSpeechStopped:
    """The server's voice detection heard speech end; its commit and an answer follow by themselves."""


@dataclass(frozen=True, slots=True)
class InputTranscribed:
    """A transcriber's reading of the user's item: for people to read, never a source of commands."""

    item_id: str
    text: str
    model: str = ""
    """The transcriber, for its bill."""
    usage: TranscriptionUsage | None = None
    """None where the server sent none."""


@dataclass(frozen=True, slots=True)
class ResponseBegan:
    """A response runs; exactly one `ResponseEnded` with this id follows unless the session ends."""

    response_id: str
    purpose: AskKind = AskKind.REPLY
    """What it was asked for; one that nobody asked for is the server's own reply."""
    cancelled: bool = False
    """Whether we ended it as it began, because nobody wants it: nothing more of it is reported but its end."""


@dataclass(frozen=True, slots=True)
class ResponseDenied:
    """A response that was wanted is not asked for, or was cancelled at once: the budget does not allow it."""

    purpose: AskKind
    reason: str
    """In plain words."""


@dataclass(frozen=True, slots=True)
class FollowUpSpared:
    """All calls of a response are answered and none needs words: no response follows, where `follows` promised one.

    The user shall hear a tone in its place.
    """

    response_id: str


@dataclass(frozen=True, slots=True)
class ReplyAudio:
    """More of a reply's PCM16 at 24 kHz; a piece may end in the middle of a sample."""

    response_id: str
    item_id: str
    content_index: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class ReplyAudioEnded:
    """No more audio of this part follows; some servers leave it at `ResponseEnded`."""

    response_id: str
    item_id: str
    content_index: int


@dataclass(frozen=True, slots=True)
class ReplyTranscribed:
    """The text of a spoken part, whole, whether or not it was heard to its end."""

    response_id: str
    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class CallRequested:
    """The model wants a function carried out; reported once for each `call_id`, and to be answered once."""

    response_id: str
    call_id: str
    name: str
    arguments: str
    """JSON text as the model wrote it: not checked against anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseEnded:
    """A response is over, and with it every event of its id; its audio may still be playing."""

    response_id: str
    """Empty when the server refused to make the response that was asked for."""
    status: ResponseStatus
    reason: str = ""
    """The server's word for a status other than completed, such as `turn_detected` or `max_output_tokens`."""
    error_code: str = ""
    error_text: str = ""
    retry_after_s: float | None = None
    """How long the error's text asks to wait, if it does."""
    usage: Usage | None = None
    calls: tuple[str, ...] = ()
    """The ids of the calls that this response requested."""
    spoke: bool = False
    """Whether any audio was reported."""
    follows: bool = False
    """Whether the protocol asks for the next response after the last answer, if no user turn begins.

    In its place may come `FollowUpSpared` or `ResponseDenied`.
    """
    purpose: AskKind = AskKind.REPLY
    model: str = ""
    context: ContextSize = NOTHING_READ
    """What it read, as estimated when it began."""
    input_audio_ms: int = 0
    """The user's sound that joined the conversation since the response before it began."""
    output_audio_ms: int = 0
    """The sound received, heard or not: what is to be paid where the server sends no usage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerComplained:
    """An error that the session survived, or a text that nobody can read: material for the journal."""

    kind: ErrorKind
    code: str
    message: str
    param: str = ""
    client_event_id: str = ""
    """The message of ours that it is about, as its type and a number; empty when the server does not tell."""


LinkEvent = (
    SessionReady
    | SessionFailed
    | InputCommitted
    | ServerSpeechStarted
    | ServerSpeechStopped
    | InputTranscribed
    | ResponseBegan
    | ResponseDenied
    | FollowUpSpared
    | ReplyAudio
    | ReplyAudioEnded
    | ReplyTranscribed
    | CallRequested
    | ResponseEnded
    | ServerComplained
)
