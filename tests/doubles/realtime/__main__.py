"""Runs a scenario as a server of its own process, until SIGTERM or SIGINT.

Prints its WebSocket URL as one line when it is ready. Exits 1 if a client did what a correct one never
does, and says what on stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.doubles.realtime.audio import from_wav
from tests.doubles.realtime.scenarios import SCENARIOS, default_answer
from tests.doubles.realtime.server import RealtimeDouble

if TYPE_CHECKING:
    from collections.abc import Sequence


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.doubles.realtime", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="demo")
    parser.add_argument("--answer", type=Path, help="sound file of the spoken answer")
    parser.add_argument("--journal", type=Path, help="file for every event as a JSON line")
    return parser.parse_args(argv)


async def _serve(arguments: argparse.Namespace) -> int:
    answer = from_wav(arguments.answer) if arguments.answer else default_answer()
    scenario = SCENARIOS[arguments.scenario](answer)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with contextlib.ExitStack() as files:
        journal = files.enter_context(arguments.journal.open("w")) if arguments.journal else None
        async with RealtimeDouble(scenario, port=arguments.port, journal=journal) as server:
            print(server.url, flush=True)  # noqa: T201 - the one line that callers wait for
            await stop.wait()
        for violation in server.record.violations:
            print(f"violation: {violation.problem}", file=sys.stderr)  # noqa: T201 - a command's output
        return 1 if server.record.violations else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until a signal; return the exit status."""
    return asyncio.run(_serve(_arguments(argv)))


if __name__ == "__main__":
    sys.exit(main())
