"""How likely it is that a sentence was really said, when a grammar can hear nothing but sentences of its own.

A logistic model of what tells commands from other speech. Its coefficients were fitted to 128 synthesised commands and
172 other utterances, clean and in noise at 20 and 10 dB. The commands, and the half of the kitchen recording, are not
those of `scripts/bench offline`; the voices are flite's kal and espeak-ng variants that it does not use, and three of
its flite voices at another speed and pitch; a few of the other sentences also stand in `tests/offline/sentences`.
"""

import math
from dataclasses import dataclass
from typing import Final

_MARKS: Final = "<+[("
"""What silences, noises and empty arcs begin with, in place of a word."""
_WORDS_MAX: Final = 8
_LITTLE: Final = frozenset("a and at can could for my our please the to would you".split())  # noqa: SIM905
"""Words that are easily taken for each other and matter least."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A word or a silence, and where it was heard."""

    word: str
    start: int
    """Of its first 10 ms."""
    end: int
    """After its last 10 ms."""
    score: float
    """Logarithm of its likelihood, relative to that of the best fitting sounds at each moment; 0 at best."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What was made of one utterance."""

    sentence: tuple[Stretch, ...]
    """The best sentence of the grammar."""
    again: tuple[Stretch, ...]
    """The best sentence in the sound as it was before its noise was reduced: what was said is heard both times, while
    chance seldom strikes twice alike."""

    @property
    def text(self) -> str:
        """The best sentence's words."""
        return " ".join(stretch.word for stretch in _words(self.sentence))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the model weighs."""

    fit: float
    """Mean score of the words in 10 ms."""
    worst: float
    """The same of the word that fits least."""
    length: float
    """Mean length of a word in 10 ms; speech that is none of ours is chopped into short words."""
    words: int
    """Many words that fit are no chance."""
    agreed: bool
    """Whether both sentences have the same words, little ones aside."""


def evidence(trial: Trial) -> Evidence | None:
    """Weigh nothing, only measure; None without any word."""
    words = _words(trial.sentence)
    if not words:
        return None
    length = sum(word.end - word.start for word in words)
    solid = _solid(words)
    return Evidence(
        fit=sum(word.score for word in words) / length,
        worst=min(word.score / (word.end - word.start) for word in solid or words),
        length=length / len(words),
        words=min(len(words), _WORDS_MAX),
        agreed=_spoken(solid) == _spoken(_solid(_words(trial.again))),
    )


def confidence(trial: Trial) -> float:
    """Return the probability of having heard right, from 0 to 1; 0 without any word."""
    found = evidence(trial)
    if found is None:
        return 0.0
    logit = (
        _BIAS
        + _FIT * found.fit
        + _WORST * found.worst
        + _LENGTH * found.length
        + _WORDS * found.words
        + _AGREED * found.agreed
    )
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


_BIAS: Final = 3.07
_FIT: Final = 0.857
_WORST: Final = 0.499
_LENGTH: Final = 0.128
_WORDS: Final = 0.113
_AGREED: Final = 1.857


def _words(stretches: tuple[Stretch, ...]) -> list[Stretch]:
    return [stretch for stretch in stretches if stretch.word[0] not in _MARKS]


def _solid(words: list[Stretch]) -> list[Stretch]:
    return [word for word in words if word.word not in _LITTLE]


def _spoken(words: list[Stretch]) -> list[str]:
    return [word.word for word in words]
