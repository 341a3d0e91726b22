"""The conversation's rules: one table of (phase, event) and the small moves it is made of.

Facts (link, mute, active response, open calls, playout) are brought up to date first, whatever the phase; then the rule
of the current phase runs, if there is one. An unlisted pair changes nothing but the facts. Pure: time comes in with
each step, and `deadline` says when the machine wants to be stepped with `DeadlinePassed`.
"""

from collections.abc import Callable
from typing import Any

from hearthd.core.audio.earcons import Earcon
from hearthd.core.conversation import commands as do
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.facts import Facts
from hearthd.core.conversation.phases import Link, Manners, Mic, Patience, Phase, Shown, shown
from hearthd.core.realtime.commands import CancelResponse, ClearInput, CommitInput, RequestResponse, SpeakText
from hearthd.core.realtime.events import ResponseStatus, SessionReady


class Machine:
    """Decides what happens next in the conversation; only the conductor steps it."""

    def __init__(self, manners: Manners, patience: Patience | None = None) -> None:
        """Start idle, with the microphone live and the link down."""
        self.manners = manners
        self.patience = patience or Patience()
        self.phase = Phase.IDLE
        self.deadline: float | None = None
        """Monotonic seconds at which `DeadlinePassed` is due; None exactly while idle."""
        self.turn = 0
        """Number of the current turn, or of the last one while idle."""
        self._facts = Facts()
        self._ear = do.SetEar(do.EarMode.WATCH, brisk=False)
        self._out: list[do.Command] = []
        self._now = 0.0

    @property
    def link(self) -> Link:
        """How the link stands."""
        return self._facts.link

    @property
    def mic(self) -> Mic:
        """Whether the microphone may be open."""
        return self._facts.mic

    @property
    def shown(self) -> Shown:
        """What LEDs and the house see."""
        facts = self._facts
        return shown(self.phase, facts.link, facts.mic, trouble=bool(facts.link_problem))

    @property
    def uplink_open(self) -> bool:
        """Whether an utterance is being taken down."""
        return self._facts.uplink_open

    def step(self, event: ev.Event, now: float) -> tuple[do.Command, ...]:
        """Take one event at monotonic second `now` and return what has to be done, in order."""
        self._now = now
        self._out = []
        self._out += self._facts.note(event, self.turn)
        rule = RULES.get((self.phase, type(event)))
        if rule is not None:
            rule(self, event)
        ear = self._wanted_ear()
        if ear != self._ear:
            self._ear = ear
            self._out.append(ear)
        return tuple(self._out)

    # Moves

    def _enter(self, phase: Phase, lasting_s: float) -> None:
        self.phase = phase
        self.deadline = self._now + lasting_s

    def _wanted_ear(self) -> do.SetEar:
        speaking_ear = {
            "off": do.EarMode.IGNORE,
            "wake_word": do.EarMode.WATCH,
            "speech": do.EarMode.ATTEND,
        }[self.manners.barge_in]
        mode = {
            Phase.SPEAKING: speaking_ear,
            Phase.FOLLOW_UP: do.EarMode.ATTEND,
        }.get(self.phase, do.EarMode.HEAR if self._facts.uplink_open else do.EarMode.WATCH)
        return do.SetEar(mode, brisk=self.phase is not Phase.IDLE)

    def _listen(self, cause: str, from_frame: int | None, *, speaking: bool = False) -> None:
        facts = self._facts
        trouble = facts.why_not_listen()
        if trouble is not None:
            self._out += [do.PlayEarcon(Earcon.PROBLEM), trouble]
            if self.phase is not Phase.IDLE:
                self._rest()
            return
        self.turn += 1
        facts.open_uplink(speaking=speaking)
        self._out += [do.BeginTurn(self.turn, cause), do.OpenUplink(self.turn, from_frame, speaking)]
        if facts.link is Link.READY:
            self._await_speech()
        else:
            self._out.append(do.ConnectLink())
            self._enter(Phase.WAKING, self.patience.connect_s)

    def _await_speech(self) -> None:
        waiting_s = self.patience.listen_s
        if self._facts.speech_begun:
            waiting_s = self.manners.max_utterance_s + self.patience.endpoint_grace_s
        self._enter(Phase.LISTENING, waiting_s)

    def _commit(self) -> None:
        self._facts.uplink_open = False
        self._out += [CommitInput(), RequestResponse()]
        self._await_answer()

    def _await_answer(self) -> None:
        self._facts.response_wanted = True
        self._facts.conversation_used = True
        self._enter(Phase.THINKING, self.patience.think_s)

    def _drop_utterance(self) -> None:
        if self._facts.uplink_open:
            self._facts.uplink_open = False
            self._out.append(do.CloseUplink(self.turn))
            if self._facts.link is Link.READY:
                self._out.append(ClearInput())

    def _interrupt(self) -> None:
        if self._facts.playing:
            self._out.append(do.CutSpeech())
        if self._facts.response_due:
            self._out.append(CancelResponse())
        self._facts.interrupt()

    def _finish(self) -> None:
        self._out.append(do.EndTurn(self.turn, do.Outcome.ANSWERED))
        facts = self._facts
        may_go_on = facts.mic is Mic.LIVE and facts.link is Link.READY and not facts.microphone_lost
        if may_go_on and not facts.saying and self.manners.follow_up_s > 0:
            self._enter(Phase.FOLLOW_UP, self.manners.follow_up_s)
        else:
            self._rest()

    def _end(self, outcome: do.Outcome) -> None:
        self._drop_utterance()
        self._interrupt()
        self._out.append(do.EndTurn(self.turn, outcome))
        self._rest()

    def _fail(self, code: str, problem: str) -> None:
        self._out += [do.PlayEarcon(Earcon.PROBLEM), do.Complain(code, problem)]
        self._end(do.Outcome.FAILED)

    def _rest(self) -> None:
        self.phase = Phase.IDLE
        self.deadline = None
        self._facts.saying = None
        if self._facts.says:
            self._say_next()
        elif self._facts.conversation_used:
            self._facts.retire_session()
            self._out.append(do.EndConversation())

    def _say_next(self) -> None:
        facts = self._facts
        facts.saying = facts.says.popleft()
        self.turn += 1
        self._out.append(do.BeginTurn(self.turn, "say"))
        if facts.link is Link.REFUSED:
            self._fail("link_refused", facts.link_problem)
        elif facts.link is Link.READY:
            self._speak()
        else:
            self._out.append(do.ConnectLink())
            self._enter(Phase.WAKING, self.patience.connect_s)

    def _speak(self) -> None:
        say = self._facts.saying
        assert say is not None, "only called with a text at hand"
        if say.attention:
            self._out.append(do.PlayEarcon(Earcon.ATTENTION))
        self._out.append(SpeakText(say.text))
        self._facts.response_wanted = True
        self._enter(Phase.THINKING, self.patience.think_s)

    # Rules

    def _on_wake(self, event: ev.WakeHeard) -> None:
        self._listen(event.word, event.frame)

    def _on_listen(self, _event: ev.ListenRequested) -> None:
        if self.manners.push_to_talk:
            self._listen("listen", None)
        else:
            self._out.append(do.Complain("push_to_talk_off", "wake.push_to_talk is off, so `listen` does nothing"))

    def _on_say(self, _event: ev.SayRequested) -> None:
        self._say_next()

    def _on_follow_up_speech(self, event: ev.SpeechStarted) -> None:
        if event.turn == 0:
            self._listen("follow_up", event.frame, speaking=True)

    def _on_ready_while_waking(self, _event: SessionReady) -> None:
        if self._facts.saying is not None:
            self._speak()
        elif self._facts.speech_over:
            self._commit()
        else:
            self._await_speech()

    def _on_speech_begun(self, event: ev.SpeechStarted) -> None:
        if event.turn == self.turn:
            self._facts.speech_begun = True
            if self.phase is Phase.LISTENING:
                self._await_speech()

    def _on_speech_over(self, event: ev.SpeechEnded) -> None:
        if event.turn != self.turn:
            return
        if self.phase is Phase.WAKING:
            self._facts.speech_over = self.manners.manual_turns
        elif self.manners.manual_turns:
            self._commit()
        elif event.capped:
            self._fail("no_end_of_speech", "the server never found the end of the utterance")

    def _on_server_heard(self, _event: ev.Event) -> None:
        if not self.manners.manual_turns:
            self._facts.uplink_open = False
            self._out.append(do.CloseUplink(self.turn))
            self._await_answer()

    def _on_server_hears(self, _event: ev.ServerSpeechStarted) -> None:
        self._facts.speech_begun = True
        self._await_speech()

    def _on_link_gone_while_listening(self, _event: ev.Event) -> None:
        self._out.append(do.ConnectLink())
        self._enter(Phase.WAKING, self.patience.connect_s)

    def _on_refused(self, event: ev.LinkDenied) -> None:
        self._fail("link_refused", event.problem)

    def _on_link_lost(self, event: ev.LinkLost) -> None:
        self._fail("link_lost", event.problem)

    def _on_unreachable(self, _event: ev.DeadlinePassed) -> None:
        problem = self._facts.link_problem or "the server did not start a session in time"
        self._fail("link_unavailable", problem)

    def _on_listened_long_enough(self, _event: ev.DeadlinePassed) -> None:
        if self._facts.speech_begun:
            self._fail("no_end_of_speech", "the end of the utterance was never found")
        else:
            self._end(do.Outcome.NOTHING_SAID)

    def _on_no_answer(self, _event: ev.DeadlinePassed) -> None:
        self._fail("no_answer", "the server did not answer in time")

    def _on_spoke_too_long(self, _event: ev.DeadlinePassed) -> None:
        self._fail("reply_too_long", "the reply did not come to an end")

    def _on_stop(self, _event: ev.StopRequested) -> None:
        self._end(do.Outcome.STOPPED)

    def _on_mute(self, event: ev.MuteRequested) -> None:
        if event.muted and self._facts.saying is None:
            self._end(do.Outcome.MUTED)

    def _on_microphone_lost(self, event: ev.MicrophoneLost) -> None:
        if self._facts.uplink_open and not self._facts.speech_over:
            self._fail("microphone_lost", event.problem)

    def _on_playout(self, _event: ev.PlayoutStarted) -> None:
        if self._facts.speaker_lost is not None:
            self._fail("speaker_lost", self._facts.speaker_lost)
        elif self._facts.playing:
            self._enter(Phase.SPEAKING, self.patience.speak_s)

    def _on_sign_of_life(self, _event: ev.Event) -> None:
        self._enter(Phase.THINKING, self.patience.think_s)

    def _on_response_over(self, event: ev.ResponseEnded) -> None:
        if event.status is ResponseStatus.FAILED and not self._facts.is_interrupted(event.response_id):
            self._fail(event.error_code or "response_failed", event.error_text or "the server could not answer")
        elif not self._facts.owed:
            self._finish()

    def _on_failed_while_speaking(self, event: ev.ResponseEnded) -> None:
        if event.status is ResponseStatus.FAILED and not self._facts.is_interrupted(event.response_id):
            problem = event.error_text or "the server broke off its answer"
            self._out.append(do.Complain(event.error_code or "response_failed", problem))

    def _on_drained(self, _event: ev.PlayoutDrained) -> None:
        if self._facts.owed:
            self._enter(Phase.THINKING, self.patience.stall_s)
        elif self._facts.reply_broken:
            self._fail("link_lost", self._facts.link_problem)
        else:
            self._finish()

    def _on_barge_in(self, event: ev.WakeHeard) -> None:
        if self.manners.barge_in != "off":
            self._turn_to_listening(event.word, event.frame)

    def _on_wake_while_thinking(self, event: ev.WakeHeard) -> None:
        self._turn_to_listening(event.word, event.frame)

    def _on_button_in_turn(self, _event: ev.ListenRequested) -> None:
        if self.manners.push_to_talk:
            self._turn_to_listening("listen", None)

    def _on_talked_over(self, event: ev.SpeechStarted) -> None:
        if self.manners.barge_in == "speech" and event.turn == 0:
            self._turn_to_listening("barge_in", event.frame, speaking=True)

    def _turn_to_listening(self, cause: str, from_frame: int | None, *, speaking: bool = False) -> None:
        self._interrupt()
        self._facts.saying = None
        self._out.append(do.EndTurn(self.turn, do.Outcome.INTERRUPTED))
        self._listen(cause, from_frame, speaking=speaking)

    def _on_speaker_lost(self, event: ev.SpeakerLost) -> None:
        self._fail("speaker_lost", event.problem)

    def _on_quiet_follow_up(self, _event: ev.Event) -> None:
        self._rest()

    def _on_mute_in_follow_up(self, event: ev.MuteRequested) -> None:
        if event.muted:
            self._rest()


Rule = Callable[[Machine, Any], None]

RULES: dict[tuple[Phase, type], Rule] = {
    (Phase.IDLE, ev.WakeHeard): Machine._on_wake,
    (Phase.IDLE, ev.ListenRequested): Machine._on_listen,
    (Phase.IDLE, ev.SayRequested): Machine._on_say,
    (Phase.WAKING, SessionReady): Machine._on_ready_while_waking,
    (Phase.WAKING, ev.SpeechStarted): Machine._on_speech_begun,
    (Phase.WAKING, ev.SpeechEnded): Machine._on_speech_over,
    (Phase.WAKING, ev.LinkDenied): Machine._on_refused,
    (Phase.WAKING, ev.StopRequested): Machine._on_stop,
    (Phase.WAKING, ev.MuteRequested): Machine._on_mute,
    (Phase.WAKING, ev.MicrophoneLost): Machine._on_microphone_lost,
    (Phase.WAKING, ev.DeadlinePassed): Machine._on_unreachable,
    (Phase.LISTENING, ev.SpeechStarted): Machine._on_speech_begun,
    (Phase.LISTENING, ev.SpeechEnded): Machine._on_speech_over,
    (Phase.LISTENING, ev.ServerSpeechStarted): Machine._on_server_hears,
    (Phase.LISTENING, ev.ServerSpeechStopped): Machine._on_server_heard,
    (Phase.LISTENING, ev.InputCommitted): Machine._on_server_heard,
    (Phase.LISTENING, ev.LinkLost): Machine._on_link_gone_while_listening,
    (Phase.LISTENING, ev.LinkConnecting): Machine._on_link_gone_while_listening,
    (Phase.LISTENING, ev.LinkDenied): Machine._on_refused,
    (Phase.LISTENING, ev.StopRequested): Machine._on_stop,
    (Phase.LISTENING, ev.MuteRequested): Machine._on_mute,
    (Phase.LISTENING, ev.MicrophoneLost): Machine._on_microphone_lost,
    (Phase.LISTENING, ev.DeadlinePassed): Machine._on_listened_long_enough,
    (Phase.THINKING, ev.PlayoutStarted): Machine._on_playout,
    (Phase.THINKING, ev.CallRequested): Machine._on_sign_of_life,
    (Phase.THINKING, ev.CallAnswered): Machine._on_sign_of_life,
    (Phase.THINKING, ev.ResponseBegan): Machine._on_sign_of_life,
    (Phase.THINKING, ev.ResponseEnded): Machine._on_response_over,
    (Phase.THINKING, ev.WakeHeard): Machine._on_wake_while_thinking,
    (Phase.THINKING, ev.ListenRequested): Machine._on_button_in_turn,
    (Phase.THINKING, ev.StopRequested): Machine._on_stop,
    (Phase.THINKING, ev.LinkLost): Machine._on_link_lost,
    (Phase.THINKING, ev.LinkDenied): Machine._on_refused,
    (Phase.THINKING, ev.DeadlinePassed): Machine._on_no_answer,
    (Phase.SPEAKING, ev.PlayoutDrained): Machine._on_drained,
    (Phase.SPEAKING, ev.ResponseEnded): Machine._on_failed_while_speaking,
    (Phase.SPEAKING, ev.WakeHeard): Machine._on_barge_in,
    (Phase.SPEAKING, ev.ListenRequested): Machine._on_button_in_turn,
    (Phase.SPEAKING, ev.SpeechStarted): Machine._on_talked_over,
    (Phase.SPEAKING, ev.StopRequested): Machine._on_stop,
    (Phase.SPEAKING, ev.SpeakerLost): Machine._on_speaker_lost,
    (Phase.SPEAKING, ev.DeadlinePassed): Machine._on_spoke_too_long,
    (Phase.FOLLOW_UP, ev.SpeechStarted): Machine._on_follow_up_speech,
    (Phase.FOLLOW_UP, ev.WakeHeard): Machine._on_wake,
    (Phase.FOLLOW_UP, ev.ListenRequested): Machine._on_listen,
    (Phase.FOLLOW_UP, ev.SayRequested): Machine._on_say,
    (Phase.FOLLOW_UP, ev.MuteRequested): Machine._on_mute_in_follow_up,
    (Phase.FOLLOW_UP, ev.MicrophoneLost): Machine._on_quiet_follow_up,
    (Phase.FOLLOW_UP, ev.StopRequested): Machine._on_quiet_follow_up,
    (Phase.FOLLOW_UP, ev.LinkLost): Machine._on_quiet_follow_up,
    (Phase.FOLLOW_UP, ev.LinkDenied): Machine._on_quiet_follow_up,
    (Phase.FOLLOW_UP, ev.DeadlinePassed): Machine._on_quiet_follow_up,
}
"""Every pair of phase and event that moves the conversation; all others only update the facts."""
