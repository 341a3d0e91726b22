"""The book of function calls."""

from hearthd.core.realtime.calls import CallBook, Settled

NOTHING = Settled()
DUE = Settled(due=True)


def test_a_call_is_reported_once() -> None:
    """A repeated id is old news, also from another response."""
    book = CallBook()
    assert [book.report("r1", "c1"), book.report("r1", "c1"), book.report("r2", "c1")] == [True, False, False]


def test_a_call_is_old_news_after_its_answer() -> None:
    """Deduplication does not end with the answer."""
    book = CallBook()
    book.report("r1", "c1")
    book.answer("c1")
    assert not book.report("r1", "c1")


def test_calls_of_earlier_connections_are_not_repeated() -> None:
    """What the caller passes on is known, and passed on in turn."""
    book = CallBook(("c0",))
    assert not book.report("r1", "c0")
    assert not book.answer("c0")
    book.report("r1", "c1")
    assert book.seen == ("c0", "c1")


def test_a_call_is_answered_once() -> None:
    """Unknown calls and second answers are refused."""
    book = CallBook()
    book.report("r1", "c1")
    assert [book.answer("c9"), book.answer("c1"), book.answer("c1")] == [False, True, False]


def test_a_response_is_due_once_after_all_answers_and_the_end() -> None:
    """Neither the end alone, nor one answer of two, makes it due; then it is due exactly once."""
    book = CallBook()
    book.report("r1", "c1")
    book.report("r1", "c2")
    book.answer("c1")
    due = [book.settle()]
    book.end_response("r1", follows=True)
    due.append(book.settle())
    book.answer("c2")
    assert [*due, book.settle(), book.settle()] == [NOTHING, NOTHING, DUE, NOTHING]


def test_a_response_is_due_when_the_end_comes_last() -> None:
    """Fast devices answer before the response is over."""
    book = CallBook()
    book.report("r1", "c1")
    book.answer("c1")
    assert book.settle() == NOTHING
    book.end_response("r1", follows=True)
    assert book.settle() == DUE


def test_nothing_is_due_where_the_response_forbids_it() -> None:
    """Calls of a cancelled or failed response bring no response of their own."""
    book = CallBook()
    book.report("r1", "c1")
    book.end_response("r1", follows=False)
    book.answer("c1")
    assert book.settle() == NOTHING


def test_nothing_is_due_after_a_user_turn_began() -> None:
    """The user's turn brings the next response, so the older calls bring none."""
    book = CallBook()
    book.report("r1", "c1")
    book.begin_user_turn()
    book.end_response("r1", follows=True)
    assert book.answer("c1")
    assert book.settle() == NOTHING


def test_two_responses_settled_at_once_are_one_wish() -> None:
    """One of them following is enough, and both are forgotten."""
    book = CallBook()
    for number in (1, 2):
        book.report(f"r{number}", f"c{number}")
        book.answer(f"c{number}")
        book.end_response(f"r{number}", follows=number == 1)
    assert [book.settle(), book.settle()] == [DUE, NOTHING]


def test_a_response_without_calls_may_end() -> None:
    """The book knows nothing of it, and nothing is due."""
    book = CallBook()
    book.end_response("r1", follows=True)
    assert book.settle() == NOTHING


def test_a_response_whose_calls_need_no_words_is_spared() -> None:
    """One answer that needs words is enough for a response; none at all spares it, once."""
    for words in ((False, True), (True, False), (False, False)):
        book = CallBook()
        for number, needs_words in enumerate(words):
            book.report("r1", f"c{number}")
            book.answer(f"c{number}", needs_words=needs_words)
        book.end_response("r1", follows=True)
        assert [book.settle(), book.settle()] == [DUE if any(words) else Settled(spared=("r1",)), NOTHING]


def test_a_response_that_needs_words_itself_is_never_spared() -> None:
    """It spoke, or was cut: then the model shall finish what it began."""
    book = CallBook()
    book.report("r1", "c1")
    book.answer("c1", needs_words=False)
    book.end_response("r1", follows=True, needs_words=True)
    assert book.settle() == DUE


def test_nothing_is_spared_where_something_is_due_or_nothing_was_to_follow() -> None:
    """The one response that is asked for speaks about all; a user turn silences all."""
    book = CallBook()
    for number in (1, 2):
        book.report(f"r{number}", f"c{number}")
        book.answer(f"c{number}", needs_words=number == 1)
        book.end_response(f"r{number}", follows=True)
    assert book.settle() == DUE
    book.report("r3", "c3")
    book.answer("c3", needs_words=False)
    book.end_response("r3", follows=False)
    assert book.settle() == NOTHING


def test_known_calls_are_not_reported() -> None:
    """What was replayed is old news."""
    book = CallBook()
    book.know(["c1", "c2"])
    assert [book.report("r1", "c1"), book.report("r1", "c3")] == [False, True]


def test_open_calls_are_bounded() -> None:
    """The 65th open call is refused, and comes through once there is room."""
    book = CallBook()
    assert all(book.report("r1", f"c{number}") for number in range(64))
    assert not book.report("r1", "c64")
    book.answer("c0")
    assert book.report("r1", "c64")
