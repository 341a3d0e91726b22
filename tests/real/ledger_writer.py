"""A process that keeps a ledger until it is killed: `python -m tests.real.ledger_writer FOLDER`.

It books as a daemon does, one response after the other, and says on stdout what it is about to book and what the disk
has taken: `booked 7`, `written 7`.
"""

import asyncio
import sys
from pathlib import Path

from hearthd.adapters.store import SqliteLedger
from hearthd.adapters.store_file import LedgerFile
from tests.core.money.ledgers import booking, standing


async def keep(folder: Path) -> None:
    """Book one micro-dollar a response, for ever."""
    written = asyncio.Event()
    loop = asyncio.get_running_loop()
    write = LedgerFile.write

    def told_write(*arguments: object) -> bool:
        taken = write(*arguments)  # type: ignore[arg-type]
        loop.call_soon_threadsafe(written.set)
        return taken

    LedgerFile.write = told_write  # type: ignore[method-assign,assignment]
    async with SqliteLedger(folder).open() as books:
        number = books.standing.day.spent_pusd if books.standing else 0
        while True:
            number += 1
            _tell("booked", number)
            books.book(booking(pusd=1, turn=number), standing(number))
            await written.wait()
            written.clear()
            _tell("written", number)


def _tell(what: str, number: int) -> None:
    sys.stdout.write(f"{what} {number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(keep(Path(sys.argv[1])))
