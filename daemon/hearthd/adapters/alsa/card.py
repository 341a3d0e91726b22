"""Opening a PCM by name, and finding out what the card really granted."""

import ctypes
import functools
import logging
from dataclasses import dataclass

import alsaaudio

from hearthd.core.audio.pcm import PcmFormat
from hearthd.ports import DeviceUnavailable

log = logging.getLogger(__name__)

XRUN = -32
"""-EPIPE, which pyalsaaudio returns instead of raising; it has prepared the stream again by then."""
XRUNS_IN_A_ROW_MAX = 25
"""PipeWire's plugin answers a dead server with endless xruns; no real stream has this many without a frame."""
FROZEN_AFTER_S = 2.0
"""A card that moves no frame for this long while it should is lost; the longest hiccups of USB cards take 0.5 s."""
NAP_MIN_S = 0.002
"""Shortest sleep while waiting for a card whose pointer moves in steps; keeps the wake-ups bounded."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a card gave us, which may differ from what was asked."""

    format: PcmFormat
    period_frames: int
    buffer_frames: int


def open_pcm(direction: int, device: str, rate_hz: int, periods: int) -> tuple[alsaaudio.PCM, Granted]:
    """Open ALSA `device` non-blocking with 20 ms periods, as near to mono at `rate_hz` as the card can.

    Non-blocking, because a busy card would otherwise hold the caller for ever, and a frozen one would take the thread
    along. libasound takes the nearest rate and channel count without a word, so the caller must go by what is granted.
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
        info = pcm.info()
    except alsaaudio.ALSAAudioError as error:
        raise DeviceUnavailable(device, "open", explain(error)) from error
    granted = Granted(PcmFormat(info["rate"], info["channels"]), info["period_size"], info["buffer_size"])
    if info["format"] != alsaaudio.PCM_FORMAT_S16_LE:
        pcm.close()
        problem = f"gives {info['format_name']}, not 16 bit; try plughw instead of hw"
        raise DeviceUnavailable(device, "open", problem)
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


def explain(error: alsaaudio.ALSAAudioError) -> str:
    """Return libasound's words without the device name that pyalsaaudio appends, with advice where there is any."""
    words = str(error).rsplit(" [", 1)[0]
    advice = {
        "No such file or directory": "there is no device of that name; `hearthd devices` lists those that are there",
        "No such device": "the card is gone",
        "Device or resource busy": "another program uses the card",
        "Permission denied": "the user that hearthd runs as is not in the group `audio`",
    }.get(words)
    return f"{words}: {advice}" if advice else words


@functools.cache
def silence_libasound() -> None:
    """Keep libasound from writing to stderr: every error it has reaches us as a code, and a lost card makes many.

    The handler is a C function that ignores whatever it is given, so no memory has to be made executable for it.
    """
    try:
        libasound = ctypes.CDLL("libasound.so.2")
        ignore = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p)
        libasound.snd_lib_error_set_handler(ignore)
    except (OSError, AttributeError):
        log.debug("libasound keeps writing its errors to stderr")
