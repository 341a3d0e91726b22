"""The broker that other tests rely on really guards, forgets and fails as they expect."""

import asyncio
import ssl
from pathlib import Path

import aiomqtt
import pytest

from tests.doubles.broker import Account, MosquittoBroker

_TIMEOUT_S = 10.0


def _client(broker: MosquittoBroker, account: Account | None = None) -> aiomqtt.Client:
    return aiomqtt.Client(
        broker.host,
        broker.port,
        username=account.username if account else None,
        password=account.password if account else None,
        protocol=aiomqtt.ProtocolVersion.V5,
        timeout=_TIMEOUT_S,
    )


async def _next_payload(client: aiomqtt.Client) -> object:
    return (await anext(aiter(client.messages))).payload


async def test_a_retained_message_survives_a_restart_on_the_same_port(tmp_path: Path) -> None:
    """An update of the broker neither moves it nor loses what it keeps."""
    async with MosquittoBroker(tmp_path) as broker:
        port = broker.port
        async with _client(broker) as client:
            await client.publish("home/lamp", "on", qos=1, retain=True)

        await broker.restart()

        assert broker.port == port
        async with _client(broker) as client:
            await client.subscribe("home/#", qos=1)
            assert await _next_payload(client) == b"on"


async def test_a_wrong_password_is_refused(tmp_path: Path) -> None:
    """Only who is on the list comes in."""
    async with MosquittoBroker(tmp_path, accounts=[Account("hearthd", "right")]) as broker:
        async with _client(broker, Account("hearthd", "right")):
            pass
        with pytest.raises(aiomqtt.MqttError, match="authori"):
            async with _client(broker, Account("hearthd", "wrong")):
                pass


async def test_an_account_reaches_only_its_topics(tmp_path: Path) -> None:
    """What the access list does not grant is not delivered."""
    speaker = Account("hearthd", "a", access=("readwrite hearthd/#",))
    house = Account("house", "b")
    async with (
        MosquittoBroker(tmp_path, accounts=[speaker, house]) as broker,
        _client(broker, house) as listener,
        _client(broker, speaker) as talker,
    ):
        await listener.subscribe("#", qos=1)
        await talker.publish("alarm/set", "disarm", qos=1)
        await talker.publish("hearthd/kitchen/event", "wake", qos=1)

        assert await _next_payload(listener) == b"wake"


async def test_tls_is_believed_through_its_own_authority_alone(tmp_path: Path) -> None:
    """Who trusts the broker's CA connects, strictly verified; who trusts the usual authorities does not."""
    async with MosquittoBroker(tmp_path, tls=True) as broker:
        trusting = ssl.create_default_context(cafile=broker.certificates.ca_file)
        trusting.verify_flags |= ssl.VERIFY_X509_STRICT
        async with aiomqtt.Client("localhost", broker.port, tls_context=trusting, timeout=_TIMEOUT_S) as client:
            await client.publish("home/lamp", "on", qos=1)

        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("localhost", broker.port, ssl=ssl.create_default_context())


async def test_a_frozen_broker_answers_after_the_thaw(tmp_path: Path) -> None:
    """Frozen, it acknowledges nothing, and it goes on where it stood."""
    async with MosquittoBroker(tmp_path) as broker, _client(broker) as client:
        broker.freeze()
        with pytest.raises(aiomqtt.MqttError, match="timed out"):
            await client.publish("home/lamp", "on", qos=1, retain=True, timeout=0.3)

        broker.thaw()

        await client.publish("home/lamp", "off", qos=1, timeout=_TIMEOUT_S)


async def test_a_stopped_broker_refuses_connections(tmp_path: Path) -> None:
    """While it is down, nobody listens on its port."""
    async with MosquittoBroker(tmp_path) as broker:
        await broker.stop()

        with pytest.raises(aiomqtt.MqttError, match="refused"):
            async with _client(broker):
                pass
        await broker.start()
