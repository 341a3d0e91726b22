"""Slopes, shares and what was lost of an utterance: what a soak judges by."""

import math
from pathlib import Path

import numpy as np
import pytest

from tests.bench.soak import MINUTE_S, Course
from tests.bench.soak_life import missing
from tests.bench.soak_plot import draw
from tests.bench.trend import S_PER_H, Series, nearest_rank
from tests.doubles.room import Said
from tests.doubles.vcard.tape import Samples


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


@pytest.mark.parametrize(
    ("sent", "lost"), [(slice(50, 400), 0), (slice(150, 400), 50), (slice(50, 290), 10), (slice(50, 300), 0)]
)
def test_what_was_not_sent_of_an_utterance_is_counted(sent: slice, lost: int) -> None:
    """From the first of the wake word, frame 100, to the last of the wish, frame 300; around it nothing counts."""
    script = np.random.default_rng(1).integers(-1_000, 1_000, 500, np.int16)
    wake, wish = said(script, 100, 150), said(script, 200, 300)
    assert missing(script[sent], script[sent.start :], sent.start, wake, wish) == lost


def test_a_wrong_sample_loses_the_rest() -> None:
    """After it nothing is certain."""
    script = np.random.default_rng(1).integers(-1_000, 1_000, 500, np.int16)
    sent = script[50:400].copy()
    sent[200] += 1
    assert missing(sent, script[50:], 50, said(script, 100, 150), said(script, 200, 300)) == 50


def said(script: Samples, first: int, end: int) -> Said:
    """Return a sentence that stands in the script from one frame to another."""
    return Said("words", script[first:end], 24_000, first, 0.0, 1.0)


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
