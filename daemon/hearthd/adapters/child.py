"""One child process that serves a UNIX socket of ours, is heard of when it ends, and never outlives us."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from hearthd.core.errors import HearthdError

STOP_S: Final = 1.0
"""What a child gets to end politely; a stop of the whole daemon must be over in 2 s."""
_KILLED_S: Final = 1.0
"""The kernel ends a killed process in milliseconds, unless a driver holds it."""

_LAUNCHER: Final = """
import ctypes, os, signal, sys
parent, listening, *command = sys.argv[1:]
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
if os.getppid() != int(parent):
    sys.exit(1)
os.dup2(int(listening), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(command[0], command)
"""
"""Runs in the child and turns into its program: the kernel shall kill it when we are gone, and it finds the listening
socket as `sd_listen_fds(3)` has it, for which it must know its own process id. A `preexec_fn` would do the same in a
fork of ours, which is not safe beside threads."""

_OURS: Final = frozenset(
    {
        "CREDENTIALS_DIRECTORY",
        "HEARTHD_MQTT_PASSWORD",
        "NOTIFY_SOCKET",
        "OPENAI_API_KEY",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
    }
)
"""Secrets, and the way to our own supervisor."""


class ChildEnded(HearthdError):
    """A child has ended that was still needed."""

    def __init__(self, outcome: str) -> None:
        """Tell how it ended, in words."""
        super().__init__(outcome)
        self.outcome = outcome


class ListeningChild:
    """A running child that serves a socket; made on the running loop, and ended by `end`.

    It shares our standard error, and so writes into the same journal or terminal. It must be made in the main thread,
    for the kernel takes the end of the thread that made it for our end. Reaped as soon as it ends.
    """

    def __init__(self, command: Sequence[str], listening: socket.socket, on_end: Callable[[], None]) -> None:
        """Start `command`, its first word an absolute path, and call `on_end` once when it has ended.

        Raises `OSError` when the system has no process to spare.
        """
        self._on_end = on_end
        self._ended = asyncio.Event()
        self._needed = set[asyncio.Timeout]()
        self._loop = asyncio.get_running_loop()
        handed = listening.fileno()
        self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell.
            [sys.executable, "-ISc", _LAUNCHER, str(os.getpid()), str(handed), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[handed],
            env=_without_ours(os.environ),
            process_group=0,  # Ctrl-C reaches us alone, and we end it in order, even while it still starts.
        )
        try:
            self._watch = os.pidfd_open(self._process.pid)
        except OSError:
            self._process.kill()
            self._process.wait()
            raise
        self._loop.add_reader(self._watch, self._reap)

    @property
    def pid(self) -> int:
        """Its process id, which is nobody's once it has ended."""
        return self._process.pid

    @property
    def outcome(self) -> str:
        """How it ended, in words; empty while it runs."""
        code = self._process.returncode
        if code is None:
            return ""
        return f"ended with {code}" if code >= 0 else f"was ended by {_signal_name(-code)}"

    @property
    def ended_well(self) -> bool:
        """Whether it ended of its own accord and without complaint."""
        return self._process.returncode == 0

    @asynccontextmanager
    async def needed(self) -> AsyncIterator[None]:
        """Cut short what is done inside, with `ChildEnded`, when the child ends meanwhile or has ended."""
        limit = asyncio.timeout(None)
        try:
            async with limit:
                self._needed.add(limit)
                if self._ended.is_set():
                    self._cut_short(limit)
                yield
        except TimeoutError as late:
            if limit.expired():
                raise ChildEnded(self.outcome) from late
            raise
        finally:
            self._needed.discard(limit)

    async def end(self) -> None:
        """End it: politely, and after `STOP_S` or when cancelled by force; it has ended and is reaped on return."""
        self._process.terminate()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await self._ended.wait()
        finally:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_KILLED_S)
            self._reap()

    def _reap(self) -> None:
        if self._ended.is_set() or self._process.poll() is None:
            return
        self._loop.remove_reader(self._watch)
        os.close(self._watch)
        self._ended.set()
        for limit in self._needed:
            self._cut_short(limit)
        self._on_end()

    def _cut_short(self, limit: asyncio.Timeout) -> None:
        limit.reschedule(self._loop.time())


def _without_ours(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in _OURS}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
