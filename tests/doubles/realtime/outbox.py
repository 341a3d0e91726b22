"""The sending side of one session: ids, checks, oddities, record, socket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.doubles.realtime import dialects, wire
from tests.doubles.realtime.record import Event, Record, now_s

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from websockets.asyncio.server import ServerConnection

    from tests.doubles.realtime.frames import Frame
    from tests.doubles.realtime.scenario import Quirks
    from tests.doubles.realtime.script import Json

AUDIO_DELTA = "response.output_audio.delta"
UNKNOWN_EVENT = "response.nobody_knows_this.delta"
UNKNOWN_EVENT_FOLLOWS = frozenset(
    {"session.created", "session.updated", "response.created", "response.output_item.added"}
)


class Outbox:
    """Sends the server's events in order, none that the protocol does not know."""

    def __init__(
        self, socket: ServerConnection, connection: int, quirks: Quirks, record: Record, flowing: asyncio.Event
    ) -> None:
        """Nothing is sent while `flowing` is not set."""
        self._socket = socket
        self._flowing = flowing
        self._connection = connection
        self._quirks = quirks
        self._record = record
        self._ids: dict[str, int] = {}

    def new_id(self, prefix: str) -> str:
        """Return an id of the wire's length, unique over the server's life."""
        self._ids[prefix] = number = self._ids.get(prefix, 0) + 1
        return f"{prefix}_{self._connection:04d}{number:017d}"

    async def send(self, kind: str, *, audio_bytes: int = 0, **fields: Any) -> float:  # noqa: ANN401 - JSON
        """Send one event, in the words of the dialect, and return its stamp; it is recorded in those of GA.

        Raises ConnectionClosed when the client has gone, AssertionError for an impossible event.
        """
        event_id = self._quirks.constant_event_id or self.new_id("event")
        event: Json = {"type": kind, "event_id": event_id, **fields}
        text = wire.encode_server(event)
        spoken = dialects.from_server(self._quirks.dialect, event)
        if spoken is None:
            return now_s()
        if self._quirks.unknown_fields:
            spoken = _with_unknown_fields(spoken)
        if spoken is not event:
            text = json.dumps(spoken)
        await self._flowing.wait()
        stamp_s = now_s()
        body = {**event, "delta": ""} if kind == AUDIO_DELTA else event
        # Before the send, which may yield: the answer to an event must not be recorded ahead of it.
        self._record.add_event(Event(stamp_s, self._connection, "server", kind, body, audio_bytes))
        await self._socket.send(text)
        if self._quirks.unknown_events and kind in UNKNOWN_EVENT_FOLLOWS:
            unknown = {"type": UNKNOWN_EVENT, "event_id": event_id, "delta": {"depth": [1, None]}}
            await self._socket.send(json.dumps(unknown))
        return stamp_s

    async def send_frames(self, frames: Iterable[Frame]) -> None:
        """Send what no correct server sends; it is not recorded. Raises ConnectionClosed like `send`."""
        for frame in frames:
            await self._socket.send(frame.data, text=frame.text)

    async def close(self, code: int | None, reason: str) -> None:
        """End the connection, without a close frame if there is no code."""
        if code is None:
            self._socket.transport.abort()
        else:
            await self._socket.close(code, reason)

    async def error(
        self, code: str | None, message: str, *, param: str | None, kind: str, event_id: str | None
    ) -> None:
        """Send `error`; `event_id` is that of the client's event."""
        named = None if self._quirks.null_error_event_id else event_id
        body = {"type": kind, "code": code, "message": message, "param": param, "event_id": named}
        await self.send("error", error=body)


def _with_unknown_fields(event: Json) -> Json:
    """Add a member that nobody knows to the event and to every object right below it."""
    inner = {k: {**v, "phase": "commentary"} if isinstance(v, dict) else v for k, v in event.items()}
    return {**inner, "obfuscation": "kN3xw7"}
