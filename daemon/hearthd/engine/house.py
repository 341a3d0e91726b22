"""The connection to the house: kept alive, subscribed, introduced to Home Assistant, and its messages passed on."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Never

from hearthd.core.home.topics import ONLINE, Request, RoomTopics, Unusable
from hearthd.core.realtime.backoff import Backoff
from hearthd.engine.home import HomeCalls
from hearthd.engine.liveness import BEAT_EVERY_S, Pulse
from hearthd.engine.outage import Outage
from hearthd.engine.tasks import together
from hearthd.ports import Broker, BrokerMessage, BrokerRefused, BrokerSession, BrokerUnavailable

log = logging.getLogger(__name__)

BACKOFF_FIRST_S: Final = 0.5
BACKOFF_CAP_S: Final = 5.0
"""The broker is near and trying costs nothing: a mended one is found again within 5 s."""
STABLE_S: Final = 5.0
"""A session that lived this long ends an outage; before, two hearthds of one name may be throwing each other out."""
INTRODUCE_WITHIN_S: Final = 2.0
"""When Home Assistant starts, everything in the house introduces itself at once; we wait a random part of this."""


@dataclass(frozen=True, slots=True)
class Introduction:
    """What makes Home Assistant find us."""

    topic: str
    payload: bytes
    birth_topic: str
    """Where it says `online` after a start, and then wants to hear this again."""


@dataclass(frozen=True, slots=True)
class HouseParties:
    """Everybody that the connection serves."""

    calls: HomeCalls
    request: Callable[[Request], None]
    """Takes what people ask of us over MQTT."""
    attach: Callable[[BrokerSession | None], None]
    """Learns of every new session, and with None that there is none."""
    trouble: Callable[[str | None], None]
    """Learns in plain words what is wrong with the broker, and with None that nothing is."""


class House:
    """Keeps one session with the broker; the last will and the birth message are the adapter's business."""

    def __init__(
        self,
        broker: Broker,
        topics: RoomTopics,
        introduction: Introduction,
        parties: HouseParties,
        random_unit: Callable[[], float],
        pulse: Pulse,
    ) -> None:
        """Connect nothing before `run`."""
        self._broker = broker
        self._topics = topics
        self._introduction = introduction
        self._parties = parties
        self._random_unit = random_unit
        self._pulse = pulse
        self._backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_CAP_S)
        self._outage = Outage(log, "the MQTT broker", "broker_down", "broker_up")
        self._introduce = asyncio.Event()
        self._complained: set[str] = set()

    async def run(self) -> Never:
        """Connect, serve, and begin again, for ever."""
        while True:
            self._pulse.beat()
            try:
                async with self._broker.connect() as session:
                    await self._serve(session)
            except BrokerUnavailable as outage:
                self._outage.begins(outage.problem)
                self._parties.trouble(outage.problem)
                await self._pause(self._backoff.next_delay(self._random_unit()))

    async def _pause(self, delay_s: float) -> None:
        ends_s = asyncio.get_running_loop().time() + delay_s
        while (left_s := ends_s - asyncio.get_running_loop().time()) > 0:
            self._pulse.beat()
            await asyncio.sleep(min(left_s, BEAT_EVERY_S))

    async def _serve(self, session: BrokerSession) -> Never:
        await self._subscribe(session)
        self._introduce.clear()
        self._attach(session)
        try:
            await together(
                {
                    "broker reader": self._read(session),
                    "broker introduction": self._introduce_us(session),
                    "broker pulse": self._stay(),
                }
            )
        finally:
            self._attach(None)
        raise AssertionError("the tasks of a session end by raising only")

    def _attach(self, session: BrokerSession | None) -> None:
        self._parties.calls.attach(session)
        self._parties.attach(session)
        if session is not None:
            self._parties.trouble(None)

    async def _subscribe(self, session: BrokerSession) -> None:
        wanted = (*self._topics.commands(), *self._parties.calls.topics(), self._introduction.birth_topic)
        refused = await session.subscribe(tuple(dict.fromkeys(wanted)))
        for topic in refused:
            self._complain(topic, "the broker does not let us read it; check its access list")

    async def _read(self, session: BrokerSession) -> Never:
        async for message in session.messages():
            self._take(message)
        raise AssertionError("messages end by raising only")

    def _take(self, message: BrokerMessage) -> None:
        if message.topic == self._introduction.birth_topic and message.payload == ONLINE:
            self._introduce.set()  # and on, because it may be a device's topic as well
        match self._topics.parse(message.topic, message.payload, retained=message.retained):
            case None:
                self._parties.calls.apply(message)
            case Unusable(topic=topic, problem=problem):
                self._complain(topic, problem)
            case request:
                self._parties.request(request)

    async def _introduce_us(self, session: BrokerSession) -> Never:
        """Describe ourselves at once, and again whenever Home Assistant has started."""
        while True:
            try:
                await session.publish(self._introduction.topic, self._introduction.payload, retain=True)
            except BrokerRefused as refusal:
                self._complain(self._introduction.topic, refusal.problem)
            except BrokerUnavailable as outage:
                # The reader hears of it too, and ends the session; two such errors would be no single outage.
                log.debug("Home Assistant was not told", extra={"HEARTHD_PROBLEM": outage.problem})
            await self._introduce.wait()
            await asyncio.sleep(INTRODUCE_WITHIN_S * self._random_unit())
            self._introduce.clear()

    async def _stay(self) -> Never:
        """Beat for as long as the session lives, and count an outage as over once it proves stable."""
        loop = asyncio.get_running_loop()
        stable_s = loop.time() + STABLE_S
        while True:
            self._pulse.beat()
            if loop.time() >= stable_s:
                self._backoff.reset()
                self._outage.ends()
            await asyncio.sleep(BEAT_EVERY_S)

    def _complain(self, topic: str, problem: str) -> None:
        """Tell of a topic's trouble: a warning the first time, a debug line afterwards."""
        level = logging.DEBUG if topic in self._complained else logging.WARNING
        self._complained.add(topic)
        fields = {"HEARTHD_EVENT": "mqtt_trouble", "HEARTHD_TOPIC": topic, "HEARTHD_PROBLEM": problem}
        log.log(level, "MQTT topic %s is of no use: %s", topic, problem, extra=fields)
