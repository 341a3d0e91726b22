"""The worker process and its keeper: started when it is needed, ended when it is not, started anew when it fails."""

import asyncio
import logging
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from hearthd.core.realtime.backoff import Backoff
from hearthd.offline.serving import jobs

LOAD_S: Final = 60.0
"""From the start of the process to its model: a second here, a dozen on a Pi Zero 2 W that is busy."""
SILENCE_S: Final = 30.0
"""A worker that has work and says nothing for so long hangs."""
IDLE_S: Final = 300.0
"""After so long without work the process ends, and its memory is free; the next session starts it again."""
QUIT_S: Final = 1.0
"""For the process to end by itself when its input does."""
RESTART_FIRST_S: Final = 1.0
RESTART_CAP_S: Final = 60.0
"""Between the starts of a worker that ends before it can do anything: doubled each time, from the first to the cap."""
_READ_BYTES: Final = 2**18
_EVENT: Final = {"HEARTHD_EVENT": "speech_worker"}

log = logging.getLogger(__name__)

Answer = Callable[[jobs.Result], None]


@dataclass(slots=True, eq=False)
class _Open:
    """A job that is not over."""

    answer: Answer
    concluded: bool = False
    """Whether it is an utterance that ended."""
    pieces: int = 0
    """Pieces of speech that the worker may still make."""

    @property
    def waits(self) -> bool:
        """Whether it is the worker's turn, not the client's."""
        return self.concluded or self.pieces > 0


class Workshop:
    """Passes orders to the worker and its results back; `run` keeps it.

    Whatever happens to the worker, each job that somebody waits for ends with a result. Belongs to the event loop.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        idle_s: float = IDLE_S,
        silence_s: float = SILENCE_S,
        restart_first_s: float = RESTART_FIRST_S,
    ) -> None:
        """Start nothing yet; `command` runs `worker.serve_parent`, its first word an absolute path."""
        self._command = tuple(command)
        self._idle_s = idle_s
        self._silence_s = silence_s
        self._wanted = asyncio.Event()
        self._unsent: list[bytes] = []
        self._open: dict[int, _Open] = {}
        self._process: Process | None = None
        self._limit: asyncio.Timeout | None = None
        self._loading = False
        self._since_s = 0.0
        """When the worker last gave a sign of life, or got its first work after a rest."""
        self._restarts = Backoff(restart_first_s, RESTART_CAP_S)
        self._useless = ""
        """Why the last worker came to nothing; empty from the moment on in which one has loaded its model."""
        self._resting = False
        """Whether no worker is started before a while is over."""

    @property
    def pid(self) -> int | None:
        """The worker's process id, while there is one."""
        return self._process.pid if self._process else None

    def wake(self) -> None:
        """Have the worker there soon, because somebody has come who may speak."""
        if not self._busy:
            self._since_s = asyncio.get_running_loop().time()
        self._wanted.set()
        self._watch()

    def order(self, order: jobs.Order, answer: Answer) -> None:
        """Pass `order` on; `answer` is called from the loop with what comes of its job, until that is over.

        Orders about a job that is over are dropped: they crossed its end. While workers come to nothing, whoever would
        have to wait for the next one is told so instead.
        """
        begins = isinstance(order, jobs.Listen | jobs.Conclude | jobs.Speak)
        if not begins and order.job not in self._open:
            return
        self.wake()
        match order:
            case jobs.Listen(job=job):
                self._open[job] = _Open(answer)
            case jobs.Conclude(job=job):
                self._open.setdefault(job, _Open(answer)).concluded = True
            case jobs.Speak(job=job, pieces=pieces):
                self._open[job] = _Open(answer, pieces=pieces)
            case jobs.SpeakOn(job=job):
                self._open[job].pieces += 1
            case jobs.Forget(job=job) | jobs.Hush(job=job):
                del self._open[job]
            case jobs.Feed():
                pass
        if self._resting:
            asyncio.get_running_loop().call_soon(self._disappoint, self._useless)
            return
        self._send(order)
        self._watch()

    def leave(self, answer: Answer) -> None:
        """Drop all jobs of somebody who has gone."""
        for job in [job for job, entry in self._open.items() if entry.answer == answer]:
            del self._open[job]
            if self._process is not None:
                self._send(jobs.Forget(job))
                self._send(jobs.Hush(job))
        self._watch()

    async def run(self) -> None:
        """Keep the worker until cancelled, which ends it."""
        while True:
            await self._wanted.wait()
            try:
                await self._live()
            except OSError as error:
                problem = f"the speech worker cannot be started: {error.strerror or error}"
                self._part(problem)
            if self._resting:
                await asyncio.sleep(self._restarts.next_delay(1.0))
                self._resting = False

    async def _live(self) -> None:
        """Have one worker, from its start to its end. Raises `OSError` when there can be none."""
        self._loading = True
        # In a process group of its own: Ctrl-C reaches us alone, and we end it in order, even while it still loads.
        process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE, process_group=0)
        assert process.stdin is not None
        try:
            self._process = process
            self._since_s = asyncio.get_running_loop().time()
            process.stdin.writelines(self._unsent)
            self._unsent.clear()
            problem = await self._converse(process)
            self._part(problem)
            if problem:
                _kill(process)
        finally:
            if self._process is not None:  # Cancelled, so that nobody has time.
                _kill(process)
            self._process = None
            process.stdin.close()
            await _end(process)

    async def _converse(self, process: Process) -> str:
        """Read reports until there is nothing more to do (returns ""), or something is wrong (returns what)."""
        assert process.stdout is not None
        pile = jobs.Pile()
        while True:
            try:
                async with asyncio.timeout(None) as self._limit:
                    self._watch()
                    data = await process.stdout.read(_READ_BYTES)
            except TimeoutError:
                return "the speech worker hangs" if self._busy or self._loading else ""
            finally:
                self._limit = None
            if not data:
                return "the speech worker died"
            try:
                for body in pile.take(data):
                    report = jobs.unpack_report(body)
                    if isinstance(report, jobs.Useless):
                        return f"the speech worker cannot be used: {report.problem}"
                    self._take(report)
            except (msgspec.DecodeError, jobs.WrongLength) as error:
                return f"the speech worker talks nonsense ({error})"

    def _take(self, report: jobs.Loaded | jobs.Result) -> None:
        self._since_s = asyncio.get_running_loop().time()
        if isinstance(report, jobs.Loaded):
            self._loading = False
            self._restarts.reset()
            if self._useless:
                self._useless = ""
                log.info("the speech worker can be used again", extra=_EVENT)
            return
        entry = self._open.get(report.job)
        if entry is None:
            return
        if isinstance(report, jobs.Spoken):
            entry.pieces -= 1
        else:
            del self._open[report.job]
        entry.answer(report)

    def _send(self, order: jobs.Order) -> None:
        data = jobs.pack(order)
        if self._process is None or self._process.stdin is None:
            self._unsent.append(data)
        elif not self._process.stdin.is_closing():
            self._process.stdin.write(data)

    def _part(self, problem: str) -> None:
        """Let the worker go; jobs that wait fail, and utterances that go on are told lost when they are concluded."""
        if problem:
            level = logging.DEBUG if self._useless else logging.ERROR
            log.log(level, "%s; it is started anew when it is needed", problem, extra=_EVENT)
            self._useless = problem if self._loading else ""
            self._resting = self._loading
        self._process, self._loading = None, False
        self._wanted.clear()
        self._unsent.clear()
        self._disappoint(problem)

    def _disappoint(self, problem: str) -> None:
        for job, entry in list(self._open.items()):
            if entry.waits:
                del self._open[job]
                entry.answer(jobs.Failed(job, problem))

    @property
    def _busy(self) -> bool:
        return any(entry.waits for entry in self._open.values())

    def _watch(self) -> None:
        """Set the alarm of whoever reads what the worker says."""
        if self._limit is None or self._limit.expired():
            return
        patience_s: float | None = self._idle_s
        if self._loading:
            patience_s = LOAD_S
        elif self._open:
            patience_s = self._silence_s if self._busy else None
        self._limit.reschedule(None if patience_s is None else self._since_s + patience_s)


async def _end(process: Process) -> None:
    """Let the process end by itself, or kill it; it is reaped on return."""
    try:
        async with asyncio.timeout(QUIT_S):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        _kill(process)
        await process.wait()


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
