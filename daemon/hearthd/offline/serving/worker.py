"""The process that hears and speaks, so that the event loop never waits for either.

It reads orders from its standard input and writes reports to what was its standard output; see `jobs`. It ends when its
input does, and with the process that started it.
"""

import ctypes
import logging
import os
import select
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, assert_never

from hearthd.core.errors import HearthdError
from hearthd.offline.parts import Grammar, Recogniser, Synthesiser
from hearthd.offline.serving import jobs

_READ_BYTES: Final = 2**18
_PR_SET_PDEATHSIG: Final = 1
_NICENESS: Final = 5
"""Below the daemon, whose sound must not stutter because somebody is being understood."""
_OOM_SCORE: Final = "500"
"""When memory runs out, this process can be spared best: it comes back when it is needed."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Utterance:
    """What was said so far; kept whole, because another utterance may need the recogniser in between."""

    grammar: Grammar
    pcm: bytearray = field(default_factory=bytearray)


@dataclass(slots=True, eq=False)
class _Speech:
    """A text that is being spoken."""

    job: int
    pieces: Iterator[bytes]
    wanted: int
    """How many pieces may be made now."""


class Worker:
    """Carries out jobs one step at a time: one utterance is heard as it comes, one piece of speech is made at a time.

    The recogniser belongs to the utterance that got it first. One that is concluded meanwhile takes it over, and the
    first is heard once more from its beginning: whoever finished speaking waits for nobody who has not.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        make_synthesiser: Callable[[float], Synthesiser],
        report: Callable[[jobs.Report], None],
    ) -> None:
        """Speak with what `make_synthesiser` returns for a speed; may block in all calls."""
        self._recogniser = recogniser
        self._make_synthesiser = make_synthesiser
        self._report = report
        self._utterances: dict[int, _Utterance] = {}
        self._heard_now: int | None = None
        self._speeches: deque[_Speech] = deque()

    @property
    def busy(self) -> bool:
        """Whether `step` has work to do."""
        return any(speech.wanted for speech in self._speeches)

    def take(self, order: jobs.Order) -> None:
        """Carry out an order, or note it down for `step`."""
        match order:
            case jobs.Listen(job=job, grammar=grammar):
                self._utterances[job] = _Utterance(grammar)
            case jobs.Feed(job=job, pcm=pcm):
                self._try(job, lambda: self._feed(job, pcm))
            case jobs.Conclude(job=job):
                self._try(job, lambda: self._conclude(job))
            case jobs.Forget(job=job):
                self._release(job)
            case jobs.Speak(job=job, text=text, speed=speed, pieces=wanted):
                self._try(job, lambda: self._begin_speech(job, text, speed, wanted))
            case jobs.SpeakOn(job=job):
                for speech in self._speeches:
                    speech.wanted += speech.job == job
            case jobs.Hush(job=job):
                self._end_speech(job)
            case _:
                assert_never(order)

    def step(self) -> None:
        """Make one piece of one speech; the speeches take turns."""
        speech = next((speech for speech in self._speeches if speech.wanted), None)
        if speech is not None:
            self._speeches.remove(speech)
            self._speeches.append(speech)
            self._try(speech.job, lambda: self._speak_on(speech))

    def _feed(self, job: int, pcm: bytes) -> None:
        utterance = self._utterances.get(job)
        if utterance is None:
            return
        utterance.pcm += pcm
        if self._heard_now == job:
            self._recogniser.feed(pcm)
        elif self._heard_now is None:
            self._turn_to(job, utterance)

    def _conclude(self, job: int) -> None:
        utterance = self._utterances.get(job)
        if utterance is None:
            self._report(jobs.Failed(job, "what was said got lost when the speech worker had to be started anew"))
            return
        if self._heard_now != job:
            self._turn_to(job, utterance)
        heard = self._recogniser.finish()
        self._release(job)
        self._report(jobs.Concluded(job, heard))

    def _turn_to(self, job: int, utterance: _Utterance) -> None:
        self._heard_now = job
        self._recogniser.begin(utterance.grammar)
        self._recogniser.feed(bytes(utterance.pcm))

    def _release(self, job: int) -> None:
        self._utterances.pop(job, None)
        if self._heard_now == job:
            self._heard_now = None

    def _begin_speech(self, job: int, text: str, speed: float, wanted: int) -> None:
        self._speeches.append(_Speech(job, self._make_synthesiser(speed).speak(text), wanted))

    def _speak_on(self, speech: _Speech) -> None:
        pcm = next(speech.pieces, None)
        if pcm is None:
            self._end_speech(speech.job)
            self._report(jobs.SpeechOver(speech.job))
        else:
            speech.wanted -= 1
            self._report(jobs.Spoken(speech.job, pcm))

    def _end_speech(self, job: int) -> None:
        for speech in [speech for speech in self._speeches if speech.job == job]:
            self._speeches.remove(speech)
            if close := getattr(speech.pieces, "close", None):
                close()

    def _try(self, job: int, work: Callable[[], None]) -> None:
        """Do `work`; what goes wrong is the end of this job alone."""
        try:
            work()
        except HearthdError as error:
            self._fail(job, str(error))
        except Exception as error:
            # The parts behind are exchangeable, and the next job must not suffer from a fault of theirs.
            log.exception("the speech worker has a fault; this is a bug")
            self._fail(job, f"{type(error).__name__}: {error}")

    def _fail(self, job: int, problem: str) -> None:
        self._release(job)
        self._end_speech(job)
        self._report(jobs.Failed(job, problem))


def serve(
    make_recogniser: Callable[[], Recogniser],
    make_synthesiser: Callable[[float], Synthesiser],
    *,
    source: int,
    sink: int,
) -> None:
    """Work until the file descriptor `source` ends; reports go to `sink`."""

    def report(message: jobs.Report) -> None:
        data = memoryview(jobs.pack(message))
        while data:
            data = data[os.write(sink, data) :]

    try:
        worker = Worker(make_recogniser(), make_synthesiser, report)
    except Exception as error:  # noqa: BLE001 - whoever keeps this process tells it, once and not for each try.
        report(jobs.Useless(_told(error)))
        return
    report(jobs.Loaded())
    pile = jobs.Pile()
    while True:
        ready, _, _ = select.select([source], [], [], 0 if worker.busy else None)
        if ready:
            data = os.read(source, _READ_BYTES)
            if not data:
                return
            for body in pile.take(data):
                worker.take(jobs.unpack_order(body))
        if worker.busy:
            worker.step()


def _told(error: Exception) -> str:
    """Say what is wrong, and where, if it is none of our own errors."""
    if isinstance(error, HearthdError):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({place.filename}, line {place.lineno})"


def serve_parent(make_recogniser: Callable[[], Recogniser], make_synthesiser: Callable[[float], Synthesiser]) -> None:
    """Be the worker of the process that started this one, and end with it."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # It ended before the kernel was asked to tell.
        return
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    with suppress(OSError):  # A hardened unit forbids it.
        os.nice(_NICENESS)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")
    sink = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # Libraries that print shall not garble the reports.
    with suppress(BrokenPipeError):
        serve(make_recogniser, make_synthesiser, source=sys.stdin.fileno(), sink=sink)
