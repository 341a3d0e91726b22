"""Reading what the server says."""

import json
from contextlib import suppress
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.realtime import server_messages as sm
from hearthd.core.realtime.server_messages import GarbledMessage, decode
from tests.core.realtime import wire

PART = {"response_id": "r1", "item_id": "i1"}


def test_audio_becomes_bytes() -> None:
    """Base64 is undone while the JSON is read, also for an odd number of bytes."""
    message = decode(wire.audio("r1", "i1", b"\1\2\3", content_index=2))
    assert message == sm.AudioDelta(response_id="r1", item_id="i1", content_index=2, delta=b"\1\2\3")


@pytest.mark.parametrize("index", [None, {"content_index": None}])
def test_a_missing_content_index_is_the_first(index: dict[str, None] | None) -> None:
    """Servers that know one part only leave the index out, or null."""
    message = decode(wire.text("response.output_audio.done", **PART, **(index or {})))
    assert isinstance(message, sm.AudioDone)
    assert message.part == ("i1", 0)


@pytest.mark.parametrize(
    ("beta", "successor", "field"),
    [
        ("response.audio.delta", sm.AudioDelta, {"delta": "AQI="}),
        ("response.audio.done", sm.AudioDone, {}),
        ("response.audio_transcript.done", sm.TranscriptDone, {"transcript": "hi"}),
        ("response.text.done", sm.TextDone, {"text": "hi"}),
    ],
)
def test_beta_names_are_read_as_their_successors(beta: str, successor: type, field: dict[str, str]) -> None:
    """A server of the beta's age is understood."""
    assert isinstance(decode(wire.text(beta, **PART, **field)), successor)


@pytest.mark.parametrize("message_type", ["conversation.created", "rate_limits.updated", "response.dreamt", "ping"])
def test_unknown_types_are_nothing(message_type: str) -> None:
    """What we do not use, or nobody invented yet, is ignored without a complaint."""
    assert decode(wire.text(message_type, delta=5, session="?")) is None


def test_unknown_fields_are_ignored() -> None:
    """Deltas may carry padding against traffic analysis, and more may come."""
    message = decode(wire.text("response.created", response={"id": "r1", "x": [1]}, obfuscation="u7Fz"))
    assert message == sm.ResponseCreated(response=sm.ResponseBody(id="r1"))


def test_null_is_taken_for_left_out() -> None:
    """Servers fill optional fields with null as they like."""
    nulls = dict.fromkeys(("status", "status_details", "output", "conversation_id"))
    message = decode(wire.text("response.done", response={"id": "r1", **nulls, "usage": None}))
    assert isinstance(message, sm.ResponseDone)
    assert message.response.output is None


@pytest.mark.parametrize(
    ("text", "message_type"),
    [
        ("", ""),
        ("no JSON", ""),
        ("[1, 2]", ""),
        ("{}", ""),
        ('{"type": 7}', ""),
        ('{"type": ""}', ""),
        ('"\ud800"', ""),
        ('{"type":"error","x":' + "[" * 100_000, ""),
        ('{"type":"error","error":"a word"}', "error"),
        ('{"type":"response.done"}', "response.done"),
        ('{"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":"???"}', sm.AudioDelta),
    ],
)
def test_what_cannot_be_read_is_garbled(text: str, message_type: str | type[sm.AudioDelta]) -> None:
    """Broken texts raise one error that names the type, as far as that can be read."""
    expected = message_type if isinstance(message_type, str) else "response.output_audio.delta"
    with pytest.raises(GarbledMessage) as caught:
        decode(text)
    assert caught.value.message_type == expected
    assert caught.value.problem in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KNOWN_TYPES = [str(message.__struct_config__.tag) for message in get_args(sm.Understood)]
FIELDS = ["response", "response_id", "item_id", "item", "delta", "error", "content_index", "session", "call_id"]


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_read_or_garbled(text: str) -> None:
    """No text raises anything else."""
    with suppress(GarbledMessage):
        decode(text)


@given(st.sampled_from(KNOWN_TYPES), st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_fields_are_read_or_garbled(message_type: str, fields: dict[str, object]) -> None:
    """No shape of a known message raises anything else."""
    with suppress(GarbledMessage):
        assert decode(json.dumps({**fields, "type": message_type})) is not None


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (sm.ErrorBody(code="c", type="t"), "c"),
        (sm.ErrorBody(type="t"), "t"),
        (sm.ErrorBody(code=401), "401"),
        (sm.ErrorBody(), ""),
    ],
)
def test_an_error_has_one_word(body: sm.ErrorBody, word: str) -> None:
    """The code speaks for an error, else its type."""
    assert body.word == word


def test_usage_stays_undecoded() -> None:
    """A bill of any shape does not keep a response from ending."""
    message = decode(wire.done("r1", usage=[1, "two"]))
    assert isinstance(message, sm.ResponseDone)
    assert msgspec.json.decode(message.response.usage) == [1, "two"]
