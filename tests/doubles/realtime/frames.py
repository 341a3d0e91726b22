"""What no correct server sends: frames that are no JSON, no text, no event, or far too much of one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.doubles.realtime.script import Json


@dataclass(frozen=True, slots=True)
class Frame:
    """One WebSocket message, sent as it stands."""

    data: bytes
    text: bool = True
    """Whether it is called a text; one that is no UTF-8 breaks the WebSocket protocol."""


def event(kind: str, **fields: object) -> Frame:
    """Return an event that is JSON, whatever else it is."""
    return Frame(json.dumps({"type": kind, "event_id": "event_stray", **fields}).encode())


def padded(size_bytes: int) -> Frame:
    """Return an event of a type that nobody knows, with so many bytes to read past."""
    return event("response.nobody_knows_this", padding="x" * size_bytes)


def stray_audio(item_id: str = "item_nobody_knows", delta: str = "AAAA") -> Frame:
    """Return a piece of speech that belongs to no response and no item."""
    ids: Json = {"response_id": "resp_nobody_knows", "output_index": 0, "content_index": 0}
    return event("response.output_audio.delta", **ids, item_id=item_id, delta=delta)


MALFORMED = Frame(b'{"type": "response.output_audio.delta", "delta": "AAA')
NOT_UTF8 = Frame(b'{"type": "error", "event_id": "\xff\xfe"}')
BINARY = Frame(b"\x00\x01\x02\x03", text=False)
NO_OBJECT = Frame(b"[1, 2, 3]")
NO_TYPE = Frame(b'{"event_id": "event_stray"}')
UNKNOWN_TYPE = event("response.nobody_knows_this.delta", delta={"depth": [1, None]})
WRONG_FIELDS = event("response.output_audio.delta", response_id=7, item_id=None, output_index="first", delta=1.5)
NO_BASE64 = stray_audio(delta="@@ no base64 @@")
