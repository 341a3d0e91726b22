"""The Realtime double's user side: buffer, turns, detection of speech, items of the conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.doubles.realtime import Delivery, Gap, RealtimeDouble, Scenario, Speech, reply
from tests.doubles.realtime.audio import noise, silence, tone
from tests.doubles.realtime.client import configured, joined
from tests.doubles.realtime.vad import EnergyDetector, SpeechStarted, SpeechStopped

if TYPE_CHECKING:
    from tests.doubles.realtime.script import Json

STALLED = Speech(tone(1_000), "Long.", Delivery(chunk_bytes=(4_800,), gaps=(Gap(at_ms=100, wait_s=3_600.0),)))
"""Sends one delta of 100 ms and then nothing, so that no test has to be quick."""


def text_item(item_id: str) -> dict[str, Any]:
    """A user's text under an id of the client's."""
    content = [{"type": "input_text", "text": "x"}]
    return {"id": item_id, "type": "message", "role": "user", "content": content}


async def test_a_commit_makes_an_item_and_no_response() -> None:
    """With turn_detection null a commit is acknowledged, added and done, and then nothing follows."""
    question = noise(500)
    async with RealtimeDouble() as server, configured(server) as client:
        await client.append(question)
        await client.send("input_audio_buffer.commit")
        await client.send("response.cancel")
        await client.error()
        turn = await server.turn(1)
        server.assert_complete()
    assert client.kinds() == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "error",
    ]
    assert {e.get("item_id", e.get("item", {}).get("id")) for e in client.seen[:3]} == {turn.item_id}
    assert (turn.pcm, turn.by_vad, turn.connection) == (question, False, 1)
    assert server.appended_audio_bytes == len(question)
    assert turn.first_append_at_s <= turn.committed_at_s


async def test_cleared_audio_is_no_part_of_the_turn() -> None:
    """Clear empties the buffer, but the record of all that was appended keeps it."""
    async with RealtimeDouble() as server, configured(server) as client:
        await client.append(noise(300))
        await client.send("input_audio_buffer.clear")
        await client.speak(tone(100))
        assert (await server.turn(1)).pcm == tone(100)
        assert bytes(server.record.sessions[0].appended) == noise(300) + tone(100)
        server.assert_complete()


@pytest.mark.parametrize("length_ms", [0, 99])
async def test_a_short_commit_is_empty(length_ms: int) -> None:
    """Less than 100 ms cannot be committed and stays in the buffer."""
    async with RealtimeDouble() as server, configured(server) as client:
        await client.append(tone(length_ms))
        await client.send("input_audio_buffer.commit", event_id="soon")
        error = await client.error()
        await client.speak(tone(100 - length_ms))
        assert len((await server.turn(1)).pcm) == len(tone(100))
        server.assert_complete()
    assert (error["code"], error["event_id"]) == ("input_audio_buffer_commit_empty", "soon")


async def test_audio_before_the_session_is_configured_is_a_violation() -> None:
    """An append ahead of session.updated is recorded, once, and heard all the same."""
    async with RealtimeDouble() as server, joined(server) as client:
        await client.until("session.created")
        await client.append(silence(200))
        await client.send("session.update", session={"type": "realtime"})
        await client.until("session.updated")
        assert [v.problem for v in server.violations] == ["audio before session.updated"]
        assert server.appended_audio_bytes == len(silence(200))


async def test_transcription_comes_only_when_asked_for() -> None:
    """The scripted transcript follows the turn whose session wants one, and names its item."""
    audio = {"input": {"turn_detection": None, "transcription": {"model": "gpt-transcribe"}}}
    async with (
        RealtimeDouble(Scenario(transcripts=["lights on"])) as server,
        configured(server, audio=audio) as client,
    ):
        await client.speak(tone(500))
        done = await client.until("conversation.item.input_audio_transcription.completed")
        turn = await server.turn(1)
    assert (done["transcript"], done["item_id"]) == ("lights on", turn.item_id)
    assert done["usage"] == {"type": "duration", "seconds": 0.5}


def test_the_energy_detector_finds_the_edges_of_speech_to_the_block() -> None:
    """Start is the first loud block less the padding, end is the last one plus the silence asked for."""
    detector = EnergyDetector(level=0.01, silence_ms=200, padding_ms=100, heard_ms=0)
    sound = silence(500) + tone(300) + silence(500) + tone(100) + silence(200)
    pieces = [sound[start : start + 333 * 2] for start in range(0, len(sound), 333 * 2)]
    verdicts = [verdict for piece in pieces for verdict in detector.feed(piece)]
    assert verdicts == [
        SpeechStarted(400),
        SpeechStopped(1000),
        SpeechStarted(1200),
        SpeechStopped(1600),
    ]


async def test_server_vad_cuts_the_turn_and_answers_by_itself() -> None:
    """Speech between silences is announced, committed with padding and silence, and answered."""
    vad = {"type": "server_vad", "silence_duration_ms": 400, "prefix_padding_ms": 100}
    scenario = Scenario(replies=[reply(Speech(tone(50), "Yes."))])
    async with (
        RealtimeDouble(scenario) as server,
        configured(server, audio={"input": {"turn_detection": vad}}) as client,
    ):
        await client.append(silence(500) + tone(600) + silence(500))
        await client.until("response.done")
        turn = await server.turn(1)
        server.assert_complete()
    assert client.kinds()[:6] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    assert (client.seen[0]["audio_start_ms"], client.seen[1]["audio_end_ms"]) == (400, 1500)
    assert {event["item_id"] for event in client.seen[:3]} == {turn.item_id}
    assert (turn.pcm, turn.by_vad) == (silence(100) + tone(600) + silence(400), True)


async def test_vad_without_create_response_leaves_the_answer_to_the_client() -> None:
    """The turn is committed by the server, the response is asked for by the client."""
    vad = {"type": "server_vad", "silence_duration_ms": 200, "create_response": False}
    scenario = Scenario(replies=[reply(Speech(tone(50)))], speech_spans_ms=[(0, 300)])
    async with (
        RealtimeDouble(scenario) as server,
        configured(server, audio={"input": {"turn_detection": vad}}) as client,
    ):
        await client.append(silence(400))
        await client.until("conversation.item.done")
        assert server.record.responses == []
        await client.ask()
        server.assert_complete()
        assert server.record.responses[0].request.pcm == silence(300)


async def test_speech_under_vad_interrupts_and_is_answered_after() -> None:
    """A scripted span of speech cancels the running reply (turn_detected) and gets one of its own."""
    slow = Speech(tone(20_000), "Long.", Delivery.paced(1.0, chunk_ms=100))
    scenario = Scenario(replies=[reply(slow), reply(Speech(tone(50)))], speech_spans_ms=[(0, 200), (300, 500)])
    audio = {"input": {"turn_detection": {"type": "semantic_vad"}}}
    async with RealtimeDouble(scenario) as server, configured(server, audio=audio) as client:
        await client.append(silence(200))
        await client.until("response.output_audio.delta")
        await client.append(silence(300))
        first = (await client.until("response.done"))["response"]
        second = (await client.until("response.done"))["response"]
        server.assert_complete()
    assert first["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert second["status"] == "completed"


async def test_speech_that_may_not_interrupt_gets_no_answer_while_one_plays() -> None:
    """With interrupt_response off the reply plays on, and the automatic one is refused."""
    scenario = Scenario(replies=[reply(STALLED)], speech_spans_ms=[(0, 100), (200, 300)])
    vad = {"type": "server_vad", "interrupt_response": False}
    async with (
        RealtimeDouble(scenario) as server,
        configured(server, audio={"input": {"turn_detection": vad}}) as client,
    ):
        await client.append(silence(100))
        await client.until("response.output_audio.delta")
        await client.append(silence(200))
        error = await client.error()
        await client.send("response.cancel")
        done = (await client.until("response.done"))["response"]
        server.assert_complete()
    assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", None)
    assert done["status_details"]["reason"] == "client_cancelled"


async def test_items_are_kept_in_order_under_unique_ids() -> None:
    """Items go where the client says; a taken id, an unknown place and an unknown id are errors."""

    async def create(item_id: str, **fields: object) -> None:
        await client.send("conversation.item.create", item=text_item(item_id), **fields)

    async with RealtimeDouble() as server, configured(server) as client:
        await create("a")
        await create("b", previous_item_id="root")
        await create("c", previous_item_id="b")
        before = [(await client.until("conversation.item.done"))["previous_item_id"] for _ in "abc"]
        await create("a")
        await create("d", previous_item_id="gone")
        await client.send("conversation.item.delete", item_id="a")
        await client.send("conversation.item.delete", item_id="a")
        await client.send("conversation.item.retrieve", item_id="a")
        codes = [(await client.error())["code"] for _ in range(4)]
        server.assert_complete()
    assert before == [None, None, "b"]
    assert codes == [
        "item_create_duplicate_item_id",
        "item_create_invalid_previous_item_id",
        "item_delete_invalid_item_id",
        "item_retrieve_invalid_item_id",
    ]
    assert "conversation.item.deleted" in client.kinds()


async def test_retrieve_gives_the_audio_back() -> None:
    """A committed turn can be read again, its audio in base64."""
    async with RealtimeDouble() as server, configured(server) as client:
        item_id = (await client.speak(tone(100)))["item_id"]
        await client.send("conversation.item.retrieve", item_id=item_id)
        item: Json = (await client.until("conversation.item.retrieved"))["item"]
    assert len(item["content"][0]["audio"]) == len(tone(100)) * 4 // 3


async def test_two_clients_are_two_sessions_and_are_counted() -> None:
    """Each connection has its own buffer; the most that were open at once is on record."""
    async with RealtimeDouble() as server:
        async with configured(server) as one, configured(server) as two:
            await one.speak(tone(100))
            await two.speak(tone(200))
            assert [(t.connection, len(t.pcm)) for t in server.record.turns] == [(1, 4800), (2, 9600)]
        async with configured(server):
            assert server.record.peak_live_sessions == 2
            assert len(server.record.sessions) == 3
