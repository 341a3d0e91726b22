"""Another server answers: what that means for a turn that waits, and what is said of it."""

import pytest

from hearthd.core.conversation import commands as do
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.phases import Phase, Shown
from hearthd.core.realtime.choice import Server
from hearthd.core.realtime.commands import SpeakText
from hearthd.core.realtime.events import ResponseBegan, ResponseStatus, SessionReady
from tests.core.conversation.worlds import PATIENCE, Stage, ended

OFFLINE = ev.ServerChosen(Server.OFFLINE, "no route", "I am offline.")
OTHERWISE = ev.ServerChosen(Server.OFFLINE, "wrong key", "Mend the key.", anew=False)
ANSWER = (ResponseBegan("r1"), ev.PlayoutStarted("r1"), ended("r1"), ev.PlayoutDrained())
TOLD = (ResponseBegan("r2"), ev.PlayoutStarted("r2"), ended("r2"), ev.PlayoutDrained())


def offline() -> Stage:
    """Return a stage whose server is the one on this machine, of which nothing was said yet."""
    stage = Stage()
    stage.step(ev.LinkLost("no route"), OFFLINE, ev.LinkConnecting(), SessionReady())
    return stage


def test_whoever_waits_gets_time_for_the_other_server() -> None:
    """It has to connect too."""
    stage = Stage(ready=False)
    stage.step(ev.MicrophoneFound(), ev.SpeakerFound(), ev.WakeHeard("okay_nabu", 5))
    stage.now += 3.0
    assert stage.step(OFFLINE) == [do.ConnectLink()]
    assert (stage.machine.phase, stage.machine.deadline) == (Phase.WAKING, stage.now + PATIENCE.connect_s)


def test_another_reason_gives_no_more_time() -> None:
    """Troubles may change every second; whoever waits does not wait for ever."""
    stage = Stage(ready=False)
    stage.step(ev.MicrophoneFound(), ev.SpeakerFound(), ev.WakeHeard("okay_nabu", 5), OFFLINE)
    stage.now += 3.0
    assert stage.step(OTHERWISE) == []
    assert stage.machine.deadline == stage.now - 3.0 + PATIENCE.connect_s


def test_the_notice_follows_the_first_answer() -> None:
    """Within its turn, once, and then the user may go on."""
    stage = offline().thinking()
    assert stage.step(*ANSWER) == [do.ForgetUtterance(), SpeakText("I am offline.")]
    assert stage.machine.phase is Phase.THINKING
    commands = stage.step(*TOLD)
    assert do.EndTurn(1, do.Outcome.ANSWERED) in commands
    assert stage.machine.shown is Shown.FOLLOW_UP
    stage.step(ev.WakeHeard("okay_nabu", 9), ev.SpeechEnded(2, capped=False))
    assert not any(isinstance(command, SpeakText) for command in stage.step(*ANSWER))


def test_another_reason_is_no_second_notice() -> None:
    """One outage, one notice; the reason is shown all the same."""
    stage = offline().thinking()
    stage.step(*ANSWER, *TOLD, ev.DeadlinePassed())
    stage.step(OTHERWISE)
    assert stage.machine.server_reason == "wrong key"
    assert not any(isinstance(command, SpeakText) for command in stage.thinking().step(*ANSWER))


def test_a_notice_not_yet_given_is_given_for_the_newest_reason() -> None:
    """What is wrong now is what helps."""
    stage = offline()
    stage.step(OTHERWISE)
    assert SpeakText("Mend the key.") in stage.thinking().step(*ANSWER)


@pytest.mark.parametrize(
    "then",
    [
        (ev.ServerChosen(Server.ONLINE), SessionReady()),
        (ev.LinkLost("gone"),),
    ],
)
def test_no_notice_without_a_reason_or_somebody_to_speak(then: tuple[ev.Event, ...]) -> None:
    """The outage ended unheard, or the other server went as well."""
    stage = offline().thinking()
    stage.step(ResponseBegan("r1"), ev.PlayoutStarted("r1"), ended("r1"), *then)
    assert not any(isinstance(command, SpeakText) for command in stage.step(ev.PlayoutDrained()))


def test_an_announcement_carries_no_notice() -> None:
    """Nobody spoke with the house."""
    stage = offline()
    stage.step(ev.SayRequested("dinner"))
    assert not any(isinstance(command, SpeakText) for command in stage.step(*ANSWER))
    assert SpeakText("I am offline.") in stage.thinking().step(*ANSWER)


def test_a_failed_answer_leaves_the_notice_for_the_next() -> None:
    """It told of trouble already."""
    stage = offline().thinking()
    stage.step(ResponseBegan("r1"), ended("r1", ResponseStatus.FAILED))
    stage.step(SessionReady())
    assert SpeakText("I am offline.") in stage.thinking().step(*TOLD)


@pytest.mark.parametrize(
    ("events", "server"),
    [
        ((), Server.ONLINE),
        ((ev.LinkLost("no route"),), None),
        ((ev.LinkLost("no route"), OFFLINE), None),
        ((ev.LinkLost("no route"), OFFLINE, SessionReady()), Server.OFFLINE),
        ((ev.LinkLost(""),), Server.ONLINE),
    ],
)
def test_who_answers_is_shown(events: tuple[ev.Event, ...], server: Server | None) -> None:
    """Nobody, while the one that is used is in trouble."""
    stage = Stage()
    stage.step(*events)
    assert stage.machine.server is server
