"""Tries, as the service's own user in the service's own confinement, what a taken-over daemon would try.

Prints one JSON object: what was tried, and `"allowed"` or the name of the error.
"""

import ctypes
import json
import mmap
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

_CLONE_NEWUSER = 0x10000000


def _call(function: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _write(path: Path) -> None:
    path.write_text("x", encoding="utf-8")
    path.unlink()


def _read(path: Path) -> None:
    list(path.iterdir()) if path.is_dir() else path.read_bytes()


def _open_socket(family: int, kind: int) -> None:
    socket.socket(family, kind).close()


def _map_executable() -> None:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


ATTEMPTS: Mapping[str, Callable[[], None]] = {
    "remember something": lambda: _write(Path(os.environ["STATE_DIRECTORY"], "probe")),
    "open an internet connection": lambda: _open_socket(socket.AF_INET, socket.SOCK_STREAM),
    "change the program": lambda: _write(Path("/opt/hearthd/probe")),
    "change the settings": lambda: _write(Path("/etc/hearthd/probe")),
    "read other services' secrets": lambda: _read(Path("/etc/credstore")),
    "look into homes": lambda: _read(Path("/root")),
    "look at other processes": lambda: _read(Path("/proc/1/status")),
    "open a raw socket": lambda: _open_socket(socket.AF_PACKET, socket.SOCK_RAW),
    "make memory executable": _map_executable,
    "make a user namespace": lambda: _call("unshare", _CLONE_NEWUSER),
    "mount a file system": lambda: _call("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    "read the kernel's log": lambda: _read(Path("/dev/kmsg")),
}


def _outcome(attempt: Callable[[], None]) -> str:
    try:
        attempt()
    except OSError as error:
        return type(error).__name__
    return "allowed"


if __name__ == "__main__":
    print(json.dumps({name: _outcome(attempt) for name, attempt in ATTEMPTS.items()}), flush=True)  # noqa: T201
