"""JSON schemas of functions, read for what can be spoken of."""

import pytest

from hearthd.core.realtime.session import FunctionTool
from hearthd.offline.mind.schema import CHOICES_MAX, FUNCTIONS_MAX, Function, Measure, read_functions


def function(name: str = "set_thing", required: tuple[str, ...] = (), /, **properties: object) -> Function:
    """Return the one function of a session."""
    parameters: dict[str, object] = {"type": "object", "properties": properties, "required": list(required)}
    (read,) = read_functions([FunctionTool(name=name, description="", parameters=parameters)])
    return read


@pytest.mark.parametrize(
    ("name", "schema", "measure"),
    [
        ("brightness_percent", {"type": "integer", "minimum": 1, "maximum": 100}, Measure.PERCENT),
        ("brightness", {"type": "integer"}, Measure.PERCENT),
        ("target_temperature", {"type": "number", "minimum": 7, "maximum": 30}, Measure.DEGREES),
        ("value", {"type": ["number", "null"], "description": "°C"}, Measure.DEGREES),
        ("duration", {"type": "integer", "description": "in seconds"}, Measure.SECONDS),
        ("minutes", {"anyOf": [{"type": "null"}, {"type": "integer"}]}, Measure.MINUTES),
        ("channel", {"type": "integer", "minimum": 1, "maximum": 9}, Measure.PLAIN),
    ],
)
def test_what_a_number_counts(name: str, schema: dict[str, object], measure: Measure) -> None:
    """By its name, or else by its description."""
    assert [measure] == [level.measure for level in function(**{name: schema}).levels]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer"},
        {"type": "integer", "minimum": 5, "maximum": 1},
        {"type": "integer", "minimum": "a", "maximum": True},
        {"type": "string"},
        {},
        None,
    ],
)
def test_a_number_without_bounds_is_not_offered(schema: object) -> None:
    """Nobody can guess what may be said."""
    assert function(channel=schema).levels == ()


def test_a_colour_temperature_is_no_level() -> None:
    """Nobody says kelvin; whites are named."""
    read = function(
        color_temperature_k={"type": "integer", "minimum": 2_000, "maximum": 6_500}, color={"type": "string"}
    )
    assert read.levels == ()
    assert read.whites is not None
    assert read.colour == "color"


def test_the_target_is_the_likeliest_enumeration() -> None:
    """A list of devices rather than a mode, and a required argument rather than an optional one."""
    modes = {"enum": ["eco", "boost"]}
    read = function(mode=modes, device={"type": "array", "items": {"enum": ["boiler"]}})
    assert read.target is not None
    assert (read.target.argument, read.target.many) == ("device", True)
    assert [options.argument for options in read.options] == ["mode"]
    assert function(mode=modes).target is None
    wanted = function("do", ("second",), first={"enum": ["a"]}, second={"enum": ["b"]}).target
    assert wanted is not None
    assert wanted.argument == "second"


@pytest.mark.parametrize(
    ("properties", "power"),
    [
        ({"on": {"type": "boolean"}}, {True: (("on", True),), False: (("on", False),)}),
        ({"glow": {"type": "boolean"}}, {True: (("glow", True),), False: (("glow", False),)}),
        ({"glow": {"type": "boolean"}, "fade": {"type": "boolean"}}, {}),
        ({"state": {"enum": ["ON", "OFF"]}}, {True: (("state", "ON"),), False: (("state", "OFF"),)}),
        ({"mode": {"enum": ["off", "dry", "auto"]}}, {True: (("mode", "auto"),), False: (("mode", "off"),)}),
        ({"mode": {"enum": ["off", "dry"]}}, {False: (("mode", "off"),)}),
        ({}, {}),
    ],
)
def test_what_switches(properties: dict[str, object], power: dict[bool, object]) -> None:
    """A truth value, a state in words, or a mode that is called off."""
    assert power == function(**properties).power


def test_only_what_needs_no_more_than_its_target_reads() -> None:
    """A function that is named like a question but demands more is none that can be asked."""
    room = {"enum": ["kitchen"]}
    assert function("get_humidity", ("room",), room=room).reads
    assert not function("get_news", ("topic",), topic={"type": "string"}).reads
    assert not function("open_gate").reads


def test_a_session_is_read_within_bounds() -> None:
    """Functions, choices and arguments beyond what a session may have are left out, and doubles count once."""
    many = {"type": "array", "items": {"enum": [f"d{n}" for n in range(CHOICES_MAX + 9)] + [7]}}
    read = function(device=many)
    assert read.target is not None
    assert len(read.target.values) == CHOICES_MAX
    tools = [FunctionTool(name=f"f{n}", description="", parameters={}) for n in range(FUNCTIONS_MAX + 9)]
    assert len(read_functions(tools)) == FUNCTIONS_MAX
    assert len(read_functions(tools[:1] * 3)) == 1
    crowded: dict[str, object] = {"properties": {f"a{n}": {} for n in range(99)}}
    assert read_functions([FunctionTool(name="f", description="", parameters=crowded)]) == ()
