"""The picture of `hearthd usage --plot`: what each day cost, by kind, and how long people waited."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator

from hearthd.core.money.amounts import shown, to_usd
from hearthd.core.money.budget import Limits
from hearthd.core.money.cost import Cost
from hearthd.core.money.report import Report, Sum

_INK: Final = "#22303c"
_SOFT: Final = "#7b8894"
_GRID: Final = "#e6eaee"
_LIMIT: Final = "#b3261e"
_WAIT: Final = "#3d6b8c"
_KINDS: Final[tuple[tuple[str, str, Callable[[Cost], int]], ...]] = (
    ("speech out", "#d95f30", lambda cost: cost.audio_out),
    ("speech in", "#f0a73c", lambda cost: cost.audio_in),
    ("text out", "#2f6f9f", lambda cost: cost.text_out),
    ("text in", "#86b6d9", lambda cost: cost.text_in + cost.image_in),
    ("from the cache", "#c3ccd4", lambda cost: cost.cached_in),
    ("transcription", "#5a9a6f", lambda cost: cost.transcription),
)
"""From the bottom to the top; the colours can be told apart by people who see no red or no green."""
_SHORTEST_DAYS: Final = 7
_NAMED_MAX: Final = 11
_LIMIT_IN_VIEW: Final = 2.5
"""A limit higher than so many times the dearest day is told in words: as a line it would flatten every bar."""


def draw(file: Path, told: Report, limits: Limits) -> None:
    """Draw `told` into `file`, whose ending names the format. Raises `OSError`."""
    days = _days_shown(told)
    engine = ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.1, hspace=0.06)
    figure = Figure(figsize=(10.0, 6.2), layout=engine, facecolor="white")
    cost, wait = figure.subplots(2, 1, sharex=True, height_ratios=(3.2, 1.0))
    _draw_cost(cost, days, limits)
    _draw_wait(wait, days)
    wait.set_xlim(-0.6, len(days) - 0.4)
    marked = range((len(days) - 1) % _step(days), len(days), _step(days))
    wait.set_xticks(marked, [f"{list(days)[number]:%-d %b}" for number in marked])
    _write_title(cost, told, limits, days)
    figure.savefig(file, dpi=160)


def _days_shown(told: Report) -> dict[date, Sum]:
    """Leave out the days before the first booking, but for a week."""
    begun = next((number for number, each in enumerate(told.days.values()) if each.responses), len(told.days))
    begin = min(begun, max(0, len(told.days) - _SHORTEST_DAYS))
    return dict(list(told.days.items())[begin:])


def _step(days: dict[date, Sum]) -> int:
    """Return how many days lie between two that are named; today always is."""
    return next(step for step in (1, 2, 3, 7, 14, 28, 56) if len(days) <= step * _NAMED_MAX)


def _draw_cost(axes: Axes, days: dict[date, Sum], limits: Limits) -> None:
    at = range(len(days))
    base = [0.0] * len(days)
    for name, colour, kind in _KINDS:
        heights = [to_usd(kind(each.cost)) for each in days.values()]
        if any(heights):
            axes.bar(at, heights, 0.72, base, color=colour, label=name, edgecolor="white", linewidth=0.4, zorder=2)
            base = [below + height for below, height in zip(base, heights, strict=True)]
    highest = max(base, default=0.0)
    limit = to_usd(limits.day_pusd)
    if 0.0 < limit <= _LIMIT_IN_VIEW * highest:
        words = f"limit {shown(limits.day_pusd)} a day"
        axes.axhline(limit, color=_LIMIT, linewidth=1.2, linestyle=(0, (5, 3)), zorder=3, label=words)
        highest = max(highest, limit)
    axes.set_ylim(0.0, highest * 1.12 or 0.01)
    _tidy(axes, lambda usd: f"${usd:.2f}" if highest >= 0.1 else f"${usd:.3f}")  # noqa: PLR2004 - ten cents
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=7, frameon=False, fontsize=9, labelcolor=_INK,
            handlelength=1.6, handleheight=0.9, columnspacing=1.4, handletextpad=0.5,
        )  # fmt: skip


def _draw_wait(axes: Axes, days: dict[date, Sum]) -> None:
    at = range(len(days))
    nothing = float("nan")
    half = [nothing if each.latency_p50_ms is None else each.latency_p50_ms / 1000 for each in days.values()]
    most = [nothing if each.latency_p95_ms is None else each.latency_p95_ms / 1000 for each in days.values()]
    axes.vlines(at, half, most, color=_WAIT, alpha=0.28, linewidth=5.0, zorder=2)
    axes.plot(at, half, color=_WAIT, linewidth=1.4, marker="o", markersize=3.4, zorder=3)
    slowest = max((seconds for seconds in most if seconds == seconds), default=1.0)  # noqa: PLR0124 - nan is no wait
    axes.set_ylim(0.0, slowest * 1.2)
    _tidy(axes, lambda seconds: f"{seconds:g} s")
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.set_title("until the first sound: median, bar to p95", loc="left", fontsize=9, color=_SOFT, pad=6)


def _tidy(axes: Axes, label: Callable[[float], str]) -> None:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_SOFT)
    axes.grid(axis="y", color=_GRID, linewidth=0.9, zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=_SOFT, labelsize=9)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _position: label(value)))


def _write_title(axes: Axes, told: Report, limits: Limits, days: dict[date, Sum]) -> None:
    together = sum(each.cost.total_pusd for each in days.values())
    month = f"This month {shown(told.month.cost.total_pusd)} so far, {shown(told.forecast_pusd)} expected"
    limit = [f"limit {shown(limits.month_pusd)}"] if limits.month_pusd else []
    words = [month, *limit, f"{told.total.cached_share:.0%} of the input from the cache", f"{told.total.turns} turns"]
    heading = f"hearthd: {shown(together)} in {len(days)} days"
    axes.annotate(heading, (0, 1), (-2, 56), "axes fraction", "offset points", color=_INK, fontsize=15, weight="bold")
    axes.annotate(", ".join(words), (0, 1), (-2, 36), "axes fraction", "offset points", color=_SOFT, fontsize=10)
