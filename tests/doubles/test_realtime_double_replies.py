"""The Realtime double's own side: responses, delivery, calls, cancel and truncation, usage."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from tests.doubles.realtime import (
    Call,
    Cancelled,
    Delivery,
    Failed,
    Gap,
    Incomplete,
    RealtimeDouble,
    Reply,
    ResponseRequest,
    Scenario,
    Speech,
    Text,
    reply,
)
from tests.doubles.realtime.audio import noise, silence, tone
from tests.doubles.realtime.client import configured

if TYPE_CHECKING:
    from tests.doubles.realtime.script import Ending, Json

STALLED = Speech(
    tone(30_000), "A very long story.", Delivery(chunk_bytes=(4_800,), gaps=(Gap(at_ms=100, wait_s=3_600.0),))
)
"""Sends one delta of 100 ms and then nothing, so that no test has to be quick."""


async def test_a_reply_comes_in_the_protocols_order() -> None:
    """The whole body of one spoken reply, event by event."""
    async with (
        RealtimeDouble(Scenario(replies=[reply(Speech(noise(300), "It is done."))])) as server,
        configured(server) as client,
    ):
        await client.send("response.create")
        await client.until("rate_limits.updated")
        record = await server.response(1)
        server.assert_complete()
    assert client.kinds() == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    assert (record.items[0].transcript, record.status) == ("It is done.", "completed")
    assert record.done_at_s is not None
    assert record.requested_at_s <= record.done_at_s


async def test_a_long_reply_arrives_whole_in_odd_pieces() -> None:
    """Ten seconds sent at once in deltas of odd size give the exact bytes when joined."""
    answer = noise(10_000)
    async with (
        RealtimeDouble(Scenario(replies=[reply(Speech(answer, "", Delivery.odd()))])) as server,
        configured(server) as client,
    ):
        await client.ask()
        assert client.audio() == answer
        assert (await server.response(1)).pcm == answer
    sizes = [e.audio_bytes for e in server.record.of_type("response.output_audio.delta")]
    assert sizes[:6] == [4_801, 1, 14_399, 333, 2, 9_601]


def test_pacing_and_gaps_place_every_delta() -> None:
    """A paced plan follows the audio's clock; a gap makes all that follows late; a burst has no clock."""
    paced = Delivery.paced(2.0, chunk_ms=100, gaps=(Gap(at_ms=200, wait_s=1.0),))
    assert [due for due, _ in paced.plan(silence(400))] == [0.0, 0.05, 1.1, 1.15]
    assert {due for due, _ in Delivery().plan(silence(1000))} == {0.0}


async def test_a_call_and_its_output_lead_to_the_next_reply() -> None:
    """The responder of the second response sees the output of the first one's call."""
    requests: list[ResponseRequest] = []

    async def second(request: ResponseRequest) -> Reply:
        requests.append(request)
        return reply(Speech(tone(100), "On."))

    first = reply(Call("set_light", {"on": True}, call_id="call_a"))
    async with RealtimeDouble(Scenario(replies=[first, second])) as server, configured(server) as client:
        await client.speak(tone(200))
        called = (await client.ask())["output"][0]
        item = {"type": "function_call_output", "call_id": "call_a", "output": '{"ok":true}'}
        await client.send("conversation.item.create", item=item)
        await client.ask()
        server.assert_complete()
    assert (called["name"], called["arguments"]) == ("set_light", '{"on": true}')
    assert [(o.call_id, o.output) for o in requests[0].outputs] == [("call_a", '{"ok":true}')]
    assert [tool["name"] for tool in requests[0].tools] == ["set_light"]
    assert requests[0].pcm == b""
    assert server.record.responses[0].request.pcm == tone(200)
    assert server.record.responses[0].calls[0].done_at_s is not None


async def test_a_call_is_answered_once_and_only_if_it_was_made() -> None:
    """A second output for one call is a violation; an output for an unknown call is an error."""
    async with (
        RealtimeDouble(Scenario(replies=[reply(Call("a", {}, call_id="call_a"))])) as server,
        configured(server) as client,
    ):
        await client.ask()
        for call_id in ("call_a", "call_x", "call_a"):
            item = {"type": "function_call_output", "call_id": call_id, "output": ""}
            await client.send("conversation.item.create", item=item)
        assert (await client.error())["code"] == "invalid_tool_call_id"
        await client.until("conversation.item.done")
        assert [v.problem for v in server.violations] == ["second function_call_output for call_a"]


async def test_calls_may_come_in_pairs_broken_and_twice() -> None:
    """One response holds speech, a call with broken JSON and another; repeated events come twice."""
    parts = (Speech(tone(60), "Wait."), Call("a", "{broken"), Call("b", {}))
    twice = frozenset({"response.function_call_arguments.done", "response.output_item.done"})
    async with (
        RealtimeDouble(Scenario(replies=[Reply(parts, repeat=twice)])) as server,
        configured(server) as client,
    ):
        done = await client.ask()
    shown = [(o["type"], o.get("arguments")) for o in done["output"]]
    assert shown == [("message", None), ("function_call", "{broken"), ("function_call", "{}")]
    assert client.kinds().count("response.function_call_arguments.done") == 4
    assert client.kinds().count("response.output_item.done") == 6
    assert client.kinds().count("response.function_call_arguments.delta") == 2


async def test_a_call_cancelled_half_way_is_incomplete() -> None:
    """Its done events still come, with the part of the arguments that was sent."""
    call = Call("set_light", {"name": "kitchen light", "on": True}, delta_gap_s=3_600.0)
    async with RealtimeDouble(Scenario(replies=[reply(call)])) as server, configured(server) as client:
        await client.send("response.create")
        piece = (await client.until("response.function_call_arguments.delta"))["delta"]
        await client.send("response.cancel")
        item = (await client.until("response.output_item.done"))["item"]
        done = (await client.until("response.done"))["response"]
    assert item["status"] == "incomplete"
    assert item["arguments"].startswith(piece)
    assert len(item["arguments"]) < len(call.arguments_text())
    assert done["status"] == "cancelled"


async def test_events_can_be_left_out() -> None:
    """A reply without response.created, content parts and usage still carries its audio to the end."""
    lacking = frozenset({"response.created", "response.content_part.added", "response.content_part.done"})
    script = Reply((Speech(tone(50)),), omit=lacking, usage=False)
    async with RealtimeDouble(Scenario(replies=[script])) as server, configured(server) as client:
        done = await client.ask()
    assert not lacking & set(client.kinds())
    assert (done["usage"], client.audio()) == (None, tone(50))


async def test_a_second_response_is_refused_by_the_clients_event_id() -> None:
    """While one response plays, another request is an error that names it, and disturbs nothing."""
    async with RealtimeDouble(Scenario(replies=[reply(STALLED)])) as server, configured(server) as client:
        await client.send("response.create")
        running = (await client.until("response.created"))["response"]
        await client.send("response.create", event_id="mine")
        error = await client.error()
        await client.send("response.cancel")
        done = (await client.until("response.done"))["response"]
        server.assert_complete()
    assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "mine")
    assert done["id"] == running["id"]


async def test_a_response_may_be_asked_for_at_once_after_done() -> None:
    """Whoever has seen response.done is never told that a response is active."""
    replies = [reply(Speech(tone(20))) for _ in range(20)]
    async with RealtimeDouble(Scenario(replies=replies)) as server, configured(server) as client:
        for _ in replies:
            assert (await client.ask())["status"] == "completed"
        server.assert_complete()


async def test_a_cancel_lets_deltas_in_flight_arrive_then_ends() -> None:
    """After a cancel two more deltas come, the item is incomplete, and the next turn works."""
    scenario = Scenario(replies=[reply(STALLED), reply(Speech(tone(100)))])
    async with RealtimeDouble(scenario) as server, configured(server) as client:
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.send("response.cancel")
        done = (await client.until("response.done"))["response"]
        heard = len(client.audio())
        await client.send("response.cancel", event_id="late")
        error = await client.error()
        assert (await client.ask())["status"] == "completed"
        server.assert_complete()
    assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "client_cancelled")
    assert done["output"][0]["status"] == "incomplete"
    assert heard == 3 * 4800
    assert (error["code"], error["event_id"]) == ("response_cancel_not_active", "late")
    assert [cancel.response_id for cancel in server.record.cancels] == [done["id"], None]


async def test_a_cancel_hits_the_response_that_it_names() -> None:
    """A cancel by the id of an earlier response leaves the running one alone."""
    scenario = Scenario(replies=[reply(Speech(tone(20))), reply(STALLED)])
    async with RealtimeDouble(scenario) as server, configured(server) as client:
        first = await client.ask()
        await client.send("response.create")
        running = (await client.until("response.created"))["response"]
        await client.send("response.cancel", response_id=first["id"])
        assert (await client.error())["code"] == "response_cancel_not_active"
        await client.send("response.cancel", response_id=running["id"])
        done = (await client.until("response.done"))["response"]
    assert (done["id"], done["status"]) == (running["id"], "cancelled")


async def test_truncation_is_bounded_by_what_was_sent() -> None:
    """Inside the audio it is acknowledged, cuts the audio and empties the transcript; beyond, an error."""
    async with (
        RealtimeDouble(Scenario(replies=[reply(Speech(tone(1000), "One two."))])) as server,
        configured(server) as client,
    ):
        item_id = (await client.ask())["output"][0]["id"]
        cut: Json = {"item_id": item_id, "content_index": 0}
        await client.send("conversation.item.truncate", **cut, audio_end_ms=1001)
        assert (await client.error())["code"] == "invalid_value"
        await client.send("conversation.item.truncate", **cut, audio_end_ms=600)
        assert (await client.until("conversation.item.truncated"))["audio_end_ms"] == 600
        await client.send("conversation.item.truncate", **cut, audio_end_ms=601)
        assert (await client.error())["message"] == "Audio content of 600ms is already shorter than 601ms"
        await client.send("conversation.item.retrieve", item_id=item_id)
        content = (await client.until("conversation.item.retrieved"))["item"]["content"][0]
        server.assert_complete()
    assert (content["transcript"], base64.b64decode(content["audio"])) == ("", tone(600))
    cuts = [(t.audio_end_ms, t.accepted) for t in server.record.truncations]
    assert cuts == [(1001, False), (600, True), (601, False)]


async def test_only_known_speech_can_be_truncated() -> None:
    """An unknown item and the user's own audio are told apart."""
    async with RealtimeDouble() as server, configured(server) as client:
        users = (await client.speak(tone(200)))["item_id"]
        for item_id in ("item_x", users):
            await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=1)
        codes = [(await client.error())["code"] for _ in range(2)]
    assert codes == ["item_truncate_invalid_item_id", "invalid_value"]


@pytest.mark.parametrize(
    ("ending", "status", "details"),
    [
        (Incomplete(), "incomplete", {"type": "incomplete", "reason": "max_output_tokens"}),
        (Cancelled(after_ms=100), "cancelled", {"type": "cancelled", "reason": "turn_detected"}),
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
async def test_a_reply_may_end_badly(ending: Ending, status: str, details: Json) -> None:
    """The last speech breaks off where it is told (half-way by default); response.done says why."""
    script = reply(Speech(tone(200), "Cut me."), ending=ending)
    async with RealtimeDouble(Scenario(replies=[script])) as server, configured(server) as client:
        done = await client.ask()
    assert (done["status"], done["status_details"]) == (status, details)
    assert done["output"][0]["status"] == "incomplete"
    assert len(client.audio()) == 100 * 48


async def test_out_of_band_runs_beside_the_conversation() -> None:
    """It has its own script, runs beside an active response, writes no items and echoes its metadata."""
    scenario = Scenario(replies=[reply(STALLED)], out_of_band=[reply(Text("short"))])
    asked: Json = {
        "conversation": "none",
        "output_modalities": ["text"],
        "metadata": {"purpose": "title"},
        "instructions": "Name it.",
        "input": [],
    }
    async with RealtimeDouble(scenario) as server, configured(server) as client:
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        beside = await client.ask(asked)
        await client.send("response.cancel")
        await client.until("response.done")
        server.assert_complete()
    assert (beside["conversation_id"], beside["metadata"]) == (None, {"purpose": "title"})
    assert beside["output"][0]["content"][0]["text"] == "short"
    assert server.record.responses[1].request.instructions == "Name it."
    assert client.kinds().count("conversation.item.added") == 1


async def test_usage_counts_audio_and_what_was_read_before() -> None:
    """Ten tokens a second in, twenty out, and all that the previous response read is cached."""
    scenario = Scenario(replies=[reply(Speech(tone(1000), "four")), reply(Speech(tone(500), "four"))])
    async with (
        RealtimeDouble(scenario) as server,
        configured(server, instructions="", tools=[]) as client,
    ):
        usages: list[dict[str, Any]] = []
        for _ in range(2):
            await client.speak(tone(2000))
            usages.append((await client.ask())["usage"])
    first, second = usages
    assert first["output_token_details"] == {"text_tokens": 1, "audio_tokens": 20}
    assert first["input_token_details"]["audio_tokens"] == 20
    assert first["input_token_details"]["cached_tokens"] == 0
    assert second["input_token_details"]["audio_tokens"] == 20 + 20 + 20
    assert second["input_token_details"]["cached_tokens_details"]["audio_tokens"] == 20
    assert second["total_tokens"] == second["input_tokens"] + second["output_tokens"]


async def test_unscripted_and_unused_replies_fail_the_assertion() -> None:
    """A response that nothing was scripted for fails, and so does a reply that nobody asked for."""
    async with RealtimeDouble() as server, configured(server) as client:
        assert (await client.ask())["status"] == "failed"
        with pytest.raises(AssertionError, match="unscripted response number 1"):
            server.assert_clean()
    async with RealtimeDouble(Scenario(replies=[reply()])) as server:
        server.assert_clean()
        with pytest.raises(AssertionError, match="1 replies unused"):
            server.assert_complete()


async def test_replies_can_be_added_while_it_runs() -> None:
    """What is enqueued later follows what was scripted."""
    async with RealtimeDouble() as server, configured(server) as client:
        server.enqueue(reply(Speech(tone(20))), reply(Speech(tone(40))))
        await client.ask()
        await client.ask()
        assert client.audio() == tone(20) + tone(40)
        server.assert_complete()
