"""How likely it is that a sentence was really said, when a grammar can hear nothing but sentences of its own.

A logistic model of what tells commands from other speech. `tests/bench/fit_confidence.py` fits it to commands,
sentences, voices and recordings that `scripts/bench offline` does not use, and stretches it so that of what was heard
wrong, or said to somebody else, next to nothing reaches 0.8 and few reach 0.4.
"""

import math
from dataclasses import dataclass
from typing import Final

_MARKS: Final = "<+[("
"""What silences, noises and empty arcs begin with, in place of a word."""
_NOTHING: Final = "(NULL)"
"""An empty arc, which is not even silence."""
_WORDS_MAX: Final = 6
_CONTRAST_DB: Final = (10.0, 40.0)
"""Between a voice 10 dB above its room's noise and a quiet room; what is beyond tells no more."""
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
    contrast_db: float = 0.0
    """How much louder the loud tenth of the sound is than the quiet tenth: what fits badly in a noisy room may be
    right, in a quiet room it is not."""

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
    best: float
    """The same of the word that fits most: some voices and rooms fit badly throughout."""
    hush: float
    """The mean score of 10 ms in the silence that fits least: a sentence that leaves out what was said is another."""
    words: int
    """How many there are, little ones aside: many that fit are no chance."""
    agreed: bool
    """Whether both sentences have the same words, little ones aside."""
    shared: float
    """Share of the words that both sentences have in common."""
    contrast_db: float
    """See `Trial`."""


def evidence(trial: Trial) -> Evidence | None:
    """Weigh nothing, only measure; None without any word."""
    words = _words(trial.sentence)
    if not words:
        return None
    length = sum(word.end - word.start for word in words)
    solid = _solid(words) or words
    here, there = _spoken(_solid(words)), _spoken(_solid(_words(trial.again)))
    return Evidence(
        fit=sum(word.score for word in words) / length,
        worst=min(_mean(word) for word in solid),
        best=max(_mean(word) for word in words),
        hush=min((_mean(gap) for gap in trial.sentence if _silent(gap)), default=0.0),
        words=min(len(_solid(words)), _WORDS_MAX),
        agreed=here == there,
        shared=len(set(here) & set(there)) / max(1, len(set(here) | set(there))),
        contrast_db=min(max(trial.contrast_db, _CONTRAST_DB[0]), _CONTRAST_DB[1]),
    )


def features(found: Evidence) -> tuple[float, ...]:
    """Return what the coefficients belong to."""
    counted = float(found.words), float(found.agreed), found.shared
    return found.fit, found.worst, found.best, found.hush, *counted, found.contrast_db


def confidence(trial: Trial) -> float:
    """Return the probability of having heard right, from 0 to 1; 0 without any word."""
    found = evidence(trial)
    if found is None:
        return 0.0
    bias, *slopes = _COEFFICIENTS
    logit = bias + sum(slope * feature for slope, feature in zip(slopes, features(found), strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


_COEFFICIENTS: Final = (3.129, 0.6317, 0.2426, -0.368, 0.09115, 0.3066, 0.9167, 0.5998, -0.02047)
"""The bias, and then one for each of `features`; what `tests/bench/fit_confidence.py` found."""


def _mean(stretch: Stretch) -> float:
    return stretch.score / max(1, stretch.end - stretch.start)


def _silent(stretch: Stretch) -> bool:
    return stretch.word[0] in _MARKS and stretch.word != _NOTHING


def _words(stretches: tuple[Stretch, ...]) -> list[Stretch]:
    return [stretch for stretch in stretches if stretch.word[0] not in _MARKS]


def _solid(words: list[Stretch]) -> list[Stretch]:
    return [word for word in words if word.word not in _LITTLE]


def _spoken(words: list[Stretch]) -> list[str]:
    return [word.word for word in words]
