"""Lines that are typed: from a pipe and from a file, one at a time, and left at any time."""

import asyncio
import os
from pathlib import Path

import pytest

from hearthd.demo.typed import LONGEST_BYTES, lines


async def all_of(source: int) -> list[str]:
    """Read to the end."""
    return [line async for line in lines(source, lambda: None)]


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (b"one\n two \nthree\n", ["one", "two", "three"]),
        (b"one\ntwo", ["one", "two"]),
        (b"one\n\ntwo\n", ["one"]),
        (b"", []),
        (b"caf\xc3\xa9 \xff\n", ["café �"]),
        (b"x" * (LONGEST_BYTES + 1), ["x" * LONGEST_BYTES, "x"]),
    ],
)
async def test_lines_end_with_an_empty_one_or_the_end(typed: bytes, read: list[str], tmp_path: Path) -> None:
    """Whether they come through a pipe or lie in a file, and whatever bytes they are."""
    reading, writing = os.pipe()
    os.write(writing, typed)
    os.close(writing)
    file = tmp_path / "typed"
    file.write_bytes(typed)
    on_disk = os.open(file, os.O_RDONLY)
    try:
        assert await all_of(reading) == read
        assert await all_of(on_disk) == read
    finally:
        os.close(reading)
        os.close(on_disk)


async def test_each_wait_is_announced_and_can_be_left() -> None:
    """What was typed at once is not asked for again, and no thread stays behind that waits for a key."""
    reading, writing = os.pipe()
    os.write(writing, b"one\ntwo\n")
    waits = iter([None, None])
    try:
        typist = lines(reading, lambda: next(waits))
        assert [await anext(typist), await anext(typist)] == ["one", "two"]
        assert len(list(waits)) == 1
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(lines(reading, lambda: None))
        os.write(writing, b"three\n")
        assert await anext(lines(reading, lambda: None)) == "three"
    finally:
        os.close(reading)
        os.close(writing)
