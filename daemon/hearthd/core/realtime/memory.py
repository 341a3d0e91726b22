"""What of a conversation is kept in case its connection breaks: who said what, and what was done."""

from collections import deque
from dataclasses import dataclass

from hearthd.core.realtime.commands import AddUserText, AnswerCall, LinkCommand, TruncateReply
from hearthd.core.realtime.context import reply_ms
from hearthd.core.realtime.events import (
    CallRequested,
    InputCommitted,
    InputTranscribed,
    LinkEvent,
    ReplyAudio,
    ReplyTranscribed,
)
from hearthd.core.realtime.history import ITEMS_MAX, CallMade, PastItem, ReplyHeard, UserSaid


@dataclass(slots=True)
class _Kept:
    """An item as far as it is known."""

    key: str
    """Item or call."""
    past: PastItem | None = None
    """None while nothing of it is worth telling."""
    request: CallRequested | None = None
    received_bytes: int = 0


class TalkMemory:
    """Follows one conversation over all its sessions; `past` is for `RealtimeProtocol.restore`.

    Bounded: three times the items that are ever told again, because not all are worth telling.
    """

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._kept: deque[_Kept] = deque(maxlen=3 * ITEMS_MAX)

    @property
    def past(self) -> tuple[PastItem, ...]:
        """What was said and done, without an utterance at the end: unanswered, its sound is still to be sent again."""
        told = [kept.past for kept in self._kept if kept.past is not None]
        while told and isinstance(told[-1], UserSaid):
            told.pop()
        return tuple(told)

    def forget(self) -> None:
        """Begin a new conversation."""
        self._kept.clear()

    def heard(self, event: LinkEvent) -> None:
        """Take what the protocol reported."""
        match event:
            case InputCommitted(item_id=item_id):
                self._item(item_id).past = UserSaid()
            case InputTranscribed(item_id=item_id, text=text):
                self._item(item_id).past = UserSaid(text)
            case ReplyAudio(item_id=item_id, pcm=pcm):
                self._item(item_id).received_bytes += len(pcm)
            case ReplyTranscribed(item_id=item_id, text=text):
                self._item(item_id).past = ReplyHeard(text)
            case CallRequested(call_id=call_id):
                self._item(call_id).request = event
            case _:
                pass

    def said(self, command: LinkCommand) -> None:
        """Take what the protocol was told."""
        match command:
            case AddUserText(text=text):
                self._kept.append(_Kept("", UserSaid(text)))
            case AnswerCall(call_id=call_id, output=output):
                kept = self._item(call_id)
                if kept.request is not None:
                    kept.past = CallMade(kept.request.name, kept.request.arguments, output)
            case TruncateReply(item_id=item_id, audio_end_ms=heard_ms):
                self._cut(self._item(item_id), heard_ms)
            case _:
                pass

    def _item(self, key: str) -> _Kept:
        found = next((kept for kept in self._kept if kept.key == key), None) if key else None
        if found is None:
            found = _Kept(key)
            self._kept.append(found)
        return found

    def _cut(self, kept: _Kept, heard_ms: int) -> None:
        """Keep the share of the words that was heard of the sound, whole words only."""
        total_ms = reply_ms(kept.received_bytes)
        if not isinstance(kept.past, ReplyHeard) or heard_ms >= total_ms:
            return
        text = kept.past.text
        heard = text[: len(text) * max(0, heard_ms) // total_ms].rpartition(" ")[0]
        kept.past = ReplyHeard(f"{heard} ...") if heard else None
