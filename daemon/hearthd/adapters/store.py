"""The ledger in an SQLite file, written by a thread of its own; the only files that touch `sqlite3` are `store*`.

A write-ahead log with `synchronous = FULL`: a booking is on the disk when its transaction ends, at the price of one
`fsync` for each response. With `NORMAL`, a power cut would lose everything since the last checkpoint, hours of it.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final, Never

from hearthd.adapters.store_file import LedgerFile
from hearthd.core.money.account import Standing
from hearthd.core.money.bookings import Booking

log = logging.getLogger(__name__)

FILE_NAME: Final = "ledger.sqlite3"
OPEN_S: Final = 5.0
"""A disk that answers later than this is not waited for: a house wants its speaker."""
CLOSE_S: Final = 1.0
"""For what is still to be written, within the time that a stop may take."""
WAITING_MAX: Final = 1024
"""Bookings not yet written, as while the disk is full: a month of a house. Beyond that lines are forgotten, which the
report misses; what was spent is not, because every booking brings the whole count with it."""
RETRY_S: Final = 60.0
"""A disk that took nothing is tried again so often, and with each booking."""

Line = tuple[Booking | None, Standing]
"""A booking, if there is one, and what was spent by then."""


class SqliteLedger:
    """The `Ledger` port."""

    def __init__(self, folder: Path) -> None:
        """Keep the books in `folder`, which is made when they are opened."""
        self._file = LedgerFile(folder / FILE_NAME)

    def open(self) -> AbstractAsyncContextManager["SqliteBooks"]:
        """Open the books."""
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator["SqliteBooks"]:
        books = SqliteBooks(self._file, asyncio.get_running_loop())
        try:
            await books.start()
            yield books
        finally:
            await books.stop()


class SqliteBooks:
    """The `Books` port. A thread opens the file, writes and closes it; the loop never waits for the disk."""

    def __init__(self, file: LedgerFile, loop: asyncio.AbstractEventLoop) -> None:
        """Do nothing before `start`."""
        self.standing: Standing | None = None
        self.lost = ""
        self._file = file
        self._loop = loop
        self._opened = asyncio.Event()
        self._ended = asyncio.Event()
        self._orders: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
        """What is to be written; None: close. Bounded by `book`."""
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    async def start(self) -> None:
        """Start the thread, and wait for the file within reason."""
        self._thread.start()
        try:
            async with asyncio.timeout(OPEN_S):
                await self._opened.wait()
        except TimeoutError:
            self.lost = f"the disk did not answer within {OPEN_S:.0f} s"
            _warn("the ledger cannot be read: %s", self.lost)
        else:
            self.standing, self.lost = self._file.standing, self._file.lost
        self._raise_failure()

    async def stop(self) -> None:
        """Write what is left and close the file; a disk that hangs is left behind. Raises what ended the thread."""
        self._orders.put(None)
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._ended.wait()
        except TimeoutError:
            _warn("the ledger was not closed: %s", f"the disk did not answer within {CLOSE_S:.0f} s")
        else:
            self._thread.join()
            self._raise_failure()

    def book(self, booking: Booking, standing: Standing) -> None:
        """Have a line written."""
        self._order((booking, standing))

    def keep(self, standing: Standing) -> None:
        """Have written what counts as spent."""
        self._order((None, standing))

    async def watch(self) -> Never:
        """Raise what ends the thread."""
        await self._ended.wait()
        self._raise_failure()
        raise AssertionError("the thread ends by raising only, while the books are open")

    def _order(self, line: Line) -> None:
        self._raise_failure()
        if self._orders.qsize() < WAITING_MAX:
            self._orders.put(line)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    # In the thread

    def _run(self) -> None:
        try:
            self._file.open()
            self._tell(self._opened)
            self._write_until_closed()
        except BaseException as error:  # noqa: BLE001 - handed to the loop, which raises it
            self._failure = error
        finally:
            self._file.close()
            self._tell(self._opened, self._ended)

    def _write_until_closed(self) -> None:
        waiting: list[Line] = []
        closing = False
        while not closing:
            lines, closing = self._next_lines(RETRY_S if waiting else None)
            waiting = [*waiting, *lines][-WAITING_MAX:]
            if waiting and self._file.write(waiting):
                waiting.clear()

    def _next_lines(self, at_most_s: float | None) -> tuple[list[Line], bool]:
        """Wait for orders, or `at_most_s`; return all lines that there are by then, and whether to close."""
        lines: list[Line] = []
        try:
            order = self._orders.get(timeout=at_most_s)
            while order is not None:
                lines.append(order)
                order = self._orders.get_nowait()
        except queue.Empty:
            return lines, False
        return lines, True

    def _tell(self, *events: asyncio.Event) -> None:
        for event in events:
            try:
                self._loop.call_soon_threadsafe(event.set)
            except RuntimeError:
                log.debug("the ledger's thread ended after its event loop")


def _warn(message: str, problem: str) -> None:
    log.warning(message, problem, extra={"HEARTHD_EVENT": "ledger_trouble", "HEARTHD_PROBLEM": problem})
