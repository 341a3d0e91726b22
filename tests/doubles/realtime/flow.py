"""The stream of one response's events: what it repeats or leaves out, its pauses, its cancel."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tests.doubles.realtime.record import now_s
from tests.doubles.realtime.script import Broken, Reply

if TYPE_CHECKING:
    from tests.doubles.realtime.outbox import Outbox


class Flow:
    """Sends for one response until it is cancelled, and then its last events."""

    def __init__(self, outbox: Outbox) -> None:
        self.reply = Reply(())
        """Set as soon as it is decided; until then nothing is repeated or left out."""
        self.cancel_reason: str | None = None
        self.insists = False
        """Whether it goes on although it was cancelled."""
        self._outbox = outbox
        self._cancelled = asyncio.Event()
        self._sent: Counter[str] = Counter()

    @property
    def stopping(self) -> bool:
        """Whether it was cancelled and only its last events are to come."""
        return self.cancel_reason is not None and not self.insists

    def cancel(self, reason: str) -> None:
        """Wake every pause; the first reason stands."""
        self.cancel_reason = self.cancel_reason or reason
        self._cancelled.set()

    def new_id(self, prefix: str) -> str:
        """Return an id that no other item, call or event has."""
        return self._outbox.new_id(prefix)

    async def send(self, kind: str, *, audio_bytes: int = 0, **fields: Any) -> float:  # noqa: ANN401 - JSON
        """Send an event as often as the reply says; return the stamp of the last one.

        Raises ConnectionClosed when the client has gone.
        """
        stamp_s = now_s()
        copies = (kind not in self.reply.omit) + (kind in self.reply.repeat)
        for _ in range(copies):
            stamp_s = await self._outbox.send(kind, audio_bytes=audio_bytes, **fields)
            self._sent[kind] += 1
            for intrusion in self.reply.intrusions:
                if (intrusion.after, intrusion.count) == (kind, self._sent[kind]):
                    await self._outbox.send_frames(intrusion.frames)
        return stamp_s

    async def break_off(self, ending: Broken) -> None:
        """End the connection as `ending` says."""
        if ending.error_code is not None:
            await self._outbox.error(ending.error_code, "broken off", param=None, kind="server_error", event_id=None)
        await self._outbox.close(ending.close_code, ending.reason)

    async def cancelled(self) -> None:
        """Wait for a cancel."""
        await self._cancelled.wait()

    async def pause_until(self, at_s: float) -> None:
        """Sleep, but not through a cancel; always lets other tasks run."""
        await asyncio.sleep(0)
        delay_s = at_s - now_s()
        if delay_s <= 0 or self.insists:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._cancelled.wait()
