"""Contract of the memory of mute, for the double and the file alike; and what a disk does to the file."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hearthd.adapters import mute_mark
from hearthd.adapters.mute_mark import MuteMark
from hearthd.ports import MuteMemory
from tests.doubles.memory_mute import MemoryMute

Recalls = Callable[[], MuteMemory]
"""Returns the same memory again and again, as each start of the daemon finds it."""


@pytest.fixture(params=["memory", "file"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Recalls:
    """One that knows of nothing."""
    if request.param == "file":
        return lambda: MuteMark(tmp_path / "state")
    kept = MemoryMute()
    return lambda: kept


async def test_at_first_nobody_has_muted(memory: Recalls) -> None:
    """Nor does unmuting leave anything."""
    assert not memory().muted()
    await memory().keep(muted=False)
    assert not memory().muted()


async def test_the_last_wish_is_found_again(memory: Recalls) -> None:
    """However often it was uttered."""
    for muted in (True, True, False, False, True):
        await memory().keep(muted=muted)
        assert memory().muted() is muted


async def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The microphone is muted all the same, until the next start."""
    folder = tmp_path / "state"
    folder.write_text("I am a file")
    mark = MuteMark(folder)
    assert not mark.muted()
    await mark.keep(muted=True)
    assert caplog.messages == [f"mute will not be remembered over a restart: {folder}: File exists"]


async def test_a_disk_that_does_not_answer_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told, and what it takes in the end counts."""
    answer, taken = threading.Event(), threading.Event()
    touch = Path.touch

    def slow(path: Path) -> None:
        answer.wait(30.0)
        touch(path)
        taken.set()

    monkeypatch.setattr(Path, "touch", slow)
    monkeypatch.setattr(mute_mark, "KEEP_S", 0.05)
    mark = MuteMark(tmp_path)
    await mark.keep(muted=True)
    assert caplog.messages == ["mute will not be remembered over a restart: the disk did not answer within 0.05 s"]
    assert not mark.muted()
    answer.set()
    assert await asyncio.to_thread(taken.wait, 30.0)
    assert mark.muted()
