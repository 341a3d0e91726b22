"""What the house gets to see of us over MQTT: the retained state, and events as they happen."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from typing import Never

import msgspec

from hearthd.core.home.topics import RoomState
from hearthd.engine.liveness import BEAT_EVERY_S, Pulse
from hearthd.ports import BrokerRefused, BrokerSession, BrokerUnavailable

log = logging.getLogger(__name__)

EVENTS_WAITING_MAX = 64
"""Events are news: while the broker is slow or away the oldest ones go first."""
EVENT_EXPIRY_S = 30
"""An event that could not be delivered for so long is no news any more."""


class Reporter:
    """Publishes from a task of its own, so that a slow broker never holds the conversation up."""

    def __init__(self, state_topic: str, event_topic: str, pulse: Pulse) -> None:
        """Publish nothing before a session is attached and `run` runs."""
        self._state_topic = state_topic
        self._event_topic = event_topic
        self._pulse = pulse
        self._session: BrokerSession | None = None
        self._state: RoomState | None = None
        self._state_due = False
        self._events: deque[bytes] = deque(maxlen=EVENTS_WAITING_MAX)
        self._due = asyncio.Event()
        self._refused: set[str] = set()
        """Topics whose refusal was told."""

    def attach(self, session: BrokerSession | None) -> None:
        """Publish through `session` from now on, starting with the current state; older news is none any more."""
        self._session = session
        self._events.clear()
        if session is not None:
            self._state_due = self._state is not None
            self._due.set()

    def state(self, state: RoomState) -> None:
        """Show `state`; only the newest one counts, and an unchanged one is not sent again."""
        if state != self._state:
            self._state = state
            self._state_due = True
            self._due.set()

    def event(self, kind: str, fields: Mapping[str, object]) -> None:
        """Tell of something that happened; nobody listening, nothing kept."""
        if self._session is not None:
            self._events.append(msgspec.json.encode({"event": kind, **fields}))
            self._due.set()

    async def run(self) -> Never:
        """Publish what is due, for ever; a state that could not be shown is tried again some seconds later."""
        while True:
            self._pulse.beat()
            try:
                async with asyncio.timeout(BEAT_EVERY_S):
                    await self._due.wait()
            except TimeoutError:
                pass
            self._due.clear()
            if self._session is not None:
                await self._publish(self._session)

    async def _publish(self, session: BrokerSession) -> None:
        try:
            while self._events:
                await self._send(session, self._event_topic, self._events.popleft(), expiry_s=EVENT_EXPIRY_S)
            if self._state_due and self._state is not None:
                self._state_due = False
                try:
                    await self._send(session, self._state_topic, msgspec.json.encode(self._state), retain=True)
                except BrokerUnavailable:
                    self._state_due = True
                    raise
        except BrokerUnavailable as outage:
            log.debug("the house was not told", extra={"HEARTHD_PROBLEM": outage.problem})

    async def _send(
        self, session: BrokerSession, topic: str, payload: bytes, *, retain: bool = False, expiry_s: int | None = None
    ) -> None:
        """Publish one message; what the broker refuses is told once for each topic, and given up."""
        self._pulse.beat()
        try:
            await session.publish(topic, payload, retain=retain, expiry_s=expiry_s)
        except BrokerRefused as refusal:
            if topic not in self._refused:
                self._refused.add(topic)
                fields = {"HEARTHD_EVENT": "mqtt_trouble", "HEARTHD_TOPIC": topic, "HEARTHD_PROBLEM": refusal.problem}
                log.warning("%s is not published: %s", topic, refusal.problem, extra=fields)
