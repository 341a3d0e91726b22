"""`hearthd status`: how a running hearthd is."""

import argparse
import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hearthd.cli.shared import EXIT_BAD_CONFIG, EXIT_FAILED, add_config_option, complain, settings_or_explain
from hearthd.core.plain_text import one_line
from hearthd.ports import BrokerUnavailable

if TYPE_CHECKING:
    from hearthd.cli.room import RoomVisit
    from hearthd.config import Settings

NAME = "status"
SUMMARY = "tell how the running hearthd is"
DETAILS = """\
examples:
  hearthd status
  hearthd status --watch            follow what happens, until Ctrl-C
  hearthd status --json             one JSON object for programs; with --watch one a line

It is asked over MQTT, so this works from any machine that reaches the broker:
  HEARTHD_MQTT_PASSWORD=... hearthd status --config ./kitchen.toml

exit codes: 0 it is running, 1 it is not or cannot be asked, 78 the configuration cannot be used
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add_config_option(parser)
    parser.add_argument("--watch", action="store_true", help="follow what happens, until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def main(options: argparse.Namespace) -> int:
    """Show the state; returns 0 if a hearthd runs there, 1 if not, 78 when the settings cannot be used."""
    settings = settings_or_explain(options.config)
    if settings is None:
        return EXIT_BAD_CONFIG
    if not settings.mqtt.host:
        complain("the settings switch MQTT off (mqtt.host is empty); see instead: systemctl status hearthd")
        return EXIT_FAILED
    try:
        return asyncio.run(_status(settings, watch=options.watch, show=_show_json if options.json else _show))
    except KeyboardInterrupt:
        return 0


Show = Callable[["RoomVisit", "Settings", dict[str, Any] | None], None]


async def _status(settings: "Settings", *, watch: bool, show: Show) -> int:
    from hearthd.cli.room import absence, visit_room

    try:
        async with visit_room(settings) as visit:
            await visit.look()
            show(visit, settings, None)
            if not visit.online and not watch:
                complain(absence(visit, settings))
                return EXIT_FAILED
            while watch:
                show(visit, settings, await visit.next_event())
    except BrokerUnavailable as error:
        complain(f"MQTT broker {error}")
        return EXIT_FAILED
    return 0


def _show_json(visit: "RoomVisit", settings: "Settings", event: dict[str, Any] | None) -> None:
    import msgspec

    known = {"room": settings.room.name, "availability": visit.availability, "state": visit.state}
    print(msgspec.json.encode(known if event is None else {"room": settings.room.name, **event}).decode(), flush=True)


def _show(visit: "RoomVisit", settings: "Settings", event: dict[str, Any] | None) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    if event is not None:
        told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in event.items() if name != "event")
        line = one_line(f"{event.get('event', 'event')}: {told}")  # whoever may write to the broker wrote it
        console.print(f"  {line}", style="dim", soft_wrap=True)
        return
    state = visit.state or {}
    parts = [f"{name.replace('_', ' ')} {value}" for name, value in state.items()] if visit.online else []
    line = one_line(", ".join([visit.availability or "unknown", *parts]))
    console.print(f"{settings.room.name}: {line}", style="green" if visit.online else "yellow", soft_wrap=True)
