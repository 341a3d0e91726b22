"""Measures hearthd on this machine: the whole daemon on a virtual sound card, or its money; budgets stand beside."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.bench import day, faults, household, idle, latency, network, offline, soak
from tests.bench.figures import Figure
from tests.bench.report import Machine, Report

INTERRUPTED: Final = 130
"""What shells say of a program that Ctrl-C ended."""


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", type=Path, metavar="FILE", help="write every single measurement there as well")
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    times = commands.add_parser("latency", parents=[shared], help="how long everything takes")
    times.add_argument("--turns", type=_positive, default=20, metavar="N", help="how many turns (default: 20)")
    costs = commands.add_parser("idle", parents=[shared], help="what listening costs")
    costs.add_argument(
        "--seconds", type=_positive, default=30, metavar="N", help="how long to listen to each scene (default: 30)"
    )
    bills = commands.add_parser("household", parents=[shared], help="what a simulated household pays")
    bills.add_argument("--days", type=_positive, default=30, metavar="N", help="how many days (default: 30)")
    bills.add_argument("--plot", type=Path, metavar="FILE", help="draw the context of a long talk: .png or .svg")
    pulls = commands.add_parser("network", parents=[shared], help="how soon the house goes on when the network goes")
    pulls.add_argument("--rounds", type=_positive, default=2, metavar="N", help="how often at each moment (default: 2)")
    commands.add_parser("faults", parents=[shared], help="how soon it answers again after each fault of the wire")
    lives = commands.add_parser("soak", parents=[shared], help="whether anything grows in a longer life with faults")
    lives.add_argument("--minutes", type=_positive, default=30, metavar="N", help="how long (default: 30)")
    lives.add_argument("--seed", type=int, default=1, metavar="N", help="what happens when (default: 1)")
    kinds = lives.add_mutually_exclusive_group()
    kinds.add_argument("--simulated-hours", type=_positive, metavar="N", help="the link alone, in virtual time instead")
    kinds.add_argument("--plot", type=Path, metavar="FILE", help="draw it over time: .png or .svg")
    ears = commands.add_parser("offline", parents=[shared], help="what is understood without any cloud")
    ears.add_argument("--quick", action="store_true", help="a sample of it, in less than a minute")
    return parser.parse_args(argv)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("expected a whole number from 1 on")
    return number


def _soak(arguments: argparse.Namespace, report: Report) -> tuple[str, list[Figure]]:
    if arguments.simulated_hours is not None:
        return day.TITLE, day.day(arguments.simulated_hours, arguments.seed, report)
    return soak.TITLE, asyncio.run(soak.soak(arguments.minutes, arguments.seed, report, arguments.plot))


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report; returns 0 when everything could be measured, whatever the verdicts are."""
    arguments = _arguments(argv)
    report, machine = Report(Console()), Machine()
    try:
        if arguments.command == "latency":
            title, figures = latency.TITLE, asyncio.run(latency.latency(arguments.turns, report))
        elif arguments.command == "household":
            title = household.TITLE
            figures = household.household(arguments.days, report, arguments.plot)
        elif arguments.command == "network":
            title, figures = network.TITLE, asyncio.run(network.network(arguments.rounds, report))
        elif arguments.command == "faults":
            title, figures = faults.TITLE, faults.faults(report)
        elif arguments.command == "soak":
            title, figures = _soak(arguments, report)
        elif arguments.command == "offline":
            title, figures = offline.TITLE, offline.offline(quick=arguments.quick, report=report)
        else:
            title, figures = idle.TITLE, asyncio.run(idle.idle(arguments.seconds, report))
    except (AssertionError, RuntimeError, OSError) as error:
        report.progress("\n".join([f"FAILED: {error}", *getattr(error, "__notes__", [])]))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    machine.done()
    report.show(title, figures, machine)
    if arguments.json is not None:
        report.write(arguments.json, title, figures, machine)
    return 0


if __name__ == "__main__":
    sys.exit(main())
