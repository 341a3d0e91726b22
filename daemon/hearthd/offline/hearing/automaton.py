"""A JSpeech grammar as the smallest automaton of its sentences.

The recogniser's own compiler keeps what the grammar's author wrote: alternatives that begin alike are searched side by
side, and empty arcs multiply (98,000 of them in a house of thirty devices). Here one state knows every prefix that can
be continued alike: half the time to compile, a third of the time to decode.

The grammar's weights survive: a word is as likely in a state as it is among all sentences that come by there.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r"<[^>]*>|[()\[\]|;=]|[^\s()\[\]|;=<>]+")
_WEIGHT: Final = re.compile(r"/(\d+(?:\.\d*)?(?:e-?\d+)?)/")
_LONGEST: Final = 20
"""Words of the sentences that are counted; longer ones are too rare to matter."""
_RAREST: Final = 1e-6
"""Probability of a beginning that is not followed any further."""
_SPREAD: Final = 1e-4
"""Of each state's probability, shared by all words alike: nothing that may be said is impossible."""


class GrammarUnusable(ValueError):
    """A grammar that is no JSGF, recurs elsewhere than at the end of a rule, or has no sentence."""


@dataclass(frozen=True, slots=True)
class Arc:
    """From a state to a state by a word, or by nothing to the end."""

    source: int
    target: int
    probability: float
    word: str | None


@dataclass(frozen=True, slots=True)
class Automaton:
    """Deterministic; starts in state 0 and ends in its last state, which nothing leaves."""

    states: int
    arcs: tuple[Arc, ...]


def compile_jsgf(jsgf: str, sayable: Callable[[str], bool]) -> Automaton:
    """Compile the grammar without the sentences that have a word which is not `sayable`. Raises `GrammarUnusable`."""
    graph = _Graph(_Reader(jsgf).rules(), sayable)
    ways, ends = _smallest(*_determined(graph))
    return _weighted(ways, ends, *_counted(graph, ways))


@dataclass(frozen=True, slots=True)
class _Word:
    text: str


@dataclass(frozen=True, slots=True)
class _Reference:
    name: str


@dataclass(frozen=True, slots=True)
class _Row:
    parts: tuple["_Part", ...]


@dataclass(frozen=True, slots=True)
class _Either:
    options: tuple["_Part", ...]
    shares: tuple[float, ...]
    """The probability of each."""


_Part = _Word | _Reference | _Row | _Either


class _Reader:
    """Reads the subset of JSGF without tags and repetition signs."""

    def __init__(self, jsgf: str) -> None:
        header, _, rest = jsgf.partition(";")
        _, _, body = rest.partition(";")
        if not header.startswith("#JSGF"):
            raise GrammarUnusable("a JSGF header is missing")
        self._tokens: list[str] = _TOKEN.findall(body)
        self._next = 0

    def rules(self) -> tuple[dict[str, _Part], str]:
        """Return all rules, and the name of the public one."""
        rules: dict[str, _Part] = {}
        public = ""
        while self._next < len(self._tokens):
            name = self._take()
            if name == "public":
                name = public = self._take()
            self._expect("=")
            rules[name] = self._either()
            self._expect(";")
        if not public:
            raise GrammarUnusable("there is no public rule")
        return rules, public

    def _take(self) -> str:
        if self._next >= len(self._tokens):
            raise GrammarUnusable("it ends within a rule")
        self._next += 1
        return self._tokens[self._next - 1]

    def _expect(self, wanted: str) -> None:
        if (found := self._take()) != wanted:
            raise GrammarUnusable(f"expected {wanted!r}, found {found!r}")

    def _either(self) -> _Part:
        weights, options = [self._weight()], [self._row()]
        while self._tokens[self._next : self._next + 1] == ["|"]:
            self._next += 1
            weights.append(self._weight())
            options.append(self._row())
        total = sum(weights) or 1.0
        shares = tuple(weight / total for weight in weights)
        return options[0] if len(options) == 1 else _Either(tuple(options), shares)

    def _weight(self) -> float:
        found = _WEIGHT.fullmatch(self._tokens[self._next]) if self._next < len(self._tokens) else None
        self._next += found is not None
        return float(found[1]) if found else 1.0

    def _row(self) -> _Part:
        parts: list[_Part] = []
        while self._next < len(self._tokens) and self._tokens[self._next] not in "|)];":
            parts.append(self._part(self._take()))
        return parts[0] if len(parts) == 1 else _Row(tuple(parts))

    def _part(self, symbol: str) -> _Part:
        match symbol:
            case "(" | "[":
                part = self._either()
                self._expect(")" if symbol == "(" else "]")
                return part if symbol == "(" else _Either((part, _Row(())), (0.5, 0.5))
            case "<NULL>":
                return _Row(())
            case _ if symbol.startswith("<"):
                return _Reference(symbol)
            case _:
                return _Word(symbol)


class _Graph:
    """The grammar with all references written out: states, arcs by words, and arcs by nothing, with probabilities."""

    END: Final = 1

    def __init__(self, grammar: tuple[dict[str, _Part], str], sayable: Callable[[str], bool]) -> None:
        self._rules, public = grammar
        self._sayable = sayable
        self.arcs: list[list[tuple[str, int, float]]] = [[], []]
        self.empty: list[list[tuple[int, float]]] = [[], []]
        self._lay(_Reference(public), 0, self.END, 1.0, {})

    def _new(self) -> int:
        self.arcs.append([])
        self.empty.append([])
        return len(self.arcs) - 1

    def _lay(self, part: _Part, start: int, end: int, share: float, open_rules: dict[str, int | None]) -> None:
        """Lead from `start` to `end` by `part`; `open_rules` tells where a rule that ends here too began."""
        match part:
            case _Word(text=text):
                if self._sayable(text):
                    self.arcs[start].append((text, end, share))
            case _Either(options=options, shares=shares):
                for option, part_of_it in zip(options, shares, strict=True):
                    self._lay(option, start, end, share * part_of_it, open_rules)
            case _Row(parts=()):
                self.empty[start].append((end, share))
            case _Row(parts=parts):
                inner = dict.fromkeys(open_rules)
                for piece in parts[:-1]:
                    middle = self._new()
                    self._lay(piece, start, middle, share, inner)
                    start, share = middle, 1.0
                self._lay(parts[-1], start, end, share, open_rules)
            case _Reference(name=name):
                self._refer(name, start, end, share, open_rules)

    def _refer(self, name: str, start: int, end: int, share: float, open_rules: dict[str, int | None]) -> None:
        if name in open_rules:
            begun = open_rules[name]
            if begun is None:
                raise GrammarUnusable(f"{name} recurs before its end")
            self.empty[start].append((begun, share))
            return
        if name not in self._rules:
            raise GrammarUnusable(f"there is no rule {name}")
        begin = self._new()
        self.empty[start].append((begin, share))
        self._lay(self._rules[name], begin, end, 1.0, {**open_rules, name: begin})


_Trees = list[dict[str, int]]
"""By state, where its words lead."""


def _determined(graph: _Graph) -> tuple[_Trees, list[bool]]:
    """Return an automaton with one way for each sentence (subset construction), and which of its states may end."""

    def closed(states: Collection[int]) -> frozenset[int]:
        found, waiting = set(states), list(states)
        while waiting:
            fresh = [state for state, _ in graph.empty[waiting.pop()] if state not in found]
            found.update(fresh)
            waiting += fresh
        return frozenset(state for state in found if graph.arcs[state] or state == graph.END)

    first = closed((0,))
    numbers = {first: 0}
    order = [first]
    known: dict[frozenset[int], int] = {}
    ways: _Trees = []
    for states in order:
        reached: dict[str, set[int]] = {}
        for state in states:
            for word, target, _ in graph.arcs[state]:
                reached.setdefault(word, set()).add(target)
        way = {}
        for word, targets in reached.items():
            key = frozenset(targets)
            if key not in known:
                together = closed(key)
                if together not in numbers:
                    numbers[together] = len(order)
                    order.append(together)
                known[key] = numbers[together]
            way[word] = known[key]
        ways.append(way)
    return ways, [graph.END in states for states in order]


def _smallest(ways: _Trees, ends: list[bool]) -> tuple[_Trees, list[bool]]:
    """Merge states that the same words lead to an end from (Moore's algorithm), and leave out blind alleys."""
    alive = _alive(ways, ends)
    if not alive[0]:
        raise GrammarUnusable("it has no sentence")
    ways = [{word: to for word, to in way.items() if alive[to]} for way in ways]
    kinds = [int(end) for end in ends]
    count = 0
    while True:
        seen: dict[tuple[int, frozenset[tuple[str, int]]], int] = {}
        finer = [
            seen.setdefault((kind, frozenset((word, kinds[to]) for word, to in way.items())), len(seen))
            for kind, way in zip(kinds, ways, strict=True)
        ]
        kinds = finer
        if len(seen) == count:
            break
        count = len(seen)
    members = {kind: state for state, kind in reversed(list(enumerate(kinds)))}
    merged = [{word: kinds[to] for word, to in ways[members[kind]].items()} for kind in range(count)]
    return merged, [ends[members[kind]] for kind in range(count)]


def _alive(ways: _Trees, ends: list[bool]) -> list[bool]:
    before: list[list[int]] = [[] for _ in ways]
    for state, way in enumerate(ways):
        for target in way.values():
            before[target].append(state)
    alive = list(ends)
    waiting = [state for state, end in enumerate(ends) if end]
    while waiting:
        for state in before[waiting.pop()]:
            if not alive[state]:
                alive[state] = True
                waiting.append(state)
    return alive


_Counts = list[dict[str, float]]
"""By state, how often each of its words follows in a sentence."""


def _counted(graph: _Graph, ways: _Trees) -> tuple[_Counts, list[float]]:
    """Say every sentence as often as it is likely; return how often each word follows, and each state ends.

    Beginnings of equal length go on together, by where they are in the automaton and in the grammar.
    """
    counts: _Counts = [{} for _ in ways]
    ended = [0.0] * len(ways)
    beyond: dict[int, list[tuple[int, float]]] = {}

    def spread(state: int) -> list[tuple[int, float]]:
        if state not in beyond:
            beyond[state] = _without_words(graph, state)
        return beyond[state]

    here = {(0, place): share for place, share in spread(0)}
    for _ in range(_LONGEST):
        there: dict[tuple[int, int], float] = {}
        for (state, place), share in here.items():
            if place == graph.END:
                ended[state] += share
                continue
            count, way = counts[state], ways[state]
            for word, target, chance in graph.arcs[place]:
                reached = way.get(word)
                if reached is None:
                    continue
                often = share * chance
                count[word] = count.get(word, 0.0) + often
                for further, more in beyond.get(target) or spread(target):
                    key = (reached, further)
                    there[key] = there.get(key, 0.0) + often * more
        here = {key: share for key, share in there.items() if share > _RAREST}
    return counts, ended


def _without_words(graph: _Graph, start: int) -> list[tuple[int, float]]:
    """Return how likely each place is to be reached from `start` before the next word."""
    found: dict[int, float] = {}
    waiting = [(start, 1.0)]
    while waiting:
        place, share = waiting.pop()
        if graph.arcs[place] or place == graph.END:
            found[place] = found.get(place, 0.0) + share
        waiting += [(to, share * chance) for to, chance in graph.empty[place] if share * chance > _RAREST]
    return list(found.items())


def _weighted(ways: _Trees, ends: list[bool], counts: _Counts, ended: list[float]) -> Automaton:
    end = len(ways)
    arcs: list[Arc] = []
    for state, way in enumerate(ways):
        some: list[tuple[str | None, int, float]] = [
            (word, target, counts[state].get(word, 0.0)) for word, target in way.items()
        ]
        if ends[state]:
            some.append((None, end, ended[state]))
        total = sum(often for _, _, often in some)
        for word, target, often in some:
            chance = often / total if total else 1 / len(some)
            arcs.append(Arc(state, target, (1 - _SPREAD) * chance + _SPREAD / len(some), word))
    return Automaton(end + 1, tuple(arcs))
