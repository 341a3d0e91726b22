"""How a session starts."""

import json

import msgspec
import pytest

from hearthd.core.realtime.client_messages import SessionUpdate, encode
from hearthd.core.realtime.handshake import Handshake, differences
from hearthd.core.realtime.server_messages import ErrorBody
from hearthd.core.realtime.session import TurnDetection
from hearthd.core.realtime.wishes import COMFORTS, EXTRAS
from tests.core.realtime.wire import LAMP, RICH, Json, plan

LAMP_ON_THE_WIRE = {
    "type": "function",
    "name": LAMP.name,
    "description": LAMP.description,
    "parameters": LAMP.parameters,
}
PCM = {"type": "audio/pcm", "rate": 24_000}


def session_of(update: SessionUpdate | None) -> Json:
    """Return the session that an update asks for."""
    assert update is not None
    session: Json = json.loads(encode(update))["session"]
    return session


def raw(value: object) -> msgspec.Raw:
    """Return `value` as it stands in a message."""
    return msgspec.Raw(json.dumps(value).encode())


def test_the_whole_session_is_asked_for() -> None:
    """Every setting of the plan is stated, whatever the server's defaults are."""
    assert session_of(Handshake(plan()).created()) == {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": "Be brief.",
        "audio": {
            "input": {"format": PCM, "turn_detection": None},
            "output": {"format": PCM, "voice": "cedar"},
        },
        "tools": [LAMP_ON_THE_WIRE],
        "tool_choice": "auto",
        "max_output_tokens": 512,
    }


@pytest.mark.parametrize(
    ("detection", "expected"),
    [
        ("none", None),
        (
            "server_vad",
            {
                "type": "server_vad",
                "silence_duration_ms": 700,
                "create_response": True,
                "interrupt_response": True,
            },
        ),
        ("semantic_vad", {"type": "semantic_vad", "create_response": True, "interrupt_response": True}),
    ],
)
def test_turn_detection_is_stated_in_both_updates(detection: TurnDetection, expected: Json | None) -> None:
    """Who finds the end of speech is never left to the server, not even in the plain update."""
    handshake = Handshake(plan(detection))
    for update in (handshake.created(), handshake.refused(ErrorBody())):
        audio = session_of(update)["audio"]
        assert isinstance(audio, dict)
        assert audio["input"]["turn_detection"] == expected


def test_the_plain_update_keeps_what_the_house_needs() -> None:
    """Voice and formats go; instructions, functions, and what bounds the spending stay."""
    handshake = Handshake(plan())
    handshake.created()
    assert session_of(handshake.refused(ErrorBody())) == {
        "type": "realtime",
        "instructions": "Be brief.",
        "audio": {"input": {"turn_detection": None}},
        "tools": [LAMP_ON_THE_WIRE],
        "tool_choice": "auto",
        "max_output_tokens": 512,
    }
    assert handshake.without == {"voice", "format", "modalities"}


def test_a_server_trips_over_one_setting_at_a_time() -> None:
    """What the error names goes first, then all that not every server knows, then all that have a default."""
    handshake = Handshake(RICH)
    handshake.created()
    steps: list[frozenset[str]] = []
    for error in (
        ErrorBody(message="The model does not support the parameter 'reasoning'."),
        ErrorBody(param="session.audio.input.noise_reduction"),
        ErrorBody(message="Invalid."),
        ErrorBody(param="session.audio.output.voice"),
        ErrorBody(param="session.audio.output.voice"),
    ):
        assert handshake.refused(error) is not None
        steps.append(handshake.without)
    assert steps == [
        {"reasoning"},
        {"reasoning", "noise_reduction"},
        EXTRAS,
        EXTRAS | {"voice"},
        EXTRAS | COMFORTS,
    ]
    assert handshake.refused(ErrorBody()) is None


def test_ready_comes_after_created_and_updated() -> None:
    """An update that nobody asked for makes nothing ready."""
    handshake = Handshake(plan())
    assert [handshake.updated(), handshake.updating, handshake.ready] == [False, False, False]
    handshake.created()
    assert [handshake.updating, handshake.ready] == [True, False]
    assert [handshake.updated(), handshake.updated()] == [True, False]
    assert [handshake.updating, handshake.ready, handshake.failed] == [False, True, False]


def test_created_twice_updates_once() -> None:
    """A repeated `session.created` starts nothing again."""
    handshake = Handshake(plan())
    handshake.created()
    assert handshake.created() is None


def test_plainer_updates_come_to_an_end() -> None:
    """There is none before the first, and none when nothing is left to leave out."""
    handshake = Handshake(plan())
    assert handshake.refused(ErrorBody()) is None
    handshake.created()
    assert handshake.refused(ErrorBody()) is not None
    assert handshake.updating
    assert handshake.refused(ErrorBody()) is None


def test_a_failed_session_is_not_ready() -> None:
    """Giving up is final."""
    handshake = Handshake(plan())
    handshake.created()
    handshake.fail()
    assert [handshake.failed, handshake.ready, handshake.updated()] == [True, False, False]


@pytest.mark.parametrize(
    "echo",
    [
        {},
        {"audio": {}, "tools": [{"name": "set_lamp", "type": "function"}]},
        {"audio": {"input": {"turn_detection": {"type": "server_vad"}}, "output": {"voice": "cedar"}}},
        {"audio": {"output": {"voice": {"id": "voice_1"}}}},
        {"max_output_tokens": 512, "max_response_output_tokens": None},
        {"tools": [{"type": "mcp"}, {"name": "set_lamp"}]},
        {"audio": "beta"},
        "no session",
    ],
)
def test_no_difference_is_seen(echo: object) -> None:
    """Equal, missing and unreadable settings are taken as granted."""
    assert differences(plan("server_vad"), raw(echo)) == {}


def test_differences_are_told_in_words() -> None:
    """Each setting that the server changed is named with both values."""
    echo = {"audio": {"input": {"turn_detection": None}, "output": {"voice": "alloy"}}, "tools": []}
    assert differences(plan("semantic_vad"), raw(echo)) == {
        "voice": "asked for cedar, got alloy",
        "turn_detection": "asked for semantic_vad, got none",
        "tools": "the server does not know set_lamp",
    }


@pytest.mark.parametrize("key", ["max_output_tokens", "max_response_output_tokens"])
def test_a_limit_that_the_server_did_not_take_is_seen(key: str) -> None:
    """Money hangs on it, so every layout's name of it is watched."""
    assert differences(plan(), raw({key: "inf"})) == {"max_output_tokens": "asked for 512, got inf"}


def test_other_layouts_are_read() -> None:
    """Some servers show voice and turns beside the rest of the session."""
    echo = {"voice": "alloy", "turn_detection": {"type": "server_vad"}}
    assert differences(plan(), raw(echo)) == {
        "voice": "asked for cedar, got alloy",
        "turn_detection": "asked for none, got server_vad",
    }


def test_turns_made_against_our_will_are_seen() -> None:
    """A server that goes on detecting turns is found out."""
    echo = {"audio": {"input": {"turn_detection": {"type": "server_vad"}}}}
    assert differences(plan("none"), raw(echo)) == {"turn_detection": "asked for none, got server_vad"}


def test_a_bottomless_echo_is_no_difference() -> None:
    """Nesting beyond all measure is survived."""
    assert differences(plan(), msgspec.Raw(b'{"x":' + b"[" * 100_000)) == {}
