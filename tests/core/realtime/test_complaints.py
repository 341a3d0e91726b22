"""Telling the server's errors apart."""

import pytest

from hearthd.core.realtime.complaints import ErrorKind, kind_of, retry_after_s
from hearthd.core.realtime.server_messages import ErrorBody


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("conversation_already_has_active_response", ErrorKind.BUSY),
        ("response_cancel_not_active", ErrorKind.IDLE),
        ("input_audio_buffer_commit_empty", ErrorKind.BENIGN),
        ("item_retrieve_invalid_item_id", ErrorKind.BENIGN),
        ("audio_unintelligible", ErrorKind.BENIGN),
        ("rate_limit_exceeded", ErrorKind.TRANSIENT),
        ("inference_rate_limit_exceeded", ErrorKind.TRANSIENT),
        ("server_error", ErrorKind.TRANSIENT),
        ("session_expired", ErrorKind.EXPIRED),
        ("insufficient_quota", ErrorKind.REFUSED),
        ("credit_balance_exhausted", ErrorKind.REFUSED),
        ("billing_hard_limit_reached", ErrorKind.REFUSED),
        ("account_deactivated", ErrorKind.REFUSED),
        ("invalid_api_key", ErrorKind.REFUSED),
        ("insufficient_permissions", ErrorKind.REFUSED),
        ("missing_model", ErrorKind.REFUSED),
        ("invalid_model", ErrorKind.REFUSED),
        ("beta_api_shape_disabled", ErrorKind.REFUSED),
        ("unknown_parameter", ErrorKind.OURS),
        ("missing_required_parameter", ErrorKind.OURS),
        ("invalid_event", ErrorKind.OURS),
        ("string_above_max_length", ErrorKind.OURS),
        (None, ErrorKind.OURS),
    ],
)
def test_the_code_decides(code: str | None, expected: ErrorKind) -> None:
    """Each code of the protocol has its meaning; an unknown one blames us."""
    assert kind_of(ErrorBody(type="invalid_request_error", code=code, message="so")) is expected


def test_the_type_decides_without_a_code() -> None:
    """Server errors often carry their name in `type` alone, or a code that we do not know."""
    assert kind_of(ErrorBody(type="server_error")) is ErrorKind.TRANSIENT
    assert kind_of(ErrorBody(type="insufficient_quota", code=429)) is ErrorKind.REFUSED


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Conversation already has an active response in progress: resp_1.", ErrorKind.BUSY),
        ("Cancellation failed: no active response found", ErrorKind.IDLE),
        ("Error committing input audio buffer: buffer too small.", ErrorKind.BENIGN),
        ("Audio content of 500ms is already shorter than 700ms", ErrorKind.BENIGN),
        ("Item not found", ErrorKind.BENIGN),
        ("conversation.item.truncate is not implemented", ErrorKind.BENIGN),
        ("Your session hit the maximum duration of 60 minutes.", ErrorKind.EXPIRED),
        (None, ErrorKind.OURS),
    ],
)
def test_the_words_decide_where_codes_differ(message: str | None, expected: ErrorKind) -> None:
    """Compatible servers send codes of their own, but speak alike."""
    assert kind_of(ErrorBody(type="invalid_request_error", code="invalid_value", message=message)) is expected


@pytest.mark.parametrize(
    ("message", "expected_s"),
    [
        ("Rate limit reached for tokens. Please try again in 6.232s. Visit", 6.232),
        ("Please try again in 1m26.4s.", 86.4),
        ("Try again in 1h2m3s", 3_723.0),
        ("please TRY AGAIN IN 250MS", 0.25),
        ("Please try again in a while.", None),
        ("", None),
    ],
)
def test_a_rate_limit_names_its_wait(message: str, expected_s: float | None) -> None:
    """Hours, minutes, seconds and milliseconds are summed; other words name no wait."""
    assert retry_after_s(message) == (None if expected_s is None else pytest.approx(expected_s))
