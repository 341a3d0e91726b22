"""aiomqtt's client with a socket that we opened, acknowledgements that are looked at, and an end that leaves nothing.

aiomqtt drops the reason code of an acknowledgement, lets a publish wait on when the connection is gone, and leaves the
socket open when CONNACK does not come. paho's callbacks are the place to mend that; the contract tests hold this file
to both libraries.
"""

import asyncio
import logging
import socket
import struct
from typing import Final

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from hearthd.adapters.mqtt_errors import from_farewell
from hearthd.core.settings import MqttSettings, Secret

log = logging.getLogger(__name__)

KEEPALIVE_S: Final = 15
"""A broker that vanished without a word is noticed after 15 to 30 s, sooner by whoever commands something."""
WAITING_MAX: Final = 1_000
"""Arrived messages that may wait: everything that a large house has retained."""
UNACKNOWLEDGED_MAX: Final = 200
"""Ten times what a call to every lamp of a house needs; more is refused rather than queued."""
MAX_MESSAGE_BYTES: Final = 2**20
"""The broker keeps larger messages to itself: no device reports a mebibyte, and memory must hold what does arrive."""
_FAREWELL_S: Final = 0.5
"""For DISCONNECT to leave; nothing of value is lost without it."""
_DROP: Final = struct.pack("ii", 1, 0)
"""`struct linger`, on and 0 s: closing forgets what has not been sent."""

# Every error is told once, in our own words; at DEBUG the libraries write topics down.
_library_log: Final = logging.getLogger("hearthd.mqtt")
_library_log.setLevel(logging.CRITICAL)


class Refused(Exception):
    """The broker did not let us in."""

    def __init__(self, reason: ReasonCode) -> None:
        """Carry MQTT's `reason`."""
        super().__init__(str(reason))
        self.reason = reason


class AcknowledgingClient(aiomqtt.Client):
    """One connection; used once, by `greet` and `close` rather than as a context manager."""

    def __init__(self, settings: MqttSettings, password: Secret, client_id: str, will: aiomqtt.Will | None) -> None:
        """Open nothing yet."""
        super().__init__(
            settings.host,
            settings.port,
            username=settings.username or None,
            password=password.reveal() if settings.username and password else None,
            identifier=client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            will=will,
            keepalive=KEEPALIVE_S,
            queue_type=_FreshestQueue,
            max_queued_incoming_messages=WAITING_MAX,
            max_queued_outgoing_messages=UNACKNOWLEDGED_MAX,
            properties=_limits(),
            logger=_library_log,
        )
        self._name = client_id
        self._problem = ""
        self._unacknowledged: dict[int, asyncio.Future[ReasonCode]] = {}
        self._client.on_publish = self._acknowledged
        self._client.on_disconnect = self._ended
        self._disconnected.add_done_callback(self._fail_all)

    async def greet(self, line: socket.socket) -> None:
        """Introduce ourselves on an open connection, which is ours from now on, and wait until we are let in.

        Raises `Refused`.
        """
        self._client._create_socket = lambda: line  # type: ignore[method-assign]  # noqa: SLF001 - paho has no door.
        self._client_connect()
        # Waited for without cancelling it: the libraries' callbacks cannot bear a cancelled future.
        await asyncio.wait([self._connected])
        error = self._connected.exception()
        if isinstance(error, aiomqtt.MqttCodeError) and isinstance(error.rc, ReasonCode):
            raise Refused(error.rc) from error
        assert error is None, error

    async def publish_acknowledged(
        self, topic: str, payload: bytes, *, retain: bool, expiry_s: int | None
    ) -> ReasonCode:
        """Publish at QoS 1 and return the acknowledgement's reason code. Raises `aiomqtt.MqttError`."""
        if self._disconnected.done():
            raise aiomqtt.MqttError("the connection is gone")
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if expiry_s is not None:
            properties.MessageExpiryInterval = expiry_s
        info = self._client.publish(topic, payload, 1, retain, properties)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            full = info.rc == paho.MQTT_ERR_QUEUE_SIZE
            raise aiomqtt.MqttError(self.lose("the broker is too slow for us" if full else "the connection broke off"))
        acknowledged: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._unacknowledged[info.mid] = acknowledged
        try:
            return await acknowledged
        finally:
            del self._unacknowledged[info.mid]

    def lose(self, problem: str) -> str:
        """Give the connection up because of `problem`; returns why it was given up first."""
        self._problem = self._problem or problem
        if not self._disconnected.done():
            self._disconnected.set_exception(aiomqtt.MqttError(problem))
        return self._problem

    async def close(self) -> None:
        """Close the connection, in order if it still stands; leaves no socket and no task behind.

        A connection that was given up is reset, so that the kernel sends nothing of it any more.
        """
        try:
            if self._is_open():
                self._client.disconnect()
                await asyncio.wait([self._disconnected], timeout=_FAREWELL_S)
            # The library registers sockets one turn of the loop late; a closed one must not be registered.
            await asyncio.sleep(0)
        finally:
            line = self._client.socket()
            if isinstance(line, socket.socket):
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP)
            self._client._sock_close()  # noqa: SLF001 - paho has no door.
        if self._misc_task is not None:
            self._misc_task.cancel()
            await asyncio.wait([self._misc_task])
        for future in (self._connected, self._disconnected):
            if future.done():
                future.exception()  # Looked at, or the loop would complain that nobody did.

    def _is_open(self) -> bool:
        let_in = self._connected.done() and self._connected.exception() is None
        return let_in and not self._disconnected.done()

    def _acknowledged(
        self, _client: paho.Client, _userdata: object, mid: int, reason: ReasonCode, _properties: Properties
    ) -> None:
        waiting = self._unacknowledged.get(mid)
        if waiting is not None and not waiting.done():
            waiting.set_result(reason)
        self._confirm_at_once()

    def _on_message(self, client: paho.Client, userdata: object, message: paho.MQTTMessage) -> None:
        super()._on_message(client, userdata, message)
        self._confirm_at_once()

    def _confirm_at_once(self) -> None:
        """Have the kernel confirm what arrived now, not 40 ms later.

        Brokers with Nagle's delay (mosquitto's default) hold their next packet back until then, be it the
        acknowledgement of a command or the device's report. The kernel forgets this wish with every packet.
        """
        line = self._client.socket()
        if isinstance(line, socket.socket):
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _ended(
        self,
        client: paho.Client,
        userdata: object,
        flags: paho.DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._problem = self._problem or from_farewell(reason, self._name)
        if not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttCodeError(reason))
        self._on_disconnect(client, userdata, flags, reason, properties)

    def _fail_all(self, _disconnected: asyncio.Future[None]) -> None:
        for waiting in self._unacknowledged.values():
            if not waiting.done():
                waiting.set_exception(aiomqtt.MqttError("the connection is gone"))


def _limits() -> Properties:
    """Say what CONNECT asks of the broker (MQTT 5, section 3.1.2.11.4)."""
    limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    limits.MaximumPacketSize = MAX_MESSAGE_BYTES
    return limits


class _FreshestQueue(asyncio.Queue[aiomqtt.Message]):
    """Drops the oldest message when it is full: a newer state outranks an older one."""

    def put_nowait(self, item: aiomqtt.Message) -> None:
        """Add a message; never raises."""
        if self.full():
            dropped = self.get_nowait()
            log.debug("a message was dropped", extra={"HEARTHD_TOPIC": str(dropped.topic)})
        super().put_nowait(item)
