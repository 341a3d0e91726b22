"""The conductor's inbox: news from every thread and task, in one order, bounded."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TypeVarTuple

from hearthd.core.conversation.events import Event

Ts = TypeVarTuple("Ts")

CAPACITY = 1_024
"""Hundreds of times what a conversation produces between two steps; reaching it means the conductor is stuck."""


class InboxOverflow(RuntimeError):
    """The conductor did not keep up; our own bug, so the process ends and is started anew."""


class Inbox:
    """A bounded queue of events; audio never passes through it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Serve the conductor that runs on `loop`."""
        self._loop = loop
        self._events: deque[Event] = deque()
        self._filled = asyncio.Event()
        self._broken: Exception | None = None

    @property
    def empty(self) -> bool:
        """Whether no news waits; ask on the loop."""
        return not self._events

    def post(self, event: Event) -> None:
        """Add an event; call it on the loop."""
        if len(self._events) >= CAPACITY:
            self._break(InboxOverflow(f"{CAPACITY} events were waiting"))
        else:
            self._events.append(event)
            self._filled.set()

    def post_from_thread(self, event: Event) -> None:
        """Add an event from any other thread."""
        self.call_from_thread(self.post, event)

    def call_from_thread(self, call: Callable[[*Ts], None], *arguments: *Ts) -> None:
        """Have `call(*arguments)` run on the loop; what it raises comes out of `next`.

        What comes while the loop is closing is of no use to anybody.
        """
        try:
            self._loop.call_soon_threadsafe(self._run, call, *arguments)
        except RuntimeError:
            if not self._loop.is_closed():
                raise

    async def next(self, until_s: float) -> Event | None:
        """Return the oldest event, or None when loop time `until_s` comes first.

        Raises `InboxOverflow`, and whatever a call from a thread raised: nothing dies silently.
        """
        if not self._events and self._broken is None:
            self._filled.clear()
            try:
                async with asyncio.timeout_at(until_s):
                    await self._filled.wait()
            except TimeoutError:
                return None
        if self._broken is not None:
            raise self._broken
        return self._events.popleft()

    def _run(self, call: Callable[[*Ts], None], *arguments: *Ts) -> None:
        try:
            call(*arguments)
        except Exception as error:  # noqa: BLE001 - handed to the conductor, which raises it
            self._break(error)

    def _break(self, error: Exception) -> None:
        self._broken = self._broken or error
        self._filled.set()
