"""A server that fails at an answer before it began is asked once more, after the pause that it wants."""

import pytest

from hearthd.core.conversation import commands as do
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.phases import ASKED_WAIT_MAX_S
from hearthd.core.realtime.commands import RequestResponse, SpeakText
from hearthd.core.realtime.events import ResponseBegan, ResponseEnded
from tests.core.conversation.worlds import PATIENCE, Stage, call, ended, failed


def asked() -> Stage:
    """Return a stage whose server has begun to answer."""
    stage = Stage().thinking()
    stage.step(ResponseBegan("r1"))
    return stage


@pytest.mark.parametrize("code", ["server_error", "rate_limit_exceeded"])
def test_it_is_asked_once_more(code: str) -> None:
    """What it heard it still has; the second failure is told in its words."""
    stage = asked()
    assert stage.step(failed(code=code)) == [RequestResponse()]
    assert stage.machine.deadline == stage.now + PATIENCE.think_s
    stage.step(ResponseBegan("r2"))
    assert do.Complain(code, "Too much at once.") in stage.step(failed(code=code))


def test_the_pause_that_it_wants_is_kept() -> None:
    """Asked earlier, it would only refuse again; then the answer comes as any other."""
    stage = asked()
    assert stage.step(failed(6.2)) == []
    assert stage.machine.deadline == stage.now + 6.2
    assert stage.out_of_time() == [RequestResponse()]
    commands = stage.step(ResponseBegan("r2"), ev.PlayoutStarted("r2"), ended("r2"), ev.PlayoutDrained())
    assert do.EndTurn(1, do.Outcome.ANSWERED) in commands


def test_a_response_of_its_own_is_the_answer() -> None:
    """Nothing is asked for beside it when the pause is over."""
    stage = asked()
    stage.step(failed(6.2), ResponseBegan("r2"))
    assert do.Complain("no_answer", "the server did not answer in time") in stage.out_of_time()


@pytest.mark.parametrize(
    "hopeless",
    [
        failed(ASKED_WAIT_MAX_S + 0.1),
        failed(spoke=True),
        failed(calls=1),
        failed(code="content_filter"),
        failed(code=""),
    ],
)
def test_what_may_have_acted_or_will_not_mend_is_told(hopeless: ResponseEnded) -> None:
    """Nobody waits a minute, hears a beginning twice, or has a lamp switched twice."""
    stage = asked()
    assert do.EndTurn(1, do.Outcome.FAILED) in stage.step(hopeless)


def test_a_text_is_not_asked_for_as_an_answer() -> None:
    """It stands beside the conversation."""
    stage = Stage()
    assert SpeakText("dinner") in stage.step(ev.SayRequested("dinner"))
    stage.step(ResponseBegan("r1"))
    assert do.EndTurn(1, do.Outcome.FAILED) in stage.step(failed())


def test_the_words_after_a_call_are_asked_for_again() -> None:
    """The lamp is on, and that shall be said; the call itself is over."""
    stage = asked()
    stage.step(call(), ended("r1", follows=True), ev.CallAnswered("c1", "{}"), ResponseBegan("r1"))
    assert stage.step(failed()) == [RequestResponse()]


@pytest.mark.parametrize("event", [ev.StopRequested(), ev.WakeHeard("okay_nabu", 9)])
def test_whoever_breaks_off_waits_for_nothing(event: ev.Event) -> None:
    """And nothing is asked for later."""
    stage = asked()
    stage.step(failed(6.2), event)
    while stage.machine.deadline is not None:
        assert RequestResponse() not in stage.out_of_time()


def test_the_next_turn_may_ask_again_too() -> None:
    """Once in each."""
    stage = asked()
    stage.step(failed(), ResponseBegan("r2"), ended("r2"))
    stage.thinking()
    stage.step(ResponseBegan("r1"))
    assert stage.step(failed()) == [RequestResponse()]
