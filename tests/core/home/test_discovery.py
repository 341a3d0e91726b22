"""How Home Assistant finds the room."""

import re

import msgspec

from hearthd.core.home.discovery import birth_topic, discovery
from hearthd.core.home.topics import RoomState, RoomTopics

TOPICS = RoomTopics("hearthd", "Living Room")
TOPIC, PAYLOAD = discovery(TOPICS, "homeassistant", "Living Room", "1.2.3")
DEVICE = msgspec.json.decode(PAYLOAD)


def test_one_message_describes_the_device() -> None:
    """Topic, device and origin are as Home Assistant's device discovery wants them."""
    assert TOPIC == "homeassistant/device/hearthd_living_room/config"
    assert DEVICE["dev"] == {
        "ids": ["hearthd_living_room"],
        "name": "Living Room",
        "mf": "hearthd",
        "mdl": "Smart speaker",
        "sw": "1.2.3",
    }
    assert DEVICE["o"] == {"name": "hearthd", "sw": "1.2.3"}
    assert DEVICE["availability_topic"] == "hearthd/living_room/availability"
    assert birth_topic("homeassistant") == "homeassistant/status"


def test_every_component_has_a_platform_and_identifiers_of_its_own() -> None:
    """Home Assistant drops components without them; entity identifiers follow the room."""
    assert {name: part["p"] for name, part in DEVICE["cmps"].items()} == {
        "mute": "switch",
        "volume": "number",
        "listen": "button",
        "stop": "button",
        "say": "notify",
        "announce": "notify",
        "phase": "sensor",
        "link": "sensor",
        "server": "sensor",
    }
    for name, part in DEVICE["cmps"].items():
        assert part["unique_id"] == f"hearthd_living_room_{name}"
        assert part["default_entity_id"] == f"{part['p']}.hearthd_living_room_{name}"


def test_every_command_topic_is_offered_once() -> None:
    """What Home Assistant can press is exactly what we listen to."""
    offered = [part["command_topic"] for part in DEVICE["cmps"].values() if "command_topic" in part]

    assert sorted(offered) == sorted(TOPICS.commands())


def test_templates_read_keys_that_the_state_has() -> None:
    """A renamed key would leave an entity unknown for ever."""
    keys = set(RoomState.__struct_fields__)
    templates = [part for part in DEVICE["cmps"].values() if "value_template" in part]

    for part in templates:
        assert part["state_topic"] == TOPICS.state
        assert set(re.findall(r"value_json\.(\w+)", part["value_template"])) <= keys
    assert len(templates) == 5
