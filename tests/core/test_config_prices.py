"""Contract of the price files: the shipped one is whole, the owner's one is checked before the daemon starts."""

from datetime import date
from pathlib import Path

import pytest

from hearthd import config
from hearthd.config.prices import limits_of, load_prices, made_on, shipped_prices, stays_here, tariff_of
from hearthd.core.money.budget import Limits
from hearthd.core.money.cost import FREE
from hearthd.core.settings import BudgetSettings, RealtimeSettings

TODAY = date(2026, 11, 22)
OWN = 'checked = 2026-11-01\n[models."a.b"]\ntext_in = 1\naudio_in = 2\ntext_out = 3\naudio_out = 4\n'


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("gpt-realtime-2.1", (4, 0.4, 24, 32, 0.4, 64)),
        ("gpt-realtime-2.1-mini", (0.6, 0.06, 2.4, 10, 0.3, 20)),
        ("gpt-realtime", (4, 0.4, 16, 32, 0.4, 64)),
        ("gpt-realtime-mini-2025-12-15", (0.6, 0.06, 2.4, 10, 0.3, 20)),
    ],
)
def test_the_shipped_prices_are_those_of_the_price_list(model: str, dollars: tuple[float, ...]) -> None:
    """US dollars for a million tokens, as published."""
    rates = shipped_prices().tariff("online", model, stays_here=False, today=TODAY).rates
    assert dollars == tuple(
        rate / 10**6
        for rate in (
            rates.text_in,
            rates.cached_text_in,
            rates.text_out,
            rates.audio_in,
            rates.cached_audio_in,
            rates.audio_out,
        )
    )


def test_the_default_model_has_a_price_and_a_future() -> None:
    """Whoever changes nothing is not warned."""
    tariff = shipped_prices().tariff("online", RealtimeSettings().model, stays_here=False, today=TODAY)
    assert (tariff.basis, tariff.warnings) == ("at the prices of gpt-realtime-2.1-mini", ())


def test_the_settings_say_what_counts_for_their_server() -> None:
    """Address, model and transcriber decide."""
    realtime = RealtimeSettings(url="ws://localhost/v1/realtime", model="llama", transcription="gpt-transcribe")
    tariff = tariff_of(realtime, BudgetSettings(), TODAY)
    assert (tariff.server, tariff.model, tariff.rates, tariff.transcription_minute_pusd) == (
        "online",
        "llama",
        FREE,
        4_500_000_000,
    )


def test_the_settings_say_what_may_be_spent() -> None:
    """Dollars and cents, exactly."""
    limits = limits_of(BudgetSettings(day_usd=0.1, month_usd=20, warn_percent=70))
    assert limits == Limits(day_pusd=10**11, month_pusd=20 * 10**12, warn_percent=70)


def test_the_owners_prices_go_first(tmp_path: Path) -> None:
    """And the shipped ones stay."""
    own = tmp_path / "own.toml"
    own.write_text(OWN)
    table = load_prices(str(own))
    assert set(table.models) == {"a.b", *shipped_prices().models}
    assert load_prices("") == shipped_prices()


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        (OWN + "text_uot = 3\n", ':7: models."a.b".text_uot: no such key in [models."a.b"]; did you mean text_out?'),
        (OWN.replace("2\n", '"2"\n'), ':4: models."a.b".audio_in: expected a number of at least 0, found the text "2"'),
        ("checked = 3", ":1: checked: expected the date of the prices, such as 2026-11-22; found the number 3"),
        ("checked =", ": is not valid TOML: Invalid value (at end of document)"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_key(tmp_path: Path, content: str, mistake: str) -> None:
    """In both files: where the settings name it, and where it stands."""
    (tmp_path / "own.toml").write_text(content)
    (tmp_path / "hearthd.toml").write_text('[budget]\nprices = "own.toml"\n')
    with pytest.raises(config.ConfigError) as refused:
        config.load(tmp_path / "hearthd.toml", {})
    [told] = [str(each) for each in refused.value.mistakes]
    assert told.startswith(f"{tmp_path}/hearthd.toml:2: budget.prices: {tmp_path}/own.toml{mistake}")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Missing, or no text."""
    with pytest.raises(config.ConfigError, match="cannot be read: No such file"):
        load_prices(str(tmp_path / "own.toml"))
    (tmp_path / "own.toml").write_bytes(b"\xff")
    with pytest.raises(config.ConfigError, match="expected UTF-8 text"):
        load_prices(str(tmp_path / "own.toml"))


def test_a_relative_path_counts_from_the_settings(tmp_path: Path) -> None:
    """As every other path there."""
    (tmp_path / "own.toml").write_text(OWN)
    (tmp_path / "hearthd.toml").write_text('[budget]\nprices = "own.toml"\n')
    assert config.load(tmp_path / "hearthd.toml", {}).budget.prices == str(tmp_path / "own.toml")


def test_this_version_was_made_when_its_prices_were_checked() -> None:
    """No clock that shows an earlier date is believed; an owner's own file says nothing about that."""
    assert made_on() == date(2026, 11, 22)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("wss://api.openai.com/v1/realtime", False),
        ("ws://localhost:8080/v1/realtime", True),
        ("ws://[::1]/", True),
        ("ws+unix:///run/server.sock", True),
        ("wss://192.168.1.5/", False),
    ],
)
def test_a_server_on_this_machine_is_known_by_its_address(url: str, here: bool) -> None:
    """Loopback and sockets; a machine in the same house is another machine."""
    assert stays_here(url) is here
