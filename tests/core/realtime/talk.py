"""A talk without a socket: the replies with all that they need, and short words for what tests do with them."""

import json
from dataclasses import dataclass, field

from hearthd.core.realtime import server_messages as sm
from hearthd.core.realtime.allowance import Allow
from hearthd.core.realtime.asker import Asker
from hearthd.core.realtime.calls import CallBook
from hearthd.core.realtime.complaints import ErrorKind
from hearthd.core.realtime.context import ContextTally
from hearthd.core.realtime.events import (
    LinkEvent,
    ResponseEnded,
    ResponseStatus,
    ServerComplained,
)
from hearthd.core.realtime.outbox import Outbox
from hearthd.core.realtime.replies import Replies
from hearthd.core.realtime.responses import Sequencer
from hearthd.core.realtime.session import SessionPlan
from tests.core.realtime.wire import BYTES_PER_MS, Json, plan

MS_500 = bytes(500 * BYTES_PER_MS)
PART = {"response_id": "r1", "item_id": "i1", "content_index": 0}


@dataclass
class Talk:
    """The replies with all that they need, and short words for what tests do with them."""

    outbox: Outbox = field(default_factory=Outbox)
    calls: CallBook = field(default_factory=CallBook)
    sequencer: Sequencer = field(default_factory=Sequencer)

    plan: SessionPlan = field(default_factory=plan)
    allow: Allow | None = None

    def __post_init__(self) -> None:
        self.tally = ContextTally()
        parts = self.plan, self.outbox, self.calls, self.sequencer, self.tally
        self.asker = Asker(*parts, self.allow)
        self.replies = Replies(*parts, self.asker)

    def ask(self) -> None:
        """Ask for the next response if one is due."""
        self.asker.ask()

    def hear(self, *texts: str) -> list[LinkEvent]:
        """Take messages of the server and return what is reported."""
        for text in texts:
            message = sm.decode(text)
            assert isinstance(message, sm.ResponseMessage)
            self.replies.take(message)
        return self.outbox.drain_events()

    def sent(self) -> list[Json]:
        """Return the messages that were sent."""
        messages: list[Json] = [json.loads(text) for text in self.outbox.drain_texts()]
        for message in messages:
            del message["event_id"]
        return messages


def ended(response_id: str = "r1", **facts: object) -> ResponseEnded:
    """Return the end of a response that completed, but for `facts`."""
    model = "gpt-realtime-2.1-mini"
    return ResponseEnded(**{"response_id": response_id, "status": ResponseStatus.COMPLETED, "model": model, **facts})  # type: ignore[arg-type]


def complaint(kind: ErrorKind, code: str, message: str = "", **rest: str) -> ServerComplained:
    """Return a complaint of the server."""
    return ServerComplained(kind=kind, code=code, message=message, **rest)


def deleted(item_id: str) -> Json:
    """Return the message that deletes an item."""
    return {"type": "conversation.item.delete", "item_id": item_id}


def cancelled(response_id: str) -> Json:
    """Return the message that cancels a response."""
    return {"type": "response.cancel", "response_id": response_id}


def truncated(item_id: str, audio_end_ms: int) -> Json:
    """Return the message that truncates an item."""
    return {
        "type": "conversation.item.truncate",
        "item_id": item_id,
        "content_index": 0,
        "audio_end_ms": audio_end_ms,
    }
