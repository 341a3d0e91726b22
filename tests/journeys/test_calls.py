"""Function calls of the model: what acts, what is only said to have acted, and what must never act late or twice."""

import json
from pathlib import Path
from typing import Any, Final

from tests.doubles.realtime import Call, Reply, Scenario, Speech, reply
from tests.doubles.realtime.audio import noise
from tests.doubles.settings_file import Tables
from tests.journeys.household import LAMP, Household, Plan
from tests.journeys.stage import journey
from tests.journeys.turns import WAITING_S, ask, turns_ended

SETTINGS: Final[Tables] = {"gate": {"follow_up_s": 0.0}}
LIGHT_ON = Call("set_light", {"device": ["kitchen_light"], "on": True})
COFFEE_ON = Call("set_switch", {"device": ["coffee_machine"], "on": True})
SPOKEN = reply(Speech(noise(300), "Well."))
AT_ONCE_S = 1.0
SUBSCRIBED = "Sending SUBACK to hearthd-kitchen"
"""In the broker's log."""
WISH = "turn on the kitchen light"


def results(home: Household) -> list[dict[str, Any]]:
    """What the model was told, call by call."""
    return [json.loads(output.output) for output in home.server.record.outputs]


@journey
async def test_two_calls_of_one_response_are_answered_before_the_model_goes_on(folder: Path) -> None:
    """Both act, each is answered once, and only then one response is asked for."""
    scenario = Scenario(replies=[reply(LIGHT_ON, COFFEE_ON), SPOKEN])
    async with Household(folder, Plan(scenario=scenario, settings=SETTINGS)) as home:
        turn = await ask(home, WISH)
        spoken = await home.server.response(2, timeout_s=WAITING_S)
        await home.settled(after_s=turn.committed_at_s)
        assert [(result["ok"], result["device"], result["confirmed"]) for result in results(home)] == [
            (True, LAMP, True),
            (True, "coffee machine", True),
        ]
        assert {command.appliance: command.payload for command in home.appliances.commands} == {
            LAMP: '{"state":"ON"}',
            "coffee": "ON",
        }
        assert len(spoken.request.outputs) == len(home.server.record.responses) == 2
        await turns_ended(home, "answered")
        home.server.assert_complete()


@journey
async def test_a_call_that_is_announced_twice_acts_once(folder: Path) -> None:
    """Repeated events and a call identifier that comes again switch nothing a second time."""
    twice = frozenset({"response.function_call_arguments.done", "response.output_item.done"})
    call = Call(LIGHT_ON.name, LIGHT_ON.arguments, call_id="call_1")
    scenario = Scenario(replies=[Reply((call,), repeat=twice), SPOKEN, reply(call)])
    async with Household(folder, Plan(scenario=scenario, settings={"gate": {"follow_up_s": 6.0}})) as home:
        await ask(home, WISH)
        await home.server.response(2, timeout_s=WAITING_S)
        await home.wait_phase("follow_up")
        turn = await ask(home, WISH)
        again = await home.server.response(3, timeout_s=WAITING_S)
        await home.wait_phase("follow_up", after_s=turn.committed_at_s)
        assert [item.call_id for item in again.items] == ["call_1"]
        assert [result["ok"] for result in results(home)] == [True]
        assert [command.payload for command in home.appliances.commands] == ['{"state":"ON"}']
        home.server.assert_complete()


@journey
async def test_a_lamp_that_never_reports_is_never_said_to_be_on(folder: Path) -> None:
    """The model is told that there was no confirmation, within the deadline of a call."""
    scenario = Scenario(replies=[reply(LIGHT_ON), SPOKEN])
    async with Household(folder, Plan(scenario=scenario, settings=SETTINGS)) as home:
        home.appliances[LAMP].deaf = True
        turn = await ask(home, WISH)
        spoken = await home.server.response(2, timeout_s=WAITING_S)
        await home.settled(after_s=turn.committed_at_s)
        [result] = results(home)
        assert (result["ok"], result["error"], result["device"]) == (False, "no_confirmation", LAMP)
        assert result["state"]["on"] is False
        assert len(home.appliances.commands) == 1
        assert spoken.request.outputs[0].at_s - turn.committed_at_s < 6.0
        home.server.assert_complete()


@journey
async def test_without_a_broker_a_call_fails_at_once_and_does_not_act_later(folder: Path) -> None:
    """The model is told so without a wait; when the broker is back, the lamp that nobody may expect stays off."""
    scenario = Scenario(replies=[reply(LIGHT_ON), SPOKEN, reply(LIGHT_ON), SPOKEN])
    async with Household(folder, Plan(scenario=scenario, settings=SETTINGS)) as home:
        await home.broker.stop()
        await home.room.say("okay nabu", WISH)
        called = await home.server.wait_for("response.function_call_arguments.done", timeout_s=WAITING_S)
        await home.server.response(2, timeout_s=WAITING_S)
        [result] = results(home)
        assert (result["ok"], result["error"]) == (False, "broker_unavailable")
        assert home.server.record.outputs[0].at_s - called.at_s < AT_ONCE_S
        went = home.daemon.journal.where(lambda line: line.fields.get("event") == "broker_down")
        assert len(went) == 1
        await home.broker.start()
        await home.appliances.present.wait()
        await home.watch.present.wait()
        await home.seen(lambda: home.broker.log.count(SUBSCRIBED) == 2, "hearthd is back and hears what is asked of it")
        await ask(home, WISH)  # what acts from now on was asked for from now on
        await home.server.response(4, timeout_s=WAITING_S)
        assert [command.payload for command in home.appliances.commands] == ['{"state":"ON"}']
        assert [result["ok"] for result in results(home)] == [False, True]
        home.server.assert_complete()
