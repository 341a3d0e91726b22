"""What we say to the server, to the letter."""

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.realtime import client_messages as cm


def fields(message: cm.ClientMessage) -> dict[str, object]:
    """Return the message as the server reads it."""
    decoded: dict[str, object] = json.loads(cm.encode(message))
    return decoded


@given(st.binary(max_size=2_000))
def test_append_carries_the_audio(pcm: bytes) -> None:
    """The hand-built text is JSON, and its base64 is the audio."""
    message = json.loads(cm.encode_append(pcm))
    assert message == {"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()}


def test_what_is_unset_is_left_out() -> None:
    """A bare request names nothing but its type, so that every server takes it."""
    assert fields(cm.ResponseCreate()) == {"type": "response.create"}
    assert fields(cm.ResponseCancel()) == {"type": "response.cancel"}


def test_a_message_knows_its_type() -> None:
    """The type on the wire can be asked for."""
    assert cm.ItemTruncate(item_id="i", content_index=0, audio_end_ms=1).type == "conversation.item.truncate"
