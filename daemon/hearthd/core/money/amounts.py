"""Amounts of money: whole pico-dollars inside, dollars for people.

A price of 0.000001 USD for a million tokens is one pico-dollar (10^-12 USD) a token, so every published price is a
whole number of them and a month of responses adds up without any rounding. 64 bits hold 9 million dollars.
"""

from decimal import Decimal
from typing import Final

PUSD_PER_USD: Final = 10**12
_CENT_PUSD: Final = PUSD_PER_USD // 100


def to_pusd(usd: float) -> int:
    """Return dollars as pico-dollars: those of the decimal number that `usd` prints as."""
    return round(Decimal(repr(usd)) * PUSD_PER_USD)


def to_usd(pusd: int) -> float:
    """Return pico-dollars as dollars, for showing and for charts; never reckon with the result."""
    return pusd / PUSD_PER_USD


def shown(pusd: int) -> str:
    """Return an amount as people read it: to the cent, or to two digits of what is less than ten cents."""
    if pusd >= 10 * _CENT_PUSD:
        return f"${to_usd(pusd):.2f}"
    if 0 < pusd < _CENT_PUSD // 100:
        return "under $0.0001"
    whole, _, digits = f"{to_usd(pusd):.{3 if pusd >= _CENT_PUSD else 4}f}".partition(".")
    return f"${whole}.{digits.rstrip('0'):0<2}"
