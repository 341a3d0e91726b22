"""Functions of a session as they can be spoken: what they act on, and what may be set, read from JSON schemas.

Nothing is assumed of who wrote them: an argument is understood by its type, its range, its choices and its name.
What cannot be said (required free text, structures) makes a function unspeakable, never an error, and every size is
bounded.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from hearthd.core.home.numerals import Json, finite
from hearthd.core.realtime.session import FunctionTool
from hearthd.offline.mind.grammar import Phrase
from hearthd.offline.mind.vocabulary import LONGEST_NAME, spoken

FUNCTIONS_MAX = 128
"""Read of one session; the Realtime API itself takes no more."""
CHOICES_MAX = 256
"""Read of one enumeration; a house with more devices of a kind does not fit a grammar that must stay sharp."""
_ARGUMENTS_MAX = 32
_LEVELS_MAX = 6
"""Numbers of one function that can be set; each may be a hundred sentences."""


class Measure(StrEnum):
    """What a number counts."""

    PERCENT = "percent"
    DEGREES = "degrees"
    SECONDS = "seconds"
    MINUTES = "minutes"
    HOURS = "hours"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Target:
    """The argument that says which device."""

    argument: str
    values: tuple[str, ...]
    """The devices; empty where the schema does not list them."""
    many: bool
    """Whether one call may name several."""


@dataclass(frozen=True, slots=True)
class Level:
    """A number that may be set."""

    argument: str
    measure: Measure
    low: float
    high: float
    fractions: bool
    """Whether halves may be asked for."""


@dataclass(frozen=True, slots=True)
class Options:
    """A word that may be chosen, with how each is spoken."""

    argument: str
    values: Mapping[Phrase, str]


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the session, ready to be spoken about."""

    name: str
    words: Phrase
    target: Target | None
    power: Mapping[bool, tuple[tuple[str, Json], ...]]
    """The arguments that switch on and off, as far as there are any."""
    power_word: str
    """The name of the argument that switches, such as `on` or `locked`; empty without one."""
    levels: tuple[Level, ...]
    whites: Level | None
    """A colour temperature in kelvin."""
    options: tuple[Options, ...]
    colour: str
    """The argument that takes a colour's name; empty without one."""
    required: frozenset[str]

    def allows(self, *arguments: str) -> bool:
        """Tell whether a call with these arguments, and the target, has all that is required."""
        named = {self.target.argument} if self.target else set()
        return self.required <= {*arguments, *named}

    @property
    def reads(self) -> bool:
        """Whether it only tells something, judged by its name: what also reads would otherwise never be asked."""
        return bool(self.words) and self.words[0] in _READERS and self.allows()


_READERS = {"get", "read", "query", "check", "is", "show", "tell", "fetch", "report", "what", "how", "list"}
_TARGETS = frozenset(
    """device devices entity entities entity_id entity_ids id target targets name names room rooms area areas zone
    zones location lamp lamps light lights which appliance cover covers fan fans scene scenes door lock
    thermostat""".split()  # noqa: SIM905
)
_MODES = frozenset(
    ("mode", "modes", "color", "colour", "action", "state", "preset", "effect", "speed", "unit", "units", "command")
)
_SWITCHES = {"on", "state", "power", "enabled", "active", "is_on", "turn_on", "switch", "value", "switched_on"}


def read_functions(tools: Iterable[FunctionTool]) -> tuple[Function, ...]:
    """Read a session's functions, in their order; those that nobody could speak about are left out."""
    functions: dict[str, Function] = {}
    for tool, _ in zip(tools, range(FUNCTIONS_MAX), strict=False):
        if tool.name not in functions and (function := _function(tool)):
            functions[tool.name] = function
    return tuple(functions.values())


def _function(tool: FunctionTool) -> Function | None:
    words = spoken(tool.name)
    properties = _properties(tool.parameters)
    if not words or properties is None:
        return None
    target = _target(properties, _required(tool.parameters), words)
    rest = {name: schema for name, schema in properties.items() if target is None or name != target.argument}
    power_word, power = _power(rest)
    free = {name: schema for name, schema in rest.items() if name != power_word}
    levels = [level for name, schema in free.items() if (level := _level(name, schema))]
    return Function(
        name=tool.name,
        words=words,
        target=target,
        power=power,
        power_word=power_word,
        levels=tuple(level for level in levels if not _is_kelvin(level))[:_LEVELS_MAX],
        whites=next((level for level in levels if _is_kelvin(level)), None),
        options=tuple(options for name, schema in free.items() if (options := _options(name, schema))),
        colour=next((name for name, schema in free.items() if _is_colour(name, schema)), ""),
        required=_required(tool.parameters),
    )


def _properties(parameters: Mapping[str, object]) -> dict[str, Mapping[str, object]] | None:
    """Return the schemas of the arguments; None if there are more than anybody could say."""
    properties = parameters.get("properties", {})
    if not isinstance(properties, Mapping) or len(properties) > _ARGUMENTS_MAX:
        return None
    return {str(name): _plain(schema) for name, schema in properties.items()}


def _plain(schema: object) -> Mapping[str, object]:
    """Return a schema, or of several alternatives the first that is not null."""
    if not isinstance(schema, Mapping):
        return {}
    for key in ("anyOf", "oneOf"):
        alternatives = schema.get(key)
        if isinstance(alternatives, list):
            solid = (one for one in alternatives if isinstance(one, Mapping) and one.get("type") != "null")
            return {**schema, **next(solid, {})}
    return schema


def _required(parameters: Mapping[str, object]) -> frozenset[str]:
    required = parameters.get("required")
    return frozenset(str(name) for name in required) if isinstance(required, list) else frozenset()


def _type(schema: Mapping[str, object]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), None)
    return kind if isinstance(kind, str) else ""


def _choices(schema: Mapping[str, object]) -> tuple[str, ...]:
    """Return the texts of an enumeration that are short enough to be said."""
    values = schema.get("enum")
    if not isinstance(values, list):
        return ()
    return tuple(value for value in values[:CHOICES_MAX] if isinstance(value, str) and 0 < len(value) <= LONGEST_NAME)


def _target(properties: Mapping[str, Mapping[str, object]], required: frozenset[str], words: Phrase) -> Target | None:
    """Find the argument that says which device: the likeliest of the enumerations, by name and shape."""
    best: tuple[int, Target] | None = None
    for name, schema in properties.items():
        many = _type(schema) == "array"
        values = _choices(_plain(schema.get("items")) if many else schema)
        if not values and not (many and name in _TARGETS):
            continue
        score = 2 * many + 3 * (name in _TARGETS) + (name in required) - 5 * (name in _MODES or name in words[:1])
        if not _is_switch(values) and score > (best[0] if best else 0):
            best = score, Target(name, values, many)
    return best[1] if best else None


def _is_switch(values: Iterable[str]) -> bool:
    return {"on", "off"} <= {value.casefold() for value in values}


def _power(
    properties: Mapping[str, Mapping[str, object]],
) -> tuple[str, dict[bool, tuple[tuple[str, Json], ...]]]:
    """Find what switches on and off: a truth value, or else an enumeration that has "off"."""
    truths = [name for name, schema in properties.items() if _type(schema) == "boolean"]
    known = [name for name in truths if name.casefold() in _SWITCHES or name.casefold() in INVERSES]
    for name in known or (truths if len(truths) == 1 else []):
        return name, {True: ((name, True),), False: ((name, False),)}
    for name, schema in properties.items():
        if _is_switch(values := _choices(schema)) and len(values) == 2:  # noqa: PLR2004
            by_word = {value.casefold(): value for value in values}
            return name, {True: ((name, by_word["on"]),), False: ((name, by_word["off"]),)}
    return "", _power_by_mode(properties)


def _power_by_mode(
    properties: Mapping[str, Mapping[str, object]],
) -> dict[bool, tuple[tuple[str, Json], ...]]:
    """A heating without a switch goes off by its mode, and on by the first mode that heats."""
    for name, schema in properties.items():
        by_word = {value.casefold(): value for value in _choices(schema)}
        if "off" in by_word:
            power: dict[bool, tuple[tuple[str, Json], ...]] = {False: ((name, by_word["off"]),)}
            works = next((by_word[word] for word in ("on", "heat", "auto") if word in by_word), None)
            return power if works is None else {**power, True: ((name, works),)}
    return {}


INVERSES: Mapping[str, tuple[Phrase, Phrase]] = {
    "locked": (("lock",), ("unlock",)),
    "lock": (("lock",), ("unlock",)),
    "muted": (("mute",), ("unmute",)),
    "mute": (("mute",), ("unmute",)),
    "open": (("open",), ("close",)),
    "opened": (("open",), ("close",)),
    "closed": (("close",), ("open",)),
    "armed": (("arm",), ("disarm",)),
}
"""Truth values that are not called "on" and "off": what makes them true and what false."""


def _level(name: str, schema: Mapping[str, object]) -> Level | None:
    """Read a number's argument; None if it is none, or if what it counts has no bounds that can be guessed."""
    if _type(schema) not in {"integer", "number"}:
        return None
    measure = _measure(name, schema)
    low, high = _bound(schema, "minimum"), _bound(schema, "maximum")
    usual = _USUAL.get(measure)
    if low is None or high is None:
        if usual is None:
            return None
        low, high = usual[0] if low is None else low, usual[1] if high is None else high
    fractions = _type(schema) == "number" and measure in {Measure.DEGREES, Measure.MINUTES, Measure.HOURS}
    return Level(name, measure, low, high, fractions) if low <= high else None


_USUAL: Mapping[Measure, tuple[float, float]] = {
    Measure.PERCENT: (0, 100),
    Measure.DEGREES: (5, 30),
    Measure.SECONDS: (1, 86_400),
    Measure.MINUTES: (1, 1_440),
    Measure.HOURS: (1, 24),
}


def _bound(schema: Mapping[str, object], key: str) -> float | None:
    bound = schema.get(key)
    return finite(bound) if isinstance(bound, int | float) else None


def _measure(name: str, schema: Mapping[str, object]) -> Measure:
    """Tell what a number counts, by its name first and its description after that."""
    description = schema.get("description")
    told = description[:LONGEST_NAME].casefold() if isinstance(description, str) else ""
    words = set(re.findall(r"[a-z]+|%|°", f"{name.casefold()} {told}".replace("_", " ")))
    for measure, hints in _HINTS.items():
        if words & hints:
            return measure
    return Measure.PLAIN


_HINTS: Mapping[Measure, frozenset[str]] = {
    Measure.SECONDS: frozenset({"second", "seconds", "s", "sec", "secs"}),
    Measure.MINUTES: frozenset({"minute", "minutes", "min", "mins"}),
    Measure.HOURS: frozenset({"hour", "hours", "h"}),
    Measure.PERCENT: frozenset({"percent", "pct", "percentage", "%", "brightness", "position", "volume", "humidity"}),
    Measure.DEGREES: frozenset(
        {"temperature", "degrees", "degree", "celsius", "fahrenheit", "°", "setpoint", "kelvin"}
    ),
}
"""In the order in which they are tried: "brightness in percent" is no degree, "duration in seconds" no level."""

_KELVIN_FROM = 1_000
"""A temperature that may be as high as this is a colour's."""


def _is_kelvin(level: Level) -> bool:
    return level.measure is Measure.DEGREES and level.high >= _KELVIN_FROM


def _options(name: str, schema: Mapping[str, object]) -> Options | None:
    values = {words: value for value in _choices(schema) if (words := spoken(value))}
    return Options(name, values) if values else None


def _is_colour(name: str, schema: Mapping[str, object]) -> bool:
    """Tell whether a free text is a colour; `color_temp` and the like are numbers."""
    return name.casefold() in {"color", "colour", "color_name", "colour_name"} and (
        _type(schema) in {"string", ""} and not _choices(schema)
    )
