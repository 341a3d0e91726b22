"""Everything that a server saw and sent, stamped with the monotonic clock, for assertions."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.doubles.realtime.script import FunctionOutput, Json, ResponseRequest


def now_s() -> float:
    """Return the monotonic clock, the one clock of all stamps."""
    return time.monotonic()


@dataclass(frozen=True, slots=True)
class Event:
    """One message in either direction; audio is replaced by its length."""

    at_s: float
    connection: int
    source: Literal["client", "server"]
    type: str
    body: Json
    audio_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that a correct client never does."""

    at_s: float
    connection: int
    problem: str


@dataclass(frozen=True, slots=True)
class Handshake:
    """One attempt to connect and the HTTP status that answered it."""

    at_s: float
    path: str
    headers: dict[str, str]
    status: int


@dataclass(slots=True)
class SessionRecord:
    """One upgraded connection."""

    number: int
    """Counts upgraded connections from 1."""
    model: str | None
    opened_at_s: float
    created_at_s: float | None = None
    updated_at_s: float | None = None
    """When `session.updated` went out for the first time."""
    closed_at_s: float | None = None
    close_code: int | None = None
    close_reason: str | None = None
    appended: bytearray = field(default_factory=bytearray)
    """All PCM appended, in order, whether committed, cleared or left over."""
    config: Json = field(default_factory=dict)
    """The session object in force."""

    @property
    def live(self) -> bool:
        """Whether the connection is still open."""
        return self.closed_at_s is None


@dataclass(frozen=True, slots=True)
class UserTurn:
    """Audio that became a user message."""

    number: int
    """Counts committed turns of all sessions from 1."""
    connection: int
    item_id: str
    pcm: bytes
    first_append_at_s: float
    committed_at_s: float
    by_vad: bool


@dataclass(slots=True)
class SentItem:
    """One output item as far as it was sent."""

    item_id: str
    kind: Literal["speech", "text", "call"]
    pcm: bytearray = field(default_factory=bytearray)
    transcript: str = ""
    call_id: str | None = None
    name: str | None = None
    arguments: str = ""
    first_delta_at_s: float | None = None
    last_delta_at_s: float | None = None
    done_at_s: float | None = None
    """When `response.output_item.done` went out."""


@dataclass(slots=True)
class ResponseRecord:
    """One response from the request to `response.done`."""

    id: str
    connection: int
    request: ResponseRequest
    requested_at_s: float
    items: list[SentItem] = field(default_factory=list)
    cancel_at_s: float | None = None
    done_at_s: float | None = None
    status: str = "in_progress"
    usage: Json | None = None
    """What `response.done` said."""
    cost_usd: Decimal = Decimal()
    """What it is billed at, whatever was said; 0 until it ends."""

    @property
    def pcm(self) -> bytes:
        """All audio sent in this response, in order."""
        return b"".join(bytes(item.pcm) for item in self.items)

    @property
    def calls(self) -> list[SentItem]:
        """The function calls of this response."""
        return [item for item in self.items if item.kind == "call"]


@dataclass(frozen=True, slots=True)
class Truncation:
    """A `conversation.item.truncate` and whether it was accepted."""

    at_s: float
    connection: int
    item_id: str
    audio_end_ms: int
    accepted: bool


@dataclass(frozen=True, slots=True)
class Cancel:
    """A `response.cancel`; `response_id` names what it hit, None if nothing was active."""

    at_s: float
    connection: int
    response_id: str | None


class Record:
    """The whole record of one server, and ways to wait for it to grow. Owned by the event loop."""

    def __init__(self, journal: TextIO | None = None) -> None:
        """`journal` gets every event as one JSON line when it is recorded."""
        self.handshakes: list[Handshake] = []
        self.sessions: list[SessionRecord] = []
        self.events: list[Event] = []
        self.turns: list[UserTurn] = []
        self.responses: list[ResponseRecord] = []
        self.outputs: list[FunctionOutput] = []
        self.truncations: list[Truncation] = []
        self.cancels: list[Cancel] = []
        self.violations: list[Violation] = []
        self.peak_live_sessions = 0
        self.transcription_usd = Decimal()
        """The bill for separate transcriptions."""
        self._journal = journal
        self._of_type: dict[str, list[Event]] = {}
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def appended_audio_bytes(self) -> int:
        """Bytes of audio that all sessions together have received."""
        return sum(len(session.appended) for session in self.sessions)

    @property
    def cost_usd(self) -> Decimal:
        """The bill for everything so far."""
        return self.transcription_usd + sum((response.cost_usd for response in self.responses), Decimal())

    def opened(self, session: SessionRecord, live: int) -> None:
        """Add an upgraded connection; `live` counts it and all others that are not closing."""
        self.sessions.append(session)
        self.peak_live_sessions = max(self.peak_live_sessions, live)
        self.changed()

    def closed(self, session: SessionRecord, code: int | None, reason: str | None) -> None:
        """Stamp the end of a connection."""
        session.closed_at_s = now_s()
        session.close_code, session.close_reason = code, reason
        self.changed()

    def add_event(self, event: Event) -> None:
        """Add a message."""
        self.events.append(event)
        self._of_type.setdefault(event.type, []).append(event)
        if self._journal is not None:
            row = {
                "at_s": event.at_s,
                "connection": event.connection,
                "source": event.source,
                "audio_bytes": event.audio_bytes,
                **{k: v for k, v in event.body.items() if k != "event_id"},
            }
            print(json.dumps(row), file=self._journal, flush=True)
        self.changed()

    def of_type(self, event_type: str) -> list[Event]:
        """Return all events of a type, in order; the two directions share no type."""
        return self._of_type.get(event_type, [])

    def add_violation(self, connection: int, problem: str) -> None:
        """Add something that a correct client never does."""
        self.violations.append(Violation(now_s(), connection, problem))
        self.changed()

    def changed(self) -> None:
        """Let every waiting condition look again."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, condition: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Wait until `condition` holds; it is looked at whenever something is recorded.

        Raises AssertionError that names `what` and what was seen instead.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiters.append(waiter)
                    await waiter
        except TimeoutError:
            raise AssertionError(f"no {what} within {timeout_s} s; {self.summary()}") from None

    def summary(self) -> str:
        """Say in one line what was recorded."""
        seen = ", ".join(f"{len(events)} {name}" for name, events in self._of_type.items()) or "no events"
        return f"seen: {seen}; violations: {[v.problem for v in self.violations]}"
