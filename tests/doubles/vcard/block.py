"""The control block of a card: a small file that the driver and every stream keep mapped."""

import ctypes
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.doubles.vcard.layout import MAGIC, NOT_FROZEN, Control, Direction


class ControlBlock:
    """Makes FOLDER/control for a card without faults; its rates and channels are still to be set."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "control"
        self._path.write_bytes(bytes(ctypes.sizeof(Control)))
        with self._path.open("r+b") as file:
            self.control = Control.from_buffer(mmap.mmap(file.fileno(), 0))
        self.control.bytes = ctypes.sizeof(Control)
        for direction in Direction:
            self.control.sides[direction].present = 1
            self.control.sides[direction].frozen_at_ns = NOT_FROZEN
        self.control.magic = MAGIC

    @contextmanager
    def change(self) -> Iterator[Control]:
        """Whatever is written inside is heeded at once, by streams that sleep too.

        The bell is rung (the file touched) before the revision is raised: a stream that sees the revision
        finds the ring.
        """
        yield self.control
        os.utime(self._path)
        self.control.revision = (self.control.revision + 1) % 2**32
