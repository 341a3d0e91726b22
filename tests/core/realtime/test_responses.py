"""Which responses run and which are still to be asked for."""

import pytest

from hearthd.core.realtime.allowance import AskKind
from hearthd.core.realtime.responses import BUSY_ASKS_MAX, Ask, Sequencer

REPLY = Ask(AskKind.REPLY)
FOLLOW_UP = Ask(AskKind.FOLLOW_UP)


def speech(text: str) -> Ask:
    """Return the wish to have a text spoken."""
    return Ask(AskKind.SPEECH, text)


def sequencer(*wishes: Ask) -> Sequencer:
    """Return a sequencer with wishes that nothing holds up."""
    made = Sequencer()
    for wish in wishes:
        made.want(wish.kind, wish.text)
    return made


def asked(wish: Ask) -> Sequencer:
    """Return a sequencer whose wish is on its way as message `m1`."""
    made = sequencer(wish)
    ask = made.next_ask()
    assert ask == wish
    made.sent(ask, "m1")
    return made


def refused(wish: Ask) -> Sequencer:
    """Return a sequencer whose wish was refused as often as it may be, because of a response that nobody knows."""
    made = asked(wish)
    made.put_back("m1")
    for _ in range(BUSY_ASKS_MAX - 1):
        assert made.next_ask() == wish
        made.sent(wish, "m1")
        made.put_back("m1")
    return made


def test_no_wish_no_request() -> None:
    """Nothing is asked for unasked."""
    assert sequencer().next_ask() is None


def test_one_request_at_a_time() -> None:
    """The second wish waits for the first response's end, not only for its beginning."""
    made = asked(REPLY)
    made.want(AskKind.REPLY)
    seen = [made.next_ask()]
    made.begin("r1", None)
    seen.append(made.next_ask())
    made.finish("r1")
    assert [*seen, made.next_ask()] == [None, None, REPLY]


def test_replies_and_follow_ups_coalesce() -> None:
    """However often an answer was wanted, one response gives it."""
    made = sequencer(FOLLOW_UP, REPLY, REPLY, FOLLOW_UP)
    assert [made.next_ask(), made.next_ask()] == [REPLY, None]


def test_answers_go_before_texts_and_texts_keep_their_order() -> None:
    """The user is not kept waiting by announcements."""
    made = sequencer(speech("a"), speech("b"), REPLY)
    assert [made.next_ask() for _ in range(4)] == [REPLY, speech("a"), speech("b"), None]


def test_waiting_texts_are_bounded() -> None:
    """The ninth text takes the place of the oldest."""
    made = sequencer(*(speech(str(number)) for number in range(9)))
    texts = [ask.text for _ in range(8) if (ask := made.next_ask())]
    assert texts == ["1", "2", "3", "4", "5", "6", "7", "8"]


def test_active_is_the_newest_response() -> None:
    """A response of the server's own may run beside ours."""
    made = sequencer()
    assert made.active is None
    made.begin("r1", None)
    made.begin("r2", None)
    assert [made.active, [each.response_id for each in made.running()]] == ["r2", ["r1", "r2"]]
    made.finish("r2")
    assert made.active == "r1"


def test_find_and_is_over() -> None:
    """A response is running, over, or unknown."""
    made = sequencer()
    response = made.begin("r1", None)
    assert [made.find("r1"), made.find("r2")] == [response, None]
    made.finish("r1")
    assert [made.find("r1"), made.is_over("r1"), made.is_over("r2")] == [None, True, False]


def test_a_nameless_response_is_not_remembered() -> None:
    """The empty id belongs to any response that has no id."""
    made = sequencer()
    made.begin("", None)
    made.finish("")
    assert not made.is_over("")


def test_a_spoken_text_is_not_in_the_conversation() -> None:
    """The answer to a text's request is out of band, unless the server names a conversation."""
    assert not asked(speech("a")).begin("r1", None).in_conversation
    assert asked(speech("a")).begin("r1", "conv_1").in_conversation
    assert asked(REPLY).begin("r1", None).in_conversation
    assert sequencer().begin("r1", None).in_conversation


def test_a_user_turn_voids_waiting_follow_ups() -> None:
    """What the model wanted to add is dropped; what the user asked for is not."""
    made = sequencer(FOLLOW_UP)
    made.begin_user_turn()
    assert made.next_ask() is None
    made = sequencer(REPLY)
    made.begin_user_turn()
    assert made.next_ask() == REPLY


def test_a_user_turn_outdates_responses_until_it_ends() -> None:
    """Responses before and within the turn are outdated; the one that answers it is not."""
    made = sequencer()
    before = made.begin("r1", None)
    made.begin_user_turn()
    within = made.begin("r2", None)
    made.want(AskKind.FOLLOW_UP)
    made.finish("r1")
    made.finish("r2")
    assert [before.outdated, within.outdated, made.next_ask()] == [True, True, None]
    made.want(AskKind.REPLY)
    assert not made.begin("r3", None).outdated


def test_the_server_may_end_the_user_turn() -> None:
    """Where the server makes turns, its commit ends them."""
    made = sequencer()
    made.begin_user_turn()
    made.end_user_turn()
    assert not made.begin("r1", None).outdated


def test_cancel_names_each_running_response_once() -> None:
    """A second cancel of the same response is not sent."""
    made = sequencer()
    made.begin("r1", None)
    made.begin("r2", None)
    assert [made.cancel(), made.cancel()] == [["r1", "r2"], []]
    assert [each.response_id for each in made.cancelled()] == ["r1", "r2"]


def test_cancel_without_a_response_names_none() -> None:
    """There is nothing to cancel when nothing runs and nothing was asked for."""
    assert sequencer().cancel() == []


def test_cancel_forgets_all_wishes() -> None:
    """Neither answers nor texts come after a cancel."""
    made = sequencer(REPLY, speech("a"))
    made.cancel()
    assert made.next_ask() is None


def test_cancel_reaches_a_response_that_has_not_begun() -> None:
    """What was asked for is cancelled as soon as it exists; the wish after it is not."""
    made = asked(REPLY)
    assert made.cancel() == []
    made.want(AskKind.REPLY)
    assert made.begin("r1", None).cancelled
    made.finish("r1")
    assert made.next_ask() == REPLY


def test_a_busy_server_is_asked_again_after_the_end() -> None:
    """The wish waits for the end of the response that was in the way, known or not."""
    known, unknown = asked(REPLY), refused(REPLY)
    known.begin("r0", None)
    known.put_back("m1")
    assert [known.next_ask(), unknown.next_ask()] == [None, None]
    unknown.begin("r0", None)
    assert unknown.next_ask() is None
    for made in (known, unknown):
        made.finish("r0")
        assert made.next_ask() == REPLY


@pytest.mark.parametrize("progress", ["answered", "ended"])
def test_a_server_that_was_free_once_is_asked_as_often_again(progress: str) -> None:
    """The bound is for refusals in a row."""
    made = asked(REPLY)
    made.put_back("m1")
    if progress == "answered":
        made.sent(REPLY, "m2")
        made.begin("r1", None)
    made.finish("r1")
    made.want(AskKind.REPLY)
    for _ in range(BUSY_ASKS_MAX):
        assert made.next_ask() == REPLY
        made.sent(REPLY, "m3")
        made.put_back("m3")
    assert made.next_ask() is None


def test_a_busy_server_that_names_nobody_means_our_request() -> None:
    """Servers leave out the id of the message that they refuse."""
    made = asked(FOLLOW_UP)
    made.put_back("")
    made.finish("r0")
    assert made.next_ask() == FOLLOW_UP


def test_a_busy_answer_about_something_else_changes_nothing() -> None:
    """A refusal of an older message, or with no request under way, is not ours."""
    made = asked(REPLY)
    made.put_back("m0")
    assert made.begin("r1", None).response_id == "r1"
    sequencer().put_back("")
    made.finish("r1")
    assert made.next_ask() is None


def test_a_served_request_is_not_put_back() -> None:
    """An answer of "busy" that comes after the response is about nothing of ours."""
    made = asked(REPLY)
    made.begin("r1", None)
    made.finish("r1")
    made.put_back("")
    made.finish("r0")
    assert made.next_ask() is None


def test_a_cancelled_request_is_not_put_back() -> None:
    """The server refused what nobody wants any more."""
    made = asked(REPLY)
    made.cancel()
    made.put_back("m1")
    made.finish("r0")
    assert made.next_ask() is None


def test_a_follow_up_is_not_put_back_into_a_user_turn() -> None:
    """The user's turn brings the next response anyway."""
    made = asked(FOLLOW_UP)
    made.begin_user_turn()
    made.put_back("m1")
    made.finish("r0")
    assert made.next_ask() is None


def test_a_text_is_put_back_to_its_place() -> None:
    """A refused text goes before those that wait behind it."""
    made = asked(speech("a"))
    made.want(AskKind.SPEECH, "b")
    made.put_back("m1")
    made.finish("r0")
    assert [made.next_ask(), made.next_ask()] == [speech("a"), speech("b")]


def test_cancel_reaches_a_response_that_we_know_no_id_of() -> None:
    """A server that is busy with something unknown is told to end it, whatever it is."""
    made = refused(REPLY)
    assert made.cancel() == [""]
    assert made.cancelled() == []
    assert made.cancel() == []


def test_a_failed_request_is_withdrawn_once() -> None:
    """An error that names the request, or nobody, ends it, and the next may go."""
    for event_id in ("m1", ""):
        made = asked(REPLY)
        made.want(AskKind.REPLY)
        assert [made.withdraw(event_id), made.withdraw(event_id)] == [REPLY, None]
        assert made.next_ask() == REPLY


def test_errors_about_other_messages_withdraw_nothing() -> None:
    """A request that was answered, or that the error does not name, stays as it is."""
    made = asked(REPLY)
    assert not made.withdraw("m0")
    made.begin("r1", None)
    assert not made.withdraw("")
