"""What went out and was never answered goes out again; what may have acted never does."""

import pytest

from hearthd.core.audio.earcons import Earcon
from hearthd.core.conversation import commands as do
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.phases import BEGINNINGS_MAX, SENDS_MAX, Link, Manners, Phase
from hearthd.core.realtime.choice import Server
from hearthd.core.realtime.commands import CommitInput, RequestResponse, SpeakText
from hearthd.core.realtime.events import (
    InputCommitted,
    ResponseBegan,
    ResponseStatus,
    ServerSpeechStarted,
    ServerSpeechStopped,
    SessionReady,
)
from tests.core.conversation.worlds import PATIENCE, Stage, call, ended, failed

LOST = ev.LinkLost("reset")
SENT = [CommitInput(), RequestResponse()]


@pytest.mark.parametrize("before", [(), (InputCommitted("i1"),), (InputCommitted("i1"), ResponseBegan("r0"))])
def test_an_utterance_that_nobody_answered_is_sent_again(before: tuple[ev.Event, ...]) -> None:
    """Its session died, even after it had begun to think about it: the next one gets it, and the turn is the same."""
    stage = Stage().thinking()
    stage.step(*before)
    assert stage.step(LOST) == [do.ConnectLink()]
    assert (stage.machine.phase, stage.machine.deadline) == (Phase.WAKING, stage.now + PATIENCE.connect_s)
    assert stage.step(ev.LinkConnecting(), SessionReady()) == SENT
    commands = stage.step(ResponseBegan("r1"), ev.PlayoutStarted("r1"), ended("r1"), ev.PlayoutDrained())
    assert do.EndTurn(1, do.Outcome.ANSWERED) in commands


@pytest.mark.parametrize(
    "begun",
    [
        (call(),),
        (ResponseBegan("r1"), ended("r1", follows=True)),
        (ResponseBegan("r1"), call(), ended("r1", follows=True), ev.CallAnswered("c1", "{}")),
    ],
)
def test_what_may_have_acted_is_never_sent_again(begun: tuple[ev.Event, ...]) -> None:
    """Something of the answer was there, so the turn fails in plain words."""
    stage = Stage().thinking()
    stage.step(*begun)
    commands = stage.step(LOST)
    assert do.Complain("link_lost", "reset") in commands
    assert stage.step(SessionReady()) == []


def test_the_end_of_an_older_response_is_no_answer() -> None:
    """It was interrupted by this very utterance."""
    stage = Stage().thinking()
    stage.step(ResponseBegan("r1"), ev.WakeHeard("okay_nabu", 5), ev.SpeechEnded(2, capped=False))
    assert stage.step(ended("r1", ResponseStatus.CANCELLED), ev.PlayoutStarted("r1")) == []
    assert stage.step(LOST) == [do.ConnectLink()]


def test_a_server_that_dies_of_it_is_given_up() -> None:
    """After the third time it is no outage any more."""
    stage = Stage().thinking()
    for _ in range(SENDS_MAX - 1):
        assert stage.step(LOST) == [do.ConnectLink()]
        assert stage.step(SessionReady()) == SENT
    commands = stage.step(LOST)
    assert commands[0] == do.ForgetUtterance()
    assert do.EndTurn(1, do.Outcome.FAILED) in commands


def test_a_server_that_says_nothing_at_all_is_replaced_once() -> None:
    """Its session may be dead while the connection lives; a fresh one gets the utterance, and more patience."""
    stage = Stage().thinking()
    assert stage.machine.deadline == stage.now + PATIENCE.first_sign_s
    assert stage.out_of_time() == [do.ReplaceSession(), do.ConnectLink()]
    assert stage.step(SessionReady()) == SENT
    assert stage.machine.deadline == stage.now + PATIENCE.think_s
    assert do.Complain("no_answer", "the server did not answer in time") in stage.out_of_time()


def test_a_session_that_owes_an_answer_gets_no_further_utterance() -> None:
    """It was given the whole of it to begin; the fresh one is waited for, and gets the utterance whole."""
    stage = Stage().thinking()
    stage.step(ev.WakeHeard("okay_nabu", 5), ev.SpeechStarted(2, 0))
    assert stage.machine.phase is Phase.LISTENING
    assert stage.step(ev.SpeechEnded(2, capped=False)) == [do.ReplaceSession(), do.ConnectLink()]
    assert (stage.machine.phase, stage.machine.deadline) == (Phase.WAKING, stage.now + PATIENCE.connect_s)
    assert stage.step(ev.LinkConnecting(), SessionReady())[:2] == SENT
    assert stage.machine.deadline == stage.now + PATIENCE.first_sign_s


def test_a_session_that_begins_what_it_owed_gets_the_next_utterance() -> None:
    """It was slow, and no more."""
    stage = Stage().thinking()
    stage.step(ev.WakeHeard("okay_nabu", 5), ResponseBegan("r1"), ev.SpeechStarted(2, 0))
    assert stage.step(ev.SpeechEnded(2, capped=False))[:2] == SENT


def test_a_session_whose_calls_were_still_open_owes_nothing() -> None:
    """What would follow them is asked for after the last one alone, and not at all once somebody speaks."""
    stage = Stage().thinking()
    stage.step(ResponseBegan("r1"), call(), call("c2"), ended("r1", follows=True), ev.CallAnswered("c1", "{}"))
    stage.step(ev.WakeHeard("okay_nabu", 5), ev.SpeechStarted(2, 0))
    assert stage.step(ev.SpeechEnded(2, capped=False))[:2] == SENT


def test_a_session_that_was_asked_to_go_on_after_its_calls_owes_that() -> None:
    """All are answered, and it has not begun."""
    stage = Stage().thinking()
    stage.step(ResponseBegan("r1"), call(), ended("r1", follows=True), ev.CallAnswered("c1", "{}"))
    stage.step(ev.WakeHeard("okay_nabu", 5), ev.SpeechStarted(2, 0))
    assert stage.step(ev.SpeechEnded(2, capped=False)) == [do.ReplaceSession(), do.ConnectLink()]


def test_what_the_server_takes_down_itself_is_not_begun_in_a_session_that_owes_an_answer() -> None:
    """Once it is taken down it cannot be sent again, so the session is replaced before."""
    stage = Stage(Manners(manual_turns=False)).listening()
    stage.step(ServerSpeechStopped())
    commands = stage.step(ev.WakeHeard("okay_nabu", 5))
    assert [command for command in commands if isinstance(command, do.ReplaceSession | do.ConnectLink)] == [
        do.ReplaceSession(),
        do.ConnectLink(),
    ]
    stage.step(SessionReady())
    assert stage.machine.phase is Phase.LISTENING


@pytest.mark.parametrize("has_it", [InputCommitted("i1"), ResponseBegan("r1")])
def test_a_server_that_has_the_utterance_is_waited_for(has_it: ev.Event) -> None:
    """It showed so: asking another would only begin again."""
    stage = Stage().thinking()
    stage.step(has_it)
    assert stage.machine.deadline == stage.now + PATIENCE.think_s
    assert do.EndTurn(1, do.Outcome.FAILED) in stage.out_of_time()


def test_nobody_waits_for_ever_for_a_sound() -> None:
    """A model that calls functions one after the other gives signs of life, and no answer."""
    stage = Stage().thinking()
    began_s = stage.now
    stage.step(ResponseBegan("r1"))
    while stage.machine.deadline != began_s + PATIENCE.silence_s:
        stage.now += PATIENCE.think_s / 2
        stage.step(call(f"c{stage.now}"), ev.CallAnswered(f"c{stage.now}", "{}"))
        assert stage.now < began_s + PATIENCE.silence_s
    assert do.Complain("no_answer", "the server did not answer in time") in stage.out_of_time()


def test_sound_begins_the_silence_anew() -> None:
    """Whoever was spoken to waits gladly for more."""
    stage = Stage().speaking()
    stage.now += 500.0
    stage.step(call(), ev.PlayoutDrained())
    assert stage.machine.deadline == stage.now + PATIENCE.stall_s


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (ev.StopRequested(), do.Outcome.STOPPED),
        (ev.MuteRequested(muted=True), do.Outcome.MUTED),
        (ev.LinkDenied("http_401", "wrong key"), do.Outcome.FAILED),
    ],
)
def test_what_ends_the_waiting(event: ev.Event, outcome: do.Outcome) -> None:
    """The utterance is forgotten, so that it cannot be sent to whoever comes next."""
    stage = Stage().thinking()
    stage.step(LOST)
    commands = stage.step(event)
    assert do.ForgetUtterance() in commands
    assert do.EndTurn(1, outcome) in commands
    assert stage.step(SessionReady()) == []


def test_who_says_it_again_is_heard() -> None:
    """Tired of waiting, they wake the house once more."""
    stage = Stage().thinking()
    stage.step(LOST)
    commands = stage.step(ev.WakeHeard("okay_nabu", 9))
    assert commands[:4] == [
        do.ForgetUtterance(),
        do.EndTurn(1, do.Outcome.INTERRUPTED),
        do.BeginTurn(2, "okay_nabu"),
        do.OpenUplink(2, 9, speaking=False),
    ]


def test_a_wake_inside_the_first_wait_is_the_utterances_own() -> None:
    """Nothing was sent yet."""
    stage = Stage(ready=False)
    stage.step(ev.MicrophoneFound(), ev.SpeakerFound(), ev.WakeHeard("okay_nabu", 5))
    assert stage.step(ev.WakeHeard("okay_nabu", 9)) == []


def test_a_text_is_spoken_by_the_next_session_without_a_second_tone() -> None:
    """One announcement, one tone."""
    stage = Stage()
    first = stage.step(ev.SayRequested("dinner", attention=True))
    assert first[1:3] == [do.PlayEarcon(Earcon.ATTENTION), SpeakText("dinner")]
    assert stage.step(LOST) == [do.ConnectLink()]
    assert stage.step(SessionReady()) == [SpeakText("dinner")]


def test_a_server_that_takes_utterances_by_itself_has_them_once() -> None:
    """Nobody else knows where they ended."""
    stage = Stage(Manners(manual_turns=False)).listening()
    stage.step(ServerSpeechStopped())
    assert do.EndTurn(1, do.Outcome.FAILED) in stage.step(LOST)


def test_a_server_that_failed_and_then_died_leaves_the_utterance_to_the_next() -> None:
    """Nothing came of it in either way."""
    stage = Stage().thinking()
    assert stage.step(ResponseBegan("r1"), failed(6.2), LOST) == [do.ConnectLink()]
    assert stage.step(SessionReady()) == SENT
    assert do.Complain("no_answer", "the server did not answer in time") in stage.out_of_time()


# An account that turns out to be empty

BROKE = failed(code="insufficient_quota")


def test_a_refusal_within_an_answer_leaves_the_turn_to_another_server() -> None:
    """The response's end is told first; what becomes of the link decides, and there the utterance is sent again."""
    stage = Stage().thinking()
    assert stage.step(ResponseBegan("r1"), BROKE) == []
    assert stage.step(LOST) == [do.ConnectLink()]
    assert stage.step(SessionReady()) == SENT


def test_a_refusal_within_an_answer_fails_where_nobody_else_answers() -> None:
    """Once, with one tone, in the words that tell what to do."""
    stage = Stage().thinking()
    stage.step(ResponseBegan("r1"), BROKE)
    commands = stage.step(ev.LinkDenied("insufficient_quota", "add credit"))
    assert commands.count(do.PlayEarcon(Earcon.PROBLEM)) == 1
    assert do.Complain("link_refused", "add credit") in commands
    assert do.EndTurn(1, do.Outcome.FAILED) in commands


def test_a_refusal_after_an_act_fails_at_once() -> None:
    """Nothing is sent again, so there is nothing to wait for."""
    stage = Stage().thinking()
    stage.step(ResponseBegan("r1"), call(), ended("r1", follows=True), ev.CallAnswered("c1", "{}"))
    assert do.Complain("insufficient_quota", "Too much at once.") in stage.step(BROKE)


# A link that comes and goes while somebody is listened to


def flap(stage: Stage, every_s: float) -> list[do.Command]:
    """Let the link be lost and found in turn until the phase is idle, for a minute at most; returns all commands."""
    commands: list[do.Command] = []
    ends_s = stage.now + 60.0
    while stage.machine.phase is not Phase.IDLE:
        assert stage.now < ends_s, "it never ends"
        deadline, next_s = stage.machine.deadline, stage.now + every_s
        if deadline is not None and deadline <= next_s:
            commands += stage.out_of_time()
        else:
            stage.now = next_s
            commands += stage.step(SessionReady() if stage.machine.link is Link.DOWN else LOST)
    return commands


@pytest.mark.parametrize("every_s", [1.5, 3.0, 5.5])
def test_no_reconnect_gives_anew_the_time_for_the_first_word(every_s: float) -> None:
    """Nobody speaks, so the ear closes when one wait for a session and one for a word are over."""
    stage = Stage().listening()
    woken_s = stage.now
    assert any(isinstance(command, do.EndTurn) for command in flap(stage, every_s))
    assert stage.now <= woken_s + PATIENCE.connect_s + PATIENCE.listen_s


@pytest.mark.parametrize("manual_turns", [True, False])
@pytest.mark.parametrize("every_s", [4.0, 9.0])
def test_no_reconnect_gives_anew_the_time_for_an_utterance(every_s: float, *, manual_turns: bool) -> None:
    """The news of its end never comes; one utterance and one wait for a session after it are all there is time for."""
    stage = Stage(Manners(manual_turns=manual_turns)).listening()
    stage.now += 5.0
    stage.step(ev.SpeechStarted(1, 0))
    begun_s = stage.now
    assert do.EndTurn(1, do.Outcome.FAILED) in flap(stage, every_s)
    assert stage.now <= begun_s + 15.0 + PATIENCE.endpoint_grace_s + PATIENCE.connect_s


def test_speech_that_goes_on_gives_no_more_time() -> None:
    """Only its first word does: a server may hear a beginning in every session."""
    stage = Stage(Manners(manual_turns=False)).listening()
    stage.step(ServerSpeechStarted())
    ends_s = stage.now + 15.0 + PATIENCE.endpoint_grace_s + PATIENCE.connect_s
    stage.now += 14.0
    stage.step(LOST, SessionReady(), ServerSpeechStarted())
    assert stage.machine.deadline == ends_s


def test_a_server_that_dies_of_the_beginning_is_given_up() -> None:
    """Each session would get all that was taken down so far; the turn fails with a tone, in the link's words."""
    stage = Stage().listening()
    for _ in range(BEGINNINGS_MAX - 1):
        assert stage.step(LOST)[0] == do.ConnectLink()
        stage.step(SessionReady())
        assert stage.machine.phase is Phase.LISTENING
    commands = stage.step(LOST)
    assert do.PlayEarcon(Earcon.PROBLEM) in commands
    assert do.Complain("link_lost", "reset") in commands
    assert do.EndTurn(1, do.Outcome.FAILED) in commands
    stage.step(SessionReady())
    assert do.ConnectLink() in stage.listening().step(LOST), "the next utterance has its own"


def test_servers_that_change_all_the_time_give_no_more_time() -> None:
    """Whoever waits gets time for the other server too, and then no more."""
    stage = Stage(ready=False)
    stage.step(ev.SayRequested("dinner"))
    ends_s = stage.now + 2 * PATIENCE.connect_s
    for _ in range(9):
        stage.now += 2.0
        stage.step(ev.ServerChosen(Server.OFFLINE, "no route"))
    assert stage.machine.deadline == ends_s


# A session that never began a response


def test_a_session_that_never_spoke_a_text_is_given_up() -> None:
    """It still owes that response, and would have the next turn wait for it."""
    stage = Stage()
    stage.step(ev.SayRequested("dinner"))
    stage.out_of_time()
    stage.step(SessionReady())
    commands = stage.out_of_time()
    assert commands[-2] == do.EndConversation()
    assert stage.machine.link is Link.CONNECTING


def test_a_text_behind_one_that_was_never_spoken_waits_for_a_fresh_session() -> None:
    """The old one would keep it waiting as well."""
    stage = Stage()
    stage.step(ev.SayRequested("dinner"), ev.SayRequested("tea"))
    commands = stage.step(ev.StopRequested())
    assert commands[-3:] == [do.EndConversation(), do.BeginTurn(2, "say"), do.ConnectLink()]
    assert SpeakText("tea") in stage.step(SessionReady())


@pytest.mark.parametrize("sign", [ResponseBegan("r1"), ended("r1", ResponseStatus.CANCELLED)])
def test_a_text_that_came_late_spoils_nothing(sign: ev.Event) -> None:
    """What was given up and begins all the same is cancelled by the protocol, and the session is as good as new."""
    stage = Stage()
    stage.step(ev.SayRequested("dinner"), ev.WakeHeard("okay_nabu", 9))
    stage.step(sign, ev.SayRequested("tea"))
    assert do.EndConversation() not in stage.step(ev.StopRequested())
