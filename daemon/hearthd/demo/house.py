"""A house in memory behind the broker's port: its devices obey and report as those of zigbee2mqtt do."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, cast

import msgspec

from hearthd.core.home.devices import Climate, Cover, Device, Fan, Light, Scene, Sensor, Switch
from hearthd.ports import BrokerMessage

OBEYS_S: Final = 0.1
"""From a command to the device's report; Zigbee devices take 0.1 to 1 s."""
WAITING_MAX: Final = 256
"""Messages for the daemon; a handful of devices never has so many to say."""

_Report = dict[str, object]

_POSITIONS: Final = {"OPEN": 100, "CLOSE": 0}


def first_report(device: Device) -> _Report:
    """Return what a device says of itself before anybody touched it."""
    match device:
        case Light():
            return {"state": "OFF", "brightness": 254, "color_temp": 370}
        case Switch() | Fan():
            return {"state": "OFF"}
        case Cover():
            return {"state": "OPEN", "position": 100}
        case Climate():
            return {"current_heating_setpoint": 20, "local_temperature": 20.5, "system_mode": "heat"}
        case Sensor():
            return {device.value_key: True}
        case Scene():
            return {}


def obeyed(report: _Report, command: _Report) -> _Report:
    """Return the next report of a device: what a command names changes, the rest stays."""
    wished = dict(command)
    position = _POSITIONS.get(str(wished.get("state")))
    if position is not None and "position" in report:
        wished["position"] = position
    elif isinstance(wished.get("position"), int | float):
        wished["state"] = "OPEN" if wished["position"] else "CLOSE"
    return {**report, **wished}


class PretendHouse:
    """Implements `ports.Broker` and `ports.BrokerSession` at once, for the one client that it has."""

    def __init__(self, devices: Mapping[str, Device], heard: Callable[[str, bytes], None]) -> None:
        """Play `devices`, whose messages are JSON; whatever the daemon publishes goes to `heard` as well."""
        self.reports: dict[str, _Report] = {}
        """What each device last said of itself, by its topic."""
        self._commanded: dict[str, str] = {}
        self._heard = heard
        self._subscribed: set[str] = set()
        self._waiting: asyncio.Queue[BrokerMessage] = asyncio.Queue(WAITING_MAX)
        for device in devices.values():
            state_topic = cast("str", getattr(device, "state_topic", ""))
            if state_topic:
                self.reports[state_topic] = first_report(device)
            if command_topic := cast("str", getattr(device, "command_topic", "")):
                self._commanded[command_topic] = state_topic

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["PretendHouse"]:
        """Be there."""
        yield self

    async def subscribe(self, topics: Sequence[str]) -> tuple[str, ...]:
        """Deliver what is retained; nothing is refused."""
        self._subscribed.update(topics)
        for topic in topics:
            if topic in self.reports:
                self._deliver(topic, retained=True)
        return ()

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: int | None = None) -> None:
        """Take a message; a device that it is for obeys `OBEYS_S` later."""
        del retain, expiry_s
        self._heard(topic, payload)
        if state_topic := self._commanded.get(topic):
            asyncio.get_running_loop().call_later(OBEYS_S, self._obey, state_topic, payload)

    async def messages(self) -> AsyncIterator[BrokerMessage]:
        """Iterate over what arrives."""
        while True:
            yield await self._waiting.get()

    def send(self, topic: str, payload: bytes) -> None:
        """Publish something for the daemon, as anybody in the house could."""
        if topic in self._subscribed:
            self._waiting.put_nowait(BrokerMessage(topic, payload, retained=False))

    def _obey(self, state_topic: str, payload: bytes) -> None:
        self.reports[state_topic] = obeyed(self.reports[state_topic], msgspec.json.decode(payload, type=_Report))
        self._deliver(state_topic, retained=False)

    def _deliver(self, topic: str, *, retained: bool) -> None:
        if topic in self._subscribed:
            payload = msgspec.json.encode(self.reports[topic])
            self._waiting.put_nowait(BrokerMessage(topic, payload, retained=retained))
