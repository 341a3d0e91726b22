"""A household whose network is pulled in the middle of something and mended again, with what came of it measured."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

from tests.doubles.mqtt_watch import Message
from tests.doubles.realtime import Call, Delivery, Part, Reply, ResponseRequest, Scenario, Speech
from tests.doubles.realtime.audio import noise
from tests.doubles.room import Said
from tests.doubles.settings_file import Tables
from tests.doubles.tcp_shim import WireConnection
from tests.journeys.household import LAMP, Household, Plan
from tests.journeys.turns import WAITING_S, until

PATIENCE_S: Final = 40.0
"""For what should take ten seconds, on a machine that is busy starting other households."""
AT_ONCE_S: Final = 0.3
"""From the pull to the next wake word."""
COFFEE: Final = "coffee"
WAKE: Final = "okay nabu"
NOTICE: Final = "I am offline, but I can still run the house."
_SETTINGS: Final[Tables] = {"gate": {"follow_up_s": 0.0}, "log": {"transcripts": True}}
_SHORT: Final = Speech(noise(300, seed=12), "Well.")
_STORY: Final = Speech(noise(20_000, seed=11), "A story.", Delivery.paced(1.5, chunk_ms=100))
_COFFEE_ON: Final = Call("set_switch", {"device": ["coffee_machine"], "on": True})
_LONG_S: Final = 30.0
"""The server thinks until the network is gone for certain."""
_MOMENT_S: Final = 0.5
"""The server thinks, and the network is pulled before it has thought."""
_WORDS_S: Final = 0.6
"""How much of an utterance the server has heard when the network goes."""
_HEARD_S: Final = 0.8
"""How much of a story the room has heard."""

_HUSH_S: Final = 90.0
"""Longer than any outage."""
_HANDSHAKE_BYTES: Final = 1_000
"""Who says no more than this has no session."""


class Fault(StrEnum):
    """How the network goes."""

    REFUSES = "refuses"
    """Connections break, and new ones are refused."""
    VANISHES = "vanishes"
    """Nothing passes any more, and nobody is told."""


class Moment(StrEnum):
    """What is under way when the network goes."""

    IDLE = "idle"
    LISTENING = "listening"
    """In the middle of a command."""
    THINKING = "thinking"
    """The server has the command, and the call that it makes of it goes out into the dead network."""
    ACTING = "thinking, having acted"
    """The command was carried out, and the server has not found the words for it yet."""
    SPEAKING = "speaking"


@dataclass(frozen=True, slots=True)
class Outage:
    """One outage, in monotonic seconds."""

    fault: Fault
    moment: Moment
    pulled_s: float
    taken: Message
    """The first state in which the server of this machine is ready."""
    obeyed_s: float
    """The lamp got the first command that was not carried out online."""
    mended_s: float
    back_s: float
    """The configured server is ready again."""


class Network:
    """Pulls and mends the network of one household, and keeps count of what ought to have been switched."""

    def __init__(self) -> None:
        """`plan` tells what the household must be like; `home` is to be set to it."""
        self.home: Household
        self.wanted: Final[Counter[tuple[str, str]]] = Counter()
        """Appliance and payload of each command that was given."""
        self._lamp_on = False
        self._next: Reply = Reply((_SHORT,))
        """What the server makes of the next utterance."""
        self._words: Reply = Reply((_SHORT,))
        """And what it says after a call."""

    def plan(self) -> Plan:
        """Return the household for it."""
        return Plan(scenario=Scenario(respond=self._respond), settings=_SETTINGS, wired=True, offline=True)

    @property
    def carried_out(self) -> Counter[tuple[str, str]]:
        """What reached the appliances."""
        return Counter((command.appliance, command.payload) for command in self.home.appliances.commands)

    async def outage(self, fault: Fault, moment: Moment) -> Outage:
        """Go to a moment, pull the network, have the house run offline, and mend it; begins and ends in idle.

        Whatever is under way at the pull, somebody wakes hearthd for one more command behind it.
        """
        home = self.home
        await asyncio.to_thread(home.room.hush, _HUSH_S)
        interrupted = await self._reach(moment)
        pulled_s = time.monotonic()
        self._pull(fault)
        if not interrupted:
            await self._command(at_s=pulled_s + AT_ONCE_S)
        taken = await home.watch.shows(server="offline", link="ready", after_s=pulled_s, timeout_s=PATIENCE_S)
        obeyed_s = await self._obeyed(after_s=pulled_s)
        await self._answered("offline", after_s=pulled_s)
        if interrupted:
            again = await self._command()
            await self._obeyed(after_s=again.begins_s)
            await self._answered("offline", after_s=again.begins_s)
        mended_s = time.monotonic()
        await self._mend(fault)
        back = await home.watch.shows(
            server="online", link="ready", phase="idle", after_s=mended_s, timeout_s=PATIENCE_S
        )
        return Outage(fault, moment, pulled_s, taken, obeyed_s, mended_s, back.at_s)

    async def converse(self) -> None:
        """Have a turn with the configured server, from the wake word to the end of the reply."""
        self._next, self._words = Reply((_COFFEE_ON,)), Reply((_SHORT,))
        wake, _ = await self.home.room.say(WAKE, "make me some coffee")
        self.wanted[COFFEE, "ON"] += 1
        await self._answered("online", after_s=wake.begins_s)

    def notices(self, outage: Outage) -> list[str]:
        """Return what was said, and heard, each time that somebody was told of an outage."""
        events = [m for m in self.home.watch.events(after_s=outage.pulled_s) if m.at_s < outage.back_s]
        return [
            event.document["text"]
            for event in events
            if event.document["event"] == "reply" and NOTICE in event.document["text"] and self._heard(event, events)
        ]

    def overlaps_s(self) -> list[float]:
        """Return for how long the daemon had two sessions at once, wherever it had.

        By the wire and not by the server, which learns of a session's end only when the network is back.
        """
        sessions = [one for one in self.home.wire.connections if one.from_client.bytes > _HANDSHAKE_BYTES]
        overlaps = [_left_s(one) - other.opened_at_s for one, other in pairwise(sessions)]
        return [overlap_s for overlap_s in overlaps if overlap_s > 0]

    # ------------------------------------------------------------------------------------------------ insides

    async def _respond(self, request: ResponseRequest) -> Reply | Sequence[Part]:
        return self._words if request.outputs else self._next

    async def _reach(self, moment: Moment) -> bool:
        """Come to where the network is to be pulled; tells whether a command is under way that waits to be served."""
        match moment:
            case Moment.IDLE:
                return False
            case Moment.LISTENING:
                wish = await self._command()
                await until(wish.begins_s + _WORDS_S)
                assert self.home.watch.state["phase"] == "listening"
                return True
            case Moment.THINKING:
                turns = len(self.home.server.record.turns)
                self._next = Reply(
                    (Call("set_light", {"device": ["kitchen_light"], "on": not self._lamp_on}),), delay_s=_MOMENT_S
                )
                await self._command()
                await self.home.server.turn(turns + 1, timeout_s=WAITING_S)
                return True
            case Moment.ACTING:
                outputs = self.home.server.record.outputs
                before = len(outputs)
                self._next, self._words = Reply((_COFFEE_ON,)), Reply((_SHORT,), delay_s=_LONG_S)
                await self.home.room.say(WAKE, "make me some coffee")
                self.wanted[COFFEE, "ON"] += 1
                await self.home.server.record.until(lambda: len(outputs) > before, "output of the call", WAITING_S)
                return False
            case Moment.SPEAKING:
                self._next = Reply((_STORY,))
                _, wish = await self.home.room.say(WAKE, "tell me a story")
                audible_s = await self.home.audible(after_s=wish.ends_s, timeout_s=WAITING_S)
                await until(audible_s + _HEARD_S)
                return False

    async def _command(self, *, at_s: float = 0.0) -> Said:
        """Wake hearthd and have it switch the lamp over; returns the command, before it sounds."""
        self._lamp_on = not self._lamp_on
        word = "on" if self._lamp_on else "off"
        _, wish = await self.home.room.say(WAKE, f"turn {word} the kitchen light", at_s=at_s)
        self.wanted[LAMP, f'{{"state":"{word.upper()}"}}'] += 1
        return wish

    async def _obeyed(self, *, after_s: float) -> float:
        payload = f'{{"state":"{"ON" if self._lamp_on else "OFF"}"}}'
        command = await self.home.appliances.told(LAMP, payload, after_s=after_s, timeout_s=PATIENCE_S)
        return command.at_s

    async def _answered(self, server: str, *, after_s: float) -> None:
        """Wait until a turn was answered by a server, and the room is at rest."""
        ended = await self.home.watch.messages.until(
            lambda m: m.document.get("event") == "turn" and m.document["outcome"] == "answered",
            "an answered turn",
            after_s=after_s,
            timeout_s=PATIENCE_S,
        )
        assert ended.document["server"] == server
        await self.home.settled(after_s=ended.at_s)

    def _heard(self, reply: Message, events: Sequence[Message]) -> bool:
        """Tell whether the loudspeaker sounded between the words of a reply and the end of its turn."""
        ended_s = min(m.at_s for m in events if m.document["event"] == "turn" and m.at_s > reply.at_s)
        onset_s = self.home.card.onset_s(reply.at_s)
        return onset_s is not None and onset_s < ended_s

    def _pull(self, fault: Fault) -> None:
        if fault is Fault.REFUSES:
            self.home.wire.refuse()
            self.home.wire.reset()
        else:
            self.home.wire.blackhole()

    async def _mend(self, fault: Fault) -> None:
        if fault is Fault.REFUSES:
            await self.home.wire.accept()
        else:
            self.home.wire.heal()


def _left_s(connection: WireConnection) -> float:
    """Return when the daemon gave a connection up."""
    return connection.from_client.ended_at_s or connection.closed_at_s or math.inf
