"""Responses and their sound, from first message to last."""

import pytest

from hearthd.core.realtime.events import (
    ReplyAudio,
    ReplyAudioEnded,
    ReplyTranscribed,
    ResponseBegan,
    ResponseStatus,
)
from hearthd.core.realtime.usage import Usage
from tests.core.realtime import wire
from tests.core.realtime.talk import PART, Talk, ended


def test_a_spoken_reply_is_reported_from_beginning_to_end(talk: Talk) -> None:
    """Every piece comes with the ids of its part, and the end says that there was sound."""
    events = talk.hear(
        wire.created("r1"),
        wire.item_added("r1", {"id": "i1", "type": "message", "status": "in_progress"}),
        wire.audio("r1", "i1", b"\1\2\3"),
        wire.audio("r1", "i1", b"\4"),
        wire.text("response.output_audio.done", **PART),
        wire.text("response.output_audio_transcript.done", **PART, transcript="Hello."),
        wire.item_done("r1", {"id": "i1", "type": "message", "status": "completed"}),
        wire.done("r1"),
    )
    assert events == [
        ResponseBegan("r1"),
        ReplyAudio("r1", "i1", 0, b"\1\2\3"),
        ReplyAudio("r1", "i1", 0, b"\4"),
        ReplyAudioEnded("r1", "i1", 0),
        ReplyTranscribed("r1", "i1", "Hello."),
        ended(spoke=True),
    ]
    assert talk.sent() == []


def test_any_message_begins_an_unannounced_response(talk: Talk) -> None:
    """Servers leave `response.created` out; the response begins with whatever comes first, and only once."""
    assert talk.hear(wire.audio("r1", "i1", b"\1\2", content_index=None), wire.created("r1")) == [
        ResponseBegan("r1"),
        ReplyAudio("r1", "i1", 0, b"\1\2"),
    ]


def test_an_end_alone_is_a_whole_response(talk: Talk) -> None:
    """Around interruptions the end may come alone, with a bill."""
    assert talk.hear(wire.done("r1", "cancelled", usage={"input_tokens": 7})) == [
        ResponseBegan("r1"),
        ended(status=ResponseStatus.CANCELLED, usage=Usage(audio_in=7)),
    ]


def test_a_response_without_a_name_is_not_begun(talk: Talk) -> None:
    """An announcement without an id is no use: the messages that follow carry one."""
    assert talk.hear(wire.text("response.created", response={})) == []


def test_an_end_without_a_name_is_the_running_response_s(talk: Talk) -> None:
    """One runs, so it must be meant."""
    assert talk.hear(wire.created("r1"), wire.done(None))[1:] == [ended()]
    assert talk.sequencer.active is None


def test_an_end_without_a_name_or_a_response_still_counts(talk: Talk) -> None:
    """It may carry a bill, and there may be another one."""
    for _ in range(2):
        assert talk.hear(wire.done(None)) == [ResponseBegan(""), ended("")]


def test_nothing_is_reported_of_a_response_that_is_over(talk: Talk) -> None:
    """Late and repeated messages are dropped."""
    talk.hear(wire.created("r1"), wire.done("r1"))
    assert (
        talk.hear(
            wire.audio("r1"),
            wire.text("response.output_audio.done", **PART),
            wire.text("response.output_audio_transcript.done", **PART, transcript="late"),
            wire.item_added("r1", wire.call_item("c1")),
            wire.item_done("r1", wire.call_item("c1")),
            wire.arguments_done("r1", "c1"),
            wire.created("r1"),
            wire.done("r1"),
        )
        == []
    )


def test_empty_audio_is_no_sound(talk: Talk) -> None:
    """An empty piece is not reported and does not count as spoken."""
    assert talk.hear(wire.created("r1"), wire.audio("r1", pcm=b""), wire.done("r1"))[1:] == [ended()]


def test_a_text_part_is_transcribed_too(talk: Talk) -> None:
    """A server that answers in text is at least readable; an empty text is none."""
    events = talk.hear(
        wire.text("response.output_text.done", **PART, text="Hello."),
        wire.text("response.output_text.done", **PART, text=""),
        wire.text("response.output_audio_transcript.done", **PART),
    )
    assert events[1:] == [ReplyTranscribed("r1", "i1", "Hello.")]


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("completed", ResponseStatus.COMPLETED),
        ("cancelled", ResponseStatus.CANCELLED),
        ("incomplete", ResponseStatus.INCOMPLETE),
        ("failed", ResponseStatus.FAILED),
        ("exploded", ResponseStatus.FAILED),
        (None, ResponseStatus.COMPLETED),
    ],
)
def test_the_status_is_read(talk: Talk, word: str | None, status: ResponseStatus) -> None:
    """An unknown status is a failure, a missing one is none."""
    assert talk.hear(wire.done("r1", word))[1:] == [ended(status=status)]


def test_a_failure_carries_its_reasons(talk: Talk) -> None:
    """Code, words and the wait they ask for are handed on."""
    error = {"type": "tokens", "code": "rate_limit_exceeded", "message": "Please try again in 6.232s."}
    details = {"type": "failed", "reason": "why", "error": error}
    assert talk.hear(wire.done("r1", "failed", status_details=details))[1:] == [
        ended(
            status=ResponseStatus.FAILED,
            reason="why",
            error_code="rate_limit_exceeded",
            error_text="Please try again in 6.232s.",
            retry_after_s=pytest.approx(6.232),
        )
    ]
