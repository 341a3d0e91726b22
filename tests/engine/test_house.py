"""The connection to the house: it comes back, introduces itself, passes messages on, and tells of trouble once."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from hearthd.core.home.catalogue import Catalogue
from hearthd.core.home.devices import Device, Sensor, Switch
from hearthd.core.home.policy import Policy
from hearthd.core.home.states import StateBook
from hearthd.core.home.topics import ListenRequest, MuteRequest, Request, RoomTopics
from hearthd.engine.home import HomeCalls
from hearthd.engine.house import STABLE_S, House, HouseParties, Introduction
from hearthd.engine.liveness import BEAT_EVERY_S, Pulse
from hearthd.ports import BrokerSession
from tests.doubles.memory_broker import MemoryBroker

TOPICS = RoomTopics("hearthd", "room")
INTRODUCTION = Introduction("homeassistant/device/hearthd_room/config", b"{}", "homeassistant/status")


class CountingPulse(Pulse):
    """Writes down when it beat, in the loop's time."""

    def __init__(self) -> None:
        super().__init__("house")
        self.beats_s: list[float] = []

    def beat(self) -> None:
        """Beat."""
        self.beats_s.append(asyncio.get_running_loop().time())


@dataclass
class Scene:
    """A house with one plug and Home Assistant's presence as a sensor, and everything that was told to its parties."""

    broker: MemoryBroker
    requests: list[Request] = field(default_factory=list)
    sessions: list[BrokerSession | None] = field(default_factory=list)
    troubles: list[str | None] = field(default_factory=list)
    pulse: CountingPulse = field(default_factory=CountingPulse)
    calls: HomeCalls = field(init=False)

    def __post_init__(self) -> None:
        devices: dict[str, Device] = {
            "plug": Switch(schema="plain", command_topic="plug/set", state_topic="plug"),
            "home_assistant": Sensor(state_topic=INTRODUCTION.birth_topic),
        }
        catalogue = Catalogue(devices, "")
        self.calls = HomeCalls(catalogue, StateBook(catalogue.wirings), Policy(()))

    def send(self, topic: str, payload: bytes) -> None:
        """Publish as somebody else in the house."""
        self.broker.forward(topic, payload)


@asynccontextmanager
async def running(broker: MemoryBroker | None = None) -> AsyncIterator[Scene]:
    """Run a house against the broker until the test is over."""
    scene = Scene(broker or MemoryBroker())
    parties = HouseParties(scene.calls, scene.requests.append, scene.sessions.append, scene.troubles.append)
    house = House(
        scene.broker.client("hearthd/room"), TOPICS, INTRODUCTION, parties, random_unit=lambda: 0.5, pulse=scene.pulse
    )
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(house.run())
        await asyncio.sleep(0.01)
        yield scene
        task.cancel()


async def test_a_new_session_is_attached_and_introduced() -> None:
    """Home Assistant finds the device description retained, and everybody may use the session."""
    async with running() as scene:
        assert scene.broker.retained(INTRODUCTION.topic) == b"{}"
        assert scene.broker.retained(TOPICS.availability) == b"online"
        assert scene.sessions[0] is not None
        assert scene.troubles == [None]


async def test_home_assistant_is_told_again_when_it_has_started() -> None:
    """Its birth message brings one more introduction, after a little while; its goodbye none."""
    async with running() as scene:
        scene.send(INTRODUCTION.birth_topic, b"offline")
        await asyncio.sleep(10)
        assert len(scene.broker.log) == 1

        scene.send(INTRODUCTION.birth_topic, b"online")
        scene.send(INTRODUCTION.birth_topic, b"online")
        await asyncio.sleep(0.9)
        assert len(scene.broker.log) == 1
        await asyncio.sleep(10)
        assert len(scene.broker.log) == 2


async def test_home_assistants_birth_may_be_a_device_too() -> None:
    """Who names its topic for a device hears what it says, and we introduce ourselves all the same."""
    async with running() as scene:
        scene.send(INTRODUCTION.birth_topic, b"online")
        await asyncio.sleep(10)

        assert len(scene.broker.log) == 2
        assert await scene.calls.answer("read_state", '{"device": "home_assistant"}', 1) == (
            '{"ok":true,"device":"home assistant","state":{"value":"online"}}'
        )


async def test_messages_find_their_way() -> None:
    """Wishes go to the daemon, device reports to the calls."""
    async with running() as scene:
        scene.send(TOPICS.set_mute, b"ON")
        scene.send("plug", b"ON")
        scene.send(TOPICS.listen, b"")
        await asyncio.sleep(0.01)

        assert scene.requests == [MuteRequest(on=True), ListenRequest()]
        assert await scene.calls.answer("read_state", '{"device": "plug"}', 1) == (
            '{"ok":true,"device":"plug","state":{"on":true}}'
        )


async def test_a_retained_command_is_ignored_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    """It would act at every reconnect; the owner is told once, however often it comes back."""
    broker = MemoryBroker()
    broker.forward(TOPICS.listen, b"now", retain=True)
    with caplog.at_level(logging.DEBUG, "hearthd"):
        async with running(broker) as scene:
            broker.drop("hearthd/room")
            await asyncio.sleep(1)

            assert len(scene.sessions) == 3
            assert scene.requests == []

    told = [record for record in caplog.records if getattr(record, "HEARTHD_TOPIC", "") == TOPICS.listen]
    assert [record.levelname for record in told] == ["WARNING", "DEBUG"]


async def test_a_lost_broker_is_found_again(caplog: pytest.LogCaptureFixture) -> None:
    """One warning, quiet retries, everything subscribed and introduced anew, and one line when it has lasted."""
    with caplog.at_level(logging.DEBUG, "hearthd"):
        async with running() as scene:
            scene.broker.stop()
            await asyncio.sleep(30)
            scene.broker.start()
            await asyncio.sleep(5)

            assert scene.sessions[1:] == [None, scene.sessions[2]]
            assert scene.sessions[2] is not None
            assert scene.troubles == [None, "the broker went away", *["nobody listens there"] * 14, None]
            scene.send(TOPICS.listen, b"")
            await asyncio.sleep(0.01)
            assert scene.requests == [ListenRequest()]
            await asyncio.sleep(STABLE_S)

    told = [(record.levelname, record.message) for record in caplog.records if record.levelno > logging.DEBUG]
    assert told == [
        ("WARNING", "the MQTT broker is not available: the broker went away"),
        ("INFO", "the MQTT broker is available again"),
    ]


async def test_a_broker_that_is_away_at_the_start_is_waited_for() -> None:
    """The daemon starts without it, and calls fail in plain words meanwhile."""
    broker = MemoryBroker()
    broker.stop()
    async with running(broker) as scene:
        assert scene.troubles == ["nobody listens there"]
        assert "There is no connection to the house right now." in await scene.calls.answer(
            "set_switch", '{"device": "plug", "on": true}', 1
        )
        broker.start()
        await asyncio.sleep(5)
        assert scene.troubles[-1] is None


async def test_two_hearthds_of_one_name_do_not_fight_at_full_speed(caplog: pytest.LogCaptureFixture) -> None:
    """While sessions die young, the waits grow and the journal stays quiet."""
    with caplog.at_level(logging.INFO, "hearthd"):
        async with running() as scene:
            for expected_s in (0.25, 0.5, 1.0, 2.0, 2.5, 2.5, 2.5):
                scene.broker.drop("hearthd/room", "another client took over our name")
                await asyncio.sleep(expected_s - 0.1)
                assert scene.broker.clients == frozenset()
                await asyncio.sleep(0.2)
                assert scene.broker.clients == {"hearthd/room"}

    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize("topic", ["plug", INTRODUCTION.topic])
async def test_a_refused_topic_costs_a_warning_and_no_session(topic: str, caplog: pytest.LogCaptureFixture) -> None:
    """What the access list forbids is named; the rest goes on."""
    broker = MemoryBroker()
    broker.denied.add(topic)
    with caplog.at_level(logging.DEBUG, "hearthd"):
        async with running(broker) as scene:
            await asyncio.sleep(20)
            scene.send(TOPICS.listen, b"")
            await asyncio.sleep(0.01)
            assert scene.requests == [ListenRequest()]

    assert [(record.levelname, record.__dict__["HEARTHD_TOPIC"]) for record in caplog.records] == [("WARNING", topic)]


async def test_a_broker_that_falls_silent_during_the_introduction_is_one_outage() -> None:
    """The reader and the introduction notice at once; only the outage comes out."""
    async with running() as scene:
        scene.broker.freeze()
        scene.send(INTRODUCTION.birth_topic, b"online")
        await asyncio.sleep(20)
        assert scene.troubles[:2] == [None, "no answer within 2 s"]
        scene.broker.thaw()
        await asyncio.sleep(6)
        assert scene.troubles[-1] is None


async def test_the_pulse_beats_in_every_state() -> None:
    """Connected, frozen and away: the watchdog hears of the loop at least every few seconds."""
    async with running() as scene:
        await asyncio.sleep(20)
        scene.broker.freeze()
        scene.broker.drop("hearthd/room")
        await asyncio.sleep(20)
        scene.broker.stop()
        await asyncio.sleep(20)

    gaps_s = [after - before for before, after in zip(scene.pulse.beats_s, scene.pulse.beats_s[1:], strict=False)]
    assert max(gaps_s) <= BEAT_EVERY_S
    assert scene.pulse.beats_s[-1] > 55
