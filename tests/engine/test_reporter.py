"""What the house is told of us: the newest state, the latest news, and never at the conversation's expense."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from hearthd.core.home.topics import RoomState
from hearthd.engine.liveness import BEAT_EVERY_S, Pulse
from hearthd.engine.reporter import EVENT_EXPIRY_S, EVENTS_WAITING_MAX, Reporter
from hearthd.ports import BrokerSession, BrokerUnavailable
from tests.doubles.memory_broker import MemoryBroker, Published

IDLE, BUSY = (
    RoomState(phase=phase, link="ready", server="online", mic="live", volume_percent=50)
    for phase in ("idle", "thinking")
)
ROOM = "hearthd/room"


@dataclass
class Scene:
    """A reporter and its broker."""

    session: BrokerSession
    broker: MemoryBroker
    pulse: Pulse = field(default_factory=lambda: Pulse("reporter", asyncio.get_running_loop().time))
    reporter: Reporter = field(init=False)

    def __post_init__(self) -> None:
        self.reporter = Reporter(f"{ROOM}/state", f"{ROOM}/event", self.pulse)

    @property
    def states(self) -> list[str]:
        """The phases that were shown."""
        return [json.loads(sent.payload)["phase"] for sent in self.broker.log if sent.topic.endswith("state")]

    @property
    def kinds(self) -> list[str]:
        """The events that were told."""
        return [json.loads(sent.payload)["event"] for sent in self.broker.log if sent.topic.endswith("event")]


@asynccontextmanager
async def reporting() -> AsyncIterator[Scene]:
    """Report until the test is over; nothing is attached yet."""
    broker = MemoryBroker()
    async with broker.client(ROOM).connect() as session, asyncio.TaskGroup() as tasks:
        scene = Scene(session, broker)
        task = tasks.create_task(scene.reporter.run())
        yield scene
        task.cancel()


async def settle() -> None:
    """Let everything happen that happens at once."""
    await asyncio.sleep(0.001)


async def test_state_and_news_as_they_are_published() -> None:
    """The state retained, news with an expiry."""
    async with reporting() as scene:
        scene.reporter.attach(scene.session)
        scene.reporter.state(IDLE)
        scene.reporter.event("wake", {"word": "okay_nabu"})
        await settle()
        assert scene.broker.log == [
            Published(
                ROOM, f"{ROOM}/event", b'{"event":"wake","word":"okay_nabu"}', retain=False, expiry_s=EVENT_EXPIRY_S
            ),
            Published(
                ROOM,
                f"{ROOM}/state",
                b'{"phase":"idle","link":"ready","server":"online","mic":"live","volume_percent":50}',
                retain=True,
                expiry_s=None,
            ),
        ]


async def test_only_a_changed_state_is_shown_and_only_the_newest() -> None:
    """However often the conversation looks."""
    async with reporting() as scene:
        scene.reporter.attach(scene.session)
        for state in (IDLE, IDLE, BUSY, IDLE):
            scene.reporter.state(state)
        await settle()
        scene.reporter.state(IDLE)
        await settle()
        assert scene.states == ["idle"]


async def test_a_new_session_begins_with_the_state_of_now() -> None:
    """News from before is none any more, and without a session none is kept."""
    async with reporting() as scene:
        scene.reporter.state(IDLE)
        scene.reporter.event("wake", {})
        scene.reporter.attach(scene.session)
        await settle()
        assert (scene.states, scene.kinds) == (["idle"], [])

        scene.reporter.event("wake", {})
        scene.reporter.attach(None)
        scene.reporter.state(BUSY)
        await settle()
        scene.reporter.attach(scene.session)
        await settle()
        assert (scene.states, scene.kinds) == (["idle", "thinking"], [])


async def test_news_waits_in_bounds_and_nobody_waits_for_it() -> None:
    """While the broker is slow the oldest goes first; telling takes no time."""
    async with reporting() as scene:
        scene.reporter.attach(scene.session)
        scene.broker.freeze()
        told_s = asyncio.get_running_loop().time()
        for number in range(1_000):
            scene.reporter.event(f"e{number}", {})
        assert asyncio.get_running_loop().time() == told_s
        scene.broker.thaw()
        await settle()
        assert scene.kinds == [f"e{number}" for number in range(1_000 - EVENTS_WAITING_MAX, 1_000)]


async def test_a_state_that_could_not_be_shown_is_shown_later() -> None:
    """The broker did not answer; the session stays; the state comes some seconds later, the newest one."""

    class Faltering:
        def __init__(self, session: BrokerSession) -> None:
            self.session = session
            self.falters = True

        async def publish(
            self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: int | None = None
        ) -> None:
            if self.falters:
                raise BrokerUnavailable("memory", "no answer")
            await self.session.publish(topic, payload, retain=retain, expiry_s=expiry_s)

    async with reporting() as scene:
        faltering = Faltering(scene.session)
        scene.reporter.attach(faltering)  # type: ignore[arg-type]
        scene.reporter.state(BUSY)
        await asyncio.sleep(3 * BEAT_EVERY_S)
        scene.reporter.state(IDLE)
        await settle()
        faltering.falters = False
        await asyncio.sleep(BEAT_EVERY_S)
        assert scene.states == ["idle"]


async def test_a_refused_topic_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """Somebody has to mend the access list; what is allowed is told all the same, and every new state is tried."""
    async with reporting() as scene:
        scene.broker.denied.add(f"{ROOM}/state")
        scene.reporter.attach(scene.session)
        with caplog.at_level(logging.WARNING, "hearthd"):
            for state in (IDLE, BUSY, IDLE):
                scene.reporter.state(state)
                scene.reporter.event("wake", {})
                await settle()
            await asyncio.sleep(60)
        assert [record.__dict__["HEARTHD_TOPIC"] for record in caplog.records] == [f"{ROOM}/state"]
        assert scene.kinds == ["wake"] * 3

        scene.broker.denied.clear()
        scene.reporter.state(BUSY)
        await settle()
        assert scene.states == ["thinking"]


async def test_a_slow_broker_starves_no_watchdog() -> None:
    """Every message takes nearly as long as the adapter allows."""

    class Slow:
        async def publish(self, *_arguments: object, **_options: object) -> None:
            await asyncio.sleep(1.9)

    async with reporting() as scene:
        scene.reporter.attach(Slow())  # type: ignore[arg-type]
        for number in range(EVENTS_WAITING_MAX):
            scene.reporter.event(f"e{number}", {})
        for _ in range(200):
            await asyncio.sleep(1.0)
            assert asyncio.get_running_loop().time() - scene.pulse.last_s <= BEAT_EVERY_S
