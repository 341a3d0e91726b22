"""The arithmetic behind the benchmarks."""

import json
import os
from pathlib import Path

import pytest
from rich.console import Console

from tests.bench.figures import Budget, Figure, Statistic, Verdict
from tests.bench.process import ProcessMeter, Usage
from tests.bench.report import Machine, Report


def figure(*samples: float, budget: Budget | None = None) -> Figure:
    """A figure with these measurements."""
    return Figure("delay", "ms", budget, list(samples))


@pytest.mark.parametrize(
    ("count", "statistic", "expected"),
    [
        (1, Statistic.P50, 1),
        (10, Statistic.P50, 5),
        (10, Statistic.P95, 10),
        (100, Statistic.P95, 95),
        (100, Statistic.P99, 99),
        (100, Statistic.MAX, 100),
    ],
)
def test_a_statistic_is_a_measured_value(count: int, statistic: Statistic, expected: float) -> None:
    """Percentiles go by nearest rank: nothing between two measurements, and the worst of few counts."""
    assert figure(*range(count, 0, -1)).at(statistic) == expected


def test_a_budget_is_kept_up_to_its_limit() -> None:
    """The limit itself is allowed, more is not, and without measurements or a budget there is no verdict."""
    budget = Budget(10, Statistic.MAX)
    verdicts = [figure(10, budget=budget), figure(10.1, budget=budget), figure(budget=budget), figure(99)]
    assert [one.verdict for one in verdicts] == [Verdict.KEPT, Verdict.BROKEN, Verdict.NONE, Verdict.NONE]


def test_the_meter_reads_another_process_as_the_kernel_counts_it() -> None:
    """CPU time is that of all threads in fine steps, and memory is in millions of bytes."""
    meter = ProcessMeter(os.getpid())
    before = meter.read()
    sum(number * number for number in range(200_000))
    used = meter.read().since(before)
    assert 0 < used.cpu_s <= used.at_s * (os.cpu_count() or 1)
    assert 5 < meter.rss_mb() <= meter.peak_rss_mb() * 1.01


def test_a_difference_tells_rates() -> None:
    """Between two readings, CPU and wake-ups are per second of wall time."""
    used = Usage(at_s=12.0, cpu_s=1.5, switches=90).since(Usage(at_s=10.0, cpu_s=1.49, switches=60))
    assert (round(used.cpu_ms_per_s, 6), used.switches_per_s) == (5.0, 15.0)


def test_a_report_holds_every_measurement(tmp_path: Path) -> None:
    """The file for programs has the statistics, the budget, the verdict and all samples; the table names them too."""
    console = Console(record=True, width=132, quiet=False, file=(tmp_path / "table").open("w"))
    report, machine = Report(console), Machine()
    measured = figure(3, 1, 2, budget=Budget(2.5))
    report.show("Delays", [measured, figure()], machine)
    report.write(tmp_path / "made" / "report.json", "Delays", [measured], machine)
    console.file.close()

    (row,) = json.loads((tmp_path / "made" / "report.json").read_text())["figures"]
    expected = {"n": 3, "p50": 2, "p95": 3, "max": 3, "budget": {"p95": 2.5}, "verdict": "BROKEN", "samples": [3, 1, 2]}
    assert {name: row[name] for name in expected} == expected
    table = console.export_text()
    assert all(word in table for word in ("delay", "p95 ≤ 2.5", "BROKEN", "not measured", "yardstick"))
