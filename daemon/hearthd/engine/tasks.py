"""Small helpers around structured concurrency."""

from collections.abc import Iterator
from contextlib import contextmanager

from hearthd.core.errors import HearthdError


@contextmanager
def lone_error() -> Iterator[None]:
    """Let an error of ours out of a task group as itself, so that callers can name it in `except`.

    When several tasks fail over the same thing at once, the first error stands for all. Bugs stay in their group.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        errors = list(_leaves(group))
        if not all(isinstance(error, HearthdError) for error in errors):
            raise
        raise errors[0] from None


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
