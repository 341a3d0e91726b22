"""Which responses run and which are still to be asked for: never a second request before the first ended."""

from collections import deque
from dataclasses import dataclass, field

from hearthd.core.realtime.allowance import NOTHING_READ, AskKind, ContextSize
from hearthd.core.realtime.commands import TruncateReply
from hearthd.core.realtime.recent import RecentIds

_MOST_SPEECHES = 8
BUSY_ASKS_MAX = 3
"""How often in a row a server is asked that says it is busy with a response we know nothing of: mostly it just ended,
and the next request, a round trip later, is taken."""
_REMEMBERED = 64
"""Messages of a finished response come within seconds of its end, if at all."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A response that is wanted."""

    kind: AskKind
    text: str = ""


@dataclass(slots=True)
class Response:
    """A response that runs."""

    response_id: str
    ask: Ask
    """What it answers; one that nobody asked for is the server's own reply."""
    asked: bool
    """Whether it was asked for."""
    in_conversation: bool
    """Whether its items can be truncated, deleted or answered."""
    cancelled: bool
    """Whether we ended it: nothing more of it is reported but its end."""
    outdated: bool
    """Whether a user turn began since, so that its calls bring no response of their own."""
    context: ContextSize = NOTHING_READ
    """What it reads, as far as we know."""
    input_audio_ms: int = 0
    """The user's sound that it is the first to read."""
    audio_bytes: int = 0
    """The sound received of it."""
    spoke: bool = False
    """Whether any of that was reported."""
    calls: list[str] = field(default_factory=list)
    function_of_call: dict[str, str] = field(default_factory=dict)
    reported: dict[str, bool] = field(default_factory=dict)
    """Its items, and whether anything of each was reported."""
    cuts: list[TruncateReply] = field(default_factory=list)
    """Truncations that wait for its end."""


@dataclass(slots=True)
class _Request:
    """A `response.create` that was sent."""

    ask: Ask
    event_id: str
    cancelled: bool = False
    """Whether the response is to be cancelled as soon as it exists."""
    response_id: str | None = None
    """The response that was taken for its answer."""


class Sequencer:
    """Decides when the next response may be asked for.

    Where the server makes turns itself, a response of its own can appear beside our request; the server then
    refuses ours, which goes back to waiting.
    """

    def __init__(self, *, asides: bool = True) -> None:
        """Begin with nothing running and nothing wanted; with `asides`, texts are spoken beside the conversation."""
        self._asides = asides
        self._running: dict[str, Response] = {}
        self._finished = RecentIds(_REMEMBERED)
        self._wanted: Ask | None = None
        self._speeches: deque[Ask] = deque(maxlen=_MOST_SPEECHES)
        self._request: _Request | None = None
        self._busy_asks = 0
        self._blocked = False
        self._held = False
        self._user_turn = False
        self._unasked_count = True

    @property
    def active(self) -> str | None:
        """The newest running response."""
        return next(reversed(self._running), None)

    def want(self, kind: AskKind, text: str = "") -> None:
        """Remember a wish; replies and follow-ups coalesce, because one response serves them all."""
        if kind is AskKind.SPEECH:
            self._speeches.append(Ask(kind, text))
        elif kind is AskKind.REPLY:
            self._user_turn = False
            self._wanted = Ask(kind)
        elif not self._user_turn:
            self._wanted = self._wanted or Ask(kind)

    def begin_user_turn(self) -> None:
        """Void the follow-ups of everything before."""
        self._user_turn = True
        for response in self._running.values():
            response.outdated = True
        if self._wanted and self._wanted.kind is AskKind.FOLLOW_UP:
            self._wanted = None

    def end_user_turn(self) -> None:
        """Note that the server took the user's turn and answers it by itself."""
        self._user_turn = False

    def refuse_unasked(self) -> bool:
        """Cancel from now on every response that nobody asked for; tells whether that is news."""
        news, self._unasked_count = self._unasked_count, False
        return news

    def hold(self) -> None:
        """Ask for nothing until `release` or `cancel`: what the next response has to read is not there yet."""
        self._held = True

    def release(self) -> None:
        """End `hold`."""
        self._held = False

    def next_ask(self) -> Ask | None:
        """Take the wish to send now: None while a response runs, or is asked for, or on hold, or there is no wish."""
        if self._running or self._blocked or self._held or self._awaits_answer:
            return None
        if self._wanted:
            ask, self._wanted = self._wanted, None
            return ask
        return self._speeches.popleft() if self._speeches else None

    def sent(self, ask: Ask, event_id: str) -> None:
        """Note that `ask` is on its way."""
        self._request = _Request(ask, event_id)

    def find(self, response_id: str) -> Response | None:
        """Return the running response of this id."""
        return self._running.get(response_id)

    def running(self) -> list[Response]:
        """Return the running responses, oldest first."""
        return list(self._running.values())

    def is_over(self, response_id: str) -> bool:
        """Tell whether this response ended before."""
        return response_id in self._finished

    def begin(self, response_id: str, conversation_id: str | None) -> Response:
        """Note that a response runs, and take it for the one that was asked for, if one was."""
        request = self._request if self._awaits_answer else None
        ask = request.ask if request else Ask(AskKind.REPLY)
        response = Response(
            response_id,
            ask,
            asked=request is not None,
            in_conversation=bool(conversation_id) or ask.kind is not AskKind.SPEECH or not self._asides,
            cancelled=request.cancelled if request else not self._unasked_count,
            outdated=self._user_turn,
        )
        if request:
            request.response_id = response_id
            self._busy_asks = 0
        self._running[response_id] = response
        return response

    def finish(self, response_id: str) -> None:
        """Note that a response is over, also one that was over before."""
        self._blocked = False
        self._busy_asks = 0
        self._running.pop(response_id, None)
        if response_id:
            self._finished.add(response_id)
        if self._request and self._request.response_id == response_id:
            self._request = None

    def put_back(self, event_id: str) -> None:
        """Take the server's word that another response ran when we asked; the wish waits for that one's end.

        One that we know nothing of may just be over: then the wish may go out again at once, but not for ever.
        `event_id` is the request's, or empty when the server does not tell.
        """
        request = self._request
        if request is None or event_id not in {"", request.event_id}:
            return
        self._request = None
        self._busy_asks += not self._running
        self._blocked = not self._running and self._busy_asks >= BUSY_ASKS_MAX
        ask = request.ask
        is_served = request.response_id and not self._unasked_count and ask.kind is AskKind.REPLY
        if request.cancelled or is_served:  # by the server's own answer to the same utterance
            return
        if ask.kind is AskKind.SPEECH:
            self._speeches.appendleft(ask)
        elif ask.kind is AskKind.REPLY:
            self._wanted = ask
        else:
            self.want(ask.kind)

    def withdraw(self, event_id: str) -> Ask | None:
        """Take the server's word that our request failed; returns what it was for, None when none was waiting.

        An error that names nobody is taken for the request's, because a request without an answer would stop
        everything after it.
        """
        request = self._request
        if request is None or not self._awaits_answer or event_id not in {"", request.event_id}:
            return None
        self._request = None
        return request.ask

    def cancel(self) -> list[str]:
        """Forget every wish; returns the ids of the responses to cancel, "" for one that we know no id of."""
        self._wanted = None
        self._speeches.clear()
        self._held = False
        if self._request:
            self._request.cancelled = True
        fresh = [response for response in self._running.values() if not response.cancelled]
        for response in fresh:
            response.cancelled = True
        return [response.response_id for response in fresh] + [""] * self._blocked

    def cancelled(self) -> list[Response]:
        """Return the running responses that were cancelled; there are none any more if the server says so."""
        self._blocked = False
        return [response for response in self._running.values() if response.cancelled]

    @property
    def _awaits_answer(self) -> bool:
        return self._request is not None and self._request.response_id is None
