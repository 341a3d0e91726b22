"""What can be said in a house: our own session's functions and everybody else's."""

import json
import random

import pytest

from hearthd.core.realtime.session import FunctionTool
from hearthd.offline.mind.grammar import size
from hearthd.offline.mind.house import WIDEST, House
from hearthd.offline.mind.understanding import FunctionCall, interpret
from hearthd.offline.mind.wishes import Intent, Start
from tests.offline.household import house
from tests.offline.sampling import sample
from tests.offline.sentences import FOREIGN, commands, normal

SENTENCES = {
    "Turn on the kitchen light.": [("set_light", {"device": ["kitchen_light"], "on": True})],
    "switch the lamp in the bedroom off": [("set_light", {"device": ["bedroom_lamp"], "on": False})],
    "turn the lights on in the bedroom": [("set_light", {"device": ["bedroom_lamp", "bedside_lamp"], "on": True})],
    "turn off the lights in here": [("set_light", {"device": ["kitchen_light", "kitchen_counter"], "on": False})],
    "turn the printer on": [("set_switch", {"device": ["printer"], "on": True})],
    "turn the bedroom heating up to 22": [("set_climate", {"device": ["bedroom_heating"], "target_temperature": 22})],
    "are any windows open": [("read_state", {"device": ["bedroom_window"]})],
    "what's the humidity in the bathroom": [("read_state", {"device": ["bathroom_humidity"]})],
    "kitchen light on": [("set_light", {"device": ["kitchen_light"], "on": True})],
    "lights off": [("set_light", {"device": ["kitchen_light", "kitchen_counter"], "on": False})],
    "turn off all the lights in the bedroom": [
        ("set_light", {"device": ["bedroom_lamp", "bedside_lamp"], "on": False})
    ],
    "Set the bedroom lamp to 50%!": [("set_light", {"device": ["bedroom_lamp"], "brightness_percent": 50})],
    "set the brightness of the desk lamp to half": [("set_light", {"device": ["desk_lamp"], "brightness_percent": 50})],
    "dim the desk lamp": [("set_light", {"device": ["desk_lamp"], "brightness_percent": 30})],
    "make the desk lamp warm white": [("set_light", {"device": ["desk_lamp"], "color_temperature_k": 2_700})],
    "make the desk lamp red": [("set_light", {"device": ["desk_lamp"], "color": "red"})],
    "open the blinds": [("move_cover", {"device": ["kitchen_blinds"], "action": "open"})],
    "put the bedroom blinds down": [("move_cover", {"device": ["bedroom_blinds"], "action": "close"})],
    "open the bedroom blinds halfway": [("move_cover", {"device": ["bedroom_blinds"], "position_percent": 50})],
    "shut the garage door": [("move_cover", {"device": ["garage_door"], "action": "close"})],
    "set the bedroom heating to 21.5 °C": [
        ("set_climate", {"device": ["bedroom_heating"], "target_temperature": 21.5})
    ],
    "set the temperature in the bathroom to twenty one and a half degrees": [
        ("set_climate", {"device": ["bathroom_heating"], "target_temperature": 21.5})
    ],
    "turn off the bedroom heating": [("set_climate", {"device": ["bedroom_heating"], "mode": "off"})],
    "set the bedroom heating to auto": [("set_climate", {"device": ["bedroom_heating"], "mode": "auto"})],
    "office fan to high": [("set_fan", {"device": ["office_fan"], "speed_percent": 100})],
    "activate movie night": [("activate_scene", {"device": ["movie_night"]})],
    "is the front door open": [("read_state", {"device": ["front_door"]})],
    "what's the temperature": [("read_state", {"device": ["kitchen_temperature"]})],
    "how warm is it in the bedroom": [("read_state", {"device": ["bedroom_heating"]})],
    "what is the bedroom heating set to": [("read_state", {"device": ["bedroom_heating"]})],
    "turn on the kitchen light and the tv": [
        ("set_light", {"device": ["kitchen_light"], "on": True}),
        ("set_switch", {"device": ["television"], "on": True}),
    ],
    "turn the kettle on and close the blinds": [
        ("set_switch", {"device": ["kettle"], "on": True}),
        ("move_cover", {"device": ["kitchen_blinds"], "action": "close"}),
    ],
    "Okay Nabu, could you please turn on the kettle, please?": [("set_switch", {"device": ["kettle"], "on": True})],
    "turn on the kettle, hey Jarvis": [("set_switch", {"device": ["kettle"], "on": True})],
    "turn on the kettle and": [("set_switch", {"device": ["kettle"], "on": True})],
}

INTENTS = {
    "what time is it": Intent.TIME,
    "Hey Mycroft, what's the date today?": Intent.DATE,
    "never mind": Intent.STOP,
    "yes please": Intent.YES,
    "no": Intent.NO,
    "thanks": Intent.THANKS,
    "what can you do": Intent.HELP,
    "set a timer for five minutes": Intent.TIMER,
    "turn the volume up": Intent.VOLUME,
}


def read(calls: tuple[FunctionCall, ...]) -> list[tuple[str, object]]:
    """Return calls with their arguments decoded."""
    return [(call.name, json.loads(call.arguments_json)) for call in calls]


def tool(name: str, required: tuple[str, ...] = (), /, **properties: object) -> FunctionTool:
    """Return a function of another client."""
    parameters: dict[str, object] = {"type": "object", "properties": properties, "required": list(required)}
    return FunctionTool(name=name, description="", parameters=parameters)


ROOMS = {"type": "string", "enum": ["kitchen", "bedroom"]}


@pytest.mark.parametrize(("text", "calls"), SENTENCES.items())
def test_commands_become_calls(text: str, calls: list[tuple[str, object]]) -> None:
    """Each way of saying it ends in exactly these calls, typed or recognised."""
    assert calls == read(house().understand(text).calls)


@pytest.mark.parametrize(("text", "intent"), INTENTS.items())
def test_remarks_need_no_function(text: str, intent: Intent) -> None:
    """What needs no function is known in every house."""
    understood = house().understand(text)
    assert (intent, ()) == (understood.intent, understood.calls)


def test_two_hundred_commands_written_without_knowledge_of_the_grammar() -> None:
    """Every command of the benchmark leads to exactly the calls that its author had in mind."""
    missed = {}
    for command in commands(200):
        calls = frozenset(normal(call.name, call.arguments_json) for call in house().understand(command.text).calls)
        if calls != command.calls:
            missed[command.text] = calls
    assert missed == {}


def test_foreign_speech_means_nothing() -> None:
    """What is said in a living room and is none of the house's business is not understood, word for word."""
    assert len(set(FOREIGN)) == 100
    assert [text for text in FOREIGN if house().understand(text)] == []


def test_whatever_the_grammar_can_say_is_understood() -> None:
    """Every sentence of the tree has a meaning, and with one command in it, its own."""
    rng = random.Random(3)
    for _ in range(600):
        words, marks = sample(house().sentences, rng)
        understood = house().understand(" ".join(words))
        assert understood, " ".join(words)
        if sum(isinstance(mark, Start) for mark in marks) < 2:
            assert interpret(marks, house().functions) == understood, " ".join(words)


def test_the_grammar_lists_every_word_that_it_uses() -> None:
    """A recogniser that cuts its dictionary to these words lacks none; those that are only typed are left out."""
    grammar = house().grammar
    body = grammar.jsgf.split(";", 2)[2]
    for mark in "()[]|;=":
        body = body.replace(mark, " ")
    words = {word for word in body.split() if word[0] not in "</" and word != "public"}
    assert words == set(grammar.words)
    assert grammar.jsgf.startswith("#JSGF V1.0;\n")


def test_what_fits_several_devices_is_not_guessed() -> None:
    """A lamp of two lamps is neither of them, and both are named."""
    understood = house().understand("turn on the lamp")
    assert (understood.calls, understood.unclear) == ((), ("kitchen light", "kitchen counter light"))


def test_without_a_room_of_our_own_a_group_is_all_of_them() -> None:
    """Where nobody told which room this is, "the blinds" are all blinds, and the garage stays shut."""
    understood = house(here="").understand("close the blinds")
    assert read(understood.calls) == [
        ("move_cover", {"device": ["kitchen_blinds", "bedroom_blinds"], "action": "close"})
    ]


def test_functions_of_other_clients_are_understood_by_their_schemas() -> None:
    """Rooms, truth values, states in words, numbers on other scales, verbs and locks, one call a device."""
    other = House(
        [
            tool("switch_lamp", ("room", "on"), room=ROOMS, on={"type": "boolean"}),
            tool("set_blinds", ("room",), room=ROOMS, position={"type": "integer", "minimum": 0, "maximum": 100}),
            tool("control_vacuum", ("action",), action={"enum": ["start", "stop", "dock"]}),
            tool(
                "set_volume", ("level",), level={"type": "number", "minimum": 0, "maximum": 1, "description": "volume"}
            ),
            tool("set_door", ("door", "locked"), door={"enum": ["front door"]}, locked={"type": "boolean"}),
            tool("start_timer", ("minutes",), minutes={"type": "integer", "minimum": 1, "maximum": 60}),
            tool("get_weather"),
            tool("feed_cat"),
            tool("set_bulb", ("name",), name={"enum": ["desk"]}, state={"enum": ["ON", "OFF"]}),
        ],
        "You are a butler.",
    )
    expected = {
        "turn on the kitchen lamp": [("switch_lamp", {"room": "kitchen", "on": True})],
        "turn the kitchen lamp and the bedroom lamp off": [
            ("switch_lamp", {"room": "kitchen", "on": False}),
            ("switch_lamp", {"room": "bedroom", "on": False}),
        ],
        "set the kitchen blinds to thirty percent": [("set_blinds", {"room": "kitchen", "position": 30})],
        "dock the vacuum": [("control_vacuum", {"action": "dock"})],
        "set the volume to fifty percent": [("set_volume", {"level": 0.5})],
        "unlock the front door": [("set_door", {"door": "front door", "locked": False})],
        "set a timer for five minutes": [("start_timer", {"minutes": 5})],
        "set a five minute timer": [("start_timer", {"minutes": 5})],
        "start a timer for half an hour": [("start_timer", {"minutes": 30})],
        "what is the weather": [("get_weather", {})],
        "feed the cat": [("feed_cat", {})],
        "turn the desk light off": [("set_bulb", {"name": "desk", "state": "OFF"})],
    }
    assert expected == {text: read(other.understand(text).calls) for text in expected}


def test_questions_to_functions_of_other_clients() -> None:
    """What a function tells is asked for by its name's words, with or without a place."""
    other = House(
        [
            tool("get_temperature", ("room",), room=ROOMS),
            tool("read_status", ("device",), device={"type": "array", "items": {"enum": ["pump", "boiler"]}}),
            tool("check_mail"),
            tool("list"),
            tool("get_nothing", ("room",), room={"enum": ["日本"]}),
        ],
        "",
    )
    expected = {
        "what's the temperature in the kitchen": [("get_temperature", {"room": "kitchen"})],
        "tell me the status of the pump and the boiler": [("read_status", {"device": ["pump", "boiler"]})],
        "check the mail": [("check_mail", {})],
        "list": [],
    }
    assert expected == {text: read(other.understand(text).calls) for text in expected}


def test_the_sensor_outside_is_asked_by_where_it_is() -> None:
    """Its name says so, as it stands in no room; and a heating alone knows how warm its room is."""
    outside = """
    [outdoor_temperature]
    type = "sensor"
    unit_of_measurement = "°C"
    [heating]
    type = "climate"
    area = "office"
    """
    small = house(outside, "office")
    assert read(small.understand("how cold is it outside").calls) == [
        ("read_state", {"device": ["outdoor_temperature"]})
    ]
    assert read(small.understand("what is the temperature").calls) == [("read_state", {"device": ["heating"]})]


def test_a_required_switch_is_pulled_with_every_setting() -> None:
    """A function that demands to be told "on" is, whatever else is set."""
    lamp = tool(
        "set_light",
        ("name", "on"),
        name={"enum": ["desk"]},
        on={"type": "boolean"},
        brightness={"type": "integer", "minimum": 0, "maximum": 255},
        channel={"type": "integer", "minimum": 1, "maximum": 3},
        effect={"enum": ["party", "candle light"]},
    )
    expected = {
        "set the desk light to fifty percent": {"name": "desk", "on": True, "brightness": 128},
        "set the desk light to candle light": {"name": "desk", "on": True, "effect": "candle light"},
        "set the desk light to three": {"name": "desk", "on": True, "brightness": 8},
    }
    desk = House([lamp], "")
    assert expected == {text: read(desk.understand(text).calls)[0][1] for text in expected}


def test_what_demands_free_text_cannot_be_set() -> None:
    """Whatever else such a function takes, nobody could call it."""
    lamp = tool(
        "set_lamp",
        ("name", "note"),
        name={"enum": ["desk"]},
        note={"type": "string"},
        on={"type": "boolean"},
        brightness={"type": "integer"},
        kelvin={"type": "integer", "minimum": 2_000, "maximum": 6_000},
        color={"type": "string"},
        action={"enum": ["start", "party"]},
        locked={"type": "boolean"},
    )
    texts = ("desk lamp on", "desk lamp to five", "desk lamp red", "desk lamp warm white", "start the desk lamp")
    assert [text for text in texts if House([lamp], "").understand(text)] == []


def test_a_house_of_one_door() -> None:
    """A sensor alone is asked, and nothing can be commanded."""
    door = house("[cellar_door]\ntype = 'sensor'", "")
    assert read(door.understand("is the cellar door shut").calls) == [("read_state", {"device": ["cellar_door"]})]
    assert not door.understand("open the cellar door")


def test_what_cannot_be_said_is_left_out() -> None:
    """Free text, structures and senseless schemas make a function unspeakable, and nothing else."""
    odd = House(
        [
            tool("send_message", ("text",), text={"type": "string"}),
            tool("draw", ("points",), points={"type": "array", "items": {"type": "object"}}),
            tool("日本", ("x",), x={"enum": ["あ"]}),
            FunctionTool(name="broken", description="", parameters={"properties": ["x"], "required": 3}),
            FunctionTool(name="set_thing", description="", parameters={"properties": {"room": 5, "on": {"type": []}}}),
            tool("set_level", ("n",), n={"type": "integer", "minimum": "x", "maximum": 1e400}),
        ],
        "Rooms: : ;;, Sensors: ",
    )
    assert odd.understand("what time is it").intent is Intent.TIME
    assert not odd.understand("send message hello")


def test_a_hostile_session_stays_small() -> None:
    """A thousand functions and endless enumerations neither crash nor grow the grammar without bound."""
    endless = {"type": "array", "items": {"enum": [f"kitchen lamp {n}" for n in range(9_000)]}}
    levels = {f"level_{n}": {"type": "integer", "minimum": 0, "maximum": 900} for n in range(30)}
    names = [f"lamp_{n}" for n in range(64)]
    crowd = House(
        [
            *(tool(f"change_{name}", **levels) for name in names),
            *(tool(f"set_{name}", device=endless, on={"type": "boolean"}, **levels) for name in names * 20),
            tool("crowded", **{f"x{n}": {"type": "boolean"} for n in range(99)}),
        ],
        "Sensors: " + "sensor, " * 10**6,
    )
    assert WIDEST // 2 < size(crowd.sentences) < 2 * WIDEST
    assert not crowd.understand("turn " * 100_000)
    assert not crowd.understand("and and and")


def test_a_house_without_functions_still_tells_the_time() -> None:
    """An empty session has a grammar of its own."""
    empty = House([], "")
    assert empty.understand("what time is it").intent is Intent.TIME
    assert empty.introduction == "I can tell you the time and the date."
    assert "movie" not in empty.grammar.words
