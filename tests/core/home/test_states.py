"""What the house reported, and how far it is to be trusted."""

import json
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.home.devices import Climate, Cover, Device, Fan, Light, Sensor, Switch
from hearthd.core.home.numerals import Json
from hearthd.core.home.states import Report, StateBook
from hearthd.core.home.wiring import Gauge, wire
from tests.doubles.fifty_devices import fifty_devices

LAMP = Light(
    command_topic="lamp/set",
    state_topic="lamp",
    supported_color_modes=("brightness",),
    availability_topic="bridge",
)
PLUG = Switch(schema="plain", command_topic="plug/set", state_topic="plug", availability_topic="bridge")
TEMPERATURE = Sensor(state_topic="climate", value_key="inside.0.temperature", unit_of_measurement="°C")
HUMIDITY = Sensor(state_topic="climate", value_key="humidity")


def book(**devices: Device) -> StateBook:
    """Return an empty book of the devices."""
    return StateBook({name: wire(name, device) for name, device in devices.items()})


def test_each_topic_is_subscribed_once() -> None:
    """Devices may share a topic, and a device may use one for several properties."""
    assert book(lamp=LAMP, plug=PLUG, t=TEMPERATURE, h=HUMIDITY).topics() == ("lamp", "bridge", "plug", "climate")


def test_a_report_is_kept_as_plain_json() -> None:
    """Values are typed, scales are percent, and parts of a state add up."""
    states = book(lamp=LAMP)

    assert states.apply("lamp", b'{"state":"ON","brightness":102,"linkquality":77}') == Report(frozenset({"lamp"}), "")
    assert states.apply("lamp", b'{"brightness":254}').devices == {"lamp"}
    assert states.answer("lamp") == {"on": True, "brightness_percent": 100}
    assert states.known("lamp") == states.heard("lamp") == {"on": True, "brightness_percent": 100}


def test_a_repeated_report_still_counts_as_one() -> None:
    """A device that says again what it said before has answered."""
    states = book(plug=PLUG)
    states.apply("plug", b"ON")

    assert states.apply("plug", b"ON").devices == {"plug"}


def test_one_message_may_tell_of_several_devices() -> None:
    """Two sensors in one JSON report, one of them nested and in a list; a unit goes with the value."""
    states = book(t=TEMPERATURE, h=HUMIDITY)

    report = states.apply("climate", b'{"inside": [{"temperature": 21.299999999}], "humidity": "55"}')

    assert report.devices == {"t", "h"}
    assert states.answer("t") == {"value": 21.3, "unit": "°C"}
    assert states.answer("h") == {"value": 55}


def test_a_device_that_never_reported_has_no_answer() -> None:
    """Silence is told as silence, and presence alone is no state."""
    states = book(lamp=LAMP)
    assert states.answer("lamp") is None

    states.apply("bridge", b"online")

    assert states.answer("lamp") is None
    assert not states.is_absent("lamp")


def test_a_device_that_is_offline_says_so() -> None:
    """Its last state stays readable, marked as not available."""
    states = book(lamp=LAMP, plug=PLUG)
    states.apply("lamp", b'{"state":"ON"}')

    assert states.apply("bridge", b'{"state":"offline"}').devices == {"lamp", "plug"}

    assert states.is_absent("lamp")
    assert states.answer("lamp") == {"on": True, "available": False}


def test_values_are_outdated_until_they_are_reported_again() -> None:
    """After an outage the old values can be told, marked, but no longer confirm anything."""
    states = book(lamp=LAMP)
    states.apply("lamp", b'{"state":"ON","brightness":254}')

    states.lose_touch()

    assert states.known("lamp") == {}
    assert states.answer("lamp") == {"on": True, "brightness_percent": 100, "outdated": True}

    states.apply("lamp", b'{"state":"OFF"}')

    assert states.known("lamp") == {"on": False}
    assert states.answer("lamp") == {"on": False, "brightness_percent": 100, "outdated": True}

    states.apply("lamp", b'{"brightness":254}')

    assert states.answer("lamp") == {"on": False, "brightness_percent": 100}


def test_what_the_broker_kept_is_known_but_was_not_heard() -> None:
    """It tells what the last state was, never that the device is still there; what was heard since outranks it."""
    states = book(lamp=LAMP)

    assert states.apply("lamp", b'{"state":"ON","brightness":254}', retained=True).devices == {"lamp"}
    assert states.answer("lamp") == states.known("lamp") == {"on": True, "brightness_percent": 100}
    assert states.heard("lamp") == {}

    states.apply("lamp", b'{"state":"OFF"}')
    states.apply("lamp", b'{"state":"ON","brightness":127}', retained=True)

    assert states.known("lamp") == {"on": False, "brightness_percent": 50}
    assert states.heard("lamp") == {"on": False}

    states.lose_touch()
    states.apply("lamp", b'{"state":"OFF"}', retained=True)

    assert states.answer("lamp") == {"on": False, "brightness_percent": 50, "outdated": True}
    assert states.known("lamp") == {"on": False}
    assert states.heard("lamp") == {}


@pytest.mark.parametrize(
    "payload",
    [b"?", b"\xff\xfe", b"[1]", b"{", b"null", b"[" * 15_000, b'{"state":"' + b"x" * 70_000 + b'"}'],
)
def test_nonsense_changes_nothing_and_is_told_once_per_topic(payload: bytes) -> None:
    """A broken device fills no journal, and its last good state stays."""
    states = book(lamp=LAMP, plug=PLUG)
    states.apply("lamp", b'{"state":"ON"}')

    first, second = states.apply("lamp", payload), states.apply("lamp", payload)

    assert first.devices == frozenset()
    assert first.problem.startswith("lamp: cannot read b'")
    assert second == Report(frozenset(), "")
    assert states.answer("lamp") == {"on": True}
    assert states.apply("plug", b"perhaps").problem == "plug: cannot read b'perhaps'"


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("lamp", b'{"linkquality": 77}'),
        ("lamp", b""),
        ("plug", b""),
        ("climate", b'{"inside": []}'),
        ("climate", b'{"inside": {"0": 3}}'),
        ("climate", b'{"inside": [{"temperature": null}]}'),
        ("elsewhere", b"?"),
    ],
)
def test_a_report_about_something_else_is_no_mistake(topic: str, payload: bytes) -> None:
    """Devices report parts of their state, deleted retained messages are empty, and other topics are not ours."""
    assert book(lamp=LAMP, plug=PLUG, t=TEMPERATURE).apply(topic, payload) == Report(frozenset(), "")


def test_a_reading_that_fails_is_a_report_without_sense() -> None:
    """Whatever a device's numbers do to our arithmetic, the daemon survives it and the owner is told."""

    class Divides:
        def decode(self, raw: Json) -> float:
            return 1 / float(str(raw))

    wiring = wire("t", Sensor(state_topic="t"))
    states = StateBook({"t": replace(wiring, gauges=(Gauge("value", Divides(), "t", ()),))})

    assert states.apply("t", b"0") == Report(frozenset(), "t: cannot read b'0'")
    assert states.apply("t", b"?") == Report(frozenset(), "")
    assert states.apply("t", b"4").devices == {"t"}
    assert states.answer("t") == {"value": 0.25}


HOUSE = {name: wire(name, device) for name, device in fifty_devices().items()}
TOPICS = sorted(StateBook(HOUSE).topics())
_ODD_DEVICES: dict[str, Device] = {
    "fan": Fan(state_topic="fan", percentage_value_key="p", speed_range_max=4),
    "blind": Cover(state_topic="blind", position_open=1),
    "awning": Cover(schema="plain", position_topic="awning", position_open=-(2**63), position_closed=2**63 - 1),
    "lamp": LAMP,
    "white": Light(schema="plain", color_temp_state_topic="white", color_temp_kelvin=True, rgb_state_topic="rgb"),
    "valve": Climate(state_topic="valve", temperature_value_key="valve.0.target"),
    "plug": PLUG,
    "thermometer": TEMPERATURE,
}
"""Every kind of device, with scales at the ends of what an owner may write."""
ODD = {name: wire(name, device) for name, device in _ODD_DEVICES.items()}
GAUGES = [gauge for wiring in ODD.values() for gauge in wiring.gauges]
_EDGES = st.sampled_from([1e308, -1e308, 5e-324, 1e-310, -0.0, 0, 1, 2**53, 2**63, 2**64, 10**400])
_NUMBERS = _EDGES | st.integers() | st.floats()
_COLOURS = st.sampled_from(["rgb", "xy", "hs"]).flatmap(
    lambda keys: st.fixed_dictionaries(dict.fromkeys(keys, _NUMBERS))
)
_KEYS = st.sampled_from(["hex", "state", "hue", "saturation"]) | st.text(max_size=3)
_DOCUMENTS = st.recursive(
    st.none() | st.booleans() | _NUMBERS.map(str) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
)
REPORTED = _NUMBERS | _COLOURS | _DOCUMENTS


@given(REPORTED)
def test_every_value_is_read_or_refused(raw: Json) -> None:
    """Whatever stands in a report, no quantity fails over it, and what it reads can be told to the model."""
    for gauge in GAUGES:
        value = gauge.quantity.decode(raw)

        assert value is None or msgspec.json.decode(msgspec.json.encode(value)) == value


@given(REPORTED)
def test_no_report_breaks_the_book(raw: Json) -> None:
    """Whatever JSON stands where a value is looked for, `NaN` and `Infinity` included, the book goes on."""
    states = StateBook(ODD)

    for gauge in GAUGES:
        document = raw
        for key in reversed(gauge.path):
            document = {key: document}
        assert states.apply(gauge.topic, json.dumps(document).encode()).devices <= set(ODD)

    msgspec.json.encode([states.answer(name) for name in ODD])


@given(st.lists(st.tuples(st.sampled_from(TOPICS), st.binary() | st.text().map(str.encode))))
def test_no_payload_breaks_the_book(messages: list[tuple[str, bytes]]) -> None:
    """Whatever bytes arrive, the book goes on."""
    states = StateBook(HOUSE)

    for topic, payload in messages:
        assert states.apply(topic, payload).devices <= set(HOUSE)
