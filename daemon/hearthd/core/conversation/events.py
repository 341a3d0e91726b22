"""Everything that can happen to a conversation; the machine takes these one at a time.

What the Realtime protocol reports is part of the union as it is. Reply audio and transcripts are not: they go straight
from the link to the loudspeaker and the journal.
"""

from dataclasses import dataclass

from hearthd.core.audio.ledger import HeardPart
from hearthd.core.realtime.choice import Server
from hearthd.core.realtime.events import (
    CallRequested,
    FollowUpSpared,
    InputCommitted,
    ResponseBegan,
    ResponseDenied,
    ResponseEnded,
    ServerSpeechStarted,
    ServerSpeechStopped,
    SessionReady,
)

__all__ = [
    "BudgetJudged",
    "CallAnswered",
    "CallRequested",
    "DeadlinePassed",
    "Event",
    "FollowUpSpared",
    "InputCommitted",
    "LinkConnecting",
    "LinkDenied",
    "LinkLost",
    "ListenRequested",
    "MicrophoneFound",
    "MicrophoneLost",
    "MuteRequested",
    "PlayoutDrained",
    "PlayoutStarted",
    "ResponseBegan",
    "ResponseDenied",
    "ResponseEnded",
    "SayRequested",
    "ServerChosen",
    "ServerSpeechStarted",
    "ServerSpeechStopped",
    "SessionReady",
    "SpeakerFound",
    "SpeakerLost",
    "SpeechCut",
    "SpeechEnded",
    "SpeechStarted",
    "StopRequested",
    "WakeHeard",
]


@dataclass(frozen=True, slots=True)
class WakeHeard:
    """A wake word was completed; the utterance shall be sent from captured frame `frame` on, pre-roll included."""

    word: str
    frame: int


@dataclass(frozen=True, slots=True)
class ListenRequested:
    """Somebody pressed the button, in whatever way, to be listened to."""


@dataclass(frozen=True, slots=True)
class StopRequested:
    """Somebody wants silence and no answer."""


@dataclass(frozen=True, slots=True)
class SayRequested:
    """Somebody wants `text` spoken word for word, after an attention tone if `attention`."""

    text: str
    attention: bool = False
    id: str = ""
    """What they know it by; empty: by nothing."""


@dataclass(frozen=True, slots=True)
class MuteRequested:
    """The microphone shall be closed (`muted`) or opened again."""

    muted: bool


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody began to speak; `turn` is the open uplink's, 0 when none is open.

    `frame` is the captured frame to send from if this opens an uplink, lead-in included.
    """

    turn: int
    frame: int


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The utterance of `turn` is over, by silence or because it was `capped`; its uplink holds all of it.

    The last speech was heard `silence_ms` before.
    """

    turn: int
    capped: bool
    silence_ms: int = 0


@dataclass(frozen=True, slots=True)
class MicrophoneLost:
    """The capture device is gone, in the words of `problem`."""

    problem: str


@dataclass(frozen=True, slots=True)
class MicrophoneFound:
    """The capture device delivers sound."""


@dataclass(frozen=True, slots=True)
class PlayoutStarted:
    """The loudspeaker has sound of `response_id` to play, where it had none before."""

    response_id: str


@dataclass(frozen=True, slots=True)
class PlayoutDrained:
    """All reply sound received so far has left the loudspeaker."""


@dataclass(frozen=True, slots=True)
class SpeechCut:
    """The loudspeaker fell silent at our wish; `heard` tells how much of each unfinished part was heard."""

    heard: tuple[HeardPart, ...]


@dataclass(frozen=True, slots=True)
class SpeakerLost:
    """The playback device is gone, in the words of `problem`; what it held will not be heard."""

    problem: str


@dataclass(frozen=True, slots=True)
class SpeakerFound:
    """The playback device is open."""


@dataclass(frozen=True, slots=True)
class LinkConnecting:
    """A connection to the Realtime server is being opened."""


@dataclass(frozen=True, slots=True)
class LinkLost:
    """There is no connection to the Realtime server; trying goes on."""

    problem: str


@dataclass(frozen=True, slots=True)
class LinkDenied:
    """The Realtime server refused us; somebody has to change something."""

    code: str
    problem: str


@dataclass(frozen=True, slots=True)
class ServerChosen:
    """Another server answers from now on, or for another reason; its link's news follow."""

    server: Server
    reason: str = ""
    """Why it is not the configured one, in plain words; empty when it is."""
    notice: str = ""
    """What to say of that aloud in the next conversation."""
    anew: bool = True
    """Whether it is another server; otherwise only the reason is another."""


@dataclass(frozen=True, slots=True)
class BudgetJudged:
    """Whether the next conversation can be paid for; `problem` says in plain words why not, and is empty if it can."""

    problem: str


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """A function call came to its end; `output` is the JSON text that the model gets."""

    call_id: str
    output: str
    needs_words: bool = True
    """Whether the model shall speak about it; otherwise a tone says enough."""


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The phase's deadline is over."""


Event = (
    WakeHeard
    | ListenRequested
    | StopRequested
    | SayRequested
    | MuteRequested
    | SpeechStarted
    | SpeechEnded
    | MicrophoneLost
    | MicrophoneFound
    | PlayoutStarted
    | PlayoutDrained
    | SpeechCut
    | SpeakerLost
    | SpeakerFound
    | LinkConnecting
    | LinkLost
    | LinkDenied
    | ServerChosen
    | BudgetJudged
    | SessionReady
    | InputCommitted
    | ServerSpeechStarted
    | ServerSpeechStopped
    | ResponseBegan
    | ResponseDenied
    | ResponseEnded
    | FollowUpSpared
    | CallRequested
    | CallAnswered
    | DeadlinePassed
)
