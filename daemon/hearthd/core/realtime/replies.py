"""The server's side of the talk: responses, their sound and their calls, from first message to last."""

from typing import assert_never

import msgspec

from hearthd.core.realtime.asker import Asker
from hearthd.core.realtime.calls import CallBook
from hearthd.core.realtime.client_messages import (
    CallOutput,
    ItemCreate,
    ItemDelete,
    ResponseCancel,
)
from hearthd.core.realtime.commands import AnswerCall, TruncateReply
from hearthd.core.realtime.complaints import retry_after_s
from hearthd.core.realtime.context import ContextTally, reply_ms
from hearthd.core.realtime.events import (
    CallRequested,
    ReplyAudio,
    ReplyAudioEnded,
    ReplyTranscribed,
    ResponseBegan,
    ResponseEnded,
    ResponseStatus,
)
from hearthd.core.realtime.outbox import Outbox
from hearthd.core.realtime.received import ReceivedAudio
from hearthd.core.realtime.responses import Response, Sequencer
from hearthd.core.realtime.server_messages import (
    AudioDelta,
    AudioDone,
    CallArgumentsDone,
    ErrorBody,
    OutputItem,
    OutputItemAdded,
    OutputItemDone,
    PartMessage,
    ResponseBody,
    ResponseCreated,
    ResponseDone,
    ResponseMessage,
    StatusDetails,
    TextDone,
    TranscriptDone,
)
from hearthd.core.realtime.session import SessionPlan
from hearthd.core.realtime.usage import read_usage

_ANY_OBJECT: msgspec.json.Decoder[dict[str, object]] = msgspec.json.Decoder(dict[str, object])


class Replies:
    """Follows every response from `response.created` to `response.done`.

    No message but the end of a response is needed: servers leave out `response.created`, items and parts.
    """

    def __init__(
        self,
        plan: SessionPlan,
        outbox: Outbox,
        calls: CallBook,
        sequencer: Sequencer,
        tally: ContextTally,
        asker: Asker,
    ) -> None:
        """Report to and send through `outbox`."""
        self._plan = plan
        self._outbox = outbox
        self._tally = tally
        self._asker = asker
        self._calls = calls
        self._sequencer = sequencer
        self._received = ReceivedAudio()

    def take(self, message: ResponseMessage) -> None:
        """Follow one message about a response."""
        match message:
            case AudioDelta():
                self._take_audio(message)
            case AudioDone():
                if self._heeded(message):
                    self._outbox.report(ReplyAudioEnded(message.response_id, *message.part))
            case TranscriptDone(transcript=text) | TextDone(text=text):
                if self._heeded(message) and text:
                    self._outbox.report(ReplyTranscribed(message.response_id, message.item_id, text))
            case ResponseCreated(response=body):
                if body.id:
                    self._running(body.id, body.conversation_id)
            case ResponseDone(response=body):
                self._take_end(body)
            case OutputItemAdded(item=item):
                if response := self._running(message.response_id):
                    _note_item(response, item)
            case OutputItemDone(item=item):
                if response := self._running(message.response_id):
                    self._take_item(response, item)
            case CallArgumentsDone():
                self._take_arguments(message)
            case _:
                assert_never(message)

    def cancel(self) -> None:
        """Cancel what runs, and what was asked for as soon as it runs."""
        for response_id in self._sequencer.cancel():
            self._send_cancel(response_id)

    def none_active(self) -> None:
        """Take the server's word that no response runs: the cancelled ones are over, their ends got lost."""
        for response in self._sequencer.cancelled():
            self._end(response, ResponseStatus.CANCELLED, ResponseBody())

    def request_failed(self, event_id: str, error: ErrorBody) -> None:
        """Take an error that may be about our request for a response: then that request is over."""
        if ask := self._sequencer.withdraw(event_id):
            body = ResponseBody(status_details=StatusDetails(error=error))
            never = Response("", ask, asked=True, in_conversation=False, cancelled=False, outdated=False)
            self._outbox.report(self._ended(never, ResponseStatus.FAILED, body))

    def truncate(self, command: TruncateReply) -> None:
        """Make the server forget what was not heard of a part, now or when its response is over."""
        for response in self._sequencer.running():
            if command.item_id in response.reported:
                response.cuts.append(command)
                return
        cut = self._received.cut((command.item_id, command.content_index), command.audio_end_ms)
        if isinstance(cut, ItemDelete) or (cut and self._plan.dialect.truncates):
            self._outbox.send(cut)

    def answer(self, command: AnswerCall) -> None:
        """Give the model the result of an open call."""
        if self._calls.answer(command.call_id, needs_words=command.follow_up):
            self._outbox.send(ItemCreate(item=CallOutput(call_id=command.call_id, output=command.output)))
            self._tally.add_text(command.output)

    def _running(self, response_id: str, conversation_id: str | None = None) -> Response | None:
        """Return the response that a message belongs to, begun if it is news; None when it is over."""
        response = self._sequencer.find(response_id)
        if response is None and not self._sequencer.is_over(response_id):
            response = self._begin(response_id, conversation_id)
            if response.cancelled:
                self._send_cancel(response_id)
        return response

    def _begin(self, response_id: str, conversation_id: str | None) -> Response:
        response = self._sequencer.begin(response_id, conversation_id)
        self._outbox.report(ResponseBegan(response_id, response.ask.kind, response.cancelled))
        response.cancelled = not self._asker.begin(response) or response.cancelled
        return response

    def _heeded(self, message: PartMessage) -> bool:
        """Tell whether the response of `message` still counts; note its item."""
        response = self._running(message.response_id)
        if response is None:
            return False
        response.reported.setdefault(message.item_id, False)
        return not response.cancelled

    def _take_audio(self, message: AudioDelta) -> None:
        heeded = self._heeded(message)
        response = self._sequencer.find(message.response_id)
        if response is None or not message.delta:
            return
        response.audio_bytes += len(message.delta)
        if response.in_conversation:
            self._received.add(message.part, len(message.delta))
        if heeded:
            response.spoke = response.reported[message.item_id] = True
            self._outbox.report(ReplyAudio(message.response_id, *message.part, message.delta))

    def _take_item(self, response: Response, item: OutputItem) -> None:
        _note_item(response, item)
        if item.status in {None, "completed"}:
            self._request_call(response, item)

    def _take_arguments(self, message: CallArgumentsDone) -> None:
        """Take a call before its item is done, if its arguments are whole: those that were cut end so too."""
        response = self._running(message.response_id)
        if response is None or not _is_object(message.arguments):
            return
        name = message.name or response.function_of_call.get(message.call_id)
        item = OutputItem(
            id=message.item_id,
            type="function_call",
            call_id=message.call_id,
            name=name,
            arguments=message.arguments,
        )
        _note_item(response, item)
        self._request_call(response, item)

    def _request_call(self, response: Response, item: OutputItem) -> None:
        if item.type != "function_call" or not item.call_id or not item.name:
            return
        if response.cancelled or not response.in_conversation or self._is_foreign(item.name):
            return
        if self._calls.report(response.response_id, item.call_id):
            response.calls.append(item.call_id)
            response.reported[item.id or ""] = True
            self._outbox.report(CallRequested(response.response_id, item.call_id, item.name, item.arguments or ""))

    def _take_end(self, body: ResponseBody) -> None:
        response_id = body.id or self._sequencer.active or ""
        if self._sequencer.is_over(response_id):
            self._sequencer.finish(response_id)
            return
        response = self._sequencer.find(response_id) or self._begin(response_id, body.conversation_id)
        status = _status(body.status)
        if status is ResponseStatus.COMPLETED:
            for item in body.output or ():
                self._take_item(response, item)
        self._end(response, status, body)

    def _end(self, response: Response, status: ResponseStatus, body: ResponseBody) -> None:
        self._sequencer.finish(response.response_id)
        follows = (
            bool(response.calls)
            and status in {ResponseStatus.COMPLETED, ResponseStatus.INCOMPLETE}
            and not response.cancelled
            and not response.outdated
        )
        needs_words = response.spoke or status is not ResponseStatus.COMPLETED
        self._calls.end_response(response.response_id, follows=follows, needs_words=needs_words)
        for command in response.cuts:
            self.truncate(command)
        if response.cancelled and response.in_conversation:
            self._forget_unreported(response)
        ended = self._ended(response, status, body, follows=follows)
        if response.in_conversation:
            self._tally.answered(response.context, ended.usage, ended.output_audio_ms)
        self._outbox.report(ended)

    def _is_foreign(self, function: str) -> bool:
        """Tell whether the server carries out a call of this function itself."""
        return self._plan.dialect.calls_for_itself and all(tool.name != function for tool in self._plan.tools)

    def _forget_unreported(self, response: Response) -> None:
        """Delete what nobody heard or did of a cancelled response, lest the model believe otherwise."""
        for item_id, reported in response.reported.items():
            if item_id and not reported:
                self._outbox.send(ItemDelete(item_id=item_id))

    def _send_cancel(self, response_id: str) -> None:
        if not self._plan.dialect.cancels:
            return
        self._outbox.send(ResponseCancel(response_id=response_id) if response_id else ResponseCancel())

    def _ended(
        self, response: Response, status: ResponseStatus, body: ResponseBody, *, follows: bool = False
    ) -> ResponseEnded:
        details = body.status_details or StatusDetails()
        error = details.error or ErrorBody()
        text = error.message or ""
        return ResponseEnded(
            response_id=response.response_id,
            status=status,
            reason=details.reason or "",
            error_code=error.word,
            error_text=text,
            retry_after_s=retry_after_s(text),
            usage=read_usage(body.usage),
            calls=tuple(response.calls),
            spoke=response.spoke,
            follows=follows,
            purpose=response.ask.kind,
            model=self._plan.model,
            context=response.context,
            input_audio_ms=response.input_audio_ms,
            output_audio_ms=reply_ms(response.audio_bytes),
        )


def _note_item(response: Response, item: OutputItem) -> None:
    if item.id and item.type in {"message", "function_call"}:
        response.reported.setdefault(item.id, False)
    if item.call_id and item.name:
        response.function_of_call[item.call_id] = item.name


def _is_object(arguments: str) -> bool:
    try:
        _ANY_OBJECT.decode(arguments)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
    return True


def _status(word: str | None) -> ResponseStatus:
    """Read a final status; none at all means that nothing went wrong, an unknown one that something did."""
    if word is None:
        return ResponseStatus.COMPLETED
    return ResponseStatus(word) if word in set(ResponseStatus) else ResponseStatus.FAILED
