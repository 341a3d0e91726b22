"""Which of several hearings of one utterance counts."""

from dataclasses import dataclass

from hearthd.offline.hearing.confidence import Stretch, solid_words


@dataclass(frozen=True, slots=True)
class Reading:
    """What one decoding made of an utterance; empty if nothing."""

    stretches: tuple[Stretch, ...] = ()
    likelihood: float = 0.0
    """Of sound and sentence together; comparable with that of another reading of the same length."""

    @property
    def words(self) -> tuple[str, ...]:
        """The words that matter."""
        return solid_words(self.stretches)


def elected(as_it_came: Reading, second: Reading, third: Reading) -> tuple[Reading, Reading]:
    """Return the better of two readings without noise, and the other one, where the first agrees with neither or one.

    Two that have the same words win. Where all differ, the likelier of the later two does: noise had no say in them.
    """
    if third.words == second.words:
        return second, third
    if third.words == as_it_came.words or third.likelihood > second.likelihood:
        return third, second
    return second, third
