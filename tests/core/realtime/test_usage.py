"""Reading what a response used."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.realtime.usage import TOKENS_MAX, TranscriptionUsage, Usage, read_transcription_usage, read_usage


def raw(value: object) -> msgspec.Raw:
    """Return `value` as it stands in a message."""
    return msgspec.Raw(json.dumps(value).encode())


def test_the_whole_split_is_read() -> None:
    """Every kind lands in its own field; cached tokens stay a part of the input."""
    usage = raw(
        {
            "total_tokens": 350,
            "input_tokens": 200,
            "output_tokens": 150,
            "input_token_details": {
                "text_tokens": 120,
                "audio_tokens": 70,
                "image_tokens": 10,
                "cached_tokens": 96,
                "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 30, "image_tokens": 2},
            },
            "output_token_details": {"text_tokens": 40, "audio_tokens": 110},
        }
    )
    assert read_usage(usage) == Usage(
        text_in=120,
        audio_in=70,
        image_in=10,
        cached_text_in=64,
        cached_audio_in=30,
        cached_image_in=2,
        text_out=40,
        audio_out=110,
    )


def test_zero_is_a_count() -> None:
    """A server that bills nothing still tells."""
    assert read_usage(raw({"input_tokens": 0, "output_tokens": 0})) == Usage()


@pytest.mark.parametrize(
    "usage", [raw(None), raw({}), raw({"kind": "duration"}), raw("free"), raw({"input_tokens": "many"})]
)
def test_no_usage(usage: msgspec.Raw) -> None:
    """Missing, empty, foreign and unreadable usage are all no usage."""
    assert read_usage(usage) is None


@pytest.mark.parametrize("count", [-1, TOKENS_MAX + 1, 2**63, -(2**70)])
def test_an_impossible_count_is_no_usage(count: int) -> None:
    """No server gives money back, and none has a context of so many tokens: our own estimate counts instead."""
    assert read_usage(raw({"input_tokens": 5, "output_tokens": count})) is None
    assert read_usage(raw({"output_token_details": {"audio_tokens": count}})) is None
    assert read_usage(raw({"input_token_details": {"cached_tokens_details": {"text_tokens": count}}})) is None
    assert read_transcription_usage(raw({"output_tokens": count})) is None


def test_the_largest_count_counts() -> None:
    """The bound itself is a count."""
    assert read_usage(raw({"output_tokens": TOKENS_MAX})) == Usage(audio_out=TOKENS_MAX)


def test_a_bottomless_usage_is_no_usage() -> None:
    """Nesting beyond all measure is survived."""
    assert read_usage(msgspec.Raw(b'{"x":' + b"[" * 100_000)) is None


def test_sums_without_split_count_as_audio() -> None:
    """What the server does not split is priced as the dearest kind."""
    usage = raw({"input_tokens": 100, "output_tokens": 50, "input_token_details": {"text_tokens": 30}})
    assert read_usage(usage) == Usage(text_in=30, audio_in=70, audio_out=50)


def test_cached_sum_without_split_counts_as_text_first() -> None:
    """The smaller discount is assumed: text up to its count, only the rest as audio."""
    details = {"text_tokens": 30, "audio_tokens": 70, "cached_tokens": 50}
    usage = raw({"input_tokens": 100, "input_token_details": details})
    assert read_usage(usage) == Usage(text_in=30, audio_in=70, cached_text_in=30, cached_audio_in=20)


COUNT = st.none() | st.integers(0, 10_000)


@given(
    st.fixed_dictionaries({"text_tokens": COUNT, "audio_tokens": COUNT, "cached_tokens": COUNT}),
    st.none() | st.fixed_dictionaries({"text_tokens": COUNT, "audio_tokens": COUNT, "image_tokens": COUNT}),
    COUNT,
)
def test_cached_is_never_more_than_the_input(
    details: dict[str, int | None], cached: dict[str, int | None] | None, total: int | None
) -> None:
    """Whatever nonsense the sums are, no kind has more cached tokens than tokens."""
    wire = {"input_tokens": total, "input_token_details": {**details, "cached_tokens_details": cached}}
    usage = read_usage(raw(wire))
    assert usage is not None
    assert 0 <= usage.cached_text_in <= usage.text_in
    assert 0 <= usage.cached_audio_in <= usage.audio_in
    assert 0 <= usage.cached_image_in <= usage.image_in
    assert usage.text_in + usage.audio_in >= (total or 0)


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ({"type": "duration", "seconds": 5.5}, TranscriptionUsage(seconds=5.5)),
        (
            {
                "type": "tokens",
                "input_tokens": 60,
                "output_tokens": 12,
                "input_token_details": {"text_tokens": 8, "audio_tokens": 50},
            },
            TranscriptionUsage(text_in=8, audio_in=52, text_out=12),
        ),
        ({"type": "tokens", "input_tokens": 60}, TranscriptionUsage(audio_in=60)),
        ({}, None),
        (None, None),
        ("dear", None),
        ({"seconds": -1}, None),
        ({"seconds": 1e308}, None),
    ],
)
def test_a_transcription_is_charged_by_tokens_or_seconds(wire: object, expected: TranscriptionUsage | None) -> None:
    """Whichever the price is made of; tokens of no kind count as audio, and nothing readable is no bill."""
    assert read_transcription_usage(raw(wire)) == expected
