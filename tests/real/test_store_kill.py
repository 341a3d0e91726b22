"""A ledger whose process is killed at any moment: intact, and within one response of the truth.

`HEARTHD_KILLS=200` kills so many times.
"""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hearthd.adapters.store import FILE_NAME
from hearthd.adapters.store_file import LedgerFile
from hearthd.adapters.store_reader import read_bookings
from tests.core.money.ledgers import TODAY

KILLS = int(os.environ.get("HEARTHD_KILLS", "5"))
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(60 + 3 * KILLS)
def test_a_kill_at_any_moment_costs_one_response_at_most(tmp_path: Path) -> None:
    """Run after run on the same ledger; what the disk took is there, what was booked is there but for the last."""
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    for _ in range(KILLS):
        booked, written = _killed_after(tmp_path, rng.uniform(0.0, 0.25))
        kept = LedgerFile(tmp_path / FILE_NAME)
        kept.open()
        spent = kept.standing.day.spent_pusd if kept.standing else 0
        kept.close()
        turns = [booking.turn for booking in read_bookings(tmp_path / FILE_NAME, TODAY)]
        assert (kept.lost, turns) == ("", list(range(1, spent + 1))), f"seed {seed}"
        assert written <= spent, f"seed {seed}"
        assert booked - spent <= 1, f"seed {seed}"


def _killed_after(folder: Path, delay_s: float) -> tuple[int, int]:
    """Kill a writer so long after its first booking; returns the last numbers it booked and saw written."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.real.ledger_writer", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'daemon'}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        told = process.stdout.readline()
        time.sleep(delay_s)
        process.kill()
        told += process.stdout.read()
    lines = [line.split() for line in told.splitlines() if line.count(" ") == 1]
    last = {word: int(number) for word, number in lines}
    return last["booked"], last.get("written", 0)
