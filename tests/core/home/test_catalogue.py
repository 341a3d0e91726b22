"""The house as the model sees it, and what it may ask of it."""

import json
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hearthd.core.errors import CallRefused
from hearthd.core.home.catalogue import COMMANDS, READ_STATE, Catalogue, Reading
from hearthd.core.home.devices import Climate, Cover, Device, Fan, Light, Scene, Sensor, Switch
from hearthd.core.home.notes import write_notes
from hearthd.core.home.numerals import Json
from tests.doubles.fifty_devices import fifty_devices

BULB = Light(command_topic="bulb/set", state_topic="bulb", supported_color_modes=("brightness",))
HOUSE: Mapping[str, Device] = {
    "kitchen_light": msgspec.structs.replace(BULB, area="kitchen"),
    "hall_light": msgspec.structs.replace(BULB, area="hall", aliases=("big lamp",)),
    "front_door": Sensor(state_topic="door", area="hall"),
    "freezer": Sensor(state_topic="freezer"),
}


def tool(catalogue: Catalogue, name: str) -> Mapping[str, Json]:
    """Return the parameters' properties of one function."""
    parameters = next(tool.parameters for tool in catalogue.tools() if tool.name == name)
    properties = parameters["properties"]
    assert isinstance(properties, dict)
    return properties


def refusal(catalogue: Catalogue, name: str, arguments: str) -> tuple[str, str]:
    """Demand a refusal and return its code and words."""
    with pytest.raises(CallRefused) as caught:
        catalogue.plan(name, arguments)
    return caught.value.code, caught.value.explanation


def test_an_empty_house_offers_nothing() -> None:
    """Without devices there are no functions, no text and nothing to call."""
    catalogue = Catalogue({}, "kitchen")

    assert (catalogue.tools(), catalogue.instructions()) == ((), "")
    assert refusal(catalogue, "set_light", "{}") == (
        "unknown_function",
        "There is no function 'set_light'; use none.",
    )


def test_functions_exist_for_the_kinds_that_exist() -> None:
    """No device of a kind, no function for it; without reports there is nothing to read."""
    scene = {"movie_night": Scene(command_topic="a")}

    assert [tool.name for tool in Catalogue(scene, "").tools()] == ["activate_scene"]
    assert [tool.name for tool in Catalogue(HOUSE, "").tools()] == ["set_light", "read_state"]
    assert [tool.name for tool in Catalogue(fifty_devices(), "").tools()] == [
        "set_light",
        "set_switch",
        "move_cover",
        "set_climate",
        "set_fan",
        "activate_scene",
        "read_state",
    ]


def test_a_function_names_its_devices_and_what_they_take() -> None:
    """Identifiers stand in an enumeration, arguments only if some device takes them."""
    assert msgspec.to_builtins(Catalogue(HOUSE, "").tools()[0]) == {
        "type": "function",
        "name": "set_light",
        "description": "Set lights.",
        "parameters": {
            "type": "object",
            "properties": {
                "device": {
                    "type": "array",
                    "items": {"type": "string", "enum": ["kitchen_light", "hall_light"]},
                },
                "brightness_percent": {"type": "integer"},
                "on": {"type": "boolean"},
            },
            "required": ["device"],
        },
    }


def test_a_switch_must_be_told_which_way() -> None:
    """With one argument alone, leaving it out would be a call for nothing."""
    tools = Catalogue({"plug": Switch(command_topic="a")}, "").tools()

    assert tools[0].parameters["required"] == ["device", "on"]


def test_ranges_and_choices_of_several_devices_are_joined() -> None:
    """The schema shows the widest range and every mode; what one device takes of it, its refusal tells."""
    catalogue = Catalogue(
        {
            "one": Climate(command_topic="a", min_temp=10, max_temp=25, modes=("off", "heat")),
            "two": Climate(command_topic="b", min_temp=5, max_temp=20, modes=("off", "cool")),
            "three": Climate(command_topic="c", min_temp=12, max_temp=28),
        },
        "",
    )

    assert tool(catalogue, "set_climate")["target_temperature"] == {
        "type": "number",
        "minimum": 5,
        "maximum": 28,
        "description": "°C",
    }
    assert tool(catalogue, "set_climate")["mode"] == {"type": "string", "enum": ["off", "heat", "cool"]}


def test_the_text_tells_only_what_identifiers_do_not() -> None:
    """The catalogue's text is that of the notes; empty for a house that explains itself."""
    assert Catalogue(HOUSE, "kitchen").instructions() == write_notes(Catalogue(HOUSE, "").wirings.values(), "kitchen")
    assert Catalogue({"kitchen_light": HOUSE["kitchen_light"]}, "").instructions() == ""


def test_fifty_devices_cost_at_most_900_tokens() -> None:
    """Functions and text of a whole house stay short, because every response pays for them."""
    assert Catalogue(fifty_devices(), "kitchen").estimated_tokens() <= 900


def test_functions_that_change_something_are_the_commands() -> None:
    """All functions are commands but the one that reads."""
    names = {tool.name for tool in Catalogue(fifty_devices(), "").tools()}

    assert names - COMMANDS == {READ_STATE}
    assert names >= COMMANDS


def test_a_call_becomes_one_command_per_device() -> None:
    """Several devices may be named in any way; a device that is named twice acts once."""
    plan = Catalogue(HOUSE, "kitchen").plan(
        "set_light", '{"device": ["kitchen_light", "Big Lamp", "light"], "on": true}'
    )

    assert isinstance(plan, tuple)
    assert [(command.device_id, command.says) for command in plan] == [
        ("kitchen_light", "kitchen light: on"),
        ("hall_light", "hall light: on"),
    ]


def test_the_devices_of_the_own_room_are_known() -> None:
    """By their area; a hearthd that stands nowhere has none."""
    assert Catalogue(HOUSE, "Hall").here() == ("hall_light", "front_door")
    assert Catalogue({"lamp": BULB}, "").here() == ()


def test_a_reading_names_the_devices() -> None:
    """`read_state` takes every kind of device, and a bare name in place of a list."""
    catalogue = Catalogue(HOUSE, "")

    assert catalogue.plan("read_state", '{"device": ["front door", "hall_light"]}') == Reading(
        ("front_door", "hall_light")
    )
    assert catalogue.plan("read_state", '{"device": "freezer"}') == Reading(("freezer",))
    assert catalogue.label("front_door") == "front door"


def test_a_scene_needs_no_argument() -> None:
    """Naming it is all there is to it."""
    plan = Catalogue({"movie": Scene(command_topic="a")}, "").plan("activate_scene", '{"device": ["movie"]}')

    assert isinstance(plan, tuple)
    assert plan[0].messages == (("a", b"ON"),)


@pytest.mark.parametrize(
    ("name", "arguments", "code", "explanation"),
    [
        (
            "open_door",
            "{}",
            "unknown_function",
            "There is no function 'open_door'; use set_light, read_state.",
        ),
        ("set_light", "{", "invalid_json", "The arguments are not valid JSON."),
        ("set_light", "[" * 15_000, "invalid_json", "The arguments are not valid JSON."),
        ("set_light", '{"device": "\ud800"}', "invalid_json", "The arguments are not valid JSON."),
        ("set_light", "[]", "invalid_json", "The arguments must be a JSON object."),
        ("set_light", " " * 20_001, "invalid_json", "The arguments are too long."),
        (
            "set_light",
            "",
            "invalid_argument",
            "device must be a list of at least one device identifier.",
        ),
        (
            "set_light",
            '{"device": []}',
            "invalid_argument",
            "device must be a list of at least one device identifier.",
        ),
        (
            "set_light",
            '{"device": [1]}',
            "invalid_argument",
            "device must be a list of at least one device identifier.",
        ),
        (
            "set_light",
            '{"device": ["kitchen_light"], "confirmed": true}',
            "invalid_argument",
            "set_light has no argument 'confirmed'; it takes device, brightness_percent, on.",
        ),
        (
            "set_light",
            '{"device": ["attic_light"], "on": true}',
            "unknown_device",
            "There is no device 'attic_light' for this. Did you mean kitchen_light or hall_light?",
        ),
        (
            "set_light",
            '{"device": ["kitchen_light"], "on": "yes"}',
            "invalid_argument",
            "on of the kitchen light must be true or false.",
        ),
    ],
)
def test_a_call_that_cannot_be_carried_out_is_refused_in_plain_words(
    name: str, arguments: str, code: str, explanation: str
) -> None:
    """Every refusal says what would be right."""
    assert refusal(Catalogue(HOUSE, ""), name, arguments) == (code, explanation)


def test_nothing_is_done_for_half_a_call() -> None:
    """If one of several devices cannot do it, none is commanded."""
    catalogue = Catalogue({**HOUSE, "relay": Light(command_topic="a")}, "")

    code, _ = refusal(catalogue, "set_light", '{"device": ["hall_light", "relay"], "brightness_percent": 5}')

    assert code == "not_supported"


EVERYTHING = Catalogue(
    {
        **fifty_devices(),
        "garage_door": Cover(schema="plain", command_topic="a", state_topic="b", payload_stop=""),
        "big_fan": Fan(command_topic="c", preset_modes=("auto", "turbo")),
        "strip": Light(schema="plain", command_topic="d", rgb_command_topic="e", color_temp_command_topic="f"),
    },
    "kitchen",
)
NAMES = ["set_light", "set_switch", "move_cover", "set_climate", "set_fan", "activate_scene", "read_state", "x"]
KEYS = [
    "device",
    "on",
    "brightness_percent",
    "color_temperature_k",
    "color",
    "action",
    "position_percent",
    "target_temperature",
    "mode",
    "speed_percent",
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["open", "stop", "off", "auto", "red", 0, 1, 50, 100, 21, 2_700, 1e308, 10**30])
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)
DEVICES = st.sampled_from([*EVERYTHING.wirings, "light", "kitchen", "hall lamp", "tv set"])
CALLS = st.dictionaries(st.sampled_from(KEYS), VALUES) | st.builds(
    lambda devices, rest: {**rest, "device": devices},
    st.lists(DEVICES, min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(KEYS[1:]), VALUES, max_size=2),
)


@given(st.sampled_from(NAMES), CALLS.map(json.dumps) | st.text())
@example("move_cover", '{"device": ["garage_door"], "position_percent": []}')
@example("set_light", '{"device": ["desk_lamp"], "brightness_percent": NaN}')
def test_no_arguments_can_do_more_than_be_refused(name: str, arguments: str) -> None:
    """Whatever a model sends, a call is either refused or complete, with payloads that are JSON or bare texts."""
    try:
        plan = EVERYTHING.plan(name, arguments)
    except CallRefused:
        return
    if isinstance(plan, Reading):
        assert set(plan.device_ids) <= set(EVERYTHING.wirings)
        return
    for command in plan:
        assert command.messages
        for _, payload in command.messages:
            assert payload
            if payload.startswith(b"{"):
                msgspec.json.decode(payload)
