"""Lets the stand-in server do everything once, so that its own first times are not measured as the daemon's."""

from tests.doubles.realtime import Call, Delivery, RealtimeDouble, Scenario, Speech, reply
from tests.doubles.realtime.audio import noise
from tests.doubles.realtime.client import configured


async def warm_up() -> None:
    """Have a turn with a call, a reply and an interruption with a server of its own."""
    speech = Speech(noise(2_000), "A story.", Delivery.paced(1.0, chunk_ms=20))
    scenario = Scenario(replies=[reply(Call("set_light")), reply(speech)])
    async with RealtimeDouble(scenario) as server, configured(server) as client:
        await client.speak(noise(200))
        await client.ask()
        call_id = server.record.responses[0].calls[0].call_id
        result = {"type": "function_call_output", "call_id": call_id, "output": "{}"}
        await client.send("conversation.item.create", item=result)
        await client.send("response.create")
        delta = await client.until("response.output_audio.delta")
        await client.send("response.cancel")
        await client.until("response.done")
        await client.send("conversation.item.truncate", item_id=delta["item_id"], content_index=0, audio_end_ms=10)
        await client.until("conversation.item.truncated")
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
