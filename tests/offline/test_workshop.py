"""The keeper of the worker, with real processes: what dies, hangs or talks nonsense costs one turn."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hearthd.offline.parts import HEARING_RATE_HZ, Grammar, Heard
from hearthd.offline.serving import jobs
from hearthd.offline.serving.workshop import Workshop
from tests.offline.standin_worker import COMMAND, DIES_S, HANGS_S, PIECE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

DEADLINE_S = 30
GRAMMAR = Grammar("#JSGF V1.0;", frozenset())


class Customer:
    """Gives orders and keeps what comes of them."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.results: asyncio.Queue[jobs.Result] = asyncio.Queue()

    def order(self, *orders: jobs.Order) -> None:
        """Give orders."""
        for order in orders:
            self.workshop.order(order, self.answer)

    def answer(self, result: jobs.Result) -> None:
        """Take a result."""
        self.results.put_nowait(result)

    def say(self, job: int, seconds: float) -> None:
        """Say something of that length."""
        pcm = bytes(2 * int(seconds * HEARING_RATE_HZ))
        self.order(jobs.Listen(job, GRAMMAR), jobs.Feed(job, pcm), jobs.Conclude(job))

    async def next(self) -> jobs.Result:
        """Return the next result."""
        async with asyncio.timeout(DEADLINE_S):
            return await self.results.get()


@asynccontextmanager
async def workshop(command: Sequence[str] = COMMAND, **options: float) -> AsyncIterator[Customer]:
    """Keep a worker for the time of the context."""
    kept = Workshop(command, **options)
    async with asyncio.TaskGroup() as tasks:
        keeper = tasks.create_task(kept.run())
        try:
            yield Customer(kept)
        finally:
            keeper.cancel()


async def gone(pid: int) -> None:
    """Wait until no such process is left, not even a zombie."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            if not exists(pid):
                return
            await asyncio.sleep(0.01)


def exists(pid: int) -> bool:
    """Tell whether there is such a process, be it a zombie."""
    return Path("/proc", str(pid)).exists()


async def test_nothing_runs_until_somebody_comes() -> None:
    """An idle server keeps no model."""
    async with workshop() as customer:
        await asyncio.sleep(0)
        before = customer.workshop.pid
        assert before is None
        customer.say(1, 3)
        assert await customer.next() == jobs.Concluded(1, Heard("what time is it", 0.95))
        pid = customer.workshop.pid
        assert pid is not None
    await gone(pid)


async def test_a_worker_that_dies_fails_one_turn() -> None:
    """The next one has a new worker, and works."""
    async with workshop() as customer:
        customer.say(1, DIES_S)
        assert await customer.next() == jobs.Failed(1, "the speech worker died")
        customer.say(2, 3)
        assert isinstance(await customer.next(), jobs.Concluded)


async def test_a_worker_that_is_killed_in_the_middle_of_a_turn_fails_it() -> None:
    """What was said before is told lost at the end of the utterance; speech that waits fails at once."""
    async with workshop() as customer:
        customer.order(jobs.Speak(1, "hello", 1.0, 1), jobs.Listen(2, GRAMMAR))
        assert await customer.next() == jobs.Spoken(1, PIECE)
        customer.order(jobs.SpeakOn(1))
        assert await customer.next() == jobs.SpeechOver(1)
        pid = customer.workshop.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await gone(pid)
        customer.order(jobs.Feed(2, bytes(640)), jobs.Conclude(2))
        failed = await customer.next()
        assert isinstance(failed, jobs.Failed)
        assert failed.job == 2


async def test_a_worker_that_hangs_is_replaced() -> None:
    """After its silence was too long; the next turn works."""
    async with workshop(silence_s=1.0) as customer:
        customer.say(1, HANGS_S)
        assert await customer.next() == jobs.Failed(1, "the speech worker hangs")
        customer.say(2, 3)
        assert isinstance(await customer.next(), jobs.Concluded)


async def test_a_worker_without_work_ends_and_comes_back() -> None:
    """Its memory is free meanwhile."""
    async with workshop(idle_s=0.2) as customer:
        customer.say(1, 3)
        await customer.next()
        pid = customer.workshop.pid
        assert pid is not None
        await gone(pid)
        customer.say(2, 3)
        assert isinstance(await customer.next(), jobs.Concluded)
        assert customer.workshop.pid != pid


async def test_an_utterance_that_goes_on_keeps_its_worker() -> None:
    """However long its speaker thinks."""
    async with workshop(idle_s=0.1) as customer:
        customer.order(jobs.Listen(1, GRAMMAR), jobs.Feed(1, bytes(2 * HEARING_RATE_HZ)))
        customer.order(jobs.Speak(2, "a", 1.0, 2))
        assert [type(await customer.next()) for _ in range(2)] == [jobs.Spoken, jobs.SpeechOver]
        await asyncio.sleep(0.3)
        customer.order(jobs.Conclude(1))
        assert await customer.next() == jobs.Concluded(1, Heard("turn on the kitchen light", 0.95))


async def test_who_has_gone_hears_nothing_more() -> None:
    """And what was ordered for them is dropped."""
    async with workshop() as customer:
        other = Customer(customer.workshop)
        customer.order(jobs.Speak(1, "hello world", 1.0, 1))
        await customer.next()
        customer.workshop.leave(customer.answer)
        other.order(jobs.SpeakOn(1))
        other.say(2, 3)
        assert isinstance(await other.next(), jobs.Concluded)
        assert customer.results.empty()


async def test_orders_that_come_too_late_wake_nobody() -> None:
    """They are about a job that is over."""
    async with workshop() as customer:
        customer.order(jobs.SpeakOn(1), jobs.Hush(1), jobs.Forget(2), jobs.Feed(2, b""))
        await asyncio.sleep(0.05)
        assert customer.workshop.pid is None


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        ("print('hello, I am no worker', flush=True); input()", "talks nonsense"),
        ("raise SystemExit(1)", "died"),
    ],
)
async def test_what_is_no_worker_is_told(program: str, problem: str, caplog: pytest.LogCaptureFixture) -> None:
    """In the journal once for each try, and to whoever waits."""
    async with workshop([sys.executable, "-c", program]) as customer:
        customer.say(1, 3)
        failed = await customer.next()
        assert isinstance(failed, jobs.Failed)
        assert problem in failed.problem
    told = [record.getMessage() for record in caplog.records if record.name == "hearthd.offline.serving.workshop"]
    assert [problem in message for message in told] == [True]


async def test_a_program_that_is_missing_is_told() -> None:
    """Not retried without end."""
    async with workshop(["/nonexistent/worker"]) as customer:
        customer.say(1, 3)
        failed = await customer.next()
        assert isinstance(failed, jobs.Failed)
        assert "cannot be started: No such file" in failed.problem


async def test_a_worker_that_never_loads_is_told_once_and_started_ever_less_often(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Whoever asks meanwhile is told why at once; when it is mended, all is well again without a restart."""
    caplog.set_level("INFO", "hearthd.offline")
    program = (
        "import sys, pathlib\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "print('.', file=(folder / 'starts').open('a'))\n"
        f"sys.path[:0] = {[str(Path(__file__).parents[2])]!r}\n"
        "from tests.offline import standin_worker as parts\n"
        "def load():\n"
        "    if (folder / 'mended').exists(): return parts.DurationRecogniser()\n"
        "    raise ImportError('no module is here')\n"
        "parts.serve_parent(load, lambda speed: parts.LetterSynthesiser())\n"
    )
    job = 0
    async with workshop([sys.executable, "-c", program], restart_first_s=0.4) as customer:

        async def ask() -> jobs.Result:
            nonlocal job
            customer.say(job := job + 1, 3)
            await asyncio.sleep(0.02)
            return await customer.next()

        answers = [await ask() for _ in range(20)]
        assert len((tmp_path / "starts").read_text().split()) < len(answers) / 2
        problems = [answer.problem for answer in answers if isinstance(answer, jobs.Failed)]
        told = "the speech worker cannot be used: ImportError: no module is here ("
        assert [problem.startswith(told) for problem in problems] == [True] * len(answers)
        (tmp_path / "mended").touch()
        async with asyncio.timeout(DEADLINE_S):
            while isinstance(answer := await ask(), jobs.Failed):
                pass
        assert answer == jobs.Concluded(job, Heard("what time is it", 0.95))
    records = [record for record in caplog.records if record.name == "hearthd.offline.serving.workshop"]
    assert [record.levelname for record in records] == ["ERROR", "INFO"]


async def test_the_worker_dies_with_its_parent() -> None:
    """Even when that is killed, and the worker hangs."""
    program = (
        "import asyncio, sys; from hearthd.offline.serving import jobs; from hearthd.offline.parts import Grammar;"
        "from hearthd.offline.serving.workshop import Workshop\n"
        "async def main():\n"
        "    shop = Workshop(sys.argv[2:])\n"
        "    async with asyncio.TaskGroup() as tasks:\n"
        "        tasks.create_task(shop.run())\n"
        "        pcm = bytes(int(sys.argv[1]) * 32000)\n"
        "        shop.order(jobs.Listen(1, Grammar('', frozenset())), print)\n"
        "        shop.order(jobs.Speak(2, 'a', 1.0, 2), lambda result: print(shop.pid, flush=True))\n"
        "        shop.order(jobs.Feed(1, pcm), print)\n"
        "        shop.order(jobs.Conclude(1), print)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        *[sys.executable, "-c", program, str(HANGS_S), *COMMAND], stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    async with asyncio.timeout(DEADLINE_S):
        while not (line := await parent.stdout.readline()).strip().isdigit():
            assert line, "the parent ended"
    parent.kill()
    await parent.wait()
    await gone(int(line))
