"""Contract of the ledger port, for the double in memory and the SQLite file alike."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from hearthd.adapters.store import SqliteLedger
from hearthd.ports import Ledger
from tests.core.money.ledgers import TODAY, booking, standing
from tests.doubles.memory_ledger import MemoryLedger

Opens = Callable[[], Ledger]
"""Returns the same ledger again and again, as each start of the daemon finds it."""


@pytest.fixture(params=["memory", "sqlite"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Opens:
    """A ledger that nobody has written to."""
    if request.param == "sqlite":
        return lambda: SqliteLedger(tmp_path / "state")
    kept = MemoryLedger()
    return lambda: kept


async def test_a_new_ledger_knows_of_nothing_and_lost_nothing(ledger: Opens) -> None:
    """Nothing was spent, which is known."""
    async with ledger().open() as books:
        assert (books.standing, books.lost) == (None, "")


async def test_the_last_standing_is_found_again(ledger: Opens) -> None:
    """Whatever was booked before it."""
    async with ledger().open() as books:
        for spent in (3, 7, 12):
            books.book(booking(pusd=spent), standing(spent))
    async with ledger().open() as books:
        assert (books.standing, books.lost) == (standing(12), "")


async def test_what_counts_as_spent_is_kept_without_a_booking(ledger: Opens) -> None:
    """As when the books were lost, and something had to be assumed."""
    async with ledger().open() as books:
        books.keep(standing(4))
    async with ledger().open() as books:
        assert (books.standing, books.lost) == (standing(4), "")


async def test_opening_and_closing_changes_nothing(ledger: Opens) -> None:
    """A day without a word leaves the ledger as it is."""
    async with ledger().open() as books:
        books.book(booking(TODAY, 5), standing(5))
    for _ in range(2):
        async with ledger().open() as books:
            assert books.standing == standing(5)


async def test_what_is_booked_stays_booked_when_the_run_breaks_off(ledger: Opens) -> None:
    """An error in the daemon is no reason to forget what was spent."""
    with suppress(RuntimeError):
        async with ledger().open() as books:
            books.book(booking(pusd=9), standing(9))
            raise RuntimeError("crash")
    async with ledger().open() as books:
        assert books.standing == standing(9)
