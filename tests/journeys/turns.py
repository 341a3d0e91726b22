"""What journeys have in common: somebody asks, a reply sounds, a turn ends."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.doubles.realtime import ResponseRecord, UserTurn
from tests.journeys.household import Household

WAITING_S = 15.0
_LOOK_S = 0.01
_ON_TIME_S = 0.002
"""So late is every timer."""


async def until(moment_s: float) -> None:
    """Let time pass, because something is to be heard or a room to be silent until then."""
    await asyncio.sleep(moment_s - time.monotonic())


@dataclass(slots=True)
class Lateness:
    """For how long somebody had to wait for a processor."""

    ours_s: float = 0.0
    """This process."""
    theirs_s: float = 0.0
    """The main thread of another one, as the kernel counted it."""

    @property
    def total_s(self) -> float:
        """The longer of both: whoever observes late also notes late."""
        return max(self.ours_s, self.theirs_s)


@contextlib.asynccontextmanager
async def lateness(pid: int | None = None) -> AsyncIterator[Lateness]:
    """Measure how late this machine is with us, and with the process `pid`, if any, for as long as it lives."""
    late, before_s = Lateness(), _waited_s(pid)

    async def measure() -> None:
        while True:
            due_s = time.monotonic() + _LOOK_S
            await until(due_s)
            late.ours_s += max(0.0, time.monotonic() - due_s - _ON_TIME_S)
            late.theirs_s = max(late.theirs_s, _waited_s(pid) - before_s)

    async with asyncio.TaskGroup() as tasks:
        measuring = tasks.create_task(measure(), name="lateness")
        try:
            yield late
        finally:
            measuring.cancel()


def _waited_s(pid: int | None) -> float:
    """For how long a process was ready to run and did not; 0 once it is gone (kernel: sched-stats.rst)."""
    if pid is None:
        return 0.0
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    return 0.0


async def ask(home: Household, text: str) -> UserTurn:
    """Press the button and speak, once nobody speaks any more; returns what the server got of it."""
    turns = len(home.server.record.turns)
    await until(max((said.ends_s for said in home.room.said), default=0.0))
    asked_s = await home.watch.publish("listen")
    await home.wait_phase("listening", after_s=asked_s)
    await home.room.say(text)
    return await home.server.turn(turns + 1, timeout_s=WAITING_S)


async def sounding(home: Household, number: int) -> tuple[ResponseRecord, float]:
    """Wait until the reply of that number sounds; returns it, and since when it does."""
    replies = home.server.record.responses

    def begun() -> bool:
        return len(replies) >= number and bool(replies[number - 1].pcm)

    await home.server.record.until(begun, f"sound of reply {number}", WAITING_S)
    first_s = replies[number - 1].items[0].first_delta_at_s
    assert first_s is not None
    return replies[number - 1], await home.audible(after_s=first_s)


async def turns_ended(home: Household, *outcomes: str) -> None:
    """Check how all turns ended, in the words of the journal, which may come a moment after those of MQTT."""

    def told() -> list[str]:
        lines = home.daemon.journal.where(lambda line: line.fields.get("event") == "turn")
        return [line.text.split("turn ", 1)[1].split()[0] for line in lines]

    await home.seen(lambda: len(told()) >= len(outcomes), f"{len(outcomes)} turns in the journal")
    assert told() == list(outcomes)
