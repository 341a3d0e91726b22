"""`hearthd check-config`: whether the settings are right, and what they mean."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hearthd.cli.shared import DEFAULT_CONFIG, EXIT_BAD_CONFIG, complain, settings_or_explain
from hearthd.config import Settings
from hearthd.core.home.catalogue import Catalogue
from hearthd.core.home.devices import spoken_name
from hearthd.core.home.topics import RoomTopics
from hearthd.core.realtime.dialects import shortfalls
from hearthd.core.settings import BudgetSettings, OfflineSettings
from hearthd.core.wake_model import WakeModelUnusable

if TYPE_CHECKING:
    from rich.table import Table

NAME = "check-config"
SUMMARY = "say whether the settings are right, and what they mean"
DETAILS = """\
examples:
  hearthd check-config
  hearthd check-config ./kitchen.toml && sudo systemctl restart --no-block hearthd

All mistakes are told at once, each with file, line, key, what was expected and what was found. Wake word models are
loaded for real; sound cards, broker and server are not touched.

exit codes: 0 right, 78 not
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "file", type=Path, nargs="?", default=DEFAULT_CONFIG, metavar="FILE", help="the settings (default: %(default)s)"
    )


def main(options: argparse.Namespace) -> int:
    """Check a file; returns 0 or 78."""
    settings = settings_or_explain(options.file)
    if settings is None:
        return EXIT_BAD_CONFIG
    try:
        _load_wake_words(settings)
    except WakeModelUnusable as error:
        complain(f"the configuration cannot be used:\n  {options.file}: wake.words: {error}")
        return EXIT_BAD_CONFIG
    _show(options.file, settings)
    return 0


def _load_wake_words(settings: Settings) -> None:
    if settings.wake.words:
        from hearthd.adapters.wakeword import MicroWakeWords

        MicroWakeWords(settings.wake.words, settings.wake.threshold)


def _show(file: Path, settings: Settings) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    console.print(f"{file} is right.\n", style="green", soft_wrap=True)
    for name, value in _summary(settings):
        console.print(f"{name:<12} {value}", soft_wrap=True)
    if settings.devices:
        console.print()
        console.print(_devices_table(settings))
    for warning in (*settings.warnings, *shortfalls(settings.realtime)):
        console.print(f"\nWarning: {warning}", style="yellow", soft_wrap=True)


def _summary(settings: Settings) -> Iterator[tuple[str, str]]:
    audio, realtime, mqtt, wake = settings.audio, settings.realtime, settings.mqtt, settings.wake
    wakes = [*(Path(word).stem for word in wake.words), *(["MQTT listen"] if wake.push_to_talk and mqtt.host else [])]
    secret = {True: "given", False: "not given here"}
    yield "room", settings.room.name
    yield "woken by", ", ".join(wakes) or "nothing"
    yield "microphone", f"{audio.capture_device} at {audio.capture_rate_hz} Hz"
    yield "loudspeaker", f"{audio.playback_device} at {audio.playback_rate_hz} Hz, volume {audio.volume_percent} %"
    yield "server", f"{realtime.url}, model {realtime.model or 'as the server likes'}, voice {realtime.voice}"
    yield "API key", secret[bool(settings.openai_api_key)]
    yield "offline", _offline(settings.offline)
    yield "budget", _budget(settings.budget)
    if mqtt.host:
        user = f" as {mqtt.username}, password {secret[bool(settings.mqtt_password)]}" if mqtt.username else ""
        yield "broker", f"{mqtt.host}:{mqtt.port}{' with TLS' if mqtt.tls else ''}{user}"
        yield "topics", f"{RoomTopics(mqtt.base_topic, settings.room.name).root}/..."
    else:
        yield "broker", "none; nothing can be switched"
    if settings.devices:
        tokens = Catalogue(settings.devices, settings.room.area).estimated_tokens()
        told = f"telling the model of them takes at most {tokens} tokens in every answer"
        yield "devices", f"{len(settings.devices)}; {told}"
    else:
        yield "devices", "none"


def _budget(budget: BudgetSettings) -> str:
    limits = [f"${usd:g} a {period}" for usd, period in ((budget.day_usd, "day"), (budget.month_usd, "month")) if usd]
    then = {"offline": "then offline", "refuse": "then it refuses"}[budget.when_exhausted]
    return f"{' and '.join(limits)}, {then}" if limits else "no limit"


def _offline(offline: OfflineSettings) -> str:
    if not offline.enabled:
        return "switched off; without the server nothing is answered"
    if offline.socket:
        return f"answered by the server at {offline.socket}"
    return f"voice {offline.voice}, started when needed (hearthd-offline.socket, else by hearthd itself)"


def _devices_table(settings: Settings) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table("device", "type", "name", "area", "confirmed twice", box=box.SIMPLE_HEAD)
    for identifier, device in settings.devices.items():
        guarded = "yes" if identifier in settings.policy.confirm else ""
        kind = type(device).__name__.lower()
        table.add_row(identifier, kind, spoken_name(identifier, device), device.area, guarded)
    return table
