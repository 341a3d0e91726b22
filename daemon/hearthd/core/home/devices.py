"""The devices of the house as their owner writes them down: one `[devices.<identifier>]` table each.

Key names and defaults are those of Home Assistant's MQTT integration wherever it has one, so that what works
there can be copied. `schema = "json"` is the zigbee2mqtt way (one topic, one JSON object), `schema = "plain"`
the way of Tasmota, ESPHome, Shelly and Node-RED (one topic per property, a bare text each). Where HA takes a
template, a `*_value_key` names the place of the value inside a JSON report: `Dimmer`, or, nested,
`StatusSNS.Temperature`.
"""

from typing import Annotated, ClassVar, Literal

import msgspec

from hearthd.core.settings import Section

Schema = Literal["json", "plain"]
Step = Annotated[float, msgspec.Meta(gt=0.0)]
Whole = Annotated[int, msgspec.Meta(ge=0)]
Scale = Annotated[int, msgspec.Meta(ge=1)]


class Described(Section, frozen=True, tag_field="type", tag=str.lower):
    """What every device may say about itself."""

    json_only: ClassVar[frozenset[str]] = frozenset()
    plain_only: ClassVar[frozenset[str]] = frozenset()
    required: ClassVar[frozenset[str]] = frozenset()

    name: str = ""
    """How people call it; empty means the identifier with spaces for underscores."""
    area: str = ""
    """The room it is in, as people call that room."""
    aliases: tuple[str, ...] = ()
    """Further names people use."""
    availability_topic: str = ""
    """Where the device, or its bridge, says `online` or `offline`, as text or as `{"state": ...}`."""


class Commanded(Described, frozen=True):
    """A device on one command and one state topic."""

    required: ClassVar[frozenset[str]] = frozenset({"command_topic"})

    schema: Schema = "json"
    command_topic: str = ""
    state_topic: str = ""
    """Where the device reports; without it no command can be confirmed."""
    value_key: str = ""
    """Place of the state in a JSON report; `json` devices (default `state`) take commands under it too."""


class Light(Commanded, frozen=True):
    """`type = "light"`."""

    json_only: ClassVar[frozenset[str]] = frozenset({"supported_color_modes"})
    plain_only: ClassVar[frozenset[str]] = frozenset(
        {
            "brightness_command_topic",
            "brightness_state_topic",
            "color_temp_command_topic",
            "color_temp_state_topic",
            "rgb_command_topic",
            "rgb_state_topic",
        }
    )

    payload_on: str = "ON"
    payload_off: str = "OFF"
    supported_color_modes: tuple[Literal["onoff", "brightness", "color_temp", "rgb"], ...] = ()
    """What a `json` light can do; `color_temp` and `rgb` imply `brightness`."""
    brightness_scale: Scale = 254
    """The raw value of full brightness: 254 for zigbee2mqtt, 255 for ESPHome, 100 for Tasmota."""
    brightness_command_topic: str = ""
    brightness_state_topic: str = ""
    brightness_value_key: str = ""
    color_temp_command_topic: str = ""
    color_temp_state_topic: str = ""
    color_temp_value_key: str = ""
    color_temp_kelvin: bool = False
    """Whether the device counts in kelvin rather than in mired."""
    min_kelvin: Scale = 2_000
    max_kelvin: Scale = 6_535
    rgb_command_topic: str = ""
    rgb_state_topic: str = ""
    rgb_value_key: str = ""


class Switch(Commanded, frozen=True):
    """`type = "switch"`."""

    payload_on: str = "ON"
    payload_off: str = "OFF"
    device_class: str = ""


class Cover(Commanded, frozen=True):
    """`type = "cover"`: blinds, shutters, curtains, garage doors."""

    json_only: ClassVar[frozenset[str]] = frozenset({"position"})
    plain_only: ClassVar[frozenset[str]] = frozenset({"set_position_topic", "position_topic"})

    payload_open: str = "OPEN"
    payload_close: str = "CLOSE"
    payload_stop: str = "STOP"
    """Empty for a cover that cannot stop halfway."""
    position: bool = True
    """Whether a `json` cover takes and reports a position."""
    set_position_topic: str = ""
    position_topic: str = ""
    position_value_key: str = ""
    position_open: int = 100
    position_closed: int = 0
    device_class: str = ""
    """`blind`, `shutter`, `curtain`, `garage`, `gate`, ..."""


class Climate(Described, frozen=True):
    """`type = "climate"`: thermostats and radiator valves."""

    json_only: ClassVar[frozenset[str]] = frozenset({"command_topic", "state_topic"})
    plain_only: ClassVar[frozenset[str]] = frozenset(
        {
            "temperature_command_topic",
            "temperature_state_topic",
            "current_temperature_topic",
            "mode_command_topic",
            "mode_state_topic",
        }
    )

    schema: Schema = "json"
    command_topic: str = ""
    state_topic: str = ""
    temperature_command_topic: str = ""
    temperature_state_topic: str = ""
    temperature_value_key: str = ""
    """`json` default: `current_heating_setpoint`; some valves say `occupied_heating_setpoint`."""
    current_temperature_topic: str = ""
    current_temperature_value_key: str = ""
    """`json` default: `local_temperature`."""
    mode_command_topic: str = ""
    mode_state_topic: str = ""
    mode_value_key: str = ""
    """`json` default: `system_mode`."""
    modes: tuple[str, ...] = ()
    """The modes that may be set, such as `off`, `heat`, `auto`; empty means that the mode cannot be set."""
    min_temp: float = 7.0
    max_temp: float = 30.0
    temp_step: Step = 0.5
    temperature_unit: Literal["C", "F"] = "C"


class Fan(Commanded, frozen=True):
    """`type = "fan"`."""

    plain_only: ClassVar[frozenset[str]] = frozenset(
        {
            "percentage_command_topic",
            "percentage_state_topic",
            "preset_mode_command_topic",
            "preset_mode_state_topic",
        }
    )

    payload_on: str = "ON"
    payload_off: str = "OFF"
    percentage_command_topic: str = ""
    percentage_state_topic: str = ""
    percentage_value_key: str = ""
    """Place of the speed; a `json` fan takes a speed only if this is set."""
    speed_range_min: Scale = 1
    speed_range_max: Scale = 100
    preset_mode_command_topic: str = ""
    preset_mode_state_topic: str = ""
    preset_mode_value_key: str = ""
    """`json` default: `fan_mode`."""
    preset_modes: tuple[str, ...] = ()


class Scene(Described, frozen=True):
    """`type = "scene"`: one payload that a bridge or an automation acts upon."""

    required: ClassVar[frozenset[str]] = frozenset({"command_topic"})

    command_topic: str = ""
    payload_on: str = "ON"
    """For a zigbee2mqtt group: `{"scene_recall": 3}`."""


class Sensor(Described, frozen=True):
    """`type = "sensor"`: one value that can only be read."""

    required: ClassVar[frozenset[str]] = frozenset({"state_topic"})

    state_topic: str = ""
    value_key: str = ""
    unit_of_measurement: str = ""
    device_class: str = ""
    meanings: dict[str, str] = msgspec.field(default_factory=dict)
    """What raw values mean in words: `{ true = "closed", false = "open" }` for a zigbee2mqtt contact."""


Device = Light | Switch | Cover | Climate | Fan | Scene | Sensor
"""One entry of `[devices]`, told apart by its `type`."""

Devices = dict[str, Device]
"""`[devices]`: identifier to device."""


def spoken_name(identifier: str, device: Device) -> str:
    """Return how people call the device."""
    return device.name or identifier.replace("_", " ")
