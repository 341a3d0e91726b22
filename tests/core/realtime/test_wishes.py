"""How sessions and responses are asked for in each dialect."""

import dataclasses
import json

import pytest

from hearthd.core.realtime.client_messages import ClientMessage, encode
from hearthd.core.realtime.dialects import BETA_STYLE, OPENAI, XAI, Dialect
from hearthd.core.realtime.session import SessionPlan
from hearthd.core.realtime.wishes import COMFORTS, EXTRAS, extras_of, reply, session_update, speech
from tests.core.realtime.wire import LAMP, RICH, Json, plan

NONE = frozenset[str]()
LAMP_ON_THE_WIRE = {
    "type": "function",
    "name": LAMP.name,
    "description": LAMP.description,
    "parameters": LAMP.parameters,
}
PCM = {"type": "audio/pcm", "rate": 24_000}


def fields(message: ClientMessage) -> Json:
    """Return the message as the server reads it."""
    decoded: Json = json.loads(encode(message))
    return decoded


def session(plan: SessionPlan, without: frozenset[str] = NONE, *, asks: bool = False) -> Json:
    """Return the session asked for."""
    asked_for = fields(session_update(plan, without, asks=asks))["session"]
    assert isinstance(asked_for, dict)
    return asked_for


def test_openai_gets_every_setting() -> None:
    """Truncation, noise reduction, transcription and reasoning stand where its documentation has them."""
    asked_for = session(RICH)
    assert asked_for["audio"] == {
        "input": {
            "format": PCM,
            "turn_detection": None,
            "noise_reduction": {"type": "far_field"},
            "transcription": {"model": "gpt-transcribe"},
        },
        "output": {"format": PCM, "voice": "cedar"},
    }
    assert asked_for["truncation"] == {
        "type": "retention_ratio",
        "retention_ratio": 0.8,
        "token_limits": {"post_instructions": 8_000},
    }
    assert asked_for["reasoning"] == {"effort": "low"}
    assert extras_of(RICH) == EXTRAS
    assert extras_of(plan()) == NONE


@pytest.mark.parametrize("name", sorted(EXTRAS | COMFORTS))
def test_each_setting_can_be_left_out(name: str) -> None:
    """And nothing else goes with it."""
    whole, less = json.dumps(session(RICH)), json.dumps(session(RICH, frozenset({name})))
    words = {"format": "rate", "modalities": "output_modalities", "voice": "cedar"}
    assert words.get(name, name) in whole
    assert words.get(name, name) not in less


BETA = {
    "instructions": "Be brief.",
    "turn_detection": None,
    "tools": [LAMP_ON_THE_WIRE],
    "tool_choice": "auto",
    "max_response_output_tokens": 512,
}


def test_the_beta_is_flat() -> None:
    """Formats and limits have other names there, and a session has no type."""
    beta = dataclasses.replace(RICH, dialect=BETA_STYLE)
    assert extras_of(beta) == {"transcription"}
    assert session(beta) == {
        **BETA,
        "modalities": ["audio", "text"],
        "voice": "cedar",
        "input_audio_format": "pcm16",
        "output_audio_format": "pcm16",
        "input_audio_transcription": {"model": "gpt-transcribe"},
    }
    assert session(beta, EXTRAS | COMFORTS) == BETA


def test_xai_wants_voice_and_turns_at_the_top() -> None:
    """Every switch is stated, because it has defaults of its own."""
    xai = dataclasses.replace(RICH, dialect=XAI, turn_detection="server_vad")
    bare = {
        "instructions": "Be brief.",
        "turn_detection": {
            "type": "server_vad",
            "silence_duration_ms": 700,
            "create_response": True,
            "interrupt_response": True,
        },
        "tools": [LAMP_ON_THE_WIRE],
    }
    assert extras_of(xai) == NONE
    assert session(xai) == {**bare, "voice": "cedar", "audio": {"input": {"format": PCM}, "output": {"format": PCM}}}
    assert session(xai, COMFORTS) == bare


@pytest.mark.parametrize("detection", ["server_vad", "semantic_vad"])
def test_a_client_that_asks_itself_says_so(detection: str) -> None:
    """The server then finds the end of speech and interrupts, but spends nothing."""
    audio = session(plan(detection), asks=True)["audio"]  # type: ignore[arg-type]
    assert isinstance(audio, dict)
    turns = audio["input"]["turn_detection"]
    assert [turns["create_response"], turns["interrupt_response"]] == [False, True]


@pytest.mark.parametrize(
    ("dialect", "limit", "response"),
    [
        (OPENAI, None, None),
        (OPENAI, 300, {"max_output_tokens": 300}),
        (BETA_STYLE, 300, {"max_response_output_tokens": 300}),
        (XAI, None, None),
    ],
)
def test_a_reply_names_only_what_is_special_about_it(
    dialect: Dialect, limit: int | None, response: Json | None
) -> None:
    """A bare request is taken by every server."""
    expected = {"type": "response.create"} if response is None else {"type": "response.create", "response": response}
    assert fields(reply(dialect, limit)) == expected


def test_a_text_is_said_beside_the_conversation() -> None:
    """Said texts see no conversation, leave none behind, and cannot call functions."""
    message = fields(speech(OPENAI, 'Dinner is "ready".', 200))
    response = message["response"]
    assert isinstance(response, dict)
    instructions = response.pop("instructions")
    assert response == {
        "conversation": "none",
        "input": [],
        "output_modalities": ["audio"],
        "tools": [],
        "tool_choice": "none",
        "metadata": {"purpose": "say"},
        "max_output_tokens": 200,
    }
    assert '\nDinner is "ready".\n' in instructions
    assert "max_output_tokens" not in encode(speech(OPENAI, "x", None))


def test_a_text_is_said_in_the_conversation_where_there_is_no_beside() -> None:
    """Then the instructions of this one response do it."""
    message = fields(speech(BETA_STYLE, "Dinner.", 200))
    response = message["response"]
    assert isinstance(response, dict)
    assert response.keys() == {"instructions", "max_response_output_tokens"}
    assert fields(speech(XAI, "Dinner.", None)) == {
        "type": "response.create",
        "response": {"instructions": response["instructions"]},
    }
