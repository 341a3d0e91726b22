"""The MQTT broker through aiomqtt: MQTT 5, every message acknowledged, every wait bounded."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from hearthd.adapters.mqtt_client import AcknowledgingClient, Refused
from hearthd.adapters.mqtt_dial import dial
from hearthd.adapters.mqtt_errors import from_dialling, from_greeting, from_refusal
from hearthd.core.home.topics import OFFLINE, ONLINE
from hearthd.core.settings import MqttSettings, Secret
from hearthd.ports import BrokerMessage, BrokerRefused, BrokerUnavailable

log = logging.getLogger(__name__)

CONNECT_S: Final = 5.0
"""DNS, TCP, TLS, CONNACK and birth message together; in one house they take milliseconds."""
DIAL_S: Final = 4.0
"""DNS, TCP and TLS alone, so that they can still be named as what took too long."""
ANSWER_S: Final = 2.0
"""For one acknowledgement. A broker that needs longer is as good as away, and is connected to anew."""
GOODBYE_S: Final = 1.0
"""For the last message; a stop must be over in 2 s."""


class MqttBroker:
    """The `Broker` port. Says `online` and `offline`, retained, on `availability_topic`, the last will included.

    A visitor without such a topic comes and goes in silence.

    The TLS context is kept, because loading the authorities takes longer than the rest of a connection.
    """

    def __init__(
        self, settings: MqttSettings, password: Secret, client_id: str, availability_topic: str | None
    ) -> None:
        """Connect nothing yet; `client_id` must be this room's alone."""
        self._settings = settings
        self._password = password
        self._client_id = client_id
        self._availability_topic = availability_topic
        self._tls: ssl.SSLContext | None = None

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["MqttSession"]:
        """Connect once, and leave with a clean goodbye.

        Entering takes at most 5 s, leaving about 1 s. Entering raises `BrokerUnavailable`.
        """
        topic = self._availability_topic
        will = aiomqtt.Will(topic, OFFLINE, 1, retain=True) if topic else None
        client = AcknowledgingClient(self._settings, self._password, self._client_id, will)
        session = MqttSession(client, self._settings)
        try:
            try:
                async with asyncio.timeout(CONNECT_S):
                    await self._open(client)
                    if topic:
                        await session.publish(topic, ONLINE, retain=True)
            except TimeoutError:
                raise self._unavailable(f"no answer within {CONNECT_S:.0f} s") from None
            try:
                yield session
            finally:
                if topic:
                    await self._say_goodbye(session, topic)
        finally:
            await client.close()

    async def _open(self, client: AcknowledgingClient) -> None:
        settings = self._settings
        try:
            if settings.tls:
                self._tls = self._tls or ssl.create_default_context(cafile=settings.tls_ca_file or None)
        except OSError as error:
            raise self._unavailable(f"mqtt.tls_ca_file cannot be used: {error}") from error
        try:
            line = await dial(settings.host, settings.port, self._tls, DIAL_S)
        except OSError as error:
            raise self._unavailable(from_dialling(error, settings.host, settings.port)) from error
        try:
            await client.greet(line)
        except Refused as refusal:
            raise self._unavailable(from_greeting(refusal.reason, settings.username)) from refusal

    async def _say_goodbye(self, session: "MqttSession", topic: str) -> None:
        try:
            async with asyncio.timeout(GOODBYE_S):
                await session.publish(topic, OFFLINE, retain=True)
        except (BrokerUnavailable, TimeoutError) as silence:
            log.debug("the broker heard no goodbye", extra={"HEARTHD_PROBLEM": str(silence)})

    def _unavailable(self, problem: str) -> BrokerUnavailable:
        return BrokerUnavailable(self._settings.host, problem)


class MqttSession:
    """The `BrokerSession` port: one open connection, to be read by one task."""

    def __init__(self, client: AcknowledgingClient, settings: MqttSettings) -> None:
        """Use an open `client`; whoever opened it closes it."""
        self._client = client
        self._host = settings.host
        self._username = settings.username

    async def subscribe(self, topics: Sequence[str]) -> tuple[str, ...]:
        """Subscribe at QoS 1 and return the topics that the broker refuses; answers or raises within 2 s."""
        if not topics:
            return ()
        wanted = [(topic, SubscribeOptions(qos=1)) for topic in topics]
        try:
            reasons = await self._client.subscribe(wanted, timeout=ANSWER_S)
        except aiomqtt.MqttError as error:
            raise self._lose(f"no answer to SUBSCRIBE within {ANSWER_S:.0f} s") from error
        pairs = zip(topics, reasons, strict=True)
        return tuple(topic for topic, reason in pairs if isinstance(reason, ReasonCode) and reason.is_failure)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: int | None = None) -> None:
        """Publish at QoS 1; returns, or raises, within 2 s."""
        try:
            async with asyncio.timeout(ANSWER_S):
                reason = await self._client.publish_acknowledged(topic, payload, retain=retain, expiry_s=expiry_s)
        except TimeoutError:
            raise self._lose(f"the broker did not acknowledge within {ANSWER_S:.0f} s") from None
        except aiomqtt.MqttError as error:
            raise self._lose("the connection broke off") from error
        if reason.is_failure:
            raise BrokerRefused(self._host, from_refusal(reason, topic, self._username))

    async def messages(self) -> AsyncIterator[BrokerMessage]:
        """Iterate over arriving messages in their order; always ends by raising `BrokerUnavailable`."""
        arriving = self._client.messages
        while True:
            try:
                message = await anext(arriving)
            except aiomqtt.MqttError as error:
                raise self._lose("the connection broke off") from error
            yield BrokerMessage(str(message.topic), message.payload, message.retain)

    def _lose(self, problem: str) -> BrokerUnavailable:
        """Give the connection up, and return why it really ended: the first reason counts."""
        return BrokerUnavailable(self._host, self._client.lose(problem))
