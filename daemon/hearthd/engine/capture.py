"""The capture side's supervisor: the device open while it may be, reopened when lost, closed while muted."""

import asyncio
import logging
from collections.abc import Callable
from typing import Never

from hearthd.core.conversation import events as ev
from hearthd.core.realtime.backoff import Backoff
from hearthd.engine.liveness import BEAT_EVERY_S, Pulse
from hearthd.engine.outage import Outage
from hearthd.engine.tasks import lone_error
from hearthd.ports import DeviceUnavailable, Ear, Microphone

log = logging.getLogger(__name__)

Post = Callable[[ev.Event], None]

REOPEN_FIRST_S = 0.25
"""A replugged card is usable about this long after it appears."""
REOPEN_CAP_S = 4.0
"""Long enough to be cheap while a card is away, short enough to be back within 5 s of its return."""


class Muted(Exception):
    """The device is to be closed because the microphone is muted."""


class CaptureKeeper:
    """Keeps the microphone open for the ear, unless muted."""

    def __init__(
        self, microphone: Microphone, ear: Ear, post: Post, random_unit: Callable[[], float], pulse: Pulse
    ) -> None:
        """Open nothing before `run`; `pulse` is beaten here while the device is closed, by the ear while open."""
        self._microphone = microphone
        self._ear = ear
        self._post = post
        self._random_unit = random_unit
        self._pulse = pulse
        self._outage = Outage(log, "the microphone", "microphone_lost", "microphone_found")
        self._muted = asyncio.Event()
        self._unmuted = asyncio.Event()
        self._unmuted.set()
        self._backoff = Backoff(first_s=REOPEN_FIRST_S, cap_s=REOPEN_CAP_S)

    def open(self) -> None:
        """Let the device be open."""
        self._muted.clear()
        self._unmuted.set()

    def close(self) -> None:
        """Have the device closed."""
        self._unmuted.clear()
        self._muted.set()

    def delivers(self) -> None:
        """Note that the device gives sound: the outage is over, and the next one starts from a short wait."""
        self._outage.ends()
        self._backoff.reset()

    async def run(self) -> Never:
        """Keep the device as it should be, for ever."""
        while True:
            self._pulse.beat()
            try:
                await self._until_unmuted()
                with lone_error():
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(self._microphone.listen(self._ear), name="microphone")
                        tasks.create_task(self._until_muted(), name="mute")
            except Muted:
                log.info("the microphone is closed", extra={"HEARTHD_EVENT": "muted"})
            except DeviceUnavailable as loss:
                self._outage.begins(str(loss))
                self._post(ev.MicrophoneLost(str(loss)))
                await self._rest(self._backoff.next_delay(self._random_unit()))

    async def _until_muted(self) -> Never:
        await self._muted.wait()
        raise Muted

    async def _until_unmuted(self) -> None:
        while not self._unmuted.is_set():
            await self._rest(BEAT_EVERY_S)

    async def _rest(self, lasting_s: float) -> None:
        """Wait, but no longer than until mute is switched."""
        self._pulse.beat()
        turn = self._muted if self._unmuted.is_set() else self._unmuted
        try:
            async with asyncio.timeout(min(lasting_s, BEAT_EVERY_S)):
                await turn.wait()
        except TimeoutError:
            pass
