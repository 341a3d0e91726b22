"""Small helpers around structured concurrency."""

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any

from hearthd.core.errors import HearthdError


async def together(loops: Mapping[str, Coroutine[Any, Any, object]]) -> None:
    """Run what belongs together, each under its name, until all have ended; the first that fails ends the others.

    An error of ours comes out as itself, so that callers can name it in `except`. When several fail over the same
    thing, the first error stands for all; bugs stay in their group. A cancellation that meets an error goes first,
    whichever came before: forgotten, it would leave a loop that handles the error running for ever, and whoever stops
    the daemon waiting for it.
    """
    task = asyncio.current_task()
    assert task is not None, "only tasks have task groups"
    cancelling = task.cancelling()
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(loop, name=name) for name, loop in loops.items()]
            # A group that waits at its end cancels its parent and, before Python 3.13, never takes that back
            # (gh-116720). Python 3.11.2, which Debian 12 has, then mistakes every later timeout for a cancellation.
            await asyncio.wait(running)
    except BaseExceptionGroup as group:
        errors = list(_leaves(group))
        if not all(isinstance(error, HearthdError) for error in errors):
            raise
        if task.cancelling() > cancelling:
            raise asyncio.CancelledError from None
        raise errors[0] from None


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


async def passes(event: asyncio.Event, at_most_s: float) -> bool:
    """Wait for `event`; tells whether it came in time."""
    try:
        async with asyncio.timeout(at_most_s):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True
