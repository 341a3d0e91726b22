"""The ledger's tables: how they come to be, and how a booking becomes a row and again a booking."""

import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, fields
from datetime import date
from typing import Final

from hearthd.core.money.account import Count, Standing
from hearthd.core.money.bookings import Bill, Booking, Purpose
from hearthd.core.money.cost import Cost
from hearthd.core.realtime.usage import Usage

MIGRATIONS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE responses (
      id INTEGER PRIMARY KEY,
      utc_ms INTEGER NOT NULL,
      day TEXT NOT NULL,
      server TEXT NOT NULL,
      model TEXT NOT NULL,
      turn INTEGER NOT NULL,
      purpose TEXT NOT NULL,
      estimated INTEGER NOT NULL,
      duration_ms INTEGER NOT NULL,
      latency_ms INTEGER,
      text_in INTEGER NOT NULL,
      audio_in INTEGER NOT NULL,
      image_in INTEGER NOT NULL,
      cached_text_in INTEGER NOT NULL,
      cached_audio_in INTEGER NOT NULL,
      cached_image_in INTEGER NOT NULL,
      text_out INTEGER NOT NULL,
      audio_out INTEGER NOT NULL,
      text_in_pusd INTEGER NOT NULL,
      audio_in_pusd INTEGER NOT NULL,
      image_in_pusd INTEGER NOT NULL,
      cached_in_pusd INTEGER NOT NULL,
      text_out_pusd INTEGER NOT NULL,
      audio_out_pusd INTEGER NOT NULL,
      transcription_pusd INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE standing (
      period TEXT PRIMARY KEY,
      begins TEXT NOT NULL,
      spent_pusd INTEGER NOT NULL,
      before TEXT,
      before_pusd INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
)
"""Each brings the schema from the version of its index to the next; the file's `user_version` tells where it is."""

LARGEST_PUSD: Final = 2**63 - 1
"""The largest integer of SQLite, nine million dollars: more is kept as so much."""
VERSION: Final = len(MIGRATIONS)
_USAGE: Final = tuple(field.name for field in fields(Usage))
_COST: Final = tuple(field.name for field in fields(Cost))
_OWN: Final = ("utc_ms", "day", "server", "model", "turn")
_OF_BILL: Final = ("purpose", "estimated", "duration_ms", "latency_ms")
_COLUMNS: Final = (*_OWN, *_OF_BILL, *_USAGE, *(f"{name}_pusd" for name in _COST))
_INSERT: Final = f"INSERT INTO responses ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our own names
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM responses WHERE day >= ? ORDER BY id"  # noqa: S608 - as above

_PUT_STANDING: Final = """
    INSERT INTO standing VALUES (?, ?, ?, ?, ?) ON CONFLICT (period) DO UPDATE SET
      spent_pusd = max(excluded.spent_pusd, CASE WHEN begins = excluded.begins THEN spent_pusd ELSE 0 END),
      begins = excluded.begins, before = excluded.before, before_pusd = excluded.before_pusd
    """


class NewerSchema(Exception):
    """The file was written by a newer hearthd."""


def migrate(database: sqlite3.Connection) -> None:
    """Bring the schema to `VERSION`, each step whole or not at all. Raises `NewerSchema`, and `sqlite3.Error`."""
    version = version_of(database)
    if version > VERSION:
        raise NewerSchema
    for step, script in enumerate(MIGRATIONS[version:], version + 1):
        database.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {step}; COMMIT;")


def version_of(database: sqlite3.Connection) -> int:
    """Return the version of the file's schema; 0: it is empty."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def insert(database: sqlite3.Connection, booking: Booking) -> None:
    """Add a booking."""
    bill = booking.bill
    values = [booking.utc_ms, booking.day.isoformat(), booking.server, booking.model, booking.turn]
    values += [bill.purpose.value, int(bill.estimated), bill.duration_ms, bill.latency_ms]
    values += [*asdict(bill.usage).values(), *(min(pusd, LARGEST_PUSD) for pusd in asdict(bill.cost).values())]
    database.execute(_INSERT, values)


def select(database: sqlite3.Connection, since: date) -> Iterator[Booking]:
    """Return the bookings of the local day `since` and later, in the order in which they were made."""
    for row in database.execute(_SELECT, (since.isoformat(),)):
        columns = dict(zip(_COLUMNS, row, strict=True))
        yield Booking(
            utc_ms=columns["utc_ms"],
            day=date.fromisoformat(columns["day"]),
            server=columns["server"],
            model=columns["model"],
            turn=columns["turn"],
            bill=Bill(
                purpose=Purpose(columns["purpose"]),
                usage=Usage(**{name: columns[name] for name in _USAGE}),
                cost=Cost(**{name: columns[f"{name}_pusd"] for name in _COST}),
                estimated=bool(columns["estimated"]),
                duration_ms=columns["duration_ms"],
                latency_ms=columns["latency_ms"],
            ),
        )


def forget_before(database: sqlite3.Connection, day: date) -> None:
    """Delete the bookings of days before `day`."""
    database.execute("DELETE FROM responses WHERE day < ?", (day.isoformat(),))


def put_standing(database: sqlite3.Connection, standing: Standing) -> None:
    """Replace what was spent; within the same period it only grows, should the writer not have known all of it."""
    for period, count in (("day", standing.day), ("month", standing.month)):
        before = None if count.before is None else count.before.isoformat()
        spent_pusd, before_pusd = min(count.spent_pusd, LARGEST_PUSD), min(count.before_pusd, LARGEST_PUSD)
        values = (period, count.begins.isoformat(), spent_pusd, before, before_pusd)
        database.execute(_PUT_STANDING, values)


def get_standing(database: sqlite3.Connection) -> Standing | None:
    """Return what was spent; None: nothing ever was."""
    counts = {
        period: Count(
            begins=date.fromisoformat(begins),
            spent_pusd=spent_pusd,
            before=None if before is None else date.fromisoformat(before),
            before_pusd=before_pusd,
        )
        for period, begins, spent_pusd, before, before_pusd in database.execute("SELECT * FROM standing")
    }
    return Standing(counts["day"], counts["month"]) if counts.keys() == {"day", "month"} else None
