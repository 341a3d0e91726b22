"""Random sentences of a grammar's tree, with what they mean."""

import random
from typing import assert_never

from hearthd.offline.mind.grammar import Choice, Lexicon, Listed, Marks, Maybe, Node, Phrase, Sequence, Text

LISTED_MAX = 3


def sample(node: Node, rng: random.Random) -> tuple[Phrase, Marks]:
    """Return a random sentence that the tree can say, and its marks."""
    match node:
        case Text(words=words, marks=marks):
            return words, marks
        case Sequence(parts=parts):
            return _joined([sample(part, rng) for part in parts])
        case Choice(options=options):
            return sample(rng.choice(options), rng)
        case Maybe(part=part):
            return sample(part, rng) if rng.random() < 0.5 else ((), ())
        case Listed(part=part, link=link):
            more = rng.choice([0, 0, 0, 1, LISTED_MAX - 1])
            return _joined([sample(part, rng), *(sample(one, rng) for one in (link, part) * more)])
        case Lexicon(entries=entries):
            phrase = rng.choice(list(entries))
            return phrase, entries[phrase]
        case _:
            assert_never(node)


def _joined(samples: list[tuple[Phrase, Marks]]) -> tuple[Phrase, Marks]:
    words = tuple(word for phrase, _ in samples for word in phrase)
    return words, tuple(mark for _, marks in samples for mark in marks)
