"""Whether every loop of the daemon still turns, and the watchdog that hears of it."""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import Never

from hearthd.ports import Supervisor

log = logging.getLogger(__name__)

BEAT_EVERY_S = 5.0
"""Every loop passes its beat at least this often, however idle it is."""
SILENT_AFTER_S = 15.0
"""A loop that missed three beats is stuck; slow cards and a loaded Pi miss one. No single wait of any loop is longer:
the longest are the opening of the link (10 s) and a text that the socket does not take (10 s and 1 s to hang up)."""
TELL_AGAIN_S = 60.0
"""A loop that stays stuck is named again this often, for where no watchdog restarts us somebody has to."""

Clock = Callable[[], float]
"""Tells monotonic seconds, in any thread."""


class Pulse:
    """One loop's sign of life; `beat` may be called from any thread."""

    __slots__ = ("_clock", "last_s", "name")

    def __init__(self, name: str, clock: Clock = monotonic) -> None:
        """Take the beginning for the first beat."""
        self.name = name
        self._clock = clock
        self.last_s = clock()

    def beat(self) -> None:
        """Say that the loop turns."""
        self.last_s = self._clock()


class Liveness:
    """Feeds the supervisor's watchdog while every pulse beats, and names the one that does not."""

    def __init__(self, supervisor: Supervisor, clock: Clock = monotonic) -> None:
        """Watch nothing yet."""
        self._supervisor = supervisor
        self._clock = clock
        self._pulses: list[Pulse] = []
        self._told_s: dict[str, float] = {}
        """When each loop that is stuck was named last."""
        self._excused = False

    def pulse(self, name: str) -> Pulse:
        """Watch one more loop."""
        pulse = Pulse(name, self._clock)
        self._pulses.append(pulse)
        return pulse

    async def run(self) -> Never:
        """Check for ever; a stuck loop is named, now and then again, and starves the watchdog."""
        watchdog_s = self._supervisor.watchdog_s
        every_s = BEAT_EVERY_S if watchdog_s is None else min(BEAT_EVERY_S, watchdog_s / 3)
        looked_s = self._clock()
        while True:
            now_s = self._clock()
            self._check(now_s, held_up=now_s - looked_s > 2 * every_s)
            looked_s = now_s
            await asyncio.sleep(every_s)

    def _check(self, now_s: float, *, held_up: bool) -> None:
        """Feed the watchdog, or tell who is stuck.

        After a stop of the whole process, which nobody can help, all loops get one more look's time to beat.
        """
        self._excused = held_up and not self._excused
        silent = {pulse.name for pulse in self._pulses if now_s - pulse.last_s > SILENT_AFTER_S}
        if self._excused or not silent:
            self._supervisor.alive()
            return
        self._told_s = {name: told_s for name, told_s in self._told_s.items() if name in silent}
        for name in sorted(silent):
            if name not in self._told_s or now_s - self._told_s[name] >= TELL_AGAIN_S:
                self._told_s[name] = now_s
                self._accuse(name)

    def _accuse(self, name: str) -> None:
        watched = self._supervisor.watchdog_s is not None
        log.error(
            "the %s loop is stuck; %s",
            name,
            "the watchdog is no longer fed" if watched else "no watchdog restarts hearthd, so please do",
            extra={"HEARTHD_EVENT": "loop_stuck", "HEARTHD_LOOP": name},
        )
