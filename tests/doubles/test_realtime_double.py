"""The Realtime double keeps the protocol's rules, and tells when a client does not."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from tests.doubles.realtime import (
    Accept,
    Call,
    Cancelled,
    Delivery,
    ErrorFirst,
    Failed,
    HttpRefusal,
    Incomplete,
    Quirks,
    RealtimeDouble,
    Reply,
    ResponseRequest,
    Scenario,
    ServerError,
    Silence,
    Speech,
    Text,
    reply,
)
from tests.doubles.realtime.audio import noise, silence, tone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Json = dict[str, Any]
DEADLINE_S = 5.0
MANUAL: Json = {
    "type": "realtime",
    "output_modalities": ["audio"],
    "instructions": "Be short.",
    "audio": {
        "input": {"format": {"type": "audio/pcm", "rate": 24000}, "turn_detection": None},
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"},
    },
    "tools": [{"type": "function", "name": "set_light", "description": "", "parameters": {"type": "object"}}],
    "tool_choice": "auto",
    "max_output_tokens": 1024,
}


class Client:
    """A raw client: sends JSON, collects what comes."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[Json] = []

    async def send(self, kind: str, **fields: object) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def next(self) -> Json:
        async with asyncio.timeout(DEADLINE_S):
            event: Json = json.loads(await self.socket.recv())
        self.seen.append(event)
        return event

    async def until(self, kind: str) -> Json:
        while (event := await self.next())["type"] != kind:
            pass
        return event

    async def append(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), 4800):
            audio = base64.b64encode(pcm[start : start + 4800]).decode()
            await self.send("input_audio_buffer.append", audio=audio)

    async def speak(self, pcm: bytes) -> Json:
        await self.append(pcm)
        await self.send("input_audio_buffer.commit")
        return await self.until("input_audio_buffer.committed")

    async def configured(self, **changes: object) -> Self:
        await self.until("session.created")
        await self.send("session.update", session={**MANUAL, **changes})
        await self.until("session.updated")
        self.seen.clear()
        return self

    def kinds(self) -> list[str]:
        return [event["type"] for event in self.seen]

    def audio(self) -> bytes:
        deltas = [e["delta"] for e in self.seen if e["type"] == "response.output_audio.delta"]
        return b"".join(base64.b64decode(delta) for delta in deltas)


@asynccontextmanager
async def joined(server: RealtimeDouble) -> AsyncIterator[Client]:
    """A client that is connected and has read nothing yet."""
    async with connect(f"{server.url}?model=gpt-realtime-2.1-mini", max_size=None) as socket:
        yield Client(socket)


async def test_a_manual_turn_is_answered_in_the_protocols_order() -> None:
    """Commit makes a user item and no response; response.create makes the whole body, in order."""
    question, answer = noise(500), noise(400, seed=2)
    scenario = Scenario(replies=[reply(Speech(answer, "It is done."))])
    async with RealtimeDouble(scenario) as server, joined(server) as client:
        await client.configured()
        await client.speak(question)
        await client.send("response.create")
        done = await client.until("rate_limits.updated")
        turn = await server.turn(1)
        server.assert_complete()
    body = list(dict.fromkeys(client.kinds()))
    assert body == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    assert done["rate_limits"][0]["name"] == "tokens"
    assert turn.pcm == question
    assert client.audio() == answer
    assert server.appended_audio_bytes == len(question)


async def test_a_long_reply_arrives_whole_in_odd_pieces() -> None:
    """Ten seconds sent at once in deltas of odd size give the exact bytes when joined."""
    answer = noise(10_000)
    async with (
        RealtimeDouble(Scenario(replies=[reply(Speech(answer, "", Delivery.odd()))])) as server,
        joined(server) as client,
    ):
        await client.configured()
        await client.send("response.create")
        await client.until("response.done")
        assert client.audio() == answer
        assert (await server.response(1)).pcm == answer
    sizes = {e.audio_bytes % 2 for e in server.record.events if e.type == "response.output_audio.delta"}
    assert sizes == {0, 1}


async def test_pacing_and_gaps_place_every_delta() -> None:
    """A paced plan follows the audio's clock, and a gap makes all that follows late."""
    delivery = Delivery.paced(2.0, chunk_ms=100)
    assert [due for due, _ in delivery.plan(silence(300))] == [0.0, 0.05, 0.1]


async def test_a_call_and_its_output_lead_to_the_next_reply() -> None:
    """The responder of the second response sees the output of the first one's call."""
    requests: list[ResponseRequest] = []

    async def second(request: ResponseRequest) -> Reply:
        requests.append(request)
        return reply(Speech(tone(100), "On."))

    call = Call("set_light", {"on": True}, call_id="call_a")
    async with (
        RealtimeDouble(Scenario(replies=[reply(call), second])) as server,
        joined(server) as client,
    ):
        await client.configured()
        await client.speak(tone(200))
        await client.send("response.create")
        done = await client.until("response.done")
        item = {"type": "function_call_output", "call_id": "call_a", "output": '{"ok":true}'}
        await client.send("conversation.item.create", item=item)
        await client.send("response.create")
        await client.until("response.done")
        server.assert_complete()
    assert done["response"]["output"][0]["arguments"] == '{"on": true}'
    assert [(o.call_id, o.output) for o in requests[0].outputs] == [("call_a", '{"ok":true}')]
    assert [tool["name"] for tool in requests[0].tools] == ["set_light"]
    assert requests[0].pcm == b""


async def test_calls_may_come_in_pairs_broken_and_twice() -> None:
    """One response holds speech, a call with broken JSON and another; repeated events come twice."""
    parts = (Speech(tone(60), "Wait."), Call("a", "{broken"), Call("b", {}))
    script = Reply(parts, repeat=frozenset({"response.function_call_arguments.done"}))
    async with RealtimeDouble(Scenario(replies=[script])) as server, joined(server) as client:
        await client.configured()
        await client.send("response.create")
        done = await client.until("response.done")
    names = [(o["type"], o.get("arguments")) for o in done["response"]["output"]]
    assert names == [("message", None), ("function_call", "{broken"), ("function_call", "{}")]
    assert client.kinds().count("response.function_call_arguments.done") == 4


async def test_a_second_response_is_refused_by_the_clients_event_id() -> None:
    """While one response plays, another request is an error that names it, and disturbs nothing."""
    speech = Speech(tone(400), "Slow.", Delivery.paced(4.0, chunk_ms=100))
    async with RealtimeDouble(Scenario(replies=[reply(speech)])) as server, joined(server) as client:
        await client.configured()
        await client.send("response.create")
        await client.until("response.created")
        await client.send("response.create", event_id="mine")
        error = (await client.until("error"))["error"]
        await client.until("response.done")
        server.assert_complete()
    assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "mine")


async def test_a_cancel_lets_deltas_in_flight_arrive_then_ends() -> None:
    """After a cancel two more deltas come, the item is incomplete, and the next turn works."""
    speech = Speech(tone(30_000), "Long.", Delivery.paced(1.0, chunk_ms=100))
    scenario = Scenario(replies=[reply(speech), reply(Speech(tone(100)))])
    async with RealtimeDouble(scenario) as server, joined(server) as client:
        await client.configured()
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.send("response.cancel")
        done = (await client.until("response.done"))["response"]
        assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "client_cancelled")
        assert done["output"][0]["status"] == "incomplete"
        assert len(client.audio()) == 3 * 4800
        await client.send("response.cancel", event_id="late")
        error = (await client.until("error"))["error"]
        assert (error["code"], error["event_id"]) == ("response_cancel_not_active", "late")
        await client.send("response.create")
        assert (await client.until("response.done"))["response"]["status"] == "completed"
        hits = [cancel.response_id for cancel in server.record.cancels]
        assert hits == [done["id"], None]


async def test_truncation_is_bounded_by_what_was_sent() -> None:
    """Truncating inside the audio is acknowledged; beyond it, or of nothing, is an error."""
    async with (
        RealtimeDouble(Scenario(replies=[reply(Speech(tone(1000), "One two."))])) as server,
        joined(server) as client,
    ):
        await client.configured()
        await client.send("response.create")
        item_id = (await client.until("response.done"))["response"]["output"][0]["id"]
        cut: Json = {"item_id": item_id, "content_index": 0}
        await client.send("conversation.item.truncate", **cut, audio_end_ms=1001)
        assert (await client.until("error"))["error"]["code"] == "invalid_value"
        await client.send("conversation.item.truncate", **cut, audio_end_ms=600)
        await client.until("conversation.item.truncated")
        await client.send("conversation.item.truncate", **{**cut, "item_id": "item_x"}, audio_end_ms=1)
        assert (await client.until("error"))["error"]["code"] == "item_truncate_invalid_item_id"
        await client.send("conversation.item.retrieve", item_id=item_id)
        content = (await client.until("conversation.item.retrieved"))["item"]["content"][0]
        server.assert_complete()
    assert (content["transcript"], len(base64.b64decode(content["audio"]))) == ("", 600 * 48)
    assert [(t.audio_end_ms, t.accepted) for t in server.record.truncations][:2] == [
        (1001, False),
        (600, True),
    ]


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        (
            {"type": "session.update", "session": {"type": "realtime", "voices": "x"}},
            "unknown_parameter",
            "session.voices",
        ),
        (
            {"type": "session.update", "session": {"type": "realtime", "temperature": 1}},
            "unknown_parameter",
            "session.temperature",
        ),
        (
            {"type": "session.update", "session": {"instructions": "x"}},
            "missing_required_parameter",
            "session.type",
        ),
        (
            {
                "type": "session.update",
                "session": {
                    "type": "realtime",
                    "audio": {"input": {"turn_detection": {"type": "server_vad", "silence_ms": 3}}},
                },
            },
            "unknown_parameter",
            "session.audio.input.turn_detection.silence_ms",
        ),
        (
            {
                "type": "session.update",
                "session": {"type": "realtime", "tools": [{"type": "function", "name": "a", "strict": True}]},
            },
            "unknown_parameter",
            "session.tools[0].strict",
        ),
        (
            {
                "type": "session.update",
                "session": {"type": "realtime", "output_modalities": ["audio", "text"]},
            },
            "invalid_value",
            "session.output_modalities",
        ),
        ({"type": "input_audio_buffer.append", "audio": "AAAA!"}, "invalid_value", "audio"),
        ({"type": "input_audio_buffer.append", "audios": "AAAA"}, "unknown_parameter", "audios"),
        ({"type": "input_audio_buffer.append", "audio": "AAAA"}, "invalid_value", "audio"),
        (
            {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": "5"},
            "invalid_type",
            "audio_end_ms",
        ),
        ({"type": "output_audio_buffer.clear"}, "invalid_value", "type"),
        ({"type": "response.crate"}, "invalid_value", "type"),
        ({"response": {}}, "missing_required_parameter", "type"),
    ],
)
async def test_a_wrong_event_is_refused_and_recorded(event: Json, code: str, param: str) -> None:
    """What the types do not know, even as an extra member, is an error, a violation, and no close."""
    async with RealtimeDouble() as server, joined(server) as client:
        await client.configured()
        await client.socket.send(json.dumps({**event, "event_id": "bad"}))
        error = (await client.until("error"))["error"]
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
    async with RealtimeDouble() as server, joined(server) as client:
        await client.configured()
        await client.socket.send(message)
        assert (await client.until("error"))["error"]["code"] == code
        assert len(server.record.violations) == 1


async def test_a_refused_update_changes_nothing() -> None:
    """A scripted refusal drops the whole update; the next one passes."""
    errors = [ServerError("unknown_parameter", "no", "session.reasoning")]
    async with RealtimeDouble(Scenario(update_errors=errors)) as server, joined(server) as client:
        before = (await client.until("session.created"))["session"]
        await client.send("session.update", session=MANUAL, event_id="u1")
        error = (await client.until("error"))["error"]
        assert (error["code"], error["event_id"]) == ("unknown_parameter", "u1")
        assert server.record.sessions[0].config == before
        await client.send("session.update", session={"type": "realtime", "instructions": ""})
        after = (await client.until("session.updated"))["session"]
        assert after == {**before, "instructions": ""}
        server.assert_complete()


async def test_the_voice_is_locked_once_the_model_has_spoken() -> None:
    """After the first audio a new voice is refused with the whole update; the same voice passes."""
    async with (
        RealtimeDouble(Scenario(replies=[reply(Speech(tone(50)))])) as server,
        joined(server) as client,
    ):
        await client.configured()
        await client.send("response.create")
        await client.until("response.done")
        for voice, answer in (("cedar", "error"), ("marin", "session.updated")):
            await client.send(
                "session.update", session={"type": "realtime", "audio": {"output": {"voice": voice}}}
            )
            await client.until(answer)
        codes = [e["error"]["code"] for e in client.seen if e["type"] == "error"]
    assert codes == ["cannot_update_voice"]


async def test_audio_before_the_session_is_configured_is_a_violation() -> None:
    """An append ahead of session.updated is recorded, once."""
    async with RealtimeDouble() as server, joined(server) as client:
        await client.until("session.created")
        await client.append(silence(200))
        await client.send("session.update", session=MANUAL)
        await client.until("session.updated")
        assert [v.problem for v in server.record.violations] == ["audio before session.updated"]


async def test_a_short_commit_is_empty_and_clear_forgets() -> None:
    """Less than 100 ms cannot be committed; cleared audio is no part of the next turn."""
    async with RealtimeDouble() as server, joined(server) as client:
        await client.configured()
        await client.append(tone(90))
        await client.send("input_audio_buffer.commit")
        assert (await client.until("error"))["error"]["code"] == "input_audio_buffer_commit_empty"
        await client.send("input_audio_buffer.clear")
        await client.speak(tone(100, hz=300))
        assert (await server.turn(1)).pcm == tone(100, hz=300)
        server.assert_complete()


async def test_server_vad_cuts_the_turn_and_answers_by_itself() -> None:
    """Speech between silences is announced, committed with padding and silence, and answered."""
    vad = {"type": "server_vad", "silence_duration_ms": 400, "prefix_padding_ms": 100}
    audio = {"input": {"turn_detection": vad}}
    async with (
        RealtimeDouble(Scenario(replies=[reply(Speech(tone(50), "Yes."))])) as server,
        joined(server) as client,
    ):
        await client.configured(audio=audio)
        await client.append(silence(500) + tone(600) + silence(500))
        await client.until("response.done")
        turn = await server.turn(1)
        server.assert_complete()
    edges = [(e.get("audio_start_ms"), e.get("audio_end_ms")) for e in client.seen[:2]]
    assert edges == [(400, None), (None, 1500)]
    assert client.kinds()[2] == "input_audio_buffer.committed"
    assert turn.pcm == silence(100) + tone(600) + silence(400)
    assert {e["item_id"] for e in client.seen[:3]} == {turn.item_id}


async def test_speech_under_vad_interrupts_and_is_answered_after() -> None:
    """A scripted span of speech cancels the running reply (turn_detected) and gets one of its own."""
    slow = Speech(tone(20_000), "Long.", Delivery.paced(1.0, chunk_ms=100))
    scenario = Scenario(
        replies=[reply(slow), reply(Speech(tone(50)))], speech_spans_ms=[(0, 200), (300, 500)]
    )
    audio = {"input": {"turn_detection": {"type": "semantic_vad"}}}
    async with RealtimeDouble(scenario) as server, joined(server) as client:
        await client.configured(audio=audio)
        await client.append(silence(200))
        await client.until("response.output_audio.delta")
        await client.append(silence(300))
        first = (await client.until("response.done"))["response"]
        second = (await client.until("response.done"))["response"]
        server.assert_complete()
    assert first["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert second["status"] == "completed"


@pytest.mark.parametrize(
    ("ending", "status", "details"),
    [
        (Incomplete(), "incomplete", {"type": "incomplete", "reason": "max_output_tokens"}),
        (Cancelled(), "cancelled", {"type": "cancelled", "reason": "turn_detected"}),
        (
            Failed("rate_limit_exceeded", "Try again in 6.232s."),
            "failed",
            {
                "type": "failed",
                "error": {
                    "type": "invalid_request_error",
                    "code": "rate_limit_exceeded",
                    "message": "Try again in 6.232s.",
                },
            },
        ),
    ],
)
async def test_a_reply_may_end_badly(ending: Any, status: str, details: Json) -> None:  # noqa: ANN401
    """The last speech breaks off half-way, and response.done says why."""
    script = reply(Speech(tone(200), "Cut me."), ending=ending)
    async with RealtimeDouble(Scenario(replies=[script])) as server, joined(server) as client:
        await client.configured()
        await client.send("response.create")
        done = (await client.until("response.done"))["response"]
    assert (done["status"], done["status_details"]) == (status, details)
    assert done["output"][0]["status"] == "incomplete"
    assert len(client.audio()) == 100 * 48


async def test_out_of_band_runs_beside_the_conversation() -> None:
    """A response with conversation none has its own script, writes no items, echoes its metadata."""
    scenario = Scenario(replies=[reply(Speech(tone(50)))], out_of_band=[reply(Text("short"))])
    asked: Json = {
        "conversation": "none",
        "output_modalities": ["text"],
        "metadata": {"purpose": "title"},
        "input": [],
    }
    async with RealtimeDouble(scenario) as server, joined(server) as client:
        await client.configured()
        await client.send("response.create", response=asked)
        done = (await client.until("response.done"))["response"]
        assert "conversation.item.added" not in client.kinds()
        await client.send("response.create")
        await client.until("response.done")
        server.assert_complete()
    assert (done["conversation_id"], done["metadata"]) == (None, {"purpose": "title"})
    assert done["output"][0]["content"][0]["text"] == "short"


async def test_usage_counts_audio_and_what_was_read_before() -> None:
    """Ten tokens a second in, twenty out, and all that the previous response read is cached."""
    scenario = Scenario(replies=[reply(Speech(tone(1000), "four")), reply(Speech(tone(500), "four"))])
    async with RealtimeDouble(scenario) as server, joined(server) as client:
        await client.configured(instructions="", tools=[])
        for _ in range(2):
            await client.speak(tone(2000))
            await client.send("response.create")
            await client.until("response.done")
        first, second = (r.usage for r in server.record.responses)
    assert first is not None and second is not None
    assert first["output_token_details"] == {"text_tokens": 1, "audio_tokens": 20}
    assert first["input_token_details"]["audio_tokens"] == 20
    assert first["input_token_details"]["cached_tokens"] == 0
    assert second["input_token_details"]["audio_tokens"] == 60
    assert second["input_token_details"]["cached_tokens_details"]["audio_tokens"] == 20


async def test_items_are_kept_in_order_under_unique_ids() -> None:
    """Items go where the client says; a taken id and an unknown one are errors."""

    def text(item_id: str) -> Json:
        return {
            "id": item_id,
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "x"}],
        }

    async with RealtimeDouble() as server, joined(server) as client:
        await client.configured()
        await client.send("conversation.item.create", item=text("a"))
        await client.until("conversation.item.done")
        await client.send("conversation.item.create", item=text("b"), previous_item_id="root")
        assert (await client.until("conversation.item.added"))["previous_item_id"] is None
        await client.send("conversation.item.create", item=text("a"))
        assert (await client.until("error"))["error"]["code"] == "item_create_duplicate_item_id"
        await client.send("conversation.item.delete", item_id="a")
        await client.until("conversation.item.deleted")
        await client.send("conversation.item.delete", item_id="a")
        assert (await client.until("error"))["error"]["code"] == "item_delete_invalid_item_id"
        server.assert_complete()


async def test_unscripted_and_unused_replies_fail_the_assertion() -> None:
    """A response that nothing was scripted for fails, and so does a reply that nobody asked for."""
    async with RealtimeDouble() as server, joined(server) as client:
        await client.configured()
        await client.send("response.create")
        assert (await client.until("response.done"))["response"]["status"] == "failed"
        with pytest.raises(AssertionError, match="unscripted"):
            server.assert_clean()
    async with RealtimeDouble(Scenario(replies=[reply()])) as server:
        with pytest.raises(AssertionError, match="1 replies unused"):
            server.assert_complete()


@pytest.mark.parametrize("status", [401, 403, 429, 503])
async def test_a_handshake_may_be_refused_by_status(status: int) -> None:
    """The HTTP status, its headers and its body reach the client; then the next opening serves."""
    refusal = HttpRefusal(status, "no", {"Retry-After": "7"})
    async with RealtimeDouble(Scenario(openings=[refusal, Accept()])) as server:
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"{server.url}?model=m")
        async with joined(server) as client:
            await client.configured()
        assert [h.status for h in server.record.handshakes] == [status, 101]
        assert len(server.record.sessions) == 1
    response = caught.value.response
    assert (response.status_code, response.headers["Retry-After"], response.body) == (status, "7", b"no")


async def test_a_session_may_be_refused_after_the_upgrade() -> None:
    """`error` comes in place of session.created, then a close whose reason repeats it."""
    opening = ErrorFirst("invalid_api_key", close_code=3000)
    async with RealtimeDouble(Scenario(openings=[opening])) as server, joined(server) as client:
        assert (await client.next())["error"]["code"] == "invalid_api_key"
        with pytest.raises(ConnectionClosedError):
            await client.next()
        assert client.socket.close_code == 3000
        assert client.socket.close_reason == "invalid_request_error.invalid_api_key"


async def test_the_beta_header_and_a_missing_model_are_refused() -> None:
    """Both upgrade, say what is wrong, and close with 4000."""
    async with RealtimeDouble() as server:
        for query, headers, code in (
            ("?model=m", {"OpenAI-Beta": "realtime=v1"}, "beta_api_shape_disabled"),
            ("", {}, "missing_model"),
        ):
            async with connect(server.url + query, additional_headers=headers) as socket:
                client = Client(socket)
                assert (await client.next())["error"]["code"] == code
                with pytest.raises(ConnectionClosedError):
                    await client.next()
                assert socket.close_code == 4000


async def test_delays_and_silence_at_the_start_end_with_the_server() -> None:
    """A late handshake and a late session still serve; a silent session ends when the server does."""
    openings = [Accept(handshake_delay_s=0.1, session_delay_s=0.1), Silence()]
    async with RealtimeDouble(Scenario(openings=openings)) as server:
        async with joined(server) as client:
            await client.configured()
        record = server.record.sessions[0]
        assert record.created_at_s is not None
        assert record.created_at_s - record.opened_at_s >= 0.1
        silent = await connect(f"{server.url}?model=m")
        await silent.send("{}")
    with pytest.raises(Exception, match="1001"):
        await silent.recv()


async def test_drops_end_delivery_and_are_recorded() -> None:
    """A close frame gives its code, an abort gives 1006, and no task outlives either."""
    slow = Speech(tone(30_000), "", Delivery.paced(1.0))
    async with RealtimeDouble(Scenario(replies=[reply(slow), reply(slow)])) as server:
        for code in (1001, 1006):
            async with joined(server) as client:
                await client.configured()
                await client.send("response.create")
                await client.until("response.output_audio.delta")
                if code == 1001:
                    await server.drop(1001, "maximum duration")
                else:
                    server.abort()
                await client.socket.wait_closed()
                assert client.socket.close_code == code
        await server.record.until(lambda: not any(s.live for s in server.record.sessions), "end", 2.0)
        assert server.record.peak_live_sessions == 1
        assert [s.close_code for s in server.record.sessions] == [1001, 1006]
        names = {task.get_name() for task in asyncio.all_tasks()}
        assert not {name for name in names if name.startswith("resp_")}


async def test_quirks_add_what_nobody_knows() -> None:
    """Unknown types and members, a constant event id and a null error.event_id, all at once."""
    quirks = Quirks(
        unknown_events=True, unknown_fields=True, constant_event_id="event_TODO", null_error_event_id=True
    )
    async with RealtimeDouble(Scenario(quirks=quirks)) as server, joined(server) as client:
        await client.configured()
        await client.send("response.cancel", event_id="mine")
        error = await client.until("error")
        assert (error["event_id"], error["error"]["event_id"]) == ("event_TODO", None)
        assert "obfuscation" in error
        assert client.kinds()[0].startswith("response.nobody")


async def test_the_sdks_own_client_talks_with_it() -> None:
    """A whole turn through the `openai` package: it parses every event into its own types."""
    answer = noise(300)
    async with RealtimeDouble(Scenario(replies=[reply(Speech(answer, "Hello there."))])) as server:
        sdk = AsyncOpenAI(api_key="k", websocket_base_url=server.base_url)
        async with sdk, sdk.realtime.connect(model="gpt-realtime-2.1") as link, asyncio.timeout(DEADLINE_S):
            await link.session.update(
                session={"type": "realtime", "audio": {"input": {"turn_detection": None}}}
            )
            await link.input_audio_buffer.append(audio=base64.b64encode(tone(200)).decode())
            await link.input_audio_buffer.commit()
            await link.response.create()
            heard = b""
            async for event in link:
                if event.type == "response.output_audio.delta":
                    heard += base64.b64decode(event.delta)
                if event.type == "response.done":
                    assert event.response.status == "completed"
                    break
        assert heard == answer
        assert server.record.handshakes[0].headers["authorization"] == "Bearer k"
        await server.turn(1)


async def test_it_runs_as_a_process_of_its_own() -> None:
    """The demo scenario answers a turn by calling the light tool, then by speaking; SIGTERM ends it."""
    program = (sys.executable, "-m", "tests.doubles.realtime", "--scenario", "demo")
    process = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            url = (await process.stdout.readline()).decode().strip()
        async with connect(f"{url}?model=m", max_size=None) as socket:
            client = await Client(socket).configured()
            await client.speak(tone(300))
            await client.send("response.create")
            call = (await client.until("response.done"))["response"]["output"][0]
            item = {"type": "function_call_output", "call_id": call["call_id"], "output": "ok"}
            await client.send("conversation.item.create", item=item)
            await client.send("response.create")
            await client.until("response.done")
            assert call["name"] == "set_light"
            assert client.audio()
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            status = await process.wait()
    assert status == 0
