"""Our own MQTT interface."""

import msgspec
import pytest

from hearthd.core.home.topics import (
    AnnounceRequest,
    ListenRequest,
    MuteRequest,
    Request,
    RoomState,
    RoomTopics,
    SayRequest,
    StopRequest,
    Unusable,
    VolumeRequest,
    room_slug,
)

TOPICS = RoomTopics("hearthd", "Living Room")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("kitchen", "kitchen"),
        ("Living Room", "living_room"),
        ("Küche / Eßzimmer", "kuche_esszimmer"),
        ("客厅", "room_48c50bca"),
        ("+#", "room_95ce9ee4"),
    ],
)
def test_a_room_has_a_slug_that_fits_into_topics(name: str, slug: str) -> None:
    """Topics, client and entity identifiers take plain letters only; every name has some slug."""
    assert room_slug(name) == slug


def test_topics_lie_below_base_and_room() -> None:
    """The interface that integrations rely on."""
    assert TOPICS.availability == "hearthd/living_room/availability"
    assert TOPICS.state == "hearthd/living_room/state"
    assert TOPICS.event == "hearthd/living_room/event"
    assert TOPICS.commands() == (
        "hearthd/living_room/set/mute",
        "hearthd/living_room/set/volume",
        "hearthd/living_room/listen",
        "hearthd/living_room/stop",
        "hearthd/living_room/say",
        "hearthd/living_room/announce",
    )


@pytest.mark.parametrize(
    ("topic", "payload", "request_"),
    [
        (TOPICS.set_mute, b"ON", MuteRequest(on=True)),
        (TOPICS.set_mute, b" true ", MuteRequest(on=True)),
        (TOPICS.set_mute, b"1", MuteRequest(on=True)),
        (TOPICS.set_mute, b"off", MuteRequest(on=False)),
        (TOPICS.set_mute, b"False", MuteRequest(on=False)),
        (TOPICS.set_mute, b"0", MuteRequest(on=False)),
        (TOPICS.set_volume, b"40", VolumeRequest(40)),
        (TOPICS.set_volume, b"39.6", VolumeRequest(40)),
        (TOPICS.set_volume, b"0", VolumeRequest(0)),
        (TOPICS.listen, b"PRESS", ListenRequest()),
        (TOPICS.listen, b"", ListenRequest()),
        (TOPICS.stop, b"PRESS", StopRequest()),
        (TOPICS.say, "Grüß\n Gott".encode(), SayRequest("Grüß Gott")),
        (TOPICS.say, b'{"text": "dinner", "more": 1}', SayRequest("dinner")),
        (TOPICS.say, b'{"text": "dinner", "id": "k7"}', SayRequest("dinner", "k7")),
        (TOPICS.say, b"{dinner}", SayRequest("{dinner}")),
        (TOPICS.announce, b'{"text": "dinner", "id": "k7"}', AnnounceRequest("dinner", "k7")),
        (TOPICS.say, b"x" * 1_000, SayRequest("x" * 1_000)),
        (TOPICS.announce, b"[dinner]", AnnounceRequest("[dinner]")),
    ],
)
def test_a_command_is_read_with_tolerance(topic: str, payload: bytes, request_: Request) -> None:
    """Home Assistant, Node-RED and a hand on a keyboard write these differently."""
    assert TOPICS.parse(topic, payload, retained=False) == request_


@pytest.mark.parametrize(
    ("topic", "payload", "problem"),
    [
        (TOPICS.set_mute, b"", "expected ON or OFF"),
        (TOPICS.set_mute, b"toggle", "expected ON or OFF"),
        (TOPICS.set_volume, b"loud", "expected a number from 0 to 100"),
        (TOPICS.set_volume, b"nan", "expected a number from 0 to 100"),
        (TOPICS.set_volume, b"101", "expected a number from 0 to 100"),
        (TOPICS.set_volume, b"-1", "expected a number from 0 to 100"),
        (TOPICS.say, b" ", "expected a text that is not empty"),
        (TOPICS.say, b"{}", "expected a text that is not empty"),
        (TOPICS.say, b'{"text": 3}', "expected a text that is not empty"),
        (TOPICS.say, b'{"text": "dinner", "id": 3}', "expected an id that is a text of at most 100 characters"),
        (
            TOPICS.say,
            b'{"text": "a", "id": "%s"}' % (b"x" * 101),
            "expected an id that is a text of at most 100 characters",
        ),
        (TOPICS.say, b'{"a":' * 15_000, "expected at most 1000 characters, found 75000"),
        (TOPICS.announce, b"x" * 1_001, "expected at most 1000 characters, found 1001"),
    ],
)
def test_a_bad_payload_becomes_a_line_for_the_journal(topic: str, payload: bytes, problem: str) -> None:
    """It says what was expected and does nothing; what was to be spoken is not repeated."""
    assert TOPICS.parse(topic, payload, retained=False) == Unusable(topic, problem)


@pytest.mark.parametrize("topic", TOPICS.commands())
def test_a_retained_command_never_acts(topic: str) -> None:
    """The broker would deliver it again at every reconnect."""
    unusable = TOPICS.parse(topic, b"1", retained=True)

    assert isinstance(unusable, Unusable)
    assert unusable.problem == "is retained, so it would act at every reconnect; publish it without retain"


@pytest.mark.parametrize("topic", [TOPICS.state, "zigbee2mqtt/lamp", "hearthd/attic/listen"])
def test_other_topics_are_not_ours(topic: str) -> None:
    """Device reports and other rooms pass by."""
    assert TOPICS.parse(topic, b"ON", retained=False) is None


def test_the_room_state_is_one_json_object() -> None:
    """Its keys are what the discovery templates read; what nobody counts is left out, and so is trouble."""
    state = RoomState(phase="idle", link="ready", server="online", mic="live", volume_percent=80)

    assert msgspec.json.decode(msgspec.json.encode(state)) == {
        "phase": "idle",
        "link": "ready",
        "server": "online",
        "mic": "live",
        "volume_percent": 80,
    }
