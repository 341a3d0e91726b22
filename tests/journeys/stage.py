"""Several journeys under way at once: they take real time and little work, so each need not wait for the last.

    @journey
    async def test_a_lamp_switches(folder: Path) -> None: ...

A test waits for its own journey alone, and by then the next ones have begun. All of them share one event loop.
"""

import asyncio
import functools
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, Protocol, cast

import pytest

AT_ONCE: Final = 8
"""On two cores; more would measure the machine. The longest journeys mostly watch a speaker that rests."""
LIMIT_S: Final = 50.0
"""For one journey, beginning when it begins."""
_MEMORY: Final = Path("/dev/shm")
_MEMORY_LEAST_BYTES: Final = 2**30
"""A household takes 20 MB; containers may have 64 MB there in all."""

Journey = Callable[[Path], Awaitable[None]]
"""Gets an empty folder of its own, which is kept when it fails."""


class JourneyTest(Protocol):
    """What a test module holds in place of a journey."""

    journey: Journey
    limit_s: float

    def __call__(self, stage: "Stage") -> Awaitable[None]:
        """Wait for the journey's end."""


def journey(travel: Journey | None = None, *, limit_s: float = LIMIT_S) -> Callable[..., object]:
    """Make a test of a coroutine function that takes a folder; it is ended with TimeoutError after `limit_s`."""
    if travel is None:
        return functools.partial(journey, limit_s=limit_s)

    async def test(stage: Stage) -> None:
        await stage.outcome(travel)

    for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(test, attribute, getattr(travel, attribute))
    made = cast("JourneyTest", test)
    made.journey, made.limit_s = travel, limit_s
    # The journey's own limit comes first: it leaves the other journeys alone.
    return pytest.mark.timeout(2 * limit_s)(pytest.mark.asyncio(loop_scope="package")(test))


class Stage:
    """Begins journeys, `AT_ONCE` at a time: the longest first, else in the order of their tests. Owned by the loop."""

    def __init__(self, tests: Sequence[JourneyTest]) -> None:
        """Begin nothing before `run`."""
        self._tests = sorted(tests, key=lambda test: -test.limit_s)
        self._over: dict[Journey, asyncio.Event] = {test.journey: asyncio.Event() for test in tests}
        self._failures: dict[Journey, BaseException] = {}

    async def run(self) -> None:
        """Run all journeys to their end, or until cancelled."""
        places = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for test in self._tests:
                await places.acquire()
                task = tasks.create_task(self._travel(test), name=test.journey.__name__)
                task.add_done_callback(lambda _task: places.release())

    async def outcome(self, travel: Journey) -> None:
        """Wait for the end of a journey; raises what it raised."""
        await self._over[travel].wait()
        failure = self._failures.get(travel)
        if failure is not None:
            raise failure

    async def _travel(self, test: JourneyTest) -> None:
        folder = _new_folder(test.journey.__name__)
        try:
            async with asyncio.timeout(test.limit_s):
                await test.journey(folder)
            await asyncio.to_thread(shutil.rmtree, folder)
        except asyncio.CancelledError:
            shutil.rmtree(folder)
            raise
        except BaseException as failure:  # noqa: BLE001 - raised in the test that waits for it
            self._failures[test.journey] = failure
        finally:
            self._over[test.journey].set()


def _new_folder(name: str) -> Path:
    """Make a folder in memory: a sound card whose tape is on a disk stands still whenever the disk is busy."""
    in_memory = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _MEMORY_LEAST_BYTES
    return Path(tempfile.mkdtemp(prefix=f"hearthd-{name}-", dir=_MEMORY if in_memory else None))
