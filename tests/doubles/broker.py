"""A private mosquitto on loopback: passwords, access lists, TLS, and the faults of a broker in a house."""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import time
from asyncio.subprocess import Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.doubles.certificates import Certificates, issue

_PROGRAM_PATHS: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PORTS: Final = range(20_000, 32_000)
"""Below the kernel's ephemeral ports, or an outgoing connection could take the port of a stopped broker."""
_TAKEN: Final = "New connection from "
"""What mosquitto logs of the first to connect, and no sooner than its loop runs.

Of a SIGTERM in between, after its listeners are open and it called itself running, it would know nothing more.
"""
_START_LIMIT_S: Final = 20.0
_STOP_LIMIT_S: Final = 10.0
_POLL_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class Account:
    """Who may log in, and to which topics."""

    username: str
    password: str
    access: tuple[str, ...] = ("readwrite #",)
    """Lines of mosquitto's access list, such as `read zigbee2mqtt/#`."""


class MosquittoBroker:
    """One mosquitto process, or none while it is stopped; the port stays the same until the end.

    `folder` is an empty folder for its files. Without `accounts` anybody may do anything. With `tls` it
    speaks nothing else, and `certificates` tells what to trust. Retained messages survive `stop` and `start`,
    but not `kill`.
    """

    host: Final = "127.0.0.1"

    def __init__(self, folder: Path, *, accounts: Sequence[Account] = (), tls: bool = False) -> None:
        self._folder = folder
        self._accounts = tuple(accounts)
        self._tls = tls
        self._process: Process | None = None
        self._port = 0
        self._certificates: Certificates | None = None

    async def __aenter__(self) -> Self:
        """Start on a free port; returns when it answers connections and signals."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "log").touch()
        if self._tls:
            self._certificates = issue(self._folder / "certificates")
        self._write_access()
        self._port = _free_port()
        self._write_settings()
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill it, in whatever state it is."""
        if self._process is not None:
            await self.kill()

    @property
    def port(self) -> int:
        """The TCP port on `host`."""
        return self._port

    @property
    def certificates(self) -> Certificates:
        """What to trust; only with `tls`."""
        assert self._certificates is not None, "this broker speaks no TLS"
        return self._certificates

    @property
    def log(self) -> str:
        """Everything it has logged, one line an event."""
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")

    async def start(self) -> None:
        """Start it again on the same port; returns when it answers connections and signals."""
        assert self._process is None, "already running"
        begin = len(self.log)
        with (self._folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *("mosquitto", "-c", str(self._folder / "mosquitto.conf")),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Debian keeps it in /usr/sbin, which is not on an ordinary user's path.
                env=dict(os.environ, PATH=_PROGRAM_PATHS),
            )
        deadline_s = time.monotonic() + _START_LIMIT_S
        while _TAKEN not in self.log[begin:]:
            assert self._process.returncode is None, f"mosquitto ended at once:\n{self.log}"
            assert time.monotonic() < deadline_s, f"mosquitto does not start:\n{self.log}"
            await self._knock()
            await asyncio.sleep(_POLL_S)

    async def stop(self) -> None:
        """Shut it down in order: clients get a DISCONNECT, retained messages are saved."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a power cut does."""
        await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        """Stop and start it, as an update does."""
        await self.stop()
        await self.start()

    def freeze(self) -> None:
        """Leave connections open and answer nothing until `thaw`, as a machine that is out of memory does."""
        self._running.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on where `freeze` stopped it."""
        self._running.send_signal(signal.SIGCONT)

    @property
    def _running(self) -> Process:
        assert self._process is not None, "not running"
        return self._process

    async def _knock(self) -> None:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(self.host, self._port)
            writer.close()
            await writer.wait_closed()

    async def _end(self, number: signal.Signals) -> None:
        process, self._process = self._running, None
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            async with asyncio.timeout(_STOP_LIMIT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            raise

    def _write_access(self) -> None:
        if not self._accounts:
            return
        passwords = self._folder / "passwords"
        passwords.write_text("".join(f"{account.username}:{account.password}\n" for account in self._accounts))
        passwords.chmod(0o600)
        subprocess.run(["mosquitto_passwd", "-U", passwords], check=True, timeout=30)
        access = self._folder / "access"
        access.write_text(
            "".join(
                f"user {account.username}\n" + "".join(f"topic {line}\n" for line in account.access)
                for account in self._accounts
            )
        )
        access.chmod(0o600)

    def _write_settings(self) -> None:
        settings = {
            "per_listener_settings": "false",
            "listener": f"{self._port} {self.host}",
            "allow_anonymous": "false" if self._accounts else "true",
            "persistence": "true",
            "persistence_location": f"{self._folder}/",
            "log_dest": "stderr",
            "log_type": "all",
        }
        if os.geteuid() == 0:
            # It would become the user "mosquitto", who cannot read a test's folder.
            settings["user"] = "root"
        if self._accounts:
            settings["password_file"] = str(self._folder / "passwords")
            settings["acl_file"] = str(self._folder / "access")
        if self._certificates is not None:
            settings["certfile"] = str(self._certificates.certificate_file)
            settings["keyfile"] = str(self._certificates.key_file)
        lines = (f"{name} {value}\n" for name, value in settings.items())
        (self._folder / "mosquitto.conf").write_text("".join(lines), encoding="utf-8")


def _free_port() -> int:
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((MosquittoBroker.host, port))
            return port
