"""Who watches over the daemon, without root: systemd's side of `sd_notify(3)`, and the port in memory."""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import struct
import subprocess
import time
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_CREDENTIALS: Final = struct.Struct("iII")
_DATAGRAM_BYTES: Final = 65_536
_STOP_LIMIT_S: Final = 10.0
_LOOK_S: Final = 0.2
"""How often to look whether the program has ended."""


class MemorySupervisor:
    """The `Supervisor` port that remembers what it was told, in order."""

    def __init__(self, watchdog_s: float | None = None) -> None:
        self._watchdog_s = watchdog_s
        self.told: Final[list[dict[str, str]]] = []

    @property
    def watchdog_s(self) -> float | None:
        """The interval it was made with."""
        return self._watchdog_s

    def ready(self, status: str) -> None:
        """Remember that the service is up."""
        self.told.append({"READY": "1", "STATUS": _one_line(status)})

    def status(self, text: str) -> None:
        """Remember how the service is."""
        self.told.append({"STATUS": _one_line(text)})

    def alive(self) -> None:
        """Remember a feeding of the watchdog."""
        self.told.append({"WATCHDOG": "1"})

    def stopping(self, status: str) -> None:
        """Remember that the service goes down."""
        self.told.append({"STOPPING": "1", "STATUS": _one_line(status)})


@dataclass(frozen=True, slots=True)
class Notice:
    """One datagram that reached the notify socket."""

    at_s: float
    """When it was read, on the monotonic clock."""
    sender: int
    """Process id of the sender; the kernel vouches for it."""
    fields: Mapping[str, str]
    """The assignments, such as `{"READY": "1", "STATUS": "Listening"}`."""


class NotifySocket:
    """The socket that `NOTIFY_SOCKET` names, and all that arrived on it."""

    def __init__(self) -> None:
        # An abstract name, for a path of pytest's can be longer than a socket's address may be.
        self.address: Final = f"@hearthd-test-{secrets.token_hex(8)}"
        self.heard: Final[list[Notice]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(self.address.replace("@", "\0", 1))

    def __enter__(self) -> Self:
        """Listen already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def fileno(self) -> int:
        """Let an event loop wait for datagrams."""
        return self._socket.fileno()

    def read(self) -> list[Notice]:
        """Take what has arrived, without waiting; returns the new notices, which are in `heard` too."""
        fresh: list[Notice] = []
        while True:
            try:
                text, ancillary, _, _ = self._socket.recvmsg(_DATAGRAM_BYTES, socket.CMSG_SPACE(64))
            except BlockingIOError:
                self.heard.extend(fresh)
                return fresh
            sender, _, _ = _CREDENTIALS.unpack(_credentials(ancillary))
            pairs = (line.partition("=") for line in text.decode().splitlines())
            fresh.append(Notice(time.monotonic(), sender, {name: value for name, _, value in pairs}))

    def close(self) -> None:
        """Stop listening; the address leads nowhere afterwards."""
        self._socket.close()


class SupervisedProcess:
    """A program started as systemd starts a service of `Type=notify`, from `__aenter__` to `__aexit__`.

    `folder` is an empty folder for the credentials, the state directory and the program's output. Only the
    main process is heard, as with `NotifyAccess=main`; once ready, it must feed the watchdog in time or gets
    SIGABRT. It is never restarted. What still runs at the end is killed.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        *,
        watchdog_s: float | None = None,
        credentials: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command = tuple(command)
        self._folder = folder
        self._watchdog_s = watchdog_s
        self._credentials = dict(credentials or {})
        self._environment = dict(environment or {})
        self._socket = NotifySocket()
        self._news = asyncio.Event()
        self._watchdog: asyncio.TimerHandle | None = None
        self._process: Process | None = None
        self.heard: Final[list[Notice]] = []
        """What the main process said, oldest first."""
        self.watchdog_bit = False
        """Whether the watchdog ran out."""

    async def __aenter__(self) -> Self:
        """Start the program; returns at once, before it is ready."""
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        with (self._folder / "output").open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                # WATCHDOG_PID is the program's own id, which only the process that becomes it can know.
                *("sh", "-c", 'export WATCHDOG_PID=$$; exec "$@"', "sh", *self._command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._service_environment(),
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill what still runs and close the socket."""
        if self._watchdog is not None:
            self._watchdog.cancel()
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    @property
    def process(self) -> Process:
        """The program's process."""
        assert self._process is not None, "not started"
        return self._process

    @property
    def output(self) -> str:
        """What the program has written to stdout and stderr."""
        return (self._folder / "output").read_text(encoding="utf-8", errors="replace")

    async def until(self, limit_s: float = 20.0, **fields: str) -> Notice:
        """Return the first notice that has all `fields`, waiting for it if need be.

        Raises AssertionError with the program's output when it ends or `limit_s` passes before that.
        """
        deadline_s = time.monotonic() + limit_s
        while time.monotonic() < deadline_s:
            for notice in self.heard:
                if fields.items() <= notice.fields.items():
                    return notice
            assert self.process.returncode is None, f"ended before it said {fields}:\n{self.output}"
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._news.wait()
        raise AssertionError(f"did not say {fields} in {limit_s:g} s:\n{self.output}")

    async def ended(self, limit_s: float = _STOP_LIMIT_S) -> int:
        """Return the exit code (minus the signal's number after a signal) once the program has ended."""
        async with asyncio.timeout(limit_s):
            return await self.process.wait()

    def _service_environment(self) -> dict[str, str]:
        state, credentials = self._folder / "state", self._folder / "credentials"
        state.mkdir(mode=0o700)
        environment = dict(os.environ, NOTIFY_SOCKET=self._socket.address, STATE_DIRECTORY=str(state))
        environment.pop("JOURNAL_STREAM", None)
        if self._watchdog_s is not None:
            environment["WATCHDOG_USEC"] = str(round(self._watchdog_s * 1_000_000))
        if self._credentials:
            credentials.mkdir(mode=0o700)
            for name, secret in self._credentials.items():
                (credentials / name).write_text(secret, encoding="utf-8")
                (credentials / name).chmod(0o400)
            environment["CREDENTIALS_DIRECTORY"] = str(credentials)
        return environment | self._environment

    def _read(self) -> None:
        for notice in self._socket.read():
            if self._process is not None and notice.sender != self._process.pid:
                continue
            self.heard.append(notice)
            if notice.fields.keys() & {"READY", "WATCHDOG"}:
                self._wind_watchdog()
            if "STOPPING" in notice.fields and self._watchdog is not None:
                self._watchdog.cancel()
        self._news.set()

    def _wind_watchdog(self) -> None:
        if self._watchdog_s is None:
            return
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._watchdog = asyncio.get_running_loop().call_later(self._watchdog_s, self._bite)

    def _bite(self) -> None:
        self.watchdog_bit = True
        if self.process.returncode is None:
            # As systemd does: a process that is stopped dies only once it goes on.
            self.process.send_signal(signal.SIGABRT)
            self.process.send_signal(signal.SIGCONT)


def _credentials(ancillary: Sequence[tuple[int, int, bytes]]) -> bytes:
    wanted = (socket.SOL_SOCKET, socket.SCM_CREDENTIALS)
    return next(content for level, kind, content in ancillary if (level, kind) == wanted)


def _one_line(text: str) -> str:
    return " ".join(text.split())
