"""Opening a PCM by name, and finding out what the card really granted."""

import ctypes
import functools
import logging
from dataclasses import dataclass
from typing import Protocol

import alsaaudio

from hearthd.core.audio.pcm import PcmFormat
from hearthd.ports import DeviceUnavailable

log = logging.getLogger(__name__)

XRUN = -32
"""-EPIPE, which pyalsaaudio returns instead of raising; `read` and `write` have prepared the stream again by then."""
XRUNS_IN_A_ROW_MAX = 25
"""PipeWire's plugin answers a dead server with endless xruns; no real stream has this many without a frame."""
FROZEN_AFTER_S = 2.0
"""A card that moves no frame for this long while it should is lost; the longest hiccups of USB cards take 0.5 s."""
SLACK_S = 0.0005
"""Look this much past the moment at which the card should have moved so far, to find that it has."""
LATE_NAP_S = 0.002
"""How long to give a card that is late, because its pointer moves in steps: short, but no spinning. With steps of 21 to
25 ms a block is then read 11 ms after it is complete, in the median, and not 18 to 21 ms as after another whole nap."""


class Pcm(Protocol):
    """What we use of `alsaaudio.PCM`, which carries no types.

    Of these only `read` and `write` let other threads run meanwhile. All of them, and opening, raise
    `alsaaudio.ALSAAudioError`, but `avail` returns a negative errno.
    """

    def read(self) -> tuple[int, bytes]:
        """Return at most a period, (0, b"") when nothing is there, or `XRUN` as the number of frames."""
        ...

    def write(self, pcm: bytes) -> int:
        """Return how many frames were taken, or `XRUN`; prepares a PCM that was dropped."""
        ...

    def avail(self) -> int:
        """Return the frames to be read, or the room to write them."""
        ...

    def state(self) -> int:
        """Return one of alsaaudio's PCM_STATE constants."""
        ...

    def drop(self) -> int:
        """Stop at once."""
        ...

    def close(self) -> None:
        """Close; a playback PCM that still runs is asked to play to its end first."""
        ...


@dataclass(frozen=True, slots=True)
class Granted:
    """What a card gave us, which may differ from what was asked."""

    format: PcmFormat
    period_frames: int
    buffer_frames: int
    coarse: bool = False
    """Whether the card's pointer may move a whole period at a time (ALSA calls that a batch device)."""


def open_pcm(direction: int, device: str, rate_hz: int, periods: int) -> tuple[Pcm, Granted]:
    """Open ALSA `device` non-blocking with 20 ms periods, as near to mono at `rate_hz` as the card can.

    Non-blocking, because a busy card would otherwise hold the caller for ever, and a frozen one would take the thread
    along. libasound takes the nearest rate, channel count and buffer without a word, so the caller must go by what is
    granted. The whole process stands still inside this call: pyalsaaudio keeps the interpreter's lock while it opens.
    Raises `DeviceUnavailable`.
    """
    silence_libasound()
    asked = PcmFormat(rate_hz)
    try:
        pcm = alsaaudio.PCM(
            type=direction,
            mode=alsaaudio.PCM_NONBLOCK,
            device=device,
            rate=rate_hz,
            channels=asked.channels,
            format=alsaaudio.PCM_FORMAT_S16_LE,
            periodsize=asked.block_frames,
            periods=periods,
        )
    except alsaaudio.ALSAAudioError as error:
        raise DeviceUnavailable(device, "open", explain(str(error))) from error
    info = pcm.info()
    if info["format"] != alsaaudio.PCM_FORMAT_S16_LE:
        pcm.close()
        problem = f"gives {info['format_name']}, not S16_LE; try plughw: instead of hw:"
        raise DeviceUnavailable(device, "open", problem)
    granted = Granted(
        format=PcmFormat(info["rate"], info["channels"]),
        period_frames=info["period_size"],
        buffer_frames=info["buffer_size"],
        coarse=bool(info["is_batch"]),
    )
    if granted.format != asked:
        log.info(
            "the card granted another format than was asked for",
            extra={
                "HEARTHD_EVENT": "card_format",
                "HEARTHD_DEVICE": device,
                "HEARTHD_RATE_HZ": granted.format.rate_hz,
                "HEARTHD_CHANNELS": granted.format.channels,
            },
        )
    return pcm, granted


def explain(problem: str) -> str:
    """Return libasound's words without the device name that pyalsaaudio appends, with advice where there is any."""
    words = problem.rsplit(" [", 1)[0]
    advice = {
        "No such file or directory": "`hearthd devices` lists what is there; only the group `audio` may see the cards",
        "No such device": "the card is gone",
        "Device or resource busy": "another program uses the card",
        "Permission denied": "the user that hearthd runs as is not in the group `audio`",
    }.get(words)
    return f"{words}: {advice}" if advice else words


@functools.cache
def silence_libasound() -> None:
    """Keep libasound from writing to stderr: every error it has reaches us as a code, and a lost card makes many.

    The handler is a C function that takes no arguments and ignores those that it is given: the caller clears the stack
    in every Linux calling convention, and no memory has to be made executable for it, as a Python callback would need.
    """
    try:
        libasound = ctypes.CDLL("libasound.so.2")
        ignore = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p)
        libasound.snd_lib_error_set_handler(ignore)
    except (OSError, AttributeError):
        log.debug("libasound keeps writing its errors to stderr")
