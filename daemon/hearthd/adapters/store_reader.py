"""The ledger, read by others than the daemon, while it runs or not, without leaving a trace."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

from hearthd.adapters import store_schema
from hearthd.core.errors import HearthdError
from hearthd.core.money.bookings import Booking


class LedgerUnreadable(HearthdError):
    """A ledger that is there and cannot be read."""

    def __init__(self, path: Path, problem: str) -> None:
        """Tell which file, and why."""
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


def read_bookings(path: Path, since: date) -> list[Booking]:
    """Return the bookings of the local day `since` and later, in order.

    Raises `FileNotFoundError` and `PermissionError` as `open` does, and `LedgerUnreadable`.
    """
    with path.open("rb"):
        pass
    try:
        with closing(open_to_read(path)) as database:
            version = store_schema.version_of(database)
            if version > store_schema.VERSION:
                raise LedgerUnreadable(path, "it was written by a newer hearthd")
            return list(store_schema.select(database, since)) if version else []
    except (sqlite3.Error, ValueError) as error:
        raise LedgerUnreadable(path, str(error)) from error


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open a ledger that is there for reading alone. Raises `sqlite3.Error`.

    Without a write-ahead log nobody writes, and the file alone is the truth: SQLite is told so, because otherwise it
    would leave a log of its own behind, or fail where it may not.
    """
    how = "mode=ro" if Path(f"{path}-wal").exists() else "immutable=1"
    return _opened(f"{path.absolute().as_uri()}?{how}")


def _opened(address: str) -> sqlite3.Connection:
    database = sqlite3.connect(address, uri=True, timeout=5.0)
    try:
        database.execute("SELECT 1 FROM sqlite_schema")
    except sqlite3.Error:
        database.close()
        raise
    return database
