"""How the result of a call is acknowledged: by words of the model, which cost a second response, or by a tone."""

from typing import Literal

import msgspec

from hearthd.core.home.catalogue import COMMANDS

Acknowledge = Literal["speech", "earcon", "auto"]


class _Device(msgspec.Struct, frozen=True):
    ok: bool = False
    confirmed: bool = False


class _Result(_Device, frozen=True):
    devices: tuple[_Device, ...] = ()
    """Of a call for several."""


_DECODER = msgspec.json.Decoder(_Result)


def needs_words(manner: Acknowledge, function: str, output: str) -> bool:
    """Tell whether the model shall speak about a call of `function` that brought `output`, as the model gets it.

    Whatever was read, refused or failed has to be told in words. Of a command that was carried out a tone says enough
    with `earcon`, and with `auto` if every device has confirmed it.
    """
    if manner == "speech" or function not in COMMANDS:
        return True
    try:
        result = _DECODER.decode(output)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return True
    devices = result.devices or (result,)
    if not (result.ok and all(device.ok for device in devices)):
        return True
    return manner == "auto" and not all(device.confirmed for device in devices)
