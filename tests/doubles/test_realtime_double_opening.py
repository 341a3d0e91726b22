"""How connections to the Realtime double open, fail and end; the SDK's client; a process of its own."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import sys
import wave
from typing import TYPE_CHECKING

import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.doubles.realtime import (
    Accept,
    Call,
    Delivery,
    ErrorFirst,
    HttpRefusal,
    RealtimeDouble,
    Reply,
    ResponseRequest,
    Scenario,
    Silence,
    Speech,
    reply,
)
from tests.doubles.realtime.audio import from_wav, noise, tone
from tests.doubles.realtime.client import DEADLINE_S, RawClient, configured, joined
from tests.doubles.realtime.scenario import Cursor, resolve
from tests.doubles.realtime.scenarios import SCENARIOS, light_call

if TYPE_CHECKING:
    from pathlib import Path

    from tests.doubles.realtime.script import Json

REQUEST = ResponseRequest(
    number=1,
    connection=1,
    pcm=tone(100),
    outputs=(),
    tools=(),
    instructions="",
    out_of_band=False,
    body={},
    items=(),
)
"""A spoken turn in a session without tools."""


@pytest.mark.parametrize("status", [401, 403, 429, 503])
async def test_a_handshake_may_be_refused_by_status(status: int) -> None:
    """The HTTP status, its headers and its body reach the client; then the next opening serves."""
    refusal = HttpRefusal(status, "no", {"Retry-After": "7"})
    async with RealtimeDouble(Scenario(openings=[refusal, Accept()])) as server:
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"{server.url}?model=m")
        async with configured(server):
            assert [h.status for h in server.record.handshakes] == [status, 101]
            assert len(server.record.sessions) == 1
        server.assert_complete()
    response = caught.value.response
    assert (response.status_code, response.headers["Retry-After"], response.body) == (status, "7", b"no")


async def test_openings_can_change_while_it_runs() -> None:
    """From the change on every connection opens in the new way."""
    async with RealtimeDouble() as server:
        async with configured(server):
            server.open_with(HttpRefusal(503))
        for _ in range(2):
            with pytest.raises(InvalidStatus):
                await connect(f"{server.url}?model=m")


@pytest.mark.parametrize(("code", "close_code"), [("invalid_api_key", 3000), ("invalid_model", 4000)])
async def test_a_session_may_be_refused_after_the_upgrade(code: str, close_code: int) -> None:
    """`error` comes in place of session.created, then a close whose reason repeats it."""
    opening = ErrorFirst(code, close_code=close_code)
    async with RealtimeDouble(Scenario(openings=[opening])) as server, joined(server) as client:
        assert (await client.next())["error"]["code"] == code
        with pytest.raises(ConnectionClosed):
            await client.next()
        assert client.socket.close_code == close_code
        assert client.socket.close_reason == f"invalid_request_error.{code}"


async def test_an_error_in_place_of_the_session_may_leave_the_socket_open() -> None:
    """Without a close code nothing follows the error, and what the client sends is ignored."""
    opening = ErrorFirst("model_load_error", error_type="server_error")
    async with RealtimeDouble(Scenario(openings=[opening])) as server, joined(server) as client:
        assert (await client.next())["error"]["type"] == "server_error"
        await client.send("session.update", session={"type": "realtime"})
        await (await client.socket.ping())
        server.assert_clean()


async def test_the_beta_header_a_missing_model_and_a_wrong_path_are_refused() -> None:
    """The first two upgrade, say what is wrong and close with 4000; the path is a plain 404."""
    async with RealtimeDouble() as server:
        for query, headers, code in (
            ("?model=m", {"OpenAI-Beta": "realtime=v1"}, "beta_api_shape_disabled"),
            ("", {}, "missing_model"),
        ):
            async with connect(server.url + query, additional_headers=headers) as socket:
                client = RawClient(socket)
                assert (await client.next())["error"]["code"] == code
                with pytest.raises(ConnectionClosed):
                    await client.next()
                assert socket.close_code == 4000
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"{server.url}/sessions?model=m")
        assert caught.value.response.status_code == 404
        assert len(server.violations) == 3


async def test_delays_place_the_start() -> None:
    """The HTTP answer and session.created are each as late as the scenario says."""
    opening = Accept(handshake_delay_s=0.1, session_delay_s=0.1)
    async with RealtimeDouble(Scenario(openings=[opening])) as server:
        begun_s = asyncio.get_running_loop().time()
        async with configured(server):
            record = await server.session(1)
    assert record.created_at_s is not None
    assert record.opened_at_s - begun_s >= 0.1
    assert record.created_at_s - record.opened_at_s >= 0.1


async def test_silence_and_open_delays_end_with_the_server() -> None:
    """A session that never starts, and a handshake that never comes, do not outlive the server."""
    openings = (Silence(), Accept(handshake_delay_s=3600.0))
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        async with RealtimeDouble(Scenario(openings=openings)) as server:
            silent = await connect(f"{server.url}?model=m")
            await silent.send("{}")
            tasks.create_task(_refused(server.url))
            await server.record.until(lambda: server.pending_handshakes == 1, "handshake", DEADLINE_S)
        with pytest.raises(ConnectionClosed):
            await silent.recv()
        assert silent.close_code == 1001
        assert server.record.events == []


async def _refused(url: str) -> None:
    with pytest.raises(InvalidStatus):
        await connect(f"{url}?model=m")


async def test_drops_end_delivery_and_are_recorded() -> None:
    """A close frame gives its code, an abort gives 1006, and no delivery outlives either."""
    slow = Speech(tone(30_000), "", Delivery.paced(1.0))
    async with RealtimeDouble(Scenario(replies=[reply(slow), reply(slow)])) as server:
        for code in (1001, 1006):
            async with configured(server) as client:
                await client.send("response.create")
                await client.until("response.output_audio.delta")
                if code == 1001:
                    await server.drop(1001, "maximum duration")
                else:
                    server.abort()
                await client.socket.wait_closed()
                assert client.socket.close_code == code
        sessions = server.record.sessions
        await server.record.until(lambda: not any(s.live for s in sessions), "end of sessions", DEADLINE_S)
        assert [s.close_code for s in sessions] == [1001, 1006]
        assert server.record.peak_live_sessions == 1
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("resp_")]
        server.assert_complete()


async def test_a_restarted_server_is_found_under_the_same_address() -> None:
    """A second server takes over the port of one that went away."""
    async with RealtimeDouble() as first, configured(first):
        pass
    async with RealtimeDouble(port=first.port) as second:
        assert second.url == first.url
        async with configured(second):
            second.assert_clean()


async def test_a_responder_that_fails_is_told_and_ends_the_session() -> None:
    """A mistake in a scenario is recorded with its traceback; the client sees 1011."""

    async def broken(_request: ResponseRequest) -> Reply:
        raise LookupError("no such reply")

    async with RealtimeDouble(Scenario(respond=broken)) as server, configured(server) as client:
        with pytest.raises(ConnectionClosed):
            await client.ask()
        assert client.socket.close_code == 1011
        with pytest.raises(AssertionError, match="no such reply"):
            server.assert_clean()


async def test_a_wait_that_ends_in_vain_says_what_was_seen() -> None:
    """The message names what did not come and counts what did."""
    async with RealtimeDouble() as server, configured(server):
        with pytest.raises(AssertionError, match=r"no 2 x session\.update within .*1 session\.update"):
            await server.wait_for("session.update", 2, timeout_s=0.01)
        assert (await server.wait_for("session.updated")).source == "server"


async def test_the_sdks_own_client_talks_with_it() -> None:
    """A whole turn through the `openai` package: it parses every event into its own types."""
    answer, heard = noise(300), b""
    async with RealtimeDouble(Scenario(replies=[reply(Speech(answer, "Hello there."))])) as server:
        sdk = AsyncOpenAI(api_key="k", websocket_base_url=server.base_url)
        async with sdk, sdk.realtime.connect(model="gpt-realtime-2.1") as link, asyncio.timeout(DEADLINE_S):
            await link.session.update(session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
            async for event in link:
                if event.type == "session.updated":
                    await link.input_audio_buffer.append(audio=base64.b64encode(tone(200)).decode())
                    await link.input_audio_buffer.commit()
                    await link.response.create()
                elif event.type == "response.output_audio.delta":
                    heard += base64.b64decode(event.delta)
                elif event.type == "response.done":
                    assert event.response.status == "completed"
                    break
        assert heard == answer
        assert server.record.handshakes[0].headers["authorization"] == "Bearer k"
        assert (await server.turn(1)).pcm == tone(200)
        server.assert_complete()


async def test_it_listens_on_a_unix_socket(tmp_path: Path) -> None:
    """The same server under a path, its address in the form `ws+unix://`."""
    path = tmp_path / "realtime.sock"
    async with RealtimeDouble(unix_path=path) as server:
        assert server.url == f"ws+unix://{path}"
        async with unix_connect(str(path), "ws://localhost/v1/realtime?model=m") as socket:
            await RawClient(socket).configured()
        server.assert_complete()


@pytest.mark.parametrize(
    ("parameters", "arguments"),
    [
        (
            {
                "properties": {
                    "device": {"type": "array", "items": {"enum": ["hall_light", "kitchen_light"]}},
                    "on": {"type": "boolean"},
                    "brightness": {"type": "integer", "minimum": 1},
                },
                "required": ["device"],
            },
            {"device": ["kitchen_light"], "on": True},
        ),
        (
            {
                "properties": {"name": {"enum": ["kitchen light"]}, "state": {"enum": ["off", "on"]}},
                "required": ["name", "state"],
            },
            {"name": "kitchen light", "state": "on"},
        ),
    ],
)
def test_the_demo_reads_its_call_from_the_tools(parameters: Json, arguments: Json) -> None:
    """Whatever the schema, the kitchen light is chosen and switched on, and nothing else is asked."""
    tools: tuple[Json, ...] = (
        {"type": "function", "name": "move_cover", "parameters": {"type": "object"}},
        {"type": "function", "name": "set_light", "parameters": {"type": "object", **parameters}},
    )
    assert light_call(tools) == Call("set_light", arguments)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
async def test_every_named_scenario_answers_aloud(name: str, tmp_path: Path) -> None:
    """A turn without tools is answered in speech, with the given recording or a minute of noise."""
    recording = tmp_path / "answer.wav"
    with wave.open(str(recording), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(tone(100))
    scenario = SCENARIOS[name](from_wav(recording))
    chosen = Cursor(scenario).next_reply(out_of_band=False)
    assert chosen is not None
    speech = await resolve(chosen, REQUEST)
    part = speech.parts[0]
    assert isinstance(part, Speech)
    assert part.pcm == (noise(60_000) if name == "long" else tone(100))


async def test_it_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    """The demo answers a turn by calling the light tool, then by speaking; SIGTERM ends it with 0."""
    journal = tmp_path / "journal.jsonl"
    program = (sys.executable, "-m", "tests.doubles.realtime", "--scenario", "demo")
    process = await asyncio.create_subprocess_exec(*program, "--journal", str(journal), stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            url = (await process.stdout.readline()).decode().strip()
        async with connect(f"{url}?model=m", max_size=None) as socket:
            client = await RawClient(socket).configured()
            await client.speak(tone(300))
            call = (await client.ask())["output"][0]
            item = {"type": "function_call_output", "call_id": call["call_id"], "output": "ok"}
            await client.send("conversation.item.create", item=item)
            await client.ask()
            assert call["name"] == "set_light"
            assert client.audio()
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            status = await process.wait()
    assert status == 0
    types = [json.loads(line)["type"] for line in journal.read_text().splitlines()]
    assert (types[0], types.count("response.done")) == ("session.created", 2)
