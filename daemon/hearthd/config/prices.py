"""The price table: the one that comes with hearthd, and the owner's own before it."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from hearthd.config.errors import ConfigError, Mistake
from hearthd.config.lines import line_of
from hearthd.config.reading import read_toml
from hearthd.core.addresses import is_loopback
from hearthd.core.money.amounts import to_pusd
from hearthd.core.money.budget import Limits
from hearthd.core.money.cost import Tariff
from hearthd.core.money.prices import PriceTable, read_prices
from hearthd.core.settings import BudgetSettings, RealtimeSettings

SHIPPED: Final = Path(__file__).resolve().parents[1] / "prices.toml"


def shipped_prices() -> PriceTable:
    """Return the table that comes with hearthd."""
    table, problems = read_prices(tomllib.loads(SHIPPED.read_text(encoding="utf-8")))
    assert not problems, problems
    return table


def load_prices(file: str) -> PriceTable:
    """Return the shipped table with the entries of the owner's `file` ("": there is none) before it.

    Raises `ConfigError` with every mistake in the file.
    """
    if not file:
        return shipped_prices()
    text, tables = read_toml(Path(file))
    own, problems = read_prices(tables)
    if problems:
        keys = ((problem, problem.key.replace('"', "")) for problem in problems)
        raise ConfigError([Mistake(file, line_of(key, text), wrong.key, wrong.problem) for wrong, key in keys])
    return shipped_prices().with_own(own)


def tariff_of(realtime: RealtimeSettings, budget: BudgetSettings, today: date) -> Tariff:
    """Return what counts for the configured server. Raises `ConfigError` as `load_prices` does."""
    prices = load_prices(budget.prices)
    here = stays_here(realtime.url)
    return prices.tariff("online", realtime.model, realtime.transcription, stays_here=here, today=today)


def limits_of(budget: BudgetSettings) -> Limits:
    """Return what the owner lets be spent."""
    return Limits(
        day_pusd=to_pusd(budget.day_usd), month_pusd=to_pusd(budget.month_usd), warn_percent=budget.warn_percent
    )


def made_on() -> date:
    """Return a date on which this version was being made: a clock that shows an earlier one is wrong."""
    return max(listed.checked for listed in shipped_prices().models.values())


def stays_here(url: str) -> bool:
    """Tell whether the server at this WebSocket address can only be on this machine."""
    host = urlsplit(url).hostname or ""
    return not host or is_loopback(host)
