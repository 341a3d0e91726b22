"""Telling the server's errors apart: what each code means for us, and how long it asks us to wait.

Servers differ in what they fill, so a code is looked up first, then the error's type, then its words.
"""

import re
from enum import StrEnum

from hearthd.core.realtime.server_messages import ErrorBody


class ErrorKind(StrEnum):
    """What an error of the server means for us."""

    BENIGN = "benign"
    """Came of a race and harms nothing: what we asked for was already so, or no longer mattered."""
    TRANSIENT = "transient"
    """The server's own trouble; the same request may work later."""
    OURS = "ours"
    """The server does not take what we sent."""
    GARBLED = "garbled"
    """Not an error of the server's: it sent something that nobody can read."""
    BUSY = "busy"
    """Another response runs, so the one asked for was not made."""
    IDLE = "idle"
    """There was nothing to cancel: no response runs."""
    EXPIRED = "expired"
    """The session reached its longest life; a new one may start at once."""
    REFUSED = "refused"
    """Key, model, account or quota; trying again soon does not help."""


_KIND_OF_WORD = {
    "conversation_already_has_active_response": ErrorKind.BUSY,
    "response_cancel_not_active": ErrorKind.IDLE,
    "input_audio_buffer_commit_empty": ErrorKind.BENIGN,
    "item_retrieve_invalid_item_id": ErrorKind.BENIGN,
    "item_truncate_invalid_item_id": ErrorKind.BENIGN,
    "item_delete_invalid_item_id": ErrorKind.BENIGN,
    "invalid_item_id": ErrorKind.BENIGN,
    "audio_unintelligible": ErrorKind.BENIGN,
    "not_implemented": ErrorKind.BENIGN,
    "server_error": ErrorKind.TRANSIENT,
    "rate_limit_exceeded": ErrorKind.TRANSIENT,
    "inference_rate_limit_exceeded": ErrorKind.TRANSIENT,
    "session_limit_reached": ErrorKind.TRANSIENT,
    "model_load_error": ErrorKind.TRANSIENT,
    "session_expired": ErrorKind.EXPIRED,
    "account_deactivated": ErrorKind.REFUSED,
    "beta_api_shape_disabled": ErrorKind.REFUSED,
    "billing_hard_limit_reached": ErrorKind.REFUSED,
    "credit_balance_exhausted": ErrorKind.REFUSED,
    "insufficient_permissions": ErrorKind.REFUSED,
    "insufficient_quota": ErrorKind.REFUSED,
    "invalid_api_key": ErrorKind.REFUSED,
    "invalid_intent": ErrorKind.REFUSED,
    "invalid_model": ErrorKind.REFUSED,
    "missing_model": ErrorKind.REFUSED,
    "model_not_found": ErrorKind.REFUSED,
    "unsupported_country_region_territory": ErrorKind.REFUSED,
}

_KIND_OF_PHRASE = (
    ("already has an active response", ErrorKind.BUSY),
    ("no active response", ErrorKind.IDLE),
    ("buffer too small", ErrorKind.BENIGN),
    ("item not found", ErrorKind.BENIGN),
    ("not implemented", ErrorKind.BENIGN),
    ("already shorter", ErrorKind.BENIGN),
    ("truncate", ErrorKind.BENIGN),
    ("truncation", ErrorKind.BENIGN),
    ("maximum duration", ErrorKind.EXPIRED),
)
"""Words of compatible servers that send no code, or one of their own."""

_SECONDS_OF_UNIT = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"try again in ((?:\d+(?:\.\d+)?(?:ms|[hms]))+)", re.IGNORECASE)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[hms])", re.IGNORECASE)


def kind_of(error: ErrorBody) -> ErrorKind:
    """Tell what `error` means; an unknown one is taken as a fault of ours."""
    for word in (str(error.code), str(error.type)):
        if kind := _KIND_OF_WORD.get(word):
            return kind
    message = (error.message or "").lower()
    for phrase, kind in _KIND_OF_PHRASE:
        if phrase in message:
            return kind
    return ErrorKind.OURS


def may_concern_response(error: ErrorBody) -> bool:
    """Tell whether an error that names no message of ours can be about our request for a response.

    What it names as wrong may belong to an item, the session or sound; then the request is still under way.
    """
    return not (error.param or "").startswith(("item", "session", "audio", "previous_item_id"))


def retry_after_s(message: str) -> float | None:
    """Read the wait that a rate limit's text asks for ("try again in 6.232s", "in 1m26.4s"), if any."""
    found = _DURATION.search(message)
    if found is None:
        return None
    parts = _DURATION_PART.findall(found[1])
    return sum(float(number) * _SECONDS_OF_UNIT[unit.lower()] for number, unit in parts)
