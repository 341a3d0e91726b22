"""What is said of the server on this machine."""

import pytest

from hearthd.core.realtime.choice import Reason, Why
from hearthd.core.realtime.notices import advised, explained, notice


@pytest.mark.parametrize(
    ("reason", "begins"),
    [
        (Reason(Why.NO_KEY), "I have no API key yet."),
        (Reason(Why.BUDGET, problem="the day's $0.50 are spent"), "What may be spent is used up."),
        (Reason(Why.REFUSED, "invalid_api_key", "bad"), "The server does not accept my API key, so I need a new one."),
        (
            Reason(Why.REFUSED, "invalid_model", "The model has been retired."),
            "The model in my settings has been retired, so I need a newer one.",
        ),
        (Reason(Why.REFUSED, "odd", "It was retired."), "The server refuses me, and my status tells why."),
        (Reason(Why.REFUSED, "odd", "bad"), "The server refuses me, and my status tells why."),
        (Reason(Why.UNREACHABLE, "dns", "no address"), "I cannot find the internet."),
        (Reason(Why.UNREACHABLE, "login", "hotel"), "The network here wants a login first."),
        (Reason(Why.UNREACHABLE, "", "gone"), "I cannot reach my server."),
    ],
)
def test_the_notice_says_what_is_wrong_and_what_still_works(reason: Reason, begins: str) -> None:
    """In words that one can hear, which never hold the server's own."""
    assert notice(reason) == f"{begins} I am offline, but I can still run the house."


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason(Why.NO_KEY), "there is no API key"),
        (Reason(Why.BUDGET, problem="the day's $0.50 are spent"), "the day's $0.50 are spent"),
        (Reason(Why.REFUSED, "invalid_api_key", "bad key"), "the server refused us: bad key"),
        (Reason(Why.UNREACHABLE, "dns", "no address"), "the server is not connected: no address"),
        (Reason(Why.UNREACHABLE), "the server is not connected: it started no session in time"),
    ],
)
def test_the_status_says_it_in_detail(reason: Reason, words: str) -> None:
    """For whoever reads it."""
    assert explained(reason) == words


def test_a_refusal_comes_with_what_to_do() -> None:
    """Where that is known; otherwise the server's own words have to do."""
    assert advised("invalid_model", "No such model.") == (
        "No such model: set realtime.model to one that the server knows"
    )
    assert advised("odd", "Because.") == "Because."
