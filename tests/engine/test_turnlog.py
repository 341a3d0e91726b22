"""The story of a turn, told once at its end."""

import logging

import pytest

from hearthd.core.conversation import commands as do
from hearthd.core.conversation import events as ev
from hearthd.core.realtime.choice import Server
from hearthd.core.realtime.commands import CommitInput, SpeakText
from hearthd.core.realtime.events import CallRequested, InputCommitted, ResponseEnded, ResponseStatus
from hearthd.core.realtime.usage import Usage
from hearthd.engine.turnlog import Glitches, TurnLog

ANSWERED = do.EndTurn(1, do.Outcome.ANSWERED)


def begun(glitches: list[Glitches] | None = None) -> TurnLog:
    """Return the log of a turn that began at second 100."""
    counts = glitches or [Glitches()]
    turns = TurnLog(lambda: counts[-1])
    assert turns.did(do.BeginTurn(1, "okay_nabu"), 100.0) is None
    return turns


def ended(response_id: str, status: ResponseStatus = ResponseStatus.COMPLETED, **rest: object) -> ResponseEnded:
    """Return the end of a response."""
    return ResponseEnded(response_id=response_id, status=status, **rest)  # type: ignore[arg-type]


def test_a_whole_turn(caplog: pytest.LogCaptureFixture) -> None:
    """Every number that its owner asks for, in one event of the journal."""
    counts = [Glitches(3, 5)]
    turns = begun(counts)
    turns.saw(ev.SpeechEnded(1, capped=False, silence_ms=500), 103.0)
    turns.did(CommitInput(), 103.0)
    turns.saw(InputCommitted("i"), 103.1)
    turns.saw(ev.ResponseBegan("r1"), 103.2)
    turns.saw(CallRequested("r1", "c", "set_light", "{}"), 103.3)
    turns.saw(ended("r1", usage=Usage(text_in=10, audio_in=20, text_out=3)), 103.3)
    turns.saw(ev.ResponseBegan("r2"), 103.4)
    turns.saw(ev.PlayoutStarted("r2"), 103.5)
    turns.audible(103.6)
    turns.saw(ended("r2", usage=Usage(audio_in=30, audio_out=40)), 104.0)
    turns.audible(104.5)
    counts.append(Glitches(4, 5))
    with caplog.at_level(logging.INFO, "hearthd"):
        fields = turns.did(ANSWERED, 105.0)

    assert fields == {
        "HEARTHD_EVENT": "turn",
        "HEARTHD_TURN": 1,
        "HEARTHD_CAUSE": "okay_nabu",
        "HEARTHD_OUTCOME": "answered",
        "HEARTHD_SERVER": "online",
        "HEARTHD_LATENCY_MS": 1_100,
        "HEARTHD_SERVER_MS": 500,
        "HEARTHD_CALLS": 1,
        "HEARTHD_RESPONSES": "completed,completed",
        "HEARTHD_INPUT_TOKENS": 60,
        "HEARTHD_OUTPUT_TOKENS": 43,
        "HEARTHD_OVERRUNS": 1,
    }
    (record,) = caplog.records
    assert {name: value for name, value in vars(record).items() if name.startswith("HEARTHD_")} == fields


def test_what_did_not_happen_is_left_out() -> None:
    """A wake word without a request costs four fields."""
    assert begun().did(do.EndTurn(1, do.Outcome.NOTHING_SAID), 106.0) == {
        "HEARTHD_EVENT": "turn",
        "HEARTHD_TURN": 1,
        "HEARTHD_CAUSE": "okay_nabu",
        "HEARTHD_OUTCOME": "nothing_said",
        "HEARTHD_CALLS": 0,
    }


def test_without_speech_latency_counts_from_the_request() -> None:
    """Text over MQTT: nobody spoke."""
    turns = begun()
    turns.audible(100.7)
    fields = turns.did(ANSWERED, 102.0)
    assert fields is not None
    assert fields["HEARTHD_LATENCY_MS"] == 700


def test_where_the_server_finds_the_end_of_speech() -> None:
    """Its news stands in for ours."""
    turns = begun()
    turns.saw(ev.ServerSpeechStopped(), 102.0)
    turns.saw(ev.ServerSpeechStopped(), 102.5)
    turns.saw(InputCommitted("i"), 102.1)
    turns.saw(ev.ResponseBegan("r1"), 102.2)
    turns.saw(ev.PlayoutStarted("r1"), 102.6)
    turns.audible(102.7)
    fields = turns.did(ANSWERED, 104.0)
    assert fields is not None
    assert (fields["HEARTHD_LATENCY_MS"], fields["HEARTHD_SERVER_MS"]) == (700, 500)


def test_what_comes_late_of_an_interrupted_turn_is_not_the_next_ones() -> None:
    """Its end, its sound, its news of having been heard; only what it cost is counted on."""
    turns = begun()
    turns.saw(ev.ResponseBegan("old"), 101.0)
    turns.did(do.EndTurn(1, do.Outcome.INTERRUPTED), 102.0)
    turns.did(do.BeginTurn(2, "okay_nabu"), 102.0)
    turns.audible(101.9)
    turns.saw(ev.PlayoutStarted("old"), 102.1)
    turns.saw(ev.SpeechEnded(1, capped=False), 102.1)
    turns.saw(ended("old", ResponseStatus.CANCELLED, reason="client_cancelled", usage=Usage(audio_out=7)), 102.2)
    fields = turns.did(do.EndTurn(2, do.Outcome.ANSWERED), 103.0)
    assert fields == {
        "HEARTHD_EVENT": "turn",
        "HEARTHD_TURN": 2,
        "HEARTHD_CAUSE": "okay_nabu",
        "HEARTHD_OUTCOME": "answered",
        "HEARTHD_CALLS": 0,
        "HEARTHD_OUTPUT_TOKENS": 7,
    }


def test_how_responses_ended_is_told_with_the_reason() -> None:
    """Cut by the token limit, refused before it began."""
    turns = begun()
    turns.saw(ev.ResponseBegan("r1"), 101.0)
    turns.saw(ended("r1", ResponseStatus.INCOMPLETE, reason="max_output_tokens"), 102.0)
    turns.saw(ended("", ResponseStatus.FAILED), 102.0)
    fields = turns.did(ANSWERED, 103.0)
    assert fields is not None
    assert fields["HEARTHD_RESPONSES"] == "incomplete:max_output_tokens,failed"


def test_outside_of_turns_nothing_is_noted() -> None:
    """News at rest belongs to no turn, and an end without a beginning is none."""
    turns = TurnLog()
    turns.saw(ev.ServerSpeechStopped(), 1.0)
    turns.audible(1.0)
    assert turns.did(CommitInput(), 1.0) is None
    assert turns.did(ANSWERED, 1.0) is None


@pytest.mark.parametrize("asked", [CommitInput(), SpeakText("dinner")])
def test_the_server_that_was_asked_is_told(asked: CommitInput | SpeakText) -> None:
    """It is the one that was chosen when the utterance or the text went out, not the one of before or after."""
    turns = begun()
    turns.saw(ev.ServerChosen(Server.OFFLINE, "no route"), 100.1)
    turns.did(asked, 101.0)
    turns.saw(ev.ServerChosen(Server.ONLINE), 102.0)
    fields = turns.did(ANSWERED, 103.0)
    assert fields is not None
    assert fields["HEARTHD_SERVER"] == "offline"


def test_a_server_that_takes_turns_by_itself_is_told() -> None:
    """It was asked when it says that it has the utterance; and whoever was not asked is not told."""
    turns = begun()
    turns.saw(InputCommitted("i"), 101.0)
    fields = turns.did(ANSWERED, 103.0)
    assert fields is not None
    assert fields["HEARTHD_SERVER"] == "online"
    assert "HEARTHD_SERVER" not in (begun().did(do.EndTurn(1, do.Outcome.NOTHING_SAID), 101.0) or {})


def test_a_text_is_known_by_the_id_that_it_came_with() -> None:
    """Whoever waits for it can tell its turn from those of others."""
    turns = TurnLog()
    turns.did(do.BeginTurn(1, "say", "k7"), 100.0)

    fields = turns.did(ANSWERED, 101.0)

    assert fields is not None
    assert fields["HEARTHD_ID"] == "k7"
