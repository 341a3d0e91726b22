"""One running response: plays a reply from `response.created` to `response.done`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from tests.doubles.realtime.bill import cost_usd
from tests.doubles.realtime.flow import Flow
from tests.doubles.realtime.parts import PartPlayer
from tests.doubles.realtime.record import ResponseRecord, now_s
from tests.doubles.realtime.script import Broken, Cancelled, Completed, Ending, Failed, Incomplete, Reply, Stalled

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.doubles.realtime.conversation import Conversation, Item
    from tests.doubles.realtime.outbox import Outbox
    from tests.doubles.realtime.script import Json
    from tests.doubles.realtime.usage import Meter

RATE_LIMIT_TOKENS = 15_000_000


@dataclass(slots=True)
class Context:
    """What a response runs on; all of it belongs to its session."""

    outbox: Outbox
    conversation: Conversation | None
    """Where its items go; None for a response beside the conversation."""
    meter: Meter
    config: Json
    """The session's configuration with this response's own settings over it."""
    metadata: Json | None
    read: tuple[Item, ...]
    """The items that are its input."""
    rate_limits: bool
    finishing: Callable[[], None] = field(repr=False)
    """Called just before `response.done` goes out: from then on another response may start."""


class ResponseRun:
    """Plays one reply. Created and cancelled by the session, run in a task of its own."""

    def __init__(self, context: Context, record: ResponseRecord) -> None:
        self.record = record
        self._context = context
        self._flow = Flow(context.outbox)
        self._player = PartPlayer(self._flow, record, context.conversation)

    @property
    def stopping(self) -> bool:
        """Whether it was cancelled and only its last events are to come."""
        return self._flow.stopping

    @property
    def has_spoken(self) -> bool:
        """Whether any audio was sent."""
        return any(item.pcm for item in self.record.items)

    def cancel(self, reason: str) -> None:
        """Break off; deltas that are on their way still arrive, then `response.done`."""
        self.record.cancel_at_s = self.record.cancel_at_s or now_s()
        self._flow.cancel(reason)

    async def play(self, reply: Reply) -> None:
        """Send the whole reply. Raises ConnectionClosed when the client has gone."""
        self._flow.reply = reply
        await self._flow.send("response.created", response=self._view("in_progress", None, None))
        await self._flow.pause_until(now_s() + reply.delay_s)
        last = len(reply.parts) - 1
        for index, part in enumerate(reply.parts):
            if self.stopping:
                break
            await self._player.play(part, reply.ending if index == last else Completed())
        if isinstance(reply.ending, Broken) and not self.stopping:
            self._bill()
            await self._flow.break_off(reply.ending)
            return
        if isinstance(reply.ending, Stalled):
            await self._flow.cancelled()
        if self.stopping:
            self._flow.insists = True
            for part in reply.after_cancel:
                await self._player.play(part, Completed())
            self._flow.insists = False
        await self._finish(reply)

    def _bill(self) -> Json:
        """Charge for what was read and made so far; returns how much that was in tokens."""
        context = self._context
        spent = context.meter.usage(context.config, context.read, self._player.output)
        self.record.cost_usd = cost_usd(context.config["model"], spent)
        return spent

    async def _finish(self, reply: Reply) -> None:
        status, details = _outcome(reply.ending)
        if self.stopping:
            status, details = "cancelled", {"type": "cancelled", "reason": self._flow.cancel_reason}
        context, spent = self._context, self._bill()
        usage = dict(reply.usage) if isinstance(reply.usage, Mapping) else spent if reply.usage else None
        self.record.status, self.record.usage = status, usage
        self.record.done_at_s = now_s()
        context.finishing()
        await self._flow.send("response.done", response=self._view(status, details, usage))
        if context.rate_limits:
            left = RATE_LIMIT_TOKENS - spent["total_tokens"]
            row = {"name": "tokens", "limit": RATE_LIMIT_TOKENS, "remaining": left}
            await self._flow.send("rate_limits.updated", rate_limits=[{**row, "reset_seconds": 0.001}])

    def _view(self, status: str, details: Json | None, usage: Json | None) -> Json:
        config = self._context.config
        output = {key: config["audio"]["output"][key] for key in ("format", "voice")}
        beside = self._context.conversation is None
        return {
            "object": "realtime.response",
            "id": self.record.id,
            "status": status,
            "status_details": details,
            "output": [item.view() for item in self._player.output],
            "conversation_id": None if beside else f"conv_{self.record.connection:021d}",
            "output_modalities": config["output_modalities"],
            "max_output_tokens": config["max_output_tokens"],
            "audio": {"output": output},
            "usage": usage,
            "metadata": self._context.metadata,
        }


def _outcome(ending: Ending) -> tuple[str, Json]:
    match ending:
        case Completed() | Stalled() | Broken():
            return "completed", {"type": "completed"}
        case Cancelled():
            return "cancelled", {"type": "cancelled", "reason": ending.reason}
        case Incomplete():
            return "incomplete", {"type": "incomplete", "reason": ending.reason}
        case Failed():
            error = {"type": ending.error_type, "code": ending.code, "message": ending.message}
            return "failed", {"type": "failed", "error": error}
        case _:
            assert_never(ending)
