"""Contract of amounts: whole pico-dollars inside, dollars for people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.money.amounts import PUSD_PER_USD, shown, to_pusd, to_usd


@given(st.integers(0, 10**9))
def test_every_micro_dollar_survives_the_way_through_a_float(micro_usd: int) -> None:
    """Settings are floats; what they say in decimal is what counts, to the last digit."""
    assert to_pusd(float(f"{micro_usd}e-6")) == micro_usd * PUSD_PER_USD // 10**6


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (0.0, "$0.00"),
        (0.00004, "under $0.0001"),
        (0.0012, "$0.0012"),
        (0.0123, "$0.012"),
        (0.08, "$0.08"),
        (0.5, "$0.50"),
        (12.345, "$12.35"),
        (20.0, "$20.00"),
    ],
)
def test_small_amounts_show_more_digits(usd: float, text: str) -> None:
    """A turn costs a tenth of a cent, and that shall be seen."""
    assert shown(to_pusd(usd)) == text


def test_dollars_are_for_showing() -> None:
    """One dollar is one dollar."""
    assert to_usd(PUSD_PER_USD) == 1.0
