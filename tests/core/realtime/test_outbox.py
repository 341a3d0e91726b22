"""What leaves the protocol."""

import json

from hearthd.core.realtime.client_messages import BufferClear, ResponseCreate
from hearthd.core.realtime.events import SessionReady
from hearthd.core.realtime.outbox import Outbox


def test_texts_keep_their_order_and_leave_once() -> None:
    """Messages and audio come out as they went in, and are then forgotten."""
    outbox = Outbox()
    outbox.send(BufferClear())
    outbox.send_audio(b"\0\0")
    outbox.send(ResponseCreate())
    types = [json.loads(text)["type"] for text in outbox.drain_texts()]
    assert types == ["input_audio_buffer.clear", "input_audio_buffer.append", "response.create"]
    assert outbox.drain_texts() == []


def test_event_ids_tell_the_message() -> None:
    """Each message carries an id of its own that names its type."""
    outbox = Outbox()
    ids = [outbox.send(BufferClear()), outbox.send(BufferClear())]
    assert ids == ["input_audio_buffer.clear-1", "input_audio_buffer.clear-2"]
    assert [json.loads(text)["event_id"] for text in outbox.drain_texts()] == ids


def test_only_our_own_ids_count() -> None:
    """What a server puts in place of our id is taken for no id."""
    outbox = Outbox()
    own = outbox.send(BufferClear())
    assert [outbox.own_id(own), outbox.own_id("event_TODO"), outbox.own_id(None)] == [own, "", ""]


def test_events_leave_once() -> None:
    """Events come out once."""
    outbox = Outbox()
    outbox.report(SessionReady())
    assert [outbox.drain_events(), outbox.drain_events()] == [[SessionReady()], []]
