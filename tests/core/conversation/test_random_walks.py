"""The machine's invariants on random walks: through any events at all, and through a world that keeps its promises.

`HEARTHD_WALK_S` walks for that many seconds instead of a fixed number of steps; a failure prints its seed.
"""

import copy
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hearthd.core.conversation import commands as do
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.machine import Machine
from hearthd.core.conversation.phases import SAYS_WAITING_MAX, SENDS_MAX, Link, Manners, Mic, Phase
from hearthd.core.realtime.choice import Server
from hearthd.core.realtime.commands import CommitInput, RequestResponse
from hearthd.core.realtime.events import SessionReady
from tests.core.conversation.polite_world import PoliteWorld
from tests.core.conversation.worlds import PATIENCE, every_event

WALK_S = float(os.environ.get("HEARTHD_WALK_S", "0"))
STEPS_A_WALK = 400
WALKS = 25
STEPS_TO_SILENCE_MAX = 24
"""Four waiting texts may each go through waking, thinking and speaking before the room is quiet."""
LISTENED_S = PATIENCE.connect_s + PATIENCE.listen_s + 15.0 + PATIENCE.endpoint_grace_s + PATIENCE.connect_s
"""From a wake to the end of listening at the latest: the word comes at the last moment and takes as long as it may."""
TURN_S = LISTENED_S + SENDS_MAX * (2 * PATIENCE.connect_s + PATIENCE.think_s)
"""A turn of which no server ever says a word."""
IDLE_WITHIN_S = PATIENCE.speak_s + PATIENCE.silence_s + (1 + SAYS_WAITING_MAX) * TURN_S
"""The longest reply, and then all that waits."""

MANNERS = [
    Manners(barge_in=barge_in, follow_up_s=follow_up_s, manual_turns=manual, push_to_talk=push)
    for barge_in in ("off", "wake_word", "speech")
    for follow_up_s in (0.0, 6.0)
    for manual in (True, False)
    for push in (True, False)
]


def walks(seed: int) -> Iterator[random.Random]:
    """Yield a generator of random choices per walk."""
    ends_s = time.monotonic() + WALK_S / 2
    count = 0
    while count < WALKS or time.monotonic() < ends_s:
        yield random.Random(seed * 1_000_003 + count)
        count += 1


def check_state(machine: Machine) -> None:
    """Hold what must be true between any two steps."""
    assert (machine.deadline is None) == (machine.phase is Phase.IDLE)
    if machine.uplink_open:
        assert machine.phase in {Phase.WAKING, Phase.LISTENING}
        assert machine.mic is Mic.LIVE


@dataclass
class Uplink:
    """What the commands make of it."""

    is_open: bool = False
    holds_sent: bool = False
    """Whether an utterance that was committed is kept, to be sent again."""

    def obey(self, commands: tuple[do.Command, ...], machine: Machine) -> None:
        """Hold what must be true of a step's commands."""
        for index, command in enumerate(commands):
            match command:
                case do.OpenUplink():
                    assert not self.is_open
                    assert not self.holds_sent
                    assert machine.mic is Mic.LIVE
                    self.is_open = True
                case do.CloseUplink():
                    assert self.is_open
                    self.is_open = False
                case CommitInput():
                    assert self.is_open is not self.holds_sent
                    assert commands[index + 1] == RequestResponse()
                    self.is_open, self.holds_sent = False, True
                case do.ForgetUtterance():
                    assert self.holds_sent
                    self.holds_sent = False
                case _:
                    pass
        assert self.is_open == machine.uplink_open
        assert not (self.holds_sent and machine.phase not in {Phase.WAKING, Phase.THINKING})


def check_silence_ends_in_idle(machine: Machine) -> None:
    """Let nothing happen any more but time."""
    alone = copy.deepcopy(machine)
    for _ in range(STEPS_TO_SILENCE_MAX):
        if alone.deadline is None:
            return
        alone.step(ev.DeadlinePassed(), alone.deadline)
    pytest.fail(f"still {alone.phase} after {STEPS_TO_SILENCE_MAX} deadlines")


def check_no_link_delays_idle(machine: Machine, choose: random.Random, now: float) -> None:
    """Let the link come and go as it likes while somebody speaks, or does not, and nobody asks for anything."""
    alone, began_s = copy.deepcopy(machine), now
    goes: list[ev.Event] = [
        ev.LinkConnecting(),
        ev.LinkLost("no route"),
        ev.ServerChosen(Server.OFFLINE, "no route"),
    ]
    gone = choose.choice(goes)
    seldom: list[ev.Event] = [
        ev.LinkDenied("http_401", "wrong key"),
        ev.SpeechStarted(alone.turn, 7),
        ev.SpeechEnded(alone.turn, capped=True),
    ]
    rhythm_s = choose.choice((1.0, 2.5, 5.0, 9.0))
    while alone.deadline is not None:
        now += rhythm_s
        event: ev.Event = gone if alone.link is Link.READY and alone.phase is not Phase.WAKING else SessionReady()
        event = choose.choice(seldom) if choose.random() < 0.05 else event
        if now >= alone.deadline:
            now, event = max(began_s, alone.deadline), ev.DeadlinePassed()
        assert not alone.uplink_open or now - began_s <= LISTENED_S, "the ear stays open"
        assert now - began_s <= IDLE_WITHIN_S, "idle is never reached"
        alone.step(event, now)


@pytest.mark.timeout(60 + WALK_S)
def test_any_events_at_all() -> None:
    """Whatever comes in whatever order: idle and muted never listen, nobody waits for ever, silence ends in idle."""
    events = every_event()
    for walk, choose in enumerate(walks(seed=1)):
        machine = Machine(choose.choice(MANNERS), PATIENCE)
        uplink, now = Uplink(), 0.0
        for step in range(STEPS_A_WALK):
            now += choose.random()
            event = choose.choice(events)
            commands = machine.step(event, now)
            where = f"walk {walk}, step {step}: {event} -> {machine.phase} {commands}"
            try:
                uplink.obey(commands, machine)
                check_state(machine)
                if step % 20 == 0:
                    check_silence_ends_in_idle(machine)
            except AssertionError as broken:
                raise AssertionError(where) from broken


@pytest.mark.timeout(60 + WALK_S)
def test_a_world_that_keeps_its_promises() -> None:
    """One response at most, every call run and answered once, and idle in time whatever becomes of the link."""
    for walk, choose in enumerate(walks(seed=2)):
        machine = Machine(choose.choice(MANNERS), PATIENCE)
        machine.step(ev.MicrophoneFound(), 0.0)
        machine.step(ev.SpeakerFound(), 0.0)
        world = PoliteWorld(choose)
        for step in range(STEPS_A_WALK):
            event = world.next_event(machine)
            commands = machine.step(event, world.now)
            where = f"walk {walk}, step {step}: {event} -> {machine.phase} {commands}"
            try:
                world.obey(commands, machine)
                check_state(machine)
                if step % 20 == 0:
                    check_no_link_delays_idle(machine, choose, world.now)
            except AssertionError as broken:
                raise AssertionError(where) from broken
        world.check_calls()
