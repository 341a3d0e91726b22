"""Answers in English from what functions really returned.

Our own functions tell by device what was done and what it now is (`engine.home`); everybody else's are read for
whatever can be said of them. Success is claimed only where an output says so.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from hearthd.core.home.numerals import Json, finite
from hearthd.offline.mind import foreign
from hearthd.offline.mind.understanding import FunctionCall
from hearthd.offline.mind.wording import listed, number, plain, quantity, sentence

_LARGEST = 65_536
"""Characters of an output that are read."""
_NAMED_MAX = 3
"""Devices that one sentence names; of more it tells how many."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of the outputs of one round of calls."""

    text: str
    held: tuple[FunctionCall, ...] = ()
    """Calls that were not carried out because the person must say yes first."""


@dataclass(frozen=True, slots=True)
class _Statement:
    """Something about one device; what several share is said once."""

    device: str
    """Spoken name; empty if the pattern is a whole sentence."""
    pattern: str
    """With `{who}` for the devices and `{be}`, `{have}`, `{do}` for verbs that agree with them."""
    fine: bool = True


def answer(calls: Sequence[FunctionCall], outputs: Mapping[int, str], expected: str = "") -> Answer:
    """Say what came of `calls`, whose outputs are known by their place.

    `expected` is the state that a question named ("open"): the answer then starts with yes or no.
    """
    statements: list[_Statement] = []
    held: list[FunctionCall] = []
    for place, call in enumerate(calls):
        output = outputs.get(place)
        if output is None:
            statements.append(_Statement("", "I do not know whether that worked.", fine=False))
            continue
        document = _decoded(output)
        if _is_ours(document):
            results = _results(document)
            if any(result.get("error") == "needs_confirmation" for result in results):
                held.append(call)
            else:
                statements += [_told(result, call) for result in results]
        else:
            statements.append(_Statement("", foreign.answer(document)))
    text = " ".join(_sentences(statements))
    if agreement := _agreement(statements, expected):
        text = f"{agreement}, {text[0].lower()}{text[1:]}"
    return Answer(" ".join(filter(None, (text, _question(held)))), tuple(held))


def _decoded(output: str) -> Json:
    """Decode an output; what is no JSON is the text itself."""
    text = output[:_LARGEST]
    try:
        document: Json = msgspec.json.decode(text)
    # Deep nesting exhausts the decoder's stack; a lone surrogate is no text.
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return text
    return document


def _is_ours(document: Json) -> bool:
    """Tell whether an output has the shape of `engine.home`'s results."""
    if not isinstance(document, Mapping) or not isinstance(document.get("ok"), bool):
        return False
    if isinstance(document.get("devices"), list):
        return bool(_results(document))
    return isinstance(document.get("device") or document.get("explanation"), str)


def _results(document: Json) -> list[Mapping[str, Json]]:
    assert isinstance(document, Mapping)
    several = document.get("devices")
    if not isinstance(several, list):
        return [document]
    return [result for result in several if isinstance(result, Mapping)]


def _told(result: Mapping[str, Json], call: FunctionCall) -> _Statement:
    """Say what one device's result tells."""
    device = plain(str(result.get("device") or ""))
    state = result.get("state")
    if result.get("ok") is not True:
        return _failed(device, result)
    if result.get("confirmed") is False:
        if call.name == "activate_scene":
            return _Statement(device, "I started {names}.")
        return _Statement(device, "I sent it to {who}, but {they} not report back.")
    if not isinstance(state, Mapping):
        return _Statement(device, "{who} {be} done.")
    asked = _arguments(call)
    pattern = _outcome(state, asked) if "confirmed" in result else _reading(state)
    return _Statement(device, f"{{who}} {pattern}.")


def _arguments(call: FunctionCall) -> Mapping[str, Json]:
    document = _decoded(call.arguments_json)
    return document if isinstance(document, Mapping) else {}


def _failed(device: str, result: Mapping[str, Json]) -> _Statement:
    explanation = plain(str(result.get("explanation") or ""))
    match result.get("error"):
        case "no_confirmation" if "offline" in explanation:
            return _Statement(device, "I could not reach {who}.", fine=False)
        case "no_confirmation":
            return _Statement(device, "{who} did not answer.", fine=False)
        case "no_report":
            return _Statement(device, "{who} {have} not reported anything yet.", fine=False)
        case "broker_unavailable" if device:
            return _Statement(device, "I do not know whether {who} got that: the house does not answer.", fine=False)
        case "not_supported" if found := re.match(r"The (.{1,80}) has no ", explanation):
            return _Statement(found[1], "{who} cannot do that.", fine=False)
        case _:
            return _Statement("", sentence(explanation) or foreign.FAILED, fine=False)


def _outcome(state: Mapping[str, Json], asked: Mapping[str, Json]) -> str:
    """Say of a state what was asked for: whoever dims a lamp need not hear its colour."""
    if state.get("on") is False or state.get("mode") == "off":
        return "{be} off"
    if "action" in asked or "position_percent" in asked:
        return "{have} stopped" if asked.get("action") == "stop" else _cover(state, asked)
    for key, said in _OUTCOMES.items():
        if key in asked and key in state:
            return said.format(value=_value(key, asked[key] if key == "color" else state[key]), be="{be}")
    return _reading({key: value for key, value in state.items() if key in asked} or state)


_OUTCOMES: Mapping[str, str] = {
    "brightness_percent": "{be} at {value}",
    "color": "{be} {value}",
    "color_temperature_k": "{be} {value}",
    "target_temperature": "{be} set to {value}",
    "speed_percent": "{be} at {value}",
    "mode": "{be} set to {value}",
}


def _cover(state: Mapping[str, Json], asked: Mapping[str, Json]) -> str:
    if "action" not in asked and finite(state.get("position_percent")) is not None:
        return f"{{be}} at {quantity(state['position_percent'], '%')}"
    if isinstance(word := state.get("state"), str):
        return f"{{be}} {plain(word)}"
    return f"{{be}} {_ENDS.get(asked.get('action'), 'moving')}"


_ENDS: Mapping[Json, str] = {"open": "open", "close": "closed"}
_WHITES: Sequence[tuple[int, str]] = ((3_200, "warm white"), (4_600, "neutral white"), (10_000, "cool white"))


def _value(key: str, value: Json) -> str:
    if key == "color_temperature_k":
        kelvin = finite(value) or 0
        return next((name for limit, name in _WHITES if kelvin <= limit), "cool white")
    if key == "color":
        return plain(str(value)) if re.fullmatch(r"[a-z ]+", str(value)) else "in the colour you asked for"
    unit = "%" if key.endswith("_percent") else "°c" if "temperature" in key else ""
    return quantity(value, unit)


def _reading(state: Mapping[str, Json]) -> str:
    """Say what a device reports."""
    if state.get("available") is False:
        return "{be} offline"
    said = " and ".join(_facts(state)) or "{have} reported nothing that I can say"
    return f"{said}, as far as I last heard" if state.get("outdated") is True else said


def _facts(state: Mapping[str, Json]) -> Iterable[str]:
    unit = str(state.get("unit") or "")
    if "value" in state and (said := quantity(state["value"], unit)):
        yield f"{{be}} {said}"
    if "current_temperature" in state:
        yield f"{{be}} at {_value('current_temperature', state['current_temperature'])}"
    if isinstance(state.get("on"), bool):
        level = state.get("brightness_percent", state.get("speed_percent"))
        at = f" at {quantity(level, '%')}" if state["on"] and finite(level) is not None else ""
        yield f"{{be}} {quantity(state['on'])}{at}"
    if isinstance(state.get("state"), str):
        yield f"{{be}} {plain(str(state['state']))}"
    elif finite(state.get("position_percent")) is not None:
        position = state["position_percent"]
        yield f"{{be}} {_POSITIONS.get(finite(position)) or 'at ' + quantity(position, '%')}"
    if state.get("mode") == "off":
        yield "{be} off"
    elif "target_temperature" in state:
        yield f"{{be}} set to {_value('target_temperature', state['target_temperature'])}"


_POSITIONS: Mapping[float | None, str] = {0: "closed", 100: "open"}


def _sentences(statements: Sequence[_Statement]) -> list[str]:
    """Say what several devices share once, success first."""
    shared: dict[tuple[bool, str], list[str]] = {}
    for statement in statements:
        devices = shared.setdefault((not statement.fine, statement.pattern), [])
        if statement.device not in devices:
            devices.append(statement.device)
    return [
        sentence(_about(pattern, devices, alone=len(shared) == 1)) for (_, pattern), devices in sorted(shared.items())
    ]


def _about(pattern: str, devices: Sequence[str], *, alone: bool) -> str:
    many = len(devices) > 1 or _is_plural(devices[0])
    if len(devices) > _NAMED_MAX:
        who = f"all {number(len(devices))}" if alone else f"{number(len(devices))} of them"
    else:
        who = listed([f"the {device}" for device in devices])
    verbs = {"be": "are", "have": "have", "they": "they do"} if many else {"be": "is", "have": "has", "they": "it does"}
    return pattern.format(who=who, names=listed(devices), **verbs)


def _is_plural(device: str) -> bool:
    """Tell whether a name takes "are": blinds and lights do, glass does not."""
    last = device.rsplit(" ", 1)[-1]
    return last.endswith("s") and not last.endswith(("ss", "us", "is"))


def _agreement(statements: Sequence[_Statement], expected: str) -> str:
    """Return "Yes" or "No" where all devices agree with, or contradict, the state that a question named."""
    if not expected or not statements or not all(statement.fine for statement in statements):
        return ""
    agreeing = [_says(statement.pattern, expected) for statement in statements]
    if all(agreeing):
        return "Yes"
    contradicting = [_says(statement.pattern, _OPPOSITES.get(expected, "")) for statement in statements]
    return "No" if all(contradicting) else ""


def _says(pattern: str, word: str) -> bool:
    return bool(word) and re.search(rf"\{{be\}} {word}\b", pattern) is not None


_OPPOSITES: Mapping[str, str] = {"on": "off", "off": "on", "open": "closed", "closed": "open"}


def _question(held: Sequence[FunctionCall]) -> str:
    """Ask for the yes that the house's own policy demands."""
    if not held:
        return ""
    return f"Should I really {listed([call.says for call in held])}?"
