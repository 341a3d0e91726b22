"""One live session: what the server does with each event of a client."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from websockets.exceptions import ConnectionClosed

from tests.doubles.realtime import config, wire
from tests.doubles.realtime.conversation import Item
from tests.doubles.realtime.dialects import LACKING
from tests.doubles.realtime.record import Event, Truncation, now_s
from tests.doubles.realtime.refused import Refused
from tests.doubles.realtime.responses import Responses
from tests.doubles.realtime.script import FunctionOutput
from tests.doubles.realtime.turns import InputAudio

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from websockets.asyncio.server import ServerConnection

    from tests.doubles.realtime.script import Json
    from tests.doubles.realtime.wiring import Wiring


class Session:
    """Answers one client from `session.created` to the end of the connection."""

    def __init__(self, wiring: Wiring, tasks: asyncio.TaskGroup) -> None:
        self._wiring = wiring
        self._number = wiring.session.number
        self._responses = Responses(wiring, tasks)
        self._input = InputAudio(wiring, self._responses)
        self._handlers: dict[str, Callable[[Json, float], Awaitable[None]]] = {
            "session.update": self._update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "conversation.item.create": self._create_item,
            "conversation.item.delete": self._delete_item,
            "conversation.item.retrieve": self._retrieve_item,
            "conversation.item.truncate": self._truncate_item,
            "response.create": self._create_response,
            "response.cancel": self._cancel_response,
        }

    async def serve(self, socket: ServerConnection) -> None:
        """Greet and answer until the connection ends; ends all delivery with it."""
        session = self._wiring.session
        try:
            self._input.configure(session.config["audio"]["input"]["turn_detection"])
            session.created_at_s = await self._wiring.outbox.send("session.created", session=session.config)
            async for message in socket:
                await self._receive(message)
        except ConnectionClosed:
            pass
        finally:
            self._responses.stop()

    async def _receive(self, message: str | bytes) -> None:
        at_s = now_s()
        dialect = self._wiring.scenario.quirks.dialect
        event, problems = wire.decode_client(message, dialect)
        self._note(event, message, at_s)
        for problem in problems:
            kind = event.get("type", "message")
            self._wiring.record.add_violation(self._number, f"{kind}: {problem.message}")
        if problems:
            await self._refuse(event, Refused(problems[0].code, problems[0].message, problems[0].param))
            return
        if event["type"] in LACKING[dialect]:
            await self._refuse(event, Refused("not_implemented", f"{event['type']} is not implemented."))
            return
        try:
            await self._handlers[event["type"]](event, at_s)
        except Refused as refused:
            await self._refuse(event, refused)

    async def _refuse(self, event: Json, refused: Refused) -> None:
        event_id = event.get("event_id")
        await self._wiring.outbox.error(
            refused.code,
            refused.message,
            param=refused.param,
            kind=refused.error_type,
            event_id=event_id if isinstance(event_id, str) else None,
        )

    def _note(self, event: Json, message: str | bytes, at_s: float) -> None:
        kind = event.get("type")
        name = kind if isinstance(kind, str) else "unreadable"
        audio_bytes = 0
        if name == wire.APPEND and isinstance(event.get("audio"), str):
            audio_bytes = len(event["audio"]) * 3 // 4 - event["audio"].count("=", -2)
            event_shown = {k: v for k, v in event.items() if k != "audio"}
        else:
            event_shown = event or {"raw": str(message)[:200]}
        self._wiring.record.add_event(Event(at_s, self._number, "client", name, event_shown, audio_bytes))

    async def _update(self, event: Json, _at_s: float) -> None:
        error = self._wiring.cursor.next_update_error()
        if error is not None:
            raise Refused(error.code, error.message, error.param, error.error_type)
        session = self._wiring.session
        session.config = config.merged(session.config, event["session"], has_spoken=self._responses.has_spoken)
        self._input.configure(session.config["audio"]["input"]["turn_detection"])
        session.updated_at_s = session.updated_at_s or now_s()
        await self._wiring.outbox.send("session.updated", session=session.config)

    async def _append(self, event: Json, at_s: float) -> None:
        if self._wiring.session.updated_at_s is None and not self._wiring.session.appended:
            self._wiring.record.add_violation(self._number, "audio before session.updated")
        await self._input.append(wire.audio_of(event), at_s)

    async def _commit(self, _event: Json, _at_s: float) -> None:
        await self._input.commit()

    async def _clear(self, _event: Json, _at_s: float) -> None:
        await self._input.clear()

    async def _create_item(self, event: Json, at_s: float) -> None:
        item = self._item_of(event["item"])
        if item.body["type"] == "function_call_output":
            self._take_output(item.body, at_s)
        previous = self._wiring.conversation.add(item, event.get("previous_item_id"))
        fields: Json = {"item": item.view(), "previous_item_id": previous}
        await self._wiring.outbox.send("conversation.item.added", **fields)
        await self._wiring.outbox.send("conversation.item.done", **fields)

    def _item_of(self, given: Json) -> Item:
        """Make the server's item of a client's: id and status filled in, audio kept apart."""
        new_id = self._wiring.outbox.new_id("item")
        item = Item({"status": "completed", **given, "object": "realtime.item"})
        item.body["id"] = given.get("id") or new_id
        parts = []
        for part in given.get("content") or []:
            item.pcm += base64.b64decode(part.get("audio") or "")
            parts.append({key: value for key, value in part.items() if key != "audio"})
        if "content" in given:
            item.body["content"] = parts
        return item

    def _take_output(self, body: Json, at_s: float) -> None:
        call_id = body["call_id"]
        if not self._wiring.conversation.has_call(call_id):
            text = f"Tool call ID '{call_id}' not found in conversation."
            raise Refused("invalid_tool_call_id", text, "item.call_id")
        record = self._wiring.record
        if any(o.call_id == call_id and o.connection == self._number for o in record.outputs):
            record.add_violation(self._number, f"second function_call_output for {call_id}")
        output = FunctionOutput(at_s, self._number, call_id, body["output"])
        record.outputs.append(output)
        self._responses.take_output(output)

    async def _delete_item(self, event: Json, _at_s: float) -> None:
        self._wiring.conversation.delete(event["item_id"])
        await self._wiring.outbox.send("conversation.item.deleted", item_id=event["item_id"])

    async def _retrieve_item(self, event: Json, _at_s: float) -> None:
        item = self._wiring.conversation.get(event["item_id"], "retrieve")
        await self._wiring.outbox.send("conversation.item.retrieved", item=item.with_audio())

    async def _truncate_item(self, event: Json, at_s: float) -> None:
        names = ("item_id", "content_index", "audio_end_ms")
        fields = {name: event[name] for name in names}
        try:
            self._wiring.conversation.truncate(event["item_id"], event["audio_end_ms"])
            accepted = True
        except Refused:
            accepted = False
            raise
        finally:
            self._wiring.record.truncations.append(
                Truncation(at_s, self._number, event["item_id"], event["audio_end_ms"], accepted)
            )
        await self._wiring.outbox.send("conversation.item.truncated", **fields)

    async def _create_response(self, event: Json, _at_s: float) -> None:
        self._responses.create(event.get("response") or {})

    async def _cancel_response(self, event: Json, _at_s: float) -> None:
        self._responses.cancel(event.get("response_id"))
