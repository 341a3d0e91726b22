"""One client's session without a socket: its messages and the worker's results in, messages and orders out."""

from collections.abc import Callable
from datetime import datetime
from typing import assert_never

from hearthd.offline.protocol import limits, messages, requests
from hearthd.offline.protocol.conversation import AnyItem, UserSpeech, item_of, view
from hearthd.offline.protocol.desk import Desk, Outgoing
from hearthd.offline.protocol.ear import Ear, Overflowed, SpeechBegan, SpeechEnded, Utterance
from hearthd.offline.protocol.given import ResponseWish
from hearthd.offline.protocol.refused import SERVER_FAULT, Refused
from hearthd.offline.protocol.responses import Responses
from hearthd.offline.protocol.settings import OWN_MODEL, Session, merged
from hearthd.offline.protocol.views import FailureView
from hearthd.offline.serving.jobs import Concluded, Failed, Order, Result, SpeechOver, Spoken


class ServerSession:
    """Speaks the server's side of the protocol with one client.

    After each call of any method, send what `data_to_send` returns and pass on what `orders` returns; call `advance`
    while `pending`, and feed nothing else before. A client's misuse never raises: it is answered with an `error`.
    """

    def __init__(self, *, mark: str, model: str, expires_at: int, new_job: Callable[[], int]) -> None:
        """Greet. `mark` is in all ids and no other session's; `expires_at` is for show, see `expire`."""
        session = Session(id=f"sess_{mark}{0:09d}", model=model or OWN_MODEL, expires_at=expires_at)
        self._desk = Desk(session, new_job, mark)
        self._responses = Responses(self._desk)
        self._ear = Ear(lambda: self._desk.house.grammar, new_job, self._desk.order)
        self._ear.configure(session.audio.input.turn_detection)
        self._speech_id: str | None = None
        """The item that what somebody is just saying becomes."""
        self._desk.send(messages.SessionCreated(session=session))

    @property
    def pending(self) -> bool:
        """Whether sound waits for `advance`."""
        return self._ear.pending

    def receive(self, message: str | bytes, now: datetime) -> None:
        """Take one message of the client; `now` is the local time, for those who ask for it."""
        try:
            self._carry_out(requests.decode(message), now)
        except Refused as refused:
            self._desk.complain(refused, requests.event_id_of(message))

    def advance(self, now: datetime) -> None:
        """Work off a slice of the sound that was received, or less: up to the first thing worth telling."""
        match self._ear.advance():
            case SpeechBegan(start_ms=start_ms):
                self._speech_began(start_ms)
            case SpeechEnded(end_ms=end_ms, cut=cut):
                self._speech_ended(end_ms, now, cut=cut)
            case Overflowed():
                self._desk.complain(_too_long("The rest is not heard until the buffer is committed or cleared."))
            case None:
                pass

    def take(self, result: Result, now: datetime) -> None:
        """Take a result of the worker; one that nobody waits for any more is ignored."""
        match result:
            case Concluded(job=job, heard=heard):
                if speech := self._responses.hear(job, heard):
                    self._transcribe(speech, heard.text)
                    self._responses.go_on(speech, now)
            case Spoken(job=job, pcm=pcm):
                self._responses.speak(job, pcm)
            case SpeechOver(job=job):
                self._responses.end_speech(job)
            case Failed(job=job, problem=problem):
                self._responses.fail_speech(job, problem)
                if speech := self._responses.fail_hearing(job, problem):
                    self._fail_transcript(speech, problem)
            case _:
                assert_never(result)

    def expire(self) -> None:
        """Tell that the session reached its longest life; the connection is to be closed then."""
        minutes = limits.SESSION_S // 60
        text = f"Your session hit the maximum duration of {minutes} minutes."
        self._desk.complain(Refused("session_expired", text))

    def data_to_send(self) -> list[Outgoing]:
        """Return what is to be sent, in order, and forget it."""
        return self._desk.drain_texts()

    def orders(self) -> list[Order]:
        """Return what the worker shall do, in order, and forget it."""
        return self._desk.drain_orders()

    def _carry_out(self, request: requests.AnyRequest, now: datetime) -> None:
        match request:
            case requests.BufferAppend(audio=audio):
                self._ear.take(audio)
            case requests.SessionUpdate():
                self._update(request)
            case requests.BufferCommit():
                self._commit()
            case requests.BufferClear():
                self._ear.clear()
                self._speech_id = None
                self._desk.send(messages.BufferCleared())
            case requests.ResponseCreate(response=wish):
                self._responses.create(wish or ResponseWish(), now)
            case requests.ResponseCancel(response_id=response_id):
                self._responses.cancel(response_id)
            case _:
                self._carry_out_item_request(request)

    def _carry_out_item_request(
        self,
        request: requests.ItemCreate | requests.ItemRetrieve | requests.ItemTruncate | requests.ItemDelete,
    ) -> None:
        conversation = self._desk.conversation
        match request:
            case requests.ItemCreate(item=wish, previous_item_id=previous_id):
                item = item_of(wish, self._desk.new_id("item"), self._desk.new_id("call"))
                self._add(item, previous_id)
            case requests.ItemRetrieve(item_id=item_id):
                item = conversation.get(item_id, "retrieve")
                self._desk.send(messages.ItemRetrieved(item=view(item, with_audio=True)))
            case requests.ItemTruncate(item_id=item_id, content_index=index, audio_end_ms=end_ms):
                conversation.truncate(item_id, index, end_ms)
                self._desk.send(messages.ItemTruncated(item_id=item_id, content_index=index, audio_end_ms=end_ms))
            case requests.ItemDelete(item_id=item_id):
                conversation.delete(item_id)
                self._desk.send(messages.ItemDeleted(item_id=item_id))
            case _:
                assert_never(request)

    def _update(self, request: requests.SessionUpdate) -> None:
        session = merged(self._desk.session, request.session, has_spoken=self._desk.has_spoken)
        other_house = self._desk.change(session)
        self._ear.configure(session.audio.input.turn_detection)
        if other_house:
            self._ear.listen_anew()
        self._desk.send(messages.SessionUpdated(session=session))

    def _commit(self) -> None:
        utterance = self._ear.commit()
        item_id, self._speech_id = self._speech_id, None
        self._add_speech(utterance, item_id or self._desk.new_id("item"))

    def _speech_began(self, start_ms: int) -> None:
        self._speech_id = self._desk.new_id("item")
        self._desk.send(messages.SpeechStarted(item_id=self._speech_id, audio_start_ms=start_ms))
        detection = self._desk.session.audio.input.turn_detection
        if detection is not None and detection.interrupt_response:
            self._responses.interrupt()

    def _speech_ended(self, end_ms: int, now: datetime, *, cut: bool) -> None:
        item_id, self._speech_id = self._speech_id, None
        assert item_id is not None, "speech that ends has begun"
        if cut:
            self._desk.complain(_too_long("What follows is taken as something new."))
        self._desk.send(messages.SpeechStopped(item_id=item_id, audio_end_ms=end_ms))
        self._add_speech(self._ear.cut_at(end_ms), item_id)
        detection = self._desk.session.audio.input.turn_detection
        if detection is not None and detection.create_response:
            try:
                self._responses.create(ResponseWish(), now)
            except Refused as refused:
                self._desk.complain(refused)

    def _add_speech(self, utterance: Utterance, item_id: str) -> None:
        if item_id in self._desk.conversation:  # The client took the announced id for an item of its own.
            item_id = self._desk.new_id("item")
        speech = UserSpeech(id=item_id, pcm=utterance.pcm, duration_ms=utterance.duration_ms)
        before = self._desk.conversation.add(speech)
        self._responses.listen(speech, utterance.job)
        self._desk.send(messages.BufferCommitted(item_id=item_id, previous_item_id=before))
        self._desk.send(messages.ItemAdded(item=view(speech), previous_item_id=before))
        self._desk.send(messages.ItemDone(item=view(speech), previous_item_id=before))

    def _add(self, item: AnyItem, previous_id: str | None) -> None:
        before = self._desk.conversation.add(item, previous_id)
        self._desk.send(messages.ItemAdded(item=view(item), previous_item_id=before))
        self._desk.send(messages.ItemDone(item=view(item), previous_item_id=before))
        if isinstance(item, UserSpeech):
            self._responses.listen(item)

    def _transcribe(self, speech: UserSpeech, text: str) -> None:
        """Tell what was said, where the session wants to know."""
        if self._desk.session.audio.input.transcription is None:
            return
        if text:
            self._desk.send(messages.TranscriptDelta(item_id=speech.id, delta=text))
        usage = messages.Duration(seconds=speech.duration_ms / 1_000)
        self._desk.send(messages.TranscriptCompleted(item_id=speech.id, transcript=text, usage=usage))

    def _fail_transcript(self, speech: UserSpeech, problem: str) -> None:
        if self._desk.session.audio.input.transcription is not None:
            error = FailureView(type=SERVER_FAULT, code=SERVER_FAULT, message=problem)
            self._desk.send(messages.TranscriptFailed(item_id=speech.id, error=error))


def _too_long(consequence: str) -> Refused:
    text = f"This server listens to {limits.UTTERANCE_S} s at a time, and that much was said. {consequence}"
    return Refused("input_audio_buffer_full", text)
