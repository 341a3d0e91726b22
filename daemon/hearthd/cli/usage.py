"""`hearthd usage`: what was spent, on what, and what the month will cost."""

import argparse
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hearthd.cli.shared import (
    DEFAULT_CONFIG,
    EXIT_BAD_CONFIG,
    EXIT_FAILED,
    add_config_option,
    complain,
    settings_or_explain,
)
from hearthd.config.prices import limits_of
from hearthd.core.money.account import Moment
from hearthd.core.money.amounts import shown, to_usd
from hearthd.core.money.bookings import Booking
from hearthd.core.money.budget import Limits
from hearthd.core.money.report import FORECAST_DAYS, Report, Sum, report

if TYPE_CHECKING:
    from rich.table import Table

NAME = "usage"
SUMMARY = "tell what was spent, and what the month will cost"
DETAILS = """\
examples:
  hearthd usage                         what was spent; the service's ledger is for root alone: sudo hearthd usage
  hearthd usage --days 7 --json         for programs: amounts in US dollars
  hearthd usage --plot usage.png        a picture as well, or .svg; needs matplotlib
  hearthd usage --ledger copy.sqlite3   another ledger, such as a copy

The ledger is only read, and may be read while hearthd runs. Without --ledger it is looked for in $STATE_DIRECTORY, in
$XDG_STATE_HOME/hearthd (~/.local/state/hearthd) and in /var/lib/hearthd.

exit codes: 0 told, 1 there is nothing to tell or it cannot be read, 78 the configuration cannot be used
"""
SERVICE_FOLDER: Final = Path("/var/lib/hearthd")
DAYS_MAX: Final = 400
_MONTH_DAYS: Final = 31
_ESTIMATES: Final = "responses the server told no usage: these are estimates"
_WORDS: Final = (
    "US dollars; cache: what was read again at a lower price, cached: its share of all that was read; p50 and p95: "
    "until the first sound of an answer"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add_config_option(parser)
    parser.add_argument("--days", type=_days, default=30, metavar="N", help="how many days to show (default: 30)")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.add_argument("--plot", type=_picture, metavar="FILE", help="draw a picture: FILE.png or FILE.svg")
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="the ledger to read, instead of the daemon's own")


def main(options: argparse.Namespace) -> int:
    """Tell; returns 0, 1 when there is nothing to tell, or 78."""
    limits = Limits()
    if options.config != DEFAULT_CONFIG or DEFAULT_CONFIG.exists():
        settings = settings_or_explain(options.config)
        if settings is None:
            return EXIT_BAD_CONFIG
        limits = limits_of(settings.budget)
    from hearthd.adapters.store_clock import SystemClock

    now = SystemClock.now()
    read = _read(options.ledger, now, options.days)
    if read is None:
        return EXIT_FAILED
    path, bookings = read
    told = report(bookings, now, options.days)
    code = _draw(options.plot, told, limits) if options.plot else 0
    if options.json:
        _show_json(path, told, limits)
    else:
        _show(path, told, limits)
    return code


def _days(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if not 1 <= number <= DAYS_MAX:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {DAYS_MAX}")
    return number


def _picture(text: str) -> Path:
    if Path(text).suffix.lower() not in {".png", ".svg"}:
        raise argparse.ArgumentTypeError("expected a file that ends in .png or .svg")
    return Path(text)


def _read(chosen: Path | None, now: Moment, days: int) -> tuple[Path, list[Booking]] | None:
    """Return the ledger that is used and what it holds; None after telling why there is none."""
    from hearthd.adapters.store import FILE_NAME
    from hearthd.adapters.store_reader import LedgerUnreadable, read_bookings
    from hearthd.config.state import state_folder

    own, service = state_folder(os.environ) / FILE_NAME, SERVICE_FOLDER / FILE_NAME
    places = [chosen] if chosen else list(dict.fromkeys((own, service)))
    since = now.day - timedelta(days=max(days, _MONTH_DAYS + FORECAST_DAYS))
    for path in places:
        try:
            return path, read_bookings(path, since)
        except FileNotFoundError:
            continue
        except PermissionError:
            complain(f"{path} is not yours to read: sudo hearthd usage")
            return None
        except (OSError, LedgerUnreadable) as error:
            complain(f"the ledger cannot be read: {error}")
            return None
    complain("there is no ledger yet, because nothing was ever asked of the server", *(f"  {path}" for path in places))
    return None


def _draw(file: Path, told: Report, limits: Limits) -> int:
    try:
        from hearthd.cli.usage_chart import draw
    except ImportError:
        complain(
            "a picture needs matplotlib, which is not installed here",
            "  A checkout of hearthd gets it by scripts/setup. Copy the ledger there, and then:",
            "    .venv/bin/hearthd usage --ledger FILE --plot PICTURE.png",
        )
        return EXIT_FAILED
    try:
        draw(file, told, limits)
    except OSError as error:
        complain(f"the picture cannot be written: {error}")
        return EXIT_FAILED
    return 0


def _show_json(path: Path, told: Report, limits: Limits) -> None:
    import msgspec

    document = {
        "ledger": str(path),
        "today": _fields(told.today_sum),
        "month": _fields(told.month),
        "forecast_month_usd": to_usd(told.forecast_pusd),
        "limits": {"day_usd": to_usd(limits.day_pusd), "month_usd": to_usd(limits.month_pusd)},
        "total": _fields(told.total),
        "days": [{"day": day.isoformat(), **_fields(each)} for day, each in told.days.items()],
        "models": [{"model": model, **_fields(each)} for model, each in told.models.items()],
    }
    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def _fields(each: Sum) -> dict[str, Any]:
    cost = each.cost
    return {
        "usd": to_usd(cost.total_pusd),
        "turns": each.turns,
        "offline_turns": each.offline_turns,
        "responses": each.responses,
        "estimated": each.estimated,
        "input_tokens": each.input_tokens,
        "cached_tokens": each.cached_tokens,
        "cached_share": round(each.cached_share, 4),
        "output_tokens": each.output_tokens,
        "latency_ms": {"p50": each.latency_p50_ms, "p95": each.latency_p95_ms},
        "kinds_usd": {
            "audio_out": to_usd(cost.audio_out),
            "audio_in": to_usd(cost.audio_in),
            "text_out": to_usd(cost.text_out),
            "text_in": to_usd(cost.text_in),
            "image_in": to_usd(cost.image_in),
            "cached_in": to_usd(cost.cached_in),
            "transcription": to_usd(cost.transcription),
        },
    }


def _show(path: Path, told: Report, limits: Limits) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 100
    console.print(f"{path}\n", style="dim", soft_wrap=True)
    for name, value in _summary(told, limits):
        console.print(f"{name:<12} {value}", soft_wrap=True)
    console.print()
    if not told.total.responses:
        console.print("Nobody has asked anything in these days.")
        return
    console.print(_days_table(told))
    if len(told.models) > 1:
        console.print(_models_table(told))
    if estimated := told.total.estimated:
        words = _ESTIMATES if estimated > 1 else "response the server told no usage: this is an estimate"
        console.print(f"For {estimated} {words}.", style="dim")


def _summary(told: Report, limits: Limits) -> Iterator[tuple[str, str]]:
    today, month = told.today_sum, told.month
    yield "today", f"{_against(today.cost.total_pusd, limits.day_pusd)}, {_turns(today)}"
    yield "this month", f"{_against(month.cost.total_pusd, limits.month_pusd)}, {_turns(month)}"
    yield "forecast", f"{_against(told.forecast_pusd, limits.month_pusd)} for the whole month"
    if told.total.input_tokens:
        yield "cached", f"{told.total.cached_share:.0%} of what the server read"
    half_ms, most_ms = told.total.latency_p50_ms, told.total.latency_p95_ms
    if half_ms is not None and most_ms is not None:
        yield "first sound", f"after {half_ms / 1000:.1f} s, p95 {most_ms / 1000:.1f} s"


def _against(pusd: int, limit_pusd: int) -> str:
    return f"{shown(pusd)} of {shown(limit_pusd)} ({pusd / limit_pusd:.0%})" if limit_pusd else shown(pusd)


def _turns(each: Sum) -> str:
    offline = f", {each.offline_turns} of them offline" if each.offline_turns else ""
    return f"{each.turns} turn{'' if each.turns == 1 else 's'}{offline}"


def _days_table(told: Report) -> "Table":
    from rich import box
    from rich.table import Table

    written = told.total.cost.transcription > 0
    table = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False, caption_justify="left", caption=_WORDS)
    table.add_column("day", no_wrap=True)
    for heading in ("turns", "answers", "speech", "text", "cache", *(["transcripts"] if written else [])):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("total", justify="right", no_wrap=True, style="bold")
    for heading in ("cached", "p50 s", "p95 s"):
        table.add_column(heading, justify="right", no_wrap=True)
    begun = False
    for day, each in told.days.items():
        begun = begun or each.responses > 0 or day == told.today
        if begun:
            table.add_row(f"{day:%a} {day.day:2} {day:%b}", *_day_row(each, written=written))
    return table


def _day_row(each: Sum, *, written: bool) -> list[str]:
    cost = each.cost
    kinds = [cost.audio_in + cost.audio_out, cost.text_in + cost.image_in + cost.text_out, cost.cached_in]
    kinds += [cost.transcription] if written else []
    return [
        *(str(count) if count else "" for count in (each.turns, each.responses)),
        *(f"{to_usd(pusd):.3f}" if pusd else "" for pusd in (*kinds, cost.total_pusd)),
        f"{each.cached_share:.0%}" if each.input_tokens else "",
        *("" if wait_ms is None else f"{wait_ms / 1000:.1f}" for wait_ms in (each.latency_p50_ms, each.latency_p95_ms)),
    ]


def _models_table(told: Report) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("model")
    for heading in ("answers", "cost", "share"):
        table.add_column(heading, justify="right", no_wrap=True)
    together = told.total.cost.total_pusd
    for model, each in told.models.items():
        share = f"{each.cost.total_pusd / together:.0%}" if together else ""
        table.add_row(model or "the server's own", str(each.responses), shown(each.cost.total_pusd), share)
    return table
