"""The things of a house that hang on MQTT, in one client: they obey, report, and can be slow, silent or deaf."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Never

import aiomqtt

from tests.doubles.chronicle import Chronicle

Json = dict[str, object]

AT_ONCE: Final = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
"""Nagle's algorithm would hold small packets back for up to 40 ms."""
RETURN_S: Final = 0.1
"""Between two attempts to reach the broker."""


@dataclass(frozen=True, slots=True)
class Command:
    """A message that reached an appliance."""

    at_s: float
    appliance: str
    topic: str
    payload: str


@dataclass(slots=True)
class Appliance:
    """One thing: where it takes commands, where it reports, and what it makes of a command."""

    name: str
    command_topic: str
    state_topic: str
    report: str
    """What it says of itself, in its own words."""
    obey: Callable[[str, str], str] = lambda _report, payload: payload
    """Makes the next report of the last one and a payload."""
    delay_s: float = 0.02
    """From the command to the report; a lamp on Zigbee takes 0.1 to 1 s."""
    silent: bool = False
    """It obeys and does not report."""
    deaf: bool = False
    """It neither obeys nor reports, as without power."""
    obeyed_at_s: list[float] = field(default_factory=list)
    """When it did what it was told, whatever it was."""


def zigbee_lamp(name: str = "kitchen light") -> Appliance:
    """A lamp behind zigbee2mqtt: one topic, JSON, and brightness beside the state."""
    topic = f"zigbee2mqtt/{name}"
    return Appliance(name, f"{topic}/set", topic, json.dumps({"state": "OFF", "brightness": 254}), _merged)


def tasmota_plug(name: str = "coffee") -> Appliance:
    """A plug with Tasmota on it: bare words, and different topics for commands and states."""
    return Appliance(name, f"cmnd/{name}/POWER", f"stat/{name}/POWER", "OFF")


def zigbee_blind(name: str = "kitchen blind") -> Appliance:
    """A blind behind zigbee2mqtt, which knows words and positions."""
    topic = f"zigbee2mqtt/{name}"
    return Appliance(name, f"{topic}/set", topic, json.dumps({"state": "CLOSE", "position": 0}), _moved)


def thermometer(name: str = "thermometer") -> Appliance:
    """A sensor; nobody can command it."""
    return Appliance(name, "", f"zigbee2mqtt/{name}", json.dumps({"temperature": 21.5, "battery": 88}))


class Appliances:
    """Plays all of them on one connection; `run` is its task."""

    def __init__(self, *appliances: Appliance) -> None:
        """Names and topics must differ."""
        self.commands: Final = Chronicle[Command]("command")
        self.present: Final = asyncio.Event()
        """Whether they have reported for the first time and take commands."""
        self._appliances = {appliance.name: appliance for appliance in appliances}
        self._by_topic = {thing.command_topic: thing for thing in appliances if thing.command_topic}

    def __getitem__(self, name: str) -> Appliance:
        return self._appliances[name]

    async def run(self, host: str, port: int) -> Never:
        """Serve until cancelled, and come back with a broker that went; whoever cancels it owns the task."""
        while True:
            try:
                await self._serve(host, port)
            except* aiomqtt.MqttError:
                self.present.clear()
            await asyncio.sleep(RETURN_S)

    async def _serve(self, host: str, port: int) -> None:
        async with (
            aiomqtt.Client(host, port, identifier="appliances", socket_options=AT_ONCE) as client,
            asyncio.TaskGroup() as tasks,
        ):
            for topic in self._by_topic:
                await client.subscribe(topic, qos=1)
            for thing in self._appliances.values():
                await client.publish(thing.state_topic, thing.report, qos=1, retain=True)
            self.present.set()
            async for message in client.messages:
                thing = self._by_topic[str(message.topic)]
                payload = message.payload.decode()
                self.commands.add(Command(time.monotonic(), thing.name, str(message.topic), payload))
                if not thing.deaf:
                    tasks.create_task(_obey(client, thing, payload), name=f"{thing.name} obeys")

    async def told(self, name: str, payload: str, *, after_s: float = 0.0, timeout_s: float = 10.0) -> Command:
        """Wait until an appliance has got a command; JSON payloads are compared by what they mean."""

        def is_it(command: Command) -> bool:
            return command.appliance == name and _same(command.payload, payload)

        return await self.commands.until(is_it, f"{name} is told {payload}", after_s=after_s, timeout_s=timeout_s)


async def _obey(client: aiomqtt.Client, thing: Appliance, payload: str) -> None:
    await asyncio.sleep(thing.delay_s)
    thing.report = thing.obey(thing.report, payload)
    thing.obeyed_at_s.append(time.monotonic())
    if not thing.silent:
        with contextlib.suppress(aiomqtt.MqttError):  # a broker that went has no use for it
            await client.publish(thing.state_topic, thing.report, qos=1, retain=True)


def _merged(report: str, payload: str) -> str:
    """As zigbee2mqtt does: what a command names changes, the rest stays."""
    return json.dumps({**_decoded(report), **_decoded(payload)})


def _moved(report: str, payload: str) -> str:
    """Words become positions and positions become words."""
    wish = _decoded(payload)
    position = {"OPEN": 100, "CLOSE": 0}.get(str(wish.get("state")), wish.get("position"))
    if position is None:
        return report
    return json.dumps({"state": "CLOSE" if position == 0 else "OPEN", "position": position})


def _decoded(text: str) -> Json:
    try:
        document = json.loads(text)
    except ValueError:
        return {"state": text}
    return document if isinstance(document, dict) else {"state": text}


def _same(one: str, other: str) -> bool:
    try:
        same: bool = json.loads(one) == json.loads(other)
    except ValueError:
        return one == other
    return same
