"""How Home Assistant finds this room: one retained message that describes the whole device (HA 2024.11 or newer)."""

from collections.abc import Mapping

import msgspec

from hearthd.core.home.numerals import Json
from hearthd.core.home.topics import RoomTopics, room_slug


def discovery(topics: RoomTopics, prefix: str, room: str, version: str) -> tuple[str, bytes]:
    """Return topic and payload of the room's device discovery; publish it retained.

    `prefix` is Home Assistant's discovery prefix, `room` the name people call the room, `version` our own. Publish
    again when `birth_topic(prefix)` says `online`: Home Assistant has restarted.
    """
    node = f"hearthd_{room_slug(room)}"
    payload: dict[str, Json] = {
        "dev": {"ids": [node], "name": room, "mf": "hearthd", "mdl": "Smart speaker", "sw": version},
        "o": {"name": "hearthd", "sw": version},
        "cmps": {
            name: {
                "unique_id": f"{node}_{name}",
                "default_entity_id": f"{parts['p']}.{node}_{name}",
                "qos": 1,
                **parts,
            }
            for name, parts in _components(topics).items()
        },
        "availability_topic": topics.availability,
    }
    return f"{prefix}/device/{node}/config", msgspec.json.encode(payload)


def birth_topic(prefix: str) -> str:
    """Return where Home Assistant says `online` after it has started."""
    return f"{prefix}/status"


def _components(topics: RoomTopics) -> Mapping[str, Mapping[str, Json]]:
    """Return what the room offers; keys are Home Assistant's own, by platform (`p`)."""
    return {
        "mute": {
            "p": "switch",
            "name": "Mute",
            "icon": "mdi:microphone-off",
            "command_topic": topics.set_mute,
            "state_topic": topics.state,
            "value_template": "{{ 'ON' if value_json.mic == 'muted' else 'OFF' }}",
        },
        "volume": {
            "p": "number",
            "name": "Volume",
            "icon": "mdi:volume-high",
            "command_topic": topics.set_volume,
            "state_topic": topics.state,
            "value_template": "{{ value_json.volume_percent }}",
            "unit_of_measurement": "%",
            "min": 0,
            "max": 100,
            "step": 1,
        },
        "listen": {"p": "button", "name": "Listen", "icon": "mdi:ear-hearing", "command_topic": topics.listen},
        "stop": {"p": "button", "name": "Stop", "icon": "mdi:stop", "command_topic": topics.stop},
        "say": {"p": "notify", "name": "Say", "command_topic": topics.say},
        "announce": {"p": "notify", "name": "Announce", "command_topic": topics.announce},
        "phase": _sensor("Phase", "mdi:account-voice", topics.state, "phase"),
        "link": {
            **_sensor("Link", "mdi:lan-connect", topics.state, "link"),
            "entity_category": "diagnostic",
        },
        "server": {
            **_sensor("Server", "mdi:server-network", topics.state, "server"),
            "entity_category": "diagnostic",
        },
    }


def _sensor(name: str, icon: str, topic: str, key: str) -> dict[str, Json]:
    return {
        "p": "sensor",
        "name": name,
        "icon": icon,
        "state_topic": topic,
        "value_template": f"{{{{ value_json.{key} }}}}",
    }
