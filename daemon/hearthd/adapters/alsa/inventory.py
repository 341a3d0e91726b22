"""Which sound devices this machine has, and what each of them really grants."""

from dataclasses import dataclass
from typing import Final

import alsaaudio

from hearthd.adapters.alsa.card import open_pcm
from hearthd.core.audio.pcm import PcmFormat
from hearthd.ports import DeviceUnavailable

CAPTURE: Final[int] = alsaaudio.PCM_CAPTURE
PLAYBACK: Final[int] = alsaaudio.PCM_PLAYBACK

RATES_HZ: Final = (48_000, 16_000, 44_100, 32_000, 24_000, 96_000)
"""Asked for in this order, the most useful first. A card is never asked for all its rates: pyalsaaudio lists each
single one, and a plugin without limits has four billion."""
_PERIODS: Final = 4
_BUSY: Final = "busy"
"""In libasound's words for a device that is there and taken."""
_HARDWARE: Final = "hw:"
_CONVERTED: Final = "plughw:"
_CONVERTERS: Final = frozenset(
    {"null", "lavrate", "samplerate", "speexrate", "jack", "oss", "speex", "upmix", "vdownmix", "usbstream"}
)
"""Names that Debian's ALSA plugins add on every machine, which are no devices."""


@dataclass(frozen=True, slots=True)
class SoundDevice:
    """One device in one direction."""

    name: str
    """As ALSA calls it, and as it is written into the settings."""
    description: str
    granted: tuple[PcmFormat, ...]
    """What it gave when it was asked for mono PCM16 at each of `RATES_HZ`; empty when it cannot be used."""
    problem: str
    """Why it cannot be used, in plain words; else empty."""


def sound_devices(direction: int) -> list[SoundDevice]:
    """Open every device of a direction once for each rate, and tell what came of it; makes no sound.

    Hardware comes as `hw:`, or as `plughw:` where the card speaks no PCM16 by itself; then follow `default` and devices
    of the owner's own making, if they can be opened or are only in use. The whole process stands
    still while a device opens.
    """
    names = [name for name in alsaaudio.pcms(direction) if _is_wanted(name)]
    hardware = [_hardware(direction, name) for name in names if name.startswith(_HARDWARE)]
    others = [_probed(direction, name) for name in ("default", *names) if not name.startswith(_HARDWARE)]
    there = {device.name: device for device in others if not device.problem or _BUSY in device.problem}
    return [*hardware, *there.values()]


def _is_wanted(name: str) -> bool:
    return name.startswith(_HARDWARE) or (":" not in name and name not in _CONVERTERS)


def _hardware(direction: int, name: str) -> SoundDevice:
    device = _probed(direction, name)
    if "not S16_LE" not in device.problem:
        return device
    converted = _probed(direction, _CONVERTED + name.removeprefix(_HARDWARE))
    return device if converted.problem else converted


def _probed(direction: int, name: str) -> SoundDevice:
    granted: list[PcmFormat] = []
    for rate_hz in RATES_HZ:
        try:
            pcm, grant = open_pcm(direction, name, rate_hz, _PERIODS)
        except DeviceUnavailable as error:
            return SoundDevice(name, _description(name), (), error.problem)
        pcm.close()
        if grant.format not in granted:
            granted.append(grant.format)
    return SoundDevice(name, _description(name), tuple(granted), "")


def _description(name: str) -> str:
    _, _, card = name.partition("CARD=")
    card = card.partition(",")[0]
    if card not in alsaaudio.cards():
        return ""
    _, long_name = alsaaudio.card_name(alsaaudio.card_indexes()[alsaaudio.cards().index(card)])
    return str(long_name)
