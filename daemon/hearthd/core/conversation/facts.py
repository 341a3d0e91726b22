"""What is true of the outside world whatever the phase: link, microphone, responses, calls, playout."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from hearthd.core.conversation import commands as do
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.phases import SAYS_WAITING_MAX, Link, Mic
from hearthd.core.realtime.choice import Server
from hearthd.core.realtime.commands import AnswerCall, TruncateReply
from hearthd.core.realtime.events import ResponseStatus, SessionReady

INTERRUPTED_REMEMBERED = 16
"""Interrupted responses whose late events must be told apart; one is alive at a time, so a few are plenty."""

OVER_BUDGET = "over_budget"
"""The code under which the owner is told that an answer cannot be paid for."""
_ANSWERED = frozenset({ResponseStatus.COMPLETED, ResponseStatus.INCOMPLETE})


@dataclass(slots=True)
class Facts:
    """Brought up to date by every event before the phase's rule runs."""

    link: Link = Link.DOWN
    link_problem: str = ""
    server: Server = Server.ONLINE
    server_reason: str = ""
    """Why the configured server does not answer; empty when it does."""
    notice: str = ""
    """What is still to be said aloud about that."""
    unaffordable: str = ""
    """Why no answer can be paid for, in plain words; empty while one can."""
    mic: Mic = Mic.LIVE
    microphone_lost: str | None = "not open yet"
    """What is wrong with the capture device; None: nothing."""
    response: str | None = None
    """The response that the server is working on."""
    response_wanted: bool = False
    """One was asked for, by us or by the protocol after calls, and has not begun."""
    unanswered: bool = False
    """Whether an utterance or a text went out whose answer has brought no sound and no call: sent again, it can neither
    act twice nor be answered twice."""
    sends: int = 0
    """How often that of this turn went out."""
    beginnings_lost: int = 0
    """How many sessions ended over this turn's utterance before it was whole."""
    asked_again: bool = False
    """Whether the answer of this turn was asked for anew, because the server failed at it."""
    ask_due: bool = False
    """Whether that is still to be done, when the pause that the server asked for is over."""
    acknowledged: bool = False
    """Whether the server showed that it has the utterance."""
    open_calls: set[str] = field(default_factory=set)
    playing: bool = False
    reply_broken: str | None = None
    """What became of the link while the reply that is being played was incomplete; None: nothing."""
    speaker_lost: str | None = "not open yet"
    """What is wrong with the playback device; None: nothing."""
    uplink_open: bool = False
    speech_begun: bool = False
    speech_over: bool = False
    conversation_used: bool = False
    """Whether the server's session holds any turn yet."""
    session_owes: bool = False
    """Whether a response was given up that the session was asked for and never began: it would keep every later one
    waiting. What follows calls is asked for when the last of them is answered."""
    says: deque[ev.SayRequested] = field(default_factory=deque)
    saying: ev.SayRequested | None = None
    interrupted: deque[str] = field(default_factory=lambda: deque(maxlen=INTERRUPTED_REMEMBERED))

    @property
    def response_due(self) -> bool:
        """Whether there is a response that could be cancelled."""
        return self.response is not None or self.response_wanted

    @property
    def owed(self) -> bool:
        """Whether more of the answer is to come."""
        return self.response_due or bool(self.open_calls)

    def is_interrupted(self, response_id: str) -> bool:
        """Tell whether `response_id` was cancelled by us."""
        return response_id in self.interrupted

    def _is_stale(self, response_id: str) -> bool:
        """Tell whether news of this response come too late: it was broken off, or its session given up."""
        return self.is_interrupted(response_id) or self.link is not Link.READY

    def why_not_listen(self) -> do.Complain | None:
        """Return what to tell the owner when nobody can be listened to now."""
        if self.mic is Mic.MUTED:
            return do.Complain("muted", "the microphone is muted")
        if self.microphone_lost is not None:
            return do.Complain("microphone_lost", self.microphone_lost)
        if self.link is Link.REFUSED:
            return do.Complain("link_refused", self.link_problem)
        if self.unaffordable:
            return do.Complain(OVER_BUDGET, self.unaffordable)
        return None

    def open_uplink(self) -> None:
        """Begin a new utterance."""
        self.uplink_open = True
        self.sends = self.beginnings_lost = 0
        self.asked_again = False
        self.speech_begun = self.speech_over = False
        self.saying = None

    def retire_session(self) -> None:
        """Let nobody use the server's session any more: a fresh one is on its way, unless there was none to retire."""
        self.conversation_used = self.session_owes = False
        if self.link is Link.READY:
            self.link = Link.CONNECTING

    def sent(self) -> None:
        """Note that the utterance or text of this turn went out."""
        self.response_wanted = True
        self.unanswered = True
        self.acknowledged = self.ask_due = False
        self.sends += 1

    def settle(self) -> Sequence[do.Command]:
        """Note that nothing need be sent again; returns what has to be done for it."""
        forget = self.unanswered and self.saying is None
        self.unanswered = False
        return (do.ForgetUtterance(),) if forget else ()

    def interrupt(self) -> None:
        """Forget the answer under way; what is still to come of it does not count."""
        if self.response is not None:
            self.interrupted.append(self.response)
        self.session_owes = self.session_owes or (self.response_wanted and not self.open_calls)
        self.response = None
        self.response_wanted = self.ask_due = False
        self.open_calls.clear()
        self.playing = False
        self.reply_broken = None

    def note(self, event: ev.Event, turn: int) -> Sequence[do.Command]:
        """Take in what `event` says of the world; returns what has to be done for it in any phase."""
        settled = self.settle() if self._answers(event) else ()
        return [*settled, *self._note(event, turn)]

    def _answers(self, event: ev.Event) -> bool:
        """Tell whether with `event` something of the answer is there, or it has ended."""
        match event:
            case ev.CallRequested():
                return not self._is_stale(event.response_id)
            case ev.PlayoutStarted():
                return not self.is_interrupted(event.response_id)
            case ev.ResponseEnded():
                return not self._is_stale(event.response_id) and event.status in _ANSWERED
            case _:
                return False

    def _note(self, event: ev.Event, turn: int) -> Sequence[do.Command]:
        match event:
            case ev.MuteRequested():
                return self._note_mute(event)
            case ev.SayRequested():
                return self._note_say(event)
            case ev.CallRequested():
                return self._note_call(event, turn)
            case ev.CallAnswered():
                self.open_calls.discard(event.call_id)
                return self._answer_call(event)
            case ev.SpeechCut():
                if self.link is not Link.READY:
                    return ()
                return [
                    TruncateReply(part.part.item_id, part.part.content_index, part.heard_ms) for part in event.heard
                ]
            case ev.MicrophoneLost():
                self.microphone_lost = event.problem
            case ev.MicrophoneFound():
                self.microphone_lost = None
            case ev.PlayoutStarted():
                self.playing = not self.is_interrupted(event.response_id)
            case ev.PlayoutDrained():
                self.playing = False
            case ev.SpeakerLost():
                self.playing = False
                self.speaker_lost = event.problem
            case ev.SpeakerFound():
                self.speaker_lost = None
            case ev.BudgetJudged():
                self.unaffordable = event.problem
            case _:
                self._note_link(event)
        return ()

    def _note_call(self, event: ev.CallRequested, turn: int) -> Sequence[do.Command]:
        """Have a call carried out, unless its answer was broken off before the news of it were taken up."""
        if self._is_stale(event.response_id):
            return self._answer_call(ev.CallAnswered(event.call_id, do.BROKEN_OFF, needs_words=False))
        self.open_calls.add(event.call_id)
        return (do.RunCall(turn, event),)

    def _answer_call(self, event: ev.CallAnswered) -> Sequence[do.Command]:
        return (AnswerCall(event.call_id, event.output, event.needs_words),) if self.link is Link.READY else ()

    def _note_mute(self, event: ev.MuteRequested) -> Sequence[do.Command]:
        wanted = Mic.MUTED if event.muted else Mic.LIVE
        if wanted is self.mic:
            return ()
        self.mic = wanted
        self.microphone_lost = None
        return (do.CloseMicrophone() if event.muted else do.OpenMicrophone(),)

    def _note_say(self, event: ev.SayRequested) -> Sequence[do.Command]:
        if len(self.says) >= SAYS_WAITING_MAX:
            problem = f"{SAYS_WAITING_MAX} texts are already waiting to be spoken"
            return (do.Complain("too_many_says", problem, event.id),)
        self.says.append(event)
        return ()

    def _note_link(self, event: ev.Event) -> None:
        match event:
            case ev.ServerChosen():
                self.notice = event.notice if event.anew or self.notice else ""
                self.server = event.server
                self.server_reason = event.reason
            case ev.LinkConnecting():
                self.link = Link.CONNECTING
            case SessionReady():
                self.link = Link.READY
                self.link_problem = ""
                self.session_owes = False
            case ev.LinkLost() | ev.LinkDenied():
                if self.owed:  # a later loss, of an attempt to connect, breaks nothing more
                    self.reply_broken = event.problem
                self.link = Link.REFUSED if isinstance(event, ev.LinkDenied) else Link.DOWN
                self.link_problem = event.problem
                self.response = None
                self.response_wanted = False
                self.open_calls.clear()
            case ev.InputCommitted():
                self.acknowledged = True
            case ev.ResponseBegan():
                self._note_response_begun(event)
            case ev.ResponseDenied() | ev.FollowUpSpared():
                self.response_wanted = False
            case ev.ResponseEnded():
                self._note_response_over(event)
            case _:
                pass

    def _note_response_begun(self, event: ev.ResponseBegan) -> None:
        given_up = self.session_owes and not self.response_wanted
        self.acknowledged = True
        self.session_owes = False
        if event.cancelled or given_up or self.link is not Link.READY:
            self.interrupted.append(event.response_id)
            return
        if self.is_interrupted(event.response_id):  # the name was given anew, by another session
            self.interrupted.remove(event.response_id)
        self.response = event.response_id
        self.response_wanted = self.ask_due = False

    def _note_response_over(self, event: ev.ResponseEnded) -> None:
        self.session_owes = False
        if self.is_interrupted(event.response_id):
            return
        if event.response_id == self.response:
            self.response = None
        elif self.response is None and event.status is not ResponseStatus.CANCELLED:
            self.response_wanted = False  # some servers never announce a response before its end
        self.response_wanted = self.response_wanted or event.follows
