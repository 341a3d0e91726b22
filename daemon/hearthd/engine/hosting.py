"""The server on this machine as a transport: it runs while somebody may need it, and not a minute longer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Never

from hearthd.engine.liveness import BEAT_EVERY_S, Pulse
from hearthd.engine.tasks import passes
from hearthd.ports import LinkConnection, LinkHost, LinkRefused, LinkTransport, LinkUnavailable

START_S = 10.0
"""For the server to be there; what it loads with the first session counts as that session's start."""
ROUSE_S = 10.0
"""For a connection that only has the server start."""
LINGER_S = 60.0
"""So long the server stays after the last need of it: a connection that comes and goes shall not start it anew each
time. Its memory is needed for nothing else meanwhile."""
STARTS_AGAIN_AFTER_S = 5.0
"""After a start that failed."""


class Hosting:
    """Implements `ports.LinkTransport`; one task keeps the server, whoever connects only waits for it."""

    def __init__(self, host: LinkHost, pulse: Pulse) -> None:
        """Start nothing before `run`."""
        self._host = host
        self._pulse = pulse
        self._transport: LinkTransport | None = None
        self._failure: LinkUnavailable | LinkRefused | None = None
        self._needed = False
        self._foreseen = False
        self._changed = asyncio.Event()
        self._known = asyncio.Event()
        """Set while it is known whether there is a server."""

    def need(self, *, needed: bool) -> None:
        """Have the server run from now on, or let it go after a while."""
        self._needed = needed
        self._changed.set()

    def foresee(self) -> None:
        """Have the server run for a while, because it may be needed in a moment."""
        self._foreseen = True
        self._changed.set()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[LinkConnection]:
        """Open one connection as soon as the server runs. Raises `LinkUnavailable` or `LinkRefused`."""
        async with (await self._running()).connect() as connection:
            yield connection

    async def run(self) -> Never:
        """Start the server when it is needed, stop it when it is not, for ever."""
        while True:
            await self._until(lambda: self._needed or self._foreseen)
            self._foreseen = False
            try:
                async with asyncio.timeout(START_S) as start, self._host() as self._transport:
                    start.reschedule(None)
                    self._known.set()
                    await self._rouse(self._transport)
                    await self._while_needed()
            except (LinkUnavailable, LinkRefused, TimeoutError) as failure:
                self._failure = _late() if isinstance(failure, TimeoutError) else failure
                self._known.set()
                await self._sleep(STARTS_AGAIN_AFTER_S)
            finally:
                self._transport = None
            self._failure = None
            self._known.clear()

    async def _running(self) -> LinkTransport:
        if not await passes(self._known, START_S):
            raise _late()
        if self._transport is None:
            raise self._failure or LinkUnavailable("the offline server stops")
        return self._transport

    async def _rouse(self, server: LinkTransport) -> None:
        """Make a connection, where nobody else does yet: there are servers that start with their first one."""
        if self._needed:
            return
        self._pulse.beat()
        with suppress(LinkUnavailable, LinkRefused, TimeoutError):  # told to whoever needs one
            async with asyncio.timeout(ROUSE_S), server.connect():
                pass

    async def _while_needed(self) -> None:
        while True:
            await self._until(lambda: not self._needed)
            self._foreseen = False
            await self._sleep(LINGER_S)
            if not (self._needed or self._foreseen):
                return

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._pulse.beat()
            await passes(self._changed, BEAT_EVERY_S)
            self._changed.clear()

    async def _sleep(self, duration_s: float) -> None:
        clock = asyncio.get_running_loop().time
        ends_s = clock() + duration_s
        while (left_s := ends_s - clock()) > 0:
            self._pulse.beat()
            await asyncio.sleep(min(left_s, BEAT_EVERY_S))


def _late() -> LinkUnavailable:
    return LinkUnavailable(f"the offline server did not start within {START_S:.0f} s")
