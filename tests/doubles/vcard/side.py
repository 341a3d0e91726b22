"""One direction of a virtual card: what may go wrong with it, on request."""

import errno
from pathlib import Path

from tests.doubles.vcard.block import ControlBlock
from tests.doubles.vcard.clock import CardClock
from tests.doubles.vcard.layout import NOT_FROZEN, Direction, Side

ALWAYS = -1
"""As a number of times: until `heal`."""


class CardSide:
    """Orders faults for the streams of one direction, those that are open and those to come."""

    def __init__(self, direction: Direction, block: ControlBlock, clock: CardClock, folder: Path) -> None:
        self.direction = direction
        self._block = block
        self._clock = clock
        self._lock = folder / f"{direction.stem}.lock"
        self._outages_ns: list[tuple[int, int | None]] = []

    @property
    def outages_ns(self) -> list[tuple[int, int | None]]:
        """Card times between which the direction was frozen or gone; the last may have no end yet."""
        return list(self._outages_ns)

    @property
    def is_open(self) -> bool:
        """Whether any process holds a stream of this direction; survives that process being killed.

        Asks the kernel who holds the lock file: trying the lock would refuse a stream that opens meanwhile.
        """
        if not self._lock.exists():
            return False
        inode = f":{self._lock.stat().st_ino} "
        return any("FLOCK" in line and inode in line for line in Path("/proc/locks").read_text().splitlines())

    @property
    def channels(self) -> int:
        """Samples in a frame."""
        return self._side.channels

    @property
    def xruns_left(self) -> int:
        """How many of the xruns that were ordered are still to come."""
        return self._side.xruns

    def grant(self, *rates_hz: int, period_frames: int = 0) -> None:
        """From the next open on, these rates and this period (0: any) are granted, whatever is asked for."""
        with self._block.change():
            self._side.grant(rates_hz)
            self._side.period_frames = period_frames

    def step(self, frames: int) -> None:
        """The hardware pointer moves in steps of so many frames, as on cards that tell little (0: 1 frame)."""
        with self._block.change():
            self._side.step_frames = frames

    def xrun(self, times: int = 1) -> None:
        """The stream runs over or under so many times, as soon as it runs."""
        with self._block.change():
            self._side.xruns = times

    def suspend(self, times: int = 1) -> None:
        """The stream is suspended (-ESTRPIPE) so many times; it must be prepared or reopened."""
        with self._block.change():
            self._side.suspends = times

    def refuse_open(self, times: int = ALWAYS, error: int = errno.EBUSY) -> None:
        """The next opens fail with an errno."""
        with self._block.change():
            self._side.open_errno = error
            self._side.open_errors = times

    def fail_io(self, times: int = 1, error: int = errno.EIO) -> None:
        """The next transfers fail with an errno; the stream itself goes on."""
        with self._block.change():
            self._side.io_errno = error
            self._side.io_errors = times

    def freeze(self) -> None:
        """Until `thaw` the hardware pointer stands still: no data, no room, no poll event, no sound."""
        now_ns = self._clock.card_ns()
        with self._block.change():
            self._side.frozen_at_ns = now_ns
        self._outage_begins(now_ns)

    def thaw(self) -> None:
        """The pointer jumps to where the clock is by now: after a long freeze the stream meets an xrun."""
        with self._block.change():
            self._side.frozen_at_ns = NOT_FROZEN
        self._outage_ends()

    def vanish(self) -> None:
        """The device is gone: calls and opens fail with -ENODEV, sleepers wake, open streams die for good."""
        now_ns = self._clock.card_ns()
        with self._block.change():
            self._side.present = 0
            self._side.generation += 1
        self._outage_begins(now_ns)

    def come_back(self) -> None:
        """The device can be opened again."""
        with self._block.change():
            self._side.present = 1
        self._outage_ends()

    def heal(self) -> None:
        """Ends every order but `grant` and `step`: the device is there, free and turning, no fault to come."""
        with self._block.change():
            self._side.present = 1
            self._side.frozen_at_ns = NOT_FROZEN
            self._side.open_errors = self._side.io_errors = self._side.xruns = self._side.suspends = 0
        self._outage_ends()

    @property
    def _side(self) -> Side:
        side: Side = self._block.control.sides[self.direction]
        return side

    def _outage_begins(self, card_ns: int) -> None:
        if not self._outages_ns or self._outages_ns[-1][1] is not None:
            self._outages_ns.append((card_ns, None))

    def _outage_ends(self) -> None:
        if self._outages_ns and self._outages_ns[-1][1] is None:
            self._outages_ns[-1] = (self._outages_ns[-1][0], self._clock.card_ns())
