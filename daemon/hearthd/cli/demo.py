"""`hearthd demo`: try hearthd without a microphone, a broker or a key."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Final

from hearthd.cli.shared import EXIT_FAILED, complain

NAME = "demo"
SUMMARY = "try hearthd in a pretended room, without microphone, broker or key"
DETAILS = """\
examples:
  hearthd demo
  hearthd demo --say "set the floor lamp to thirty percent" --say "is the front door open"
  hearthd demo --interactive
  hearthd demo --say "open the blinds" --output answer.wav

A synthesised voice speaks to the real daemon, which hears, wakes and understands with what is on this machine alone;
nothing leaves it. Only the room and the house are pretended: a kitchen light, a floor lamp, a bedroom light, a coffee
machine, blinds, heating and a front door, which obey and report as real devices do.

exit codes: 0 everything was answered, 1 not
"""
WISHES: Final = ("turn on the kitchen light", "set the floor lamp to fifty percent", "is the front door open")
INTERRUPTED: Final = 130
"""What shells say of a program that Ctrl-C ended."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--say", action="append", metavar="TEXT", help="what the voice says; may be given several times")
    what.add_argument("--interactive", action="store_true", help="the voice says each line that you type")
    parser.add_argument("--voice", default="rms", help="the voice that speaks to hearthd (default: %(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="a WAV file for the answers")


def main(options: argparse.Namespace) -> int:
    """Run the demo; returns 0 when everything was answered, 1 when not."""
    import logging

    from rich.console import Console
    from rich.markup import escape

    from hearthd.core.errors import HearthdError
    from hearthd.demo.stage import perform

    logging.basicConfig(level=logging.ERROR)
    console = Console(highlight=False)

    def tell(what: str, story: str) -> None:
        console.print(f"  [bold]{what:<9}[/bold] {escape(story)}")

    wishes = _typed() if options.interactive else _given(options.say or WISHES)
    try:
        played = asyncio.run(perform(wishes, options.voice, tell))
        if options.output:
            _save(options.output, played)
    except HearthdError as failure:
        complain(str(failure))
        return EXIT_FAILED
    except OSError as error:
        complain(f"{options.output}: {error.strerror}")
        return EXIT_FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


async def _given(wishes: Iterable[str]) -> AsyncIterator[str]:
    for wish in wishes:
        yield wish


async def _typed() -> AsyncIterator[str]:
    """Give the lines that somebody types, until an empty one or the end of the input."""
    while line := (await asyncio.to_thread(_ask)).strip():
        yield line


def _ask() -> str:
    if sys.stdin.isatty():
        print("say> ", end="", flush=True)
    return sys.stdin.readline()


def _save(path: Path, pcm: bytes) -> None:
    import wave

    from hearthd.demo.room import ROOM_FORMAT

    with wave.open(str(path), "wb") as file:
        file.setnchannels(ROOM_FORMAT.channels)
        file.setsampwidth(2)
        file.setframerate(ROOM_FORMAT.rate_hz)
        file.writeframes(pcm)
