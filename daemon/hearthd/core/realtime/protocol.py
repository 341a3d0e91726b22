"""Our side of the Realtime protocol without a socket: texts and commands in, events and texts out."""

from collections.abc import Iterable, Sequence
from typing import assert_never

from hearthd.core.realtime.allowance import Allow, AskKind
from hearthd.core.realtime.asker import Asker
from hearthd.core.realtime.calls import CallBook
from hearthd.core.realtime.commands import (
    AddContext,
    AddUserText,
    AnswerCall,
    CancelResponse,
    ClearInput,
    CommitInput,
    LinkCommand,
    RequestResponse,
    SpeakText,
    TruncateReply,
)
from hearthd.core.realtime.complaints import ErrorKind, kind_of, may_concern_response
from hearthd.core.realtime.context import ContextTally
from hearthd.core.realtime.events import (
    InputTranscribed,
    LinkEvent,
    ServerComplained,
    ServerSpeechStarted,
    ServerSpeechStopped,
    SessionFailed,
    SessionReady,
)
from hearthd.core.realtime.handshake import OUTPUT_LIMIT, Handshake, differences
from hearthd.core.realtime.history import PastItem, replayed_calls
from hearthd.core.realtime.outbox import Outbox
from hearthd.core.realtime.replies import Replies
from hearthd.core.realtime.responses import Sequencer
from hearthd.core.realtime.server_messages import (
    BufferCommitted,
    ErrorBody,
    ErrorReported,
    GarbledMessage,
    InputTranscript,
    InputTranscriptFailed,
    ItemAdded,
    ResponseBody,
    ResponseDone,
    SessionCreated,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    StatusDetails,
    Understood,
    decode,
)
from hearthd.core.realtime.session import SessionPlan
from hearthd.core.realtime.usage import read_transcription_usage
from hearthd.core.realtime.utterances import CONTEXT_CHARACTERS_MAX, Utterances

TURNS_MADE = (
    'the server finds the end of speech itself, although realtime.turn_detection = "none": its own answers are '
    'cancelled, which may cost something; with "server_vad" it is not asked for a second one'
)


class RealtimeProtocol:
    """One connection's protocol state: a new connection takes a new instance.

    Feed every text that arrives to `receive`, and send what `data_to_send` returns after each call of any
    method. The server's misuse never raises: it is counted, reported as `ServerComplained`, and survived. What
    is sent or received after `SessionFailed` is dropped, because the engine learns of the failure a step later.
    """

    def __init__(self, session: SessionPlan, known_calls: Iterable[str] = (), allow: Allow | None = None) -> None:
        """Begin before `session.created`.

        `known_calls` of earlier connections are not reported again. `allow` is asked before every response, also where
        the server finds the end of speech; without it, everything is allowed.
        """
        self._plan = session
        asks = allow is not None and session.dialect.withholds_answers
        tally = ContextTally(session.standing_text)
        self._outbox = Outbox()
        self._handshake = Handshake(session, asks=asks)
        self._calls = CallBook(known_calls)
        self._sequencer = Sequencer(asides=session.dialect.asides)
        self._utterances = Utterances(session, self._outbox, self._sequencer, tally, asks=asks)
        self._asker = Asker(session, self._outbox, self._calls, self._sequencer, tally, allow)
        self._replies = Replies(session, self._outbox, self._calls, self._sequencer, tally, self._asker)
        self._garbled_messages = 0
        self._last_complaint: ServerComplained | None = None

    @property
    def ready(self) -> bool:
        """Whether audio and commands may go out: from `SessionReady` to `SessionFailed`."""
        return self._handshake.ready

    @property
    def active_response(self) -> str | None:
        """The id of the response that runs, cancelled or not, until its end arrives."""
        return self._sequencer.active

    @property
    def known_calls(self) -> tuple[str, ...]:
        """The ids of the last calls, reported here or on earlier connections: what the next one must know."""
        return self._calls.seen

    @property
    def garbled_messages(self) -> int:
        """How many texts could not be read."""
        return self._garbled_messages

    @property
    def last_complaint(self) -> ServerComplained | None:
        """The last error that the session survived: some servers say why before a goodbye that says nothing."""
        return self._last_complaint

    def receive(self, text: str) -> list[LinkEvent]:
        """Take one text of the server and return what it means, in order; often nothing."""
        if not self._handshake.failed:
            try:
                self._take(decode(text))
            except GarbledMessage as garbled:
                self._take_garbled(garbled)
            if self.ready:
                self._asker.ask()
        return self._outbox.drain_events()

    def events(self) -> list[LinkEvent]:
        """Return what came of commands alone, such as a response that is not allowed; often nothing."""
        return self._outbox.drain_events()

    def append(self, pcm: bytes) -> None:
        """Queue whole frames of PCM16 at 24 kHz for the input buffer.

        Raises `RuntimeError` before the session is ready, and `ValueError` for half a frame.
        """
        if self._accepts():
            self._utterances.append(pcm)

    def restore(self, history: Sequence[PastItem]) -> None:
        """Tell the session how the talk went on the connection before, right after ready; see `history.replay`.

        Nothing is asked for, and no call is carried out again. Raises `RuntimeError` before ready.
        """
        if not self._accepts():
            return
        self._calls.know(replayed_calls())
        self._utterances.restore(history)

    def begin_user_turn(self) -> None:
        """Note that the user speaks: open calls are still to be answered, but no response to them follows.

        The turn ends with `RequestResponse`; where the server finds speech, it begins and ends turns too.
        """
        self._calls.begin_user_turn()
        self._sequencer.begin_user_turn()

    def send(self, command: LinkCommand) -> None:
        """Carry out `command`, now or when its time has come. Raises `RuntimeError` before ready."""
        if not self._accepts():
            return
        match command:
            case CommitInput():
                self._utterances.commit()
            case ClearInput():
                self._utterances.clear()
            case RequestResponse():
                self._sequencer.want(AskKind.REPLY)
            case SpeakText(text=text):
                self._sequencer.want(AskKind.SPEECH, text)
            case AddUserText(text=text):
                self._utterances.add_text("user", text)
            case AddContext(text=text):
                self._utterances.add_text("system", text[:CONTEXT_CHARACTERS_MAX])
            case CancelResponse():
                self._replies.cancel()
            case TruncateReply():
                self._replies.truncate(command)
            case AnswerCall():
                self._replies.answer(command)
            case _:
                assert_never(command)
        self._asker.ask()

    def data_to_send(self) -> list[str]:
        """Return the texts to send, in order, and forget them."""
        return self._outbox.drain_texts()

    def _accepts(self) -> bool:
        if self._handshake.failed:
            return False
        if not self.ready:
            raise RuntimeError("nothing may be sent before the session is ready")
        return True

    def _take(self, message: Understood | None) -> None:
        match message:
            case None:
                return
            case SessionCreated():
                if update := self._handshake.created():
                    self._outbox.send(update)
            case SessionUpdated():
                self._take_updated(message)
            case ErrorReported(error=error):
                self._take_error(error)
            case BufferCommitted(item_id=item_id):
                self._utterances.committed(item_id)
            case SpeechStarted():
                self._note_server_makes_turns()
                self.begin_user_turn()
                self._outbox.report(ServerSpeechStarted())
            case SpeechStopped():
                self._note_server_makes_turns()
                self._outbox.report(ServerSpeechStopped())
            case InputTranscript(item_id=item_id, transcript=text, usage=usage):
                self._sequencer.release()
                read = read_transcription_usage(usage)
                self._outbox.report(InputTranscribed(item_id, text or "", self._plan.transcription, read))
            case InputTranscriptFailed(error=error):
                self._sequencer.release()
                self._complain(ErrorKind.BENIGN, error)
            case ItemAdded(item=item):
                if item.role == "user":
                    self._sequencer.release()
            case ResponseDone(response=body):
                self._replies.take(message)
                self._take_refusal(body)
            case _:
                self._replies.take(message)

    def _take_updated(self, message: SessionUpdated) -> None:
        if not self._handshake.updated():
            return
        for setting, difference in differences(self._plan, message.session).items():
            error = ErrorBody(code="session_differs", message=difference, param=setting)
            self._complain(ErrorKind.OURS, error)
            if setting == OUTPUT_LIMIT:
                self._asker.distrust_limit()
        self._outbox.report(SessionReady())

    def _note_server_makes_turns(self) -> None:
        """Have a server that was told not to make turns answer only what it is asked to: its own answer would come too.

        The utterance is committed and answered at our request all the same, so nothing is lost but what it costs.
        """
        if self._plan.turn_detection == "none" and self._sequencer.refuse_unasked():
            self._complain(ErrorKind.OURS, ErrorBody(code="turns_made", message=TURNS_MADE, param="turn_detection"))

    def _take_error(self, error: ErrorBody) -> None:
        kind = kind_of(error)
        if kind in {ErrorKind.REFUSED, ErrorKind.EXPIRED}:
            self._fail(error, permanent=kind is ErrorKind.REFUSED)
        elif not self.ready:
            self._take_start_error(error, kind)
        else:
            self._complain(kind, error)
            event_id = self._outbox.own_id(error.event_id)
            if kind is ErrorKind.BUSY:
                self._sequencer.put_back(event_id)
            elif kind is ErrorKind.IDLE:
                self._replies.none_active()
            elif kind is not ErrorKind.BENIGN and (event_id or may_concern_response(error)):
                self._replies.request_failed(event_id, error)

    def _take_start_error(self, error: ErrorBody, kind: ErrorKind) -> None:
        """Before ready an error can be about one thing only: our update, or else the connection itself."""
        updating = self._handshake.updating
        update = None if kind is ErrorKind.TRANSIENT else self._handshake.refused(error)
        if update:
            self._complain(kind, error)
            self._outbox.send(update)
            return
        blames_us = updating or error.type == "invalid_request_error"
        self._fail(error, permanent=blames_us and kind is not ErrorKind.TRANSIENT)

    def _take_refusal(self, body: ResponseBody) -> None:
        """A response may fail of what no later one can mend: an empty account, a withdrawn key."""
        error = (body.status_details or StatusDetails()).error
        if error and kind_of(error) is ErrorKind.REFUSED:
            self._fail(error, permanent=True)

    def _take_garbled(self, garbled: GarbledMessage) -> None:
        self._garbled_messages += 1
        error = ErrorBody(code="unreadable", message=garbled.problem, param=garbled.message_type)
        self._complain(ErrorKind.GARBLED, error)
        if garbled.message_type == "response.done":
            # Whatever it says, a response is over: waiting for a better message would block every later one.
            details = StatusDetails(error=error)
            self._replies.take(ResponseDone(response=ResponseBody(status="failed", status_details=details)))

    def _fail(self, error: ErrorBody, *, permanent: bool) -> None:
        self._handshake.fail()
        self._outbox.report(SessionFailed(error.word or "unknown", error.message or "", permanent))

    def _complain(self, kind: ErrorKind, error: ErrorBody) -> None:
        complaint = ServerComplained(
            kind=kind,
            code=error.word or "unknown",
            message=error.message or "",
            param=error.param or "",
            client_event_id=self._outbox.own_id(error.event_id),
        )
        self._last_complaint = complaint
        self._outbox.report(complaint)
