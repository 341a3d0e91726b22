"""Everything the conversation can want done; the conductor carries these out, in order."""

from dataclasses import dataclass
from enum import StrEnum

from hearthd.core.audio.earcons import Earcon
from hearthd.core.realtime.commands import (
    AnswerCall,
    CancelResponse,
    ClearInput,
    CommitInput,
    RequestResponse,
    SpeakText,
    TruncateReply,
)
from hearthd.core.realtime.events import CallRequested

BROKEN_OFF = '{"ok": false, "error": "broken_off", "explanation": "The user broke this off before it was done."}'
"""What the model learns of a call that nobody wants carried out any more."""


class EarMode(StrEnum):
    """What the capture thread makes of the sound."""

    WATCH = "watch"
    """Look for the wake word; nothing leaves the thread but the news of it."""
    ATTEND = "attend"
    """As `WATCH`, and tell also when anybody begins to speak."""
    HEAR = "hear"
    """An utterance is being taken down: find its end, hand its sound to the uplink."""
    IGNORE = "ignore"
    """Read the device and throw the sound away."""


@dataclass(frozen=True, slots=True)
class SetEar:
    """Listen in `mode`; `brisk` reads every 20 ms instead of every 80 or 240 ms."""

    mode: EarMode
    brisk: bool


@dataclass(frozen=True, slots=True)
class OpenUplink:
    """Take down the utterance of `turn` from captured frame `from_frame` on (None: from now on).

    `speaking` tells that speech has already begun.
    """

    turn: int
    from_frame: int | None
    speaking: bool


@dataclass(frozen=True, slots=True)
class CloseUplink:
    """End the uplink of `turn` and forget what it holds unsent."""

    turn: int


@dataclass(frozen=True, slots=True)
class ForgetUtterance:
    """Forget the utterance that was committed: something of its answer is there, or nobody wants it any more."""


@dataclass(frozen=True, slots=True)
class OpenMicrophone:
    """Open the capture device."""


@dataclass(frozen=True, slots=True)
class CloseMicrophone:
    """Close the capture device and forget what was heard."""


@dataclass(frozen=True, slots=True)
class CutSpeech:
    """Silence the loudspeaker now and drop what it was to play; `SpeechCut` follows."""


@dataclass(frozen=True, slots=True)
class PlayEarcon:
    """Play a short tone."""

    earcon: Earcon


@dataclass(frozen=True, slots=True)
class RunCall:
    """Carry out a function call of the model in `turn`, unless the turn ends before; `CallAnswered` follows."""

    turn: int
    call: CallRequested


@dataclass(frozen=True, slots=True)
class ConnectLink:
    """A connection is wanted now: do not wait for the next scheduled attempt."""


@dataclass(frozen=True, slots=True)
class EndConversation:
    """The conversation is over: the next one shall start with an empty context."""


@dataclass(frozen=True, slots=True)
class ReplaceSession:
    """The session is of no use any more: the conversation goes on in a fresh one."""


@dataclass(frozen=True, slots=True)
class BeginTurn:
    """A turn begins; `cause` is the wake word, `listen`, `follow_up` or `say`."""

    turn: int
    cause: str
    say_id: str = ""
    """What those who want the text spoken know it by."""


@dataclass(frozen=True, slots=True)
class EndTurn:
    """A turn is over."""

    turn: int
    outcome: "Outcome"


class Outcome(StrEnum):
    """How a turn ended."""

    ANSWERED = "answered"
    INTERRUPTED = "interrupted"
    STOPPED = "stopped"
    NOTHING_SAID = "nothing_said"
    MUTED = "muted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Complain:
    """Tell the owner of trouble: `code` for machines, `problem` in plain words."""

    code: str
    problem: str
    say_id: str = ""
    """What those know it by whose text will not be spoken because of it, in no turn at all."""


Command = (
    SetEar
    | OpenUplink
    | CloseUplink
    | ForgetUtterance
    | OpenMicrophone
    | CloseMicrophone
    | CutSpeech
    | PlayEarcon
    | RunCall
    | ConnectLink
    | EndConversation
    | ReplaceSession
    | BeginTurn
    | EndTurn
    | Complain
    | CommitInput
    | ClearInput
    | RequestResponse
    | SpeakText
    | CancelResponse
    | TruncateReply
    | AnswerCall
)
