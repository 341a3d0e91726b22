"""Errors and stalls below pyalsaaudio, whatever the device: calls into libasound fail as a driver's would."""

import ctypes
import errno
import mmap
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.doubles.vcard.build import shared_object


class Call(StrEnum):
    """The calls that can be made to fail, in the order of `enum call`."""

    OPEN = "open"
    READ = "read"
    WRITE = "write"
    AVAIL = "avail"
    PREPARE = "prepare"


class _Order(ctypes.Structure):
    _fields_ = (
        ("error", ctypes.c_int32),
        ("times", ctypes.c_int32),
        ("stall_ms", ctypes.c_int32),
        ("calls", ctypes.c_uint32),
    )
    error: int
    times: int
    stall_ms: int
    calls: int


class _Orders(ctypes.Structure):
    _fields_ = tuple((call.value, _Order) for call in Call)


class AlsaFault:
    """Makes the file of orders in a folder; the process under test is started with `env()` added."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "alsa-fault"
        self._path.write_bytes(bytes(ctypes.sizeof(_Orders)))
        with self._path.open("r+b") as file:
            self._orders = _Orders.from_buffer(mmap.mmap(file.fileno(), 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._path.unlink()

    def env(self) -> dict[str, str]:
        """What to add to the environment of a process before it starts."""
        return {
            "LD_PRELOAD": str(shared_object(Path(__file__).parent, "dl")),
            "ALSA_FAULT": str(self._path),
        }

    def fail(self, call: Call, error: int = errno.EIO, *, times: int = 1, stall_s: float = 0.0) -> None:
        """The next calls sleep, then return an errno (0: then do their work); times below 0: until `mend`."""
        order = self._order(call)
        order.error = error
        order.stall_ms = round(stall_s * 1000)
        order.times = times

    def mend(self) -> None:
        """Takes back all orders."""
        for call in Call:
            self._order(call).times = 0

    def calls(self, call: Call) -> int:
        """How often the process made a call, whatever became of it: shows a program that spins."""
        return self._order(call).calls

    def _order(self, call: Call) -> _Order:
        order: _Order = getattr(self._orders, call)
        return order
