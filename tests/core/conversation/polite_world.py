"""A world that only ever does what a real one could: it answers what was asked, and nothing else."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from hearthd.core.conversation import commands as do
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.machine import Machine
from hearthd.core.realtime import commands as wire
from hearthd.core.realtime.choice import Server
from hearthd.core.realtime.events import CallRequested, ResponseBegan, ResponseEnded, ResponseStatus, SessionReady
from tests.core.conversation.worlds import heard

Choice = Callable[[], ev.Event]


@dataclass(slots=True)
class Response:
    """A response the server works on."""

    name: str
    calls: list[str] = field(default_factory=list)
    cancelled: bool = False


class PoliteWorld:
    """Server, card, room and house in one, driven by a seeded generator."""

    def __init__(self, choose: random.Random) -> None:
        """Begin with everything in place and nobody in the room."""
        self.now = 0.0
        self._choose = choose
        self._ready = False
        self._wanted = 0
        self._active: Response | None = None
        self._owed_after_calls = False
        self._names = 0
        self._listening_turn = 0
        self._ear = do.EarMode.WATCH
        self._speaking_turn = False
        self._playing = False
        self._cutting = False
        self._open_calls: set[str] = set()
        self._run: list[str] = []
        self._asked: list[str] = []
        self._answered: list[str] = []

    # What may happen next

    def next_event(self, machine: Machine) -> ev.Event:
        """Choose among what could happen now; the deadline passes when it is due."""
        self.now += self._choose.random()
        if machine.deadline is not None and self.now >= machine.deadline:
            return ev.DeadlinePassed()
        choices: list[Choice] = [
            ev.ListenRequested,
            lambda: ev.SayRequested("dinner"),
            lambda: ev.MuteRequested(muted=self._choose.random() < 0.3),
        ]
        if self._choose.random() < 0.1:
            choices.append(ev.StopRequested)
        choices += self._room() + self._link() * 2
        if self._ready:
            choices += self._server() * 3
        choices += self._card() * 3 + [self._answer_call for _ in self._open_calls]
        return self._choose.choice(choices)()

    def _room(self) -> list[Choice]:
        if self._ear in {do.EarMode.WATCH, do.EarMode.ATTEND} and not self._listening_turn:
            attended: list[Choice] = [lambda: ev.SpeechStarted(0, 3)] if self._ear is do.EarMode.ATTEND else []
            return [lambda: ev.WakeHeard("okay_nabu", 3), *attended]
        if not self._listening_turn:
            return []
        if self._speaking_turn:
            return [self._end_speech] * 4
        return [self._begin_speech] * 4

    def _link(self) -> list[Choice]:
        if self._choose.random() > 0.15:
            return []
        if self._ready:
            return [self._lose_link]
        chosen = ev.ServerChosen(self._choose.choice(list(Server)), "a reason", "I am offline")
        return [ev.LinkConnecting, self._become_ready, lambda: ev.LinkDenied("http_401", "wrong key"), lambda: chosen]

    def _server(self) -> list[Choice]:
        if self._active is None:
            return [self._begin_response] if self._wanted else []
        if self._active.cancelled:
            return [self._end_response]
        return [self._reply, self._ask_call, self._end_response]

    def _card(self) -> list[Choice]:
        if self._cutting:
            return [self._fall_silent]
        return [self._drain] if self._playing else []

    def _begin_speech(self) -> ev.Event:
        self._speaking_turn = True
        return ev.SpeechStarted(self._listening_turn, 0)

    def _end_speech(self) -> ev.Event:
        turn, self._listening_turn, self._speaking_turn = self._listening_turn, 0, False
        return ev.SpeechEnded(turn, capped=self._choose.random() < 0.1)

    def _become_ready(self) -> ev.Event:
        self._ready = True
        return SessionReady()

    def _lose_link(self) -> ev.Event:
        self._forget_session()
        return ev.LinkLost("no route")

    def _forget_session(self) -> None:
        self._ready = False
        self._wanted = 0
        self._active = None
        self._owed_after_calls = False
        self._open_calls.clear()

    def _begin_response(self) -> ev.Event:
        self._names += 1
        self._wanted = 0
        self._active = Response(f"r{self._names}")
        return ResponseBegan(self._active.name)

    def _reply(self) -> ev.Event:
        assert self._active is not None
        self._playing = True
        return ev.PlayoutStarted(self._active.name)

    def _ask_call(self) -> ev.Event:
        assert self._active is not None
        self._names += 1
        call_id = f"c{self._names}"
        self._active.calls.append(call_id)
        self._asked.append(call_id)
        return CallRequested(self._active.name, call_id, "set_light", "{}")

    def _end_response(self) -> ev.Event:
        response, self._active = self._active, None
        assert response is not None
        status = ResponseStatus.CANCELLED if response.cancelled else ResponseStatus.COMPLETED
        if not response.cancelled and self._choose.random() < 0.1:
            status = ResponseStatus.FAILED
        follows = bool(response.calls) and status is ResponseStatus.COMPLETED and not self._wanted
        if follows and not self._open_calls:
            self._wanted = 1
        self._owed_after_calls = follows and bool(self._open_calls)
        failed = status is ResponseStatus.FAILED
        return ResponseEnded(
            response_id=response.name,
            status=status,
            calls=tuple(response.calls),
            follows=follows,
            error_code=self._choose.choice(["", "server_error"]) if failed else "",
            retry_after_s=self._choose.choice([None, 2.0]) if failed else None,
        )

    def _answer_call(self) -> ev.Event:
        call_id = self._choose.choice(sorted(self._open_calls))
        self._open_calls.discard(call_id)
        if self._owed_after_calls and not self._open_calls:
            self._owed_after_calls = False
            self._wanted = 1
        return ev.CallAnswered(call_id, "{}")

    def _drain(self) -> ev.Event:
        self._playing = False
        return ev.PlayoutDrained()

    def _fall_silent(self) -> ev.Event:
        self._cutting = False
        return ev.SpeechCut((heard(),))

    # What the machine wants done

    def obey(self, commands: tuple[do.Command, ...], machine: Machine) -> None:
        """Carry out `commands`, and hold that each of them makes sense in this world."""
        for command in commands:
            match command:
                case do.SetEar():
                    self._ear = command.mode
                case do.OpenUplink():
                    self._listening_turn, self._speaking_turn = command.turn, command.speaking
                    self._owed_after_calls = False
                case do.CloseUplink():
                    self._listening_turn = 0
                case do.RunCall():
                    self._run.append(command.call.call_id)
                    self._open_calls.add(command.call.call_id)
                case do.CutSpeech():
                    assert self._playing
                    self._playing, self._cutting = False, True
                case do.EndConversation() | do.ReplaceSession():
                    self._forget_session()
                case wire.AnswerCall():
                    self._answered.append(command.call_id)
                case wire.RequestResponse() | wire.SpeakText():
                    running = self._active is not None and not self._active.cancelled
                    assert self._ready
                    assert not running, "a response was asked for beside a running one"
                    assert not self._wanted, "two responses were asked for"
                    self._wanted = 1
                case wire.CancelResponse():
                    self._wanted = 0
                    self._owed_after_calls = False
                    if self._active is not None:
                        self._active.cancelled = True
                case _:
                    pass
        assert not (machine.uplink_open and self._playing), "the room is listened to and spoken to at once"

    def check_calls(self) -> None:
        """Hold that every call was run once, and answered at most once."""
        assert self._run == self._asked
        assert len(set(self._answered)) == len(self._answered)
