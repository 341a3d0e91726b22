"""The language of scripted replies: what the server answers, how it is delivered, how it ends."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from tests.doubles.realtime.audio import BYTES_PER_MS, RATE_HZ, SAMPLE_BYTES

if TYPE_CHECKING:
    from tests.doubles.realtime.frames import Frame

Json = dict[str, Any]
"""A decoded JSON object; the only place where values are untyped."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stall of the server or the network inside a reply."""

    at_ms: int
    """Position in the reply's audio; the first chunk that starts there or later is late."""
    wait_s: float
    """How much later than planned it and all that follows come."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How audio is cut into deltas and paced. The default sends all at once, 200 ms a delta."""

    factor: float | None = None
    """Speed as a multiple of real time; None sends as fast as the socket takes it."""
    chunk_bytes: tuple[int, ...] = (200 * BYTES_PER_MS,)
    """Sizes used in turn. Odd sizes split a sample between two deltas."""
    first_delay_s: float = 0.0
    """Wait between the announcement of the item and its first delta."""
    gaps: tuple[Gap, ...] = ()
    in_flight_deltas: int = 2
    """Deltas that still arrive after a cancel, because they were on their way."""
    swapped: bool = False
    """Whether each two deltas come in the wrong order."""

    @classmethod
    def paced(cls, factor: float, *, chunk_ms: int = 200, gaps: tuple[Gap, ...] = ()) -> Self:
        """Even chunks of `chunk_ms`, `factor` times as fast as they play."""
        return cls(factor=factor, chunk_bytes=(chunk_ms * BYTES_PER_MS,), gaps=gaps)

    @classmethod
    def odd(cls, *, factor: float | None = None) -> Self:
        """Delta sizes that are mostly odd, from a single byte to 0.3 s."""
        return cls(factor=factor, chunk_bytes=(4_801, 1, 14_399, 333, 2, 9_601))

    def plan(self, pcm: bytes) -> Iterator[tuple[float, bytes]]:
        """Yield (seconds since the first delta was due, bytes) for every delta of `pcm`, in the order of sending."""
        pieces = list(self._pieces(pcm))
        if self.swapped:
            moments, chunks = [due_s for due_s, _ in pieces], [chunk for _, chunk in pieces]
            chunks = [chunk for at in range(0, len(chunks), 2) for chunk in reversed(chunks[at : at + 2])]
            pieces = list(zip(moments, chunks, strict=True))
        yield from pieces

    def _pieces(self, pcm: bytes) -> Iterator[tuple[float, bytes]]:
        bytes_per_s = RATE_HZ * SAMPLE_BYTES
        position = turn = 0
        while position < len(pcm):
            size = self.chunk_bytes[turn % len(self.chunk_bytes)]
            late_s = sum(g.wait_s for g in self.gaps if g.at_ms * BYTES_PER_MS <= position)
            paced_s = position / bytes_per_s / self.factor if self.factor else 0.0
            yield paced_s + late_s, pcm[position : position + size]
            position += size
            turn += 1


BURST = Delivery()


@dataclass(frozen=True, slots=True)
class Speech:
    """One assistant message: audio and its transcript."""

    pcm: bytes
    transcript: str = ""
    delivery: Delivery = BURST


@dataclass(frozen=True, slots=True)
class Text:
    """One assistant message in words only, for responses that asked for text."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """One function call."""

    name: str
    arguments: Mapping[str, object] | str = "{}"
    """A mapping is encoded; a string goes out as it stands, valid JSON or not."""
    call_id: str | None = None
    """None: the server makes one."""
    delta_gap_s: float = 0.0
    """Pause between the pieces of the arguments, so that a cancel can hit the middle."""

    def arguments_text(self) -> str:
        """Return the string that goes over the wire."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


Part = Speech | Text | Call


@dataclass(frozen=True, slots=True)
class Completed:
    """The ordinary end."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The server itself stops: the last part breaks off, `response.done` says cancelled."""

    reason: Literal["turn_detected", "client_cancelled"] = "turn_detected"
    after_ms: int | None = None
    """Where the last speech breaks off; None: after half of it."""


@dataclass(frozen=True, slots=True)
class Incomplete:
    """The last part breaks off, `response.done` says incomplete."""

    reason: Literal["max_output_tokens", "content_filter"] = "max_output_tokens"
    after_ms: int | None = None
    """Where the last speech breaks off; None: after half of it."""


@dataclass(frozen=True, slots=True)
class Failed:
    """`response.done` says failed and carries this error."""

    code: str = "rate_limit_exceeded"
    message: str = "Rate limit reached. Please try again in 6.232s."
    error_type: str = "invalid_request_error"
    after_ms: int | None = None
    """Where the last speech breaks off; None: after half of it."""


@dataclass(frozen=True, slots=True)
class Stalled:
    """The last part breaks off and nothing follows, until the client cancels."""

    after_ms: int | None = None
    """Where the last speech breaks off; None: after half of it."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The last part breaks off, and the connection with it."""

    close_code: int | None = None
    """None: without a close frame, which the client sees as 1006."""
    reason: str = ""
    error_code: str | None = None
    """An `error` event with this code goes first; None: none."""
    after_ms: int | None = None
    """Where the last speech breaks off; None: after half of it."""


Ending = Completed | Cancelled | Incomplete | Failed | Stalled | Broken

COMPLETED = Completed()


@dataclass(frozen=True, slots=True)
class Intrusion:
    """Frames that no correct server sends, between the events of a response."""

    after: str
    """The event type behind which they come."""
    frames: tuple[Frame, ...]
    count: int = 1
    """Behind which one of these events."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole response."""

    parts: tuple[Part, ...]
    ending: Ending = COMPLETED
    delay_s: float = 0.0
    """Thinking time between `response.created` and the first item."""
    repeat: frozenset[str] = frozenset()
    """Event types that are sent twice in this response."""
    omit: frozenset[str] = frozenset()
    """Event types that this response leaves out."""
    usage: bool | Mapping[str, object] = True
    """Whether `response.done` carries usage; a mapping goes out as it stands. What is billed is not changed by it."""
    intrusions: tuple[Intrusion, ...] = ()
    after_cancel: tuple[Part, ...] = ()
    """What is still made, whole, when the client has cancelled."""


def reply(*parts: Part, ending: Ending = COMPLETED, delay_s: float = 0.0) -> Reply:
    """Return a reply of `parts`, in their order."""
    return Reply(parts, ending=ending, delay_s=delay_s)


@dataclass(frozen=True, slots=True)
class FunctionOutput:
    """A `function_call_output` item as the client created it."""

    at_s: float
    connection: int
    call_id: str
    output: str


@dataclass(frozen=True, slots=True)
class ResponseRequest:
    """What the server knows when it has to answer; a responder decides by it."""

    number: int
    """Counts all responses of the server, from 1."""
    connection: int
    pcm: bytes
    """User audio committed since the previous response, in order; may be empty."""
    outputs: tuple[FunctionOutput, ...]
    """Function outputs that came since the previous response."""
    tools: tuple[Json, ...]
    instructions: str
    out_of_band: bool
    body: Json
    """The `response` object of `response.create`; empty if absent or if the server's VAD asked."""
    items: tuple[Json, ...]
    """The conversation so far, without audio."""


Responder = Callable[[ResponseRequest], Awaitable[Reply | Sequence[Part]]]
"""Decides a reply when it is needed. Cancelled with the connection."""
