"""What the house sees of hearthd: its state and its events on MQTT, each with its moment."""

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass
from typing import Any, Final, Never

import aiomqtt

from tests.doubles.appliances import AT_ONCE, RETURN_S
from tests.doubles.chronicle import Chronicle

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it reached the watcher."""

    at_s: float
    topic: str
    payload: bytes
    retained: bool

    @property
    def document(self) -> Json:
        """The payload as a JSON object; empty if it is none."""
        try:
            found = json.loads(self.payload)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def __str__(self) -> str:
        return f"{self.at_s:.3f} {self.topic} {self.payload[:160].decode(errors='replace')}"


class MqttWatch:
    """Subscribes to everything below a room's topics and Home Assistant's; `run` is its task."""

    def __init__(self, room: str, *, base_topic: str = "hearthd", discovery_prefix: str = "homeassistant") -> None:
        """`room` is the slug, as it stands in topics."""
        self.root: Final = f"{base_topic}/{room}"
        self.messages: Final = Chronicle[Message]("MQTT message")
        self.present: Final = asyncio.Event()
        """Whether nothing is missed any more."""
        self._filters = (f"{self.root}/#", f"{discovery_prefix}/#")
        self._client: aiomqtt.Client | None = None

    async def run(self, host: str, port: int) -> Never:
        """Watch until cancelled, and come back with a broker that went; whoever cancels it owns the task."""
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                await self._watch(host, port)
            self.present.clear()
            await asyncio.sleep(RETURN_S)

    async def _watch(self, host: str, port: int) -> None:
        async with aiomqtt.Client(host, port, identifier="watch", socket_options=AT_ONCE) as client:
            for pattern in self._filters:
                await client.subscribe(pattern, qos=1)
            self._client = client
            self.present.set()
            async for message in client.messages:
                self.messages.add(Message(time.monotonic(), str(message.topic), message.payload, message.retain))

    async def publish(self, topic: str, payload: str = "", *, retain: bool = False) -> float:
        """Ask for something below the room's topics, such as `listen`.

        Returns when the broker has taken it, with the moment before it was sent: all that comes of it is later.
        """
        assert self._client is not None, "not connected yet"
        asked_s = time.monotonic()
        await self._client.publish(f"{self.root}/{topic}", payload, qos=1, retain=retain)
        return asked_s

    @property
    def states(self) -> list[Message]:
        """Every report of the state, oldest first."""
        return self.messages.where(lambda message: message.topic == f"{self.root}/state")

    @property
    def state(self) -> Json:
        """The latest state; empty before the first."""
        states = self.states
        return states[-1].document if states else {}

    def events(self, kind: str | None = None, *, after_s: float = 0.0) -> list[Message]:
        """Return what was told on the event topic, all kinds or one."""
        return self.messages.where(
            lambda m: m.topic == f"{self.root}/event" and kind in (None, m.document.get("event")), after_s=after_s
        )

    async def event(self, kind: str, *, after_s: float = 0.0, timeout_s: float = 10.0) -> Message:
        """Wait for an event of a kind."""
        return await self.messages.until(
            lambda m: m.topic == f"{self.root}/event" and m.document.get("event") == kind,
            f'the event "{kind}"',
            after_s=after_s,
            timeout_s=timeout_s,
        )

    async def shows(self, *, after_s: float | None = None, timeout_s: float = 10.0, **fields: object) -> Message:
        """Wait until the state has all `fields`, such as `phase="idle"`; None means that it has no such field.

        With `after_s` only a report from then on counts, otherwise the one in force does too.
        """
        states = self.states
        if after_s is None and states:
            after_s = states[-1].at_s

        def is_it(message: Message) -> bool:
            document = message.document if message.topic == f"{self.root}/state" else {}
            return bool(document) and all(document.get(name) == value for name, value in fields.items())

        return await self.messages.until(is_it, f"the state {fields}", after_s=after_s or 0.0, timeout_s=timeout_s)
