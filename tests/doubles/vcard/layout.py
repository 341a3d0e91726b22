"""What the card's driver shares with its plugin: the mirror of control.h."""

import ctypes
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

MAGIC = 0x64726376
MAX_RATES = 8
NOT_FROZEN = -1


class Direction(IntEnum):
    """ALSA's own numbers."""

    PLAYBACK = 0
    CAPTURE = 1

    @property
    def stem(self) -> str:
        """How files of this direction are called."""
        return self.name.lower()


class EventKind(IntEnum):
    """What a card notes in its log; `control.h` tells what each means by frame and frames."""

    OPEN = 1
    CLOSE = 2
    START = 3
    TRANSFER = 4
    DROP = 5
    DRAINED = 6
    XRUN = 7
    SUSPENDED = 8
    VANISHED = 9
    REFUSED = 10
    IO_ERROR = 11


@dataclass(frozen=True, slots=True)
class CardEvent:
    """One line of the card's log."""

    stamp_s: float
    """Monotonic seconds."""
    kind: EventKind
    direction: Direction
    frame: int
    """Card frame, counted at rate_hz."""
    frames: int
    """How many were moved or thrown away; the errno of REFUSED and IO_ERROR."""
    rate_hz: int
    """0 before the hardware parameters were set."""
    pid: int


class Side(ctypes.Structure):
    """`struct vcard_side`."""

    _fields_ = (
        ("rates_hz", ctypes.c_uint32 * MAX_RATES),
        ("channels", ctypes.c_uint32),
        ("period_frames", ctypes.c_uint32),
        ("step_frames", ctypes.c_uint32),
        ("present", ctypes.c_uint32),
        ("generation", ctypes.c_uint32),
        ("open_errors", ctypes.c_int32),
        ("open_errno", ctypes.c_int32),
        ("io_errors", ctypes.c_int32),
        ("io_errno", ctypes.c_int32),
        ("xruns", ctypes.c_int32),
        ("suspends", ctypes.c_int32),
        ("frozen_at_ns", ctypes.c_int64),
    )
    channels: int
    period_frames: int
    step_frames: int
    present: int
    generation: int
    open_errors: int
    open_errno: int
    io_errors: int
    io_errno: int
    xruns: int
    suspends: int
    frozen_at_ns: int

    def grant(self, rates_hz: tuple[int, ...]) -> None:
        """Sets the rates that hw_params may choose from."""
        if not 0 < len(rates_hz) <= MAX_RATES:
            raise ValueError(f"a card has 1 to {MAX_RATES} rates, not {rates_hz}")
        padded = (*rates_hz, *(0 for _ in range(MAX_RATES - len(rates_hz))))
        rates: ctypes.Array[ctypes.c_uint32] = (ctypes.c_uint32 * MAX_RATES)(*padded)
        self.rates_hz = rates


class Control(ctypes.Structure):
    """`struct vcard_control`."""

    _fields_ = (
        ("magic", ctypes.c_uint32),
        ("bytes", ctypes.c_uint32),
        ("revision", ctypes.c_uint32),
        ("clock_sequence", ctypes.c_uint32),
        ("anchor_monotonic_ns", ctypes.c_int64),
        ("anchor_card_ns", ctypes.c_int64),
        ("drift_ppm", ctypes.c_double),
        ("sides", Side * len(Direction)),
    )
    magic: int
    bytes: int
    revision: int
    clock_sequence: int
    anchor_monotonic_ns: int
    anchor_card_ns: int
    drift_ppm: float
    sides: "ctypes.Array[Side]"


EVENT = np.dtype(
    [
        ("stamp_ns", "i8"),
        ("frame", "i8"),
        ("frames", "u4"),
        ("rate_hz", "u4"),
        ("pid", "i4"),
        ("stream", "u2"),
        ("kind", "u2"),
    ]
)
"""`struct vcard_event`."""
