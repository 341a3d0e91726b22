"""From the arguments of a call to messages, expectation and words, for one device."""

from collections.abc import Mapping

import pytest

from hearthd.core.errors import CallRefused
from hearthd.core.home.commands import command
from hearthd.core.home.devices import Climate, Cover, Device, Fan, Light, Scene, Switch
from hearthd.core.home.expectations import Goal, Halted, Moved, Reached
from hearthd.core.home.numerals import Json
from hearthd.core.home.quantities import Switched, brightness
from hearthd.core.home.wiring import wire

BULB = Light(command_topic="set", state_topic="get", supported_color_modes=("color_temp", "rgb"))
RELAY_LIGHT = Light(command_topic="set")
TASMOTA = Light(
    schema="plain",
    command_topic="POWER",
    state_topic="stat",
    brightness_scale=100,
    brightness_command_topic="Dimmer",
    rgb_command_topic="Color",
)
GANGED = Switch(command_topic="set", value_key="left.state")
CLASHING = Light(command_topic="set", value_key="a.on", brightness_value_key="a", supported_color_modes=("brightness",))
BLIND = Cover(command_topic="set", state_topic="get")
GARAGE = Cover(schema="plain", command_topic="set", payload_stop="")
VALVE = Climate(command_topic="set", state_topic="get", modes=("off", "heat"))
PLAIN_CLIMATE = Climate(schema="plain", temperature_command_topic="temp")
FAN = Fan(command_topic="set", percentage_value_key="speed", speed_range_max=3, preset_modes=("auto",))
PLAIN_FAN = Fan(schema="plain", command_topic="power", percentage_command_topic="speed")
SCENE = Scene(command_topic="group", payload_on=f' {{"scene_recall": 3, "note": "{"x" * 300}"}}')

NESTED = Light(
    command_topic="set", value_key="a.on", brightness_value_key="a.level", supported_color_modes=("brightness",)
)

Messages = tuple[tuple[str, bytes], ...]


@pytest.mark.parametrize(
    ("device", "asked", "messages", "says"),
    [
        (BULB, {"on": True}, (("set", b'{"state":"ON"}'),), "it: on"),
        (BULB, {"on": False}, (("set", b'{"state":"OFF"}'),), "it: off"),
        (BULB, {"on": False, "brightness_percent": 40}, (("set", b'{"state":"OFF"}'),), "it: off"),
        (BULB, {"brightness_percent": 0}, (("set", b'{"state":"OFF"}'),), "it: off"),
        (BULB, {"on": None, "brightness_percent": 0, "color": None}, (("set", b'{"state":"OFF"}'),), "it: off"),
        (
            BULB,
            {"brightness_percent": 40},
            (("set", b'{"brightness":102,"state":"ON"}'),),
            "it: on, brightness 40 %",
        ),
        (
            BULB,
            {"color_temperature_k": 2_700, "brightness_percent": 100},
            (("set", b'{"brightness":254,"color_temp":370,"state":"ON"}'),),
            "it: on, brightness 100 %, 2700 K",
        ),
        (
            BULB,
            {"color": "blue"},
            (("set", b'{"color":{"r":0,"g":0,"b":255},"state":"ON"}'),),
            "it: on, colour #0000ff",
        ),
        (RELAY_LIGHT, {"brightness_percent": 0}, (("set", b'{"state":"OFF"}'),), "it: off"),
        (
            TASMOTA,
            {"brightness_percent": 40, "color": "red"},
            (("Dimmer", b"40"), ("Color", b"255,0,0"), ("POWER", b"ON")),
            "it: on, brightness 40 %, colour #ff0000",
        ),
        (GANGED, {"on": True}, (("set", b'{"left":{"state":"ON"}}'),), "it: on"),
        (CLASHING, {"brightness_percent": 100}, (("set", b'{"a":{"on":"ON"}}'),), "it: on, brightness 100 %"),
        (
            NESTED,
            {"brightness_percent": 100},
            (("set", b'{"a":{"level":254,"on":"ON"}}'),),
            "it: on, brightness 100 %",
        ),
        (BLIND, {"action": "close"}, (("set", b'{"state":"CLOSE"}'),), "it: close"),
        (BLIND, {"position_percent": 30}, (("set", b'{"position":30}'),), "it: position 30 %"),
        (GARAGE, {"action": "open"}, (("set", b"OPEN"),), "it: open"),
        (GARAGE, {"position_percent": 100}, (("set", b"OPEN"),), "it: open"),
        (GARAGE, {"position_percent": 0.0}, (("set", b"CLOSE"),), "it: close"),
        (
            VALVE,
            {"target_temperature": 21.5, "mode": "Heat"},
            (("set", b'{"current_heating_setpoint":21.5,"system_mode":"heat"}'),),
            "it: 21.5 degrees, mode heat",
        ),
        (PLAIN_CLIMATE, {"target_temperature": 21}, (("temp", b"21"),), "it: 21 degrees"),
        (FAN, {"speed_percent": 66}, (("set", b'{"state":"ON","speed":2}'),), "it: on, speed 66 %"),
        (FAN, {"mode": "auto"}, (("set", b'{"fan_mode":"auto"}'),), "it: mode auto"),
        (PLAIN_FAN, {"speed_percent": 10}, (("power", b"ON"), ("speed", b"10")), "it: on, speed 10 %"),
        (SCENE, {}, (("group", SCENE.payload_on.encode()),), "it: activate"),
    ],
)
def test_a_wish_becomes_messages_in_their_order(
    device: Device, asked: Mapping[str, Json], messages: Messages, says: str
) -> None:
    """One object for a JSON device, one text per property for a plain one, the owner's payloads to the byte."""
    ordered = command(wire("it", device), "it", asked)

    assert (ordered.messages, ordered.says) == (messages, says)
    assert (ordered.device_id, ordered.device) == ("it", "it")


@pytest.mark.parametrize(
    ("device", "asked", "code", "explanation"),
    [
        (
            BULB,
            {},
            "nothing_to_do",
            "Say what to change: brightness_percent, color_temperature_k, color, on.",
        ),
        (
            RELAY_LIGHT,
            {"brightness_percent": 40},
            "not_supported",
            "The it has no brightness_percent; it takes on.",
        ),
        (
            BULB,
            {"brightness_percent": 140},
            "invalid_argument",
            "brightness_percent of the it must be a whole number from 1 to 100.",
        ),
        (
            BULB,
            {"on": True, "brightness_percent": 0},
            "invalid_argument",
            "brightness_percent of the it must be a whole number from 1 to 100.",
        ),
        (
            BULB,
            {"color": "red", "color_temperature_k": 2_700},
            "invalid_argument",
            "Give either color or color_temperature_k, not both.",
        ),
        (
            BLIND,
            {"action": "open", "position_percent": 50},
            "invalid_argument",
            "Give either action or position_percent, not both.",
        ),
        (GARAGE, {"action": "stop"}, "invalid_argument", "action of the it must be one of open, close."),
        (
            GARAGE,
            {"position_percent": 50},
            "not_supported",
            "The it has no position_percent; it takes action.",
        ),
        (
            GARAGE,
            {"position_percent": "100"},
            "not_supported",
            "The it has no position_percent; it takes action.",
        ),
        (
            GARAGE,
            {"position_percent": False},
            "not_supported",
            "The it has no position_percent; it takes action.",
        ),
        (
            VALVE,
            {"target_temperature": 50},
            "invalid_argument",
            "target_temperature of the it must be a number from 7 to 30 °C.",
        ),
    ],
)
def test_what_the_device_cannot_do_is_refused_with_what_it_can(
    device: Device, asked: Mapping[str, Json], code: str, explanation: str
) -> None:
    """The sentence names the allowed range or the arguments that there are, so that the next call can be right."""
    with pytest.raises(CallRefused) as caught:
        command(wire("it", device), "it", asked)

    assert (caught.value.code, caught.value.explanation) == (code, explanation)


def test_a_device_is_expected_to_report_what_it_was_told() -> None:
    """Every property with a gauge is a goal; without any report topic nothing can be expected."""
    dimmed = command(wire("it", BULB), "it", {"brightness_percent": 40})
    switched = command(wire("it", TASMOTA), "it", {"brightness_percent": 40})
    silent = command(wire("it", RELAY_LIGHT), "it", {"on": True})

    on = Goal("on", Switched("ON", "OFF"), value=True)
    assert dimmed.expectation == Reached((Goal("brightness_percent", brightness(254), 40), on))
    assert switched.expectation == Reached((on,))
    assert silent.expectation is None


def test_a_cover_is_expected_to_move_or_to_halt() -> None:
    """Words become positions; a cover without a report is believed nothing."""
    wiring = wire("it", BLIND)

    assert command(wiring, "it", {"action": "open"}).expectation == Moved(100)
    assert command(wiring, "it", {"action": "close"}).expectation == Moved(0)
    assert command(wiring, "it", {"position_percent": 30}).expectation == Moved(30)
    assert command(wiring, "it", {"action": "stop"}).expectation == Halted()
    assert command(wire("it", GARAGE), "it", {"action": "open"}).expectation is None
