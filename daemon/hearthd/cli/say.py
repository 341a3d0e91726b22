"""`hearthd say`: have a running hearthd speak a text."""

import argparse
import asyncio
import secrets
from typing import TYPE_CHECKING

import msgspec

from hearthd.cli.shared import EXIT_BAD_CONFIG, EXIT_FAILED, add_config_option, complain, settings_or_explain
from hearthd.core.home.topics import RoomTopics, Unusable
from hearthd.ports import BrokerUnavailable

if TYPE_CHECKING:
    from hearthd.cli.room import RoomVisit
    from hearthd.config import Settings

NAME = "say"
SUMMARY = "have the running hearthd speak a text, and wait until it has"
DETAILS = """\
examples:
  hearthd say Dinner is ready
  hearthd say --config ./kitchen.toml "The washing machine has finished."

The text goes over MQTT to the room that the settings name, as any program in the house may send it:
  mosquitto_pub -t hearthd/kitchen/say -m 'Dinner is ready'
Who sends {"text": "Dinner is ready", "id": "d1"} finds that id in the events of its turn, as this command does.

A broker that wants a password: HEARTHD_MQTT_PASSWORD=... hearthd say Hello

exit codes: 0 spoken, 1 not spoken, 78 the configuration cannot be used
"""
MESSAGE_EXPIRY_S = 10
"""What cannot be delivered by then would surprise somebody."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("text", nargs="+", metavar="TEXT", help="what to speak")
    add_config_option(parser)
    parser.add_argument(
        "--timeout", type=float, default=120.0, metavar="S", help="give up after so many seconds (default: %(default)g)"
    )


def main(options: argparse.Namespace) -> int:
    """Speak; returns 0 when the text was spoken, 1 when not, 78 when the settings cannot be used."""
    settings = settings_or_explain(options.config)
    if settings is None:
        return EXIT_BAD_CONFIG
    text = " ".join(options.text)
    problem = _unspeakable(settings, text) or asyncio.run(_say(settings, text, options.timeout))
    if problem:
        complain(problem)
        return EXIT_FAILED
    return 0


def _unspeakable(settings: "Settings", text: str) -> str:
    """Say why `text` could never be spoken, by the rules of the room itself; empty if it can."""
    if not settings.mqtt.host:
        return "the settings switch MQTT off (mqtt.host is empty), and there is no other way to the running hearthd"
    topics = RoomTopics(settings.mqtt.base_topic, settings.room.name)
    wish = topics.parse(topics.say, _payload(text, ""), retained=False)
    return f"this cannot be spoken: {wish.problem}" if isinstance(wish, Unusable) else ""


async def _say(settings: "Settings", text: str, timeout_s: float) -> str:
    """Have `text` spoken; returns what went wrong, in plain words."""
    from hearthd.cli.room import absence, visit_room

    try:
        async with asyncio.timeout(timeout_s), visit_room(settings) as visit:
            await visit.look()
            if not visit.online:
                return absence(visit, settings)
            say_id = secrets.token_hex(8)
            await visit.session.publish(visit.topics.say, _payload(text, say_id), expiry_s=MESSAGE_EXPIRY_S)
            return await _until_spoken(visit, say_id)
    except TimeoutError:
        return f"the text was sent, but was not spoken within {timeout_s:g} s; see: hearthd status --watch"
    except BrokerUnavailable as error:
        return f"MQTT broker {error}"


def _payload(text: str, say_id: str) -> bytes:
    return msgspec.json.encode({"text": text, "id": say_id})


async def _until_spoken(visit: "RoomVisit", say_id: str) -> str:
    """Follow the room's events until the turn of `say_id` is over; returns why it failed, if it did."""
    trouble = ""
    while visit.online:
        event = await visit.next_event()
        match event:
            case {"event": "error", "id": str(whose), "problem": problem} if whose == say_id:
                return f"not spoken: {problem}"
            case {"event": "error", "problem": str(problem)}:
                trouble = problem
            case {"event": "turn", "id": str(whose), "outcome": outcome} if whose == say_id:
                return "" if outcome == "answered" else f"not spoken: {trouble or str(outcome).replace('_', ' ')}"
            case {"event": "turn"}:
                trouble = ""  # it was that turn's
            case _:
                pass
    return "the hearthd of this room has stopped before it spoke"
