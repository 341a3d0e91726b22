"""From the command line to the one command that was meant."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final

from hearthd import __version__
from hearthd.cli import check_config, demo, devices, offline, run, say, status, usage
from hearthd.cli.shared import Command

COMMANDS: Final[tuple[Command, ...]] = (run, demo, check_config, devices, say, status, usage, offline)

_DESCRIPTION: Final = (
    "hearthd is a smart speaker for the Raspberry Pi: it talks with a speech-to-speech model and runs the house "
    "over MQTT."
)
_DETAILS: Final = """\
to begin with:
  hearthd demo                                     see it work, without microphone, broker or key
  hearthd devices                                  find your microphone and your loudspeaker
  hearthd check-config /etc/hearthd/hearthd.toml   see whether the settings are right
  hearthd run --config /etc/hearthd/hearthd.toml   start, as the service does
  hearthd status --watch                           see what it is doing

Every command explains itself: hearthd COMMAND --help
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the command that `arguments` (by default the process's own) name, and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.main(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads our output has seen enough, as in `hearthd devices | head`; Python shall not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130  # As a shell tells of SIGINT.
    return code


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="hearthd", description=_DESCRIPTION, epilog=_DETAILS, formatter_class=layout)
    parser.add_argument("--version", action="version", version=f"hearthd {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        described = f"{command.SUMMARY[0].upper()}{command.SUMMARY[1:]}."
        own = commands.add_parser(
            command.NAME, help=command.SUMMARY, description=described, epilog=command.DETAILS, formatter_class=layout
        )
        own.set_defaults(main=command.main)
        command.add_arguments(own)
    return parser


if __name__ == "__main__":
    sys.exit(main())
