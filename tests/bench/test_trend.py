"""Slopes, shares and the picture: what a soak judges by."""

import math
from pathlib import Path

import pytest

from tests.bench.soak import MINUTE_S, Course
from tests.bench.soak_plot import draw
from tests.bench.trend import S_PER_H, Series, nearest_rank


def test_a_slope_is_that_of_most_pairs() -> None:
    """A leak of 2 MB an hour is found whatever a third of the measurements say."""
    series = Series()
    for minute in range(60):
        series.add(minute * MINUTE_S, 40.0 + 2.0 * minute / 60 + (30.0 if minute % 7 == 0 else 0.0))
    assert series.slope_per_h() == pytest.approx(2.0, abs=0.1)


def test_many_points_are_thinned_out() -> None:
    """A day of measurements takes no longer than an hour of them."""
    series = Series([float(second) for second in range(5_000)], [second / S_PER_H for second in range(5_000)])
    assert series.slope_per_h() == pytest.approx(1.0)


@pytest.mark.parametrize("points", [[], [(1.0, 5.0)], [(1.0, 5.0), (1.0, 6.0)]])
def test_without_two_moments_there_is_no_slope(points: list[tuple[float, float]]) -> None:
    """Nothing can be said of it."""
    series = Series()
    for at_s, value in points:
        series.add(at_s, value)
    assert series.slope_per_h() == 0.0


def test_parts_of_a_series() -> None:
    """Moments count from the first on and up to the last, which is not in it."""
    series = Series([0.0, 1.0, 2.0], [5.0, 6.0, 7.0])
    assert series.between(0.0, 2.0) == [5.0, 6.0]
    assert series.since(1.0) == Series([1.0, 2.0], [6.0, 7.0])


def test_a_share_is_a_measured_value() -> None:
    """The nearest rank, and of nothing no number."""
    assert nearest_rank([3.0, 1.0, 2.0], 0.95) == 3.0
    assert nearest_rank([3.0, 1.0, 2.0], 0.5) == 2.0
    assert math.isnan(nearest_rank([], 0.95))


def test_the_picture_of_a_soak(tmp_path: Path) -> None:
    """Is drawn with and without faults and latencies."""
    course = Course()
    draw(tmp_path / "empty.svg", course)
    for series in (course.rss_mb, course.pss_mb, course.descriptors, course.threads, *course.latencies_ms.values()):
        series.add(0.0, 20.0)
        series.add(60.0, 25.0)
    course.faults += [(10.0, "broker restart"), (20.0, "drop at rest"), (30.0, "broker restart")]
    draw(tmp_path / "full.svg", course)
    assert "broker restart" in (tmp_path / "full.svg").read_text(encoding="utf-8")
