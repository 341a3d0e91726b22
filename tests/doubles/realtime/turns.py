"""The input audio buffer of one session, and the turns that are cut from it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from tests.doubles.realtime import vad
from tests.doubles.realtime.audio import BYTES_PER_MS, duration_ms
from tests.doubles.realtime.bill import transcription_usd
from tests.doubles.realtime.conversation import Item
from tests.doubles.realtime.record import UserTurn, now_s
from tests.doubles.realtime.refused import Refused

if TYPE_CHECKING:
    from tests.doubles.realtime.responses import Responses
    from tests.doubles.realtime.script import Json
    from tests.doubles.realtime.wiring import Wiring

COMMIT_LEAST_MS = 100


class InputAudio:
    """Hears what the client appends; commits on request, or by itself where VAD is on."""

    def __init__(self, wiring: Wiring, responses: Responses) -> None:
        self._wiring = wiring
        self._responses = responses
        self._appended = wiring.session.appended
        self._start = 0
        self._first_append_at_s: float | None = None
        self._detection: Json | None = None
        self._detector: vad.Detector | None = None
        self._speech: tuple[str, int] | None = None

    def configure(self, detection: Json | None) -> None:
        """Take the session's `turn_detection` into use; an unchanged one keeps its state."""
        if detection == self._detection:
            return
        self._detection, self._speech = detection, None
        self._restart_detector()

    async def append(self, pcm: bytes, at_s: float) -> None:
        """Hear more audio."""
        if self._first_append_at_s is None:
            self._first_append_at_s = at_s
        self._appended += pcm
        if self._detector is None:
            return
        for verdict in self._detector.feed(pcm):
            if isinstance(verdict, vad.SpeechStarted):
                await self._speech_started(verdict.audio_start_ms)
            else:
                await self._speech_stopped(verdict.audio_end_ms)

    async def clear(self) -> None:
        """Forget all that is not committed."""
        self._start, self._first_append_at_s, self._speech = len(self._appended), None, None
        self._restart_detector()
        await self._wiring.outbox.send("input_audio_buffer.cleared")

    async def commit(self) -> None:
        """Make a user message of all that is not committed. Raises Refused below 100 ms."""
        pcm = bytes(self._appended[self._start :])
        if duration_ms(pcm) < COMMIT_LEAST_MS:
            text = (
                "Error committing input audio buffer: buffer too small. Expected at least 100ms "
                f"of audio, but buffer only has {duration_ms(pcm):.2f}ms of audio."
            )
            raise Refused("input_audio_buffer_commit_empty", text)
        item_id = self._speech[0] if self._speech else self._wiring.outbox.new_id("item")
        self._speech = None
        await self._commit(pcm, item_id, len(self._appended), by_vad=False)

    async def _speech_started(self, start_ms: int) -> None:
        item_id = self._wiring.outbox.new_id("item")
        self._speech = (item_id, start_ms)
        await self._wiring.outbox.send("input_audio_buffer.speech_started", item_id=item_id, audio_start_ms=start_ms)
        if self._detection is not None and self._detection["interrupt_response"]:
            self._responses.interrupt()

    async def _speech_stopped(self, end_ms: int) -> None:
        if self._speech is None:
            return
        (item_id, start_ms), self._speech = self._speech, None
        await self._wiring.outbox.send("input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=end_ms)
        start, end = start_ms * BYTES_PER_MS, end_ms * BYTES_PER_MS
        await self._commit(bytes(self._appended[start:end]), item_id, end, by_vad=True)
        if self._detection is not None and self._detection["create_response"]:
            await self._answer()

    async def _answer(self) -> None:
        try:
            self._responses.answer_vad()
        except Refused as refused:
            await self._wiring.outbox.error(
                refused.code, refused.message, param=None, kind=refused.error_type, event_id=None
            )

    async def _commit(self, pcm: bytes, item_id: str, end: int, *, by_vad: bool) -> None:
        wiring, at_s = self._wiring, now_s()
        turn = UserTurn(
            number=len(wiring.record.turns) + 1,
            connection=wiring.session.number,
            item_id=item_id,
            pcm=pcm,
            first_append_at_s=self._first_append_at_s or at_s,
            committed_at_s=at_s,
            by_vad=by_vad,
        )
        self._start, self._first_append_at_s = end, None
        content = [{"type": "input_audio", "transcript": None}]
        body = {"id": item_id, "object": "realtime.item", "type": "message", "role": "user"}
        item = Item({**body, "status": "completed", "content": content}, bytearray(pcm))
        previous = wiring.conversation.add(item)
        self._responses.hear(pcm)
        wiring.record.turns.append(turn)
        send = wiring.outbox.send
        await send("input_audio_buffer.committed", item_id=item_id, previous_item_id=previous)
        await send("conversation.item.added", item=item.view(), previous_item_id=previous)
        await send("conversation.item.done", item=item.view(), previous_item_id=previous)
        await self._transcribe(item)

    async def _transcribe(self, item: Item) -> None:
        """Send what the separate transcription claims, if the session asked for it."""
        if not self._wiring.session.config["audio"]["input"]["transcription"]:
            return
        if self._wiring.scenario.quirks.late_transcripts:
            self._responses.do_after(functools.partial(self._tell_transcript, item))
        else:
            await self._tell_transcript(item)

    async def _tell_transcript(self, item: Item) -> None:
        transcript = self._wiring.cursor.next_transcript()
        item.body["content"][0]["transcript"] = transcript
        prefix = "conversation.item.input_audio_transcription"
        ids: Json = {"item_id": item.id, "content_index": 0}
        seconds = duration_ms(item.pcm) / 1000
        model = self._wiring.session.config["audio"]["input"]["transcription"].get("model", "")
        self._wiring.record.transcription_usd += transcription_usd(model, seconds)
        usage = {"type": "duration", "seconds": seconds}
        await self._wiring.outbox.send(f"{prefix}.delta", **ids, delta=transcript)
        await self._wiring.outbox.send(f"{prefix}.completed", **ids, transcript=transcript, usage=usage)

    def _restart_detector(self) -> None:
        self._detector = None
        if self._detection is not None:
            heard_ms = len(self._appended) // BYTES_PER_MS
            spans_ms = self._wiring.scenario.speech_spans_ms
            self._detector = vad.detector_for(self._detection, spans_ms, heard_ms)
