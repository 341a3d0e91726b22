"""How long to wait before trying again: exponential backoff with full jitter, without a clock."""

_MOST_DOUBLINGS = 32
"""Far beyond any cap that is ever reached; keeps the power finite after years of failures."""


class Backoff:
    """Delays whose limit doubles from `first_s` to `cap_s`, each spread evenly from `floor_s` to its limit.

    Full jitter keeps many clients that lost the same server from coming back at the same moment.
    """

    def __init__(self, first_s: float = 0.5, cap_s: float = 30.0, *, floor_s: float = 0.0) -> None:
        """Start with `first_s` as the limit of the first delay; demands `floor_s <= first_s <= cap_s`."""
        if not 0.0 <= floor_s <= first_s <= cap_s:
            raise ValueError(f"a delay cannot lie between {floor_s} s, {first_s} s and {cap_s} s")
        self._first_s = first_s
        self._cap_s = cap_s
        self._floor_s = floor_s
        self._failures = 0

    @classmethod
    def after_refusal(cls) -> "Backoff":
        """Return the slow schedule, 300 to 900 s: at most 12 tries an hour, yet a mended key is noticed."""
        return cls(first_s=600.0, cap_s=900.0, floor_s=300.0)

    def next_delay(self, random_unit: float) -> float:
        """Count one more failure and return the seconds to wait; `random_unit` is drawn from [0, 1)."""
        limit_s = min(self._cap_s, self._first_s * 2.0**self._failures)
        self._failures = min(self._failures + 1, _MOST_DOUBLINGS)
        return self._floor_s + (limit_s - self._floor_s) * random_unit

    def reset(self) -> None:
        """Begin again, because something worked."""
        self._failures = 0
