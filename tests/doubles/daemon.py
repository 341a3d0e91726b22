"""hearthd as a process of its own, as its owner starts it: `hearthd run --config FILE`."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TextIO

from tests.doubles.chronicle import Chronicle
from tests.doubles.supervisor import Notice, NotifySocket

PROGRAM: Final = (sys.executable, "-m", "hearthd")
_DAEMON: Final = Path(__file__).resolve().parents[2] / "daemon"
_STOP_LIMIT_S: Final = 10.0
_LOOK_S: Final = 0.2
"""How often to look whether it still lives, while something is waited for."""
_FIELD: Final = re.compile(r'(?<= )(\w+)=("(?:[^"\\]|\\.)*"|\S+)')
_UNWANTED: Final = ("JOURNAL_STREAM", "CREDENTIALS_DIRECTORY", "WATCHDOG_USEC", "WATCHDOG_PID")
"""What a supervisor of the test run itself may have left in the environment."""


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One line that the daemon wrote to stderr, stamped when it arrived."""

    at_s: float
    text: str

    @property
    def fields(self) -> dict[str, str]:
        """The `key=value` pairs behind the message, such as `event` and `latency_ms`."""
        return {name: value.strip('"') for name, value in _FIELD.findall(self.text)}

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended after it was told to."""

    exit_code: int
    """Minus the signal's number after a signal."""
    took_s: float


class DaemonProcess:
    """The daemon's process, or none while it is stopped; what still runs at the end is killed.

    `folder` takes its state, and its journal as the file `journal`.
    """

    def __init__(self, config: Path, folder: Path, environment: Mapping[str, str]) -> None:
        """`environment` is added to this process's own; nothing is started yet."""
        self.config = config
        self.journal: Final = Chronicle[JournalLine]("journal line")
        self.notices: Final = Chronicle[Notice]("notice to the supervisor")
        self.started_s = 0.0
        """When the process was last started."""
        self._folder = folder
        self._environment = dict(environment)
        self._process: Process | None = None
        self._lines: _Lines | None = None
        self._notify = NotifySocket()
        self._stack = contextlib.AsyncExitStack()
        self._file: TextIO | None = None

    async def __aenter__(self) -> Self:
        """Listen for what it will say; `start` starts it."""
        self._file = self._stack.enter_context((self._folder / "journal").open("a", encoding="utf-8"))
        loop = asyncio.get_running_loop()
        loop.add_reader(self._notify, self._hear)
        self._stack.callback(self._notify.close)
        self._stack.callback(loop.remove_reader, self._notify)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill what still runs."""
        if self.running:
            await self.kill()
        await self._stack.aclose()

    @property
    def running(self) -> bool:
        """Whether there is a process that has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Process id of the daemon itself."""
        return self._there.pid

    async def start(self) -> None:
        """Start it; returns before it is ready."""
        assert not self.running, "already running"
        reading, writing = os.pipe()
        self.started_s = time.monotonic()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(*PROGRAM, "run", "--config", str(self.config)),
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                env=self._whole_environment(),
                cwd=self._folder,
            )
        finally:
            os.close(writing)
        _, self._lines = await asyncio.get_running_loop().connect_read_pipe(
            lambda: _Lines(self._write_down), os.fdopen(reading, "rb", buffering=0)
        )

    async def ready(self, *, timeout_s: float = 60.0) -> Notice:
        """Wait until it told its supervisor that it is ready, as systemd does."""
        return await self._said("READY", "1", timeout_s)

    async def stop(self) -> Ending:
        """Ask it to end, as systemd does, and wait until it has."""
        return await self.end(signal.SIGTERM)

    async def kill(self) -> Ending:
        """End it as a power cut does."""
        return await self.end(signal.SIGKILL)

    async def end(self, number: signal.Signals) -> Ending:
        """Send a signal and wait; a daemon that does not end within 10 s is killed, which raises AssertionError."""
        process, asked_s = self._there, time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            exit_code = await self.ended()
            return Ending(exit_code, time.monotonic() - asked_s)
        except TimeoutError:
            process.kill()
            await self.ended()
            raise AssertionError(f"{number.name} did not end the daemon within {_STOP_LIMIT_S:g} s") from None

    async def ended(self, *, timeout_s: float = _STOP_LIMIT_S) -> int:
        """Wait for it to end by itself, with all that it had to say read; raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            exit_code = await self._there.wait()
            if self._lines is not None:
                await self._lines.closed.wait()
            return exit_code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal without waiting for anything."""
        self._there.send_signal(number)

    def tail(self, lines: int = 15) -> str:
        """Return the end of its journal."""
        return "\n".join(map(str, list(self.journal)[-lines:]))

    @property
    def _there(self) -> Process:
        assert self._process is not None, "never started"
        return self._process

    async def _said(self, name: str, value: str, timeout_s: float) -> Notice:
        def is_it(notice: Notice) -> bool:
            ours = notice.at_s >= self.started_s and notice.sender == self.pid
            return ours and notice.fields.get(name) == value

        deadline_s = time.monotonic() + timeout_s
        while True:
            for notice in self.notices.where(is_it):
                return notice
            code = self._there.returncode
            assert code is None, f"the daemon ended with {code} before it said {name}={value}"
            assert time.monotonic() < deadline_s, f"the daemon did not say {name}={value} within {timeout_s:g} s"
            with contextlib.suppress(AssertionError):  # nothing new: look whether it still lives
                await self.notices.until(is_it, "", timeout_s=_LOOK_S)

    def _whole_environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
        state = self._folder / "state"
        state.mkdir(exist_ok=True)
        ours = {
            "NOTIFY_SOCKET": self._notify.address,
            "STATE_DIRECTORY": str(state),
            "PYTHONPATH": str(_DAEMON),
        }
        return inherited | ours | self._environment

    def _hear(self) -> None:
        # A daemon that starts fast can be heard before whoever started it knows its process id.
        for notice in self._notify.read():
            self.notices.add(notice)

    def _write_down(self, line: JournalLine) -> None:
        self.journal.add(line)
        if self._file is not None and not self._file.closed:
            print(line.text, file=self._file, flush=True)


class _Lines(asyncio.Protocol):
    """Cuts what comes through a pipe into stamped lines."""

    def __init__(self, take: Callable[[JournalLine], None]) -> None:
        self._take = take
        self._unfinished = b""
        self.closed = asyncio.Event()
        """Whether the other end is closed and everything was read."""

    def data_received(self, data: bytes) -> None:
        at_s = time.monotonic()
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        for line in lines:
            self._take(JournalLine(at_s, line.decode(errors="replace")))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._unfinished:
            self._take(JournalLine(time.monotonic(), self._unfinished.decode(errors="replace")))
        self.closed.set()
