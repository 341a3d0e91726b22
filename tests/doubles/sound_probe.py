"""The ALSA adapter alone in a process of its own, so that the calls below it can fail: a program and its driver.

The program opens one device again and again until SIGTERM, and tells on stdout, one JSON object a line, what happens:

    python -m tests.doubles.sound_probe microphone|speaker DEVICE
"""

import asyncio
import os
import signal
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, process_time
from types import TracebackType
from typing import Self

import msgspec

from hearthd.adapters.alsa import AlsaMicrophone, AlsaSpeaker
from hearthd.core.audio.pcm import PcmFormat
from hearthd.ports import DeviceUnavailable

ROOT = Path(__file__).resolve().parents[2]
RATE_HZ = 48_000
REOPEN_S = 0.05
LIMIT_S = 20.0
"""Far beyond anything that works, on a loaded machine too."""


class News(msgspec.Struct, frozen=True):
    """One line of a probe."""

    what: str
    """opened, alive (the first sound after an opening or an xrun), xrun, lost, stray or ended."""
    at_s: float
    """Monotonic."""
    cpu_s: float
    """What the process has used so far."""
    operation: str = ""
    problem: str = ""
    threads: int = 0


def tell(what: str, operation: str = "", problem: str = "") -> None:
    """Write one line; a whole one, from any thread."""
    news = News(what, monotonic(), process_time(), operation, problem, threading.active_count())
    os.write(sys.stdout.fileno(), msgspec.json.encode(news) + b"\n")


class EarAndMouth:
    """Implements both `ports.Ear` and `ports.Mouth`: wants and gives sound for ever, and tells what is new."""

    def __init__(self) -> None:
        self.wanted = False
        """Whether anybody may call; a call at another time is stray."""
        self._granted = PcmFormat(RATE_HZ)
        self._quiet = True

    def opened(self, granted: PcmFormat) -> None:
        """Tell it."""
        self._granted = granted
        self._quiet = True
        tell("opened")

    def feed(self, pcm: bytes, captured_at_s: float) -> int:
        """Tell the first; be as idle as can be."""
        self._lives()
        return 4

    def pull(self, frames: int) -> bytes:
        """Give sound without an end."""
        self._check()
        return b"\x10\x10" * self._granted.channels * frames

    def played(self, pending_frames: int) -> None:
        """Tell the first."""
        self._lives()

    def silenced(self, pending_frames: int) -> None:
        """Is never cut."""

    def overran(self) -> None:
        """Tell it."""
        self._quiet = True
        tell("xrun")

    underran = overran

    def _lives(self) -> None:
        self._check()
        if self._quiet:
            self._quiet = False
            tell("alive")

    def _check(self) -> None:
        if not self.wanted:
            tell("stray")


async def serve(kind: str, device: str) -> None:
    """Open the device whenever it is not."""
    ears = EarAndMouth()
    card = AlsaMicrophone(device, RATE_HZ) if kind == "microphone" else AlsaSpeaker(device, RATE_HZ)
    while True:
        ears.wanted = True
        try:
            await (card.listen(ears) if isinstance(card, AlsaMicrophone) else card.play(ears))
        except DeviceUnavailable as loss:
            tell("lost", loss.operation, loss.problem)
        finally:
            ears.wanted = False
        await asyncio.sleep(REOPEN_S)


async def main() -> None:
    """Serve until SIGTERM."""
    serving = asyncio.current_task()
    assert serving is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
    try:
        await serve(*sys.argv[1:])
    except asyncio.CancelledError:
        tell("ended")


class Probe:
    """Starts the program and reads its news; as a context manager it kills what still runs at the end."""

    def __init__(self, kind: str, device: str, environment: Mapping[str, str]) -> None:
        self._command = [sys.executable, "-m", __name__, kind, device]
        paths = os.pathsep.join(map(str, (ROOT, ROOT / "daemon")))
        self._environment = dict(os.environ, PYTHONPATH=paths, **environment)
        self._process: Process | None = None
        self.heard: list[News] = []
        """Everything that the program told, oldest first."""

    async def __aenter__(self) -> Self:
        """Start it."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command, env=self._environment, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill it if need be."""
        if self.process.returncode is None:
            self.process.kill()
            await self.process.communicate()

    @property
    def process(self) -> Process:
        """The program's process."""
        assert self._process is not None, "not started"
        return self._process

    async def until(self, what: str) -> News:
        """Read up to the next news of a kind; raises AssertionError when the program ends or tells nothing more."""
        assert self.process.stdout is not None
        while True:
            try:
                async with asyncio.timeout(LIMIT_S):
                    line = await self.process.stdout.readline()
            except TimeoutError:
                raise AssertionError(f"no {what} within {LIMIT_S:g} s after {self.heard[-5:]}") from None
            assert line, f"ended without {what}: {self.heard[-5:]} {await self._stderr()}"
            self.heard.append(msgspec.json.decode(line, type=News))
            if self.heard[-1].what == what:
                return self.heard[-1]

    async def end(self) -> tuple[int, str]:
        """Ask it to end; returns the exit code and what it wrote to stderr."""
        self.process.terminate()
        await self.until("ended")
        async with asyncio.timeout(LIMIT_S):
            return await self.process.wait(), await self._stderr()

    async def _stderr(self) -> str:
        assert self.process.stderr is not None
        return (await self.process.stderr.read()).decode()


if __name__ == "__main__":
    asyncio.run(main())
