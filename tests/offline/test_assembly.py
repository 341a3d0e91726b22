"""The whole of it: what a voice says is recognised, carried out by the client, and answered aloud."""

import sys

from websockets.asyncio.client import connect

from hearthd.offline.serving.assembly import worker_command
from tests.doubles.realtime.client import RawClient
from tests.doubles.speech import synthesize
from tests.offline.session_scene import SET_LIGHT
from tests.offline.standin_server import served


async def test_a_spoken_command_switches_a_light() -> None:
    """With the real recogniser and the real voice, each in the real worker."""
    command = worker_command("slt", 1.0, 1.0)
    assert command[0] == sys.executable
    async with served(command=command) as server, connect(server.url) as socket:
        raw = RawClient(socket)
        await raw.until("session.created")
        session = {"type": "realtime", "tools": [SET_LIGHT], "audio": {"input": {"turn_detection": None}}}
        await raw.send("session.update", session=session)
        await raw.speak(synthesize("Turn on the kitchen light.", 24_000, "rms").tobytes())
        [call] = (await raw.ask())["output"]
        assert (call["name"], call["arguments"]) == ("set_light", '{"device":"kitchen light","on":true}')
        item = {"type": "function_call_output", "call_id": call["call_id"], "output": '{"ok": true}'}
        await raw.send("conversation.item.create", item=item)
        raw.seen.clear()
        answer = await raw.ask()
        assert answer["status"] == "completed"
        assert [event["type"] for event in raw.seen].count("response.output_audio.delta") > 1
