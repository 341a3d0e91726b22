"""The house as the model sees it: function tools out, validated commands in.

Everything here is paid for in every response, so it is short: one function per kind of device that exists,
arguments only if some device takes them, identifiers in an enumeration, bounds only where they are not plain, and a
text that tells only what identifiers do not. It never changes while hearthd runs, which keeps the server's prompt
cache warm; what does change goes into the conversation itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from hearthd.core.errors import CallRefused
from hearthd.core.home.commands import DeviceCommand, command
from hearthd.core.home.devices import Device
from hearthd.core.home.names import Directory, shortened
from hearthd.core.home.notes import write_notes
from hearthd.core.home.numerals import Json, finite, tidy
from hearthd.core.home.wiring import Kind, Wiring, wire
from hearthd.core.realtime.session import FunctionTool
from hearthd.core.realtime.tokens import estimated_text_tokens

READ_STATE = "read_state"
"""The function that reads; it takes sensors and everything else that reports."""

COMMANDS = frozenset({"set_light", "set_switch", "move_cover", "set_climate", "set_fan", "activate_scene"})
"""The functions that change something."""

_LONGEST_ARGUMENTS = 20_000
"""Characters; a call that names every device of a large house stays far below."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A call of `read_state`: the devices asked about."""

    device_ids: tuple[str, ...]


Plan = tuple[DeviceCommand, ...] | Reading
"""What a call asks for."""


@dataclass(frozen=True, slots=True)
class _Function:
    name: str
    description: str
    kind: Kind | None
    """What it commands; None for `read_state`."""
    arguments: Mapping[str, Json]
    """JSON schema by argument, `device` aside."""


_COMMANDS: Mapping[Kind, tuple[str, str]] = {
    Kind.LIGHT: ("set_light", "Set lights."),
    Kind.SWITCH: ("set_switch", "Switch devices."),
    Kind.COVER: ("move_cover", "Move blinds, doors. 0 % is closed."),
    Kind.CLIMATE: ("set_climate", "Set heating."),
    Kind.FAN: ("set_fan", "Set fans."),
    Kind.SCENE: ("activate_scene", "Activate scenes."),
}


class Catalogue:
    """All devices, and what may be asked of them; `area` is the room that this hearthd stands in."""

    def __init__(self, devices: Mapping[str, Device], area: str) -> None:
        self.wirings: Mapping[str, Wiring] = {name: wire(name, device) for name, device in devices.items()}
        self._area = area
        self._directory = Directory(self.wirings.values(), area)
        self._functions = {function.name: function for function in self._offered()}

    def tools(self) -> tuple[FunctionTool, ...]:
        """Return the session's functions."""
        return tuple(self._tool(function) for function in self._functions.values())

    def instructions(self) -> str:
        """Return what belongs into the instructions; empty without devices."""
        return write_notes(self.wirings.values(), self._area)

    def estimated_tokens(self) -> int:
        """Return how many tokens functions and text add to every response, estimated upwards."""
        functions = msgspec.json.encode(self.tools()).decode()
        return estimated_text_tokens(functions) + estimated_text_tokens(self.instructions())

    def here(self) -> tuple[str, ...]:
        """Return the devices of the room that hearthd stands in; none if nobody said which."""
        if not self._area:
            return ()
        return tuple(name for name, wiring in self.wirings.items() if self._directory.is_here(wiring))

    def label(self, device_id: str) -> str:
        """Return how to call the device in an answer."""
        return self._directory.label(self.wirings[device_id])

    def plan(self, name: str, arguments_json: str) -> Plan:
        """Check a function call completely and return what it asks for; nothing is sent for half a call.

        Raises `CallRefused`: `unknown_function`, `invalid_json`, `invalid_argument`, `unknown_device`,
        `ambiguous_device`, `wrong_function`, `not_supported`, `nothing_to_do`.
        """
        function = self._functions.get(name)
        if function is None:
            raise CallRefused(
                "unknown_function", f"There is no function {shortened(name)!r}; use {_list(self._functions)}."
            )
        arguments = _decode(arguments_json)
        asked = {key: value for key, value in arguments.items() if key != "device"}
        for key in asked:
            if key not in function.arguments:
                takes = _list(["device", *function.arguments])
                raise CallRefused("invalid_argument", f"{name} has no argument {shortened(key)!r}; it takes {takes}.")
        addressed = self._addressed(arguments.get("device"), function.kind)
        if function.kind is None:
            return Reading(tuple(wiring.identifier for wiring in addressed))
        return tuple(command(wiring, self._directory.label(wiring), asked) for wiring in addressed)

    def _addressed(self, asked: Json, kind: Kind | None) -> tuple[Wiring, ...]:
        """Resolve `device`: a list of names, or one name; each device counts once."""
        texts = [asked] if isinstance(asked, str) else asked
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            raise CallRefused("invalid_argument", "device must be a list of at least one device identifier.")
        found = [self._directory.find(str(text), kind) for text in texts]
        return tuple({wiring.identifier: wiring for wiring in found}.values())

    def _offered(self) -> list[_Function]:
        """Return the functions that this house has a use for."""
        functions = []
        for kind, (name, description) in _COMMANDS.items():
            wirings = [wiring for wiring in self.wirings.values() if wiring.kind is kind]
            if wirings:
                functions.append(_Function(name, description, kind, _merged(wirings)))
        if any(wiring.gauges for wiring in self.wirings.values()):
            functions.append(_Function(READ_STATE, "Read sensors or devices.", None, {}))
        return functions

    def _tool(self, function: _Function) -> FunctionTool:
        item: dict[str, Json] = {"type": "string"}
        if function.kind is not None:
            item["enum"] = [wiring.identifier for wiring in self.wirings.values() if wiring.kind is function.kind]
        properties: dict[str, Json] = {"device": {"type": "array", "items": item}, **function.arguments}
        required = ["device", *(["on"] if function.kind is Kind.SWITCH else [])]
        return FunctionTool(
            name=function.name,
            description=function.description,
            parameters={"type": "object", "properties": properties, "required": required},
        )


def _decode(arguments_json: str) -> dict[str, Json]:
    """Decode the arguments; models send an empty text for "none". Raises `CallRefused`."""
    if len(arguments_json) > _LONGEST_ARGUMENTS:
        raise CallRefused("invalid_json", "The arguments are too long.")
    try:
        arguments = msgspec.json.decode(arguments_json.encode() or b"{}")
    # Deep nesting exhausts the decoder's stack; a lone surrogate is no text.
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise CallRefused("invalid_json", "The arguments are not valid JSON.") from None
    if not isinstance(arguments, dict):
        raise CallRefused("invalid_json", "The arguments must be a JSON object.")
    return arguments


def _merged(wirings: list[Wiring]) -> dict[str, Json]:
    """Join the schemas of all levers: the widest range, every choice; `plan` knows who takes what."""
    merged: dict[str, dict[str, Json]] = {}
    for wiring in wirings:
        for lever in wiring.levers:
            if wiring.kind is not Kind.SCENE:
                schema = lever.quantity.schema()
                merged[lever.name] = _widest(merged[lever.name], schema) if lever.name in merged else schema
    return dict(merged)


def _widest(one: dict[str, Json], other: dict[str, Json]) -> dict[str, Json]:
    joined = {**other, **one}
    for key, widen in (("minimum", min), ("maximum", max)):
        bounds = [bound for schema in (one, other) if (bound := finite(schema.get(key))) is not None]
        if bounds:
            joined[key] = tidy(widen(bounds))
    if isinstance(mine := one.get("enum"), list) and isinstance(theirs := other.get("enum"), list):
        joined["enum"] = list(dict.fromkeys([*mine, *theirs]))
    return joined


def _list(names: Mapping[str, object] | list[str]) -> str:
    return ", ".join(names) or "none"
