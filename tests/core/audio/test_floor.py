"""The level of the room."""

import random

import pytest

from hearthd.core.audio.floor import QUIET_DBFS, SLICE_BLOCKS, SLICES, NoiseFloor


def after(*levels_dbfs: float) -> NoiseFloor:
    """A floor that has heard these levels."""
    floor = NoiseFloor()
    for level_dbfs in levels_dbfs:
        floor.feed(level_dbfs)
    return floor


def test_it_starts_at_the_first_level_and_falls_with_the_room() -> None:
    """The first block is all that is known; a quieter one corrects it within 100 ms."""
    assert after(-30).level_dbfs == -30
    assert after(-30, *[-50] * 5).level_dbfs < -48


def test_speech_with_pauses_does_not_lift_it() -> None:
    """As long as every three seconds hold 100 ms of the room, the room's level stays known."""
    talking = [*[-25.0] * 140, *[-50.0] * 5] * 10
    floor = after(*[-50] * 50)
    assert max(floor.feed(level_dbfs) for level_dbfs in talking) < -48


def test_a_new_steady_noise_is_the_floor_after_its_window() -> None:
    """A fan that is switched on is no longer news after 3.5 s, but still is after 2.5 s."""
    fan = [-30.0] * (SLICES * SLICE_BLOCKS)
    assert after(*[-50.0] * 50, *fan[:-SLICE_BLOCKS]).level_dbfs < -49
    assert after(*[-50.0] * 50, *fan, *fan[: SLICE_BLOCKS + 1]).level_dbfs == pytest.approx(-30, abs=0.1)


def test_one_soft_block_is_no_pause() -> None:
    """A single dip inside loud sound moves the floor by less than half its depth."""
    assert after(*[-20] * 200, -50, *[-20] * 5).level_dbfs == pytest.approx(-32)


def test_it_follows_a_noise_from_below() -> None:
    """In an unsteady noise the floor lies within a few dB below the mean."""
    noise = random.Random(1)
    assert -47 < after(*(noise.gauss(-40, 2) for _ in range(500))).level_dbfs < -40


def test_it_never_sinks_below_quiet() -> None:
    """Digital silence does not make a rustle loud."""
    assert after(*[-100] * 400).level_dbfs == QUIET_DBFS == NoiseFloor().level_dbfs


def test_feeding_returns_the_level() -> None:
    """The caller need not ask twice."""
    floor = NoiseFloor()
    assert floor.feed(-42) == floor.level_dbfs == -42
