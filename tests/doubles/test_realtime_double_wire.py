"""The Realtime double's strictness: what it refuses, what it records, what it never sends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.client import connect

from tests.doubles.realtime import Quirks, RealtimeDouble, Scenario, ServerError, Speech, reply, wire
from tests.doubles.realtime.audio import tone
from tests.doubles.realtime.client import MANUAL, RawClient, configured, joined

if TYPE_CHECKING:
    from tests.doubles.realtime.script import Json


def update(**session: object) -> Json:
    """An update of a realtime session."""
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def create(**item: object) -> Json:
    """A new item."""
    return {"type": "conversation.item.create", "item": item}


WRONG: list[tuple[Json, str, str]] = [
    (update(voices="x"), "unknown_parameter", "session.voices"),
    (update(temperature=1), "unknown_parameter", "session.temperature"),
    (update(audio={"output": {"voise": "x"}}), "unknown_parameter", "session.audio.output.voise"),
    (update(audio={"output": {"speed": 9.0}}), "invalid_value", "session.audio.output.speed"),
    (
        update(audio={"input": {"format": {"type": "audio/pcmu"}}}),
        "invalid_value",
        "session.audio.input.format.type",
    ),
    (
        update(audio={"input": {"turn_detection": {"type": "server_vad", "silence_ms": 3}}}),
        "unknown_parameter",
        "session.audio.input.turn_detection.silence_ms",
    ),
    (
        update(audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": "3"}}}),
        "invalid_type",
        "session.audio.input.turn_detection.silence_duration_ms",
    ),
    (
        update(audio={"input": {"turn_detection": {"type": "semantic_vad", "threshold": 0.5}}}),
        "unknown_parameter",
        "session.audio.input.turn_detection.threshold",
    ),
    (
        update(tools=[{"type": "function", "name": "a", "strict": True}]),
        "unknown_parameter",
        "session.tools[0].strict",
    ),
    (update(tools=[{"type": "function", "name": "a b"}]), "invalid_value", "session.tools[0].name"),
    (update(output_modalities=["audio", "text"]), "invalid_value", "session.output_modalities"),
    (update(max_output_tokens=9999), "invalid_value", "session.max_output_tokens"),
    (
        {"type": "session.update", "session": {"instructions": ""}},
        "missing_required_parameter",
        "session.type",
    ),
    ({"type": "input_audio_buffer.append", "audio": "AAAA!"}, "invalid_value", "audio"),
    ({"type": "input_audio_buffer.append", "audio": ""}, "invalid_value", "audio"),
    ({"type": "input_audio_buffer.append", "audio": "AAAA"}, "invalid_value", "audio"),
    ({"type": "input_audio_buffer.append", "audios": "AAAAAA=="}, "unknown_parameter", "audios"),
    ({"type": "input_audio_buffer.commit", "final": True}, "unknown_parameter", "final"),
    (
        create(type="message", role="user", content=[{"type": "input_text", "txt": "x"}]),
        "unknown_parameter",
        "item.content[0].txt",
    ),
    (
        create(type="message", role="assistant", content=[{"type": "text", "text": "x"}]),
        "invalid_value",
        "item.content.0.type",
    ),
    (
        create(type="function_call_output", call_id="c" * 33, output=""),
        "string_above_max_length",
        "item.call_id",
    ),
    (create(type="function_call_output", call_id="c"), "missing_required_parameter", "item.output"),
    (
        {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 5.5},
        "invalid_type",
        "audio_end_ms",
    ),
    (
        {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": -1},
        "invalid_value",
        "audio_end_ms",
    ),
    (
        {"type": "response.create", "response": {"modalities": ["text"]}},
        "unknown_parameter",
        "response.modalities",
    ),
    (
        update(tools=[{"type": "function", "name": "a"}, {"type": "function", "name": "a"}]),
        "invalid_value",
        "session.tools[1].name",
    ),
    (
        update(tools=[{"type": "function", "name": "a", "parameters": {"type": "string"}}]),
        "invalid_value",
        "session.tools[0].parameters",
    ),
    (
        update(audio={"input": {"turn_detection": {"type": "server_vad", "threshold": 1.5}}}),
        "invalid_value",
        "session.audio.input.turn_detection.threshold",
    ),
    (
        update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 9000}}}),
        "invalid_value",
        "session.audio.input.turn_detection.idle_timeout_ms",
    ),
    ({"type": "session.update", "session": {"type": "transcription"}}, "invalid_value", "session.type"),
    (
        create(type="message", role="system", content=[{"type": "input_text", "text": "x" * 256_001}]),
        "string_above_max_length",
        "item.content[0].text",
    ),
    (
        create(type="message", role="assistant", content=[{"type": "output_text", "text": "x" * 256_001}]),
        "string_above_max_length",
        "item.content[0].text",
    ),
    (
        {"type": "response.create", "response": {"metadata": {str(n): "" for n in range(17)}}},
        "invalid_value",
        "response.metadata",
    ),
    (
        {"type": "response.create", "response": {"metadata": {"k": "v" * 513}}},
        "string_above_max_length",
        "response.metadata",
    ),
    (
        {"type": "conversation.item.truncate", "item_id": "i", "content_index": 1, "audio_end_ms": 1},
        "invalid_value",
        "content_index",
    ),
    ({"type": "output_audio_buffer.clear"}, "invalid_value", "type"),
    ({"type": "response.crate"}, "invalid_value", "type"),
    ({"response": {}}, "missing_required_parameter", "type"),
]


@pytest.mark.parametrize(("event", "code", "param"), WRONG)
async def test_a_wrong_event_is_refused_and_recorded(event: Json, code: str, param: str) -> None:
    """What the types do not know, even as an extra member, is an error, a violation, and no close."""
    async with RealtimeDouble() as server, configured(server) as client:
        await client.socket.send(json.dumps({**event, "event_id": "bad"}))
        error = await client.error()
        assert (error["code"], error["param"], error["event_id"]) == (code, param, "bad")
        with pytest.raises(AssertionError):
            server.assert_clean()
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")


@pytest.mark.parametrize(
    ("message", "code"), [("{", "invalid_json"), (b"\x00", "invalid_event"), ("[]", "invalid_event")]
)
async def test_an_unreadable_message_is_refused_and_recorded(message: str | bytes, code: str) -> None:
    """Bad JSON, binary and non-objects are errors that leave the session usable."""
    async with RealtimeDouble() as server, configured(server) as client:
        await client.socket.send(message)
        assert (await client.error())["code"] == code
        assert len(server.violations) == 1
        await client.speak(tone(100))


def test_references_to_items_are_known_in_a_response_only() -> None:
    """The event's class lacks item_reference, the protocol has it; a misspelt one is still found."""
    event: Json = {"type": "response.create", "response": {"input": [{"type": "item_reference", "id": "a"}]}}
    assert wire.decode_client(json.dumps(event))[1] == []
    event["response"]["input"][0]["di"] = "b"
    assert wire.decode_client(json.dumps(event))[1] != []


def test_the_double_cannot_send_what_the_protocol_does_not_know() -> None:
    """A server event of an unknown type, with a member too many or one too few, is our own mistake."""
    good: Json = {"type": "input_audio_buffer.cleared", "event_id": "e"}
    assert json.loads(wire.encode_server(good)) == good
    for bad in ({**good, "type": "input_audio_buffer.cleaned"}, {**good, "x": 1}, {"type": good["type"]}):
        with pytest.raises(AssertionError):
            wire.encode_server(bad)


async def test_an_update_changes_only_what_it_names() -> None:
    """Fields merge, an empty string and null clear, and a detector gets its defaults."""
    async with RealtimeDouble() as server, joined(server) as client:
        before = (await client.until("session.created"))["session"]
        vad = {"type": "server_vad", "silence_duration_ms": 700}
        await client.socket.send(json.dumps(update(instructions="", audio={"input": {"turn_detection": vad}})))
        after = (await client.until("session.updated"))["session"]
        server.assert_complete()
    detection = before["audio"]["input"]["turn_detection"]
    expected = json.loads(json.dumps(before)) | {"instructions": ""}
    expected["audio"]["input"]["turn_detection"] = {**detection, "silence_duration_ms": 700}
    assert after == expected


async def test_a_refused_update_changes_nothing() -> None:
    """A scripted refusal drops the whole update; the next one passes."""
    errors = [ServerError("unknown_parameter", "no", "session.reasoning"), None]
    async with RealtimeDouble(Scenario(update_errors=errors)) as server, joined(server) as client:
        before = (await client.until("session.created"))["session"]
        await client.send("session.update", session=MANUAL, event_id="u1")
        error = await client.error()
        assert server.record.sessions[0].config == before
        await client.send("session.update", session={"type": "realtime", "instructions": ""})
        after = (await client.until("session.updated"))["session"]
        server.assert_complete()
    assert (error["code"], error["event_id"]) == ("unknown_parameter", "u1")
    assert after == {**before, "instructions": ""}


async def test_the_voice_is_locked_once_the_model_has_spoken() -> None:
    """After the first audio a new voice is refused with the whole update; the same voice passes."""
    async with (
        RealtimeDouble(Scenario(replies=[reply(Speech(tone(50)))])) as server,
        configured(server) as client,
    ):
        await client.ask()
        refused = update(instructions="lost", audio={"output": {"voice": "cedar"}})
        await client.socket.send(json.dumps(refused))
        assert (await client.error())["code"] == "cannot_update_voice"
        await client.socket.send(json.dumps(update(audio={"output": {"voice": "marin"}})))
        session = (await client.until("session.updated"))["session"]
        server.assert_complete()
    assert session["instructions"] == MANUAL["instructions"]


@pytest.mark.parametrize(
    ("model", "session"),
    [
        ("gpt-realtime-2.1", {"model": "gpt-realtime-2"}),
        ("gpt-realtime-2.1", {"tracing": None}),
        ("gpt-realtime", {"reasoning": {"effort": "low"}}),
    ],
)
async def test_what_is_fixed_refuses_the_whole_update(model: str, session: Json) -> None:
    """Model, tracing once on, and reasoning on an old model: each loses all that came with it."""
    async with RealtimeDouble() as server, connect(f"{server.url}?model={model}") as socket:
        client = await RawClient(socket).configured(tracing="auto")
        await client.socket.send(json.dumps(update(instructions="lost", **session)))
        assert (await client.error())["code"] in ("invalid_value", "unknown_parameter")
        assert server.record.sessions[0].config["instructions"] == MANUAL["instructions"]
        server.assert_clean()


async def test_noise_reduction_keeps_its_strength() -> None:
    """A strength once set outlives a change of type; null takes it away."""
    async with RealtimeDouble() as server, configured(server) as client:
        shown = []
        for change in ({"type": "far_field", "strength": 0.5}, {"type": "near_field"}, None):
            await client.socket.send(json.dumps(update(audio={"input": {"noise_reduction": change}})))
            session = (await client.until("session.updated"))["session"]
            shown.append(session["audio"]["input"]["noise_reduction"])
    assert shown == [
        {"type": "far_field", "strength": 0.5},
        {"type": "near_field", "strength": 0.5},
        None,
    ]


async def test_quirks_add_what_nobody_knows() -> None:
    """Unknown types and members, a constant event id and a null error.event_id, all at once."""
    quirks = Quirks(
        unknown_events=True,
        unknown_fields=True,
        constant_event_id="event_TODO",
        null_error_event_id=True,
        rate_limits=False,
    )
    scenario = Scenario(replies=[reply(Speech(tone(50)))], quirks=quirks)
    async with RealtimeDouble(scenario) as server, configured(server) as client:
        await client.send("response.cancel", event_id="mine")
        error = await client.until("error")
        done = await client.ask()
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        server.assert_complete()
    assert (error["event_id"], error["error"]["event_id"]) == ("event_TODO", None)
    assert "obfuscation" in error
    assert done["phase"] == "commentary"
    assert client.kinds().count("response.nobody_knows_this.delta") == 3
    assert "rate_limits.updated" not in client.kinds()
