"""Worlds for the machine to be stepped in: a ready one for single journeys, and events to walk at random."""

from collections.abc import Sequence

from hearthd.core.audio.ledger import HeardPart, ReplyPart
from hearthd.core.conversation import commands as do
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.machine import Machine
from hearthd.core.conversation.phases import Manners, Patience
from hearthd.core.realtime.allowance import AskKind
from hearthd.core.realtime.choice import Server
from hearthd.core.realtime.events import (
    CallRequested,
    FollowUpSpared,
    InputCommitted,
    ResponseBegan,
    ResponseDenied,
    ResponseEnded,
    ResponseStatus,
    ServerSpeechStarted,
    ServerSpeechStopped,
    SessionReady,
)

PATIENCE = Patience()


class Stage:
    """A machine with a clock that stands still unless told."""

    def __init__(self, manners: Manners | None = None, *, ready: bool = True) -> None:
        """With a `ready` link and nothing else going on."""
        self.machine = Machine(manners or Manners(), PATIENCE)
        self.now = 100.0
        if ready:
            self.step(ev.MicrophoneFound(), ev.SpeakerFound(), ev.LinkConnecting(), SessionReady())

    def step(self, *events: ev.Event) -> list[do.Command]:
        """Step through `events` and return all commands."""
        commands: list[do.Command] = []
        for event in events:
            commands += self.machine.step(event, self.now)
        return commands

    def out_of_time(self) -> list[do.Command]:
        """Let the phase's deadline pass."""
        assert self.machine.deadline is not None
        self.now = self.machine.deadline
        return self.step(ev.DeadlinePassed())

    def listening(self) -> "Stage":
        """Have the wake word heard."""
        self.step(ev.WakeHeard("okay_nabu", 1_000))
        return self

    def thinking(self) -> "Stage":
        """Have something said."""
        self.listening()
        self.step(ev.SpeechStarted(self.machine.turn, 0), ev.SpeechEnded(self.machine.turn, capped=False))
        return self

    def speaking(self, response_id: str = "r1") -> "Stage":
        """Have it answered aloud."""
        self.thinking()
        self.step(ResponseBegan(response_id), ev.PlayoutStarted(response_id))
        return self

    def following_up(self) -> "Stage":
        """Have the answer heard to its end."""
        self.speaking()
        self.step(ended("r1"), ev.PlayoutDrained())
        return self


def ended(
    response_id: str, status: ResponseStatus = ResponseStatus.COMPLETED, *, follows: bool = False, text: str = ""
) -> ResponseEnded:
    """Return the end of a response."""
    return ResponseEnded(response_id=response_id, status=status, follows=follows, error_text=text)


def failed(
    retry_after_s: float | None = None, code: str = "rate_limit_exceeded", *, spoke: bool = False, calls: int = 0
) -> ResponseEnded:
    """Return the end of a response at which the server failed."""
    return ResponseEnded(
        response_id="r1",
        status=ResponseStatus.FAILED,
        error_code=code,
        error_text="Too much at once.",
        retry_after_s=retry_after_s,
        spoke=spoke,
        calls=tuple(f"c{number}" for number in range(calls)),
    )


def call(call_id: str = "c1") -> CallRequested:
    """Return a function call."""
    return CallRequested("r1", call_id, "set_light", "{}")


def heard(part: str = "i1", heard_ms: int = 700) -> HeardPart:
    """Return a reply part that was heard for `heard_ms` of two seconds."""
    return HeardPart(ReplyPart("r1", part, 0), heard_ms, 2_000)


def every_event() -> Sequence[ev.Event]:
    """Return at least one event of every kind, with few enough names that they meet again."""
    return [
        ev.WakeHeard("okay_nabu", 5),
        ev.ListenRequested(),
        ev.StopRequested(),
        ev.SayRequested("dinner"),
        ev.SayRequested("dinner", attention=True),
        ev.MuteRequested(muted=True),
        ev.MuteRequested(muted=False),
        *(ev.SpeechStarted(turn, 7) for turn in range(5)),
        *(ev.SpeechEnded(turn, capped) for turn in range(1, 5) for capped in (False, True)),
        ev.MicrophoneLost("gone"),
        ev.MicrophoneFound(),
        *(ev.PlayoutStarted(name) for name in ("r1", "r2")),
        ev.PlayoutDrained(),
        ev.SpeechCut((heard(),)),
        ev.SpeakerLost("gone"),
        ev.SpeakerFound(),
        ev.LinkConnecting(),
        ev.LinkLost("no route"),
        ev.LinkLost(""),
        ev.LinkDenied("http_401", "wrong key"),
        ev.ServerChosen(Server.OFFLINE, "no route", "I am offline"),
        ev.ServerChosen(Server.OFFLINE, "wrong key", "I am offline", anew=False),
        ev.ServerChosen(Server.ONLINE),
        ev.BudgetJudged("all is spent"),
        ev.BudgetJudged(""),
        SessionReady(),
        InputCommitted("i9"),
        ServerSpeechStarted(),
        ServerSpeechStopped(),
        *(ResponseBegan(name) for name in ("r1", "r2")),
        *(ended(name, status) for name in ("r1", "r2", "") for status in ResponseStatus),
        ended("r1", follows=True),
        *(failed(wait_s) for wait_s in (None, 2.0)),
        ResponseDenied(AskKind.REPLY, "all is spent"),
        FollowUpSpared("r1"),
        *(call(name) for name in ("c1", "c2")),
        *(ev.CallAnswered(name, "{}") for name in ("c1", "c2")),
        ev.DeadlinePassed(),
    ]
