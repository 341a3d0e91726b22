"""The ledger on a real disk: kept, read beside, damaged, full, and cut off in the middle of a write."""

import asyncio
import logging
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from hearthd.adapters import store, store_schema
from hearthd.adapters.store import FILE_NAME, SqliteLedger
from hearthd.adapters.store_clock import SystemClock, moment
from hearthd.adapters.store_file import KEPT_DAYS, LedgerFile
from hearthd.adapters.store_reader import LedgerUnreadable, read_bookings
from hearthd.core.money.account import Moment
from hearthd.core.money.bookings import Bill, Booking, Purpose
from hearthd.core.money.cost import Cost
from hearthd.core.realtime.usage import Usage
from hearthd.ports import Books, Ledger, WallClock
from tests.core.money.ledgers import TODAY, booking, standing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A state folder that does not exist yet."""
    return tmp_path / "state"


@pytest.fixture
def path(folder: Path) -> Path:
    """The ledger's file in it."""
    return folder / FILE_NAME


@pytest.fixture
def file(path: Path) -> Iterator[LedgerFile]:
    """The open file, without its thread."""
    opened = LedgerFile(path)
    opened.open()
    yield opened
    opened.close()


def keep(folder: Path, *amounts: int) -> Books:
    """Book amounts in one run; returns the books as they were opened."""

    async def run(ledger: Ledger) -> Books:
        async with ledger.open() as books:
            spent = books.standing.day.spent_pusd if books.standing else 0
            for amount in amounts:
                spent += amount
                books.book(booking(pusd=amount), standing(spent))
        return books

    return asyncio.run(run(SqliteLedger(folder)))


def broken(*_: object) -> bool:
    """Do what no code of ours does."""
    raise RuntimeError("our own bug")


def amounts(path: Path) -> list[int]:
    """Read what was booked."""
    return [each.bill.cost.total_pusd for each in read_bookings(path, TODAY)]


# ------------------------------------------------------------------------------------------------- keeping


def test_what_was_spent_is_known_after_a_restart(folder: Path, path: Path) -> None:
    """Nothing at first; then what the last run left."""
    first = keep(folder, 3, 4)
    assert (first.standing, first.lost) == (None, "")
    second = keep(folder, 5)
    assert (second.standing, second.lost) == (standing(7), "")
    assert amounts(path) == [3, 4, 5]
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_every_field_of_a_booking_comes_back(file: LedgerFile, path: Path) -> None:
    """Each with a value of its own, so that no two columns can be swapped."""
    numbers = iter(range(1, 100))
    whole = Booking(
        utc_ms=next(numbers),
        day=TODAY,
        server="online",
        model="gpt-realtime-2.1-mini",
        turn=next(numbers),
        bill=Bill(
            purpose=Purpose.SPEECH,
            usage=Usage(**{field.name: next(numbers) for field in fields(Usage)}),
            cost=Cost(**{field.name: next(numbers) for field in fields(Cost)}),
            estimated=True,
            duration_ms=next(numbers),
            latency_ms=next(numbers),
        ),
    )
    assert file.write([(whole, standing(1)), (booking(latency_ms=None), standing(2))])
    assert read_bookings(path, TODAY) == [whole, booking(latency_ms=None)]


def test_an_amount_beyond_all_money_is_kept_as_the_largest_there_is(file: LedgerFile, path: Path) -> None:
    """A price with a slip of many zeros fills the column; it does not end the daemon, nor lose what was spent."""
    assert file.write([(booking(pusd=2**63), standing(2**70))])
    file.close()

    assert amounts(path) == [2**63 - 1]
    file.open()
    assert file.standing == standing(2**63 - 1)


def test_it_can_be_read_while_it_is_kept(folder: Path, path: Path, file: LedgerFile) -> None:
    """Without waiting for the daemon, without disturbing it, and without a trace."""
    file.write([(booking(pusd=1), standing(1))])
    before = sorted(each.name for each in folder.iterdir())
    assert amounts(path) == [1]
    assert file.write([(booking(pusd=2), standing(3))])
    assert (amounts(path), sorted(each.name for each in folder.iterdir())) == ([1, 2], before)


def test_reading_a_closed_ledger_leaves_no_trace(folder: Path, path: Path) -> None:
    """Not even the files that SQLite keeps beside an open one."""
    keep(folder, 1)
    assert (amounts(path), [each.name for each in folder.iterdir()]) == ([1], [FILE_NAME])


def test_bookings_of_earlier_days_are_left_out_when_asked_for_later_ones(file: LedgerFile, path: Path) -> None:
    """By local day."""
    file.write([(booking(TODAY - timedelta(days=1), 1), standing(1)), (booking(TODAY, 2), standing(2))])
    assert amounts(path) == [2]


def test_after_a_year_and_a_month_bookings_are_forgotten(folder: Path, path: Path, file: LedgerFile) -> None:
    """When the ledger is opened, counted from the day that it is at itself."""
    old, kept = TODAY - timedelta(days=KEPT_DAYS + 1), TODAY - timedelta(days=KEPT_DAYS)
    file.write([(booking(old, 1), standing(1)), (booking(kept, 2), standing(2)), (booking(TODAY, 3), standing(3))])
    file.close()
    keep(folder)
    assert [each.day for each in read_bookings(path, old)] == [kept, TODAY]


def test_each_response_is_on_the_disk_before_the_next(file: LedgerFile) -> None:
    """A power cut loses no transaction that ended: a write-ahead log, synchronised fully."""
    assert file._database is not None
    pragmas = ("journal_mode", "synchronous", "wal_autocheckpoint")
    assert [file._database.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas] == ["wal", 2, 256]


# ------------------------------------------------------------------------------------------------- damage


@pytest.mark.parametrize("damage", [b"rubbish" * 1_000, None])
def test_a_damaged_ledger_is_set_aside(
    folder: Path, path: Path, damage: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Other bytes, or a page in the middle overwritten: a new ledger begins, and what was spent counts as unknown."""
    keep(folder, *range(200))
    whole = path.read_bytes()
    path.write_bytes(damage if damage is not None else whole[:4096] + bytes(4096) + whole[8192:])
    damaged = path.read_bytes()
    books = keep(folder, 5)
    assert (books.standing, "the ledger was damaged" in books.lost) == (None, True)
    assert "a new one begins" in caplog.text
    assert (amounts(path), (folder / f"damaged-{FILE_NAME}").read_bytes()) == ([5], damaged)
    again = keep(folder)
    assert (again.standing, again.lost) == (standing(5), "")


def test_damage_that_shows_while_writing_is_survived(
    file: LedgerFile, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is set aside, and the booking written into the new one at the next attempt, with the whole count."""
    assert file.write([(booking(pusd=3), standing(3))])
    line = (booking(pusd=4), standing(7))
    with monkeypatch.context() as disk:
        disk.setattr(store_schema, "insert", _malformed)
        assert not file.write([line])
    assert file.write([line])
    file.close()
    file.open()
    assert (file.standing, file.lost, amounts(folder / f"damaged-{FILE_NAME}")) == (standing(7), "", [3])


def _malformed(*_: object) -> None:
    raise sqlite3.DatabaseError("database disk image is malformed")


def test_a_log_that_was_cut_anywhere_gives_whole_responses(file: LedgerFile, path: Path, tmp_path: Path) -> None:
    """What a power cut leaves of the log opens as a beginning of the story, and the count is that of the bookings."""
    for number in range(1, 31):
        file.write([(booking(pusd=1, turn=number), standing(number))])
    log = Path(f"{path}-wal").read_bytes()
    found = set[int]()
    for step in range(40):
        cut = tmp_path / f"cut-{step}" / FILE_NAME
        cut.parent.mkdir()
        shutil.copyfile(path, cut)
        Path(f"{cut}-wal").write_bytes(log[: len(log) * step // 39])
        left = LedgerFile(cut)
        left.open()
        assert left.lost == ""
        count = left.standing.day.spent_pusd if left.standing else 0
        left.close()
        assert len(amounts(cut)) == count
        found.add(count)
    assert {0, 30} <= found
    assert len(found) > 10


def test_a_ledger_of_a_newer_hearthd_is_left_alone(path: Path, file: LedgerFile) -> None:
    """It is neither read nor written nor set aside; what was spent counts as unknown."""
    file.close()
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {store_schema.VERSION + 1}")
    file.open()
    assert file.lost == "the ledger was written by a newer hearthd"
    assert file.write([(booking(), standing(1))])
    with pytest.raises(LedgerUnreadable, match="newer hearthd"):
        read_bookings(path, TODAY)


def test_an_older_schema_is_brought_up_to_date(path: Path, file: LedgerFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step by step, with all that it holds; a step that fails changes nothing."""
    file.write([(booking(pusd=3), standing(3))])
    file.close()
    steps = (*store_schema.MIGRATIONS, "CREATE TABLE extra (x INTEGER); SELECT no_such_column;")
    monkeypatch.setattr(store_schema, "MIGRATIONS", steps)
    monkeypatch.setattr(store_schema, "VERSION", len(steps))
    with closing(sqlite3.connect(path)) as database:
        with pytest.raises(sqlite3.OperationalError):
            store_schema.migrate(database)
        database.rollback()
        assert store_schema.version_of(database) == len(steps) - 1
    monkeypatch.setattr(store_schema, "MIGRATIONS", (*steps[:-1], "CREATE TABLE extra (x INTEGER);"))
    file.open()
    assert (file.standing, file.lost, amounts(path)) == (standing(3), "", [3])
    assert file._database is not None
    assert file._database.execute("SELECT count(*) FROM extra").fetchone() == (0,)


# ------------------------------------------------------------------------------------------------- trouble


async def test_a_folder_that_cannot_be_used_is_survived(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The daemon counts in memory and says so once; what was spent before is unknown."""
    (tmp_path / "state").write_text("I am a file")
    async with SqliteLedger(tmp_path / "state").open() as books:
        assert books.lost == "File exists"
        books.book(booking(), standing(1))
        books.book(booking(), standing(2))
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in told] == [
        "what is spent cannot be written down and is counted in memory alone: File exists"
    ]


async def test_a_folder_that_can_be_used_again_gets_everything(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What could not be written is written with the next booking, and the journal says so."""
    caplog.set_level(logging.INFO)
    folder = tmp_path / "state"
    folder.write_text("I am a file")
    async with SqliteLedger(folder).open() as books:
        books.book(booking(pusd=1), standing(1))
        folder.unlink()
        books.book(booking(pusd=2), standing(3))
    assert sorted(amounts(folder / FILE_NAME)) == [1, 2]
    assert "written down again" in caplog.text


def test_a_full_disk_is_survived(path: Path, file: LedgerFile, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is half written; with room again all of it is."""
    database = file._database
    assert database is not None
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")
    lines = [(booking(pusd=1, turn=number), standing(number)) for number in range(1, 201)]
    assert not file.write(lines)
    assert "database or disk is full" in caplog.text
    assert amounts(path) == []
    database.execute("PRAGMA max_page_count = 1000000")
    assert file.write(lines)
    assert amounts(path) == [1] * 200


def test_what_a_card_that_cannot_be_written_holds_still_counts(
    file: LedgerFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger that can only be read is read: nothing is assumed."""
    file.write([(booking(pusd=3), standing(3))])
    file.close()

    def read_only(_self: LedgerFile) -> None:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(LedgerFile, "_connect", read_only)
    again = LedgerFile(path)
    again.open()
    assert (again.standing, again.lost) == (standing(3), "")


def test_within_a_day_the_count_only_grows(file: LedgerFile) -> None:
    """A run that was started blind, by a disk that answered too late, cannot talk down what was spent."""
    file.write([(booking(pusd=9), standing(9))])
    file.write([(None, standing(4))])
    file.close()
    file.open()
    assert file.standing == standing(9)
    file.write([(None, standing(2, TODAY + timedelta(days=1)))])
    file.close()
    file.open()
    assert file.standing is not None
    assert (file.standing.day.spent_pusd, file.standing.month.spent_pusd) == (2, 9)


async def test_a_disk_that_does_not_answer_is_not_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither at the start nor at the end; what was spent counts as unknown."""
    answer = threading.Event()
    monkeypatch.setattr(LedgerFile, "open", lambda _self: answer.wait(30.0))
    monkeypatch.setattr(store, "OPEN_S", 0.05)
    monkeypatch.setattr(store, "CLOSE_S", 0.05)
    async with SqliteLedger(folder).open() as books:
        assert "did not answer" in books.lost
        books.book(booking(), standing(1))
    assert "the ledger was not closed" in caplog.text
    answer.set()
    [left_behind] = [thread for thread in threading.enumerate() if thread.name == "ledger"]
    await asyncio.to_thread(left_behind.join, 30.0)


async def test_a_start_that_is_broken_off_leaves_no_thread(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is stopped while the disk is slow ends when the disk has answered."""
    asked, answer = threading.Event(), threading.Event()
    opens = LedgerFile.open

    def slow(file: LedgerFile) -> None:
        asked.set()
        answer.wait(30.0)
        opens(file)

    monkeypatch.setattr(LedgerFile, "open", slow)

    async def start() -> None:
        async with SqliteLedger(folder).open():
            raise AssertionError("the disk answered")

    async with asyncio.TaskGroup() as tasks:
        starting = tasks.create_task(start())
        await asyncio.to_thread(asked.wait, 30.0)
        starting.cancel()
        await asyncio.sleep(0)
        answer.set()
    assert [thread.name for thread in threading.enumerate() if thread.name == "ledger"] == []


@pytest.mark.parametrize("method", ["open", "write"])
async def test_a_bug_in_the_thread_comes_out(folder: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """No thread dies silently: at the start, with the next booking, or at the end."""
    monkeypatch.setattr(LedgerFile, method, broken)
    with pytest.raises(RuntimeError, match="our own bug"):
        async with SqliteLedger(folder).open() as books:
            books.book(booking(), standing(1))


async def test_a_bug_in_the_thread_comes_out_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever watches the books learns of it without booking anything more."""
    monkeypatch.setattr(LedgerFile, "write", broken)
    books = store.SqliteBooks(LedgerFile(path), asyncio.get_running_loop())
    await books.start()
    books.keep(standing(1))
    with pytest.raises(RuntimeError, match="our own bug"):
        await books.watch()
    with pytest.raises(RuntimeError, match="our own bug"):
        await books.stop()


async def test_more_bookings_than_can_wait_are_forgotten(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a disk hangs, memory is bounded."""
    monkeypatch.setattr(store, "WAITING_MAX", 3)
    started, go_on = threading.Event(), threading.Event()
    write: Callable[..., bool] = LedgerFile.write

    def slow(*arguments: object) -> bool:
        started.set()
        go_on.wait(30.0)
        return write(*arguments)

    monkeypatch.setattr(LedgerFile, "write", slow)
    async with SqliteLedger(folder).open() as books:
        books.book(booking(pusd=0), standing(0))
        started.wait(30.0)
        for number in range(1, 9):
            books.book(booking(pusd=number), standing(number))
        go_on.set()
    assert amounts(folder / FILE_NAME) == [0, 1, 2, 3]


# ------------------------------------------------------------------------------------------------- reading


def test_what_is_no_ledger_is_told(path: Path, folder: Path) -> None:
    """None at all, an empty one, and one that is none."""
    with pytest.raises(FileNotFoundError):
        read_bookings(path, TODAY)
    folder.mkdir()
    path.touch()
    assert read_bookings(path, TODAY) == []
    path.write_bytes(b"rubbish" * 1_000)
    with pytest.raises(LedgerUnreadable, match="file is not a database"):
        read_bookings(path, TODAY)


# ------------------------------------------------------------------------------------------------- the clock


def test_the_clock_reads_local_days() -> None:
    """A quarter past six in the evening is 76 percent of a day, wherever that day is."""
    local = datetime(2026, 11, 22, 18, 15, tzinfo=timezone(timedelta(hours=9)))
    assert moment(local) == Moment(
        utc_ms=int(datetime(2026, 11, 22, 9, 15, tzinfo=UTC).timestamp() * 1000), day=TODAY, day_share=18.25 / 24
    )
    clock: WallClock = SystemClock()
    assert 0.0 <= clock.now().day_share < 1.0
