"""The conversation's state and the small moves that the rules are made of."""

from hearthd.core.audio.earcons import Earcon
from hearthd.core.conversation import commands as do
from hearthd.core.conversation.facts import OVER_BUDGET, Facts
from hearthd.core.conversation.phases import (
    ASKED_WAIT_MAX_S,
    BEGINNINGS_MAX,
    SENDS_MAX,
    Link,
    Manners,
    Mic,
    Patience,
    Phase,
)
from hearthd.core.realtime.commands import CancelResponse, ClearInput, CommitInput, RequestResponse, SpeakText
from hearthd.core.realtime.complaints import ErrorKind, kind_of
from hearthd.core.realtime.events import ResponseEnded
from hearthd.core.realtime.server_messages import ErrorBody


class Moves:
    """What the machine is made of; one step's commands gather in `out`."""

    def __init__(self, manners: Manners, patience: Patience) -> None:
        """Start idle."""
        self.manners = manners
        self.patience = patience
        self.phase = Phase.IDLE
        self.deadline: float | None = None
        self.turn = 0
        self.now = 0.0
        self.silence_ends_s = 0.0
        """When somebody who waits for a sound has waited long enough."""
        self.session_wait_ends_s = 0.0
        """When a turn has waited long enough for sessions, and for words in them, however often the link comes back."""
        self.facts = Facts()
        self.out: list[do.Command] = []

    def enter(self, phase: Phase, lasting_s: float) -> None:
        """Go to `phase` for at most `lasting_s` seconds."""
        self.phase = phase
        self.deadline = self.now + lasting_s

    def think(self, lasting_s: float, *, anew: bool = False) -> None:
        """Wait for a sign of life, and not beyond the limit of all silence, which is begun `anew` where sound was."""
        if anew:
            self.silence_ends_s = self.now + self.patience.silence_s
        self.enter(Phase.THINKING, min(lasting_s, max(0.0, self.silence_ends_s - self.now)))

    def bear_with(self, lasting_s: float) -> None:
        """Let the turn wait for sessions, and for words in them, for at most `lasting_s` seconds altogether."""
        self.session_wait_ends_s = self.now + lasting_s

    def await_session(self) -> None:
        """Wait for a session, and not beyond what the turn may wait for all of them."""
        self.out.append(do.ConnectLink())
        self.enter(Phase.WAKING, self._bearable_s(self.patience.connect_s))

    def wanted_ear(self) -> do.SetEar:
        """Derive from the phase how the ear shall listen."""
        speaking_ear = {
            "off": do.EarMode.IGNORE,
            "wake_word": do.EarMode.WATCH,
            "speech": do.EarMode.ATTEND,
        }[self.manners.barge_in]
        mode = {
            Phase.SPEAKING: speaking_ear,
            Phase.FOLLOW_UP: do.EarMode.ATTEND,
        }.get(self.phase, do.EarMode.HEAR if self.facts.uplink_open else do.EarMode.WATCH)
        return do.SetEar(mode, brisk=self.phase is not Phase.IDLE)

    def listen(self, cause: str, from_frame: int | None, *, speaking: bool = False) -> None:
        """Open the ear for an utterance, if there is anybody to hear it; otherwise say why not."""
        facts = self.facts
        trouble = facts.why_not_listen()
        if trouble is not None:
            self.out += [do.PlayEarcon(Earcon.PROBLEM), trouble]
            if self.phase is not Phase.IDLE:
                self.rest()
            return
        self.turn += 1
        if facts.session_owes and not self.manners.manual_turns:
            self.replace_session()  # now or never: what the server takes down by itself cannot be sent again
        facts.open_uplink()
        self.bear_with(self.patience.connect_s + self.patience.listen_s)
        if speaking:
            self.note_speech()
        self.out += [do.BeginTurn(self.turn, cause), do.OpenUplink(self.turn, from_frame, speaking)]
        if facts.link is Link.READY:
            self.await_speech()
        else:
            self.await_session()

    def note_speech(self) -> None:
        """Note that somebody speaks; from the first word on there is time for the whole utterance and a session."""
        if not self.facts.speech_begun:
            self.facts.speech_begun = True
            self.bear_with(self._utterance_s + self.patience.connect_s)

    def await_speech(self) -> None:
        """Wait for the first word, or, once it was heard, for the last."""
        waiting_s = self._utterance_s if self.facts.speech_begun else self.patience.listen_s
        self.enter(Phase.LISTENING, self._bearable_s(waiting_s))

    def listen_again(self) -> bool:
        """Wait for a session that gets the utterance from its beginning; False when too many were lost over it."""
        self.facts.beginnings_lost += 1
        if self.facts.beginnings_lost >= BEGINNINGS_MAX:
            return False
        self.await_session()
        return True

    def commit(self) -> None:
        """Hand the finished utterance to the server and ask for its answer.

        A session that by now has still not begun what it was asked for before would never come to this; a fresh one
        gets it.
        """
        if self.facts.session_owes:
            self.replace_session()
            self.facts.speech_over = True
            self.await_session()
            return
        self.facts.uplink_open = False
        self.out += [CommitInput(), RequestResponse()]
        self.facts.conversation_used = True
        self.facts.sent()
        self.await_first_sign()

    def await_first_sign(self) -> None:
        """Wait for anything that shows that what was sent has arrived; the second time with more patience."""
        first = self.facts.sends == 1
        self.think(self.patience.first_sign_s if first else self.patience.think_s, anew=True)

    def await_answer(self) -> None:
        """Wait for the answer to what the server took down by itself."""
        self.facts.response_wanted = True
        self.facts.conversation_used = True
        self.think(self.patience.think_s, anew=True)

    def send_again(self) -> bool:
        """Wait for a session to send to again what nobody can have acted on; False when that cannot be, or no more."""
        facts = self.facts
        if not facts.unanswered or facts.sends >= SENDS_MAX:
            return False
        facts.response_wanted, facts.reply_broken = False, None
        facts.speech_over = facts.saying is None
        self.bear_with(2 * self.patience.connect_s)
        self.await_session()
        return True

    def ask_again(self, failed: ResponseEnded) -> bool:
        """Ask once more for an answer at which the server `failed` before it began; False when that is of no use."""
        facts = self.facts
        pause_s = failed.retry_after_s or 0.0
        begun = failed.spoke or failed.calls or facts.saying is not None
        passes = _kind_of(failed) is ErrorKind.TRANSIENT
        if begun or facts.asked_again or pause_s > ASKED_WAIT_MAX_S or not passes:
            return False
        facts.asked_again = facts.ask_due = True
        self.think(pause_s)
        if not pause_s:
            self.ask()
        return True

    def is_refused(self, failed: ResponseEnded) -> bool:
        """Tell whether the server `failed` because it refuses us, while what went out can still be sent to another one.

        Then `LinkLost` or `LinkDenied` follows, and decides what becomes of the turn.
        """
        return self.facts.unanswered and _kind_of(failed) is ErrorKind.REFUSED

    def ask(self) -> None:
        """Ask for the answer to what the server has heard already."""
        self.facts.ask_due = False
        self.facts.response_wanted = True
        self.out.append(RequestResponse())
        self.think(self.patience.think_s)

    def replace_session(self) -> None:
        """Have a fresh session instead of one that does not answer."""
        self.facts.retire_session()
        self.out.append(do.ReplaceSession())

    def drop_utterance(self) -> None:
        """Forget the utterance that is being taken down, if any."""
        if self.facts.uplink_open:
            self.facts.uplink_open = False
            self.out.append(do.CloseUplink(self.turn))
            if self.facts.link is Link.READY:
                self.out.append(ClearInput())

    def interrupt(self) -> None:
        """Silence the answer under way and have no more of it."""
        if self.facts.playing:
            self.out.append(do.CutSpeech())
        if self.facts.response_due:
            self.out.append(CancelResponse())
        self.out += self.facts.settle()
        self.facts.interrupt()

    def finish(self) -> None:
        """End a turn that was answered; the user may go on without the wake word.

        What is to be said about the server comes before that, because the answer itself cannot wait for it.
        """
        self.out += self.facts.settle()
        if self.facts.notice and self.facts.link is Link.READY and self.facts.saying is None:
            self.give_notice()
            return
        self.out.append(do.EndTurn(self.turn, do.Outcome.ANSWERED))
        facts = self.facts
        may_go_on = facts.mic is Mic.LIVE and facts.link is Link.READY and not facts.microphone_lost
        if may_go_on and not facts.saying and self.manners.follow_up_s > 0:
            self.enter(Phase.FOLLOW_UP, self.manners.follow_up_s)
        else:
            self.rest()

    def give_notice(self) -> None:
        """Have the server say why it is another one than usual."""
        self.out.append(SpeakText(self.facts.notice))
        self.facts.notice = ""
        self.facts.response_wanted = True
        self.think(self.patience.think_s, anew=True)

    def end(self, outcome: do.Outcome) -> None:
        """End the turn early and rest."""
        self.drop_utterance()
        self.interrupt()
        self.out.append(do.EndTurn(self.turn, outcome))
        self.rest()

    def fail(self, code: str, problem: str) -> None:
        """End the turn because of trouble, and tell the owner."""
        self.drop_utterance()
        self.interrupt()  # before the tone, which would be cut as well
        self.out += [do.PlayEarcon(Earcon.PROBLEM), do.Complain(code, problem)]
        self.end(do.Outcome.FAILED)

    def rest(self) -> None:
        """Go idle, or on to the next text that waits to be spoken."""
        facts = self.facts
        self.phase = Phase.IDLE
        self.deadline = None
        facts.saying = None
        if facts.session_owes or (facts.conversation_used and not facts.says):
            facts.retire_session()
            self.out.append(do.EndConversation())
        if facts.says:
            self.say_next()

    def say_next(self) -> None:
        """Begin to speak the oldest waiting text."""
        facts = self.facts
        facts.saying = facts.says.popleft()
        facts.sends = 0
        self.turn += 1
        self.out.append(do.BeginTurn(self.turn, "say", facts.saying.id))
        if facts.link is Link.REFUSED:
            self.fail("link_refused", facts.link_problem)
        elif facts.unaffordable:
            self.fail(OVER_BUDGET, facts.unaffordable)
        elif facts.link is Link.READY:
            self.speak()
        else:
            self.bear_with(2 * self.patience.connect_s)
            self.await_session()

    def speak(self) -> None:
        """Have the server speak the text at hand."""
        say = self.facts.saying
        assert say is not None, "only called with a text at hand"
        if say.attention and not self.facts.sends:
            self.out.append(do.PlayEarcon(Earcon.ATTENTION))
        self.out.append(SpeakText(say.text))
        self.facts.sent()
        self.await_first_sign()

    def turn_to_listening(self, cause: str, from_frame: int | None, *, speaking: bool = False) -> None:
        """Break the answer off in favour of what the user has to say now."""
        self.interrupt()
        self.facts.saying = None
        self.out.append(do.EndTurn(self.turn, do.Outcome.INTERRUPTED))
        self.listen(cause, from_frame, speaking=speaking)

    @property
    def _utterance_s(self) -> float:
        return self.manners.max_utterance_s + self.patience.endpoint_grace_s

    def _bearable_s(self, lasting_s: float) -> float:
        return min(lasting_s, max(0.0, self.session_wait_ends_s - self.now))


def _kind_of(failed: ResponseEnded) -> ErrorKind:
    return kind_of(ErrorBody(code=failed.error_code, message=failed.error_text))
