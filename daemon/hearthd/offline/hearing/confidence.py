"""How likely it is that a sentence was really said, when a grammar can hear nothing but sentences of its own.

A logistic model of what tells commands from other speech. `tests/bench/fit_confidence.py` fits it to commands,
sentences, voices and recordings that `scripts/bench offline` does not use, and stretches it so that of what was heard
wrong, or said to somebody else, next to nothing reaches 0.8 and few reach 0.4.
"""

import math
from dataclasses import dataclass
from statistics import fmean
from typing import Final

_MARKS: Final = "<+[("
"""What silences, noises and empty arcs begin with, in place of a word."""
_NOTHING: Final = "(NULL)"
"""An empty arc, which is not even silence."""
_WORDS_MAX: Final = 6
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
    others: tuple[tuple[Stretch, ...], ...]
    """The best sentences in the sound as it came, with its noise, and, where that is another, in the sound prepared in
    yet another way: what was said is heard each time, while chance seldom strikes twice alike."""
    contrast_db: float = 0.0
    """How much louder the loud tenth of the sound is than the quiet tenth: little in a room without a voice."""

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
    agreed_with_noise: bool
    """Whether the sentence in the sound as it came has the same words, little ones aside."""
    agreed_without: bool
    """Whether the other one without noise has; true where none was needed."""
    shared: float
    """Share of the words that the sentence has in common with each of the others, on average."""


def evidence(trial: Trial) -> Evidence | None:
    """Weigh nothing, only measure; None without any word."""
    words = _words(trial.sentence)
    if not words:
        return None
    length = sum(word.end - word.start for word in words)
    solid = _solid(words) or words
    here, there = solid_words(trial.sentence), [solid_words(other) for other in trial.others]
    return Evidence(
        fit=sum(word.score for word in words) / length,
        worst=min(_mean(word) for word in solid),
        best=max(_mean(word) for word in words),
        hush=min((_mean(gap) for gap in trial.sentence if _silent(gap)), default=0.0),
        words=min(len(_solid(words)), _WORDS_MAX),
        agreed_with_noise=here == there[0],
        agreed_without=all(here == other for other in there[1:]),
        shared=fmean(len(set(here) & set(other)) / max(1, len(set(here) | set(other))) for other in there),
    )


def features(found: Evidence) -> tuple[float, ...]:
    """Return what the coefficients belong to."""
    agreed = float(found.agreed_with_noise), float(found.agreed_without)
    return found.fit, found.worst, found.best, found.hush, found.words, *agreed, found.shared


def confidence(trial: Trial) -> float:
    """Return the probability of having heard right, from 0 to 1; 0 without any word."""
    found = evidence(trial)
    if found is None:
        return 0.0
    bias, *slopes = _COEFFICIENTS
    logit = bias + sum(slope * feature for slope, feature in zip(slopes, features(found), strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


_COEFFICIENTS: Final = (2.456, 0.4239, 0.2833, -0.07272, 0.06259, 0.224, 0.1088, 0.1322, 1.736)
"""The bias, and then one for each of `features`; what `tests/bench/fit_confidence.py` found."""


def solid_words(stretches: tuple[Stretch, ...]) -> tuple[str, ...]:
    """Return the words of a sentence without those that are easily taken for each other and matter least."""
    return tuple(stretch.word for stretch in _solid(_words(stretches)))


def _mean(stretch: Stretch) -> float:
    return stretch.score / max(1, stretch.end - stretch.start)


def _silent(stretch: Stretch) -> bool:
    return stretch.word[0] in _MARKS and stretch.word != _NOTHING


def _words(stretches: tuple[Stretch, ...]) -> list[Stretch]:
    return [stretch for stretch in stretches if stretch.word[0] not in _MARKS]


def _solid(words: list[Stretch]) -> list[Stretch]:
    return [word for word in words if word.word not in _LITTLE]
