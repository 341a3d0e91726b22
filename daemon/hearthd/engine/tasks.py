"""Small helpers around structured concurrency."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from hearthd.core.errors import HearthdError

_FORGETFUL: Final = sys.version_info < (3, 13)
"""Before Python 3.13 a task group that fails while it waits for its tasks cancels its parent, takes that back in vain,
and drops a cancellation from outside that came in the same moment (gh-116720)."""


@contextmanager
def lone_error() -> Iterator[None]:
    """Let an error of ours out of a task group as itself, so that callers can name it in `except`.

    The group's body only starts tasks. When several of them fail over the same thing at once, the first error stands
    for all; bugs stay in their group. A cancellation that comes with an error goes first: forgotten, it would leave a
    loop that handles the error running for ever, and whoever stops the daemon waiting for it.
    """
    task = asyncio.current_task()
    assert task is not None, "only tasks have task groups"
    cancelling = task.cancelling()
    try:
        yield
    except BaseExceptionGroup as group:
        errors = list(_leaves(group))
        if not all(isinstance(error, HearthdError) for error in errors):
            raise
        if _FORGETFUL:
            task.uncancel()
        if task.cancelling() > cancelling:
            raise asyncio.CancelledError from None
        raise errors[0] from None


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
