"""Errors that come out of task groups."""

import asyncio

import pytest

from hearthd.core.errors import HearthdError
from hearthd.engine.tasks import together


class Trouble(HearthdError):
    """What a task of ours may raise."""


async def fail(error: BaseException) -> None:
    """Raise at once."""
    raise error


async def fail_together(*errors: BaseException) -> None:
    """Have one task raise each of the errors in the same moment."""
    await together({f"task {number}": fail(error) for number, error in enumerate(errors)})


async def test_an_error_comes_out_as_itself() -> None:
    """So that callers can name it, whatever tasks it went through."""
    with pytest.raises(Trouble, match="alone"):
        await fail_together(Trouble("alone"))
    with pytest.raises(Trouble, match="nested"):
        await fail_together(ExceptionGroup("inner", [Trouble("nested")]))


async def test_the_first_of_two_errors_stands_for_both() -> None:
    """Reader and writer of one connection lose it in the same moment."""
    with pytest.raises(Trouble, match="first"):
        await fail_together(Trouble("first"), Trouble("second"))


async def test_a_bug_stays_visible() -> None:
    """It is not hidden behind an error that somebody handles."""
    with pytest.raises(ExceptionGroup) as caught:
        await fail_together(Trouble("first"), ValueError("a bug"))
    assert caught.group_contains(ValueError, match="a bug")


async def test_without_an_error_nothing_comes_out() -> None:
    """Tasks may just end, each in its own time."""
    await together({"sooner": asyncio.sleep(1.0), "later": asyncio.sleep(2.0)})


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
async def test_a_cancellation_that_comes_with_an_error_is_not_forgotten(steps: int) -> None:
    """Else a loop that handles the error would go on, and whoever waits for its end would wait for ever."""
    loop = asyncio.get_running_loop()
    rounds = 0

    def cancel_after(steps: int) -> None:
        if steps:
            loop.call_soon(cancel_after, steps - 1)
        else:
            task.cancel()

    async def fail_and_have_cancelled() -> None:
        await asyncio.sleep(1.0)
        loop.call_soon(cancel_after, steps)
        raise Trouble("in the same moment")

    async def keep() -> None:
        nonlocal rounds
        while rounds < 3:
            rounds += 1
            try:
                await together({"waits": asyncio.Event().wait(), "fails": fail_and_have_cancelled()})
            except Trouble:
                await asyncio.sleep(1.0)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(keep())
    assert (task.cancelled(), rounds) == (True, 1)


async def test_a_cancellation_that_is_met_by_an_error_is_not_forgotten() -> None:
    """What fails while it is being ended, as a device that cannot be closed, does not keep its loop alive."""
    rounds = 0

    async def fail_when_ended() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise Trouble("on the way out")

    async def keep() -> None:
        nonlocal rounds
        while rounds < 3:
            rounds += 1
            try:
                await together({"fails": fail_when_ended()})
            except Trouble:
                await asyncio.sleep(1.0)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(keep())
        await asyncio.sleep(1.0)
        task.cancel()
    assert (task.cancelled(), rounds) == (True, 1)


async def test_an_error_leaves_no_cancellation_behind() -> None:
    """A deadline around the next attempt would take it for its own."""
    task = asyncio.current_task()
    assert task is not None
    with pytest.raises(Trouble):
        await fail_together(Trouble("alone"))
    assert task.cancelling() == 0
