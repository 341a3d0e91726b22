"""`scripts/bench soak`: whether anything grows, slows down or gets lost in a longer life full of talk and faults."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.bench.figures import Budget, Figure, Statistic
from tests.bench.process import ProcessMeter
from tests.bench.report import Report
from tests.bench.soak_life import Life
from tests.bench.trend import Series, nearest_rank
from tests.bench.warmup import warm_up
from tests.doubles.vcard import Direction, EventKind
from tests.journeys.household import Household

TITLE = "Soak"
MINUTE_S: Final = 60.0
LOOK_S: Final = 2.0
"""Between two looks at the meters; the kernel takes a millisecond to add up the memory."""
SETTLED_S: Final = 60.0
"""Buffers, caches and the allocator have their size by then; slopes begin there, or at a third of a shorter run."""
SLOPE_LIMIT_MB_PER_H: Final = 1.0
SLOPE_MINUTES: Final = 20
"""In a shorter run a slope is chance, and has no goal."""
GOALS_MS: Final = {"publish": 5.0, "delta": 80.0}
"""At p95; how soon a wake word is recognised is the model's affair."""
_TELLING: Final = ("error", "critical")
_STEPS: Final = ("wake", "publish", "delta")


@dataclass(slots=True)
class Course:
    """Everything that was measured, over time; moments are seconds since the begin."""

    begun_s: float = field(default_factory=time.monotonic)
    rss_mb: Series = field(default_factory=Series)
    pss_mb: Series = field(default_factory=Series)
    descriptors: Series = field(default_factory=Series)
    threads: Series = field(default_factory=Series)
    latencies_ms: dict[str, Series] = field(default_factory=lambda: {name: Series() for name in _STEPS})
    faults: list[tuple[float, str]] = field(default_factory=list)
    """What befell the daemon, and when."""
    failures: list[str] = field(default_factory=list)
    """What did not go as it should."""

    @property
    def now_s(self) -> float:
        """Seconds since the begin."""
        return time.monotonic() - self.begun_s


async def soak(minutes: int, seed: int, report: Report, plot: Path | None = None) -> list[Figure]:
    """Live for so long; raises AssertionError when the daemon ends or does not recover."""
    logging.getLogger("mqtt").addHandler(
        logging.NullHandler()
    )  # the house's own clients notice broker restarts as well
    await warm_up()
    life = Life(seed)
    report.progress(f"{minutes} minutes of talk, interruptions, drops and broker restarts, by lot {seed} ...")
    async with Household(None, life.plan()) as home:
        life.live_in(home)
        course = Course()
        async with asyncio.TaskGroup() as tasks:
            meters = tasks.create_task(_watch(home, course), name="meters")
            minute = tasks.create_task(_tell(home, life, course, report), name="minutes")
            await _live(life, course, minutes * MINUTE_S, report)
            for task in (meters, minute):
                task.cancel()
        figures = _figures(home, life, course)
    if plot is not None:
        from tests.bench.soak_plot import draw  # noqa: PLC0415 - half a second that only a picture is worth.

        draw(plot, course)
    return figures


async def _live(life: Life, course: Course, lasting_s: float, report: Report) -> None:
    while course.now_s < lasting_s:
        happening = life.next()
        figures = {name: getattr(life.conversation, name) for name in _STEPS}
        known = {name: len(figure.samples) for name, figure in figures.items()}
        known_lost = _lost(life)
        if happening.name not in {"conversation", "quiet"}:
            course.faults.append((course.now_s, happening.name))
        await life.breathe()
        try:
            await happening.happen()
        except AssertionError as error:
            course.failures.append(happening.name)
            report.progress(f"{course.now_s:6.0f} s  {happening.name} went wrong: {error}")
            await life.recover()
        if lost := _lost(life) - known_lost:
            report.progress(f"{course.now_s:6.0f} s  {lost} samples of what was said did not arrive")
        for name, figure in figures.items():
            for sample in figure.samples[known[name] :]:
                course.latencies_ms[name].add(course.now_s, sample)


async def _watch(home: Household, course: Course) -> None:
    meter = ProcessMeter(home.daemon.pid)
    while True:
        course.rss_mb.add(course.now_s, meter.rss_mb())
        course.pss_mb.add(course.now_s, meter.pss_mb())
        course.descriptors.add(course.now_s, meter.descriptors())
        course.threads.add(course.now_s, meter.threads())
        await asyncio.sleep(LOOK_S)


async def _tell(home: Household, life: Life, course: Course, report: Report) -> None:
    report.progress("  min   RSS   PSS  files  threads  xruns  wake ms  publish ms  delta ms  lost  errors")
    minute = 0
    while True:
        minute += 1
        await asyncio.sleep(max(0.0, minute * MINUTE_S - course.now_s))
        from_s, to_s = (minute - 1) * MINUTE_S, minute * MINUTE_S
        wake, publish, delta = (
            _shown(nearest_rank(course.latencies_ms[name].between(from_s, to_s), 0.95)) for name in _STEPS
        )
        report.progress(
            f"{minute:5}  {course.rss_mb.values[-1]:4.1f}  {course.pss_mb.values[-1]:4.1f}"
            f"  {course.descriptors.values[-1]:5.0f}  {course.threads.values[-1]:7.0f}  {_xruns(home):5}"
            f"  {wake:>7}  {publish:>10}  {delta:>8}  {_lost(life):4}  {_errors(home):6}"
        )


def _shown(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}"


def _lost(life: Life) -> int:
    return sum(life.lost_frames) + sum(life.told_frames)


def _xruns(home: Household) -> int:
    return sum(len(home.card.events(EventKind.XRUN, direction, after_s=0.0)) for direction in Direction)


def _errors(home: Household) -> int:
    return sum(_level(line.text) in _TELLING for line in home.daemon.journal)


def _level(line: str) -> str:
    """Return a journal line's level: the word behind date and time."""
    words = line.split(maxsplit=3)
    return words[2] if len(words) > 2 else ""


def _figures(home: Household, life: Life, course: Course) -> list[Figure]:
    settled_s = min(SETTLED_S, course.now_s / 3)
    goal = Budget(SLOPE_LIMIT_MB_PER_H, Statistic.MAX) if course.now_s >= SLOPE_MINUTES * MINUTE_S else None
    latest = Statistic.MAX
    return [
        Figure("RSS", "MB", Budget(60, latest), course.rss_mb.values),
        Figure("PSS", "MB", None, course.pss_mb.values),
        Figure("RSS, slope once settled", "MB/h", goal, [course.rss_mb.since(settled_s).slope_per_h()]),
        *_thirds("open files", "", course.descriptors, course, _no_more),
        *_thirds("threads", "", course.threads, course, _no_more),
        *_thirds("wake word spoken → recognised", "ms", course.latencies_ms["wake"], course),
        *_thirds(
            "function call complete → PUBLISH",
            "ms",
            course.latencies_ms["publish"],
            course,
            lambda _: GOALS_MS["publish"],
        ),
        *_thirds(
            "first reply delta → audible", "ms", course.latencies_ms["delta"], course, lambda _: GOALS_MS["delta"]
        ),
        Figure("xruns of the card", "", Budget(0, latest), [_xruns(home)]),
        Figure("samples lost of an utterance", "", Budget(0, latest), [*map(float, life.lost_frames)]),
        Figure("the same in turns with an overrun in the journal", "", None, [*map(float, life.told_frames)]),
        Figure("errors in the journal", "", Budget(0, latest), [_errors(home)]),
        Figure("live sessions at once", "", Budget(1, latest), [home.server.record.peak_live_sessions]),
        Figure("breaches of the protocol", "", Budget(0, latest), [len(home.server.violations)]),
        Figure("what went wrong beside", "", Budget(0, latest), [len(course.failures)]),
    ]


def _no_more(first: list[float]) -> float:
    return max(first, default=0.0)


def _thirds(
    name: str, unit: str, series: Series, course: Course, limit: Callable[[list[float]], float] | None = None
) -> list[Figure]:
    """Return a figure for the first third and one for the last; `limit` makes the last one's goal of the first."""
    third_s = course.now_s / 3
    first, last = series.between(0.0, third_s), series.between(2 * third_s, math.inf)
    goal = Budget(limit(first)) if limit is not None else None
    return [Figure(f"{name}, first third", unit, None, first), Figure(f"{name}, last third", unit, goal, last)]
