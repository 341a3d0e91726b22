"""What a family hears of the results that `engine.home` writes."""

import json

import pytest

from hearthd.offline.mind.answers import answer
from hearthd.offline.mind.understanding import FunctionCall

ON = {"on": True}


def done(device: str, **state: object) -> dict[str, object]:
    """Return the result of a confirmed command."""
    return {"ok": True, "device": device, "state": state, "confirmed": True}


def known(device: str, **state: object) -> dict[str, object]:
    """Return a reading."""
    return {"ok": True, "device": device, "state": state}


def failed(error: str, explanation: str, device: str = "") -> dict[str, object]:
    """Return a failure."""
    return {"ok": False, **({"device": device} if device else {}), "error": error, "explanation": explanation}


def several(*results: dict[str, object]) -> dict[str, object]:
    """Return the results of one call for several devices."""
    return {"ok": all(result["ok"] for result in results), "devices": list(results)}


def say(result: object, expected: str = "", name: str = "set_light", says: str = "do it", **arguments: object) -> str:
    """Return the answer to one call with one output."""
    output = result if isinstance(result, str) else json.dumps(result)
    return answer([FunctionCall(name, json.dumps(arguments), says)], {0: output}, expected).text


UNSURE = "sent; this device does not report its state"
LATE = "The hall light did not confirm in time"

COMMANDS = [
    (done("kitchen light", on=True, brightness_percent=80), {"on": True}, "The kitchen light is on."),
    (done("kettle", on=True), {"on": True}, "The kettle is on."),
    (done("kettle", on=False), {"on": False}, "The kettle is off."),
    (
        done("desk lamp", on=True, brightness_percent=50),
        {"brightness_percent": 50},
        "The desk lamp is at fifty percent.",
    ),
    (done("desk lamp", on=True, color="#ff0000"), {"color": "red"}, "The desk lamp is red."),
    (done("desk lamp", color="#102030"), {"color": "#102030"}, "The desk lamp is in the colour you asked for."),
    (done("desk lamp", color_temperature_k=2_703), {"color_temperature_k": 2_700}, "The desk lamp is warm white."),
    (done("desk lamp", color_temperature_k=4_000), {"color_temperature_k": 4_000}, "The desk lamp is neutral white."),
    (done("desk lamp", color_temperature_k=5_500), {"color_temperature_k": 5_500}, "The desk lamp is cool white."),
    (done("blinds", state="opening"), {"action": "open"}, "The blinds are opening."),
    (done("blinds", position_percent=100), {"action": "open"}, "The blinds are open."),
    (done("blinds", position_percent=40), {"action": "stop"}, "The blinds have stopped."),
    (done("blinds", position_percent=50), {"position_percent": 50}, "The blinds are at fifty percent."),
    (
        done("heating", target_temperature=21.5, mode="heat"),
        {"target_temperature": 21.5},
        "The heating is set to twenty one point five degrees.",
    ),
    (done("heating", mode="off"), {"mode": "off"}, "The heating is off."),
    (done("heating", mode="auto"), {"mode": "auto"}, "The heating is set to auto."),
    (done("fan", on=True, speed_percent=33), {"speed_percent": 33}, "The fan is at thirty three percent."),
    ({"ok": True, "device": "fan"}, {}, "The fan is done."),
    (
        {"ok": True, "device": "fan", "confirmed": False, "note": UNSURE},
        {"on": True},
        "I sent it to the fan, but it does not report back.",
    ),
    (failed("no_confirmation", f"{LATE}.", "hall light"), ON, "The hall light did not answer."),
    (
        failed("no_confirmation", f"{LATE}; it was last reported to be offline.", "hall light"),
        ON,
        "I could not reach the hall light.",
    ),
    (
        failed("broker_unavailable", "Nobody knows whether the kettle was told: no answer.", "kettle"),
        ON,
        "I do not know whether the kettle got that: the house does not answer.",
    ),
    (
        failed("broker_unavailable", "There is no connection to the house right now."),
        ON,
        "There is no connection to the house right now.",
    ),
    (failed("not_supported", "The kettle has no color; it takes on."), {"color": "red"}, "The kettle cannot do that."),
    (failed("not_supported", "No."), {}, "No."),
    (failed("odd", ""), {}, "That did not work."),
]

READINGS = [
    (known("front door", value="closed"), "The front door is closed."),
    (known("kitchen temperature", value=21.46, unit="°C"), "The kitchen temperature is twenty one point five degrees."),
    (known("freezer", value=-18, unit="°C"), "The freezer is minus eighteen degrees."),
    (known("leak", value=True), "The leak is on."),
    (known("lamp", on=True, brightness_percent=40), "The lamp is on at forty percent."),
    (known("lamp", on=False, brightness_percent=40), "The lamp is off."),
    (known("blinds", state="closed", position_percent=0), "The blinds are closed."),
    (known("blinds", position_percent=30), "The blinds are at thirty percent."),
    (known("blinds", position_percent=0), "The blinds are closed."),
    (
        known("heating", current_temperature=20.5, target_temperature=21, mode="heat"),
        "The heating is at twenty point five degrees and is set to twenty one degrees.",
    ),
    (known("heating", current_temperature=18, mode="off"), "The heating is at eighteen degrees and is off."),
    (known("lamp", available=False, on=True), "The lamp is offline."),
    (known("lamp", on=True, outdated=True), "The lamp is on, as far as I last heard."),
    (known("lamp", strange={}), "The lamp has reported nothing that I can say."),
    (
        failed("no_report", "The front door has not reported its state yet.", "front door"),
        "The front door has not reported anything yet.",
    ),
]


@pytest.mark.parametrize(("result", "arguments", "text"), COMMANDS)
def test_a_command_is_answered_with_what_came_of_it(
    result: dict[str, object], arguments: dict[str, object], text: str
) -> None:
    """The answer tells the property that was asked for, as the device reported it, or what went wrong."""
    output = json.dumps(result)
    call = FunctionCall("set_light", json.dumps(arguments))
    assert text == answer([call], {0: output}).text


@pytest.mark.parametrize(("result", "text"), READINGS)
def test_a_reading_is_told_with_its_unit(result: dict[str, object], text: str) -> None:
    """Values come in words, with what is known of their age."""
    assert text == say(result, name="read_state")


def test_a_scene_is_started() -> None:
    """Scenes never report, so nothing is said about that."""
    result = {"ok": True, "device": "movie night", "confirmed": False, "note": UNSURE}
    assert say(result, name="activate_scene") == "I started movie night."


def test_what_several_devices_share_is_said_once() -> None:
    """Two are named in one sentence, with the verb for two."""
    result = several(done("kitchen light", on=True), done("desk lamp", on=True))
    assert say(result, on=True) == "The kitchen light and the desk lamp are on."


def test_of_many_devices_the_number_is_told() -> None:
    """Nobody wants to hear ten names."""
    assert say(several(*(done(f"light {n}", on=False) for n in range(10))), on=False) == "All ten are off."


def test_a_partly_failed_command_tells_both() -> None:
    """What worked comes first, what did not is named."""
    lost = failed("no_confirmation", f"{LATE}; it was last reported to be offline.", "hall light")
    result = several(lost, *(done(f"light {n}", on=False) for n in range(4)))
    assert say(result, on=False) == "Four of them are off. I could not reach the hall light."


def test_several_calls_are_answered_together() -> None:
    """One utterance gets one answer, and a call without an output is not passed over in silence."""
    calls = [
        FunctionCall("set_light", '{"on":true}'),
        FunctionCall("set_switch", '{"on":true}'),
        FunctionCall("x", "{}"),
    ]
    outputs = {0: json.dumps(done("lamp", on=True)), 1: json.dumps(done("kettle", on=True))}
    text = "The lamp and the kettle are on. I do not know whether that worked."
    assert text == answer(calls, outputs).text


@pytest.mark.parametrize(
    ("value", "expected", "text"),
    [
        ("open", "open", "Yes, the front door is open."),
        ("closed", "open", "No, the front door is closed."),
        ("ajar", "open", "The front door is ajar."),
        ("open", "", "The front door is open."),
    ],
)
def test_a_question_gets_a_yes_or_a_no(value: str, expected: str, text: str) -> None:
    """Where the report agrees with the question's word, or contradicts it."""
    assert text == say(known("front door", value=value), expected, name="read_state")


def test_a_failed_question_gets_neither() -> None:
    """Nobody knows, so neither yes nor no is said."""
    assert say(failed("no_report", "", "door"), "open") == "The door has not reported anything yet."


def test_what_needs_a_yes_is_asked_and_given_back() -> None:
    """The house's policy held one of two calls back: the other one's result is told, and the first is asked about."""
    held = FunctionCall("move_cover", '{"device":["garage_door"],"action":"open"}', "open the garage door")
    calls = [FunctionCall("set_light", '{"on":true}'), held]
    outputs = {0: json.dumps(done("lamp", on=True)), 1: json.dumps(failed("needs_confirmation", "Not done yet."))}
    answered = answer(calls, outputs)
    assert answered.text == "The lamp is on. Should I really open the garage door?"
    assert answered.held == (held,)


@pytest.mark.parametrize("output", ["[" * 100_000, '{"ok": true, "devices": []}', '{"ok": 1}', "\ud800", '{"a":'])
def test_garbled_outputs_are_survived(output: str) -> None:
    """Whatever a function returns, something is said and nothing is claimed."""
    said = say(output)
    assert said
    assert "is on" not in said


def test_arguments_that_are_no_object_are_survived() -> None:
    """The state is told as it is."""
    assert answer([FunctionCall("f", "[]")], {0: json.dumps(done("lamp", on=True))}).text == "The lamp is on."
