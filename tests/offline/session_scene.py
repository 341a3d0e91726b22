"""One session in memory: a client's messages in, checked events out, and a worker that does as it is told."""

from __future__ import annotations

import base64
import itertools
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hearthd.offline.parts import Heard
from hearthd.offline.protocol.session import ServerSession
from hearthd.offline.serving.jobs import Conclude, Concluded, Feed, Hush, Order, Speak, SpeechOver, Spoken
from tests.doubles.realtime import wire
from tests.doubles.realtime.audio import noise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hearthd.offline.serving.jobs import Result

Json = dict[str, Any]
NOW = datetime(2026, 11, 22, 18, 30)  # noqa: DTZ001 - what people in the room call the time
PIECE = noise(100)
"""What the worker of the scene says for every text, twice."""
SET_LIGHT: Json = {
    "type": "function",
    "name": "set_light",
    "description": "Switch a light",
    "parameters": {
        "type": "object",
        "properties": {
            "device": {"type": "string", "enum": ["kitchen light", "bedroom light"]},
            "on": {"type": "boolean"},
        },
        "required": ["device", "on"],
    },
}
MANUAL: Json = {"audio": {"input": {"turn_detection": None}}, "tools": [SET_LIGHT]}


class Scene:
    """A client and a worker around one `ServerSession`; every event is checked against the `openai` package's types."""

    def __init__(self) -> None:
        jobs = itertools.count(1)
        self.session = ServerSession(
            mark="mark00000000", model="", expires_at=1_800_000_000, new_job=lambda: next(jobs)
        )
        self.events: list[Json] = []
        self.orders: list[Order] = []
        self.flush()

    def flush(self) -> list[Json]:
        """Take what came, and return it."""
        came = []
        for outgoing in self.session.data_to_send():
            event = json.loads(outgoing.text)
            wire.encode_server(event)
            came.append(event)
        self.events += came
        self.orders += self.session.orders()
        return came

    def send(self, kind: str, **fields: object) -> list[Json]:
        """Send one message, have all of it worked off, and return the events that follow."""
        return self.send_raw(json.dumps({"type": kind, **fields}))

    def send_raw(self, message: str | bytes) -> list[Json]:
        """Send a message as it is."""
        self.session.receive(message, NOW)
        while self.session.pending:
            self.session.advance(NOW)
        return self.flush()

    def update(self, **session: object) -> Json:
        """Update the session and return what is in force."""
        [event] = self.send("session.update", session={"type": "realtime", **session})
        assert event["type"] == "session.updated", event
        in_force: Json = event["session"]
        return in_force

    def append(self, pcm: bytes) -> list[Json]:
        """Append sound."""
        return self.send("input_audio_buffer.append", audio=base64.b64encode(pcm).decode())

    def write(self, text: str) -> list[Json]:
        """Add a user's text."""
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        return self.send("conversation.item.create", item=item)

    def ask(self, **response: object) -> list[Json]:
        """Ask for a response; what it says is spoken to its end."""
        return self.send("response.create", response=response) + self.work()

    def error(self, kind: str, **fields: object) -> Json:
        """Send what is refused, and return the error."""
        [event] = self.send(kind, **fields)
        assert event["type"] == "error", event
        content: Json = event["error"]
        return content

    def take(self, result: Result) -> list[Json]:
        """Bring a result of the worker."""
        self.session.take(result, NOW)
        return self.flush()

    def work(self, heard: Mapping[int, Heard] | Heard | None = None) -> list[Json]:
        """Do the orders that are left: hear what `heard` says, and speak all that is to be spoken."""
        came = []
        while todo := [order for order in self.orders if isinstance(order, Conclude | Speak)]:
            order = todo[0]
            self.orders.remove(order)
            if isinstance(order, Conclude):
                words = heard if isinstance(heard, Heard) else (heard or {}).get(order.job, Heard("", 0.0))
                came += self.take(Concluded(order.job, words))
                continue
            for result in (Spoken(order.job, PIECE), Spoken(order.job, PIECE), SpeechOver(order.job)):
                came += self.take(result)
        return came

    def fed(self) -> bytes:
        """Return all sound that the recogniser was given."""
        return b"".join(order.pcm for order in self.orders if isinstance(order, Feed))

    def hushed(self) -> list[int]:
        """Return the speeches that were broken off."""
        return [order.job for order in self.orders if isinstance(order, Hush)]


def kinds(events: list[Json]) -> list[str]:
    """Return the types of events, in order."""
    return [event["type"] for event in events]


def done(events: list[Json]) -> Json:
    """Return the response of the one `response.done` among `events`."""
    [event] = [event for event in events if event["type"] == "response.done"]
    response: Json = event["response"]
    return response


def spoken(events: list[Json]) -> str:
    """Return what the one response among `events` says."""
    [item] = done(events)["output"]
    [part] = item["content"]
    text: str = part.get("transcript") or part["text"]
    return text
