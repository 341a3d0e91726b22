"""`hearthd demo`: try hearthd without a microphone, a broker or a key."""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hearthd.cli.shared import EXIT_FAILED, complain
from hearthd.core.settings import ESPEAK_VOICES, FLITE_VOICES

if TYPE_CHECKING:
    from hearthd.demo.show import Tell

NAME = "demo"
SUMMARY = "try hearthd in a pretended room, without microphone, broker or key"
DETAILS = """\
examples:
  hearthd demo
  hearthd demo --list
  hearthd demo --say "set the floor lamp to thirty percent" --say "is the front door open"
  hearthd demo --interactive
  hearthd demo --say "open the blinds" --voice awb --output answer.wav
  echo "close the blinds" | hearthd demo --interactive

A synthesised voice speaks to the real daemon, which hears, wakes and understands with what is on this machine alone;
nothing leaves it, and no API key is used. Only the room and the house are pretended: a kitchen light, a floor lamp, a
bedroom light, a coffee machine, blinds, heating and a front door, which obey and report as real devices do.

The voices rms, kal16, awb, kal and slt come with flite; they wake it, and are mostly understood. Those of espeak-ng
(en-us, en-gb, en-us+f3 and others) sound less like people, and often are not. When a voice does not wake it, the demo
presses the button and says it again.

Ctrl-C ends it. Whatever was not understood is answered, too, with a question or with regret.

exit codes: 0 everything was answered, 1 not
"""
WISHES: Final = ("turn on the kitchen light", "set the floor lamp to fifty percent", "is the front door open")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--say", action="append", metavar="TEXT", help="what the voice says; may be given several times")
    what.add_argument("--interactive", action="store_true", help="the voice says each line that you type")
    what.add_argument("--list", action="store_true", help="show what can be said, for a start")
    voices = (*FLITE_VOICES, *ESPEAK_VOICES)
    parser.add_argument(
        "--voice", choices=voices, default="rms", metavar="NAME", help="who speaks to hearthd (default: %(default)s)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="a WAV file for what hearthd answered")
    parser.add_argument("--verbose", action="store_true", help="show the daemon's journal as well")


def main(options: argparse.Namespace) -> int:
    """Run the demo; returns 0 when everything was answered, 1 when not."""
    if options.list:
        from hearthd.demo.guide import SENTENCES

        print(*SENTENCES, sep="\n")
        return 0
    from hearthd.adapters.journal import configure_logging
    from hearthd.core.errors import HearthdError
    from hearthd.demo.stage import perform

    configure_logging("info" if options.verbose else "error")
    wishes = _typed() if options.interactive else _given(options.say or WISHES)
    try:
        performance = asyncio.run(perform(wishes, options.voice, _teller(), verbose=options.verbose))
        if options.output:
            _save(options.output, performance.played)
    except HearthdError as failure:
        complain(str(failure))
        return EXIT_FAILED
    except OSError as error:
        complain(f"{options.output}: {error.strerror}")
        return EXIT_FAILED
    return EXIT_FAILED if performance.unanswered else 0


def _teller() -> "Tell":
    from rich.console import Console
    from rich.text import Text

    console, began_s = Console(), time.monotonic()

    def tell(what: str, story: str) -> None:
        passed_s = time.monotonic() - began_s
        style = "bold red" if what == "trouble" else "bold"
        line = Text.assemble((f"{passed_s:7.2f} s  ", "dim"), (f"{what:<9}", style), f"  {story}")
        console.print(line, soft_wrap=True, highlight=False)

    return tell


async def _given(wishes: Iterable[str]) -> AsyncIterator[str]:
    for wish in wishes:
        yield wish


async def _typed() -> AsyncIterator[str]:
    from hearthd.demo.typed import lines

    is_terminal = sys.stdin.isatty()

    def ask() -> None:
        if is_terminal:
            print("say> ", end="", flush=True)

    if is_terminal:
        print('Type what shall be said, such as "turn on the kitchen light"; an empty line or Ctrl-D ends the demo.')
    async for line in lines(sys.stdin.fileno(), ask):
        yield line
    if is_terminal:
        print()


def _save(path: Path, pcm: bytes) -> None:
    import wave

    from hearthd.demo.room import ROOM_FORMAT

    with wave.open(str(path), "wb") as file:
        file.setnchannels(ROOM_FORMAT.channels)
        file.setsampwidth(2)
        file.setframerate(ROOM_FORMAT.rate_hz)
        file.writeframes(pcm)
