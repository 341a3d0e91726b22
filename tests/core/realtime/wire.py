"""What a server says, built by hand: one function for each message, as JSON text."""

import base64
import dataclasses
import json
from collections.abc import Iterable

from hearthd.core.realtime.allowance import Allow
from hearthd.core.realtime.context import ContextTally
from hearthd.core.realtime.protocol import RealtimeProtocol
from hearthd.core.realtime.session import FunctionTool, SessionPlan, TurnDetection

BYTES_PER_MS = 48
"""PCM16 at 24 kHz."""

Json = dict[str, object]

APPEND = "input_audio_buffer.append"
COMMIT = "input_audio_buffer.commit"
CREATE = "response.create"
UPDATE = "session.update"

LAMP = FunctionTool(
    name="set_lamp",
    description="Switch a lamp.",
    parameters={"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"]},
)


def plan(turn_detection: TurnDetection = "none") -> SessionPlan:
    """Return a session with every setting away from its default."""
    return SessionPlan(
        model="gpt-realtime-2.1-mini",
        voice="cedar",
        instructions="Be brief.",
        tools=(LAMP,),
        turn_detection=turn_detection,
        max_output_tokens=512,
        end_of_speech_ms=700,
    )


STANDING = ContextTally(plan().standing_text).size
"""What a response reads where nothing was said yet."""

RICH = dataclasses.replace(
    plan(),
    context_tokens=8_000,
    noise_reduction="far_field",
    transcription="gpt-transcribe",
    reasoning_effort="low",
)
"""A session that makes use of all that OpenAI offers."""


def text(message_type: str, **fields: object) -> str:
    """Return any message."""
    return json.dumps({"event_id": "event_1", "type": message_type, **fields})


CREATED = text("session.created", session={"id": "sess_1"})
UPDATED = text("session.updated", session={})


def error(code: str | None = None, message: str = "", event_id: str | None = None, **fields: object) -> str:
    """Return an error."""
    body = {"type": "invalid_request_error", "code": code, "message": message, "event_id": event_id, **fields}
    return text("error", error=body)


def created(response_id: str, **fields: object) -> str:
    """Return the first message of a response."""
    return text("response.created", response={"id": response_id, "status": "in_progress", **fields})


def audio(response_id: str, item_id: str = "item_1", pcm: bytes = b"\1\2", content_index: int | None = 0) -> str:
    """Return a piece of speech."""
    index = {} if content_index is None else {"content_index": content_index}
    return text(
        "response.output_audio.delta",
        response_id=response_id,
        item_id=item_id,
        delta=base64.b64encode(pcm).decode(),
        **index,
    )


def call_item(call_id: str, status: str | None = "completed", item_id: str = "item_c", **fields: object) -> Json:
    """Return a function call as an item."""
    item = {"id": item_id, "type": "function_call", "call_id": call_id, "name": "set_lamp", "arguments": "{}"}
    return {**item, **({} if status is None else {"status": status}), **fields}


def item_added(response_id: str, item: Json) -> str:
    """Return the message that opens an item."""
    return text("response.output_item.added", response_id=response_id, output_index=0, item=item)


def item_done(response_id: str, item: Json) -> str:
    """Return the message that closes an item."""
    return text("response.output_item.done", response_id=response_id, output_index=0, item=item)


def arguments_done(response_id: str, call_id: str, **fields: object) -> str:
    """Return the end of a call's arguments."""
    body = {"item_id": "item_c", "call_id": call_id, "name": "set_lamp", "arguments": "{}", **fields}
    return text("response.function_call_arguments.done", response_id=response_id, **body)


def done(response_id: str | None, status: str | None = "completed", **fields: object) -> str:
    """Return the last message of a response."""
    return text("response.done", response={"id": response_id, "status": status, **fields})


def started(
    detection: TurnDetection = "none", known_calls: Iterable[str] = (), allow: Allow | None = None, **settings: object
) -> RealtimeProtocol:
    """Return a protocol that is ready, with nothing left to send; `settings` change the plan."""
    protocol = RealtimeProtocol(dataclasses.replace(plan(detection), **settings), known_calls, allow)  # type: ignore[arg-type]
    protocol.receive(CREATED)
    protocol.receive(UPDATED)
    protocol.data_to_send()
    return protocol


def sent(protocol: RealtimeProtocol) -> list[Json]:
    """Return what the protocol sends now, decoded, without the event ids."""
    messages: list[Json] = [json.loads(each) for each in protocol.data_to_send()]
    for message in messages:
        message.pop("event_id", None)
    return messages


def sent_types(protocol: RealtimeProtocol) -> list[object]:
    """Return the types of what the protocol sends now."""
    return [message["type"] for message in sent(protocol)]
