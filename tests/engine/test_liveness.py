"""The watchdog is fed while every loop turns, and the one that does not is named."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hearthd.adapters.websocket import CLOSE_S, OPEN_S
from hearthd.engine.link_session import SEND_S
from hearthd.engine.liveness import BEAT_EVERY_S, SILENT_AFTER_S, TELL_AGAIN_S, Liveness, Pulse
from tests.doubles.supervisor import MemorySupervisor


@asynccontextmanager
async def watched(watchdog_s: float | None = 20.0) -> AsyncIterator[tuple[MemorySupervisor, Liveness, Pulse]]:
    """Watch one pulse until the test is over."""
    supervisor = MemorySupervisor(watchdog_s)
    liveness = Liveness(supervisor, asyncio.get_running_loop().time)
    pulse = liveness.pulse("capture")
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(liveness.run())
        yield supervisor, liveness, pulse
        task.cancel()


async def beat_for(pulse: Pulse, lasting_s: float) -> None:
    """Beat as seldom as a loop may."""
    for _ in range(round(lasting_s / BEAT_EVERY_S)):
        pulse.beat()
        await asyncio.sleep(BEAT_EVERY_S)


@pytest.mark.parametrize(("watchdog_s", "fed"), [(20.0, 20), (9.0, 34), (None, 20)])
async def test_a_daemon_whose_loops_turn_feeds_its_watchdog(watchdog_s: float | None, fed: int) -> None:
    """Three times within the supervisor's patience, and at least every five seconds."""
    async with watched(watchdog_s) as (supervisor, _, pulse):
        await beat_for(pulse, 100.0)
        assert supervisor.told == [{"WATCHDOG": "1"}] * fed


async def test_a_stuck_loop_starves_the_watchdog_and_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    """In the journal, before the restart that it brings about."""
    async with watched() as (supervisor, liveness, pulse):
        other = liveness.pulse("link")
        await asyncio.sleep(0.1)
        with caplog.at_level(logging.ERROR, "hearthd"):
            await beat_for(other, 60.0)
            pulse.beat()
        assert len(supervisor.told) == SILENT_AFTER_S / BEAT_EVERY_S + 1
        assert [record.__dict__["HEARTHD_LOOP"] for record in caplog.records] == ["capture"]

        fed = len(supervisor.told)
        other.beat()
        await asyncio.sleep(BEAT_EVERY_S)
        assert len(supervisor.told) == fed + 1


async def test_without_a_watchdog_people_are_asked_to_restart_again_and_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody else helps then; a loop that turns again and gets stuck anew is named at once."""
    async with watched(None) as (_, _, pulse):
        with caplog.at_level(logging.ERROR, "hearthd"):
            await asyncio.sleep(2 * TELL_AGAIN_S + SILENT_AFTER_S)
            told = "the capture loop is stuck; no watchdog restarts hearthd, so please do"
            assert [record.getMessage() for record in caplog.records] == [told] * 2
            pulse.beat()
            await asyncio.sleep(SILENT_AFTER_S + 2 * BEAT_EVERY_S)
            assert [record.getMessage() for record in caplog.records] == [told] * 3


async def test_after_a_stop_of_the_whole_process_nobody_is_accused(caplog: pytest.LogCaptureFixture) -> None:
    """All loops get time to beat; but one that is still silent at the next look is stuck."""
    clock_s = 0.0
    supervisor = MemorySupervisor(20.0)
    liveness = Liveness(supervisor, lambda: clock_s)
    pulse = liveness.pulse("capture")
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(liveness.run())
        await asyncio.sleep(0.1)
        clock_s += 19.0  # SIGSTOP, say
        with caplog.at_level(logging.ERROR, "hearthd"):
            await asyncio.sleep(BEAT_EVERY_S)
            assert (len(supervisor.told), caplog.records) == (2, [])
            pulse.beat()
            clock_s += 19.0
            await asyncio.sleep(BEAT_EVERY_S)
            assert (len(supervisor.told), len(caplog.records)) == (2, 1)
        task.cancel()


async def test_a_pulse_begins_with_a_beat() -> None:
    """A loop that has not begun yet is given time to."""
    pulse = Pulse("link", lambda: 17.0)
    assert (pulse.name, pulse.last_s) == ("link", 17.0)


async def test_the_longest_waits_are_shorter_than_our_patience() -> None:
    """Opening a link or hanging up on a dead one must not look like a stuck loop."""
    assert OPEN_S < SILENT_AFTER_S
    assert SEND_S + CLOSE_S < SILENT_AFTER_S
