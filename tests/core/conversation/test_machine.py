"""The conversation's machine, journey by journey."""

import pytest

from hearthd.core.audio.earcons import Earcon
from hearthd.core.conversation import commands as do
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.phases import Link, Manners, Mic, Phase, Shown
from hearthd.core.realtime.commands import (
    AnswerCall,
    CancelResponse,
    ClearInput,
    CommitInput,
    RequestResponse,
    SpeakText,
    TruncateReply,
)
from hearthd.core.realtime.events import (
    FollowUpSpared,
    InputCommitted,
    ResponseBegan,
    ResponseStatus,
    ServerSpeechStarted,
    ServerSpeechStopped,
    SessionReady,
)
from tests.core.conversation.worlds import PATIENCE, Stage, call, ended, heard

HEAR = do.SetEar(do.EarMode.HEAR, brisk=True)
WATCH = do.SetEar(do.EarMode.WATCH, brisk=True)
ATTEND = do.SetEar(do.EarMode.ATTEND, brisk=True)
REST = do.SetEar(do.EarMode.WATCH, brisk=False)
SERVER_TURNS = Manners(manual_turns=False)


def test_a_whole_turn() -> None:
    """Wake, utterance, answer, follow-up and rest give exactly these commands."""
    stage = Stage()
    assert stage.step(ev.WakeHeard("okay_nabu", 1_000)) == [
        do.BeginTurn(1, "okay_nabu"),
        do.OpenUplink(1, 1_000, speaking=False),
        HEAR,
    ]
    assert stage.step(ev.SpeechStarted(1, 0)) == []
    assert stage.step(ev.SpeechEnded(1, capped=False)) == [CommitInput(), RequestResponse(), WATCH]
    assert stage.step(InputCommitted("i1"), ResponseBegan("r1")) == []
    assert stage.step(ev.PlayoutStarted("r1"), ended("r1")) == [do.ForgetUtterance()]
    assert stage.machine.shown is Shown.SPEAKING
    assert stage.step(ev.PlayoutDrained()) == [do.EndTurn(1, do.Outcome.ANSWERED), ATTEND]
    assert stage.machine.phase is Phase.FOLLOW_UP
    assert stage.out_of_time() == [do.EndConversation(), REST]
    assert (stage.machine.phase, stage.machine.deadline) == (Phase.IDLE, None)


def test_speech_goes_on_without_the_wake_word() -> None:
    """In the follow-up window speech alone opens the uplink, from its own beginning on."""
    stage = Stage().following_up()
    assert stage.step(ev.SpeechStarted(0, 77)) == [
        do.BeginTurn(2, "follow_up"),
        do.OpenUplink(2, 77, speaking=True),
        HEAR,
    ]
    assert stage.machine.deadline == stage.now + 15.0 + PATIENCE.endpoint_grace_s
    assert stage.machine.shown is Shown.LISTENING


@pytest.mark.parametrize("event", [ev.WakeHeard("okay_nabu", 9), ev.ListenRequested()])
def test_a_wake_in_the_follow_up_window_opens_a_turn(event: ev.Event) -> None:
    """The wake word and the button still work there."""
    stage = Stage().following_up()
    stage.step(event)
    assert (stage.machine.phase, stage.machine.turn) == (Phase.LISTENING, 2)


def test_late_speech_of_another_turn_does_not_open_a_follow_up() -> None:
    """News of an uplink that is gone says nothing about now."""
    stage = Stage().following_up()
    assert stage.step(ev.SpeechStarted(1, 0)) == []


def test_no_follow_up_when_switched_off() -> None:
    """With `follow_up_s = 0` an answered turn ends in idle."""
    stage = Stage(Manners(follow_up_s=0)).speaking()
    assert stage.step(ended("r1"), ev.PlayoutDrained()) == [
        do.EndTurn(1, do.Outcome.ANSWERED),
        do.EndConversation(),
        REST,
    ]


@pytest.mark.parametrize(
    "event", [ev.StopRequested(), ev.LinkLost("gone"), ev.MicrophoneLost("gone"), ev.MuteRequested(muted=True)]
)
def test_the_follow_up_window_closes_when_nobody_can_be_heard(event: ev.Event) -> None:
    """Stop, mute and a lost link or microphone end it without a sound."""
    stage = Stage().following_up()
    assert not [command for command in stage.step(event) if isinstance(command, do.PlayEarcon)]
    assert stage.machine.phase is Phase.IDLE


def test_unmuting_leaves_the_follow_up_window_open() -> None:
    """A wish that changes nothing changes nothing."""
    stage = Stage().following_up()
    assert stage.step(ev.MuteRequested(muted=False)) == []
    assert stage.machine.phase is Phase.FOLLOW_UP


class TestWaking:
    """A wake while the link is not ready."""

    def test_what_is_said_meanwhile_is_committed_when_the_session_is_ready(self) -> None:
        """Nobody has to wait for the connection."""
        stage = Stage()
        stage.step(ev.LinkLost("no route"))
        commands = stage.step(ev.WakeHeard("okay_nabu", 5))
        assert commands == [do.BeginTurn(1, "okay_nabu"), do.OpenUplink(1, 5, speaking=False), do.ConnectLink(), HEAR]
        assert stage.step(ev.SpeechStarted(1, 0), ev.SpeechEnded(1, capped=False), ev.LinkConnecting()) == []
        assert stage.step(SessionReady()) == [CommitInput(), RequestResponse(), WATCH]

    def test_a_session_in_mid_utterance_only_listens_on(self) -> None:
        """Speech that goes on is waited for up to its cap."""
        stage = Stage()
        stage.step(ev.LinkLost("no route"), ev.WakeHeard("okay_nabu", 5), ev.SpeechStarted(1, 0))
        assert stage.step(SessionReady()) == []
        assert stage.machine.phase is Phase.LISTENING
        assert stage.machine.deadline == stage.now + 15.0 + PATIENCE.endpoint_grace_s

    def test_no_session_in_time(self) -> None:
        """The problem tone, the reason, and rest."""
        stage = Stage()
        stage.step(ev.LinkLost("no route"), ev.WakeHeard("okay_nabu", 5))
        assert stage.out_of_time() == [
            do.CloseUplink(1),
            do.PlayEarcon(Earcon.PROBLEM),
            do.Complain("link_unavailable", "no route"),
            do.EndTurn(1, do.Outcome.FAILED),
            REST,
        ]

    def test_no_session_and_no_reason(self) -> None:
        """A server that merely does not answer is told in our own words."""
        stage = Stage()
        stage.step(ev.LinkConnecting(), ev.WakeHeard("okay_nabu", 5))
        complaints = [command for command in stage.out_of_time() if isinstance(command, do.Complain)]
        assert complaints == [do.Complain("link_unavailable", "the server did not start a session in time")]

    @pytest.mark.parametrize(
        ("event", "outcome"),
        [
            (ev.StopRequested(), do.Outcome.STOPPED),
            (ev.MuteRequested(muted=True), do.Outcome.MUTED),
            (ev.LinkDenied("http_401", "wrong key"), do.Outcome.FAILED),
            (ev.MicrophoneLost("gone"), do.Outcome.FAILED),
        ],
    )
    def test_what_ends_it(self, event: ev.Event, outcome: do.Outcome) -> None:
        """Each ends the turn and forgets the utterance."""
        stage = Stage()
        stage.step(ev.LinkLost("no route"), ev.WakeHeard("okay_nabu", 5))
        commands = stage.step(event)
        assert do.CloseUplink(1) in commands
        assert do.EndTurn(1, outcome) in commands
        assert stage.machine.phase is Phase.IDLE

    def test_a_microphone_lost_after_the_utterance_does_not_matter(self) -> None:
        """All that was said is there."""
        stage = Stage()
        stage.step(ev.LinkLost("x"), ev.WakeHeard("okay_nabu", 5), ev.SpeechEnded(1, capped=False))
        assert stage.step(ev.MicrophoneLost("gone")) == []
        assert stage.step(SessionReady())[0] == CommitInput()

    def test_a_server_that_ends_turns_itself_is_not_committed_to(self) -> None:
        """With server voice detection the local end of speech means nothing."""
        stage = Stage(SERVER_TURNS)
        stage.step(
            ev.LinkLost("x"), ev.WakeHeard("okay_nabu", 5), ev.SpeechStarted(1, 0), ev.SpeechEnded(1, capped=False)
        )
        assert stage.step(SessionReady()) == []
        assert stage.machine.phase is Phase.LISTENING


class TestListening:
    """An utterance being taken down."""

    def test_nothing_said(self) -> None:
        """The uplink is closed, the server forgets the sound, and nothing is asked."""
        stage = Stage().listening()
        assert stage.out_of_time() == [
            do.CloseUplink(1),
            ClearInput(),
            do.EndTurn(1, do.Outcome.NOTHING_SAID),
            REST,
        ]

    def test_no_end_of_speech(self) -> None:
        """If even the cap does not come, something is broken, and is told."""
        stage = Stage().listening()
        stage.step(ev.SpeechStarted(1, 0))
        assert do.EndTurn(1, do.Outcome.FAILED) in stage.out_of_time()

    def test_a_capped_utterance_is_answered(self) -> None:
        """Who talks for 15 s gets an answer to 15 s."""
        stage = Stage().listening()
        assert stage.step(ev.SpeechEnded(1, capped=True))[:2] == [CommitInput(), RequestResponse()]

    def test_news_of_an_older_turn_is_ignored(self) -> None:
        """Its uplink is closed."""
        stage = Stage().listening()
        assert stage.step(ev.SpeechStarted(7, 0), ev.SpeechEnded(7, capped=False)) == []

    @pytest.mark.parametrize("event", [ev.LinkLost("reset"), ev.LinkConnecting()])
    def test_a_lost_link_is_waited_for(self, event: ev.Event) -> None:
        """The utterance goes on; the next session gets it from the start."""
        stage = Stage().listening()
        assert stage.step(event) == [do.ConnectLink()]
        assert (stage.machine.phase, stage.machine.uplink_open) == (Phase.WAKING, True)

    @pytest.mark.parametrize("heard_by", [ServerSpeechStopped(), InputCommitted("i1")])
    def test_the_server_ends_the_utterance(self, heard_by: ev.Event) -> None:
        """With server voice detection we send until it has heard enough, and it answers by itself."""
        stage = Stage(SERVER_TURNS).listening()
        assert stage.step(ServerSpeechStarted(), ev.SpeechEnded(1, capped=False)) == []
        assert stage.step(heard_by) == [do.CloseUplink(1), WATCH]
        assert stage.machine.phase is Phase.THINKING

    def test_a_commit_of_ours_is_no_end_of_the_utterance(self) -> None:
        """With manual turns only the local end of speech ends it."""
        stage = Stage().listening()
        assert stage.step(InputCommitted("i1"), ServerSpeechStopped()) == []
        assert stage.machine.phase is Phase.LISTENING

    def test_a_server_that_never_hears_the_end(self) -> None:
        """The cap is a fault there, because nobody can commit."""
        stage = Stage(SERVER_TURNS).listening()
        assert do.EndTurn(1, do.Outcome.FAILED) in stage.step(ev.SpeechEnded(1, capped=True))

    def test_mute_closes_everything(self) -> None:
        """The device, the uplink and the server's buffer."""
        stage = Stage().listening()
        assert stage.step(ev.MuteRequested(muted=True)) == [
            do.CloseMicrophone(),
            do.CloseUplink(1),
            ClearInput(),
            do.EndTurn(1, do.Outcome.MUTED),
            REST,
        ]
        assert (stage.machine.mic, stage.machine.shown) == (Mic.MUTED, Shown.MUTED)


class TestNobodyToHear:
    """Reasons not to listen at all."""

    @pytest.mark.parametrize(
        ("before", "code"),
        [
            (ev.MuteRequested(muted=True), "muted"),
            (ev.MicrophoneLost("the card is gone"), "microphone_lost"),
            (ev.LinkDenied("http_401", "wrong key"), "link_refused"),
        ],
    )
    def test_the_reason_is_told(self, before: ev.Event, code: str) -> None:
        """A tone and a complaint; no turn begins."""
        stage = Stage()
        stage.step(before)
        commands = stage.step(ev.ListenRequested())
        assert [type(command) for command in commands] == [do.PlayEarcon, do.Complain]
        assert isinstance(commands[1], do.Complain)
        assert commands[1].code == code
        assert (stage.machine.phase, stage.machine.turn) == (Phase.IDLE, 0)

    def test_in_the_middle_of_a_reply(self) -> None:
        """A button pressed while muted ends the reply and says why nothing follows."""
        stage = Stage().speaking()
        stage.step(ev.MuteRequested(muted=True))
        commands = stage.step(ev.ListenRequested())
        assert do.CutSpeech() in commands
        assert do.Complain("muted", "the microphone is muted") in commands
        assert stage.machine.phase is Phase.IDLE

    def test_a_button_that_is_switched_off(self) -> None:
        """Says which setting it is, and does nothing in a turn."""
        stage = Stage(Manners(push_to_talk=False))
        assert [type(command) for command in stage.step(ev.ListenRequested())] == [do.Complain]
        stage.speaking()
        assert stage.step(ev.ListenRequested()) == []


class TestThinking:
    """Waiting for the answer."""

    def test_calls_run_and_are_answered_once(self) -> None:
        """The turn goes on until the response after the calls was heard."""
        stage = Stage().thinking()
        assert stage.step(ResponseBegan("r1"), call()) == [do.ForgetUtterance(), do.RunCall(1, call())]
        assert stage.step(ended("r1", follows=True)) == []
        assert stage.step(ev.CallAnswered("c1", "{}")) == [AnswerCall("c1", "{}")]
        assert stage.step(ResponseBegan("r2"), ev.PlayoutStarted("r2"), ended("r2")) == []
        assert stage.step(ev.PlayoutDrained())[0] == do.EndTurn(1, do.Outcome.ANSWERED)

    def test_calls_that_need_no_words_end_in_a_tone(self) -> None:
        """The turn is over when the last of them is answered, and the user may go on."""
        stage = Stage().thinking()
        stage.step(ResponseBegan("r1"), call(), ended("r1", follows=True))
        answered = stage.step(ev.CallAnswered("c1", "{}", needs_words=False))
        assert answered == [AnswerCall("c1", "{}", follow_up=False)]
        tone, end, *_ = stage.step(FollowUpSpared("r1"))
        assert [tone, end] == [do.PlayEarcon(Earcon.DONE), do.EndTurn(1, do.Outcome.ANSWERED)]
        assert stage.machine.phase is Phase.FOLLOW_UP

    def test_no_tone_sounds_while_more_is_owed(self) -> None:
        """Another call still runs, and what it brings may need words."""
        stage = Stage().thinking()
        stage.step(ResponseBegan("r1"), call("c1"), call("c2"))
        assert stage.step(FollowUpSpared("r1")) == []

    def test_an_empty_answer_ends_the_turn(self) -> None:
        """Some requests need no word."""
        stage = Stage().thinking()
        assert stage.step(ResponseBegan("r1"), ended("r1"))[1] == do.EndTurn(1, do.Outcome.ANSWERED)

    def test_a_response_that_was_never_announced(self) -> None:
        """Some servers only tell of its end."""
        stage = Stage().thinking()
        assert stage.step(ended("r1"))[:2] == [do.ForgetUtterance(), do.EndTurn(1, do.Outcome.ANSWERED)]

    def test_a_failed_response_is_told(self) -> None:
        """In the server's words, or ours if it has none."""
        stage = Stage().thinking()
        commands = stage.step(ResponseBegan("r1"), ended("r1", ResponseStatus.FAILED, text="overloaded"))
        assert do.Complain("response_failed", "overloaded") in commands
        stage = Stage().thinking()
        commands = stage.step(ResponseBegan("r1"), ended("r1", ResponseStatus.FAILED))
        assert do.Complain("response_failed", "the server could not answer") in commands

    def test_no_answer_in_time(self) -> None:
        """The response is cancelled and the owner told."""
        stage = Stage().thinking()
        stage.step(ResponseBegan("r1"))
        commands = stage.out_of_time()
        assert commands[0] == CancelResponse()
        assert do.Complain("no_answer", "the server did not answer in time") in commands

    @pytest.mark.parametrize("event", [ev.LinkLost("reset"), ev.LinkDenied("http_401", "wrong key")])
    def test_a_lost_link_ends_the_turn(self, event: ev.Event) -> None:
        """Nobody waits for a server that is gone, once something of the answer was there."""
        stage = Stage().thinking()
        stage.step(ResponseBegan("r1"), call())
        assert do.EndTurn(1, do.Outcome.FAILED) in stage.step(event)

    @pytest.mark.parametrize(
        ("event", "cause"), [(ev.WakeHeard("okay_nabu", 9), "okay_nabu"), (ev.ListenRequested(), "listen")]
    )
    def test_a_wake_changes_the_subject(self, event: ev.Event, cause: str) -> None:
        """The answer under way is cancelled, and its end does not end the new turn."""
        stage = Stage().thinking()
        stage.step(ResponseBegan("r1"))
        commands = stage.step(event)
        assert commands[:4] == [
            CancelResponse(),
            do.ForgetUtterance(),
            do.EndTurn(1, do.Outcome.INTERRUPTED),
            do.BeginTurn(2, cause),
        ]
        stage.step(ev.SpeechEnded(2, capped=False))
        assert stage.step(ended("r1", ResponseStatus.CANCELLED), ev.PlayoutStarted("r1")) == []
        assert stage.machine.phase is Phase.THINKING

    def test_muted_while_thinking_the_answer_is_still_spoken(self) -> None:
        """Mute is about the microphone."""
        stage = Stage().thinking()
        assert stage.step(ev.MuteRequested(muted=True)) == [do.CloseMicrophone()]
        stage.step(ResponseBegan("r1"), ev.PlayoutStarted("r1"), ended("r1"))
        assert stage.step(ev.PlayoutDrained())[0] == do.EndTurn(1, do.Outcome.ANSWERED)
        assert stage.machine.phase is Phase.IDLE

    def test_no_loudspeaker_to_answer_with(self) -> None:
        """An answer that nobody can hear is a failure, and told."""
        stage = Stage().thinking()
        stage.step(ev.SpeakerLost("the card is gone"), ResponseBegan("r1"))
        assert do.Complain("speaker_lost", "the card is gone") in stage.step(ev.PlayoutStarted("r1"))


class TestSpeaking:
    """The reply being heard."""

    def test_the_wake_word_breaks_in(self) -> None:
        """Silence first, then the cancel, then the new turn; the truncation follows when the card tells."""
        stage = Stage().speaking()
        assert stage.step(ev.WakeHeard("okay_nabu", 9)) == [
            do.CutSpeech(),
            CancelResponse(),
            do.EndTurn(1, do.Outcome.INTERRUPTED),
            do.BeginTurn(2, "okay_nabu"),
            do.OpenUplink(2, 9, speaking=False),
            HEAR,
        ]
        assert stage.step(ev.SpeechCut((heard(heard_ms=640),))) == [TruncateReply("i1", 0, 640)]

    def test_nothing_is_truncated_in_a_session_that_is_gone(self) -> None:
        """The next one never heard of the reply."""
        stage = Stage().speaking()
        stage.step(ev.StopRequested())
        assert stage.step(ev.SpeechCut((heard(),))) == []

    def test_barge_in_switched_off(self) -> None:
        """The ear ignores everything, and so does the machine."""
        stage = Stage(Manners(barge_in="off"))
        stage.thinking()
        commands = stage.step(ResponseBegan("r1"), ev.PlayoutStarted("r1"))
        assert commands == [do.ForgetUtterance(), do.SetEar(do.EarMode.IGNORE, brisk=True)]
        assert stage.step(ev.WakeHeard("okay_nabu", 9)) == []

    def test_speech_breaks_in_if_allowed(self) -> None:
        """With `barge_in = "speech"` no wake word is needed; otherwise speech alone does nothing."""
        stage = Stage(Manners(barge_in="speech")).speaking()
        assert do.OpenUplink(2, 50, speaking=True) in stage.step(ev.SpeechStarted(0, 50))
        assert Stage().speaking().step(ev.SpeechStarted(0, 50)) == []

    def test_stop(self) -> None:
        """Silence, no answer, no follow-up."""
        stage = Stage().speaking()
        assert stage.step(ev.StopRequested()) == [
            do.CutSpeech(),
            CancelResponse(),
            do.EndTurn(1, do.Outcome.STOPPED),
            do.EndConversation(),
            REST,
        ]

    def test_a_reply_that_stalls_is_waited_for(self) -> None:
        """All heard and more to come means thinking again, with a shorter patience."""
        stage = Stage().speaking()
        stage.step(ev.PlayoutDrained())
        assert (stage.machine.phase, stage.machine.deadline) == (Phase.THINKING, stage.now + PATIENCE.stall_s)
        stage.step(ev.PlayoutStarted("r1"))
        assert stage.machine.deadline == stage.now + PATIENCE.speak_s

    def test_a_reply_broken_by_a_lost_link_is_heard_as_far_as_it_came(self) -> None:
        """Then the problem tone says that it was not all."""
        stage = Stage().speaking()
        assert stage.step(ev.LinkLost("reset")) == []
        commands = stage.step(ev.PlayoutDrained())
        assert do.Complain("link_lost", "reset") in commands

    def test_a_reply_stays_broken_whatever_becomes_of_the_link(self) -> None:
        """A new session does not bring the rest of it, nor does another attempt in vain make it whole."""
        for later in (ev.LinkLost("refused"), SessionReady()):
            stage = Stage().speaking()
            stage.step(ev.LinkLost("reset"), ev.LinkConnecting(), later)
            assert do.Complain("link_lost", "reset") in stage.step(ev.PlayoutDrained())

    def test_a_whole_reply_outlives_its_link(self) -> None:
        """Nothing was missing; but there is nobody to go on with."""
        stage = Stage().speaking()
        stage.step(ended("r1"), ev.LinkLost("reset"))
        assert stage.step(ev.PlayoutDrained()) == [do.EndTurn(1, do.Outcome.ANSWERED), do.EndConversation(), REST]

    def test_a_response_that_fails_in_mid_speech_is_told(self) -> None:
        """What came is heard to its end."""
        stage = Stage().speaking()
        commands = stage.step(ended("r1", ResponseStatus.FAILED))
        assert commands == [do.Complain("response_failed", "the server broke off its answer")]
        assert stage.step(ended("r0")) == []
        assert stage.step(ev.PlayoutDrained())[0] == do.EndTurn(1, do.Outcome.ANSWERED)

    def test_a_lost_loudspeaker_ends_the_turn(self) -> None:
        """There is nothing left to drain."""
        stage = Stage().speaking()
        commands = stage.step(ev.SpeakerLost("the card is gone"))
        assert do.Complain("speaker_lost", "the card is gone") in commands
        assert do.CutSpeech() not in commands

    def test_a_reply_without_end(self) -> None:
        """Ten minutes are enough."""
        stage = Stage().speaking()
        assert do.Complain("reply_too_long", "the reply did not come to an end") in stage.out_of_time()

    def test_calls_during_speech(self) -> None:
        """They run at once; when they are answered after the link changed, nobody is told."""
        stage = Stage().speaking()
        assert stage.step(call()) == [do.RunCall(1, call())]
        stage.step(ev.LinkLost("reset"))
        assert stage.step(ev.CallAnswered("c1", "{}")) == []


class TestSay:
    """Texts to be spoken word for word."""

    def test_a_text_is_spoken_and_nobody_listens_afterwards(self) -> None:
        """A say is a turn of its own, outside the conversation."""
        stage = Stage()
        assert stage.step(ev.SayRequested("dinner is ready")) == [
            do.BeginTurn(1, "say"),
            SpeakText("dinner is ready"),
            WATCH,
        ]
        stage.step(ResponseBegan("r1"), ev.PlayoutStarted("r1"), ended("r1"))
        assert stage.step(ev.PlayoutDrained()) == [do.EndTurn(1, do.Outcome.ANSWERED), REST]

    def test_an_announcement_begins_with_a_tone(self) -> None:
        """So that people look up."""
        stage = Stage()
        commands = stage.step(ev.SayRequested("dinner", attention=True))
        assert commands[1:3] == [do.PlayEarcon(Earcon.ATTENTION), SpeakText("dinner")]

    def test_a_text_in_mid_turn_waits_for_its_end(self) -> None:
        """Then it is spoken in the session that is there."""
        stage = Stage().thinking()
        assert stage.step(ResponseBegan("r1"), ev.SayRequested("dinner")) == []
        commands = stage.step(ev.StopRequested())
        assert commands[-2:] == [do.BeginTurn(2, "say"), SpeakText("dinner")]
        assert do.EndConversation() not in commands

    def test_a_text_in_the_follow_up_window_ends_it(self) -> None:
        """Nobody is expected to answer an announcement."""
        stage = Stage().following_up()
        assert SpeakText("dinner") in stage.step(ev.SayRequested("dinner"))

    def test_a_text_wakes_the_link(self) -> None:
        """And is spoken once the session is ready; muting does not stop it."""
        stage = Stage()
        stage.step(ev.LinkLost(""))
        assert stage.step(ev.SayRequested("dinner")) == [do.BeginTurn(1, "say"), do.ConnectLink(), WATCH]
        stage.step(ev.MuteRequested(muted=True))
        assert stage.step(SessionReady()) == [SpeakText("dinner")]

    def test_no_server_to_speak_with(self) -> None:
        """A refused link is told at once."""
        stage = Stage()
        stage.step(ev.LinkDenied("http_401", "wrong key"))
        commands = stage.step(ev.SayRequested("dinner"))
        assert do.Complain("link_refused", "wrong key") in commands
        assert stage.machine.phase is Phase.IDLE

    def test_texts_are_bounded(self) -> None:
        """A fifth waiting text is refused, because it would talk about the past."""
        stage = Stage().thinking()
        commands = stage.step(*(ev.SayRequested("dinner", id=str(number)) for number in range(5)))
        assert commands == [do.Complain("too_many_says", "4 texts are already waiting to be spoken", "4")]

    def test_a_turn_tells_whose_text_it_speaks(self) -> None:
        """So that whoever sent one of several knows when it was spoken."""
        stage = Stage()
        assert do.BeginTurn(1, "say", "k7") in stage.step(ev.SayRequested("dinner", id="k7"))

    def test_a_wake_breaks_a_text_off(self) -> None:
        """People come first."""
        stage = Stage()
        stage.step(ev.SayRequested("a long text"), ResponseBegan("r1"), ev.PlayoutStarted("r1"))
        stage.step(ev.WakeHeard("okay_nabu", 3))
        assert stage.machine.phase is Phase.LISTENING


class TestMute:
    """The microphone's own small machine."""

    def test_open_and_closed(self) -> None:
        """A change is carried out once; a repetition does nothing."""
        stage = Stage()
        assert stage.step(ev.MuteRequested(muted=True)) == [do.CloseMicrophone()]
        assert stage.step(ev.MuteRequested(muted=True)) == []
        assert stage.step(ev.MuteRequested(muted=False)) == [do.OpenMicrophone()]
        assert stage.machine.mic is Mic.LIVE

    def test_troubles_are_shown(self) -> None:
        """A closed microphone is no trouble, a lost one is; the same for loudspeaker and link."""
        stage = Stage(ready=False)
        assert (stage.machine.microphone_trouble, stage.machine.speaker_trouble) == ("not open yet", "not open yet")
        assert stage.machine.shown is Shown.IDLE
        stage.step(ev.MicrophoneFound(), ev.SpeakerFound(), ev.LinkLost("no route"))
        assert (stage.machine.microphone_trouble, stage.machine.speaker_trouble) == (None, None)
        assert (stage.machine.shown, stage.machine.link_trouble) == (Shown.OFFLINE, "no route")
        stage.step(ev.MicrophoneLost("gone"), ev.MuteRequested(muted=True))
        assert stage.machine.microphone_trouble is None
        assert stage.machine.link is Link.DOWN
        assert stage.listening().machine.shown is Shown.MUTED
