"""A story told line by line as it happens, for a terminal or a plain file, and a table at its end."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

_STYLES: Final = {
    "spoke": "bold",
    "woken": "bold yellow",
    "heard": "bold cyan",
    "switched": "bold green",
    "confirmed": "green",
    "nothing": "green",
    "answered": "bold blue",
    "silenced": "bold magenta",
    "FAILED": "bold red",
}


class Story:
    """Tells what happened, in seconds since its beginning."""

    def __init__(self, console: Console) -> None:
        """Tell it on `console`; nothing is told before `begin`."""
        self._console = console
        self._zero_s = 0.0

    def title(self, headline: str, *lines: str) -> None:
        """Say what it is about."""
        self._say(Text(headline, "bold"))
        for line in lines:
            self._say(Text(line, "dim"))
        self._say(Text())

    def begin(self, at_s: float) -> None:
        """Count from monotonic second `at_s`."""
        self._zero_s = at_s

    def tell(self, at_s: float, what: str, words: str, aside: str = "") -> None:
        """One line: when, what in one word, the rest in plain words."""
        line = Text.assemble((f"{at_s - self._zero_s:7.2f} s  ", "dim"), (f"{what:<11}", _STYLES.get(what, "")), words)
        if aside:
            line.append(f"  {aside}", "dim")
        self._say(line)

    def fail(self, step: str, explanation: str, notes: Iterable[str]) -> None:
        """Say which step failed, why as far as known, and what else is known of it."""
        self._say(Text())
        self._say(Text.assemble(("FAILED", "bold red"), f" at the step “{step}”: {explanation}."))
        for note in notes:
            self._say(Text(note, "dim"))

    def gap(self) -> None:
        """Leave a line free before somebody speaks again."""
        self._say(Text())

    def table(self, title: str, rows: Mapping[str, Sequence[float]]) -> None:
        """A table of durations, given in seconds: how often each was taken, the middle one and the longest."""
        table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1))
        table.add_column(no_wrap=True)
        for heading in ("times", "median", "longest"):
            table.add_column(heading, justify="right", header_style="dim", no_wrap=True)
        for name, durations_s in rows.items():
            middle_s, longest_s = statistics.median(durations_s), max(durations_s)
            table.add_row(name, f"{len(durations_s)}", f"{1000 * middle_s:.0f} ms", f"{1000 * longest_s:.0f} ms")
        self._say(Text())
        self._console.print(table)

    def note(self, words: str) -> None:
        """A sentence aside."""
        self._say(Text(words, "dim"))

    def _say(self, line: Text) -> None:
        # A line that is longer than a file is wide stays one line; a terminal wraps it by itself.
        self._console.print(line, soft_wrap=True, highlight=False)
