"""What an observer saw, in order and with its moments, and how to wait for more of it."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar


class Stamped(Protocol):
    """Anything that happened at a moment."""

    @property
    def at_s(self) -> float:
        """Monotonic seconds."""


Entry = TypeVar("Entry", bound=Stamped)


class Chronicle(Generic[Entry]):
    """Entries in the order in which they were seen. Owned by the event loop."""

    def __init__(self, what: str) -> None:
        """`what` names the entries in errors, as in "MQTT message"."""
        self._what = what
        self._entries: list[Entry] = []
        self._waiters: list[asyncio.Future[None]] = []

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        """Take one more, and let everybody who waits look at it."""
        self._entries.append(entry)
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def where(self, wanted: Callable[[Entry], bool], *, after_s: float = 0.0) -> list[Entry]:
        """Return every entry that is wanted and not older than `after_s`."""
        return [entry for entry in self._entries if entry.at_s >= after_s and wanted(entry)]

    async def until(
        self, wanted: Callable[[Entry], bool], meaning: str, *, after_s: float = 0.0, timeout_s: float = 10.0
    ) -> Entry:
        """Return the first such entry, waiting for it if need be.

        Raises AssertionError with the `meaning` of what was missed and the latest entries.
        """
        seen = 0
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    for entry in self._entries[seen:]:
                        if entry.at_s >= after_s and wanted(entry):
                            return entry
                    seen = len(self._entries)
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiters.append(waiter)
                    await waiter
        except TimeoutError:
            latest = "\n".join(f"  {entry}" for entry in self._entries[-8:]) or "  none at all"
            raise AssertionError(
                f"{meaning}: no such {self._what} within {timeout_s:g} s; the latest:\n{latest}"
            ) from None
