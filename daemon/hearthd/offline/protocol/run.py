"""One response from `response.created` to `response.done`: its items, its parts, and how it ends."""

from dataclasses import dataclass
from typing import Literal, TypedDict

from hearthd.core.audio.pcm import LINK_FORMAT
from hearthd.offline.mind.understanding import FunctionCall as Wanted
from hearthd.offline.protocol import limits, messages
from hearthd.offline.protocol.conversation import Answer, AnyItem, FunctionCall, view
from hearthd.offline.protocol.desk import Desk
from hearthd.offline.protocol.given import Modality, Voice
from hearthd.offline.protocol.refused import SERVER_FAULT
from hearthd.offline.protocol.views import (
    FailureView,
    NoUsage,
    ResponseAudio,
    ResponseOutput,
    ResponseView,
    StatusDetails,
)
from hearthd.offline.serving.jobs import Hush, Speak

Reason = Literal["turn_detected", "client_cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a response is given: the session's settings with the response's own over them."""

    modalities: tuple[Modality, ...]
    max_output_tokens: int | Literal["inf"]
    voice: str | Voice
    speed: float
    metadata: dict[str, str] | None
    conversation_id: str | None
    """None beside the conversation: then nothing of it is kept there."""

    @property
    def most_tokens(self) -> int:
        """The limit as a number."""
        return limits.MOST_OUTPUT_TOKENS if self.max_output_tokens == "inf" else self.max_output_tokens


class _Where(TypedDict):
    response_id: str
    output_index: int
    item_id: str


class _CallWhere(_Where):
    call_id: str


class Run:
    """Sends the messages of one response, in the order in which the service sends them."""

    def __init__(self, desk: Desk, manner: Manner) -> None:
        """Begin it."""
        self.id = desk.new_id("resp")
        self.job: int | None = None
        """The speech that is being made for it."""
        self.over = False
        """Whether `response.done` is on its way."""
        self._desk = desk
        self._manner = manner
        self._output: list[AnyItem] = []
        self._answer: Answer | None = None
        """What is being said."""
        desk.send(messages.ResponseCreated(response=self._view("in_progress", None)))

    @property
    def in_conversation(self) -> bool:
        """Whether what it makes becomes part of the conversation."""
        return self._manner.conversation_id is not None

    def call(self, wanted: tuple[Wanted, ...]) -> list[str]:
        """Ask for functions to be carried out; that is the end of it. Returns the ids of the calls, in order."""
        call_ids = [self._call(one) for one in wanted]
        self._end(StatusDetails(type="completed"))
        return call_ids

    def say(self, text: str) -> None:
        """Answer with `text`: at once when written, else piece by piece as `hear_piece` gets them."""
        if not text:
            self._end(StatusDetails(type="completed"))
        elif "audio" in self._manner.modalities:
            self._begin_speech(text)
        else:
            self._write(text)

    def hear_piece(self, pcm: bytes) -> None:
        """Send the next piece of speech, or what may still be sent of it."""
        assert self._answer is not None, "speech is a part of an answer"
        room = LINK_FORMAT.frames_of_ms(self._manner.most_tokens * limits.AUDIO_TOKEN_MS) - self._answer.frames
        piece = pcm[: room * LINK_FORMAT.frame_bytes]
        if piece:
            self._answer.pcm += piece
            self._answer.frames += LINK_FORMAT.frames(piece)
            self._desk.has_spoken = True
            where = self._where(self._answer)
            self._desk.send(messages.AudioDelta(**where, delta=piece), self.job)
        if len(piece) < len(pcm):
            self._end(StatusDetails(type="incomplete", reason="max_output_tokens"))

    def finish(self) -> None:
        """End it, because all was spoken."""
        self.job = None
        self._end(StatusDetails(type="completed"))

    def cancel(self, reason: Reason) -> None:
        """Break it off."""
        self._end(StatusDetails(type="cancelled", reason=reason))

    def fail(self, problem: str) -> None:
        """End it, because the server cannot go on with it."""
        error = FailureView(type=SERVER_FAULT, code=SERVER_FAULT, message=problem)
        self._end(StatusDetails(type="failed", error=error))

    def _begin_speech(self, text: str) -> None:
        answer = self._open_message(spoken=True)
        answer.text = text
        where = self._where(answer)
        self._desk.send(messages.PartAdded(**where, part=messages.PartView(type="audio", transcript="")))
        self._desk.send(messages.SpeechTextDelta(**where, delta=text))
        self.job = self._desk.new_job()
        self._desk.order(Speak(self.job, text, self._manner.speed, limits.SPEECH_AHEAD))

    def _write(self, text: str) -> None:
        answer = self._open_message(spoken=False)
        answer.text = text[: self._manner.most_tokens * limits.TEXT_TOKEN_CHARACTERS]
        where = self._where(answer)
        self._desk.send(messages.PartAdded(**where, part=messages.PartView(type="text", text="")))
        self._desk.send(messages.TextDelta(**where, delta=answer.text))
        if answer.text == text:
            self._end(StatusDetails(type="completed"))
        else:
            self._end(StatusDetails(type="incomplete", reason="max_output_tokens"))

    def _open_message(self, *, spoken: bool) -> Answer:
        self._answer = Answer(id=self._desk.new_id("item"), status="in_progress", spoken=spoken)
        self._open(self._answer)
        return self._answer

    def _close_message(self, answer: Answer, *, whole: bool) -> None:
        where = self._where(answer)
        if answer.spoken:
            self._desk.send(messages.AudioDone(**where))
            self._desk.send(messages.SpeechTextDone(**where, transcript=answer.text))
            part = messages.PartView(type="audio", transcript=answer.text)
        else:
            self._desk.send(messages.TextDone(**where, text=answer.text))
            part = messages.PartView(type="text", text=answer.text)
        self._desk.send(messages.PartDone(**where, part=part))
        self._close(answer, whole=whole)

    def _call(self, wanted: Wanted) -> str:
        call = FunctionCall(
            id=self._desk.new_id("item"),
            status="in_progress",
            call_id=self._desk.new_id("call"),
            name=wanted.name,
            arguments="",
        )
        self._open(call)
        call.arguments = wanted.arguments_json
        where: _CallWhere = {
            "response_id": self.id,
            "output_index": len(self._output) - 1,
            "item_id": call.id,
            "call_id": call.call_id,
        }
        self._desk.send(messages.ArgumentsDelta(**where, delta=call.arguments))
        self._desk.send(messages.ArgumentsDone(**where, name=call.name, arguments=call.arguments))
        self._close(call, whole=True)
        return call.call_id

    def _open(self, item: Answer | FunctionCall) -> None:
        self._output.append(item)
        index = len(self._output) - 1
        self._desk.send(messages.OutputItemAdded(response_id=self.id, output_index=index, item=view(item)))
        if self.in_conversation:
            before = self._desk.conversation.add(item)
            self._desk.send(messages.ItemAdded(item=view(item), previous_item_id=before))

    def _close(self, item: Answer | FunctionCall, *, whole: bool) -> None:
        item.status = "completed" if whole else "incomplete"
        if self.in_conversation:
            before = self._desk.conversation.before(item)
            self._desk.send(messages.ItemDone(item=view(item), previous_item_id=before))
            self._desk.conversation.forget_old_sound()
        index = self._output.index(item)
        self._desk.send(messages.OutputItemDone(response_id=self.id, output_index=index, item=view(item)))

    def _end(self, details: StatusDetails) -> None:
        self.over = True
        if self.job is not None:
            self._desk.order(Hush(self.job))
            self.job = None
        if self._answer is not None:
            self._close_message(self._answer, whole=details.type == "completed")
            self._answer = None
        self._desk.send(messages.ResponseDone(response=self._view(details.type, details)))

    def _where(self, answer: Answer) -> _Where:
        return {"response_id": self.id, "output_index": self._output.index(answer), "item_id": answer.id}

    def _view(
        self,
        status: Literal["in_progress", "completed", "cancelled", "incomplete", "failed"],
        details: StatusDetails | None,
    ) -> ResponseView:
        return ResponseView(
            id=self.id,
            status=status,
            status_details=details,
            output=tuple(view(item) for item in self._output),
            conversation_id=self._manner.conversation_id,
            output_modalities=self._manner.modalities,
            max_output_tokens=self._manner.max_output_tokens,
            audio=ResponseAudio(output=ResponseOutput(voice=self._manner.voice)),
            usage=None if details is None else NoUsage(),
            metadata=self._manner.metadata,
        )
