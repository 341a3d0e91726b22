"""What is said aloud, once, when the server on this machine has taken over, and what to do about it."""

from typing import assert_never

from hearthd.core.realtime.choice import Reason, Why

_BUT = "I am offline, but I can still run the house."

_OF_REFUSAL = {
    "invalid_api_key": "The server does not accept my API key, so I need a new one.",
    "http_401": "The server does not accept my API key, so I need a new one.",
    "insufficient_quota": "The account with the server has no credit left.",
    "credit_balance_exhausted": "The account with the server has no credit left.",
    "billing_hard_limit_reached": "The account with the server has reached its limit.",
    "http_402": "The account with the server has no credit left.",
    "account_deactivated": "The account with the server is closed.",
    "insufficient_permissions": "My API key may not use this service.",
    "invalid_model": "The server does not know the model in my settings.",
    "model_not_found": "The server does not know the model in my settings.",
    "missing_model": "The server does not know the model in my settings.",
    "model_retired": "The model in my settings has been retired, so I need a newer one.",
    "beta_api_shape_disabled": "The server does not speak my language any more, so I need an update.",
    "unsupported_country_region_territory": "The server does not serve this country.",
    "http_403": "The server does not let me in.",
    "http_404": "There is no such server or model as my settings say.",
    "invalid_url": "The address of the server in my settings cannot be used.",
}
_OF_OUTAGE = {
    "busy": "My server has too much to do.",
    "rate_limit_exceeded": "My server has too much to do.",
    "failing": "My server has trouble of its own.",
    "server_error": "My server has trouble of its own.",
    "dns": "I cannot find the internet.",
    "login": "The network here wants a login first.",
    "clock": "My clock seems to be wrong, so I cannot connect safely.",
    "certificate": "The server cannot prove who it is, so I do not talk to it.",
    "proxy": "The proxy in my network does not let me out.",
}


_NEW_KEY = "put a valid key into /etc/credstore/hearthd.openai_api_key and restart hearthd"
_PAY = "pay for it with the provider; hearthd notices by itself"
_MODEL = "set realtime.model to one that the server knows"
_MODEL_CODES = frozenset({"invalid_model", "model_not_found", "missing_model", "http_404"})
_RETIRED = ("retired", "deprecated", "shut down", "sunset", "discontinued", "no longer available")
"""Servers have no code of their own for a model that they had once; their words tell."""
_ADVICE = {
    "invalid_api_key": _NEW_KEY,
    "http_401": _NEW_KEY,
    "insufficient_permissions": "give the key the right to use the Realtime service, or hearthd another key",
    "insufficient_quota": _PAY,
    "credit_balance_exhausted": _PAY,
    "billing_hard_limit_reached": "raise the limit with the provider; hearthd notices by itself",
    "http_402": _PAY,
    "account_deactivated": "ask the provider why; hearthd notices by itself when it is open again",
    "invalid_model": _MODEL,
    "model_not_found": _MODEL,
    "missing_model": _MODEL,
    "model_retired": "set realtime.model to a newer one",
    "unsupported_country_region_territory": "ask the provider, or set realtime.url to a server that does",
    "beta_api_shape_disabled": "the server is newer than this hearthd: update it, or set realtime.dialect",
}


def advised(code: str, problem: str) -> str:
    """Return the server's words of a refusal with what to do about it, where that is known."""
    advice = _ADVICE.get(_meant(code, problem))
    return f"{problem.rstrip('.')}: {advice}" if advice else problem


def notice(reason: Reason) -> str:
    """Return the sentences to be spoken for `reason`."""
    return f"{_words(reason)} {_BUT}"


def explained(reason: Reason) -> str:
    """Return `reason` as people read it in the status: a clause without a full stop."""
    match reason.why:
        case Why.NO_KEY:
            return "there is no API key"
        case Why.BUDGET:
            return reason.problem
        case Why.REFUSED:
            return f"the server refused us: {reason.problem}"
        case Why.UNREACHABLE:
            return f"the server is not connected: {reason.problem or 'it started no session in time'}"
        case _:
            assert_never(reason.why)


def _words(reason: Reason) -> str:
    match reason.why:
        case Why.NO_KEY:
            return "I have no API key yet."
        case Why.BUDGET:
            return "What may be spent is used up."
        case Why.REFUSED:
            return _OF_REFUSAL.get(
                _meant(reason.code, reason.problem), "The server refuses me, and my status tells why."
            )
        case Why.UNREACHABLE:
            return _OF_OUTAGE.get(reason.code, "I cannot reach my server.")
        case _:
            assert_never(reason.why)


def _meant(code: str, problem: str) -> str:
    """Return what a refusal is about: a model that is gone is told from one that never was."""
    gone = code in _MODEL_CODES and any(word in problem.lower() for word in _RETIRED)
    return "model_retired" if gone else code
