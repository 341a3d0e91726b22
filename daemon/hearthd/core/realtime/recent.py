"""A bounded memory of identifiers."""

from collections.abc import Iterable, Iterator


class RecentIds:
    """Remembers the last `capacity` different identifiers."""

    def __init__(self, capacity: int, ids: Iterable[str] = ()) -> None:
        """Begin with the last `capacity` of `ids`."""
        self._capacity = capacity
        self._ids: dict[str, None] = {}
        for each in ids:
            self.add(each)

    def add(self, identifier: str) -> bool:
        """Remember `identifier`, and forget the oldest if there are too many; tell whether it is news."""
        if identifier in self._ids:
            return False
        self._ids[identifier] = None
        if len(self._ids) > self._capacity:
            del self._ids[next(iter(self._ids))]
        return True

    def __contains__(self, identifier: str) -> bool:
        return identifier in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)
