"""From an owner's description of a device to its wiring: which value goes to, and comes from, which topic."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from hearthd.core.home import quantities
from hearthd.core.home.devices import Climate, Cover, Device, Fan, Light, Scene, Sensor, Switch, spoken_name
from hearthd.core.home.quantities import Choice, Colour, ColourTemperature, Quantity, Switched, Temperature
from hearthd.core.home.readings import Availability, CoverReading, CoverState, Measurement, Readable

AVAILABLE = "available"
"""Name of the report that tells whether a device is there at all."""


class Kind(StrEnum):
    """What a device is: its `type`."""

    LIGHT = "light"
    SWITCH = "switch"
    COVER = "cover"
    CLIMATE = "climate"
    FAN = "fan"
    SCENE = "scene"
    SENSOR = "sensor"


@dataclass(frozen=True, slots=True)
class Lever:
    """One property that can be commanded; levers of a device are pulled in their order."""

    name: str
    """The function argument."""
    quantity: Quantity
    topic: str
    path: tuple[str, ...]
    """Place in the JSON object; empty for a bare text on a topic of its own."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """One property that is reported."""

    name: str
    """The key in answers; the same as the lever's where there is one."""
    quantity: Readable
    topic: str
    path: tuple[str, ...]
    """Place in the JSON report; empty when the whole payload is the value."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """One device, ready to be commanded and read."""

    identifier: str
    name: str
    kind: Kind
    device: Device
    levers: tuple[Lever, ...]
    gauges: tuple[Gauge, ...]


def wire(identifier: str, device: Device) -> Wiring:
    """Work out levers and gauges of a device; properties without a topic are left out."""
    kind, levers, gauges = _parts(device)
    gauges = (*gauges, Gauge(AVAILABLE, Availability(), device.availability_topic, ()))
    return Wiring(
        identifier,
        spoken_name(identifier, device),
        kind,
        device,
        tuple(lever for lever in levers if lever.topic),
        tuple(gauge for gauge in gauges if gauge.topic),
    )


_Pair = tuple[Lever, Gauge]
_Parts = tuple[Kind, tuple[Lever, ...], tuple[Gauge, ...]]


@dataclass(frozen=True, slots=True)
class _Wires:
    """Where a device's properties go, according to its schema."""

    json: bool
    command_topic: str
    state_topic: str

    def property(
        self, name: str, quantity: Quantity, *, json_key: str, key: str, able: bool, plain: tuple[str, str]
    ) -> _Pair:
        """Wire one property: under `key` (usually `json_key`) of one object, or on `plain` topics of its own.

        `able` tells whether a `json` device takes it; a `plain` device tells by having a topic for it.
        """
        if self.json:
            path = _path(key or json_key)
            command_topic = self.command_topic if able else ""
            return Lever(name, quantity, command_topic, path), Gauge(name, quantity, self.state_topic, path)
        command_topic, state_topic = plain
        return Lever(name, quantity, command_topic, ()), Gauge(name, quantity, state_topic, _path(key))


def _parts(device: Device) -> _Parts:
    match device:
        case Light():
            return Kind.LIGHT, *_unzip(*_light(device))
        case Switch():
            return Kind.SWITCH, *_unzip(_on(device))
        case Cover():
            return Kind.COVER, *_unzip(*_cover(device))
        case Climate():
            return _climate(device)
        case Fan():
            return Kind.FAN, *_unzip(*_fan(device))
        case Scene():
            activate = Choice((("activate", device.payload_on),))
            return Kind.SCENE, (Lever("activate", activate, device.command_topic, ()),), ()
        case Sensor():
            value = Measurement(device.meanings)
            return Kind.SENSOR, (), (Gauge("value", value, device.state_topic, _path(device.value_key)),)
        case _ as never:
            assert_never(never)


def _light(light: Light) -> tuple[_Pair, ...]:
    wires = _Wires(light.schema == "json", light.command_topic, light.state_topic)
    modes = set(light.supported_color_modes)
    return (
        wires.property(
            "brightness_percent",
            quantities.brightness(light.brightness_scale),
            json_key="brightness",
            key=light.brightness_value_key,
            able=bool(modes & {"brightness", "color_temp", "rgb"}),
            plain=(light.brightness_command_topic, light.brightness_state_topic),
        ),
        wires.property(
            "color_temperature_k",
            ColourTemperature(light.max_kelvin, light.min_kelvin, light.color_temp_kelvin),
            json_key="color_temp",
            key=light.color_temp_value_key,
            able="color_temp" in modes,
            plain=(light.color_temp_command_topic, light.color_temp_state_topic),
        ),
        wires.property(
            "color",
            Colour(as_object=wires.json),
            json_key="color",
            key=light.rgb_value_key,
            able="rgb" in modes,
            plain=(light.rgb_command_topic, light.rgb_state_topic),
        ),
        # Last, so that a lamp on separate topics does not flash at its old brightness.
        _on(light),
    )


def _cover(cover: Cover) -> tuple[_Pair, ...]:
    wires = _Wires(cover.schema == "json", cover.command_topic, cover.state_topic)
    moves = (("open", cover.payload_open), ("close", cover.payload_close), ("stop", cover.payload_stop))
    action, state = wires.property(
        "action",
        Choice(tuple((move, payload) for move, payload in moves if payload)),
        json_key="state",
        key=cover.value_key,
        able=True,
        plain=(cover.command_topic, cover.state_topic),
    )
    words = {
        cover.payload_open.casefold(): CoverState.OPEN,
        cover.payload_close.casefold(): CoverState.CLOSED,
    }
    return (
        (action, replace(state, name="state", quantity=CoverReading(words))),
        wires.property(
            "position_percent",
            quantities.position(cover.position_closed, cover.position_open),
            json_key="position",
            key=cover.position_value_key,
            able=cover.position,
            plain=(cover.set_position_topic, cover.position_topic),
        ),
    )


def _climate(climate: Climate) -> _Parts:
    wires = _Wires(climate.schema == "json", climate.command_topic, climate.state_topic)
    unit = "°" + climate.temperature_unit
    setpoint = Temperature(climate.min_temp, climate.max_temp, climate.temp_step, unit)
    target = wires.property(
        "target_temperature",
        setpoint,
        json_key="current_heating_setpoint",
        key=climate.temperature_value_key,
        able=True,
        plain=(climate.temperature_command_topic, climate.temperature_state_topic),
    )
    mode = wires.property(
        "mode",
        Choice(tuple((mode, mode) for mode in climate.modes)),
        json_key="system_mode",
        key=climate.mode_value_key,
        able=bool(climate.modes),
        plain=(climate.mode_command_topic if climate.modes else "", climate.mode_state_topic),
    )
    _, current = wires.property(
        "current_temperature",
        setpoint,
        json_key="local_temperature",
        key=climate.current_temperature_value_key,
        able=False,
        plain=("", climate.current_temperature_topic),
    )
    levers, gauges = _unzip(target, mode)
    return Kind.CLIMATE, levers, (*gauges, current)


def _fan(fan: Fan) -> tuple[_Pair, ...]:
    wires = _Wires(fan.schema == "json", fan.command_topic, fan.state_topic)
    return (
        # First, because some fans start at their own speed and only then take ours.
        _on(fan),
        wires.property(
            "speed_percent",
            quantities.speed(fan.speed_range_min, fan.speed_range_max),
            json_key="percentage",
            key=fan.percentage_value_key,
            able=bool(fan.percentage_value_key),
            plain=(fan.percentage_command_topic, fan.percentage_state_topic),
        ),
        wires.property(
            "mode",
            Choice(tuple((mode, mode) for mode in fan.preset_modes)),
            json_key="fan_mode",
            key=fan.preset_mode_value_key,
            able=bool(fan.preset_modes),
            plain=(fan.preset_mode_command_topic if fan.preset_modes else "", fan.preset_mode_state_topic),
        ),
    )


def _on(device: Light | Switch | Fan) -> _Pair:
    return _Wires(device.schema == "json", device.command_topic, device.state_topic).property(
        "on",
        Switched(device.payload_on, device.payload_off),
        json_key="state",
        key=device.value_key,
        able=True,
        plain=(device.command_topic, device.state_topic),
    )


def _unzip(*pairs: _Pair) -> tuple[tuple[Lever, ...], tuple[Gauge, ...]]:
    return tuple(lever for lever, _ in pairs), tuple(gauge for _, gauge in pairs)


def _path(key: str) -> tuple[str, ...]:
    return tuple(key.split(".")) if key else ()
