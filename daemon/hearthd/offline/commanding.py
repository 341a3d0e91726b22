"""Sentences that command: for each function only what its devices and arguments can take."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from hearthd.offline import wishes
from hearthd.offline.grammar import Choice, Lexicon, Listed, Maybe, Node, Phrase, Text
from hearthd.offline.grammar import Sequence as InTurn
from hearthd.offline.naming import Aim, Device, Household, Names
from hearthd.offline.schema import INVERSES, Function, Level, Measure
from hearthd.offline.vocabulary import spoken
from hearthd.offline.wishes import Start, Wish

PHRASES_MAX = 4_000
"""In one place of a sentence; wider, a recogniser tells nothing apart."""

BEGIN = Text((), (Start(),))
AND = Choice((Text(("and",)), Text(("and", "then"))))


def said(*texts: str) -> Node:
    """Return a choice of fixed words."""
    options = tuple(Text(tuple(text.split())) for text in texts)
    return options[0] if len(options) == 1 else Choice(options)


THE = Maybe(said("the", "my", "our"))


def phrases(entries: Mapping[Phrase, object]) -> Lexicon:
    """Return the lexicon of phrases with one mark each."""
    return Lexicon({phrase: (mark,) for phrase, mark in islice(entries.items(), PHRASES_MAX)})


def devices(name: str, aims: Mapping[Phrase, Aim]) -> Node:
    """Return one or several of the devices: "the kitchen light and the desk lamp"."""
    return Listed(name, InTurn((THE, phrases(aims))), Text(("and",)))


class Commands:
    """The commands that a session's functions can carry out."""

    def __init__(self, functions: Sequence[Function], household: Household) -> None:
        self._household = household
        self._functions = [function for function in functions if not function.reads]

    def sentences(self) -> list[Node]:
        """Return the commands, those of one function after the other; empty without any."""
        found = list(self._power())
        for place, function in enumerate(self._functions):
            found += self._of(function, f"f{place}")
        return found

    def _power(self) -> Iterator[Node]:
        """Switch on and off, whatever function it takes: "turn on the light and the coffee machine"."""
        able = [one for one in self._functions if len(one.power) == 2 and _is_ordinary(one)]  # noqa: PLR2004
        pool = [device for one in able for device in self._pool(one)]
        if not pool:
            return
        targets = devices("switched", Names(self._household.here).aims(pool))
        wished = {
            on: {one.name: one.power[on] for one in able if one.allows(*dict(one.power[on]))} for on in (True, False)
        }
        switch = Choice(
            (
                Text(("on",), (Wish("turn on {}", wished[True]),)),
                Text(("off",), (Wish("turn off {}", wished[False]),)),
            )
        )
        yield InTurn((BEGIN, said("turn", "switch"), switch, targets))
        yield InTurn((BEGIN, Maybe(said("turn", "switch", "put")), targets, switch))

    def _of(self, function: Function, name: str) -> Iterator[Node]:
        pool = self._pool(function)
        if not pool:
            return
        targets = devices(name, Names(self._household.here).aims(pool))
        yield from _inverse(function, targets)
        yield from self._settings(function, targets, pool)
        yield from _verbs(function, targets)
        yield from _deeds(function, targets)

    def _pool(self, function: Function) -> Sequence[Device]:
        """Return what can be spoken of; a function without a target is itself the one thing."""
        if function.target is not None:
            return self._household.devices(function)
        noun = function.words[1:] if function.words[0] in _GENERAL_VERBS else function.words
        return (Device(function.name, "", (noun or function.words,), (), ()),)

    def _settings(self, function: Function, targets: Node, pool: Sequence[Device]) -> Iterator[Node]:
        values = _values(function)
        if not values:
            return
        lexicon = phrases(values)
        yield InTurn((BEGIN, Maybe(_setting_verbs(function)), targets, Maybe(said("to", "at", "for")), lexicon))
        for level in function.levels:
            if noun := _noun(level):
                of = Choice((InTurn((said("of", "for", "in"), targets)), *self._temperature(level, pool)))
                named = phrases(_amounts(function, level))
                yield InTurn((BEGIN, said("set", "change"), THE, Text(noun), of, said("to"), named))
                break
        if function.whites or any(level.measure is Measure.PERCENT for level in function.levels):
            yield from _dimming(function, targets)

    def _temperature(self, level: Level, pool: Sequence[Device]) -> list[Node]:
        """Return "[in the bedroom]" behind "the temperature", which means whatever heats there."""
        if level.measure is not Measure.DEGREES:
            return []
        here = tuple(device for device in pool if device.area == self._household.here)
        rooms = {
            ("in", "the", *area): Aim(tuple(device for device in pool if device.area == area))
            for area in dict.fromkeys(device.area for device in pool if device.area)
        }
        return [Text((), (Aim(here or tuple(pool)),)), *([phrases(rooms)] if rooms else [])]


_GENERAL_VERBS = {"set", "change", "adjust", "control", "turn", "switch", "toggle", "make", "start", "update"}


def _is_ordinary(function: Function) -> bool:
    return function.power_word.casefold() not in INVERSES


def _inverse(function: Function, targets: Node) -> Iterator[Node]:
    """Lock and unlock, mute and unmute."""
    verbs = INVERSES.get(function.power_word.casefold())
    if verbs is None or not function.allows(function.power_word):
        return
    for on, verb in zip((True, False), verbs, strict=True):
        wish = Wish(f"{' '.join(verb)} {{}}", {function.name: function.power[on]})
        yield InTurn((BEGIN, Text(verb, (wish,)), targets))


def _values(function: Function) -> dict[Phrase, Wish]:
    """Return all that the function's devices can be set to, by how it is said."""
    found: dict[Phrase, Wish] = {}
    for level in function.levels:
        if function.allows(level.argument, function.power_word):
            found = {**_amounts(function, level), **found}
    if function.whites and function.allows(function.whites.argument, function.power_word):
        found = {**wishes.whites(function, function.whites), **found}
    if function.colour and function.allows(function.colour, function.power_word):
        found = {**wishes.colours(function), **found}
    for options in function.options:
        if not function.allows(options.argument, function.power_word):
            continue
        for words, value in options.values.items():
            if words[0] not in _VERBS and not (function.power and words in {("on",), ("off",)}):
                found[words] = wishes.option(function, options.argument, value, f"set {{}} to {' '.join(words)}")
    return found


def _amounts(function: Function, level: Level) -> dict[Phrase, Wish]:
    says = "set {} to"
    match level.measure:
        case Measure.PERCENT:
            return wishes.percentages(function, level, says)
        case Measure.DEGREES:
            return wishes.degrees(function, level, says)
        case Measure.SECONDS | Measure.MINUTES | Measure.HOURS:
            return wishes.durations(function, level, "set {} for" if "timer" in function.words else says)
        case Measure.PLAIN:
            return wishes.amounts(function, level, says)


def _setting_verbs(function: Function) -> Node:
    verbs = ["set", "turn", "change", "make", "put"]
    if "light" in function.words:
        verbs.append("dim")
    if {"cover", "blinds", "blind", "shutter", "curtain"} & set(function.words):
        verbs += ["open", "close", "move", "raise", "lower"]
    if "timer" in function.words:
        verbs += ["set a", "start a", "start the"]
    return said(*verbs)


def _noun(level: Level) -> Phrase:
    """Return what a level is called: "brightness" of `brightness_percent`."""
    words = tuple(word for word in spoken(level.argument) if word not in _UNIT_WORDS)
    return words[-2:] if words and words != ("value",) else ()


_UNIT_WORDS = {"percent", "pct", "percentage", "target", "level", "seconds", "minutes", "hours", "degrees", "duration"}


def _dimming(function: Function, targets: Node) -> Iterator[Node]:
    level = next((one for one in function.levels if one.measure is Measure.PERCENT), None)
    if level and "light" in function.words and function.allows(level.argument, function.power_word):
        yield InTurn((BEGIN, Text(("dim",), (wishes.dimmed(function, level),)), targets))


def _verbs(function: Function, targets: Node) -> Iterator[Node]:
    """Say what shall be done by the choices that are verbs: "open the blinds", "put the blinds down"."""
    for options in function.options:
        if not function.allows(options.argument, function.power_word):
            continue
        verbs: list[Node] = []
        ends: list[Node] = []
        for words, value in options.values.items():
            synonyms = _VERBS.get(words[0]) if len(words) == 1 else None
            if synonyms is None:
                continue
            wish = wishes.option(function, options.argument, value, f"{' '.join(words)} {{}}")
            verbs += [Text((synonym,), (wish,)) for synonym in synonyms]
            if words[0] in _DIRECTIONS:
                ends.append(Text((_DIRECTIONS[words[0]],), (wish,)))
        if verbs:
            yield InTurn((BEGIN, Choice(tuple(verbs)), targets))
        if ends:
            yield InTurn((BEGIN, Maybe(said("put", "move", "pull")), targets, Choice(tuple(ends))))


_VERBS: Mapping[str, tuple[str, ...]] = {
    "open": ("open", "raise"),
    "close": ("close", "shut", "lower"),
    **{verb: (verb,) for verb in ("stop", "start", "pause", "resume", "play", "lock", "unlock", "dock", "return")},
    **{verb: (verb,) for verb in ("arm", "disarm", "toggle", "reset", "skip", "mute")},
}
"""Choices that are verbs, with others that mean the same."""
_DIRECTIONS: Mapping[str, str] = {"open": "up", "close": "down"}


def _deeds(function: Function, targets: Node) -> Iterator[Node]:
    """Call a function that takes nothing but its target, or nothing at all, by its name's words."""
    if not function.allows() or function.power or _values(function):
        return
    if function.target is None:
        verb, rest = function.words[:1], function.words[1:]
        says = " ".join((*verb, "the", *rest) if rest else verb)
        done = (Aim((Device(function.name, "", (function.words,), (), ()),)), Wish(says, {function.name: ()}))
        yield InTurn((BEGIN, Text(verb), Maybe(said("the")), Text(rest, done)))
        return
    verbs = [function.words[0]]
    if "scene" in function.words:
        verbs += [verb for verb in ("activate", "start", "run", "set", "turn on") if verb not in verbs]
    wish = Wish(f"{verbs[0]} {{}}", {function.name: ()})
    starts = Choice(tuple(Text(tuple(verb.split()), (wish,)) for verb in verbs))
    yield InTurn((BEGIN, starts, targets, *([Maybe(said("scene"))] if "scene" in function.words else [])))
