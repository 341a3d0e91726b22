"""The ledger and the wall clock in memory: for tests of the engine, in virtual time if they like."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Never

from hearthd.adapters.store_clock import moment
from hearthd.core.money.account import Moment, Standing
from hearthd.core.money.bookings import Booking


class BrokenLedger(Exception):
    """What ends the thread of a ledger that a test broke."""


class MemoryLedger:
    """The `Ledger` port, whose books outlive the run that kept them."""

    def __init__(self, standing: Standing | None = None, lost: str = "") -> None:
        self.standing = standing
        self.lost = lost
        """What the next opening tells."""
        self.bookings: list[Booking] = []
        self.is_open = False
        self.broken = asyncio.Event()
        """Set by a test, as if our own bug had ended the ledger's thread."""

    def open(self) -> AbstractAsyncContextManager["MemoryBooks"]:
        """Open the books; two runs at once are a mistake of ours."""
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator["MemoryBooks"]:
        assert not self.is_open, "the ledger is opened twice"
        self.is_open = True
        try:
            yield MemoryBooks(self)
        finally:
            self.is_open = False


class MemoryBooks:
    """The `Books` port."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self.standing = None if ledger.lost else ledger.standing
        self.lost = ledger.lost
        self._ledger = ledger

    def book(self, booking: Booking, standing: Standing) -> None:
        """Keep it."""
        assert self._ledger.is_open, "booked after the books were closed"
        self._ledger.bookings.append(booking)
        self.keep(standing)

    def keep(self, standing: Standing) -> None:
        """Keep that alone."""
        assert self._ledger.is_open, "kept after the books were closed"
        self._ledger.standing = standing

    async def watch(self) -> Never:
        """Raise when a test broke it."""
        await self._ledger.broken.wait()
        raise BrokenLedger


class MemoryClock:
    """The `WallClock` port: goes with the loop's time, and jumps when it is told to."""

    def __init__(self, start: datetime = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)) -> None:
        self.start = start
        """The wall clock's time when the loop's is 0."""

    def now(self) -> Moment:
        """Read it."""
        return moment(self.start + timedelta(seconds=asyncio.get_running_loop().time()))

    def jump(self, by: timedelta) -> None:
        """Set it wrong, or right."""
        self.start += by
