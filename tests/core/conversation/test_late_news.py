"""What still comes of an answer that nobody wants any more: it moves nothing, and nothing is done for it."""

import pytest

from hearthd.core.conversation import commands as do
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.phases import Phase
from hearthd.core.realtime.commands import CancelResponse, CommitInput, RequestResponse
from hearthd.core.realtime.events import InputCommitted, ResponseBegan, ResponseStatus, SessionReady
from tests.core.conversation.worlds import Stage, ended

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
