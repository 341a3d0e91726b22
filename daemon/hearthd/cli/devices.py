"""`hearthd devices`: which microphones and loudspeakers there are, and what to write into the settings."""

import argparse
import os
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hearthd.cli.shared import EXIT_FAILED

if TYPE_CHECKING:
    from rich.table import Table

    from hearthd.adapters.alsa.inventory import SoundDevice

NAME = "devices"
SUMMARY = "list microphones and loudspeakers, and say what to write into the settings"
DETAILS = """\
examples:
  hearthd devices
  hearthd devices --json

Every device is opened for a moment, silently, to see which rates and channels it really grants. A device that a
running hearthd uses cannot be opened a second time: stop the service first (sudo systemctl stop hearthd).

exit codes: 0 there is a microphone and a loudspeaker, 1 not
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def main(options: argparse.Namespace) -> int:
    """List the devices; returns 0 if both directions have one that can be used, else 1."""
    from hearthd.adapters.alsa.inventory import CAPTURE, PLAYBACK, sound_devices

    # libasound may wait for a sound server for ever, and Python hears of Ctrl-C only afterwards.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    found = {"capture": sound_devices(CAPTURE), "playback": sound_devices(PLAYBACK)}
    if options.json:
        _print_json(found)
    else:
        _print_for_people(found)
    return 0 if all(map(_best, found.values())) else EXIT_FAILED


def _best(devices: Sequence["SoundDevice"]) -> "SoundDevice | None":
    """Return the device to recommend: hardware before plugins, as it stands first in the list."""
    return next((device for device in devices if device.granted), None)


def _print_json(found: dict[str, list["SoundDevice"]]) -> None:
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())


def _print_for_people(found: dict[str, list["SoundDevice"]]) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    lines: list[str] = []
    for direction, people_say in (("capture", "microphones"), ("playback", "loudspeakers")):
        best = _best(found[direction])
        console.print(_table(people_say, found[direction]) if found[direction] else f"There are no {people_say}.\n")
        lines += _settings_lines(direction, best) if best else []
    if lines:
        console.print("For the settings:", style="bold")
        console.print("\n".join(["[audio]", *lines]), soft_wrap=True)
    else:
        console.print(_advice([*found["capture"], *found["playback"]]), soft_wrap=True)


def _advice(devices: Sequence["SoundDevice"]) -> str:
    """Say what to do when nothing can be used."""
    if any("busy" in device.problem for device in devices):
        return "Another program uses the cards. If it is hearthd itself: sudo systemctl stop hearthd"
    if os.geteuid() == 0:
        return "Is a card plugged in? The kernel's view: cat /proc/asound/cards"
    return "Is a card plugged in, and are you in the group audio? sudo usermod -aG audio $USER"


def _settings_lines(direction: str, device: "SoundDevice") -> list[str]:
    return [f'{direction}_device = "{device.name}"', f"{direction}_rate_hz = {device.granted[0].rate_hz}"]


def _table(title: str, devices: Sequence["SoundDevice"]) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title, "what it is", "what it gives", box=box.SIMPLE_HEAD)
    for device in devices:
        offers = ", ".join(f"{offer.rate_hz} Hz {_channels(offer.channels)}" for offer in device.granted)
        verdict = Text(device.problem, "red") if device.problem else Text(offers)
        table.add_row(Text(device.name, overflow="fold"), Text(device.description), verdict)
    return table


def _channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")
