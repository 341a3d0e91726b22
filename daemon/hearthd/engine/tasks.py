"""Small helpers around structured concurrency."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lone_error() -> Iterator[None]:
    """Let an error that came alone out of a task group out as itself, so that callers can name it in `except`."""
    try:
        yield
    except BaseExceptionGroup as group:
        inner: BaseException = group
        while isinstance(inner, BaseExceptionGroup) and len(inner.exceptions) == 1:
            inner = inner.exceptions[0]
        if inner is group:
            raise
        raise inner from None
