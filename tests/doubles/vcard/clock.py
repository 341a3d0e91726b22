"""Card time: what the card's crystal says, against CLOCK_MONOTONIC; the mirror of clock.c."""

import time

from tests.doubles.vcard.layout import Control

_NS_PER_S = 1_000_000_000


def frame_at(card_ns: int, rate_hz: int) -> int:
    """How many whole frames have passed at a card time."""
    return card_ns * rate_hz // _NS_PER_S


def frame_ns(frame: int, rate_hz: int) -> int:
    """The first card time at which so many whole frames have passed."""
    return -(-frame * _NS_PER_S // rate_hz)


class CardClock:
    """Reads and sets the clock in a control block. Seconds are monotonic, card_ns is the card's own time."""

    def __init__(self, control: Control) -> None:
        self._control = control
        control.anchor_monotonic_ns = time.monotonic_ns()
        control.anchor_card_ns = 0
        self.epoch_s = control.anchor_monotonic_ns / _NS_PER_S

    def card_ns(self, moment_s: float | None = None) -> int:
        """Card time at a monotonic moment, or now."""
        control = self._control
        monotonic_ns = time.monotonic_ns() if moment_s is None else round(moment_s * _NS_PER_S)
        return control.anchor_card_ns + int((monotonic_ns - control.anchor_monotonic_ns) * self._speed)

    def moment_s(self, card_ns: int) -> float:
        """The first monotonic nanosecond that is not before a card time, by the drift that is set now."""
        control = self._control
        passed_ns = int((card_ns - control.anchor_card_ns) / self._speed) + 1
        return (control.anchor_monotonic_ns + passed_ns) / _NS_PER_S

    def set_drift(self, drift_ppm: float) -> None:
        """Lets the card run faster or slower from now on, without a jump."""
        control = self._control
        now_ns = time.monotonic_ns()
        card_ns = control.anchor_card_ns + int((now_ns - control.anchor_monotonic_ns) * self._speed)
        control.clock_sequence += 1
        control.anchor_monotonic_ns = now_ns
        control.anchor_card_ns = card_ns
        control.drift_ppm = drift_ppm
        control.clock_sequence += 1

    @property
    def _speed(self) -> float:
        return 1.0 + self._control.drift_ppm * 1e-6
