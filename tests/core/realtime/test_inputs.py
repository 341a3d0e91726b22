"""The meter of the input buffer."""

import pytest

from hearthd.core.realtime.inputs import InputMeter
from tests.core.realtime.wire import BYTES_PER_MS


@pytest.mark.parametrize(("appended_ms", "missing_ms"), [(0, 100), (20, 80), (100, 0), (15_000, 0)])
def test_a_commit_needs_100_ms(appended_ms: int, missing_ms: int) -> None:
    """Silence fills up to exactly 100 ms, the least that a server accepts."""
    meter = InputMeter()
    meter.add(appended_ms * BYTES_PER_MS)
    assert meter.padding() == bytes(missing_ms * BYTES_PER_MS)


def test_reset_counts_from_nothing() -> None:
    """After a commit or clear the buffer is empty."""
    meter = InputMeter()
    empty = [meter.empty]
    meter.add(2)
    empty.append(meter.empty)
    meter.reset()
    assert [*empty, meter.empty] == [True, False, True]
    assert len(meter.padding()) == 100 * BYTES_PER_MS
