"""Anything, in any order: the daemon never crashes, keeps its promises all along, and in the end it talks again."""

import asyncio
from collections.abc import Callable
from random import Random

import pytest

from hearthd.core.audio.pcm import LINK_RATE_HZ
from hearthd.core.conversation.phases import Link, Mic, Phase
from hearthd.core.realtime.choice import Server
from hearthd.core.settings import GateSettings, RealtimeSettings
from hearthd.engine.liveness import SILENT_AFTER_S
from hearthd.ports import LinkUnavailable
from tests.core.realtime import wire
from tests.engine.server import Call, Reply, says
from tests.engine.voices import noise
from tests.engine.world import World, living, settings_of

STEPS = 40
LOSSES = (LinkUnavailable("the line is cut"), LinkUnavailable("busy", retry_after_s=3.0))
MUTE_S = 0.05
"""How long closing the microphone may take."""


class Walk:
    """One world, its fate, and what must hold all along."""

    def __init__(self, world: World, choose: Random, *, two_servers: bool) -> None:
        self._world = world
        self._choose = choose
        self._muted_s: float | None = None
        self._quiet_bytes: int | None = None
        self._two_servers = two_servers

    def step(self) -> None:
        """Let something happen."""
        self._choose.choice(self._happenings())()

    def _happenings(self) -> list[Callable[[], object]]:
        world, choose = self._world, self._choose
        return [
            *[self._ask] * 6,
            *[self._answer] * 6,
            *[lambda: world.request("say", "dinner")] * 2,
            lambda: world.request("listen"),
            lambda: world.request("stop"),
            lambda: world.request("set/mute", choose.choice(["on", "off", "off"])),
            world.microphone.lose,
            *[world.microphone.come_back] * 3,
            world.speaker.lose,
            *[world.speaker.come_back] * 3,
            lambda: world.microphone.stall(choose.random()),
            lambda: world.speaker.stall(choose.random()),
            self._lose_link,
            lambda: world.link.refuse(choose.choice(LOSSES)),
            lambda: setattr(world.server, "start_s", choose.choice([0.0, 0.0, 0.5, 3.0])),
            self._expire,
            *self._network(),
        ]

    def _network(self) -> list[Callable[[], object]]:
        """Return what can befall a house with two servers."""
        world, choose = self._world, self._choose
        if not self._two_servers:
            return []
        return [
            lambda: world.link.close_road(silently=choose.random() < 0.5),
            *[world.link.open_road] * 3,
            lambda: setattr(world.local, "failure", choose.choice([None, None, LOSSES[0]])),
            self._lose_local,
        ]

    def check(self) -> None:
        """Hold what must always hold."""
        world = self._world
        assert len(world.link.live) <= 1
        assert len(world.local.link.live) <= 1
        self._check_mute(world)
        quiet = world.phase in {Phase.IDLE, Phase.FOLLOW_UP} or world.machine.mic is Mic.MUTED
        sent_bytes = world.server.sound_bytes + world.local.server.sound_bytes
        if not quiet:
            self._quiet_bytes = None
        elif self._quiet_bytes is None:
            self._quiet_bytes = sent_bytes
        assert self._quiet_bytes in {None, sent_bytes}, "sound left the machine at rest"

    def _check_mute(self, world: World) -> None:
        if world.machine.mic is Mic.LIVE:
            self._muted_s = None
            return
        self._muted_s = self._muted_s or world.now_s
        if world.now_s - self._muted_s > MUTE_S:
            assert not world.microphone.is_open, "muted, and the microphone is open"

    def _ask(self) -> None:
        said_s = self._world.say_word()
        if self._choose.random() < 0.8:
            self._world.speak(self._choose.choice([0.3, 0.8, 2.0]), said_s + self._choose.random() / 2)

    def _answer(self) -> None:
        choose = self._choose
        things: list[bytes | Call] = [
            noise(choose.choice([0.02, 0.5, 3.0]), LINK_RATE_HZ),
            noise(0.3, LINK_RATE_HZ),
            Call(),
        ]
        reply: Reply = says(
            *choose.sample(things, 2),
            pace_s=choose.choice([0.0, 0.05, 0.3]),
            status=choose.choice(["completed"] * 5 + ["failed", "incomplete"]),
            ends=choose.random() < 0.9,
        )
        self._choose.choice([self._world.server, self._world.local.server]).replies.append(reply)

    def _lose_link(self) -> None:
        if self._world.link.live:
            self._world.lose_link()

    def _lose_local(self) -> None:
        for connection in self._world.local.link.live:
            connection.end(LOSSES[0])

    def _expire(self) -> None:
        if self._world.server.sessions:
            self._world.server.say(wire.error("session_expired", "old"))


@pytest.mark.parametrize("two_servers", [False, True])
@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens(seed: int, *, two_servers: bool) -> None:
    """Forty things at random moments; then everything is well again, and a conversation works."""
    choose = Random(seed)
    settings = settings_of(
        gate=GateSettings(follow_up_s=2.0, barge_in=choose.choice(["off", "wake_word", "speech"])),
        realtime=RealtimeSettings(keep_warm=choose.random() < 0.7, renew_after_minutes=0.2),
    )
    rate_hz = choose.choice([24_000, 48_000])
    async with living(settings, ready=False, watchdog_s=20.0, playback_hz=rate_hz, offline=two_servers) as world:
        walk = Walk(world, choose, two_servers=two_servers)
        await asyncio.sleep(3.0)
        for _ in range(STEPS):
            walk.step()
            ends_s = world.now_s + choose.choice([0.0, 0.01, 0.3, 1.0, 3.0])
            while world.now_s < ends_s:
                await asyncio.sleep(0.02)
                walk.check()
        world.microphone.come_back()
        world.speaker.come_back()
        world.server.start_s = 0.0
        world.link.open_road()
        world.local.failure = None
        world.link._refusals.clear()
        world.server.replies.clear()
        world.local.server.replies.clear()
        world.scorer.due_s.clear()
        world.request("set/mute", "off")
        world.request("stop")
        await world.reach(Phase.IDLE, within_s=240)
        await asyncio.sleep(40.0)
        assert world.phase is Phase.IDLE
        assert world.machine.server is Server.ONLINE
        assert world.machine.link in ({Link.READY} if settings.realtime.keep_warm else {Link.READY, Link.DOWN})
        await world.converse()
        assert all(world.now_s - pulse.last_s < SILENT_AFTER_S for pulse in world.daemon._liveness._pulses)
