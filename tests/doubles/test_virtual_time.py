"""What tests in virtual time may rely on."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from tests.doubles.virtual_time import START_S, VirtualTimeError, VirtualTimeLoop


def run(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story in a fresh loop."""

    async def told() -> None:
        await story()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(told())


def test_the_clock_jumps_to_each_timer_and_stands_still_in_between() -> None:
    """A week of sleeping ends at once, in the order of the timers, each at its very moment."""
    log: list[tuple[str, float]] = []

    async def sleeper(name: str, lasting_s: float) -> None:
        await asyncio.sleep(lasting_s)
        log.append((name, asyncio.get_running_loop().time() - START_S))

    async def story() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(sleeper("week", 7 * 86_400.0))
            tasks.create_task(sleeper("blink", 0.125))
            tasks.create_task(sleeper("now", 0.0))

    run(story)

    assert log == [("now", 0.0), ("blink", 0.125), ("week", 7 * 86_400.0)]


def test_a_deadline_strikes_at_its_moment() -> None:
    """A timeout beats a longer wait, and the clock shows the deadline."""

    async def story() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30.0):
                await asyncio.Event().wait()
        assert asyncio.get_running_loop().time() == START_S + 30.0

    run(story)


def test_small_steps_do_not_lose_a_timer() -> None:
    """Fifty steps of 20 ms end with a timer of one second, whatever the floats add up to."""

    async def story() -> None:
        second = asyncio.get_running_loop().call_later(1.0, lambda: None)
        for _ in range(50):
            await asyncio.sleep(0.02)
        assert asyncio.get_running_loop().time() == pytest.approx(second.when(), abs=1e-9)

    run(story)


def test_waiting_for_ever_fails_and_names_who_waits_where() -> None:
    """A test that nothing can wake fails at once instead of hanging."""

    async def waits_in_vain() -> None:
        await asyncio.Event().wait()

    async def story() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(waits_in_vain(), name="the deaf one")

    with pytest.raises(VirtualTimeError, match=r"the deaf one: .*locks\.py:\d+ in Event\.wait"):
        run(story)


@pytest.mark.parametrize(
    "reach",
    [
        lambda: asyncio.to_thread(int),
        lambda: asyncio.open_connection("localhost", 1),
        lambda: asyncio.start_server(lambda _reader, _writer: None, "localhost", 0),
        lambda: asyncio.create_subprocess_exec("true"),
        lambda: asyncio.get_running_loop().getaddrinfo("localhost", 1),
    ],
    ids=["thread", "connection", "server", "process", "name"],
)
def test_the_outside_world_is_refused(reach: Callable[[], Awaitable[object]]) -> None:
    """What needs real time fails where it is asked for."""

    async def story() -> None:
        with pytest.raises(VirtualTimeError, match="can take part in virtual time"):
            await reach()

    run(story)


def test_another_thread_is_refused() -> None:
    """A thread that calls into the loop fails; the loop's own code may use the same call."""
    refused: list[str] = []

    async def story() -> None:
        loop = asyncio.get_running_loop()
        called = asyncio.Event()
        loop.call_soon_threadsafe(called.set)
        await called.wait()

        def call() -> None:
            try:
                loop.call_soon_threadsafe(called.clear)
            except VirtualTimeError as error:
                refused.append(str(error))

        thread = threading.Thread(target=call, name="stranger")
        thread.start()
        thread.join()

    run(story)

    assert refused == ["thread stranger calls a loop in virtual time"]
