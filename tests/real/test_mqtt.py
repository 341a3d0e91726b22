"""The MQTT adapter against mosquitto and against servers that misbehave: what it says, and that it always ends."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from hearthd.adapters import mqtt, mqtt_client
from hearthd.adapters.mqtt import MqttBroker
from hearthd.adapters.mqtt_dial import dial
from hearthd.adapters.mqtt_errors import from_dialling, from_farewell, from_greeting
from hearthd.core.settings import MqttSettings, Secret
from hearthd.ports import BrokerMessage, BrokerRefused, BrokerSession, BrokerUnavailable
from tests.doubles.broker import Account, MosquittoBroker
from tests.doubles.scripted_mqtt import ScriptedMqtt

LIMIT_S = 10.0
"""For one step on a loaded machine."""


def adapter(settings: MqttSettings, password: str = "") -> MqttBroker:
    """Return the adapter as a room would use it."""
    return MqttBroker(settings, Secret(password), "hearthd-room", "hearthd/room/availability")


async def refusal(settings: MqttSettings, password: str = "") -> str:
    """Connect, demand that it fails in time, and return the adapter's words."""
    with pytest.raises(BrokerUnavailable) as caught:
        async with asyncio.timeout(LIMIT_S), adapter(settings, password).connect():
            pass
    assert caught.value.host == settings.host
    return caught.value.problem


@asynccontextmanager
async def scripted(script: ScriptedMqtt) -> AsyncIterator[BrokerSession]:
    """Connect to a server that follows the script."""
    async with script.serving(), adapter(MqttSettings(host="127.0.0.1", port=script.port)).connect() as session:
        yield session


def no_tasks_left() -> bool:
    """Tell whether the test's own task is the only one."""
    return asyncio.all_tasks() == {asyncio.current_task()}


async def test_wrong_credentials_are_named(tmp_path: Path) -> None:
    """The owner learns which user was refused, and that a user is wanted at all."""
    async with MosquittoBroker(tmp_path / "broker", accounts=[Account("house", "right")]) as broker:
        ours = MqttSettings(host=broker.host, port=broker.port, username="house")
        assert await refusal(ours, "wrong") == (
            'the broker does not accept the user "house" with this password; check mqtt.username'
        )
        nobody = MqttSettings(host=broker.host, port=broker.port)
        assert await refusal(nobody) == "the broker wants a user name and a password; set mqtt.username"
        async with adapter(ours, "right").connect():
            pass


async def test_a_forbidden_birth_message_is_named(tmp_path: Path) -> None:
    """Who may not even say "online" cannot work, and is told why."""
    account = Account("house", "secret", access=("read #",))
    async with MosquittoBroker(tmp_path / "broker", accounts=[account]) as broker:
        settings = MqttSettings(host=broker.host, port=broker.port, username="house")
        assert await refusal(settings, "secret") == (
            'the broker does not let the user "house" publish to hearthd/room/availability'
        )


async def test_tls_trusts_the_authority_that_the_owner_names(tmp_path: Path) -> None:
    """A private authority works when it is named, and nothing else does."""
    async with MosquittoBroker(tmp_path / "broker", tls=True) as broker:
        ours = MqttSettings(host=broker.host, port=broker.port, tls=True, tls_ca_file=str(broker.certificates.ca_file))
        async with adapter(ours).connect() as session:
            await session.subscribe(["big"])
            await session.publish("big", b"x" * 300_000)
            assert await anext(session.messages()) == BrokerMessage("big", b"x" * 300_000, retained=False)

        usual = MqttSettings(host=broker.host, port=broker.port, tls=True)
        assert (await refusal(usual)).startswith("127.0.0.1 cannot prove who it is: ")
        plain = MqttSettings(host=broker.host, port=broker.port)
        assert await refusal(plain) == "the broker hung up before it answered; check mqtt.tls and mqtt.port"
        missing = MqttSettings(host=broker.host, port=broker.port, tls=True, tls_ca_file=str(tmp_path / "no.pem"))
        assert (await refusal(missing)).startswith("mqtt.tls_ca_file cannot be used: ")
    assert no_tasks_left()


async def test_tls_to_a_plain_port_is_named(tmp_path: Path) -> None:
    """A broker that hangs up on the handshake is not mistaken for one that is down."""
    async with MosquittoBroker(tmp_path / "broker") as broker:
        settings = MqttSettings(host=broker.host, port=broker.port, tls=True)
        assert await refusal(settings) == (
            f"127.0.0.1 does not speak TLS on port {broker.port}; check mqtt.tls and mqtt.port"
        )


async def test_nobody_listening_is_named() -> None:
    """The first thing to check is whether the broker runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert await refusal(MqttSettings(host="127.0.0.1", port=port)) == (
            f"nobody listens on 127.0.0.1 port {port}; is the broker running?"
        )


@pytest.mark.parametrize("host", ["homeassistant..local", f"{'x' * 64}.local"])
async def test_a_name_that_no_host_can_have_is_an_unknown_one(host: str) -> None:
    """Python refuses such names with an error that is none of the network's."""
    assert await refusal(MqttSettings(host=host)) == (
        f"no address is known for {host}: is the network up? (it is no name of a host)"
    )


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (
            socket.gaierror(-2, "Name or service not known"),
            "no address is known for h: is the network up? (Name or service not known)",
        ),
        (TimeoutError(), "no answer from h on port 1"),
        (OSError(101, "x"), "no connection to h: Network is unreachable"),
        (OSError("odd"), "no connection to h: odd"),
    ],
)
def test_trouble_on_the_way_is_told_in_plain_words(error: OSError, problem: str) -> None:
    """What the network says, without its jargon."""
    assert from_dialling(error, "h", 1) == problem


def test_a_clock_that_is_wrong_is_suspected() -> None:
    """A Pi without a clock battery meets certificates from its future."""
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = 9, "certificate is not yet valid"

    assert from_dialling(error, "h", 1) == (
        "h cannot prove who it is: certificate is not yet valid; is this machine's clock right? (timedatectl)"
    )


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        (ScriptedMqtt(connack=132), "the broker does not speak MQTT 5"),
        (ScriptedMqtt(connack=137), "the broker did not let us in: Server busy"),
        (ScriptedMqtt(hangs_up=True), "the broker hung up before it answered; check mqtt.tls and mqtt.port"),
        (ScriptedMqtt(connack=None), "no answer within 1 s"),
    ],
)
async def test_a_broker_that_does_not_let_us_in_is_quoted(
    script: ScriptedMqtt, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it answers, or does not, connecting ends with a sentence."""
    monkeypatch.setattr(mqtt, "CONNECT_S", 1.0)
    async with script.serving():
        assert await refusal(MqttSettings(host="127.0.0.1", port=script.port)) == problem
    assert no_tasks_left()


def test_a_broker_of_an_older_protocol_is_recognised() -> None:
    """Its words for "no" differ, its meaning does not."""
    reason = ReasonCode(PacketTypes.CONNACK, identifier=134)

    assert (
        from_greeting(reason, "u") == 'the broker does not accept the user "u" with this password; check mqtt.username'
    )


@pytest.mark.parametrize(
    ("reason", "problem"),
    [
        (142, "another client took over our name hearthd-room: is there a second hearthd for this room?"),
        (139, "the broker shut down"),
        (151, "the connection broke off"),
    ],
)
async def test_a_farewell_is_passed_on(reason: int, problem: str) -> None:
    """The reader, and whoever publishes next, learn why the session ended."""
    async with scripted(ScriptedMqtt(disconnect=reason)) as session:
        await session.subscribe(["lamp"])
        for _ in range(2):
            with pytest.raises(BrokerUnavailable) as caught:
                async with asyncio.timeout(LIMIT_S):
                    await anext(session.messages())
            assert caught.value.problem == problem
        with pytest.raises(BrokerUnavailable) as caught:
            await session.publish("lamp", b"on")
        assert caught.value.problem == problem
    assert from_farewell(None, "x") == "the connection broke off"


async def test_refused_topics_and_messages_are_named() -> None:
    """Some brokers refuse a subscription, or a message for another reason than its topic."""
    async with scripted(ScriptedMqtt(suback=[1, 135], puback=151)) as session:
        assert await session.subscribe(["lamp", "door"]) == ("door",)
        with pytest.raises(BrokerRefused) as caught:
            await session.publish("lamp", b"on")
        assert caught.value.problem == "the broker refused the message to lamp: Quota exceeded"


async def test_a_refusal_without_a_user_name_says_so() -> None:
    """An anonymous client is told that it is one."""
    async with scripted(ScriptedMqtt(puback=135)) as session:
        with pytest.raises(BrokerRefused, match="does not let us without a user name publish to lamp"):
            await session.publish("lamp", b"on")


async def test_connecting_can_be_cancelled_at_any_moment() -> None:
    """SIGTERM does not wait for a broker that says nothing, and nothing is left behind."""
    async with ScriptedMqtt(connack=None).serving() as script:
        broker = adapter(MqttSettings(host="127.0.0.1", port=script.port))
        for turns in (0, 1, 2, 3, 5, 8, 20):
            async with asyncio.TaskGroup() as tasks:
                task = tasks.create_task(broker.connect().__aenter__())
                for _ in range(turns):
                    await asyncio.sleep(0.001)
                task.cancel()
            assert task.cancelled()
    assert no_tasks_left()


async def test_a_tls_handshake_that_hangs_is_given_up() -> None:
    """Somebody who listens and says nothing is no broker."""
    async with ScriptedMqtt(connack=None).serving() as script:
        with pytest.raises(TimeoutError):
            await dial("127.0.0.1", script.port, ssl.create_default_context(), at_most_s=0.3)


async def test_every_address_of_a_name_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that means several machines works as long as one of them answers, whatever the first one does."""
    async with MosquittoBroker(tmp_path / "broker") as broker:
        here = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", broker.port))
        # Nobody listens on port 1; nothing ever comes back from TEST-NET-1.
        closed = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))
        swallowing = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", broker.port))

        async def found(*_arguments: object, **_options: object) -> list[object]:
            return [closed, swallowing, here]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
        (await dial("broker", broker.port, None, at_most_s=2.0)).close()


async def test_the_socket_does_not_wait_for_more() -> None:
    """Nagle's delay would cost a command up to 40 ms."""
    async with ScriptedMqtt().serving() as script:
        line = await dial("localhost", script.port, None, at_most_s=LIMIT_S)
        with line:
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


async def test_a_command_carries_its_expiry_and_is_not_retained(tmp_path: Path) -> None:
    """MQTT 5's message expiry is on the wire, for the broker and for whoever takes the command."""
    async with MosquittoBroker(tmp_path / "broker") as broker:
        settings = MqttSettings(host=broker.host, port=broker.port)
        async with (
            aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as house,
            adapter(settings).connect() as session,
        ):
            await house.subscribe("lamp/set", qos=1)
            await session.publish("lamp/set", b"ON", expiry_s=5)
            message = await anext(aiter(house.messages))

            assert (message.payload, message.qos, message.retain) == (b"ON", 1, False)
            assert message.properties is not None
            assert 0 < vars(message.properties)["MessageExpiryInterval"] <= 5


async def test_a_flood_costs_the_oldest_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does not read in time finds the newest states, not the oldest."""
    monkeypatch.setattr(mqtt_client, "WAITING_MAX", 10)
    async with MosquittoBroker(tmp_path / "broker") as broker:
        settings = MqttSettings(host=broker.host, port=broker.port)
        async with adapter(settings).connect() as session:
            await session.subscribe(["lamp"])
            for number in range(25):
                await session.publish("lamp", str(number).encode())
            messages = session.messages()
            async with asyncio.timeout(LIMIT_S):
                while (last := (await anext(messages)).payload) != b"24":
                    assert int(last) >= 10


async def test_a_message_that_memory_could_not_hold_never_arrives(tmp_path: Path) -> None:
    """Whatever somebody retained on a device's topic, the broker passes only messages of a sensible size on."""
    async with MosquittoBroker(tmp_path / "broker") as broker:
        settings = MqttSettings(host=broker.host, port=broker.port)
        async with adapter(settings).connect() as session:
            await session.publish("lamp", b"x" * mqtt_client.MAX_MESSAGE_BYTES, retain=True)
            await session.publish("plug", b"x" * 1_000_000, retain=True)
            await session.subscribe(["lamp", "plug"])
            async with asyncio.timeout(LIMIT_S):
                first = await anext(session.messages())
            assert (first.topic, len(first.payload)) == ("plug", 1_000_000)
            await session.publish("lamp", b"on")
            async with asyncio.timeout(LIMIT_S):
                assert (await anext(session.messages())).payload == b"on"


async def test_a_broker_that_froze_unnoticed_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if nobody commands anything, the missing ping answer ends the session."""
    monkeypatch.setattr(mqtt_client, "KEEPALIVE_S", 1)
    async with MosquittoBroker(tmp_path / "broker") as broker:
        async with adapter(MqttSettings(host=broker.host, port=broker.port)).connect() as session:
            broker.freeze()
            with pytest.raises(BrokerUnavailable) as caught:
                async with asyncio.timeout(LIMIT_S):
                    await anext(session.messages())
            assert caught.value.problem == "the broker answered no ping any more"
        assert no_tasks_left()


async def test_a_broker_that_is_too_slow_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for acknowledgement is bounded; nothing piles up behind a broker that froze."""
    monkeypatch.setattr(mqtt_client, "UNACKNOWLEDGED_MAX", 3)
    async with MosquittoBroker(tmp_path / "broker") as broker:
        async with adapter(MqttSettings(host=broker.host, port=broker.port)).connect() as session:
            broker.freeze()
            problems = await asyncio.gather(*(session.publish("lamp", b"on") for _ in range(5)), return_exceptions=True)
        assert [str(problem) for problem in problems] == [f"{broker.host}: the broker is too slow for us"] * 5
    assert no_tasks_left()


async def test_a_visitor_comes_and_goes_in_silence(tmp_path: Path) -> None:
    """A command line that publishes one message is no room: it says neither online nor offline, and has no will."""
    async with MosquittoBroker(tmp_path / "broker") as broker:
        settings = MqttSettings(host=broker.host, port=broker.port)
        async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V5) as house:
            await house.subscribe("#", qos=1)
            for payload in (b"first", b"last"):
                async with MqttBroker(settings, Secret(""), "visitor", None).connect() as session:
                    await session.publish("say", payload)
            arrived = aiter(house.messages)
            assert [(await anext(arrived)).payload for _ in range(2)] == [b"first", b"last"]
