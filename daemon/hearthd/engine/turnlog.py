"""The story of each turn: when what happened, told once at its end with the numbers that its owner asks for."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from hearthd.core.conversation import commands as do
from hearthd.core.conversation import events as ev
from hearthd.core.realtime.choice import Server
from hearthd.core.realtime.commands import CommitInput, SpeakText
from hearthd.core.realtime.usage import Usage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Glitches:
    """How often the cards lost sound since the start, because this machine was too busy to serve them."""

    overruns: int = 0
    """Of the microphone."""
    underruns: int = 0
    """Of the loudspeaker."""


@dataclass(slots=True)
class Turn:
    """One turn's milestones in monotonic seconds; None: did not happen."""

    number: int
    cause: str
    began_s: float
    glitches: Glitches
    """Those of before."""
    say_id: str = ""
    """What those who want a text spoken know it by."""
    spent_usd: float = 0.0
    """What was spent in this run before it."""
    server: Server | None = None
    """Who was asked; None: nobody yet."""
    speech_ended_s: float | None = None
    """When the last speech was heard; the silence that proved it the last came after."""
    committed_s: float | None = None
    answered_s: float | None = None
    """The first reply audio arrived."""
    audible_s: float | None = None
    commits: int = 0
    """How often the utterance was sent."""
    calls: int = 0
    responses: set[str] = field(default_factory=set)
    statuses: list[str] = field(default_factory=list)
    """How each of its responses ended."""
    input_tokens: int = 0
    output_tokens: int = 0

    def latency_ms(self) -> int | None:
        """Milliseconds from the end of speech (or the request to speak) to the first audible reply."""
        if self.audible_s is None:
            return None
        return round(1000 * (self.audible_s - (self.speech_ended_s or self.began_s)))

    def fields(self, outcome: do.Outcome, glitches: Glitches, spent_usd: float) -> dict[str, object]:
        """Return the journal fields of the finished turn; what did not happen is left out."""
        server_ms = None
        if self.committed_s is not None and self.answered_s is not None:
            server_ms = round(1000 * (self.answered_s - self.committed_s))
        fields = {
            "HEARTHD_EVENT": "turn",
            "HEARTHD_TURN": self.number,
            "HEARTHD_CAUSE": self.cause,
            "HEARTHD_ID": self.say_id or None,
            "HEARTHD_OUTCOME": outcome.value,
            "HEARTHD_SERVER": self.server and self.server.value,
            "HEARTHD_LATENCY_MS": self.latency_ms(),
            "HEARTHD_SERVER_MS": server_ms,
            "HEARTHD_RESENT": max(0, self.commits - 1) or None,
            "HEARTHD_CALLS": self.calls,
            "HEARTHD_RESPONSES": ",".join(self.statuses) or None,
            "HEARTHD_INPUT_TOKENS": self.input_tokens or None,
            "HEARTHD_OUTPUT_TOKENS": self.output_tokens or None,
            "HEARTHD_COST_USD": round(spent_usd - self.spent_usd, 6) or None,
            "HEARTHD_OVERRUNS": glitches.overruns - self.glitches.overruns or None,
            "HEARTHD_UNDERRUNS": glitches.underruns - self.glitches.underruns or None,
        }
        return {name: value for name, value in fields.items() if value is not None}


class TurnLog:
    """Follows the conversation from the conductor's side and writes one journal event per turn."""

    def __init__(self, glitches: Callable[[], Glitches] = Glitches, spent_usd: Callable[[], float] = float) -> None:
        """Know of no turn yet; `glitches` and `spent_usd` tell how many there were, and what was spent, until now."""
        self._glitches = glitches
        self._spent_usd = spent_usd
        self._turn: Turn | None = None
        self._server = Server.ONLINE

    @property
    def number(self) -> int:
        """The number of the current turn; 0: there is none."""
        return 0 if self._turn is None else self._turn.number

    def saw(self, event: ev.Event, now_s: float) -> None:
        """Note what an event says about the current turn."""
        if isinstance(event, ev.ServerChosen):
            self._server = event.server
        turn = self._turn
        if turn is None:
            return
        match event:
            case ev.SpeechEnded() if event.turn == turn.number:
                turn.speech_ended_s = turn.speech_ended_s or now_s - event.silence_ms / 1000
            case ev.ServerSpeechStopped():
                turn.speech_ended_s = turn.speech_ended_s or now_s
            case ev.InputCommitted():
                turn.committed_s = turn.committed_s or now_s
                turn.server = self._server
            case ev.ResponseBegan():
                turn.responses.add(event.response_id)
            case ev.PlayoutStarted() if event.response_id in turn.responses:
                turn.answered_s = turn.answered_s or now_s
            case ev.CallRequested():
                turn.calls += 1
            case ev.ResponseEnded():
                self._count(turn, event.usage)
                if event.response_id in {"", *turn.responses}:  # else it ends late, of a turn that was broken off
                    turn.statuses.append(f"{event.status}:{event.reason}" if event.reason else event.status.value)
            case _:
                pass

    def did(self, command: do.Command, now_s: float) -> dict[str, object] | None:
        """Note a command; returns the journal fields of a turn that ends with it."""
        match command:
            case do.BeginTurn():
                self._turn = Turn(
                    command.turn, command.cause, now_s, self._glitches(), command.say_id, self._spent_usd()
                )
            case CommitInput() if self._turn is not None:
                self._turn.committed_s = now_s
                self._turn.commits += 1
                self._turn.server = self._server
            case SpeakText() if self._turn is not None:
                self._turn.server = self._server
            case do.EndTurn() if self._turn is not None:
                turn, self._turn = self._turn, None
                fields = turn.fields(command.outcome, self._glitches(), self._spent_usd())
                log.info("turn %s", command.outcome.value, extra=fields)
                return fields
            case _:
                pass
        return None

    def audible(self, at_s: float) -> None:
        """Note that a reply began to be heard at monotonic second `at_s`; the last turn's may be told late."""
        if self._turn is not None and at_s >= self._turn.began_s:
            self._turn.audible_s = self._turn.audible_s or at_s

    @staticmethod
    def _count(turn: Turn, usage: Usage | None) -> None:
        if usage is not None:
            turn.input_tokens += usage.text_in + usage.audio_in + usage.image_in
            turn.output_tokens += usage.text_out + usage.audio_out
