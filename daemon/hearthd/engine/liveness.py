"""Whether every loop of the daemon still turns, and the watchdog that hears of it."""

import asyncio
import logging
from dataclasses import dataclass, field
from time import monotonic
from typing import Never

from hearthd.ports import Supervisor

log = logging.getLogger(__name__)

BEAT_EVERY_S = 5.0
"""Every loop passes its beat at least this often, however idle it is."""
SILENT_AFTER_S = 15.0
"""A loop that missed three beats is stuck; slow cards and a loaded Pi miss one."""


@dataclass(slots=True)
class Pulse:
    """One loop's sign of life; `beat` may be called from any thread."""

    name: str
    last_s: float = field(default_factory=monotonic)

    def beat(self) -> None:
        """Say that the loop turns."""
        self.last_s = monotonic()


class Liveness:
    """Feeds the supervisor's watchdog while every pulse beats, and names the one that does not."""

    def __init__(self, supervisor: Supervisor) -> None:
        """Watch nothing yet."""
        self._supervisor = supervisor
        self._pulses: list[Pulse] = []
        self._reported: set[str] = set()

    def pulse(self, name: str) -> Pulse:
        """Watch one more loop."""
        pulse = Pulse(name)
        self._pulses.append(pulse)
        return pulse

    def silent(self, now_s: float) -> list[str]:
        """Name the loops that have not beaten for too long at monotonic second `now_s`."""
        return [pulse.name for pulse in self._pulses if now_s - pulse.last_s > SILENT_AFTER_S]

    async def run(self) -> Never:
        """Check for ever; a stuck loop is told once and then starves the watchdog."""
        every_s = min(BEAT_EVERY_S, (self._supervisor.watchdog_s or BEAT_EVERY_S) / 3)
        while True:
            self.check(monotonic())
            await asyncio.sleep(every_s)

    def check(self, now_s: float) -> None:
        """Feed the watchdog, or tell who is stuck."""
        silent = self.silent(now_s)
        if not silent:
            self._supervisor.alive()
        for name in silent:
            if name not in self._reported:
                log.error("a loop is stuck; the watchdog is no longer fed", extra={"HEARTHD_LOOP": name})
        self._reported = set(silent)
