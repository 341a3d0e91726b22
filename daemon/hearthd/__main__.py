"""The command `hearthd`: arguments to command."""

import argparse
import sys
from collections.abc import Sequence

from hearthd import __version__
from hearthd.cli import run


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that `argv` names (None: the process's own arguments) and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="hearthd",
        description="A smart speaker of your own: listens for its wake word, talks, and runs the house over MQTT.",
    )
    parser.add_argument("--version", action="version", version=f"hearthd {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (run,):
        command.add_to(commands)
    arguments = parser.parse_args(argv)
    code: int = arguments.command(arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
