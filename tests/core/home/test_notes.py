"""What the instructions say about the house."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.home.devices import Device, Light, Sensor, Switch
from hearthd.core.home.notes import HouseNotes, read_notes, write_notes
from hearthd.core.home.wiring import wire

BULB = Light(command_topic="bulb/set")
HOUSE: dict[str, Device] = {
    "kitchen_light": msgspec.structs.replace(BULB, area="kitchen"),
    "hall_light": msgspec.structs.replace(BULB, area="hall", aliases=("big one",)),
    "desk_lamp": msgspec.structs.replace(
        BULB, area="hall", name="desk light", aliases=("big one", "desk", "writing place")
    ),
    "front_door": Sensor(state_topic="door", area="hall"),
    "freezer": Sensor(state_topic="freezer"),
}


def notes(house: dict[str, Device], area: str = "") -> str:
    """Return the notes of a house."""
    return write_notes([wire(name, device) for name, device in house.items()], area)


def test_an_empty_house_has_no_notes() -> None:
    """There is nothing to say, not even about the room."""
    assert notes({}, "kitchen") == ""


def test_notes_tell_only_what_identifiers_do_not() -> None:
    """Shared names and rooms stand once, a lamp is known to be a light, and sensors are named at least."""
    assert notes(HOUSE, "kitchen") == (
        "You are in: kitchen. Devices named without a room are there.\n"
        "Other names: big one: hall_light, desk_lamp; writing place: desk_lamp.\n"
        "Rooms: hall: desk_lamp, front_door.\n"
        "Sensors: front_door, freezer."
    )
    assert notes({"kitchen_light": HOUSE["kitchen_light"]}) == ""


def test_notes_are_read_back() -> None:
    """A program finds them among any other instructions."""
    assert read_notes("Be brief.\n" + notes(HOUSE, "kitchen")) == HouseNotes(
        here="kitchen",
        names={"hall_light": ("big one",), "desk_lamp": ("big one", "writing place")},
        rooms={"desk_lamp": "hall", "front_door": "hall"},
        sensors=("front_door", "freezer"),
    )


@pytest.mark.parametrize("text", ["", "Other names: ", "Sensors", "Rooms: den.", "You are in: danger."])
def test_foreign_text_tells_of_no_device(text: str) -> None:
    """Nothing is made up."""
    assert read_notes(text) == HouseNotes(names={}, rooms={})


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_no_name_breaks_the_notes(name: str) -> None:
    """Names that hold the notes' own punctuation are smoothed, never taken apart."""
    house: dict[str, Device] = {
        "tv": Switch(command_topic="a", aliases=(name,), area="den"),
        "tap": Sensor(state_topic="b"),
    }
    read = read_notes(notes(house, name))
    assert read.sensors == ("tap",)
    assert read.rooms.get("tv", name.casefold().strip()) == "den"
    assert len(read.names.get("tv", ())) <= 1
