"""Lines that somebody types, or that come through a pipe, without a thread that Ctrl-C could not end."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from typing import Final

LONGEST_BYTES: Final = 4096
"""Of a line: what comes behind that is the next one."""


async def lines(source: int, ask: Callable[[], None]) -> AsyncIterator[str]:
    """Yield the lines of a file descriptor without space around them, until an empty one or its end.

    Nothing is read ahead of need but the rest of what was typed at once; `ask` is called before each wait.
    """
    waiting = b""
    while True:
        line, found, rest = waiting.partition(b"\n")
        if not found and len(waiting) < LONGEST_BYTES:
            ask()
            if data := await _some(source):
                waiting += data
                continue
        waiting = rest
        if not (text := line.decode(errors="replace").strip()):
            return
        yield text


async def _some(source: int) -> bytes:
    """Read what is there, as soon as something is; nothing at the end."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(source, readable.set)
    except PermissionError:  # A file on a disk, which never lets anybody wait.
        return os.read(source, LONGEST_BYTES)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(source)
    return os.read(source, LONGEST_BYTES)
