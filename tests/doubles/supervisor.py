"""Who watches over the daemon, without root: systemd's side of `sd_notify(3)`, and the port in memory."""

import secrets
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from hearthd.core.plain_text import one_line

_CREDENTIALS: Final = struct.Struct("iII")
_DATAGRAM_BYTES: Final = 65_536


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
        self.told.append({"READY": "1", "STATUS": one_line(status)})

    def status(self, text: str) -> None:
        """Remember how the service is."""
        self.told.append({"STATUS": one_line(text)})

    def alive(self) -> None:
        """Remember a feeding of the watchdog."""
        self.told.append({"WATCHDOG": "1"})

    def stopping(self, status: str) -> None:
        """Remember that the service goes down."""
        self.told.append({"STOPPING": "1", "STATUS": one_line(status)})


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


def _credentials(ancillary: Sequence[tuple[int, int, bytes]]) -> bytes:
    wanted = (socket.SOL_SOCKET, socket.SCM_CREDENTIALS)
    return next(content for level, kind, content in ancillary if (level, kind) == wanted)
