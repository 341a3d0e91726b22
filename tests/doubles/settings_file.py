"""A configuration file for a household in miniature: four devices, everything else as shipped unless told."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

Tables = Mapping[str, Mapping[str, Any]]
"""Sections of the file, by name; what is nested becomes sections of its own."""

ROOM: Final = "Kitchen"
SLUG: Final = "kitchen"
"""The room's part of every MQTT topic."""

DEVICES: Final[Tables] = {
    "kitchen_light": {
        "type": "light",
        "name": "kitchen light",
        "area": "kitchen",
        "command_topic": "zigbee2mqtt/kitchen light/set",
        "state_topic": "zigbee2mqtt/kitchen light",
        "supported_color_modes": ["brightness"],
    },
    "coffee_machine": {
        "type": "switch",
        "name": "coffee machine",
        "area": "kitchen",
        "schema": "plain",
        "command_topic": "cmnd/coffee/POWER",
        "state_topic": "stat/coffee/POWER",
    },
    "kitchen_blind": {
        "type": "cover",
        "name": "kitchen blind",
        "area": "kitchen",
        "command_topic": "zigbee2mqtt/kitchen blind/set",
        "state_topic": "zigbee2mqtt/kitchen blind",
    },
    "thermometer": {
        "type": "sensor",
        "name": "kitchen temperature",
        "area": "kitchen",
        "state_topic": "zigbee2mqtt/thermometer",
        "value_key": "temperature",
        "unit_of_measurement": "°C",
        "device_class": "temperature",
    },
}
"""Matches the appliances of `tests.doubles.appliances`."""


def merged(*layers: Tables) -> dict[str, dict[str, Any]]:
    """Lay sections over each other, key by key; the last one wins."""
    result: dict[str, dict[str, Any]] = {}
    for layer in layers:
        for section, keys in layer.items():
            result.setdefault(section, {}).update(keys)
    return result


def write_settings(path: Path, tables: Tables) -> None:
    """Write TOML; values are texts, numbers, truth values and lists of these."""
    path.write_text("\n".join(_section(name, keys) for name, keys in tables.items()), encoding="utf-8")


def _section(name: str, keys: Mapping[str, Any]) -> str:
    own = {key: value for key, value in keys.items() if not isinstance(value, Mapping)}
    below = {key: value for key, value in keys.items() if isinstance(value, Mapping)}
    # What JSON writes for these values is TOML as well.
    lines = [f"[{name}]", *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in own.items())]
    sections = [_section(f"{name}.{key}", value) for key, value in below.items()]
    return "\n".join([*lines, "", *sections])
