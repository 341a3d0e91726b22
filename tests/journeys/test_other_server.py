"""The network goes without a word, and comes back: what was said is carried out all the same, once, by this machine."""

import time
from pathlib import Path
from typing import Final

from tests.doubles.realtime import Scenario, Speech, reply
from tests.doubles.realtime.audio import noise
from tests.doubles.settings_file import Tables
from tests.journeys.household import LAMP, Household, Plan
from tests.journeys.stage import journey
from tests.journeys.turns import WAITING_S, ask

SETTINGS: Final[Tables] = {"gate": {"follow_up_s": 0.0}, "offline": {"enabled": True}}
WISH: Final = "turn on the kitchen light"
SHORT: Final = Speech(noise(300, seed=12), "Well.")
BACK_WITHIN_S: Final = 30.0
"""An attempt that was under way may hang for 10 s."""


@journey(limit_s=120.0)
async def test_what_was_said_to_a_server_that_vanished_is_carried_out_by_this_machine(folder: Path) -> None:
    """Nobody says it again: recognised from its sound, told why, and the next conversation is online again."""
    scenario = Scenario(replies=[reply(SHORT)] * 2)  # one for what the frozen server finds when it thaws
    async with Household(folder, Plan(scenario=scenario, settings=SETTINGS)) as home:
        home.server.freeze()
        asked_s = await home.watch.publish("listen")
        await home.wait_phase("listening", after_s=asked_s)
        await home.room.say(WISH)
        await home.watch.shows(server="offline", link="ready", after_s=asked_s, timeout_s=2 * WAITING_S)
        await home.appliances.told(LAMP, '{"state": "ON"}', timeout_s=WAITING_S)
        turn = await home.watch.event("turn", after_s=asked_s, timeout_s=3 * WAITING_S)
        assert (turn.document["outcome"], turn.document["server"], turn.document["calls"]) == ("answered", "offline", 1)

        home.server.thaw()
        thawed_s = time.monotonic()
        await home.watch.shows(server="online", link="ready", phase="idle", after_s=thawed_s, timeout_s=BACK_WITHIN_S)
        await ask(home, "how are you")
        ended = await home.watch.event("turn", after_s=thawed_s, timeout_s=WAITING_S)
        assert (ended.document["outcome"], ended.document["server"]) == ("answered", "online")
        assert [command.payload for command in home.appliances.commands] == ['{"state":"ON"}']
        changes = [event.document["server"] for event in home.watch.events("server")]
        assert changes == ["offline", "online"]
