"""What leaves the protocol: texts for the server on one side, events for the engine on the other."""

import msgspec

from hearthd.core.realtime.client_messages import ClientMessage, encode, encode_append
from hearthd.core.realtime.events import LinkEvent
from hearthd.core.realtime.recent import RecentIds

_REMEMBERED = 256
"""Errors name a message that was sent within the last seconds."""


class Outbox:
    """Collects texts and events in order until they are fetched."""

    def __init__(self) -> None:
        """Begin empty."""
        self._texts: list[str] = []
        self._events: list[LinkEvent] = []
        self._sent_ids = RecentIds(_REMEMBERED)
        self._count = 0

    def send(self, message: ClientMessage) -> str:
        """Queue `message` and return the `event_id` given to it: its type and a number, readable in logs."""
        self._count += 1
        event_id = f"{message.type}-{self._count}"
        self._sent_ids.add(event_id)
        self._texts.append(encode(msgspec.structs.replace(message, event_id=event_id)))
        return event_id

    def send_audio(self, pcm: bytes) -> None:
        """Queue `pcm` for the input buffer."""
        self._texts.append(encode_append(pcm))

    def own_id(self, event_id: str | None) -> str:
        """Return `event_id` if it is one of ours, else "": some servers put other ids in its place."""
        return event_id if event_id and event_id in self._sent_ids else ""

    def report(self, event: LinkEvent) -> None:
        """Queue `event`."""
        self._events.append(event)

    def drain_texts(self) -> list[str]:
        """Return the queued texts and forget them."""
        texts, self._texts = self._texts, []
        return texts

    def drain_events(self) -> list[LinkEvent]:
        """Return the queued events and forget them."""
        events, self._events = self._events, []
        return events
