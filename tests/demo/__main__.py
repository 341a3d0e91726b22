"""Runs the demo; exits 0 only if everything really happened that it tells of."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.demo.journey import StepFailed, run_demo
from tests.demo.story import Story

INTERRUPTED: Final = 130
"""What shells say of a program that Ctrl-C ended."""
OUTPUT: Final = Path(__file__).resolve().parents[2] / "out" / "demo"


def _near(path: Path) -> str:
    """Write a path as short as it may be from here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; returns the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="DIR", help="where the sound files go")
    arguments = parser.parse_args(argv)
    story = Story(Console())
    try:
        asyncio.run(run_demo(arguments.output, story))
    except (StepFailed, AssertionError, RuntimeError, OSError) as error:
        step = error.step if isinstance(error, StepFailed) else "start"
        story.fail(step, str(error), getattr(error, "__notes__", []))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    story.note(f"To listen to: {_near(arguments.output / 'said.wav')} and {_near(arguments.output / 'answered.wav')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
