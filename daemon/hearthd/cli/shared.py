"""What the commands have in common: how they are registered, and how they come by the settings."""

import argparse
import os
import sys
from pathlib import Path
from typing import Final, Protocol

from hearthd.config import ConfigError, Settings, load

DEFAULT_CONFIG: Final = Path("/etc/hearthd/hearthd.toml")
EXIT_FAILED: Final = 1
"""The command was understood, and what it was to do did not come about."""
EXIT_CRASHED: Final = os.EX_SOFTWARE
EXIT_BAD_CONFIG: Final = os.EX_CONFIG


class Command(Protocol):
    """What every module of a command offers."""

    NAME: str
    SUMMARY: str
    """One line for the list of commands, in lower case and without a full stop."""
    DETAILS: str
    """Examples and exit codes, for the command's own help."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Say what the command takes."""
        ...

    def main(self, options: argparse.Namespace) -> int:
        """Carry the command out and return the exit code."""
        ...


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Add `--config`."""
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG, metavar="FILE", help="the settings (default: %(default)s)"
    )


def settings_or_explain(file: Path) -> Settings | None:
    """Load the settings; None after telling on stderr what is wrong with them."""
    try:
        return load(file, os.environ)
    except ConfigError as error:
        complain("the configuration cannot be used:", *(f"  {mistake}" for mistake in error.mistakes))
        if isinstance(error.__cause__, FileNotFoundError):
            _print_error("Name another file, or begin with the shipped one: config/hearthd.toml.")
        return None


def complain(problem: str, *details: str) -> None:
    """Tell people on stderr what went wrong; where that is the journal, as an error."""
    _print_error(f"hearthd: {problem}", *details)


def _print_error(*lines: str) -> None:
    from hearthd.adapters.journal import stderr_is_journal

    mark = "<3>" if stderr_is_journal() else ""  # as sd-daemon(3) has it; without, a line is one of many
    print(*(mark + line for line in lines), sep="\n", file=sys.stderr)
