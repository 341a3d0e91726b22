"""The capture side's supervisor: the device open while it may be, reopened when lost, closed while muted."""

import asyncio
import logging
from collections.abc import Callable
from typing import Never

from hearthd.core.conversation import events as ev
from hearthd.core.errors import HearthdError
from hearthd.core.realtime.backoff import Backoff
from hearthd.engine.listener import Listener
from hearthd.engine.liveness import BEAT_EVERY_S, Pulse
from hearthd.engine.outage import Outage
from hearthd.engine.tasks import together
from hearthd.ports import DeviceHangs, DeviceUnavailable, Microphone

log = logging.getLogger(__name__)

Post = Callable[[ev.Event], None]

REOPEN_FIRST_S = 0.25
"""A replugged card is usable about this long after it appears."""
REOPEN_CAP_S = 4.0
"""Long enough to be cheap while a card is away, short enough to be back within 5 s of its return."""
STABLE_S = 5.0
"""A device that gave sound for so long ends an outage; before, it may be a loose plug."""


class Muted(HearthdError):
    """The device is to be closed because the microphone is muted."""


class CaptureKeeper:
    """Keeps the microphone open for the listener, unless muted.

    It goes on trying however a device fails, but beats no more while only a new process could open it: whoever watches
    over the daemon restarts it then.
    """

    def __init__(
        self, microphone: Microphone, listener: Listener, post: Post, random_unit: Callable[[], float], pulse: Pulse
    ) -> None:
        """Open nothing before `run`; `pulse` is beaten here while the device is closed, by the listener while open."""
        self._microphone = microphone
        self._listener = listener
        self._post = post
        self._random_unit = random_unit
        self._pulse = pulse
        self._outage = Outage(log, "the microphone", "microphone_lost", "microphone_found")
        self._muted = asyncio.Event()
        self._unmuted = asyncio.Event()
        self._unmuted.set()
        self._delivering = asyncio.Event()
        self._hangs = False
        """Whether the last attempt was in vain because of what hangs in this process."""
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
        """Note that the device gives sound."""
        self._delivering.set()

    async def run(self) -> Never:
        """Keep the device as it should be, for ever."""
        while True:
            await self._until_unmuted()
            self._delivering.clear()
            try:
                await together(
                    {"microphone": self._listen(), "microphone settling": self._settle(), "mute": self._until_muted()}
                )
            except Muted:
                log.info("the microphone is closed", extra={"HEARTHD_EVENT": "muted"})
            except DeviceUnavailable as loss:
                self._outage.begins(str(loss))
                self._post(ev.MicrophoneLost(str(loss)))
                self._hangs = isinstance(loss, DeviceHangs)
                await self._rest(self._backoff.next_delay(self._random_unit()))

    async def _listen(self) -> Never:
        await self._microphone.listen(self._listener)
        raise AssertionError("listening ends by raising only")

    async def _settle(self) -> None:
        """Count an outage as over once the device proves stable."""
        await self._delivering.wait()
        await asyncio.sleep(STABLE_S)
        self._outage.ends()
        self._backoff.reset()

    async def _until_muted(self) -> Never:
        await self._muted.wait()
        raise Muted

    async def _until_unmuted(self) -> None:
        if not self._unmuted.is_set():
            self._hangs = False
            self._listener.forget()
        self._beat()
        while not self._unmuted.is_set():
            await self._rest(BEAT_EVERY_S)

    async def _rest(self, lasting_s: float) -> None:
        """Wait, but no longer than until mute is switched."""
        self._beat()
        turn = self._muted if self._unmuted.is_set() else self._unmuted
        try:
            async with asyncio.timeout(lasting_s):
                await turn.wait()
        except TimeoutError:
            pass

    def _beat(self) -> None:
        if not self._hangs:
            self._pulse.beat()
