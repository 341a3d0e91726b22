"""The only one that steps the conversation's machine: events in from the inbox, commands out to everybody's hands."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Never, Protocol, assert_never

from hearthd.core.conversation import commands as do
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.machine import Machine
from hearthd.core.conversation.phases import Phase
from hearthd.core.home.acknowledgement import Acknowledge, needs_words
from hearthd.core.realtime import commands as wire
from hearthd.core.realtime.events import InputTranscribed, ReplyTranscribed
from hearthd.engine.capture import CaptureKeeper
from hearthd.engine.inbox import Inbox
from hearthd.engine.link import LinkKeeper
from hearthd.engine.listener import Listener
from hearthd.engine.liveness import BEAT_EVERY_S, Pulse
from hearthd.engine.playback import PlaybackKeeper
from hearthd.engine.playout import Playout
from hearthd.engine.reporter import Reporter
from hearthd.engine.turnlog import TurnLog
from hearthd.engine.uplink import Uplink

log = logging.getLogger(__name__)

CALLS_AT_ONCE = 8
"""Function calls carried out side by side; more wait, because a house that gets hundreds at once is under a spell."""


class CallRunner(Protocol):
    """Carries out function calls of the model."""

    async def answer(self, name: str, arguments: str, turn: int) -> str:
        """Run one call to its confirmed end within a deadline of its own; returns the JSON text of its result."""
        ...


@dataclass(frozen=True, slots=True)
class Hands:
    """Everybody that carries commands out."""

    listener: Listener
    capture: CaptureKeeper
    uplink: Uplink
    link: LinkKeeper
    playout: Playout
    playback: PlaybackKeeper
    calls: CallRunner
    reporter: Reporter
    turns: TurnLog


class Conductor:
    """Steps the machine and carries its commands out; lives on the event loop."""

    def __init__(
        self,
        machine: Machine,
        inbox: Inbox,
        hands: Hands,
        status: Callable[[Machine], None],
        pulse: Pulse,
        *,
        earcons: bool,
        acknowledge: Acknowledge,
        transcripts: bool,
    ) -> None:
        """`status` is told after every step and now and then; `transcripts` allows the words into journal and events.

        Without `earcons` nothing is acknowledged by a tone, whatever `acknowledge` says.
        """
        self._earcons = earcons
        self._acknowledge: Acknowledge = acknowledge if earcons else "speech"
        self._transcripts = transcripts
        self._machine = machine
        self._inbox = inbox
        self._hands = hands
        self._status = status
        self._pulse = pulse
        self._call_places = asyncio.Semaphore(CALLS_AT_ONCE)
        self._phase = machine.phase
        """In which the current step began."""
        self._shown_s = 0.0
        """When the status was last told."""

    async def run(self) -> Never:
        """Conduct for ever; function calls run beside, in a task group of their own."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._pulse.beat()
                event = await self._next()
                if event is not None:
                    self._step(event, tasks)
                elif asyncio.get_running_loop().time() - self._shown_s > BEAT_EVERY_S / 2:
                    self._show()  # time alone changes what was spent today

    def overhear(self, words: InputTranscribed | ReplyTranscribed) -> None:
        """Tell the house that something was said; the words only if the owner wants them kept."""
        kind = "reply" if isinstance(words, ReplyTranscribed) else "transcript"
        text = {"text": words.text} if self._transcripts else {}
        self._hands.reporter.event(kind, {"turn": self._machine.turn, **text})
        if self._transcripts:
            fields = {"HEARTHD_EVENT": kind, "HEARTHD_TURN": self._machine.turn, "HEARTHD_TEXT": words.text}
            log.info("%s", kind, extra=fields)

    async def _next(self) -> ev.Event | None:
        """Wait for the next event, but not for longer than a beat; a deadline comes before whatever else waits."""
        loop = asyncio.get_running_loop()
        deadline = self._machine.deadline
        if deadline is not None and loop.time() >= deadline:
            return ev.DeadlinePassed()
        beat_due = loop.time() + BEAT_EVERY_S
        return await self._inbox.next(beat_due if deadline is None else min(beat_due, deadline))

    def _step(self, event: ev.Event, tasks: asyncio.TaskGroup) -> None:
        now = asyncio.get_running_loop().time()
        self._note(event, now)
        self._phase = self._machine.phase
        for command in self._machine.step(event, now):
            self._carry_out(command, tasks)
            ended = self._hands.turns.did(command, now)
            if ended is not None:
                self._hands.reporter.event(
                    "turn", {name.removeprefix("HEARTHD_").lower(): value for name, value in ended.items()}
                )
        self._show()

    def _show(self) -> None:
        self._shown_s = asyncio.get_running_loop().time()
        self._status(self._machine)

    def _note(self, event: ev.Event, now: float) -> None:
        self._hands.turns.saw(event, now)
        match event:
            case ev.MicrophoneFound():
                self._hands.capture.delivers()
            case ev.SpeakerFound():
                self._hands.playback.delivers()
            case ev.ServerChosen() if event.anew:
                reason = {"reason": event.reason} if event.reason else {}
                self._hands.reporter.event("server", {"server": event.server.value, **reason})
            case ev.SpeechEnded():
                self._hands.reporter.event("utterance", {"turn": event.turn, "capped": event.capped})
            case ev.WakeHeard():
                self._hands.reporter.event("wake", {"word": event.word})
                log.debug("wake word heard", extra={"HEARTHD_EVENT": "wake", "HEARTHD_WORD": event.word})
            case _:
                pass

    def _carry_out(self, command: do.Command, tasks: asyncio.TaskGroup) -> None:
        match command:
            case do.SetEar():
                self._hands.listener.set_mode(command)
            case do.OpenUplink():
                self._open_uplink(command)
            case do.CloseUplink():
                self._hands.listener.close_uplink(command.turn)
                self._hands.uplink.close()
            case do.ForgetUtterance():
                self._hands.uplink.close()
            case do.OpenMicrophone():
                self._hands.capture.open()
            case do.CloseMicrophone():
                self._hands.capture.close()
            case do.CutSpeech():
                self._hands.playout.cut()
            case do.PlayEarcon():
                if self._earcons:
                    self._hands.playout.play_earcon(command.earcon)
            case do.RunCall():
                tasks.create_task(self._run_call(command), name=f"call {command.call.call_id}")
            case do.ConnectLink() | do.EndConversation() | do.ReplaceSession():
                self._manage_session(command)
            case do.BeginTurn() | do.EndTurn():
                pass  # the turn log has it
            case do.Complain():
                self._complain(command)
            case (
                wire.CommitInput()
                | wire.ClearInput()
                | wire.RequestResponse()
                | wire.SpeakText()
                | wire.CancelResponse()
                | wire.TruncateReply()
                | wire.AnswerCall()
            ):
                self._tell_server(command)
            case _:
                assert_never(command)

    def _open_uplink(self, command: do.OpenUplink) -> None:
        self._hands.link.begin_turn(from_rest=self._phase is Phase.IDLE)
        self._hands.uplink.open(command.turn)
        self._hands.listener.open_uplink(command)

    def _manage_session(self, command: do.ConnectLink | do.EndConversation | do.ReplaceSession) -> None:
        link = self._hands.link
        match command:
            case do.ConnectLink():
                link.want()
            case do.EndConversation():
                link.end_conversation()
            case do.ReplaceSession():
                link.replace_session()

    def _tell_server(self, command: wire.LinkCommand) -> None:
        self._hands.link.send(command)
        if isinstance(command, wire.CancelResponse):
            self._hands.playout.hush()  # sound may have come whose news still waits in the inbox

    async def _run_call(self, command: do.RunCall) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        call = command.call
        async with self._call_places:
            if not self._machine.wants_call(call.call_id):
                self._inbox.post(ev.CallAnswered(call.call_id, do.BROKEN_OFF, needs_words=False))
                return
            output = await self._hands.calls.answer(call.name, call.arguments, command.turn)
        self._inbox.post(ev.CallAnswered(call.call_id, output, needs_words(self._acknowledge, call.name, output)))
        took_ms = round(1000 * (loop.time() - began_s))
        fields = {"turn": command.turn, "function": call.name, "took_ms": took_ms}
        self._hands.reporter.event("call", fields)
        log.info(
            "function call answered",
            extra={
                "HEARTHD_EVENT": "call",
                "HEARTHD_TURN": command.turn,
                "HEARTHD_FUNCTION": call.name,
                "HEARTHD_LATENCY_MS": took_ms,
            },
        )

    def _complain(self, command: do.Complain) -> None:
        whose = {"id": command.say_id} if command.say_id else {}
        self._hands.reporter.event(
            "error", {"code": command.code, "problem": command.problem, "turn": self._machine.turn, **whose}
        )
        log.warning(
            "trouble in the conversation: %s",
            command.problem,
            extra={
                "HEARTHD_EVENT": "trouble",
                "HEARTHD_CODE": command.code,
                "HEARTHD_PROBLEM": command.problem,
                "HEARTHD_TURN": self._machine.turn,
                "HEARTHD_PHASE": self._phase.value,
            },
        )
