"""Other people's clients hold a text turn, an audio turn and a function-call turn with the server, as it is."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any, Literal

import pytest
from agents import function_tool, set_tracing_disabled
from agents.realtime import RealtimeAgent, RealtimeRunner
from openai import AsyncOpenAI

from tests.doubles.realtime.audio import babble, noise, silence
from tests.offline.session_scene import SET_LIGHT
from tests.offline.standin_server import Served, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from openai.resources.realtime.realtime import AsyncRealtimeConnection
    from openai.types.realtime import RealtimeServerEvent
    from openai.types.realtime.realtime_response import RealtimeResponse

DEADLINE_S = 30
APPEND_BYTES = 4_800


@pytest.fixture
async def server() -> AsyncIterator[Served]:
    """Return a running server."""
    async with served() as running:
        yield running


# ------------------------------------------------------------------------------------------ the openai package


class Talk:
    """What a person would write with the package's realtime client."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.connection = connection
        self.events: list[RealtimeServerEvent] = []

    async def until(self, kind: str) -> Any:  # noqa: ANN401 - whichever event it is
        """Return the next event of that type."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                event = await self.connection.recv()
                self.events.append(event)
                if event.type == kind:
                    return event

    async def response(self) -> RealtimeResponse:
        """Return the next response that is over."""
        response: RealtimeResponse = (await self.until("response.done")).response
        return response

    def sound(self) -> bytes:
        """Return all that was spoken."""
        return b"".join(base64.b64decode(e.delta) for e in self.events if e.type == "response.output_audio.delta")


async def open_talk(connection: AsyncRealtimeConnection, **audio_input: Any) -> Talk:  # noqa: ANN401 - as the package has it
    """Set the session up as a person would."""
    talk = Talk(connection)
    await talk.until("session.created")
    session: Any = {
        "type": "realtime",
        "instructions": "You run the house.",
        "tools": [SET_LIGHT],
        "audio": {"input": audio_input},
    }
    await connection.session.update(session=session)
    updated = await talk.until("session.updated")
    assert [tool.name for tool in updated.session.tools] == ["set_light"]
    return talk


def client_of(server: Served) -> AsyncOpenAI:
    """Return the package's client, pointed at our server."""
    return AsyncOpenAI(api_key="none", websocket_base_url=server.url.removesuffix("/realtime"))


async def test_the_openai_client_writes_and_reads(server: Served) -> None:
    """A text turn, answered in text when the session asks for that, and aloud when not."""
    async with client_of(server) as client, client.realtime.connect(model="gpt-realtime") as connection:
        talk = await open_talk(connection, turn_detection=None)
        question: Any = {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "What time is it?"}],
        }
        await connection.conversation.item.create(item=question)
        await connection.response.create(response={"output_modalities": ["text"]})
        written = await talk.response()
        assert written.output is not None
        assert [part.text for part in written.output[0].content] == ["It is six thirty."]  # type: ignore[union-attr]
        await connection.conversation.item.create(item=question)
        await connection.response.create()
        spoken = await talk.response()
        assert spoken.output is not None
        assert spoken.output[0].content[0].transcript == "It is six thirty."  # type: ignore[union-attr]
        assert len(talk.sound()) == 4 * 9_600


async def test_the_openai_client_speaks_and_has_its_function_called(server: Served) -> None:
    """An audio turn that ends in a call; what the call brought is spoken."""
    async with client_of(server) as client, client.realtime.connect(model="gpt-realtime") as connection:
        talk = await open_talk(connection, turn_detection=None)
        said = noise(1_000)
        for start in range(0, len(said), APPEND_BYTES):
            piece = base64.b64encode(said[start : start + APPEND_BYTES]).decode()
            await connection.input_audio_buffer.append(audio=piece)
        await connection.input_audio_buffer.commit()
        await connection.response.create()
        response = await talk.response()
        assert response.output is not None
        [call] = response.output
        assert call.type == "function_call"
        assert (call.name, json.loads(call.arguments)) == ("set_light", {"device": "kitchen light", "on": True})
        assert call.call_id is not None
        brought: Any = {"type": "function_call_output", "call_id": call.call_id, "output": '{"ok": true}'}
        await connection.conversation.item.create(item=brought)
        await connection.response.create()
        assert (await talk.response()).status == "completed"
        assert talk.sound() != b""


async def test_the_openai_client_leaves_turns_to_the_server(server: Served) -> None:
    """With `server_vad`, speech and the silence after it are all that it sends."""
    async with client_of(server) as client, client.realtime.connect(model="gpt-realtime") as connection:
        talk = await open_talk(
            connection,
            turn_detection={"type": "server_vad", "silence_duration_ms": 300},
            transcription={"model": "gpt-transcribe"},
        )
        sound = silence(500) + babble(2_850) + silence(700)
        await connection.input_audio_buffer.append(audio=base64.b64encode(sound).decode())
        response = await talk.response()
        assert response.output is not None
        assert response.output[0].content[0].transcript == "It is six thirty."  # type: ignore[union-attr]
        heard = [event.type for event in talk.events if event.type.startswith(("input_audio", "response.created"))]
        assert heard == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "response.created",
        ]
        transcripts = [
            event.transcript
            for event in talk.events
            if event.type == "conversation.item.input_audio_transcription.completed"
        ]
        assert transcripts == ["what time is it"]


# ------------------------------------------------------------------------------------------------- openai-agents


async def test_the_agents_session_holds_its_turns(server: Served) -> None:
    """Text, speech found by the server, and a function of the agent's, all in one session of its runner."""
    set_tracing_disabled(disabled=True)
    switched: list[tuple[str, bool]] = []

    @function_tool
    def set_light(device: Literal["kitchen light", "bedroom light"], on: bool) -> str:
        """Switch a light."""
        switched.append((device, on))
        return '{"ok": true}'

    agent = RealtimeAgent(name="house", instructions="You run the house.", tools=[set_light])
    runner = RealtimeRunner(agent, config={"model_settings": {"modalities": ["audio"]}})
    session = await runner.run(model_config={"api_key": "none", "url": server.url})
    async with session, asyncio.timeout(DEADLINE_S):
        events = aiter(session)

        async def answer() -> bytes:
            """Return the sound of the next spoken answer."""
            sound = b""
            async for event in events:
                assert event.type != "error", event
                if event.type == "audio":
                    sound += event.audio.data
                elif event.type == "audio_end":
                    return sound
            raise AssertionError("the session ended")

        await session.send_message("What time is it?")
        assert await answer() != b""
        assert switched == []
        await session.send_audio(silence(500) + babble(3_400) + silence(1_000))
        assert await answer() != b""
        assert switched == [("bedroom light", True)]
