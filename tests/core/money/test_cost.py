"""Contract of costs: usage times rates, exact, and never less than the server's own reckoning."""

from dataclasses import astuple, fields, replace

from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.money.cost import FREE, NOTHING, Cost, Rates, cost_of, dearest
from hearthd.core.realtime.usage import Usage

MINI = Rates(
    text_in=600_000,
    cached_text_in=60_000,
    text_out=2_400_000,
    audio_in=10_000_000,
    cached_audio_in=300_000,
    audio_out=20_000_000,
    image_in=800_000,
    cached_image_in=80_000,
)
TOKENS = st.integers(0, 200_000)
usages = st.builds(Usage, **{field.name: TOKENS for field in fields(Usage)})
rates = st.builds(Rates, **{field.name: st.integers(0, 10**9) for field in fields(Rates)})


def test_a_turn_costs_what_the_price_list_says() -> None:
    """800 tokens of text of which 700 were cached, 25 of sound in, 120 out with 30 of text: 0.2824 cents."""
    usage = Usage(text_in=800, cached_text_in=700, audio_in=25, text_out=30, audio_out=120)
    assert cost_of(usage, MINI) == Cost(
        text_in=60_000_000, cached_in=42_000_000, audio_in=250_000_000, text_out=72_000_000, audio_out=2_400_000_000
    )
    assert cost_of(usage, MINI).total_pusd == 2_824_000_000


@given(usages, rates)
def test_kinds_add_up_to_tokens_times_rates(usage: Usage, rates: Rates) -> None:
    """Nothing is charged twice and nothing is left out, whatever part of the input was cached."""
    into = [
        (usage.text_in, usage.cached_text_in, rates.text_in, rates.cached_text_in),
        (usage.audio_in, usage.cached_audio_in, rates.audio_in, rates.cached_audio_in),
        (usage.image_in, usage.cached_image_in, rates.image_in, rates.cached_image_in),
    ]
    expected = sum(
        (tokens - min(tokens, cached)) * rate + min(tokens, cached) * cached_rate
        for tokens, cached, rate, cached_rate in into
    )
    expected += usage.text_out * rates.text_out + usage.audio_out * rates.audio_out
    assert cost_of(usage, rates).total_pusd == expected


@given(usages)
def test_cached_is_a_part_of_the_input(usage: Usage) -> None:
    """A server that counts more cached tokens than there were gets no money back from us."""
    capped = replace(
        usage,
        cached_text_in=min(usage.text_in, usage.cached_text_in),
        cached_audio_in=min(usage.audio_in, usage.cached_audio_in),
        cached_image_in=min(usage.image_in, usage.cached_image_in),
    )
    assert cost_of(usage, MINI) == cost_of(capped, MINI)
    assert min(astuple(cost_of(usage, MINI))) >= 0


@given(st.lists(usages, max_size=40))
def test_a_month_of_responses_drifts_by_nothing(month: list[Usage]) -> None:
    """The sum of the costs is the cost of the sum: integers, no rounding."""
    names = [field.name for field in fields(Usage)]
    honest = [
        replace(
            usage,
            cached_text_in=min(usage.text_in, usage.cached_text_in),
            cached_audio_in=min(usage.audio_in, usage.cached_audio_in),
            cached_image_in=min(usage.image_in, usage.cached_image_in),
        )
        for usage in month
    ]
    together = Usage(**{name: sum(getattr(usage, name) for usage in honest) for name in names})
    assert sum((cost_of(usage, MINI) for usage in honest), NOTHING) == cost_of(together, MINI)


@given(usages, rates, rates)
def test_the_dearest_rates_are_never_cheaper(usage: Usage, one: Rates, other: Rates) -> None:
    """Neither model would have cost more than both together at their dearest."""
    cost = cost_of(usage, dearest(one, other)).total_pusd
    assert cost >= max(cost_of(usage, each).total_pusd for each in (one, other))


def test_without_prices_nothing_costs_anything() -> None:
    """And a reply's dearest token is its sound or its text, whichever is more."""
    assert dearest() == FREE
    assert (MINI.dearest_out, Rates(text_out=3, audio_out=2).dearest_out) == (20_000_000, 3)
