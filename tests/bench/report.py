"""Tables of figures for people, the same for programs, and what the machine was like meanwhile."""

import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.bench.figures import Figure, Statistic, Verdict

_YARDSTICK: Final = 1_000_000
_STYLES: Final = {Verdict.KEPT: "green", Verdict.BROKEN: "bold red", Verdict.NONE: ""}
_PLAIN_COLUMNS: Final = 132
"""How wide a table may be in a file."""


def yardstick_ms() -> float:
    """Return the CPU time of a fixed loop, to compare machines with."""
    begun_s = time.process_time()
    sum(number * number for number in range(_YARDSTICK))
    return 1000 * (time.process_time() - begun_s)


@dataclass(slots=True)
class Machine:
    """What figures have to be judged by."""

    cores: int = field(default_factory=lambda: os.cpu_count() or 1)
    python: str = field(default_factory=platform.python_version)
    yardstick_ms: float = field(default_factory=yardstick_ms)
    """CPU time of a fixed loop of pure Python: 60 to 100 ms on a 2 GHz server core."""
    load_before: float = field(default_factory=lambda: os.getloadavg()[0])
    load_after: float = 0.0

    def done(self) -> None:
        """Note how busy the machine was."""
        self.load_after = os.getloadavg()[0]

    def __str__(self) -> str:
        return (
            f"Machine: {self.cores} cores, load {self.load_before:.1f} before and {self.load_after:.1f} after, "
            f"Python {self.python}, yardstick {self.yardstick_ms:.0f} ms."
        )


class Report:
    """Shows figures on a console and writes them to a file."""

    def __init__(self, console: Console) -> None:
        """Show nothing yet."""
        self._console = console
        if not console.is_terminal:
            console.width = max(console.width, _PLAIN_COLUMNS)

    def progress(self, words: str) -> None:
        """Say what is being done."""
        self._console.print(Text(words, "dim"), soft_wrap=True)

    def table(self, table: Table) -> None:
        """Print a table that is none of figures."""
        self._console.print()
        self._console.print(table)

    def show(self, title: str, figures: Sequence[Figure], machine: Machine) -> None:
        """Print the table."""
        table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1), expand=False)
        table.add_column("what", ratio=1)
        for heading in ("n", "p50", "p95", "p99", "max"):
            table.add_column(heading, justify="right", no_wrap=True)
        for heading in ("unit", "budget", "verdict"):
            table.add_column(heading, no_wrap=True)
        for figure in figures:
            table.add_row(*_row(figure))
        self._console.print()
        self._console.print(table)
        self._console.print()
        self.progress(str(machine))

    @staticmethod
    def write(path: Path, title: str, figures: Sequence[Figure], machine: Machine) -> None:
        """Write everything, single measurements included, as JSON."""
        document = {
            "title": title,
            "machine": {
                "cores": machine.cores,
                "python": machine.python,
                "yardstick_ms": machine.yardstick_ms,
                "load_before": machine.load_before,
                "load_after": machine.load_after,
            },
            "figures": [figure.document() for figure in figures],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _row(figure: Figure) -> list[str | Text]:
    if not figure.samples:
        return [figure.name, "0", "", "", "", "", figure.unit, str(figure.budget or ""), "not measured"]
    statistics = [_rounded(figure.at(statistic)) for statistic in Statistic]
    verdict = Text(figure.verdict.value, _STYLES[figure.verdict])
    return [figure.name, str(len(figure.samples)), *statistics, figure.unit, str(figure.budget or ""), verdict]


def _rounded(value: float) -> str:
    """Three significant digits, and no more than anybody can read."""
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
