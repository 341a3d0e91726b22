"""The picture of a soak: memory, open files and latencies over time, with everything that befell the daemon."""

from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from tests.bench.soak import GOALS_MS, Course
from tests.bench.trend import Series

_BLUE: Final = "#2f6f9f"
_GREEN: Final = "#3c8d5a"
_ORANGE: Final = "#c77d1e"
_RED: Final = "#b3261e"
_GRID: Final = "#e6eaee"
_FAULT_COLOURS: Final = {"broker restart": _GREEN, "drop at rest": _ORANGE, "drop in a turn": _RED}
_LATENCIES: Final = {
    "wake": ("wake word spoken → recognised", _BLUE),
    "delta": ("first delta → audible", _ORANGE),
    "publish": ("call → PUBLISH", _GREEN),
}


def draw(file: Path, course: Course) -> None:
    """Write the picture as .png or .svg."""
    picture = Picture(figsize=(10.0, 8.0), layout="constrained")
    memory, counts, latencies = picture.subplots(3, 1, sharex=True, height_ratios=(3, 2, 3))
    _curve(memory, course.rss_mb, "RSS", _BLUE)
    _curve(memory, course.pss_mb, "PSS", _GREEN)
    memory.set_ylim(0, max([60.0, *course.rss_mb.values]) * 1.1)
    _dress(memory, "Memory, MB")
    _curve(counts, course.descriptors, "open files", _BLUE, steps=True)
    _curve(counts, course.threads, "threads", _GREEN, steps=True)
    counts.set_ylim(0, max([1.0, *course.descriptors.values]) * 1.3)
    _dress(counts, "Open files and threads")
    for name, (label, colour) in _LATENCIES.items():
        series = course.latencies_ms[name]
        latencies.plot(_minutes(series), series.values, "o", color=colour, markersize=4.5, alpha=0.8, label=label)
        if name in GOALS_MS:
            goal = f"goal of {GOALS_MS[name]:g} ms for p95"
            latencies.axhline(GOALS_MS[name], color=colour, linewidth=1.0, linestyle=(0, (5, 3)), label=goal)
    latencies.set_yscale("log")
    latencies.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    latencies.yaxis.set_minor_locator(NullLocator())
    latencies.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    _dress(latencies, "Latencies, ms")
    latencies.set_xlabel("minutes")
    latencies.set_xlim(0, course.now_s / 60)
    for axes in (memory, counts, latencies):
        _mark(axes, course, named=axes is memory)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8)
    picture.savefig(file, dpi=150)


def _curve(axes: Axes, series: Series, label: str, colour: str, *, steps: bool = False) -> None:
    axes.plot(
        *(_minutes(series), series.values),
        drawstyle="steps-post" if steps else "default",
        color=colour,
        linewidth=1.6,
        label=label,
    )


def _mark(axes: Axes, course: Course, *, named: bool) -> None:
    """Mark what befell the daemon, behind the curves; each kind is in the legend once, if it is to be `named`."""
    unnamed = {name for _, name in course.faults} if named else set()
    for at_s, name in course.faults:
        label = name if name in unnamed else None
        unnamed.discard(name)
        colour = _FAULT_COLOURS[name]
        axes.axvline(at_s / 60, color=colour, linestyle=":", linewidth=0.9, alpha=0.6, zorder=0, label=label)


def _dress(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=_GRID)


def _minutes(series: Series) -> list[float]:
    return [at_s / 60 for at_s in series.at_s]
