"""A whole scenario: how connections open, what is answered, and how the server misbehaves."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.doubles.realtime.dialects import Dialect
from tests.doubles.realtime.script import Part, Reply, Responder, ResponseRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Accept:
    """The ordinary opening."""

    handshake_delay_s: float = 0.0
    """Wait before the HTTP answer."""
    session_delay_s: float = 0.0
    """Wait between the HTTP answer and `session.created`."""


@dataclass(frozen=True, slots=True)
class HttpRefusal:
    """An HTTP status instead of the upgrade."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    handshake_delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ErrorFirst:
    """An upgrade, then `error` in place of `session.created`, then perhaps a close."""

    code: str
    message: str = "refused by the scenario"
    error_type: str = "invalid_request_error"
    close_code: int | None = None
    """3000 for keys, 4000 for requests; None leaves the socket open. The reason is `type.code`."""
    handshake_delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Silence:
    """An upgrade, then nothing; whatever the client sends is read and ignored."""

    handshake_delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CloseFirst:
    """An upgrade, then a close in place of `session.created`."""

    close_code: int | None
    """None: without a close frame, which the client sees as 1006."""
    reason: str = ""
    handshake_delay_s: float = 0.0


Opening = Accept | HttpRefusal | ErrorFirst | Silence | CloseFirst


@dataclass(frozen=True, slots=True)
class ServerError:
    """An `error` event's content."""

    code: str | None
    message: str
    param: str | None = None
    error_type: str = "invalid_request_error"


@dataclass(frozen=True, slots=True)
class Quirks:
    """Oddities of real and compatible servers that a client must survive."""

    unknown_events: bool = False
    """Sends events of a type that nobody knows, between the known ones."""
    unknown_fields: bool = False
    """Adds `obfuscation` to every event and `phase` to every object right below it."""
    constant_event_id: str | None = None
    """All server events carry this id."""
    null_error_event_id: bool = False
    """`error.event_id` never names the client's event."""
    rate_limits: bool = True
    """Whether `rate_limits.updated` follows `response.done`."""
    late_transcripts: bool = False
    """Whether the transcription of a turn comes only behind the response to it."""
    dialect: Dialect = Dialect.GA


ACCEPT = Accept()
PLAIN = Quirks()


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a server does over its life."""

    replies: Sequence[Reply | Responder] = ()
    """One for each response in the default conversation, whichever session asks."""
    out_of_band: Sequence[Reply | Responder] = ()
    """One for each response with `conversation: "none"`."""
    respond: Responder | None = None
    """Answers when the scripted replies are used up; without it such a request is a violation."""
    openings: Sequence[Opening] = (ACCEPT,)
    """One for each connection; the last one serves all that follow."""
    update_errors: Sequence[ServerError | None] = ()
    """One for each `session.update`: an error refuses it whole, None lets it pass."""
    transcripts: Sequence[str] = ()
    """One for each committed turn, if the session asked for transcription; then "(speech)"."""
    speech_spans_ms: Sequence[tuple[int, int]] | None = None
    """What the server's VAD claims to hear, as (start, end) in all audio appended to a session;
    None measures the energy of the audio."""
    quirks: Quirks = PLAIN
    session_life_s: float = 3_600.0
    """The provider's cap: then `error` with session_expired, and a close with 1001."""
    most_sessions: int | None = None
    """Who connects while so many are live is refused, which is recorded as a violation; None: no limit."""
    cache_from_tokens: int = 0
    """Shortest prefix that counts as cached; the real server's is 1,024."""


class Cursor:
    """How far a running server has come in its scenario. Owned by the event loop."""

    def __init__(self, scenario: Scenario) -> None:
        self.replies = deque(scenario.replies)
        self.out_of_band = deque(scenario.out_of_band)
        self.openings = deque(scenario.openings)
        self.update_errors = deque(scenario.update_errors)
        self.transcripts = deque(scenario.transcripts)
        self.requests = 0
        self._respond = scenario.respond

    def next_opening(self) -> Opening:
        """Return how the next connection opens; the last opening is never used up."""
        return self.openings.popleft() if len(self.openings) > 1 else self.openings[0]

    def next_update_error(self) -> ServerError | None:
        """Return the error that refuses this update, or None."""
        return self.update_errors.popleft() if self.update_errors else None

    def next_transcript(self) -> str:
        """Return what the transcription of the next turn claims."""
        return self.transcripts.popleft() if self.transcripts else "(speech)"

    def next_reply(self, *, out_of_band: bool) -> Reply | Responder | None:
        """Take what answers the next request; None if the scenario has nothing left."""
        queue = self.out_of_band if out_of_band else self.replies
        return queue.popleft() if queue else self._respond

    def leftovers(self) -> list[str]:
        """Name what was scripted and never asked for."""
        rest = {
            "replies": len(self.replies),
            "out-of-band replies": len(self.out_of_band),
            "update errors": len(self.update_errors),
            "openings": len(self.openings) - 1,
        }
        return [f"{count} {name} unused" for name, count in rest.items() if count]


async def resolve(chosen: Reply | Responder, request: ResponseRequest) -> Reply:
    """Turn a scripted reply or a responder's answer into a reply."""
    if isinstance(chosen, Reply):
        return chosen
    answer: Reply | Sequence[Part] = await chosen(request)
    return answer if isinstance(answer, Reply) else Reply(tuple(answer))
