"""The book of function calls: each reported once, answered once, and one response due after the last."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hearthd.core.realtime.recent import RecentIds

_REMEMBERED = 1_024
"""Days of commands; a server repeats a call within seconds."""
_MOST_OPEN = 64
"""No home needs more at once; a model that asks for more has lost its way."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What follows from calls that were all answered."""

    due: bool = False
    """Whether the model waits to speak about them."""
    spared: tuple[str, ...] = ()
    """If not: the responses whose results need no words."""


@dataclass(slots=True)
class _Batch:
    """The calls of one response."""

    unanswered: set[str] = field(default_factory=set)
    response_over: bool = False
    follows: bool = True
    needs_words: bool = False


class CallBook:
    """Knows which calls were requested, which are open, and when the model waits for its next response."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        """Begin with the ids of calls that earlier connections reported: those are never reported again."""
        self._seen = RecentIds(_REMEMBERED, known)
        self._batches: dict[str, _Batch] = {}
        self._response_of_open: dict[str, str] = {}

    @property
    def seen(self) -> tuple[str, ...]:
        """The ids of the last calls, oldest first."""
        return tuple(self._seen)

    def know(self, call_ids: Iterable[str]) -> None:
        """Never report these, should the server repeat them."""
        for call_id in call_ids:
            self._seen.add(call_id)

    def report(self, response_id: str, call_id: str) -> bool:
        """Open `call_id`; False when it is old news or when too many calls are open."""
        if len(self._response_of_open) >= _MOST_OPEN or not self._seen.add(call_id):
            return False
        self._response_of_open[call_id] = response_id
        self._batches.setdefault(response_id, _Batch()).unanswered.add(call_id)
        return True

    def answer(self, call_id: str, *, needs_words: bool = True) -> bool:
        """Close `call_id`, and note whether the model shall speak about it; False when it is not open."""
        response_id = self._response_of_open.pop(call_id, None)
        if response_id is None:
            return False
        batch = self._batches[response_id]
        batch.unanswered.remove(call_id)
        batch.needs_words = batch.needs_words or needs_words
        return True

    def end_response(self, response_id: str, *, follows: bool, needs_words: bool = False) -> None:
        """Note that no more calls of this response come, and whether a response may follow their answers.

        `needs_words` tells that one must, whatever the answers say.
        """
        if batch := self._batches.get(response_id):
            batch.response_over = True
            batch.follows = batch.follows and follows
            batch.needs_words = batch.needs_words or needs_words

    def begin_user_turn(self) -> None:
        """Let no call of before be followed by a response of its own: the user's turn brings the next one."""
        for batch in self._batches.values():
            batch.follows = False

    def settle(self) -> Settled:
        """Forget the responses whose calls are all answered; tell what follows from them."""
        settled = {
            response_id: batch
            for response_id, batch in self._batches.items()
            if batch.response_over and not batch.unanswered
        }
        for response_id in settled:
            del self._batches[response_id]
        ends = {response_id: batch for response_id, batch in settled.items() if batch.follows}
        if any(batch.needs_words for batch in ends.values()):
            return Settled(due=True)
        return Settled(spared=tuple(ends))
