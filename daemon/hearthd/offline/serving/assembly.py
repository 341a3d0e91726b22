"""Names the recogniser and the voice that are really used. Run as a program, this is the worker process."""

import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from hearthd.offline.parts import Recogniser, Synthesiser

_SPEEDS: Final = (0.5, 2.0)
"""What the speech programs can do, times their own speed."""
_VOICES_KEPT: Final = 4
"""One for each speed that sessions ask for."""


def worker_command(voice: str, speed: float, pitch: float) -> list[str]:
    """Return the command of a worker that speaks like this."""
    return [sys.executable, "-P", "-m", "hearthd.offline.serving.assembly", voice, f"{speed:g}", f"{pitch:g}"]


def make_recogniser() -> Recogniser:
    """Load the recogniser; takes a second and its memory."""
    from hearthd.offline.hearing.recogniser import GrammarRecogniser  # noqa: PLC0415 - only the worker pays for it.

    return GrammarRecogniser()


def voices(voice: str, speed: float, pitch: float) -> Callable[[float], Synthesiser]:
    """Return what makes the voice for a session that wants it so many times as fast."""
    from hearthd.offline.speaking.speech import ProgramSynthesiser  # noqa: PLC0415 - only the worker pays for it.

    @lru_cache(_VOICES_KEPT)
    def make(factor: float) -> Synthesiser:
        slowest, fastest = _SPEEDS
        return ProgramSynthesiser(voice, min(max(speed * factor, slowest), fastest), pitch)

    return make


def main(arguments: Sequence[str]) -> None:
    """Be the worker."""
    from hearthd.offline.serving.worker import serve_parent  # noqa: PLC0415 - only the worker pays for it.

    voice, speed, pitch = arguments
    serve_parent(make_recogniser, voices(voice, float(speed), float(pitch)))


if __name__ == "__main__":
    main(sys.argv[1:])
