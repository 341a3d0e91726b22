"""One session: how it starts, what an update changes, and how what is wrong is refused."""

import json

import pytest

from hearthd.offline.protocol import limits
from tests.doubles.realtime.audio import silence
from tests.offline.session_scene import MANUAL, PIECE, SET_LIGHT, Json, Scene, kinds


@pytest.fixture
def scene() -> Scene:
    """Return a session that has just begun."""
    return Scene()


def test_a_session_begins_with_all_that_is_in_force(scene: Scene) -> None:
    """A client reads its session, the defaults among it, from the first message of all."""
    [created] = scene.events
    assert created["type"] == "session.created"
    session = created["session"]
    assert (session["object"], session["model"], session["expires_at"]) == (
        "realtime.session",
        "hearthd-offline",
        1_800_000_000,
    )
    assert session["audio"]["input"]["turn_detection"]["type"] == "server_vad"


def test_an_update_changes_what_it_names_and_echoes_all(scene: Scene) -> None:
    """What is left out stays as it was, in nested objects as well."""
    scene.update(instructions="One", audio={"output": {"speed": 1.25}})
    session = scene.update(tools=[SET_LIGHT], audio={"input": {"turn_detection": None}}, output_modalities=["text"])
    assert session["instructions"] == "One"
    assert session["tools"] == [SET_LIGHT]
    assert session["output_modalities"] == ["text"]
    assert session["audio"]["output"]["speed"] == 1.25
    assert session["audio"]["input"]["turn_detection"] is None
    assert session["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24_000}


def test_null_brings_the_default_back(scene: Scene) -> None:
    """As in the service: empty texts and lists clear, null resets."""
    scene.update(instructions="One", tools=[SET_LIGHT], max_output_tokens=12, tracing=None)
    session = scene.update(instructions="", tools=[], max_output_tokens=None, tool_choice=None)
    assert (session["instructions"], session["tools"], session["max_output_tokens"]) == ("", [], "inf")


def test_a_detection_is_filled_with_defaults(scene: Scene) -> None:
    """The echo shows every switch of the detector that is in force."""
    session = scene.update(audio={"input": {"turn_detection": {"type": "server_vad", "create_response": False}}})
    assert session["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": None,
        "create_response": False,
        "interrupt_response": True,
    }
    session = scene.update(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}})
    assert session["audio"]["input"]["turn_detection"]["eagerness"] == "low"


def test_what_is_taken_without_effect_is_echoed(scene: Scene) -> None:
    """Wishes of clients that a bigger server would grant do not cost them their tools."""
    wishes: Json = {
        "audio": {
            "input": {
                "noise_reduction": {"type": "far_field"},
                "transcription": {"model": "gpt-transcribe", "language": "en"},
            },
            "output": {"voice": {"id": "voice_1"}},
        },
        "reasoning": {"effort": "low"},
        "parallel_tool_calls": True,
        "truncation": {"type": "retention_ratio", "retention_ratio": 0.8},
        "tracing": {"workflow_name": "house"},
        "include": ["item.input_audio_transcription.logprobs"],
        "tool_choice": {"type": "function", "name": "set_light"},
    }
    session = scene.update(**wishes)
    assert session["audio"]["input"]["noise_reduction"] == {"type": "far_field"}
    assert session["audio"]["input"]["transcription"] == {"model": "gpt-transcribe", "language": "en"}
    assert session["audio"]["output"]["voice"] == {"id": "voice_1"}
    for name in wishes.keys() - {"audio"}:
        assert session[name] == wishes[name]


def test_any_model_may_be_named_and_none_is_changed(scene: Scene) -> None:
    """Clients repeat in each update what they believe to talk with."""
    assert scene.update(model="gpt-realtime-2.1")["model"] == "hearthd-offline"


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"instructions": "x"}, "missing_required_parameter", "session.type"),
        ({"type": "transcription"}, "invalid_value", "session.type"),
        ({"type": "realtime", "temperature": 0.8}, "unknown_parameter", "session.temperature"),
        ({"type": "realtime", "modalities": ["text"]}, "unknown_parameter", "session.modalities"),
        ({"type": "realtime", "instructions": 5}, "invalid_type", "session.instructions"),
        ({"type": "realtime", "max_output_tokens": 0}, "invalid_value", "session.max_output_tokens"),
        ({"type": "realtime", "output_modalities": ["text", "audio"]}, "array_above_max_length", None),
        ({"type": "realtime", "output_modalities": ["video"]}, "invalid_value", None),
        ({"type": "realtime", "tools": [{"type": "mcp"}]}, "invalid_value", "session.tools[0].type"),
        ({"type": "realtime", "tools": [{"type": "function", "name": "a b"}]}, "invalid_value", None),
        ({"type": "realtime", "tools": [SET_LIGHT, SET_LIGHT]}, "invalid_value", "session.tools[1].name"),
        ({"type": "realtime", "audio": {"output": {"speed": 9}}}, "invalid_value", "session.audio.output.speed"),
        (
            {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcmu"}}}},
            "invalid_value",
            "session.audio.input.format.type",
        ),
        (
            {"type": "realtime", "audio": {"output": {"format": {"type": "audio/pcm", "rate": 8_000}}}},
            "invalid_value",
            "session.audio.output.format.rate",
        ),
        (
            {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad", "eagerness": "low"}}}},
            "unknown_parameter",
            "session.audio.input.turn_detection.eagerness",
        ),
    ],
)
def test_an_update_that_is_wrong_anywhere_is_refused_whole(
    scene: Scene, session: Json, code: str, param: str | None
) -> None:
    """With the code and the field of the service, and nothing of it in force."""
    error = scene.error(
        "session.update", event_id="mine", session={**session, "instructions": session.get("instructions", "new")}
    )
    assert (error["type"], error["code"], error["event_id"]) == ("invalid_request_error", code, "mine")
    if param is not None:
        assert error["param"] == param
    assert scene.update()["instructions"] == scene.events[0]["session"]["instructions"]


def test_tracing_stays_as_it_was_once_on(scene: Scene) -> None:
    """As in the service."""
    scene.update(tracing="auto")
    assert scene.error("session.update", session={"type": "realtime", "tracing": None})["param"] == "session.tracing"


def test_the_voice_is_locked_by_the_first_sound(scene: Scene) -> None:
    """The same voice again is no change, another one is refused."""
    scene.update(**MANUAL)
    scene.update(audio={"output": {"voice": "cedar"}})
    scene.ask()
    assert scene.update(audio={"output": {"voice": "cedar"}})["audio"]["output"]["voice"] == "cedar"
    error = scene.error("session.update", session={"type": "realtime", "audio": {"output": {"voice": "alloy"}}})
    assert error["code"] == "cannot_update_voice"


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        (b"\x00", "invalid_event", None),
        ("{", "invalid_json", None),
        ("\ud800", "invalid_json", None),
        ('{"a":' * 100_000, "invalid_json", None),
        ("[]", "invalid_event", None),
        ("null", "invalid_event", None),
        ("{}", "missing_required_parameter", "type"),
        ('{"type": "output_audio_buffer.clear"}', "invalid_value", "type"),
        ('{"type": 5}', "invalid_value", "type"),
        ('{"type": "response.cancel", "extra": 1}', "unknown_parameter", "extra"),
        ('{"type": "input_audio_buffer.append"}', "missing_required_parameter", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "%%%"}', "invalid_value", "audio"),
    ],
)
def test_garbage_is_told_and_survived(scene: Scene, message: str | bytes, code: str, param: str | None) -> None:
    """With the code of the service; the session goes on as if nothing had come."""
    [event] = scene.send_raw(message)
    assert (event["type"], event["error"]["code"], event["error"]["param"]) == ("error", code, param)
    assert kinds(scene.write("what time is it")) == ["conversation.item.added", "conversation.item.done"]


def test_an_error_names_the_message_that_it_is_about(scene: Scene) -> None:
    """Also when nothing else of that message can be read."""
    [event] = scene.send_raw(json.dumps({"event_id": "ev_7", "type": "nonsense"}))
    assert event["error"]["event_id"] == "ev_7"
    assert "'session.update'" in event["error"]["message"]


def test_a_session_that_is_too_old_says_so(scene: Scene) -> None:
    """Before the connection is closed, with the service's code and words."""
    scene.session.expire()
    [event] = scene.flush()
    assert event["error"]["code"] == "session_expired"
    assert event["error"]["message"] == f"Your session hit the maximum duration of {limits.SESSION_S // 60} minutes."


def test_ids_differ_from_each_other_and_carry_the_mark(scene: Scene) -> None:
    """Nothing of one session can be taken for something of another, calls above all."""
    scene.update(**MANUAL)
    scene.write("turn on the kitchen light")
    scene.ask()
    ids = [event["event_id"] for event in scene.events]
    ids += [event["item"]["id"] for event in scene.events if event["type"] == "response.output_item.added"]
    assert len(set(ids)) == len(ids)
    assert {identifier for identifier in ids if "_mark00000000" not in identifier} == set()


def test_sound_of_nothing_is_taken_for_what_it_is(scene: Scene) -> None:
    """An hour of silence in one session leaves nothing behind but the count."""
    for _ in range(5):
        assert scene.append(silence(2_000)) == []
    assert scene.orders == []
    assert scene.append(PIECE[:1]) == []
