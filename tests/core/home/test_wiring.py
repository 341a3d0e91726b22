"""Which value goes to, and comes from, which topic: the common systems, as their owners write them down."""

import pytest

from hearthd.core.home.devices import Climate, Cover, Device, Fan, Light, Scene, Sensor, Switch
from hearthd.core.home.wiring import Kind, wire

Ends = dict[str, tuple[str, str]]
"""Property to topic and dotted path."""

ZIGBEE2MQTT_LIGHT = Light(
    command_topic="z/lamp/set",
    state_topic="z/lamp",
    availability_topic="z/lamp/availability",
    supported_color_modes=("color_temp",),
)
TASMOTA_LIGHT = Light(
    schema="plain",
    command_topic="cmnd/lamp/POWER",
    state_topic="stat/lamp/RESULT",
    value_key="POWER",
    brightness_scale=100,
    brightness_command_topic="cmnd/lamp/Dimmer",
    brightness_state_topic="stat/lamp/RESULT",
    brightness_value_key="Dimmer",
)
GANGED_SWITCH = Switch(command_topic="z/wall/set", state_topic="z/wall", value_key="state_left")
SHELLY_SWITCH = Switch(
    schema="plain",
    command_topic="shelly/command/switch:0",
    state_topic="shelly/status/switch:0",
    value_key="output",
    payload_on="on",
    payload_off="off",
)
ZIGBEE2MQTT_BLIND = Cover(command_topic="z/blind/set", state_topic="z/blind")
ESPHOME_GARAGE = Cover(
    schema="plain", command_topic="garage/command", state_topic="garage/state", device_class="garage"
)
ZIGBEE2MQTT_VALVE = Climate(command_topic="z/valve/set", state_topic="z/valve", modes=("off", "heat"))
ESPHOME_CLIMATE = Climate(
    schema="plain",
    temperature_command_topic="ac/target/command",
    temperature_state_topic="ac/target/state",
    current_temperature_topic="ac/current/state",
    mode_command_topic="ac/mode/command",
    mode_state_topic="ac/mode/state",
)
ZIGBEE2MQTT_FAN = Fan(
    command_topic="z/fan/set",
    state_topic="z/fan",
    percentage_value_key="fan_speed",
    preset_modes=("auto",),
)
TASMOTA_FAN = Fan(
    schema="plain",
    command_topic="cmnd/fan/FanSpeed",
    percentage_command_topic="cmnd/fan/FanSpeed",
    percentage_state_topic="stat/fan/RESULT",
    percentage_value_key="FanSpeed",
)
SCENE = Scene(command_topic="z/group/set", payload_on='{"scene_recall": 1}')
SENSOR = Sensor(state_topic="tele/plug/SENSOR", value_key="ENERGY.Power")


@pytest.mark.parametrize(
    ("device", "kind", "levers", "gauges"),
    [
        (
            ZIGBEE2MQTT_LIGHT,
            Kind.LIGHT,
            {
                "brightness_percent": ("z/lamp/set", "brightness"),
                "color_temperature_k": ("z/lamp/set", "color_temp"),
                "on": ("z/lamp/set", "state"),
            },
            {
                "brightness_percent": ("z/lamp", "brightness"),
                "color_temperature_k": ("z/lamp", "color_temp"),
                "color": ("z/lamp", "color"),
                "on": ("z/lamp", "state"),
                "available": ("z/lamp/availability", ""),
            },
        ),
        (
            TASMOTA_LIGHT,
            Kind.LIGHT,
            {"brightness_percent": ("cmnd/lamp/Dimmer", ""), "on": ("cmnd/lamp/POWER", "")},
            {"brightness_percent": ("stat/lamp/RESULT", "Dimmer"), "on": ("stat/lamp/RESULT", "POWER")},
        ),
        (GANGED_SWITCH, Kind.SWITCH, {"on": ("z/wall/set", "state_left")}, {"on": ("z/wall", "state_left")}),
        (
            SHELLY_SWITCH,
            Kind.SWITCH,
            {"on": ("shelly/command/switch:0", "")},
            {"on": ("shelly/status/switch:0", "output")},
        ),
        (
            ZIGBEE2MQTT_BLIND,
            Kind.COVER,
            {"action": ("z/blind/set", "state"), "position_percent": ("z/blind/set", "position")},
            {"state": ("z/blind", "state"), "position_percent": ("z/blind", "position")},
        ),
        (ESPHOME_GARAGE, Kind.COVER, {"action": ("garage/command", "")}, {"state": ("garage/state", "")}),
        (
            ZIGBEE2MQTT_VALVE,
            Kind.CLIMATE,
            {"target_temperature": ("z/valve/set", "current_heating_setpoint"), "mode": ("z/valve/set", "system_mode")},
            {
                "target_temperature": ("z/valve", "current_heating_setpoint"),
                "mode": ("z/valve", "system_mode"),
                "current_temperature": ("z/valve", "local_temperature"),
            },
        ),
        (
            ESPHOME_CLIMATE,
            Kind.CLIMATE,
            {"target_temperature": ("ac/target/command", "")},
            {
                "target_temperature": ("ac/target/state", ""),
                "mode": ("ac/mode/state", ""),
                "current_temperature": ("ac/current/state", ""),
            },
        ),
        (
            ZIGBEE2MQTT_FAN,
            Kind.FAN,
            {
                "on": ("z/fan/set", "state"),
                "speed_percent": ("z/fan/set", "fan_speed"),
                "mode": ("z/fan/set", "fan_mode"),
            },
            {"on": ("z/fan", "state"), "speed_percent": ("z/fan", "fan_speed"), "mode": ("z/fan", "fan_mode")},
        ),
        (
            TASMOTA_FAN,
            Kind.FAN,
            {"on": ("cmnd/fan/FanSpeed", ""), "speed_percent": ("cmnd/fan/FanSpeed", "")},
            {"speed_percent": ("stat/fan/RESULT", "FanSpeed")},
        ),
        (SCENE, Kind.SCENE, {"activate": ("z/group/set", "")}, {}),
        (SENSOR, Kind.SENSOR, {}, {"value": ("tele/plug/SENSOR", "ENERGY.Power")}),
    ],
)
def test_each_property_has_its_place(device: Device, kind: Kind, levers: Ends, gauges: Ends) -> None:
    """Levers exist only for what the device takes, in the order in which they are pulled; gauges for what it tells."""
    wiring = wire("some_thing", device)

    assert wiring.kind is kind
    assert [(lever.name, (lever.topic, ".".join(lever.path))) for lever in wiring.levers] == list(levers.items())
    assert {gauge.name: (gauge.topic, ".".join(gauge.path)) for gauge in wiring.gauges} == gauges


def test_a_device_without_a_name_is_called_by_its_identifier() -> None:
    """Underscores become spaces; a name of its own wins."""
    assert wire("kitchen_light", ZIGBEE2MQTT_LIGHT).name == "kitchen light"
    assert wire("x1", Scene(command_topic="a", name="Movie night")).name == "Movie night"
