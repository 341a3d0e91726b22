"""What cannot be right in `[devices]`, though every value has the right type."""

import re
from collections.abc import Iterator, Mapping

import msgspec

from hearthd.core.home.devices import Climate, Cover, Described, Device, Fan, Light, Switch, spoken_name
from hearthd.core.home.names import phrase
from hearthd.core.tables import Problem

_IDENTIFIER = re.compile(r"[a-z0-9_]{1,64}")
_LONGEST_NAME = 64
"""Characters; names stand in the instructions, which every response pays for."""
_LONGEST_TOPIC_BYTES = 65_535
"""MQTT's own limit."""


def check(devices: Mapping[str, Device]) -> list[Problem]:
    """Return every mistake, device by device; an empty list means that all devices can be used."""
    problems = []
    for identifier, device in devices.items():
        key = f"devices.{identifier}"
        problems += [
            *_identifier(key, identifier),
            *_names(key, device),
            *_topics(key, device),
            *_schema(key, device),
            *_limits(key, device),
        ]
    return problems + list(_twins(devices))


def _identifier(key: str, identifier: str) -> Iterator[Problem]:
    if not _IDENTIFIER.fullmatch(identifier):
        yield Problem(key, "expected an identifier of at most 64 lower-case letters a-z, digits and _")


def _names(key: str, device: Device) -> Iterator[Problem]:
    texts = {"name": device.name, "area": device.area}
    texts |= {f"aliases[{index}]": alias for index, alias in enumerate(device.aliases)}
    for field, text in texts.items():
        if (text or field.startswith("aliases")) and not phrase(text):
            yield Problem(f"{key}.{field}", "expected a name with letters or digits")
        elif len(text) > _LONGEST_NAME or not text.isprintable():
            yield Problem(f"{key}.{field}", f"expected one line of at most {_LONGEST_NAME} characters")


def _topics(key: str, device: Device) -> Iterator[Problem]:
    for field in _topic_fields(device):
        topic: str = getattr(device, field)
        if not topic:
            if field in device.required:
                yield Problem(f"{key}.{field}", "expected a topic: without it the device cannot be used")
        elif re.search(r"[+#\0]", topic):
            yield Problem(f"{key}.{field}", 'expected one topic, not a pattern: "+" and "#" have no place in it')
        elif topic != topic.strip() or len(topic.encode()) > _LONGEST_TOPIC_BYTES:
            yield Problem(f"{key}.{field}", "expected a topic without spaces at its ends, of at most 65535 bytes")
    commanded = {getattr(device, field) for field in _topic_fields(device) if "command" in field}
    reported = {getattr(device, field): field for field in _topic_fields(device) if "command" not in field}
    for topic in sorted((commanded & set(reported)) - {""}):
        problem = f"is also a command topic ({topic}): our own command would be taken for the device's report"
        yield Problem(f"{key}.{reported[topic]}", problem)


def _schema(key: str, device: Device) -> Iterator[Problem]:
    """Find keys of the other schema, and devices without anything to command."""
    schema = getattr(device, "schema", "")
    foreign = {"json": device.plain_only, "plain": device.json_only}.get(schema, frozenset())
    defaults = {field.name: field.default for field in msgspec.structs.fields(device)}
    for field in sorted(foreign):
        if getattr(device, field) != defaults[field]:
            other = "plain" if schema == "json" else "json"
            yield Problem(f"{key}.{field}", f'is of use only with schema = "{other}"')
    if isinstance(device, Climate):
        wanted = ("command_topic",) if schema == "json" else ("temperature_command_topic", "mode_command_topic")
        if not any(getattr(device, field) for field in wanted):
            yield Problem(f"{key}.{wanted[0]}", "expected a topic: without it the device cannot be used")


def _limits(key: str, device: Device) -> Iterator[Problem]:
    match device:
        case Light(min_kelvin=lowest, max_kelvin=highest):
            yield from _ascending(f"{key}.min_kelvin", lowest, "max_kelvin", highest)
        case Climate(min_temp=lowest, max_temp=highest):
            yield from _ascending(f"{key}.min_temp", lowest, "max_temp", highest)
        case Fan(speed_range_min=lowest, speed_range_max=highest):
            yield from _ascending(f"{key}.speed_range_min", lowest, "speed_range_max", highest + 1)
        case Cover(position_open=opened, position_closed=closed) if opened == closed:
            yield Problem(f"{key}.position_open", "expected another number than position_closed")
        case _:
            pass
    payloads = _payloads(device)
    if len({payload.casefold() for payload in payloads.values()}) < len(payloads):
        names = ", ".join(payloads)
        yield Problem(f"{key}.{next(iter(payloads))}", f"expected payloads that differ: {names}")


def _ascending(key: str, lowest: float, other: str, highest: float) -> Iterator[Problem]:
    if lowest >= highest:
        yield Problem(key, f"expected a number below {other}")


def _payloads(device: Device) -> dict[str, str]:
    """Return the payloads that must be told apart; an empty `payload_stop` means that there is none."""
    match device:
        case Light() | Switch() | Fan():
            return {"payload_on": device.payload_on, "payload_off": device.payload_off}
        case Cover():
            stop = {"payload_stop": device.payload_stop} if device.payload_stop else {}
            return {"payload_open": device.payload_open, "payload_close": device.payload_close, **stop}
        case _:
            return {}


def _twins(devices: Mapping[str, Device]) -> Iterator[Problem]:
    """Find names that two devices of one kind share in one area: nobody could say which is meant."""
    seen: dict[tuple[object, object, object], str] = {}
    for identifier, device in devices.items():
        names = {phrase(name) for name in (identifier, spoken_name(identifier, device), *device.aliases)}
        for name in sorted(names):
            place = (type(device), phrase(device.area), name)
            if name and place in seen:
                told = f'is called "{" ".join(name)}" like {seen[place]}, in the same area'
                yield Problem(f"devices.{identifier}", told)
            seen.setdefault(place, identifier)


def _topic_fields(device: Described) -> list[str]:
    return [field for field in device.__struct_fields__ if field.endswith("_topic")]
