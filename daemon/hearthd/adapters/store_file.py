"""The ledger's file: opened or begun anew, written whole lines at a time, and set aside when it is damaged."""

import logging
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from hearthd.adapters import store_schema
from hearthd.adapters.store_reader import open_to_read
from hearthd.core.money.account import Standing
from hearthd.core.money.bookings import Booking

log = logging.getLogger(__name__)

KEPT_DAYS: Final = 400
"""A year and a month, so that any month can be compared with the same one a year ago."""
CHECKPOINT_PAGES: Final = 256
"""At 1 MB the log is copied into the file: some hundred responses, so that it never grows and is rarely copied."""
CACHE_KIB: Final = 256
"""Instead of 2 MB: what is written are always the last pages."""
BUSY_S: Final = 5.0
"""Readers never block us in WAL mode; a backup tool may, for a moment."""
DAMAGED: Final = "damaged-"
"""Prefix of the file that could not be used; the last one is kept, for whoever wants to rescue something."""


class LedgerFile:
    """One SQLite file, used by one thread. Trouble with the disk is told once, survived, and told when it is over."""

    def __init__(self, path: Path) -> None:
        """Touch nothing before `open`."""
        self.standing: Standing | None = None
        self.lost = ""
        self._path = path
        self._database: sqlite3.Connection | None = None
        self._troubled = False

    def open(self) -> None:
        """Open the file, or begin a new one; reads `standing`, or tells what is `lost`."""
        try:
            self._connect()
        except store_schema.NewerSchema:
            self.lost = "the ledger was written by a newer hearthd"
        except (sqlite3.OperationalError, OSError) as error:
            self.lost = "" if self._peek() else _told(error)
            self._tell_trouble(_told(error))
        except (sqlite3.DatabaseError, ValueError) as error:  # the second of a date or number that is none
            self.lost = f"the ledger was damaged ({error})"
            self._begin_anew()

    def write(self, lines: Sequence[tuple[Booking | None, Standing]]) -> bool:
        """Write bookings and the last one's standing in one transaction; False when the disk does not take them."""
        try:
            if self._database is None:
                self._connect()
            assert self._database is not None
            with self._database:
                for booking, _ in lines:
                    if booking is not None:
                        store_schema.insert(self._database, booking)
                store_schema.put_standing(self._database, lines[-1][1])
        except store_schema.NewerSchema:
            return True  # it will not become older
        except (sqlite3.OperationalError, OSError) as error:
            self._tell_trouble(_told(error))
            return False
        except (sqlite3.DatabaseError, ValueError) as error:
            self._tell_trouble(f"the ledger was damaged ({error})")
            self._begin_anew()
            return False
        self._tell_mended()
        return True

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            with suppress(sqlite3.Error):
                self._database.close()
            self._database = None

    def _connect(self) -> None:
        """Open, check and bring up to date. Raises `sqlite3.Error`, `OSError`, `ValueError` and `NewerSchema`."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level="IMMEDIATE")
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            _check(database)
            store_schema.migrate(database)
            self.standing = store_schema.get_standing(database)
            if self.standing is not None:
                with database:
                    store_schema.forget_before(database, self.standing.day.begins - timedelta(days=KEPT_DAYS))
        except BaseException:
            database.close()
            raise
        self._database = database

    def _peek(self) -> bool:
        """Read the standing of a file that cannot be written, as on a card that went read-only."""
        if self._path.is_file():
            with suppress(sqlite3.Error, ValueError), closing(open_to_read(self._path)) as database:
                self.standing = store_schema.get_standing(database)
                return True
        return False

    def _begin_anew(self) -> None:
        """Set the damaged file aside and begin an empty one."""
        self.close()
        aside = self._path.with_name(DAMAGED + self._path.name)
        try:
            for suffix in ("", "-wal", "-shm"):
                source, target = Path(f"{self._path}{suffix}"), Path(f"{aside}{suffix}")
                target.unlink(missing_ok=True)
                if source.exists():
                    source.replace(target)
            self._connect()
        except (sqlite3.Error, OSError) as error:
            self._tell_trouble(_told(error))
            return
        fields = {"HEARTHD_EVENT": "ledger_damaged", "HEARTHD_FILE": str(aside), "HEARTHD_PROBLEM": self.lost}
        log.warning("the ledger was damaged; a new one begins, the old one is %s", aside, extra=fields)

    def _tell_trouble(self, problem: str) -> None:
        fields = {"HEARTHD_EVENT": "ledger_trouble", "HEARTHD_FILE": str(self._path), "HEARTHD_PROBLEM": problem}
        level = logging.DEBUG if self._troubled else logging.WARNING
        log.log(level, "what is spent cannot be written down and is counted in memory alone: %s", problem, extra=fields)
        self._troubled = True

    def _tell_mended(self) -> None:
        if self._troubled:
            log.info("what is spent is written down again", extra={"HEARTHD_EVENT": "ledger_mended"})
            self._troubled = False


def _check(database: sqlite3.Connection) -> None:
    verdict = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)


def _told(error: sqlite3.Error | OSError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
