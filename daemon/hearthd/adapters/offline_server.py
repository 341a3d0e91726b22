"""The way to the embedded server: to one that listens already, else to a child of ours, started when it is needed."""

import asyncio
import logging
import os
import shutil
import socket
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from hearthd.adapters.child import ChildEnded, ListeningChild
from hearthd.adapters.websocket import WebSocketTransport
from hearthd.core.settings import OfflineSettings, RealtimeSettings, Secret
from hearthd.ports import LinkConnection, LinkUnavailable

UNIT_SOCKET: Final = Path("/run/hearthd-offline/realtime.sock")
"""Where `hearthd-offline.socket` listens."""
SETTLED_S: Final = 60.0
"""A child that lived so long did not die of its start."""
RESTART_FIRST_S: Final = 1.0
RESTART_CAP_S: Final = 30.0
"""Between the starts of a child that dies young: nothing before the second, then from one second, doubled, to this."""

IDLE_MINUTES: Final = 10.0
"""A child that nobody is connected to for so long ends, and its memory is free."""

_BACKLOG: Final = 16

log = logging.getLogger(__name__)


class OfflineTransport:
    """The `LinkTransport` to the embedded server; an async context manager, at whose end a child is ended.

    Which server that is, is decided anew for each connection: the one of `[offline] socket`; else that of the systemd
    unit, if its socket is there and we may use it; else a child of this process.

    The child's socket is made by us, in a folder that nobody else may enter, and handed to the child as systemd would.
    So a connection may be asked for before the child is up, and the address outlives the child. It is started by the
    first connection and, when it died, by the next one; whoever connects waits between attempts anyway.
    """

    def __init__(
        self, settings: OfflineSettings, *, command: Sequence[str] = (), unit_socket: Path = UNIT_SOCKET
    ) -> None:
        """Start nothing yet; `command` replaces that of the child."""
        self._socket = Path(settings.socket) if settings.socket else None
        self._unit_socket = unit_socket
        self._command = tuple(command) or _command(settings)
        self._folder: Path | None = None
        self._listening: socket.socket | None = None
        self._child: ListeningChild | None = None
        self._started_s = 0.0
        self._next_start_s = 0.0
        self._died_young = 0
        self._closing = False

    async def __aenter__(self) -> Self:
        """Start nothing yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the child, if there is one, within about a second, and remove its socket."""
        self._closing = True
        try:
            if self._child is not None:
                await self._child.end()
        finally:
            if self._listening is not None:
                self._listening.close()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def child_pid(self) -> int | None:
        """The process id of the child, if one runs."""
        return self._child.pid if self._child is not None else None

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[LinkConnection]:
        """Open one connection, closed on exit. Entering raises `LinkUnavailable` or `LinkRefused`, in at most 10 s."""
        path, child = self._standing(), None
        if path is None:
            path, child = self._served_by_child()
        # The servers of this machine take neither key nor model.
        transport = WebSocketTransport(RealtimeSettings(url=f"ws+unix://{path}", model=""), Secret(""))
        async with AsyncExitStack() as stack:
            try:
                async with child.needed() if child is not None else nullcontext():
                    connection = await stack.enter_async_context(transport.connect())
            except ChildEnded as ended:
                raise LinkUnavailable(f"the offline server {ended.outcome} before it answered") from ended
            except LinkUnavailable as error:
                problem = f"the offline server at {path} does not answer: {error.problem}"
                raise LinkUnavailable(problem, retry_after_s=error.retry_after_s) from error
            yield connection

    def _standing(self) -> Path | None:
        """Return where a server listens that is not our child."""
        if self._socket is not None:
            return self._socket
        try:
            there = stat.S_ISSOCK(self._unit_socket.stat().st_mode) and os.access(self._unit_socket, os.W_OK)
        except OSError:
            return None
        return self._unit_socket if there else None

    def _served_by_child(self) -> tuple[Path, ListeningChild]:
        if self._closing:
            raise LinkUnavailable("hearthd is stopping, and the offline server with it")
        now_s = asyncio.get_running_loop().time()
        if self._child is None and now_s < self._next_start_s:
            wait_s = self._next_start_s - now_s
            problem = f"the offline server keeps ending; it is started again in {wait_s:.0f} s"
            raise LinkUnavailable(problem, retry_after_s=wait_s)
        try:
            path, listening = self._address()
            if self._child is None:
                self._child = ListeningChild(self._command, listening, self._child_ended)
                self._started_s = now_s
                fields = {"HEARTHD_EVENT": "offline_server_started", "HEARTHD_CHILD": self._child.pid}
                log.info("the offline server is started", extra=fields)
        except OSError as error:
            raise LinkUnavailable(f"the offline server cannot be started: {error.strerror or error}") from error
        return path, self._child

    def _address(self) -> tuple[Path, socket.socket]:
        """Return our own socket and where it is, making them the first time. Raises `OSError`."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="hearthd-offline-", dir=_runtime_folder()))
        path = self._folder / "realtime.sock"
        if self._listening is None:
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                listening.bind(str(path))
                listening.listen(_BACKLOG)
            except OSError:
                listening.close()
                raise
            self._listening = listening
        return path, self._listening

    def _child_ended(self) -> None:
        child, self._child = self._child, None
        if self._closing or child is None:
            return
        now_s = asyncio.get_running_loop().time()
        fields = {"HEARTHD_EVENT": "offline_server_ended", "HEARTHD_CHILD": child.pid}
        if child.ended_well:
            self._died_young, self._next_start_s = 0, now_s
            log.info("the offline server has ended, for nobody needs it", extra=fields)
            return
        self._died_young = self._died_young + 1 if now_s - self._started_s < SETTLED_S else 1
        pause_s = RESTART_FIRST_S * 2.0 ** (self._died_young - 2) if self._died_young > 1 else 0.0
        self._next_start_s = now_s + min(pause_s, RESTART_CAP_S)
        log.warning("the offline server %s", child.outcome, extra=fields)


def _command(settings: OfflineSettings) -> tuple[str, ...]:
    voice = ("--voice", settings.voice, "--speed", f"{settings.speed:g}", "--pitch", f"{settings.pitch:g}")
    return (sys.executable, "-P", "-m", "hearthd", "offline", *voice, "--exit-when-idle", f"{IDLE_MINUTES:g}")


def _runtime_folder() -> str:
    """Return the folder for what lives as long as this process; under systemd the service's own."""
    own = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    for folder in (own, os.environ.get("XDG_RUNTIME_DIR", "")):
        if folder and os.access(folder, os.W_OK | os.X_OK):
            return folder
    return tempfile.gettempdir()
