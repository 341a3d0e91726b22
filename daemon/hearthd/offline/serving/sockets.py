"""Where the server listens: a socket that systemd hands over, one of the file system, or a port of this machine."""

import os
import socket
import stat
import tempfile
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hearthd.core.errors import HearthdError

FIRST_HANDED_FD: Final = 3
"""`SD_LISTEN_FDS_START` of sd_listen_fds(3)."""
SOCKET_MODE: Final = 0o660
FOLDER_MODE: Final = 0o700
LOOPBACK: Final = "127.0.0.1"
_BACKLOG: Final = 16
_PROBE_S: Final = 1.0


class CannotListen(HearthdError):
    """There is no socket to listen on."""

    def __init__(self, where: str, problem: str) -> None:
        """Tell `where` it was to be, what is wrong and what to do about it."""
        super().__init__(f"cannot listen on {where}: {problem}")
        self.where = where
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that takes connections."""

    socket: socket.socket
    local: bool
    """Whether it is of the file system, where permissions say who may connect."""
    path: Path | None = None
    """Its file, if that is ours to remove."""
    inode: int = 0

    @property
    def address(self) -> str:
        """What a client is given; the port is filled in."""
        if self.local:
            name = self.path or self.socket.getsockname()
            return f"ws+unix://{os.fsdecode(name)}"
        host, port = self.socket.getsockname()[:2]
        return f"ws://{host}:{port}/v1/realtime"

    def close(self) -> None:
        """Listen no more, and remove the file unless somebody else took its place."""
        self.socket.close()
        if self.path is not None:
            with suppress(OSError):
                if self.path.lstat().st_ino == self.inode:
                    self.path.unlink()


def handed_over(environment: MutableMapping[str, str]) -> list[Listening]:
    """Take the listening sockets that systemd, or whoever does as it does, hands over; none outside of that.

    As in sd_listen_fds(3), the variables are removed, so that no child takes the sockets for its own. Raises
    `CannotListen` for a descriptor that nobody can connect to.
    """
    pid, count = environment.pop("LISTEN_PID", ""), environment.pop("LISTEN_FDS", "")
    environment.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdecimal():
        return []
    return [_handed(fd) for fd in range(FIRST_HANDED_FD, FIRST_HANDED_FD + int(count))]


def _handed(fd: int) -> Listening:
    try:
        handed = socket.socket(fileno=fd)
        listening = handed.type == socket.SOCK_STREAM and handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise CannotListen(f"the descriptor {fd} of LISTEN_FDS", f"it is no socket ({error.strerror})") from error
    if not listening:
        handed.detach()
        raise CannotListen(f"the descriptor {fd} of LISTEN_FDS", "it does not listen; use ListenStream= in the unit")
    os.set_inheritable(fd, False)  # noqa: FBT003 - as below.
    handed.setblocking(False)  # noqa: FBT003 - the standard library's own signature.
    return Listening(handed, local=handed.family == socket.AF_UNIX)


def default_path(environment: Mapping[str, str], user_id: int) -> Path:
    """Return where the socket is when nobody says: the service's folder, the user's, else one made for the user."""
    service = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if service:
        return Path(service) / "offline.sock"
    user = environment.get("XDG_RUNTIME_DIR", "")
    folder = Path(user) / "hearthd" if user else Path(tempfile.gettempdir()) / f"hearthd-{user_id}"
    return folder / "offline.sock"


def on_path(path: Path) -> Listening:
    """Listen on a UNIX socket at `path`, for its owner and group alone; its folder is made for the owner alone.

    What an earlier server left behind is replaced. Raises `CannotListen`: somebody listens there, the folder is
    another user's, or the system refuses.
    """
    where = str(path)
    try:
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if not _trusted(path.parent):
            problem = f"{path.parent} belongs to another user, who could listen in our place; choose another --socket"
            raise CannotListen(where, problem)
        _make_room(path)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(where)
            path.chmod(SOCKET_MODE)
            listening.listen(_BACKLOG)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        problem = f"{error.strerror or error}; name another place with --socket"
        raise CannotListen(where, problem) from error
    listening.setblocking(False)  # noqa: FBT003 - the standard library's own signature.
    return Listening(listening, local=True, path=path, inode=path.lstat().st_ino)


def on_port(port: int) -> Listening:
    """Listen on a TCP port of this machine, 0 for any free one, for this machine alone. Raises `CannotListen`."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, port))
        listening.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise CannotListen(
            f"port {port}", f"{reason}; name another one with --port, or 0 for any that is free"
        ) from error
    listening.setblocking(False)  # noqa: FBT003 - the standard library's own signature.
    return Listening(listening, local=False)


def _make_room(path: Path) -> None:
    """Remove a socket that nobody listens on. Raises `CannotListen` when that would hurt somebody."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise CannotListen(str(path), "there is a file that is no socket; remove it, or name another --socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
    raise CannotListen(str(path), "another server listens there already; use that one, or name another --socket")


def _trusted(folder: Path) -> bool:
    """Whether nobody but us and root may put something else in the place of the socket."""
    found = folder.stat()
    others_write = found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX
    return found.st_uid in {0, os.geteuid()} and not others_write
