"""The playback side's supervisor: the device kept open, and reopened when lost."""

import asyncio
import logging
from collections.abc import Callable
from typing import Never

from hearthd.core.conversation import events as ev
from hearthd.core.realtime.backoff import Backoff
from hearthd.engine.liveness import Pulse
from hearthd.engine.outage import Outage
from hearthd.engine.playout import Playout
from hearthd.engine.tasks import together
from hearthd.ports import DeviceHangs, DeviceUnavailable, Speaker

log = logging.getLogger(__name__)

Post = Callable[[ev.Event], None]

REOPEN_FIRST_S = 0.25
REOPEN_CAP_S = 4.0
STABLE_S = 5.0
"""All as for the microphone: cheap while a card is away, back within 5 s of its return, wary of loose plugs."""


class PlaybackKeeper:
    """Keeps the loudspeaker open for the playout; no pulse beats while only a new process could open it."""

    def __init__(
        self, speaker: Speaker, playout: Playout, post: Post, random_unit: Callable[[], float], pulse: Pulse
    ) -> None:
        """Open nothing before `run`; `pulse` is beaten here while the device is away, by the playout while open."""
        self._speaker = speaker
        self._playout = playout
        self._post = post
        self._random_unit = random_unit
        self._pulse = pulse
        self._opened = asyncio.Event()
        self._backoff = Backoff(first_s=REOPEN_FIRST_S, cap_s=REOPEN_CAP_S)
        self._outage = Outage(log, "the loudspeaker", "speaker_lost", "speaker_found")
        playout.attach(speaker)

    def delivers(self) -> None:
        """Note that the device is open."""
        self._opened.set()

    async def run(self) -> Never:
        """Keep the device open, for ever."""
        hangs = False
        while True:
            if not hangs:
                self._pulse.beat()
            self._opened.clear()
            try:
                await together({"loudspeaker": self._play(), "loudspeaker settling": self._settle()})
            except DeviceUnavailable as loss:
                self._playout.lost()
                self._outage.begins(str(loss))
                self._post(ev.SpeakerLost(str(loss)))
                hangs = isinstance(loss, DeviceHangs)
                await asyncio.sleep(self._backoff.next_delay(self._random_unit()))

    async def _play(self) -> Never:
        await self._speaker.play(self._playout)
        raise AssertionError("playing ends by raising only")

    async def _settle(self) -> None:
        """Count an outage as over once the device proves stable."""
        await self._opened.wait()
        await asyncio.sleep(STABLE_S)
        self._outage.ends()
        self._backoff.reset()
