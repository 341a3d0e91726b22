"""What is said in the demo, by whom, in which house, and what must come of it."""

import json
from dataclasses import dataclass
from typing import Final

from tests.doubles.appliances import Appliance, zigbee_lamp
from tests.doubles.settings_file import Tables
from tests.journeys.household import LAMP, Plan

BEDROOM_LAMP: Final = "bedroom lamp"
_DOOR_TOPIC: Final = "zigbee2mqtt/front door"
_SETTINGS: Final[Tables] = {
    "devices": {
        "bedroom_lamp": {
            "type": "light",
            "area": "bedroom",
            "command_topic": f"zigbee2mqtt/{BEDROOM_LAMP}/set",
            "state_topic": f"zigbee2mqtt/{BEDROOM_LAMP}",
            "supported_color_modes": ["brightness"],
        },
        "front_door": {
            "type": "sensor",
            "state_topic": _DOOR_TOPIC,
            "value_key": "contact",
            "meanings": {"true": "closed", "false": "open"},
        },
    },
    # Everybody says the wake word, so that everybody can be seen to wake hearthd.
    "gate": {"follow_up_s": 0.0},
    # What was recognised is what there is to show.
    "realtime": {"transcription": "offline"},
    "log": {"transcripts": True},
}


@dataclass(frozen=True, slots=True)
class Act:
    """One wish."""

    wish: str
    voice: str
    """One of flite's, each of which the wake word's model hears well."""
    switches: str = ""
    """The lamp that must be told something; nothing else may be."""
    to: str = ""
    """What it must be told, and report, as JSON."""
    says: str = ""
    """What the answer must tell."""
    known: bool = True
    """Whether it is something that a house can do."""


ACTS: Final = (
    Act("turn on the kitchen light", "rms", switches=LAMP, to='{"state": "ON"}'),
    Act(
        "set the bedroom lamp to fifty percent", "kal16", switches=BEDROOM_LAMP, to='{"state": "ON", "brightness": 127}'
    ),
    Act("is the front door open", "rms", says="the front door is open"),
    Act("order a large coffee with milk", "awb", known=False),
)
INTERRUPTED: Final = Act("what can you do", "rms")
"""Has a long answer."""
INTERRUPTER: Final = Act("turn off the kitchen light", "rms", switches=LAMP, to='{"state": "OFF"}')


def plan() -> Plan:
    """Return a house without any server but the embedded one."""
    door = Appliance("front door", "", _DOOR_TOPIC, json.dumps({"contact": False}))
    return Plan(online=False, offline=True, appliances=(zigbee_lamp(BEDROOM_LAMP), door), settings=_SETTINGS)
