"""What the protocol can be told to do, once the session is ready."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommitInput:
    """End the user's utterance; sends nothing where the server finds the end of speech itself."""


@dataclass(frozen=True, slots=True)
class ClearInput:
    """Forget the audio appended since the last commit."""


@dataclass(frozen=True, slots=True)
class RequestResponse:
    """Answer what the conversation holds, after the running response if there is one; ends a user turn."""


@dataclass(frozen=True, slots=True)
class SpeakText:
    """Say this text, word for word, beside the conversation, when no other response runs or waits.

    At most 8 texts wait; a ninth takes the oldest one's place.
    """

    text: str


@dataclass(frozen=True, slots=True)
class AddUserText:
    """Add something the user wrote to the conversation, without asking for an answer."""

    text: str


@dataclass(frozen=True, slots=True)
class AddContext:
    """Tell the model something that it should know and that nobody said: the time, the state of the room.

    Once in a conversation and before its first utterance is committed, because what never changes shall stand first,
    where the server's prompt cache holds it. At most 2,000 characters count.
    """

    text: str


@dataclass(frozen=True, slots=True)
class CancelResponse:
    """End the running response and forget every one that was asked for and has not begun."""


@dataclass(frozen=True, slots=True)
class TruncateReply:
    """Make the server forget what was not heard of a reply: all of a part after `audio_end_ms`.

    Sent when the response is over, because only then is the length certain; not sent when all that came was
    heard. An item of which nothing was heard is deleted: truncating to 0 would leave an empty answer in the
    conversation.
    """

    item_id: str
    content_index: int
    audio_end_ms: int


@dataclass(frozen=True, slots=True)
class AnswerCall:
    """Give the model what a function call brought; an unknown or already answered call is ignored."""

    call_id: str
    output: str
    follow_up: bool = True
    """Whether words are needed (`core.home.acknowledgement`): if no call of a response that said nothing needs any,
    none are asked for, and `FollowUpSpared` is reported.
    """


LinkCommand = (
    CommitInput
    | ClearInput
    | RequestResponse
    | SpeakText
    | AddUserText
    | AddContext
    | CancelResponse
    | TruncateReply
    | AnswerCall
)
