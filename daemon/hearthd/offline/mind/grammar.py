"""Sentences as a tree that carries its meaning: one tree is the recogniser's grammar and the parser's.

A branch matches words and yields marks, which are values of the caller's own; the marks of a sequence follow each
other in the order of its words. Whatever the tree can say, `parse` therefore understands.

Branches also tell how often they are said. That is for the recogniser alone, to which some words sound alike; what is
said never is still understood when it is typed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import compress
from typing import assert_never

Phrase = tuple[str, ...]
"""Words in lower case without punctuation, as they are spoken."""

Marks = tuple[object, ...]
"""What a piece of a sentence means."""


@dataclass(frozen=True, slots=True)
class Text:
    """Fixed words, or none; `marks` are what they mean."""

    words: Phrase
    marks: Marks = ()


@dataclass(frozen=True, slots=True)
class Sequence:
    """One part after the other."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several; earlier ones win where two fit the same words."""

    options: tuple["Node", ...]
    weights: tuple[float, ...] = ()
    """How often each is said, compared with the others; without any, all are equal, and with 0 it is typed at most."""


@dataclass(frozen=True, slots=True)
class Maybe:
    """A part that may be left out."""

    part: "Node"
    chance: float = 0.5
    """Of being said."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A part once or several times, with `link` in between."""

    name: str
    """Of its rule in JSGF; unique in the tree."""
    part: "Node"
    link: "Node"
    chance: float = 0.5
    """Of another part after each."""


@dataclass(slots=True)
class _Twig:
    """A place in a word tree: what may follow, and what it means to end here."""

    next: dict[str, "_Twig"] = field(default_factory=dict)
    marks: Marks | None = None
    weight: float = 0.0
    """How often somebody ends here."""
    through: float = 0.0
    """How often somebody comes here."""


class Lexicon:
    """Many phrases, each with its meaning; beginnings that several share are one path."""

    def __init__(self, entries: Mapping[Phrase, Marks], weights: Mapping[Phrase, float] | None = None) -> None:
        """Take phrases of at least one word, and how often each is said compared with the others; once by default."""
        self.entries = entries
        self.said: set[str] = set()
        self.root = _Twig()
        for phrase, marks in entries.items():
            weight = 1.0 if weights is None else weights.get(phrase, 1.0)
            twig = self.root
            twig.through += weight
            for word in phrase:
                twig = twig.next.setdefault(word, _Twig())
                twig.through += weight
            twig.marks = marks
            twig.weight = weight
            self.said.update(phrase if weight else ())


Node = Text | Sequence | Choice | Maybe | Listed | Lexicon
"""A branch of the tree."""


def parse(node: Node, words: Phrase) -> Marks | None:
    """Return what all of `words` mean, or None if the tree cannot say them.

    Where several readings fit, the first in the tree's order wins. Takes time in proportion to the tree and to the
    square of the number of words at worst.
    """
    return _Parser(words).ends(node, 0).get(len(words))


class _Parser:
    """Reads one sentence; remembers what each branch makes of each place, so nothing is read twice."""

    def __init__(self, words: Phrase) -> None:
        self._words = words
        self._known: dict[tuple[int, int], dict[int, Marks]] = {}

    def ends(self, node: Node, start: int) -> dict[int, Marks]:
        """Return where `node` may end if it starts at word `start`, with its meaning up to there."""
        key = (id(node), start)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._read(node, start)
        return found

    def _read(self, node: Node, start: int) -> dict[int, Marks]:
        match node:
            case Text(words=words, marks=marks):
                end = start + len(words)
                return {end: marks} if self._words[start:end] == words else {}
            case Sequence(parts=parts):
                return self._in_turn(parts, start)
            case Choice(options=options):
                found: dict[int, Marks] = {}
                for option in options:
                    found = {**self.ends(option, start), **found}
                return found
            case Maybe(part=part):
                return {start: (), **self.ends(part, start)}
            case Listed(part=part, link=link):
                return self._listed(part, link, start)
            case Lexicon(root=root):
                return self._looked_up(root, start)
            case _:
                assert_never(node)

    def _in_turn(self, parts: tuple[Node, ...], start: int) -> dict[int, Marks]:
        here: dict[int, Marks] = {start: ()}
        for part in parts:
            beyond: dict[int, Marks] = {}
            for end, marks in here.items():
                for further, more in self.ends(part, end).items():
                    beyond.setdefault(further, marks + more)
            here = beyond
        return here

    def _listed(self, part: Node, link: Node, start: int) -> dict[int, Marks]:
        found = dict(self.ends(part, start))
        waiting = list(found)
        while waiting:
            at = waiting.pop(0)
            for further, more in self._in_turn((link, part), at).items():
                if further not in found:
                    found[further] = found[at] + more
                    waiting.append(further)
        return found

    def _looked_up(self, twig: _Twig, start: int) -> dict[int, Marks]:
        found: dict[int, Marks] = {}
        for at in range(start, len(self._words)):
            following = twig.next.get(self._words[at])
            if following is None:
                break
            twig = following
            if twig.marks is not None:
                found[at + 1] = twig.marks
        return found


def vocabulary(node: Node) -> frozenset[str]:
    """Return every word that the tree can say, those aside that are only typed."""
    words: set[str] = set()
    for branch in _branches(node):
        if isinstance(branch, Text):
            words.update(branch.words)
        elif isinstance(branch, Lexicon):
            words.update(branch.said)
    return frozenset(words)


def size(node: Node) -> int:
    """Count the words of the tree, each as often as a recogniser compiles it: what searching costs grows with it."""
    match node:
        case Text(words=words):
            return len(words)
        case Sequence(parts=parts) | Choice(options=parts):
            return sum(size(part) for part in parts)
        case Maybe(part=part):
            return size(part)
        case Listed(part=part, link=link):
            return size(part) + size(link)
        case Lexicon(entries=entries):
            return len({phrase[:end] for phrase in entries for end in range(1, len(phrase) + 1)})
        case _:
            assert_never(node)


def write_jsgf(node: Node) -> str:
    """Write the tree in JSpeech Grammar Format 1.0, as one grammar with one public rule."""
    rules: dict[str, str] = {}
    body = _write(node, rules)
    lines = [f"<{name}> = {text};" for name, text in rules.items()]
    return "\n".join(["#JSGF V1.0;", "grammar house;", f"public <utterance> = {body};", *lines, ""])


def _branches(node: Node) -> Iterator[Node]:
    """Yield all branches that are ever said, each object once."""
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        branch = waiting.pop()
        if id(branch) in seen:
            continue
        seen.add(id(branch))
        yield branch
        match branch:
            case Sequence(parts=parts):
                waiting.extend(parts)
            case Choice(options=options, weights=weights):
                waiting += compress(options, weights) if weights else options
            case Maybe(part=part):
                waiting.append(part)
            case Listed(part=part, link=link):
                waiting.extend((part, link))
            case Text() | Lexicon():
                pass
            case _:
                assert_never(branch)


def _write(node: Node, rules: dict[str, str]) -> str:
    """Return the expression of `node`, empty if it has no words; add the rules that it names."""
    match node:
        case Text(words=words):
            return " ".join(words)
        case Sequence(parts=parts):
            return " ".join(text for part in parts if (text := _write(part, rules)))
        case Choice(options=options, weights=weights):
            shares = weights or (1.0,) * len(options)
            return _either([(_write(one, rules), share) for one, share in zip(options, shares, strict=True)])
        case Maybe(part=part, chance=chance):
            return _either([(_write(part, rules), chance), ("", 1 - chance)])
        case Lexicon(root=root):
            return _twigs(root)
        case Listed(name=name, part=part, link=link, chance=chance):
            # A repetition by right recursion: the part is compiled once, where the star would compile it twice.
            if name not in rules:
                rules[name] = ""
                rules[name] = f"{_write(part, rules)} <{name}_more>"
                more = f"{_write(link, rules)} <{name}>"
                rules[f"{name}_more"] = _either([("", 1 - chance), (more, chance)])
            return f"<{name}>"
        case _:
            assert_never(node)


def _either(options: list[tuple[str, float]]) -> str:
    """Join what may be said alternatively, each with its weight; what is never said is left out."""
    said = [(text or "<NULL>", weight) for text, weight in options if weight > 0]
    if len(said) == 1:
        return said[0][0].removeprefix("<NULL>")
    if len({weight for _, weight in said}) == 1:
        return f"( {' | '.join(text for text, _ in said)} )"
    return f"( {' | '.join(f'/{weight:.4g}/ {text}' for text, weight in said)} )"


def _twigs(twig: _Twig) -> str:
    """Write everything that may follow in a word tree."""
    options = [(f"{word} {_twigs(following)}".rstrip(), following.through) for word, following in twig.next.items()]
    return _either([*([("", twig.weight)] if twig.marks is not None and options else []), *options]) if options else ""
