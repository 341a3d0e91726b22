"""Plays the parts of a reply: each becomes one output item and its events, in the protocol's order."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Literal, assert_never

from tests.doubles.realtime.audio import BYTES_PER_MS
from tests.doubles.realtime.conversation import Conversation, Item
from tests.doubles.realtime.outbox import AUDIO_DELTA
from tests.doubles.realtime.record import ResponseRecord, SentItem, now_s
from tests.doubles.realtime.script import Broken, Call, Completed, Ending, Part, Speech, Stalled, Text

if TYPE_CHECKING:
    from tests.doubles.realtime.flow import Flow
    from tests.doubles.realtime.script import Json

ARGUMENT_DELTA_CHARS = 12


class PartPlayer:
    """Makes the output of one response. Owned by it; raises ConnectionClosed like its flow."""

    def __init__(self, flow: Flow, record: ResponseRecord, conversation: Conversation | None) -> None:
        self.output: list[Item] = []
        self._flow = flow
        self._record = record
        self._conversation = conversation
        """None for a response beside the conversation."""

    async def play(self, part: Part, ending: Ending) -> None:
        """Send one part; it breaks off at a cancel, or where `ending` says."""
        match part:
            case Speech():
                await self._speak(part, ending)
            case Text():
                await self._write(part, ending)
            case Call():
                await self._call(part, ending)
            case _:
                assert_never(part)

    async def _speak(self, part: Speech, ending: Ending) -> None:
        item, sent, ids = await self._open_message("speech", "output_audio", "transcript")
        await self._deliver(part, ending, item, sent, ids)
        if isinstance(ending, Stalled | Broken):
            return
        item.body["content"][0]["transcript"] = sent.transcript
        await self._flow.send("response.output_audio.done", **ids)
        await self._flow.send("response.output_audio_transcript.done", **ids, transcript=sent.transcript)
        shown = {"type": "audio", "transcript": sent.transcript}
        await self._flow.send("response.content_part.done", **ids, part=shown)
        await self._close(item, sent, ending)

    async def _deliver(self, part: Speech, ending: Ending, item: Item, sent: SentItem, ids: Json) -> None:
        """Send the deltas of a speech: its words run ahead of its audio, one a delta."""
        pcm, words = _cut(part, ending)
        await self._flow.pause_until(now_s() + part.delivery.first_delay_s)
        start_s, in_flight = now_s(), part.delivery.in_flight_deltas
        for due_s, chunk in part.delivery.plan(pcm):
            await self._flow.pause_until(start_s + due_s)
            if self._flow.stopping:
                in_flight -= 1
                if in_flight < 0:
                    break
            if words:
                await self._transcribe(sent, ids, words.pop(0))
            item.pcm += chunk
            sent.pcm += chunk
            delta = base64.b64encode(chunk).decode()
            at_s = await self._flow.send(AUDIO_DELTA, audio_bytes=len(chunk), **ids, delta=delta)
            sent.first_delta_at_s, sent.last_delta_at_s = sent.first_delta_at_s or at_s, at_s
        if words and not self._flow.stopping:
            await self._transcribe(sent, ids, "".join(words))

    async def _transcribe(self, sent: SentItem, ids: Json, words: str) -> None:
        sent.transcript += words
        await self._flow.send("response.output_audio_transcript.delta", **ids, delta=words)

    async def _write(self, part: Text, ending: Ending) -> None:
        item, sent, ids = await self._open_message("text", "output_text", "text")
        text = part.text if isinstance(ending, Completed) else part.text[: len(part.text) // 2]
        sent.transcript = item.body["content"][0]["text"] = text
        sent.first_delta_at_s = await self._flow.send("response.output_text.delta", **ids, delta=text)
        if isinstance(ending, Stalled | Broken):
            return
        await self._flow.send("response.output_text.done", **ids, text=text)
        await self._flow.send("response.content_part.done", **ids, part={"type": "text", "text": text})
        await self._close(item, sent, ending)

    async def _call(self, part: Call, ending: Ending) -> None:
        call_id = part.call_id or self._flow.new_id("call")
        sent = SentItem("", "call", call_id=call_id, name=part.name)
        body = {"type": "function_call", "call_id": call_id, "name": part.name, "arguments": ""}
        item = await self._open(body, sent)
        ids = {**self._ids(item), "call_id": call_id}
        arguments = part.arguments_text()
        if not isinstance(ending, Completed):
            arguments = arguments[: len(arguments) // 2]
        for start in range(0, len(arguments), ARGUMENT_DELTA_CHARS):
            await self._flow.pause_until(now_s() + (part.delta_gap_s if start else 0.0))
            if self._flow.stopping:
                break
            piece = arguments[start : start + ARGUMENT_DELTA_CHARS]
            sent.arguments += piece
            await self._flow.send("response.function_call_arguments.delta", **ids, delta=piece)
        item.body["arguments"] = sent.arguments
        if isinstance(ending, Stalled | Broken):
            return
        whole: Json = {"name": part.name, "arguments": sent.arguments}
        await self._flow.send("response.function_call_arguments.done", **ids, **whole)
        await self._close(item, sent, ending)

    async def _open_message(
        self, kind: Literal["speech", "text"], content: str, field: str
    ) -> tuple[Item, SentItem, Json]:
        sent = SentItem("", kind)
        item = await self._open({"type": "message", "role": "assistant", "content": []}, sent)
        ids = {**self._ids(item), "content_index": 0}
        part = {"type": content.removeprefix("output_"), field: ""}
        await self._flow.send("response.content_part.added", **ids, part=part)
        item.body["content"] = [{"type": content, field: ""}]
        return item, sent, ids

    async def _open(self, body: Json, sent: SentItem) -> Item:
        sent.item_id = self._flow.new_id("item")
        item = Item({"id": sent.item_id, "object": "realtime.item", "status": "in_progress", **body})
        self.output.append(item)
        self._record.items.append(sent)
        await self._flow.send("response.output_item.added", **self._place(), item=item.view())
        if self._conversation is not None:
            previous = self._conversation.add(item)
            fields: Json = {"item": item.view(), "previous_item_id": previous}
            await self._flow.send("conversation.item.added", **fields)
        return item

    async def _close(self, item: Item, sent: SentItem, ending: Ending) -> None:
        whole = isinstance(ending, Completed) and not self._flow.stopping
        item.body["status"] = "completed" if whole else "incomplete"
        if self._conversation is not None:
            await self._flow.send("conversation.item.done", item=item.view())
        sent.done_at_s = await self._flow.send("response.output_item.done", **self._place(), item=item.view())

    def _place(self) -> Json:
        return {"response_id": self._record.id, "output_index": len(self.output) - 1}

    def _ids(self, item: Item) -> Json:
        return {**self._place(), "item_id": item.id}


def _cut(part: Speech, ending: Ending) -> tuple[bytes, list[str]]:
    """Return the audio and the words up to where a speech with that ending breaks off."""
    words = [f"{word} " for word in part.transcript.split()]
    if words:
        words[-1] = words[-1].rstrip()
    if isinstance(ending, Completed):
        return part.pcm, words
    half = len(part.pcm) // 4 * 2
    end = half if ending.after_ms is None else ending.after_ms * BYTES_PER_MS
    pcm = part.pcm[:end]
    return pcm, words[: len(words) * len(pcm) // max(len(part.pcm), 1)]
