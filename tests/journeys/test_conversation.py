"""The main job, whole: a spoken command in through ALSA, a lamp switched over MQTT, speech out through ALSA."""

import json
from pathlib import Path

from tests.doubles.realtime import Call, Scenario, Speech, reply
from tests.doubles.realtime.audio import noise
from tests.journeys.household import LAMP, Household, Plan
from tests.journeys.stage import journey

SWITCH_ON = Call("set_light", {"device": ["kitchen_light"], "on": True})


@journey
async def test_a_spoken_command_switches_the_lamp_and_is_answered(folder: Path) -> None:
    """Wake, utterance, call, lamp, confirmed state, reply, follow-up without a wake word, rest, in that order."""
    answer, farewell = noise(1_200, seed=1), noise(800, seed=2)
    scenario = Scenario(
        replies=[reply(SWITCH_ON), reply(Speech(answer, "It is on.")), reply(Speech(farewell, "You are welcome."))]
    )
    settings = {"gate": {"follow_up_s": 3.0}}
    async with Household(folder, Plan(scenario=scenario, settings=settings)) as home:
        wake, wish = await home.room.say("okay nabu", "turn on the kitchen light")
        woken = await home.watch.event("wake", after_s=wake.begins_s)
        command = await home.appliances.told(LAMP, '{"state": "ON"}')
        turn = await home.server.turn(1)
        result = (await home.server.response(2)).request.outputs[0]
        follow_up = await home.wait_phase("follow_up")
        (thanks,) = await home.room.say("thank you very much")
        second = await home.server.turn(2, timeout_s=10)
        idle = await home.wait_phase("idle", after_s=second.committed_at_s)
        ending = await home.stop()

        assert (woken.document["word"], json.loads(home.appliances[LAMP].report)["state"]) == ("okay_nabu", "ON")
        assert json.loads(result.output) == {
            "ok": True,
            "device": "kitchen light",
            "state": {"on": True, "brightness_percent": 100},
            "confirmed": True,
        }
        told_at_s = home.appliances[LAMP].obeyed_at_s[0]
        onset_s = home.card.onset_s(turn.committed_at_s)
        assert onset_s is not None
        assert wake.begins_s < woken.at_s < follow_up.at_s  # the broker and the server tell of it independently
        moments = [
            wake.begins_s,
            turn.first_append_at_s,
            wish.ends_s,
            turn.committed_at_s,
            command.at_s,
            told_at_s,
            result.at_s,
            onset_s,
            follow_up.at_s,
            thanks.begins_s,
            second.first_append_at_s,
            second.committed_at_s,
            idle.at_s,
        ]
        assert moments == sorted(moments)
        events = [message.document["event"] for message in home.watch.events()]
        assert events == ["wake", "utterance", "call", "reply", "turn", "utterance", "reply", "turn"]
        assert [one.payload for one in home.appliances.commands] == ['{"state":"ON"}']
        assert ending.exit_code == 0
        home.server.assert_complete()
