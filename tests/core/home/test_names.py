"""Which device is meant by what models and people say."""

from collections.abc import Mapping

import pytest

from hearthd.core.errors import CallRefused
from hearthd.core.home.devices import Cover, Device, Light, Sensor, Switch
from hearthd.core.home.names import Directory, phrase
from hearthd.core.home.wiring import Kind, wire

HOUSE: Mapping[str, Device] = {
    "lamp_1": Light(command_topic="a", name="Ceiling light", area="Küche", aliases=("big lamp",)),
    "lamp_2": Light(command_topic="b", name="Ceiling light", area="bedroom"),
    "lamp_3": Light(command_topic="c", name="Night light", area="bedroom"),
    "fairy_lights": Light(command_topic="d"),
    "coffee": Switch(command_topic="e", area="küche", device_class="outlet"),
    "garage_door": Cover(command_topic="f", area="garage", device_class="garage"),
    "hall_climate": Sensor(state_topic="g", area="hall"),
}


def directory(area: str = "Küche") -> Directory:
    """Return the house as it is seen from `area`."""
    return Directory([wire(name, device) for name, device in HOUSE.items()], area)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the Lamp in the Küche", ("kuche", "lamp")),
        ("Kuche-lamp!", ("kuche", "lamp")),
        ("the", ("the",)),
        ("?!", ()),
    ],
)
def test_a_phrase_is_the_bare_words(text: str, words: tuple[str, ...]) -> None:
    """Case, accents, punctuation, order and fillers do not matter, unless nothing else is left."""
    assert phrase(text) == words


@pytest.mark.parametrize(
    ("text", "kind", "identifier"),
    [
        ("lamp_2", Kind.LIGHT, "lamp_2"),
        ("LAMP 2", Kind.LIGHT, "lamp_2"),
        ("big lamp", Kind.LIGHT, "lamp_1"),
        ("the big lamp in the kuche", Kind.LIGHT, "lamp_1"),
        ("bedroom ceiling light", Kind.LIGHT, "lamp_2"),
        ("ceiling light", Kind.LIGHT, "lamp_1"),
        ("night light", Kind.LIGHT, "lamp_3"),
        ("küche light", Kind.LIGHT, "lamp_1"),
        ("light", Kind.LIGHT, "lamp_1"),
        ("Küche", Kind.SWITCH, "coffee"),
        ("outlet", Kind.SWITCH, "coffee"),
        ("garage door", Kind.COVER, "garage_door"),
        ("garage", Kind.COVER, "garage_door"),
        ("fairy lights", None, "fairy_lights"),
        ("hall sensor", None, "hall_climate"),
    ],
)
def test_a_device_is_found_by_what_it_is_called(text: str, kind: Kind | None, identifier: str) -> None:
    """Identifiers, names, aliases, "area and kind" and, in our own area, the kind alone lead to the device."""
    assert directory().find(text, kind).identifier == identifier


@pytest.mark.parametrize(
    ("text", "kind", "code", "explanation"),
    [
        (
            "bedroom light",
            Kind.LIGHT,
            "ambiguous_device",
            "'bedroom light' fits several devices: lamp_2, lamp_3. Ask which is meant.",
        ),
        (
            "fairy light",
            Kind.LIGHT,
            "unknown_device",
            "There is no device 'fairy light' for this. Did you mean fairy_lights or lamp_2?",
        ),
        ("zzz", Kind.LIGHT, "unknown_device", "There is no device 'zzz' for this."),
        ("z" * 500, Kind.LIGHT, "unknown_device", f"There is no device '{'z' * 60}' for this."),
        ("!", Kind.LIGHT, "unknown_device", "There is no device '!' for this."),
        (
            "coffee",
            Kind.LIGHT,
            "wrong_function",
            "coffee is a switch, which this function does not control.",
        ),
        (
            "Garage Door",
            Kind.LIGHT,
            "wrong_function",
            "garage_door is a cover, which this function does not control.",
        ),
    ],
)
def test_what_cannot_be_found_is_refused_with_what_to_do(text: str, kind: Kind, code: str, explanation: str) -> None:
    """A refusal names the candidates, the nearest names or the device's real kind."""
    with pytest.raises(CallRefused) as caught:
        directory().find(text, kind)

    assert (caught.value.code, caught.value.explanation) == (code, explanation)


def test_without_an_area_of_our_own_a_bare_kind_means_devices_without_one() -> None:
    """A hearthd that stands nowhere prefers devices that stand nowhere."""
    assert directory(area="").find("light", Kind.LIGHT).identifier == "fairy_lights"


def test_several_that_are_all_elsewhere_stay_ambiguous() -> None:
    """Our own area decides only if one of the candidates is there."""
    with pytest.raises(CallRefused, match="ambiguous_device"):
        directory(area="attic").find("ceiling light", Kind.LIGHT)


def test_a_shared_name_is_told_with_its_area() -> None:
    """Answers say which of two ceiling lights they mean, and leave the area out where nobody needs it."""
    wirings = {name: wire(name, device) for name, device in HOUSE.items()}

    assert directory().label(wirings["lamp_2"]) == "bedroom Ceiling light"
    assert directory().label(wirings["lamp_3"]) == "Night light"
