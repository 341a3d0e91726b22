"""What people say to a house: commands with what they must lead to, and speech that is none of its business.

The commands are written down here without any knowledge of the grammar, so that tests and benchmarks judge it from
outside. They are about `household`.
"""

import json
import random
from dataclasses import dataclass
from typing import Final

Call = tuple[str, str]
"""A function's name and its arguments, as JSON with sorted keys."""


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to say, and the calls that it must lead to, in any order."""

    text: str
    calls: frozenset[Call]


def call(name: str, *devices: str, **arguments: object) -> Call:
    """Return one call with its devices in the order of their names."""
    return name, json.dumps({"device": sorted(devices), **arguments}, sort_keys=True)


def normal(name: str, arguments_json: str) -> Call:
    """Return a real call in the form of `call`."""
    arguments = json.loads(arguments_json)
    if isinstance(arguments.get("device"), list):
        arguments["device"] = sorted(arguments["device"])
    return name, json.dumps(arguments, sort_keys=True)


LIGHTS: Final = {
    "kitchen light": "kitchen_light",
    "counter light in the kitchen": "kitchen_counter",
    "living room lamp": "living_room_lamp",
    "reading lamp": "reading_lamp",
    "bedroom lamp": "bedroom_lamp",
    "night lamp": "bedside_lamp",
    "bedside lamp": "bedside_lamp",
    "desk lamp": "desk_lamp",
    "bathroom light": "bathroom_light",
    "hall light": "hall_light",
    "light in the hall": "hall_light",
    "porch light": "porch_light",
}
SWITCHES: Final = {
    "coffee machine": "coffee_machine",
    "kettle": "kettle",
    "television": "television",
    "printer": "printer",
    "washing machine": "washing_machine",
}
COVERS: Final = {
    "kitchen blinds": "kitchen_blinds",
    "blinds": "kitchen_blinds",
    "living room curtains": "living_room_curtains",
    "bedroom blinds": "bedroom_blinds",
    "garage door": "garage_door",
}
HEATINGS: Final = {
    "living room heating": "living_room_heating",
    "bedroom heating": "bedroom_heating",
    "heating in the bathroom": "bathroom_heating",
}
FANS: Final = {"bedroom fan": "bedroom_fan", "fan in the office": "office_fan"}
SCENES: Final = {"movie night": "movie_night", "good night": "good_night"}
READINGS: Final = {
    "is the front door open": "front_door",
    "is the front door closed": "front_door",
    "is the bedroom window open": "bedroom_window",
    "what is the temperature in the kitchen": "kitchen_temperature",
    "what's the kitchen temperature": "kitchen_temperature",
    "how warm is it in the kitchen": "kitchen_temperature",
    "what is the humidity in the bathroom": "bathroom_humidity",
    "is the kettle on": "kettle",
    "is the television off": "television",
    "is the garage door closed": "garage_door",
    "are the bedroom blinds open": "bedroom_blinds",
}
PERCENTS: Final = {"ten": 10, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "eighty": 80}
DEGREES: Final = {"eighteen": 18, "nineteen and a half": 19.5, "twenty": 20, "twenty one": 21, "twenty two": 22}
WHITES: Final = {"warm white": 2_700, "neutral white": 4_000}
COLOURS: Final = ("red", "green", "blue", "orange", "purple")

ALL_LIGHTS: Final = tuple(dict.fromkeys(LIGHTS.values()))
KITCHEN_LIGHTS: Final = ("kitchen_light", "kitchen_counter")
BEDROOM_LIGHTS: Final = ("bedroom_lamp", "bedside_lamp")


def commands(count: int, seed: int = 1) -> list[Command]:
    """Return `count` different commands, the same for the same seed, each kind about equally often."""
    rng = random.Random(seed)
    kinds = (_switched, _switched_bare, _groups, _dimmed, _coloured, _covers, _heated, _fanned, _scenes, _read, _pairs)
    found: dict[str, Command] = {}
    while len(found) < count:
        for kind in kinds:
            command = kind(rng)
            found.setdefault(command.text, command)
    return list(found.values())[:count]


def _command(text: str, *calls: Call) -> Command:
    return Command(text, frozenset(calls))


def _power(device: str, on: bool) -> Call:
    return call("set_light" if device in ALL_LIGHTS else "set_switch", device, on=on)


def _switchable(rng: random.Random) -> tuple[str, str]:
    return rng.choice([*LIGHTS.items(), *SWITCHES.items()])


def _switched(rng: random.Random) -> Command:
    name, device = _switchable(rng)
    word = rng.choice(["on", "off"])
    text = rng.choice([f"turn {word} the {name}", f"switch the {name} {word}", f"please turn the {name} {word}"])
    return _command(text, _power(device, word == "on"))


def _switched_bare(rng: random.Random) -> Command:
    name, device = _switchable(rng)
    word = rng.choice(["on", "off"])
    return _command(rng.choice([f"{name} {word}", f"could you turn {word} the {name}"]), _power(device, word == "on"))


def _groups(rng: random.Random) -> Command:
    word = rng.choice(["on", "off"])
    name, group = rng.choice(
        [
            ("lights", KITCHEN_LIGHTS),
            ("all lights", ALL_LIGHTS),
            ("all the lights", ALL_LIGHTS),
            ("bedroom lights", BEDROOM_LIGHTS),
            ("the lights in the bedroom", BEDROOM_LIGHTS),
            ("all lights in the kitchen", KITCHEN_LIGHTS),
            ("living room lights", ("living_room_lamp", "reading_lamp")),
        ]
    )
    text = rng.choice([f"turn {word} {name}", f"{name} {word}", f"switch {name} {word}"])
    return _command(text, call("set_light", *group, on=word == "on"))


def _dimmed(rng: random.Random) -> Command:
    name, device = rng.choice(list(LIGHTS.items()))
    word, percent = rng.choice(list(PERCENTS.items()))
    text = rng.choice(
        [
            f"set the {name} to {word} percent",
            f"dim the {name} to {word} percent",
            f"set the brightness of the {name} to {word} percent",
        ]
    )
    return _command(text, call("set_light", device, brightness_percent=percent))


def _coloured(rng: random.Random) -> Command:
    name = rng.choice(["living room lamp", "bedroom lamp", "desk lamp"])
    verb = rng.choice(["make", "turn", "set"])
    if rng.random() < 0.4:
        white, kelvin = rng.choice(list(WHITES.items()))
        return _command(f"make the {name} {white}", call("set_light", LIGHTS[name], color_temperature_k=kelvin))
    colour = rng.choice(COLOURS)
    to = "to " if verb == "set" else ""
    return _command(f"{verb} the {name} {to}{colour}", call("set_light", LIGHTS[name], color=colour))


def _covers(rng: random.Random) -> Command:
    name, device = rng.choice(list(COVERS.items()))
    if rng.random() < 0.3:
        word, percent = rng.choice(list(PERCENTS.items()))
        return _command(f"set the {name} to {word} percent", call("move_cover", device, position_percent=percent))
    verb = rng.choice(["open", "close", "stop"])
    return _command(f"{verb} the {name}", call("move_cover", device, action=verb))


def _heated(rng: random.Random) -> Command:
    name, device = rng.choice(list(HEATINGS.items()))
    word, degrees = rng.choice(list(DEGREES.items()))
    room = "bedroom" if "bedroom" in name else "bathroom" if "bathroom" in name else "living room"
    text = rng.choice([f"set the {name} to {word} degrees", f"set the temperature in the {room} to {word} degrees"])
    return _command(text, call("set_climate", device, target_temperature=degrees))


def _fanned(rng: random.Random) -> Command:
    name, device = rng.choice(list(FANS.items()))
    if rng.random() < 0.5:
        word = rng.choice(["on", "off"])
        return _command(f"turn the {name} {word}", call("set_fan", device, on=word == "on"))
    word, percent = rng.choice([*PERCENTS.items(), ("high", 100), ("low", 33)])
    unit = "" if word in {"high", "low"} else " percent"
    return _command(f"set the {name} to {word}{unit}", call("set_fan", device, speed_percent=percent))


def _scenes(rng: random.Random) -> Command:
    name, device = rng.choice(list(SCENES.items()))
    verb = rng.choice(["activate", "start", "turn on", "please activate"])
    return _command(f"{verb} {name}", call("activate_scene", device))


def _read(rng: random.Random) -> Command:
    text, device = rng.choice(list(READINGS.items()))
    return _command(text, call("read_state", device))


def _pairs(rng: random.Random) -> Command:
    light, lamp = rng.choice(list(LIGHTS.items()))
    other, device = rng.choice(list(SWITCHES.items()))
    word = rng.choice(["on", "off"])
    if rng.random() < 0.5:
        return _command(
            f"turn {word} the {light} and the {other}", _power(lamp, word == "on"), _power(device, word == "on")
        )
    cover, moved = rng.choice(list(COVERS.items()))
    verb = rng.choice(["open", "close"])
    return _command(
        f"turn {word} the {light} and {verb} the {cover}",
        _power(lamp, word == "on"),
        call("move_cover", moved, action=verb),
    )


FOREIGN: Final = (
    "did you see the game last night",
    "I will be home around seven",
    "can you pass me the salt",
    "the weather has been awful this week",
    "what should we have for dinner",
    "my sister is coming over tomorrow",
    "don't forget to call the dentist",
    "how was school today",
    "I think the cat wants to go out",
    "there is a letter for you on the table",
    "we need to buy some milk",
    "he said the meeting was moved to Thursday",
    "the train was late again this morning",
    "have you finished your homework",
    "let's watch something funny",
    "I really like that song",
    "the neighbours are having a party",
    "do you want some more coffee",
    "could I get a large cappuccino to go",
    "two espressos and a croissant please",
    "one latte with oat milk",
    "what is the capital of Australia",
    "who won the election in France",
    "play some music by the Beatles",
    "order a pizza with extra cheese",
    "book a table for two at eight",
    "send a message to my brother",
    "what is the price of gold",
    "how far is it to the moon",
    "tell me a story about a dragon",
    "sing me a song",
    "translate good morning into Spanish",
    "remind me to water the plants tomorrow",
    "add eggs to the shopping list",
    "what is on my calendar for Friday",
    "wake me up at six thirty",
    "read me the news",
    "find a recipe for apple pie",
    "call my mother",
    "how do you spell necessary",
    "the lights of the city were beautiful",
    "she left the door open all night",
    "it was so warm in the office that I fell asleep",
    "they painted the kitchen yellow",
    "I bought a new lamp for the hall last week",
    "our old heating broke down in January",
    "the bedroom is a mess",
    "he turned around and walked away",
    "set the table please dinner is ready",
    "turn left at the next corner",
    "close your eyes and count to ten",
    "open your books on page fifty",
    "stop it you two",
    "make your bed before you go",
    "switch places with your brother",
    "put on your shoes we are leaving",
    "the fan club meets every second Tuesday",
    "half of the class was ill",
    "twenty one people came to the party",
    "fifty percent of the votes were counted",
    "it's degrees of difficulty that matter",
    "I was green with envy",
    "once in a blue moon",
    "he saw red when he heard that",
    "she is in the living room with the children",
    "the movie last night was terrible",
    "good night sleep tight",
    "the television was invented a long time ago",
    "this coffee is too strong for me",
    "my washing is still wet",
    "the garage sold my car for nothing",
    "curtains up for the second act",
    "what a lovely view from this window",
    "the printer company went out of business",
    "are we there yet",
    "is anybody home",
    "was that the doorbell",
    "who left the fridge like that",
    "why is the sky blue",
    "where did I put my keys",
    "when does the shop close",
    "which one do you prefer",
    "that will be eleven dollars and forty cents",
    "I would like to pay by card",
    "no sugar for me thank you very much indeed",
    "yes I know that you told me yesterday",
    "let me think about it for a while",
    "the bus leaves in twenty minutes from the station",
    "honestly I have no idea what he was talking about",
    "they have been together for thirty years",
    "please hold the line",
    "your call is important to us",
    "and now to the weather with Michael",
    "police are looking for two men",
    "the stock market fell by three percent today",
    "scientists have found a new kind of frog",
    "goal what a fantastic strike from the edge of the box",
    "and the winner of tonight's show is",
    "previously on our programme",
    "this message will be repeated",
)
"""A hundred things said in living rooms, at counters and on television; many share words with the commands."""
