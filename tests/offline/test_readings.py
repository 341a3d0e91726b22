"""Which hearing counts when they differ."""

import pytest

from hearthd.offline.hearing.confidence import Stretch
from hearthd.offline.hearing.readings import Reading, elected


def reading(text: str, likelihood: float = 0.5) -> Reading:
    """Return words of 100 ms each."""
    words = enumerate(text.split())
    return Reading(tuple(Stretch(word, 10 * at, 10 * at + 10, -30.0) for at, word in words), likelihood)


ON, ON_THE, OFF, OPEN = reading("turn on lamp"), reading("turn on the lamp"), reading("turn off lamp"), reading("open")


@pytest.mark.parametrize(
    ("as_it_came", "second", "third", "winner", "loser"),
    [
        (OFF, ON, ON_THE, ON, ON_THE),
        (OFF, ON, OFF, OFF, ON),
        (ON_THE, OFF, ON, ON, OFF),
        (OPEN, ON, reading("turn off lamp", 0.6), reading("turn off lamp", 0.6), ON),
        (OPEN, ON, reading("turn off lamp", 0.4), ON, reading("turn off lamp", 0.4)),
        (Reading(), ON, Reading(), Reading(), ON),
    ],
)
def test_two_that_agree_win_and_else_the_likelier(
    as_it_came: Reading, second: Reading, third: Reading, winner: Reading, loser: Reading
) -> None:
    """Words that are easily taken for each other make no difference; sound with its noise never wins alone."""
    assert elected(as_it_came, second, third) == (winner, loser)


def test_nothing_heard_has_no_words() -> None:
    """Of silence, and of a reading that never was."""
    assert Reading().words == Reading((Stretch("<sil>", 0, 30, -30.0),)).words == ()
