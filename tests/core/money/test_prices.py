"""Contract of the price table: known models have their prices, unknown ones the dearest, and mistakes are named."""

import tomllib
from datetime import date

import pytest

from hearthd.core.money.cost import FREE, Rates
from hearthd.core.money.prices import PriceTable, read_prices

TODAY = date(2026, 11, 22)
TABLE = """
checked = 2026-11-22
[models."gpt-realtime-2.1"]
text_in = 4.00
cached_text_in = 0.40
text_out = 24.00
audio_in = 32.00
cached_audio_in = 0.40
audio_out = 64.00
image_in = 5.00
cached_image_in = 0.50
[models."gpt-realtime-2.1-mini"]
text_in = 0.60
text_out = 2.40
audio_in = 10
audio_out = 20.00
[models."gpt-realtime"]
text_in = 5
text_out = 16.00
audio_in = 32.00
audio_out = 64.00
shutdown = 2027-01-20
[transcription."gpt-transcribe"]
usd_per_minute = 0.0045
[transcription."whisper-1"]
usd_per_minute = 0.006
shutdown = 2027-02-26
[aliases]
kitchen = "gpt-realtime-2.1-mini"
"""
FULL = Rates(
    text_in=4_000_000,
    cached_text_in=400_000,
    text_out=24_000_000,
    audio_in=32_000_000,
    cached_audio_in=400_000,
    audio_out=64_000_000,
    image_in=5_000_000,
    cached_image_in=500_000,
)
MINI = Rates(
    text_in=600_000,
    cached_text_in=600_000,
    text_out=2_400_000,
    audio_in=10_000_000,
    cached_audio_in=10_000_000,
    audio_out=20_000_000,
    image_in=10_000_000,
    cached_image_in=10_000_000,
)


def table(text: str = TABLE) -> PriceTable:
    """Read a table without mistakes."""
    prices, problems = read_prices(tomllib.loads(text))
    assert problems == []
    return prices


def rates(model: str, *, stays_here: bool = False) -> Rates:
    """Return what counts for a model."""
    return table().tariff("online", model, stays_here=stays_here, today=TODAY).rates


def warnings(model: str, transcriber: str = "", today: date = TODAY, *, stays_here: bool = False) -> tuple[str, ...]:
    """Return what the owner is told."""
    return table().tariff("online", model, transcriber, stays_here=stays_here, today=today).warnings


def mistakes(text: str) -> list[str]:
    """Return what is wrong with a table."""
    _, problems = read_prices(tomllib.loads(text))
    return [f"{problem.key}: {problem.problem}" for problem in problems]


# ----------------------------------------------------------------------------------------------------- models


def test_dollars_for_a_million_tokens_are_whole_pico_dollars_for_one() -> None:
    """What is not priced by itself costs the full price: the cache nothing less, images what is dearer."""
    assert rates("gpt-realtime-2.1") == FULL
    assert rates("gpt-realtime-2.1-mini") == MINI


@pytest.mark.parametrize(
    "model", ["gpt-realtime-2.1-2026-05-07", "gpt-realtime-2.1-20260507", "gpt-realtime-2.1-latest"]
)
def test_a_dated_snapshot_costs_what_its_model_costs(model: str) -> None:
    """The date behind a known name changes nothing."""
    tariff = table().tariff("online", model, stays_here=False, today=TODAY)
    assert (tariff.rates, tariff.basis, tariff.warnings) == (FULL, "at the prices of gpt-realtime-2.1", ())


def test_another_name_may_stand_for_a_model() -> None:
    """As Azure's deployments do."""
    assert rates("kitchen") == MINI


@pytest.mark.parametrize(
    "model", ["gpt-realtime-2.1-max", "gpt-realtime-2.1-mini-pro", "gpt-realtime-2", "", "kitchen-2"]
)
def test_a_name_that_only_begins_like_a_known_one_counts_as_dear_as_the_dearest(model: str) -> None:
    """A mini is no smaller full model, and the next one is not known: the highest rate of each kind, with a warning."""
    dearest = table().tariff("online", model, stays_here=False, today=TODAY)
    assert dearest.rates == Rates(
        text_in=5_000_000,
        cached_text_in=5_000_000,
        text_out=24_000_000,
        audio_in=32_000_000,
        cached_audio_in=32_000_000,
        audio_out=64_000_000,
        image_in=32_000_000,
        cached_image_in=32_000_000,
    )
    [warning] = dearest.warnings
    assert f'no price for the model "{model}"' in warning
    assert "budget.prices" in warning


def test_on_this_machine_what_has_no_price_is_free() -> None:
    """And what has one keeps it, because a server on this machine may only pass it on."""
    assert rates("llama", stays_here=True) == FREE
    assert warnings("llama", stays_here=True) == ()
    assert rates("gpt-realtime-2.1", stays_here=True) == FULL


def test_an_empty_table_still_answers() -> None:
    """Nothing known, nothing dearest."""
    assert PriceTable().tariff("online", "x", "y", stays_here=False, today=TODAY).rates == FREE


# -------------------------------------------------------------------------------------------------- warnings


@pytest.mark.parametrize(("today", "verb"), [(TODAY, "will be"), (date(2027, 1, 20), "was")])
def test_a_model_that_goes_away_is_told_with_its_date(today: date, verb: str) -> None:
    """Before and after."""
    assert warnings("gpt-realtime", today=today) == (
        f"The model gpt-realtime {verb} shut down on 2027-01-20: choose another one.",
    )


def test_old_prices_are_told_after_a_year() -> None:
    """A year and a day."""
    assert warnings("gpt-realtime-2.1", today=date(2027, 11, 22)) == ()
    [old] = warnings("gpt-realtime-2.1", today=date(2027, 11, 24))
    assert "last checked on 2026-11-22" in old


# --------------------------------------------------------------------------------------------- transcription


@pytest.mark.parametrize(
    ("model", "stays_here", "minute_pusd"),
    [
        ("gpt-transcribe", False, 4_500_000_000),
        ("gpt-transcribe", True, 4_500_000_000),
        ("whisper-1-2026-01-01", False, 6_000_000_000),
        ("new", False, 6_000_000_000),
        ("new", True, 0),
        ("", False, 0),
    ],
)
def test_transcription_is_priced_by_the_minute(model: str, stays_here: bool, minute_pusd: int) -> None:
    """By the same rules as models; none costs nothing."""
    tariff = table().tariff("online", "gpt-realtime-2.1", model, stays_here=stays_here, today=TODAY)
    assert tariff.transcription_minute_pusd == minute_pusd


def test_an_unknown_or_leaving_transcriber_is_told() -> None:
    """As models are."""
    assert "transcription model" in warnings("gpt-realtime-2.1", "new")[0]
    assert "2027-02-26" in warnings("gpt-realtime-2.1", "whisper-1")[0]


# ----------------------------------------------------------------------------------------- the owner's prices


def test_the_owners_entries_go_first_and_all_others_stay() -> None:
    """Each with the date of its own file."""
    own = table(
        "checked = 2020-01-01\n[models.kitchen-2]\ntext_in=1\naudio_in=1\ntext_out=1\naudio_out=1\n"
        '[models."gpt-realtime-2.1"]\ntext_in=0\naudio_in=0\ntext_out=0\naudio_out=0\n'
        '[transcription.own]\nusd_per_minute=1\n[aliases]\nbath = "kitchen-2"\n'
    )
    both = table().with_own(own)
    assert both.tariff("s", "gpt-realtime-2.1", stays_here=False, today=TODAY).rates == FREE
    assert "2020-01-01" in both.tariff("s", "bath", stays_here=False, today=TODAY).warnings[0]
    assert both.tariff("s", "kitchen", "own", stays_here=False, today=TODAY).transcription_minute_pusd == 10**12


# -------------------------------------------------------------------------------------------------- mistakes


def test_every_mistake_is_told_at_once_with_its_key() -> None:
    """Wrong values, missing prices, misspelled keys."""
    assert mistakes(
        """
        checked_on = 2026-11-22
        checked = "yesterday"
        [models."a.b"]
        text_in = -1
        audio_in = true
        text_uot = 1
        text_out = 1
        shutdown = 3
        [transcription.w]
        [aliases]
        x = 3
        """
    ) == [
        'checked: expected the date of the prices, such as 2026-11-22; found the text "yesterday"',
        "checked_on: no such key here; did you mean checked?",
        'models."a.b".text_in: expected a number of at least 0, found the number -1',
        'models."a.b".audio_in: expected a number of at least 0, found true',
        'models."a.b".text_uot: no such key in [models."a.b"]; did you mean text_out?',
        'models."a.b".shutdown: expected a date such as 2026-11-22, found the number 3',
        'models."a.b".audio_out: is missing: expected a price in US dollars',
        'transcription."w".usd_per_minute: is missing: expected a price in US dollars',
        'aliases."x": expected a model\'s name in quotes, found the number 3',
    ]


def test_sections_that_are_none_are_told() -> None:
    """And a date of the prices there must be."""
    assert mistakes("models = 3\ntranscription = { w = 3 }\naliases = 4") == [
        "checked: expected the date of the prices, such as 2026-11-22; is missing",
        'models: expected sections such as [models."NAME"], found the number 3',
        'transcription."w": expected a section, written [transcription."w"], found the number 3',
        "aliases: expected a section, written [aliases], found the number 4",
    ]
