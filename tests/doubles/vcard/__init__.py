"""A virtual sound card: an ALSA plugin in C that keeps time like hardware, and its driver in Python."""

from tests.doubles.vcard.card import VirtualCard
from tests.doubles.vcard.layout import CardEvent, Direction, EventKind
from tests.doubles.vcard.side import ALWAYS, CardSide

__all__ = ["ALWAYS", "CardEvent", "CardSide", "Direction", "EventKind", "VirtualCard"]
