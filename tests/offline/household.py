"""A house of thirty devices, as its owner writes it, and as a session describes it."""

import tomllib
from functools import cache

import msgspec

from hearthd.core.home.catalogue import Catalogue
from hearthd.core.home.devices import Devices
from hearthd.offline.mind.house import House

HERE = "kitchen"
"""The room that the speaker stands in."""

DEVICES_TOML = """
[kitchen_light]
type = "light"
supported_color_modes = ["color_temp"]
area = "kitchen"
aliases = ["ceiling light"]
[kitchen_counter]
type = "light"
name = "counter light"
area = "kitchen"
supported_color_modes = ["brightness"]
[living_room_lamp]
type = "light"
area = "living room"
supported_color_modes = ["rgb", "color_temp"]
[reading_lamp]
type = "light"
area = "living room"
supported_color_modes = ["brightness"]
[bedroom_lamp]
type = "light"
area = "bedroom"
supported_color_modes = ["rgb", "color_temp"]
[bedside_lamp]
type = "light"
area = "bedroom"
aliases = ["night lamp"]
supported_color_modes = ["brightness"]
[desk_lamp]
type = "light"
area = "office"
supported_color_modes = ["rgb"]
[bathroom_light]
type = "light"
area = "bathroom"
[hall_light]
type = "light"
area = "hall"
[porch_light]
type = "light"
area = "porch"
[coffee_machine]
type = "switch"
area = "kitchen"
[kettle]
type = "switch"
area = "kitchen"
[television]
type = "switch"
area = "living room"
aliases = ["tv"]
[printer]
type = "switch"
area = "office"
[washing_machine]
type = "switch"
area = "laundry"
[kitchen_blinds]
type = "cover"
area = "kitchen"
[living_room_curtains]
type = "cover"
area = "living room"
[bedroom_blinds]
type = "cover"
area = "bedroom"
[garage_door]
type = "cover"
device_class = "garage"
[living_room_heating]
type = "climate"
area = "living room"
modes = ["off", "heat", "auto"]
[bedroom_heating]
type = "climate"
area = "bedroom"
modes = ["off", "heat", "auto"]
[bathroom_heating]
type = "climate"
area = "bathroom"
[bedroom_fan]
type = "fan"
area = "bedroom"
percentage_value_key = "speed"
[office_fan]
type = "fan"
area = "office"
percentage_value_key = "speed"
[movie_night]
type = "scene"
[good_night]
type = "scene"
[kitchen_temperature]
type = "sensor"
area = "kitchen"
unit_of_measurement = "°C"
[bathroom_humidity]
type = "sensor"
area = "bathroom"
unit_of_measurement = "%"
[front_door]
type = "sensor"
area = "hall"
meanings = { true = "closed", false = "open" }
[bedroom_window]
type = "sensor"
area = "bedroom"
meanings = { true = "closed", false = "open" }
"""
"""Names and kinds alone; topics follow from them."""


def described(devices_toml: str) -> Devices:
    """Return devices on topics named after them."""
    tables = tomllib.loads(devices_toml)
    for name, table in tables.items():
        topics = {"command_topic": f"home/{name}/set", "state_topic": f"home/{name}"}
        wanted = {"sensor": ("state_topic",), "scene": ("command_topic",)}.get(table["type"], tuple(topics))
        table.update({topic: topics[topic] for topic in wanted})
    return msgspec.convert(tables, Devices)


@cache
def catalogue(devices_toml: str = DEVICES_TOML, here: str = HERE) -> Catalogue:
    """Return the house as hearthd itself knows it."""
    return Catalogue(described(devices_toml), here)


@cache
def house(devices_toml: str = DEVICES_TOML, here: str = HERE) -> House:
    """Return the house as the embedded server reads it from a session."""
    known = catalogue(devices_toml, here)
    return House(known.tools(), f"Be brief.\n{known.instructions()}")
