"""Sentences that command: for each function only what its devices and arguments can take."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from hearthd.offline.mind import habits, wishes
from hearthd.offline.mind.grammar import Choice, Lexicon, Listed, Maybe, Node, Phrase, Text
from hearthd.offline.mind.grammar import Sequence as InTurn
from hearthd.offline.mind.naming import Aim, Device, Household, Names
from hearthd.offline.mind.schema import INVERSES, Function, Level, Measure, Options
from hearthd.offline.mind.vocabulary import spoken
from hearthd.offline.mind.wishes import Start, Wish

PHRASES_MAX = 4_000
"""In one place of a sentence; wider, a recogniser tells nothing apart."""

BEGIN = Text((), (Start(),))
AND = Choice((Text(("and",)), Text(("and", "then"))), (1.0, habits.RARELY))


def said(*texts: str) -> Node:
    """Return a choice of fixed words."""
    options = tuple(Text(tuple(text.split())) for text in texts)
    return options[0] if len(options) == 1 else Choice(options)


def often(**weights: float) -> Node:
    """Return a choice of fixed words, "_" for a space, with how often each is said."""
    return Choice(tuple(Text(tuple(text.split("_"))) for text in weights), tuple(weights.values()))


THE = Maybe(often(the=1.0, my=habits.RARELY / 2, our=habits.SELDOM), habits.ARTICLE_CHANCE)


def phrases(entries: Mapping[Phrase, object], weights: Mapping[Phrase, float] | None = None) -> Lexicon:
    """Return the lexicon of phrases with one mark each, and with how often each is said."""
    return Lexicon({phrase: (mark,) for phrase, mark in islice(entries.items(), PHRASES_MAX)}, weights)


def devices(name: str, aims: Mapping[Phrase, Aim]) -> Node:
    """Return one or several of the devices: "the kitchen light and all lamps in the bedroom"."""
    weights = {phrase: aim.weight for phrase, aim in aims.items()}
    every = {phrase: aim for phrase, aim in aims.items() if phrase[0] == "all"}
    few = {phrase: aim for phrase, aim in aims.items() if phrase not in every}
    some: Node = InTurn((THE, phrases(few, weights)))
    if every:
        shares = tuple(sum(weights[phrase] for phrase in of) for of in (few, every))
        some = Choice((some, phrases(every, weights)), shares)
    return Listed(name, some, Text(("and",)), habits.SECOND_DEVICE_CHANCE)


Weighted = tuple[Node, float]
"""A kind of sentence, and how often it is said compared with the others."""


class Commands:
    """The commands that a session's functions can carry out."""

    def __init__(self, functions: Sequence[Function], household: Household) -> None:
        self._household = household
        self._functions = [function for function in functions if not function.reads]

    def sentences(self) -> Iterator[Weighted]:
        """Yield the commands and how often each is given, those of one function after the other."""
        yield from self._power()
        for place, function in enumerate(self._functions):
            yield from self._of(function, f"f{place}")

    def _power(self) -> Iterator[Weighted]:
        """Switch on and off, whatever function it takes: "turn on the light and the coffee machine"."""
        able = [one for one in self._functions if _is_ordinary(one) and _switches(one)]
        pool = [device for one in able for device in self._pool(one)]
        if not pool:
            return
        aims = Names(self._household.here).aims(pool)
        targets = devices("switched", aims)
        wished = {on: {one.name: one.power[on] for one in able} for on in (True, False)}
        switch = Choice(
            (
                Text(("on",), (Wish("turn on {}", wished[True]),)),
                Text(("off",), (Wish("turn off {}", wished[False]),)),
            )
        )
        count = len(pool)
        yield InTurn((BEGIN, often(turn=1.0, switch=0.3), switch, targets)), count
        verb = Maybe(often(turn=1.0, switch=0.5, put=habits.SELDOM), 0.7)
        yield InTurn((BEGIN, verb, targets, switch)), count
        for noun, places in _places(aims).items():
            yield InTurn((BEGIN, verb, THE, Text((noun,)), switch, phrases(places))), habits.SELDOM * len(places)

    def _of(self, function: Function, name: str) -> Iterator[Weighted]:
        pool = self._pool(function)
        if not pool:
            return
        targets = devices(name, Names(self._household.here).aims(pool))
        count = len(pool)
        for node in _inverse(function, targets):
            yield node, count
        for node, weight in self._settings(function, targets, pool):
            yield node, weight * count
        for node, weight in _verbs(function, targets):
            yield node, weight * count
        for node in _deeds(function, targets):
            yield node, 2.0 * count

    def _pool(self, function: Function) -> Sequence[Device]:
        """Return what can be spoken of; a function without a target is itself the one thing."""
        if function.target is not None:
            return self._household.devices(function)
        noun = function.words[1:] if function.words[0] in _GENERAL_VERBS else function.words
        return (Device(function.name, "", (noun or function.words,), (), ()),)

    def _settings(self, function: Function, targets: Node, pool: Sequence[Device]) -> Iterator[Weighted]:
        """Set to a value: "set the lamp to fifty percent", "set the brightness of the lamp to fifty percent"."""
        values = _values(function)
        if not values:
            return
        level = next((one for one in function.levels if function.allows(one.argument, function.power_word)), None)
        noun = _noun(level) if level else ()
        subject = targets
        if level and noun:
            # One expansion of the devices for both ways, because a recogniser's work grows with every copy of them.
            named = Maybe(InTurn((THE, Text(noun), often(of=1.0, **{"for": 0.1, "in": 0.1}))), habits.RARELY)
            places = [InTurn((THE, Text(noun), where)) for where in self._temperature(level, pool)]
            direct = InTurn((named, targets, Maybe(Text(noun), habits.SELDOM)))
            subject = Choice((direct, *places), (1.0, *(0.2 for _ in places)))
        yield InTurn((BEGIN, Maybe(_setting_verbs(function), 0.9), subject, Choice(tuple(values)))), 0.8
        if level and _is_timer(function, level):
            timers = wishes.before_noun(_amounts(function, level)[0], ("timer",))
            named_timer = Text((), (Aim(tuple(pool)),))
            weights = habits.spans(timers)
            yield InTurn((BEGIN, named_timer, often(set_a=1.0, start_a=0.2), phrases(timers, weights))), 2.0
        if level and level.measure is Measure.PERCENT and "light" in function.words:
            yield InTurn((BEGIN, Text(("dim",), (wishes.dimmed(function, level),)), targets)), habits.RARELY

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


def _places(aims: Mapping[Phrase, Aim]) -> dict[str, dict[Phrase, Aim]]:
    """Return what stands where, for "turn the lights on in the bedroom": by noun and by place."""
    places: dict[str, dict[Phrase, Aim]] = {}
    for (noun, *place), aim in aims.items():
        if noun in _PLACED_NOUNS and place[:1] == ["in"]:
            places.setdefault(noun, {})[tuple(place)] = aim
    return places


_PLACED_NOUNS = {"light", "lights", "heating", "fan"}


def _is_ordinary(function: Function) -> bool:
    return function.power_word.casefold() not in INVERSES


def _switches(function: Function) -> bool:
    """Tell whether it can be switched on and off with nothing else said."""
    return len(function.power) == 2 and all(function.allows(*dict(way)) for way in function.power.values())  # noqa: PLR2004


def _inverse(function: Function, targets: Node) -> Iterator[Node]:
    """Lock and unlock, mute and unmute."""
    verbs = INVERSES.get(function.power_word.casefold())
    if verbs is None or not function.allows(function.power_word):
        return
    for on, verb in zip((True, False), verbs, strict=True):
        wish = Wish(f"{' '.join(verb)} {{}}", {function.name: function.power[on]})
        yield InTurn((BEGIN, Text(verb, (wish,)), targets))


def _values(function: Function) -> list[Node]:
    """Return all that the function's devices can be set to."""
    found: list[Node] = []
    words: dict[Phrase, Wish] = {}
    for level in function.levels:
        if function.allows(level.argument, function.power_word):
            numbers, unit = _amounts(function, level)
            listed = phrases(numbers, _usual(level, numbers))
            found.append(InTurn((_TO_NUMBER, listed, *([Maybe(said(unit), _UNIT_CHANCE)] if unit else []))))
            words = {**wishes.shares(function, level), **words}
    if function.whites and function.allows(function.whites.argument, function.power_word):
        words = {**wishes.whites(function, function.whites), **words}
    if function.colour and function.allows(function.colour, function.power_word):
        words = {**wishes.colours(function), **words}
    for options in function.options:
        if function.allows(options.argument, function.power_word):
            words = {**words, **_named(function, options)}
    return [*found, InTurn((_TO_WORD, phrases(words, habits.values(words))))] if words else found


_TO: Final = often(to=1.0, at=habits.RARELY, up_to=habits.SELDOM, down_to=habits.SELDOM, **{"for": habits.RARELY})
_TO_NUMBER: Final = Maybe(_TO, 0.95)
_TO_WORD: Final = Maybe(often(to=1.0, at=habits.NEVER, up_to=habits.NEVER, down_to=habits.NEVER), 0.4)
_UNIT_CHANCE: Final = 0.95


def _usual(level: Level, numbers: Mapping[Phrase, Wish]) -> Mapping[Phrase, float] | None:
    match level.measure:
        case Measure.PERCENT:
            return habits.PERCENTS
        case Measure.DEGREES:
            return habits.DEGREES
        case Measure.SECONDS | Measure.MINUTES | Measure.HOURS:
            return habits.spans(numbers)
        case Measure.PLAIN:
            return None


def _named(function: Function, options: Options) -> dict[Phrase, Wish]:
    """Return the choices that are no verbs: those are said otherwise, as "on" and "off" are."""
    plain = [words for words in options.values if words[0] not in _VERBS]
    plain = [words for words in plain if not function.power or words not in {("on",), ("off",)}]
    says = {words: f"set {{}} to {' '.join(words)}" for words in plain}
    return {
        words: wishes.option(function, options.argument, options.values[words], text) for words, text in says.items()
    }


def _amounts(function: Function, level: Level) -> tuple[dict[Phrase, Wish], str]:
    """Return the numbers of a level, and the unit that may follow them."""
    says = "set {} to"
    match level.measure:
        case Measure.PERCENT:
            return wishes.percentages(function, level, says), "percent"
        case Measure.DEGREES:
            return wishes.degrees(function, level, says), "degrees"
        case Measure.SECONDS | Measure.MINUTES | Measure.HOURS:
            return wishes.durations(function, level, "set {} for" if "timer" in function.words else says), ""
        case Measure.PLAIN:
            return wishes.amounts(function, level, says), ""


def _is_timer(function: Function, level: Level) -> bool:
    return "timer" in function.words and function.target is None and level.measure in _TIMES


_TIMES = {Measure.SECONDS, Measure.MINUTES, Measure.HOURS}


def _setting_verbs(function: Function) -> Node:
    verbs = {"set": 1.0, "turn": 0.2, "turn_up": 0.02, "turn_down": 0.02, "change": 0.05, "make": 0.2, "put": 0.02}
    if "light" in function.words:
        verbs |= {"dim": 0.2, "brighten": 0.02}
    if {"cover", "blinds", "blind", "shutter", "curtain"} & set(function.words):
        verbs |= {"open": 0.2, "close": 0.2, "move": 0.05, "raise": 0.05, "lower": 0.05}
    if "timer" in function.words:
        verbs |= {"set_a": 1.0, "start_a": 0.2, "start_the": 0.02}
    return often(**verbs)


def _noun(level: Level) -> Phrase:
    """Return what a level is called: "brightness" of `brightness_percent`."""
    words = tuple(word for word in spoken(level.argument) if word not in _UNIT_WORDS)
    return words[-2:] if words and words != ("value",) else ()


_UNIT_WORDS = {"percent", "pct", "percentage", "target", "level", "seconds", "minutes", "hours", "degrees", "duration"}


def _verbs(function: Function, targets: Node) -> Iterator[Weighted]:
    """Say what shall be done by the choices that are verbs: "open the blinds", "put the blinds down"."""
    for options in function.options:
        if not function.allows(options.argument, function.power_word):
            continue
        verbs: list[Node] = []
        shares: list[float] = []
        ends: list[Node] = []
        for words, value in options.values.items():
            synonyms = _VERBS.get(words[0]) if len(words) == 1 else None
            if synonyms is None:
                continue
            wish = wishes.option(function, options.argument, value, f"{' '.join(words)} {{}}")
            verbs += [Text((synonym,), (wish,)) for synonym in synonyms]
            shares += [1.0 if synonym == words[0] else habits.RARELY for synonym in synonyms]
            if words[0] in _DIRECTIONS:
                ends.append(Text((_DIRECTIONS[words[0]],), (wish,)))
        if verbs:
            yield InTurn((BEGIN, Choice(tuple(verbs), tuple(shares)), targets)), 1.5
        if ends:
            verb = Maybe(often(put=1.0, move=0.3, pull=0.3), 0.7)
            yield InTurn((BEGIN, verb, targets, Choice(tuple(ends)))), habits.RARELY


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
        verbs += [verb for verb in ("start", "turn on", "run", "set") if verb not in verbs]
    wish = Wish(f"{verbs[0]} {'{names}' if 'scene' in function.words else '{}'}", {function.name: ()})
    starts = Choice(tuple(Text(tuple(verb.split()), (wish,)) for verb in verbs))
    end = [Maybe(said("scene"), habits.RARELY)] if "scene" in function.words else []
    yield InTurn((BEGIN, starts, targets, *end))
