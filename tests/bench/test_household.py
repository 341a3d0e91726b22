"""The simulated household: its bill is the server's, its month is what was promised, and its limits hold."""

import pytest

from tests.bench.household import ACKNOWLEDGES, MODELS, MONTH_GOAL_USD, Acknowledge, Habits, Home, simulated


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("acknowledge", ACKNOWLEDGES)
def test_the_daemons_bill_is_the_servers(model: str, acknowledge: Acknowledge) -> None:
    """Every response is booked once, with its cached part at its own price."""
    month = simulated(Home(model, acknowledge, Habits()), days=1)
    assert month.total_usd == pytest.approx(month.server_usd, rel=1e-9)
    assert len(month.turns_usd) == 24


def test_a_month_on_the_small_model_costs_what_was_promised() -> None:
    """By the pace of five days, with a tone instead of words where nothing needs to be said."""
    days = 5
    month = simulated(Home(MODELS[0], "auto", Habits()), days=days)
    assert month.total_usd / days * 30 <= MONTH_GOAL_USD


def test_a_limit_holds_day_after_day() -> None:
    """What a day may cost is not passed at all, because predictions err upwards; the rest of the day is denied."""
    month = simulated(Home(MODELS[0], "auto", Habits(), day_usd=0.02), days=3)
    assert [usd <= 0.02 for usd in month.days_usd] == [True] * 3
    assert min(month.days_usd) > 0.015
    assert month.denied > 0


def test_a_talk_without_end_reads_no_more_than_its_bound() -> None:
    """Instructions, functions, and what the session may hold."""
    home = Home(MODELS[0], "speech", Habits())
    talk = simulated(home, turns=120)
    assert max(talk.context_tokens) <= len(home.plan.standing_text) / 4 + home.plan.context_tokens + 1
    assert max(talk.context_tokens) > home.plan.context_tokens
