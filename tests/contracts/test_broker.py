"""What every `Broker` owes the engine, on the broker in memory and on the real adapter against mosquitto."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Protocol

import pytest

from hearthd.adapters.mqtt import MqttBroker
from hearthd.core.settings import MqttSettings, Secret
from hearthd.ports import Broker, BrokerMessage, BrokerRefused, BrokerSession, BrokerUnavailable
from tests.doubles.broker import Account, MosquittoBroker
from tests.doubles.memory_broker import MemoryBroker

LIMIT_S = 10.0
"""For one step of a test on a loaded machine."""
HOUSE = Account("house", "secret", access=("readwrite #", "deny forbidden/#"))


class World(Protocol):
    """A broker, and the power to make it fail."""

    def client(self, name: str) -> Broker:
        """Return the port for a client whose availability topic is `name/availability`."""
        ...

    async def stop(self) -> None:
        """Shut the broker down."""
        ...

    async def start(self) -> None:
        """Start it again, with what it had retained."""
        ...

    def freeze(self) -> None:
        """Let it answer nothing."""
        ...

    def thaw(self) -> None:
        """Let it go on."""
        ...


class MemoryWorld:
    """The double."""

    def __init__(self) -> None:
        self.broker = MemoryBroker()
        self.broker.denied.add("forbidden/door")
        self.client = self.broker.client
        self.freeze = self.broker.freeze
        self.thaw = self.broker.thaw

    async def stop(self) -> None:
        """Go away."""
        self.broker.stop()

    async def start(self) -> None:
        """Come back."""
        self.broker.start()


class MosquittoWorld:
    """mosquitto, and the adapter on its port."""

    def __init__(self, mosquitto: MosquittoBroker) -> None:
        self._settings = MqttSettings(host=mosquitto.host, port=mosquitto.port, username=HOUSE.username)
        self.stop = mosquitto.stop
        self.start = mosquitto.start
        self.freeze = mosquitto.freeze
        self.thaw = mosquitto.thaw

    def client(self, name: str) -> Broker:
        """Return the adapter."""
        return MqttBroker(self._settings, Secret(HOUSE.password), name, f"{name}/availability")


@pytest.fixture(params=["memory", "mosquitto"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """One of the two."""
    if request.param == "memory":
        yield MemoryWorld()
        return
    async with MosquittoBroker(tmp_path / "broker", accounts=[HOUSE]) as mosquitto:
        yield MosquittoWorld(mosquitto)


class Reader:
    """Reads a session's messages one by one."""

    def __init__(self, session: BrokerSession) -> None:
        self._messages = session.messages()

    async def next(self) -> BrokerMessage:
        """Wait for the next message."""
        async with asyncio.timeout(LIMIT_S):
            return await anext(self._messages)

    async def end(self) -> None:
        """Read on until the session is lost."""
        async with asyncio.timeout(LIMIT_S):
            with suppress(BrokerUnavailable):
                async for _ in self._messages:
                    pass
                raise AssertionError("messages ended without saying why")


@asynccontextmanager
async def listening(world: World, *topics: str) -> AsyncIterator[Reader]:
    """Read `topics` as somebody else in the house."""
    async with world.client("somebody").connect() as session:
        assert await session.subscribe(topics) == ()
        yield Reader(session)


async def test_who_comes_and_goes_in_order_says_so(world: World) -> None:
    """Birth message and goodbye are told to those who listen, and kept for those who come later."""
    async with listening(world, "ours/availability") as house:
        async with world.client("ours").connect():
            assert await house.next() == BrokerMessage("ours/availability", b"online", retained=False)
            async with world.client("late").connect() as late:
                await late.subscribe(["ours/availability"])
                assert await Reader(late).next() == BrokerMessage("ours/availability", b"online", retained=True)
        assert await house.next() == BrokerMessage("ours/availability", b"offline", retained=False)


async def test_who_is_cancelled_still_says_goodbye(world: World) -> None:
    """A stop of the daemon arrives as a cancellation."""

    async def stay() -> None:
        async with world.client("ours").connect():
            await asyncio.Event().wait()

    async with listening(world, "ours/availability") as house:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(stay())
            assert (await house.next()).payload == b"online"
            task.cancel()
        assert (await house.next()).payload == b"offline"


async def test_a_message_is_delivered_as_it_is_and_in_order(world: World) -> None:
    """Bytes, topics and order arrive untouched; an acknowledged message has arrived at the broker."""
    topics = ["lamp/set", "zigbee2mqtt/Küche 1/set"]
    async with listening(world, *topics) as house, world.client("ours").connect() as ours:
        for number in range(50):
            await ours.publish(topics[number % 2], bytes([number, 0xFF]))

        for number in range(50):
            assert await house.next() == BrokerMessage(topics[number % 2], bytes([number, 0xFF]), retained=False)


async def test_messages_may_be_published_side_by_side(world: World) -> None:
    """More at once than brokers take unacknowledged (mosquitto: 20) all come through."""
    async with listening(world, "count") as house, world.client("ours").connect() as ours:
        async with asyncio.TaskGroup() as tasks:
            for number in range(60):
                tasks.create_task(ours.publish("count", str(number).encode()))

        arrived = [int((await house.next()).payload) for _ in range(60)]

        assert arrived == list(range(60))


async def test_a_retained_message_waits_and_is_marked(world: World) -> None:
    """Late subscribers get it as old news; an empty one deletes it."""
    async with world.client("ours").connect() as ours:
        await ours.publish("state", b"1", retain=True)
        async with listening(world, "state") as house:
            assert await house.next() == BrokerMessage("state", b"1", retained=True)
            await ours.publish("state", b"", retain=True)
            assert await house.next() == BrokerMessage("state", b"", retained=False)
        await ours.publish("end", b"2", retain=True)
        async with listening(world, "state", "end") as house:
            assert await house.next() == BrokerMessage("end", b"2", retained=True)


async def test_a_message_expires(world: World) -> None:
    """A command that nobody took in time is never delivered."""
    async with world.client("ours").connect() as ours:
        await ours.publish("late", b"1", retain=True, expiry_s=1)
        async with asyncio.timeout(LIMIT_S):
            while True:
                async with listening(world, "late", "marker") as house:
                    await ours.publish("marker", b"2")
                    if (await house.next()).topic == "marker":
                        break


async def test_only_what_was_subscribed_arrives(world: World) -> None:
    """Subscribing to nothing is no request; other topics pass by."""
    async with world.client("ours").connect() as ours, world.client("somebody").connect() as somebody:
        assert await ours.subscribe([]) == ()
        assert await ours.subscribe(["lamp", "plug"]) == ()
        for topic in ("fan", "plug", "lamp/set", "lamp"):
            await somebody.publish(topic, b"on")
        reader = Reader(ours)
        assert [(await reader.next()).topic for _ in range(2)] == ["plug", "lamp"]


async def test_a_refused_message_is_an_error_and_the_session_lives(world: World) -> None:
    """The access list says no to one topic, in words that name it."""
    async with listening(world, "lamp") as house, world.client("ours").connect() as ours:
        with pytest.raises(BrokerRefused, match=r"does not let .* publish to forbidden/door"):
            await ours.publish("forbidden/door", b"open")
        await ours.publish("lamp", b"on")
        assert (await house.next()).payload == b"on"


async def test_a_broker_that_is_away_refuses_and_comes_back(world: World) -> None:
    """The session ends, nothing more can be published, new attempts fail until it is there again."""
    async with world.client("ours").connect() as ours:
        await world.stop()
        await Reader(ours).end()
        with pytest.raises(BrokerUnavailable):
            await ours.publish("lamp", b"on")
        with pytest.raises(BrokerUnavailable):
            await ours.subscribe(["lamp"])
        with pytest.raises(BrokerUnavailable):
            async with world.client("somebody").connect():
                pass
    await world.start()
    async with listening(world, "lamp") as house, world.client("ours").connect() as ours:
        await ours.publish("lamp", b"on")
        assert await house.next() == BrokerMessage("lamp", b"on", retained=False)


async def test_a_second_of_the_same_name_throws_the_first_out(world: World) -> None:
    """The first one's last will is published, and it says no goodbye that would hide the second."""
    async with listening(world, "ours/availability") as house:
        async with world.client("ours").connect() as first:
            assert (await house.next()).payload == b"online"
            second = asyncio.Event()

            async def take_over() -> None:
                async with world.client("ours").connect():
                    await second.wait()

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(take_over())
                await Reader(first).end()
                assert [(await house.next()).payload for _ in range(2)] == [b"offline", b"online"]
                second.set()
        assert (await house.next()).payload == b"offline"
        async with world.client("somebody else").connect() as last:
            await last.publish("ours/availability", b"marker")
        assert (await house.next()).payload == b"marker"


async def test_a_frozen_broker_holds_nobody_up(world: World) -> None:
    """Publishing gives up after 2 s, then everything fails at once, and leaving does not wait either."""
    loop = asyncio.get_running_loop()
    async with world.client("ours").connect() as ours:
        world.freeze()
        async with asyncio.timeout(LIMIT_S):
            with pytest.raises(BrokerUnavailable):
                await ours.publish("lamp", b"on")
            await Reader(ours).end()
            with pytest.raises(BrokerUnavailable):
                await ours.publish("lamp", b"on")
        began_s = loop.time()
    assert loop.time() - began_s < LIMIT_S
    with pytest.raises(BrokerUnavailable):
        async with asyncio.timeout(LIMIT_S), world.client("ours").connect():
            pass
    world.thaw()


async def test_a_silent_subscription_is_given_up(world: World) -> None:
    """SUBSCRIBE has a deadline too."""
    async with world.client("ours").connect() as ours:
        world.freeze()
        async with asyncio.timeout(LIMIT_S):
            with pytest.raises(BrokerUnavailable):
                await ours.subscribe(["lamp"])
    world.thaw()


async def test_what_was_not_acknowledged_is_never_sent_again(world: World) -> None:
    """A new session starts empty: after the thaw, "on" may have arrived once at most, and before what comes later."""
    async with listening(world, "lamp") as house:
        async with world.client("ours").connect() as ours:
            world.freeze()
            with pytest.raises(BrokerUnavailable):
                await ours.publish("lamp", b"on")
        world.thaw()
        async with world.client("ours").connect() as ours:
            await ours.publish("lamp", b"off")
        arrived = [await house.next()]
        if arrived[0].payload == b"on":
            arrived.append(await house.next())
        assert arrived[-1] == BrokerMessage("lamp", b"off", retained=False)
