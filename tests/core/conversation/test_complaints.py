"""What the owner is told when an answer cannot be paid for, or ends too early."""

import pytest

from hearthd.core.audio.earcons import Earcon
from hearthd.core.conversation import commands as do
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.phases import Phase
from hearthd.core.realtime.events import ResponseBegan, ResponseEnded, ResponseStatus
from tests.core.conversation.worlds import Stage, call, ended


class TestBudget:
    """What cannot be paid for is refused before anybody speaks."""

    def test_a_wake_is_refused_while_nothing_can_be_paid_for(self) -> None:
        """With a tone and the reason; when it can be paid for again, it is served."""
        stage = Stage()
        stage.step(ev.BudgetJudged("all is spent"))
        assert stage.machine.budget_trouble == "all is spent"
        commands = stage.step(ev.WakeHeard("okay_nabu", 1))
        assert commands == [do.PlayEarcon(Earcon.PROBLEM), do.Complain("over_budget", "all is spent")]
        stage.step(ev.BudgetJudged(""), ev.WakeHeard("okay_nabu", 1))
        assert stage.machine.phase is Phase.LISTENING

    def test_a_text_is_refused_as_well(self) -> None:
        """It is a turn that fails."""
        stage = Stage()
        stage.step(ev.BudgetJudged("all is spent"))
        commands = stage.step(ev.SayRequested("dinner"))
        assert do.Complain("over_budget", "all is spent") in commands
        assert do.EndTurn(1, do.Outcome.FAILED) in commands


class TestCutReplies:
    """The owner learns why an answer ended in the middle of a sentence."""

    @pytest.mark.parametrize(
        ("reason", "words"),
        [
            ("max_output_tokens", "it became too long: realtime.max_output_tokens is the limit"),
            ("content_filter", "the server's content filter cut the answer off"),
            ("tired", "the server cut the answer off: tired"),
            ("", "the server cut the answer off: it did not say why"),
        ],
    )
    def test_a_reply_that_is_cut_while_it_is_heard(self, reason: str, words: str) -> None:
        """It is played to where it ends, and told."""
        stage = Stage().speaking()
        end = ResponseEnded(response_id="r1", status=ResponseStatus.INCOMPLETE, reason=reason, spoke=True)
        [complaint] = stage.step(end)
        assert isinstance(complaint, do.Complain)
        assert (complaint.code, words in complaint.problem) == ("reply_cut", True)
        assert stage.machine.phase is Phase.SPEAKING

    def test_a_reply_of_which_nothing_is_there_is_a_failure(self) -> None:
        """A tone takes its place."""
        commands = Stage().thinking().step(ResponseBegan("r1"), ended("r1", ResponseStatus.INCOMPLETE))
        assert do.PlayEarcon(Earcon.PROBLEM) in commands
        assert do.EndTurn(1, do.Outcome.FAILED) in commands

    def test_a_call_before_the_cut_is_carried_on(self) -> None:
        """What the model wanted before counts."""
        stage = Stage().thinking()
        stage.step(ResponseBegan("r1"), call("c1"))
        [complaint] = stage.step(ended("r1", ResponseStatus.INCOMPLETE, follows=True))
        assert isinstance(complaint, do.Complain)
        assert stage.machine.phase is Phase.THINKING
