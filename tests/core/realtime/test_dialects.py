"""What each kind of server can do, and how it is known."""

import pytest

from hearthd.core.realtime.dialects import (
    AZURE,
    BETA_STYLE,
    COMPATIBLE,
    NAMED,
    OPENAI,
    XAI,
    Dialect,
    TurnDetection,
    dialect_of,
    shortfalls,
    takes_reasoning,
)
from hearthd.core.realtime.session import offline_plan, session_plan
from hearthd.core.settings import RealtimeSettings
from tests.core.realtime.wire import LAMP


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        ("wss://api.openai.com/v1/realtime", OPENAI),
        ("wss://eu.api.openai.com/v1/realtime", OPENAI),
        ("wss://home.openai.azure.com/openai/v1/realtime", AZURE),
        ("wss://home.cognitiveservices.azure.com/openai/v1/realtime", AZURE),
        ("wss://api.x.ai/v1/realtime", XAI),
        ("wss://us-east-1.api.x.ai/v1/realtime", XAI),
        ("wss://notapi.openai.com.example/v1/realtime", COMPATIBLE),
        ("ws://localhost:8080/v1/realtime", COMPATIBLE),
        ("ws+unix:///run/server.sock", COMPATIBLE),
    ],
)
def test_a_server_is_known_by_its_host(url: str, dialect: Dialect) -> None:
    """Whatever stands in front of a known host belongs to it; all else is treated with care."""
    assert dialect_of(RealtimeSettings(url=url)) == dialect


@pytest.mark.parametrize("name", ["openai", "azure", "xai", "beta-style"])
def test_the_owner_s_word_counts(name: str) -> None:
    """A proxy may stand before any server."""
    assert dialect_of(RealtimeSettings(url="ws://localhost/x", dialect=name)) == NAMED[name]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dialect", "wish", "turns"),
    [
        (OPENAI, "none", "none"),
        (OPENAI, "server_vad", "server_vad"),
        (OPENAI, "semantic_vad", "semantic_vad"),
        (XAI, "none", "server_vad"),
        (XAI, "semantic_vad", "server_vad"),
        (BETA_STYLE, "none", "none"),
        (BETA_STYLE, "semantic_vad", "server_vad"),
    ],
)
def test_turns_are_made_as_close_to_the_wish_as_can_be(
    dialect: Dialect, wish: TurnDetection, turns: TurnDetection
) -> None:
    """A server that cannot wait for us finds the end of speech itself."""
    assert dialect.turns(wish) == turns


def test_the_key_goes_where_it_is_looked_for() -> None:
    """Azure has a header of its own."""
    assert [OPENAI.header("k"), AZURE.header("k")] == [("Authorization", "Bearer k"), ("api-key", "k")]


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("gpt-realtime", False),
        ("gpt-realtime-2025-08-28", False),
        ("gpt-realtime-1.5", False),
        ("gpt-realtime-mini-2025-12-15", False),
        ("gpt-4o-realtime-preview", False),
        ("gpt-realtime-2", True),
        ("gpt-realtime-2.1-mini", True),
        ("our-deployment", True),
    ],
)
def test_old_models_do_not_reason(model: str, takes: bool) -> None:
    """They would refuse the session; a name that tells nothing is tried."""
    assert takes_reasoning(model) == takes


RICH = RealtimeSettings(reasoning_effort="low", transcription="t", turn_detection="semantic_vad", voice="cedar")


def test_a_plan_takes_all_that_the_server_knows() -> None:
    """The owner's settings arrive as they are."""
    plan = session_plan(RICH, instructions="Be brief.", tools=(LAMP,), end_of_speech_ms=700)
    assert [plan.model, plan.voice, plan.instructions, plan.tools] == [RICH.model, "cedar", "Be brief.", (LAMP,)]
    assert [plan.turn_detection, plan.end_of_speech_ms, plan.max_output_tokens] == ["semantic_vad", 700, 1_024]
    assert [plan.dialect, plan.context_tokens, plan.retention_ratio] == [OPENAI, 8_000, 0.8]
    assert [plan.noise_reduction, plan.transcription, plan.reasoning_effort] == ["far_field", "t", "low"]


def test_a_plan_leaves_out_what_the_server_does_not_know() -> None:
    """Settings for one kind of server do not stand in the way of another."""
    others = RealtimeSettings(dialect="xai", reasoning_effort="low", turn_detection="none")
    plan = session_plan(others, instructions="", tools=(), end_of_speech_ms=500)
    assert [plan.context_tokens, plan.noise_reduction, plan.reasoning_effort] == [0, "off", ""]
    assert plan.turn_detection == "server_vad"


def test_a_plan_leaves_reasoning_to_the_model_where_it_has_to() -> None:
    """By default, and with models that have no such choice."""
    for settings in (RealtimeSettings(), RealtimeSettings(model="gpt-realtime", reasoning_effort="high")):
        assert session_plan(settings, instructions="", tools=(), end_of_speech_ms=500).reasoning_effort == ""


@pytest.mark.parametrize(
    ("settings", "sentences"),
    [
        (RealtimeSettings(reasoning_effort="low"), ()),
        (
            RealtimeSettings(dialect="xai", model="", reasoning_effort="low"),
            (
                'This server cannot do realtime.turn_detection = "none"; "server_vad" is used instead.',
                "realtime.reasoning_effort has no effect: this server has no such choice.",
            ),
        ),
        (
            RealtimeSettings(model="gpt-realtime", reasoning_effort="low"),
            ("realtime.reasoning_effort has no effect: gpt-realtime has no such choice.",),
        ),
    ],
)
def test_the_owner_is_told_what_the_server_cannot_do(settings: RealtimeSettings, sentences: tuple[str, ...]) -> None:
    """Nothing is silently done otherwise."""
    assert shortfalls(settings) == sentences


def test_the_server_on_this_machine_is_asked_for_the_same_house() -> None:
    """Instructions, functions, turns and transcripts as of the other one; nothing that only a model can do."""
    plan = session_plan(RICH, instructions="Be brief.", tools=(LAMP,), end_of_speech_ms=700)
    ours = offline_plan(plan)
    assert [ours.instructions, ours.tools, ours.turn_detection] == ["Be brief.", (LAMP,), "semantic_vad"]
    assert [ours.end_of_speech_ms, ours.max_output_tokens, ours.voice] == [700, 1_024, "cedar"]
    assert [ours.model, ours.context_tokens, ours.transcription, ours.noise_reduction] == ["", 0, "t", "off"]
