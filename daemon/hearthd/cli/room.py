"""A visit to a running hearthd over MQTT, as any other program in the house could make it."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from hearthd.adapters.mqtt import MqttBroker
from hearthd.config import Settings
from hearthd.core.home.topics import ONLINE, RoomTopics
from hearthd.ports import BrokerMessage, BrokerSession

RETAINED_S: Final = 1.0
"""How long to wait for what the broker keeps; a broker in the house sends it within milliseconds."""

Json = dict[str, Any]


class RoomVisit:
    """What is known of a room, kept up by reading its topics."""

    def __init__(self, session: BrokerSession, topics: RoomTopics) -> None:
        """Know nothing yet."""
        self.topics = topics
        self.session = session
        self.availability: str | None = None
        """`online`, `offline`, or None if no hearthd has ever said a word under this name."""
        self.state: Json | None = None
        self._arriving = session.messages()

    @property
    def online(self) -> bool:
        """Whether a hearthd is running in this room."""
        return self.availability == ONLINE.decode()

    async def look(self) -> None:
        """Learn what the broker keeps about the room. Raises `BrokerUnavailable`."""
        try:
            async with asyncio.timeout(RETAINED_S):
                while self.availability is None or (self.online and self.state is None):
                    await self.next_event()
        except TimeoutError:
            self._arriving = self.session.messages()  # The one that was waited for in vain is spent.

    async def next_event(self) -> Json | None:
        """Wait for the room's next message; None if it was no event but changed what is known."""
        return self._learn(await anext(self._arriving))

    def _learn(self, message: BrokerMessage) -> Json | None:
        if message.topic == self.topics.availability:
            self.availability = message.payload.decode(errors="replace")
            return None
        try:
            document = msgspec.json.decode(message.payload, type=Json)
        except msgspec.MsgspecError:
            return None  # Anybody may write to the topic; what is no report of ours is passed over.
        if message.topic == self.topics.state:
            self.state = document
            return None
        return document


@asynccontextmanager
async def visit_room(settings: Settings) -> AsyncIterator[RoomVisit]:
    """Connect under a name of our own, and read the room's state and events. Raises `BrokerUnavailable`."""
    topics = RoomTopics(settings.mqtt.base_topic, settings.room.name)
    visitor = f"hearthd-visitor-{secrets.token_hex(4)}"
    broker = MqttBroker(settings.mqtt, settings.mqtt_password, visitor, availability_topic=None)
    async with broker.connect() as session:
        await session.subscribe((topics.availability, topics.state, topics.event))
        yield RoomVisit(session, topics)


def absence(visit: RoomVisit, settings: Settings) -> str:
    """Say in plain words why nobody is there."""
    if visit.availability is None:
        return (
            f"no hearthd has ever spoken below {visit.topics.root} on this broker; "
            "are room.name and mqtt.base_topic those of the one you mean?"
        )
    return f'the hearthd of the room "{settings.room.name}" is not running; see: systemctl status hearthd'
