"""What a Realtime server may do wrong, and the double does on request: refusals, breaks, stray frames, accents."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.doubles.realtime import (
    Broken,
    Call,
    CloseFirst,
    Delivery,
    Dialect,
    ErrorFirst,
    HttpRefusal,
    Intrusion,
    Quirks,
    RealtimeDouble,
    Reply,
    Scenario,
    Speech,
    Stalled,
    frames,
    refusals,
    reply,
)
from tests.doubles.realtime.audio import noise, tone
from tests.doubles.realtime.client import DEADLINE_S, configured, joined
from tests.doubles.realtime.outbox import AUDIO_DELTA

if TYPE_CHECKING:
    from tests.doubles.realtime import Opening

SPEECH = Speech(noise(400), "Well.")


@pytest.mark.parametrize(
    "opening", [*refusals.PERMANENT.values(), *refusals.PASSING.values()], ids=[*refusals.PERMANENT, *refusals.PASSING]
)
async def test_every_refusal_looks_as_it_does_in_the_field(opening: Opening) -> None:
    """By status and body before the upgrade, by error and close code after it."""
    async with RealtimeDouble(Scenario(openings=[opening])) as server:
        if isinstance(opening, HttpRefusal):
            with pytest.raises(InvalidStatus) as caught:
                await connect(f"{server.url}?model=m")
            response = caught.value.response
            assert (response.status_code, response.body) == (opening.status, opening.body.encode())
            assert response.headers["Content-Type"] == "application/json"
            assert response.headers.get("Retry-After") == opening.headers.get("Retry-After")
            return
        assert isinstance(opening, ErrorFirst | CloseFirst)
        async with joined(server) as client:
            if isinstance(opening, ErrorFirst):
                assert (await client.error())["code"] == opening.code
            with pytest.raises(ConnectionClosed):
                await client.next()
            assert client.socket.close_code == (opening.close_code or 1006)
            assert client.kinds() == ["error"] * isinstance(opening, ErrorFirst)


async def test_one_session_too_many_is_refused_and_told() -> None:
    """A client that reconnects before it let go is found out; when the first has gone, the next may come."""
    async with RealtimeDouble(Scenario(most_sessions=1)) as server:
        async with configured(server), joined(server) as second:
            assert (await second.error())["code"] == "session_limit_reached"
        await server.record.until(lambda: not any(s.live for s in server.record.sessions), "the ends", DEADLINE_S)
        async with configured(server):
            assert [violation.connection for violation in server.violations] == [2]


async def test_a_session_ends_at_the_providers_cap() -> None:
    """An error that says so, then 1001; the next session has its own time."""
    async with RealtimeDouble(Scenario(session_life_s=0.05)) as server:
        for _ in range(2):
            async with joined(server) as client:
                assert (await client.error())["code"] == "session_expired"
                with pytest.raises(ConnectionClosed):
                    await client.next()
                assert client.socket.close_code == 1001
        server.assert_clean()


@pytest.mark.parametrize("code", [None, 1000, 1001, 1008, 1011, 1012])
async def test_a_connection_breaks_in_mid_reply(code: int | None) -> None:
    """Half of the last part is there and nothing that ends it; what was made so far is billed."""
    broken = Broken(code, "gone", error_code="server_error" if code == 1011 else None)
    async with RealtimeDouble(Scenario(replies=[reply(SPEECH, ending=broken)])) as server:
        async with configured(server) as client:
            await client.send("response.create")
            with pytest.raises(ConnectionClosed):
                await client.until("response.done")
            assert client.audio() == SPEECH.pcm[: len(SPEECH.pcm) // 2]
            assert client.socket.close_code == (code or 1006)
            assert ("error" in client.kinds()) == (code == 1011)
            assert "response.output_audio.done" not in client.kinds()
        assert server.record.responses[0].cost_usd > 0
        server.assert_complete()


@pytest.mark.parametrize("part", [SPEECH, Call("set_light", {"on": True})])
async def test_a_reply_stalls_until_it_is_cancelled(part: Speech | Call) -> None:
    """Half of it comes and then nothing; a cancel is answered, and the next response is whole."""
    async with RealtimeDouble(Scenario(replies=[reply(part, ending=Stalled()), reply(SPEECH)])) as server:
        async with configured(server) as client:
            await client.send("response.create")
            await client.until(AUDIO_DELTA if isinstance(part, Speech) else "response.function_call_arguments.delta")
            await client.send("response.cancel")
            assert (await client.until("response.done"))["response"]["status"] == "cancelled"
            assert (await client.ask())["status"] == "completed"
        server.assert_complete()


@pytest.mark.parametrize(
    "frame",
    [
        frames.MALFORMED,
        frames.NO_OBJECT,
        frames.NO_TYPE,
        frames.UNKNOWN_TYPE,
        frames.WRONG_FIELDS,
        frames.NO_BASE64,
        frames.stray_audio(),
        frames.padded(2**20),
        frames.BINARY,
    ],
)
async def test_stray_frames_come_where_they_were_scripted(frame: frames.Frame) -> None:
    """Behind the second delta, as they stand; the reply around them is whole."""
    odd = Reply((SPEECH,), intrusions=(Intrusion(AUDIO_DELTA, (frame,), count=2),))
    async with RealtimeDouble(Scenario(replies=[odd])) as server, configured(server) as client:
        await client.send("response.create")
        messages: list[str | bytes] = []
        async with asyncio.timeout(DEADLINE_S):
            while b"response.done" not in _bytes(messages[-1:]):
                messages.append(await client.socket.recv())
        place = [_bytes([message]) for message in messages].index(frame.data)
        assert isinstance(messages[place], str) == frame.text
        assert sum(AUDIO_DELTA.encode() in _bytes([message]) for message in messages[:place]) == 2
        server.assert_complete()


def _bytes(messages: list[str | bytes]) -> bytes:
    return b"".join(message.encode() if isinstance(message, str) else message for message in messages)


async def test_what_is_no_utf_8_breaks_the_connection() -> None:
    """A text frame must be a text: the client's library says 1007 and goes."""
    async with RealtimeDouble() as server, configured(server) as client:
        await server.send_frames(frames.NOT_UTF8)
        with pytest.raises(ConnectionClosed):
            await client.next()
        sessions = server.record.sessions
        await server.record.until(lambda: not sessions[0].live, "the end", DEADLINE_S)
        assert sessions[0].close_code == 1007


async def test_deltas_may_be_swapped_huge_tiny_or_doubled() -> None:
    """Each two in the wrong order; a megabyte in one; single bytes; each twice."""
    long, short = noise(22_000), noise(10)
    replies = [
        reply(Speech(long[:48_000], "", Delivery(chunk_bytes=(12_000,), swapped=True))),
        reply(Speech(long, "", Delivery(chunk_bytes=(2**20,)))),
        reply(Speech(short, "", Delivery(chunk_bytes=(1,)))),
        Reply((Speech(short, "", Delivery()),), repeat=frozenset({AUDIO_DELTA})),
    ]
    heard: list[bytes] = []
    async with RealtimeDouble(Scenario(replies=replies)) as server, configured(server) as client:
        for _ in replies:
            client.seen.clear()
            await client.ask()
            heard.append(client.audio())
        swapped = b"".join(long[at : at + 12_000] for at in (12_000, 0, 36_000, 24_000))
        assert heard == [swapped, long, short, short + short]
        server.assert_complete()


async def test_two_hundred_calls_come_at_once() -> None:
    """Each with an id of its own, in one response."""
    calls = [Call("set_light", {"number": number}) for number in range(200)]
    async with RealtimeDouble(Scenario(replies=[reply(*calls)])) as server, configured(server) as client:
        output = (await client.ask())["output"]
        assert [json.loads(item["arguments"])["number"] for item in output] == list(range(200))
        assert len({item["call_id"] for item in output}) == 200


async def test_a_call_may_come_behind_a_cancel() -> None:
    """The server was about to make it and does; the response is cancelled all the same."""
    slow = Reply((Speech(noise(5_000), "", Delivery.paced(1.0)),), after_cancel=(Call("set_light", {"on": True}),))
    async with RealtimeDouble(Scenario(replies=[slow])) as server, configured(server) as client:
        await client.send("response.create")
        await client.until(AUDIO_DELTA)
        await client.send("response.cancel")
        done = (await client.until("response.done"))["response"]
        assert (done["status"], done["output"][-1]["arguments"]) == ("cancelled", '{"on": true}')
        assert "response.function_call_arguments.done" in client.kinds()


async def test_a_frozen_server_answers_nothing_not_even_a_ping() -> None:
    """Half open: the connection is there, nothing comes of it until the thaw."""
    async with RealtimeDouble(Scenario(replies=[reply(SPEECH)])) as server, configured(server) as client:
        server.freeze()
        pong = await client.socket.ping()
        await client.send("response.create")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await asyncio.shield(pong)
        assert server.record.responses == []
        server.thaw()
        assert (await client.until("response.done"))["response"]["status"] == "completed"
        async with asyncio.timeout(DEADLINE_S):
            await pong


async def test_a_transcript_may_come_behind_the_answer() -> None:
    """The separate transcription takes longer than the model."""
    scenario = Scenario(replies=[reply(SPEECH)], transcripts=["light"], quirks=Quirks(late_transcripts=True))
    transcription = {"input": {"transcription": {"model": "gpt-transcribe"}, "turn_detection": None}}
    async with RealtimeDouble(scenario) as server, joined(server) as client:
        await client.configured(audio=transcription)
        await client.speak(tone(300))
        await client.ask()
        event = await client.until("conversation.item.input_audio_transcription.completed")
        assert event["transcript"] == "light"
        assert client.kinds().index("response.done") < client.kinds().index(event["type"])
        assert server.record.transcription_usd > 0


BETA_SESSION = {
    "modalities": ["text", "audio"],
    "instructions": "Be short.",
    "voice": "marin",
    "input_audio_format": "pcm16",
    "output_audio_format": "pcm16",
    "input_audio_transcription": None,
    "turn_detection": None,
    "tools": [],
    "tool_choice": "auto",
    "temperature": 0.8,
    "max_response_output_tokens": 1024,
}


async def test_the_beta_is_spoken_and_understood() -> None:
    """Settings side by side, the old names, no truncation and no cancel; the settings of today are refused."""
    scenario = Scenario(replies=[reply(SPEECH)], quirks=Quirks(dialect=Dialect.BETA))
    async with RealtimeDouble(scenario) as server, joined(server) as client:
        created = (await client.until("session.created"))["session"]
        assert {"modalities", "voice", "input_audio_format"} <= created.keys()
        await client.send("session.update", session={"type": "realtime", "output_modalities": ["audio"]})
        assert (await client.error())["code"] == "unknown_parameter"
        await client.send("session.update", session=BETA_SESSION)
        updated = (await client.until("session.updated"))["session"]
        assert {name: updated[name] for name in BETA_SESSION} == BETA_SESSION
        await client.speak(tone(300))
        await client.send("response.cancel")
        assert (await client.error())["code"] == "not_implemented"
        done = await client.ask({"modalities": ["text", "audio"]})
        assert [part["type"] for item in done["output"] for part in item["content"]] == ["audio"]
        assert {"response.audio.delta", "response.audio_transcript.done", "conversation.item.created"} <= set(
            client.kinds()
        )
        assert not [kind for kind in client.kinds() if "output_audio" in kind or kind.endswith("item.added.")]
        session = server.record.sessions[0].config
        assert (session["output_modalities"], session["audio"]["output"]["voice"]) == (["audio"], "marin")
        assert server.record.of_type(AUDIO_DELTA)


async def test_a_minimal_server_tells_no_more_than_it_must() -> None:
    """Neither parts nor items of a response, neither limits nor the answer to a truncation."""
    scenario = Scenario(
        replies=[reply(SPEECH, Call("set_light", {"on": True}))], quirks=Quirks(dialect=Dialect.MINIMAL)
    )
    async with RealtimeDouble(scenario) as server, configured(server) as client:
        done = await client.ask()
        truncation = {"item_id": done["output"][0]["id"], "content_index": 0, "audio_end_ms": 100}
        await client.send("conversation.item.truncate", **truncation)
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        assert set(client.kinds()) == {
            "response.created",
            "conversation.item.created",
            "response.output_audio_transcript.delta",
            "response.output_audio_transcript.done",
            "response.output_audio.delta",
            "response.output_audio.done",
            "response.function_call_arguments.done",
            "response.done",
            "input_audio_buffer.cleared",
        }
        assert [cut.accepted for cut in server.record.truncations] == [True]
