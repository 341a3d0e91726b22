"""What still comes of an answer that nobody wants any more: it moves nothing, and nothing is done for it."""

import pytest

from hearthd.core.conversation import commands as do
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.phases import Phase
from hearthd.core.realtime.commands import AnswerCall, CancelResponse, CommitInput, RequestResponse
from hearthd.core.realtime.events import InputCommitted, ResponseBegan, ResponseStatus, SessionReady
from tests.core.conversation.worlds import Stage, call, ended

ANSWER = (ResponseBegan("r2"), ev.PlayoutStarted("r2"), ended("r2"), ev.PlayoutDrained())


def asked_anew() -> Stage:
    """Return a stage on which an answer was interrupted, and the next utterance is committed."""
    stage = Stage().speaking()
    stage.step(ev.WakeHeard("okay_nabu", 5), ev.SpeechStarted(2, 0), ev.SpeechEnded(2, capped=False))
    stage.step(InputCommitted("i2"))
    return stage


@pytest.mark.parametrize("status", list(ResponseStatus))
def test_the_late_end_of_an_interrupted_answer_ends_no_turn(status: ResponseStatus) -> None:
    """However it ends: a server that cannot cancel completes it. The turn waits for its own answer and speaks it."""
    stage = asked_anew()
    assert stage.step(ended("r1", status)) == []
    commands = stage.step(*ANSWER[:2])
    assert stage.machine.phase is Phase.SPEAKING
    assert commands == [do.ForgetUtterance()]
    assert do.EndTurn(2, do.Outcome.ANSWERED) in stage.step(*ANSWER[2:])


def test_the_late_end_of_an_interrupted_answer_leaves_the_answer_to_be_cancelled() -> None:
    """It is still on its way, so whoever wakes the house again breaks it off."""
    stage = asked_anew()
    stage.step(ended("r1"))
    commands = stage.step(ev.WakeHeard("okay_nabu", 9))
    assert commands[0] == CancelResponse()
    assert do.EndTurn(2, do.Outcome.INTERRUPTED) in commands


@pytest.mark.parametrize("status", list(ResponseStatus))
def test_an_answer_that_is_cancelled_as_it_begins_is_none(status: ResponseStatus) -> None:
    """The server made it of its own accord, or too late: the turn waits for the one that was asked for."""
    stage = Stage().listening()
    commands = stage.step(ResponseBegan("r1", cancelled=True), ev.SpeechStarted(1, 0), ev.SpeechEnded(1, capped=False))
    assert commands[:2] == [CommitInput(), RequestResponse()]
    assert stage.step(ended("r1", status)) == []
    assert do.EndTurn(1, do.Outcome.ANSWERED) in stage.step(*ANSWER)


def test_a_name_that_a_new_session_gives_again_is_another_answer() -> None:
    """Some servers count their responses from one in every session."""
    stage = asked_anew()
    stage.step(ev.LinkLost("reset"), SessionReady())
    stage.step(ResponseBegan("r1"), ev.PlayoutStarted("r1"))
    assert stage.machine.phase is Phase.SPEAKING
    assert do.EndTurn(2, do.Outcome.ANSWERED) in stage.step(ended("r1"), ev.PlayoutDrained())


# Calls whose news waited behind what broke their answer off


@pytest.mark.parametrize("known", [True, False])
def test_a_call_of_an_answer_that_a_wake_broke_off_is_not_carried_out(*, known: bool) -> None:
    """Not in the turn after it either, where it would pass for a confirmation; the model learns what became of it."""
    stage = Stage().thinking()
    begun = ResponseBegan("r1")
    stage.step(*[begun] * known, ev.WakeHeard("okay_nabu", 5), *[begun] * (not known))
    assert stage.step(call()) == [AnswerCall("c1", do.BROKEN_OFF, follow_up=False)]
    stage.step(ev.SpeechStarted(2, 0))
    assert CommitInput() in stage.step(ev.SpeechEnded(2, capped=False))
    assert stage.step(ev.LinkLost("reset")) == [do.ConnectLink()], "the call was no answer to the utterance"


@pytest.mark.parametrize("known", [True, False])
def test_a_call_of_an_answer_that_was_stopped_is_not_carried_out(*, known: bool) -> None:
    """Its session is given up, so nobody is told."""
    stage = Stage().thinking()
    begun = ResponseBegan("r1")
    stage.step(*[begun] * known, ev.StopRequested(), *[begun] * (not known))
    assert stage.step(call()) == []
    assert not stage.machine.wants_call("c1")


@pytest.mark.parametrize("event", [ev.StopRequested(), ev.WakeHeard("okay_nabu", 5), ev.LinkLost("reset")])
def test_a_call_that_waits_for_its_turn_can_be_broken_off(event: ev.Event) -> None:
    """The house asks before it begins."""
    stage = Stage().thinking()
    stage.step(ResponseBegan("r1"), call())
    assert stage.machine.wants_call("c1")
    stage.step(event)
    assert not stage.machine.wants_call("c1")


def test_sound_of_an_answer_whose_beginning_came_late_is_not_playing() -> None:
    """It was hushed with the wake, so nothing of it will ever drain."""
    stage = Stage().thinking()
    stage.step(ev.WakeHeard("okay_nabu", 5), ResponseBegan("r1"), ev.PlayoutStarted("r1"))
    assert do.CutSpeech() not in stage.step(ev.StopRequested())


# What had come of an answer when its session was lost


@pytest.mark.parametrize("problem", ["reset", ""])
def test_sound_that_came_before_the_loss_is_played_and_the_turn_fails_after_it(problem: str) -> None:
    """It waited for its cushion; once it is heard, the utterance is not sent again, lest it be answered twice."""
    stage = Stage().thinking()
    assert stage.step(ResponseBegan("r1"), ev.LinkLost(problem)) == [do.ConnectLink()]
    assert stage.step(ev.PlayoutStarted("r1")) == [do.ForgetUtterance()]
    assert stage.machine.phase is Phase.SPEAKING
    assert stage.step(SessionReady()) == []
    commands = stage.step(ev.PlayoutDrained())
    assert do.Complain("link_lost", problem or "the session was given up") in commands
    assert do.EndTurn(1, do.Outcome.FAILED) in commands


@pytest.mark.parametrize("late", [ended("r1"), ended(""), call()])
def test_other_news_of_a_lost_session_do_not_spoil_the_utterance(late: ev.Event) -> None:
    """Nothing of them was heard or done."""
    stage = Stage().thinking()
    assert stage.step(ev.LinkLost("reset"), late) == [do.ConnectLink()]
    assert stage.step(SessionReady()) == [CommitInput(), RequestResponse()]


def test_sound_of_the_turn_before_does_not_disturb_an_utterance() -> None:
    """It is being taken down while the link comes back."""
    stage = Stage(ready=False)
    stage.step(ev.MicrophoneFound(), ev.SpeakerFound(), ev.WakeHeard("okay_nabu", 5))
    stage.step(ev.PlayoutStarted("r0"))
    assert stage.machine.phase is Phase.WAKING
