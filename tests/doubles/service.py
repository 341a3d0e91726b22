"""The service as systemd sees it, asked from an event loop."""

import asyncio
import subprocess
import time
from typing import Final

from tests.doubles.sandbox import JournalEntry, Machine

UNIT: Final = "hearthd.service"
_DROP_IN: Final = f"/etc/systemd/system/{UNIT}.d/test.conf"
_LOOK_S: Final = 0.05
_LIMIT_S: Final = 30.0
"""Far beyond anything that works, on a loaded machine too."""


class Service:
    """One installed service; every word to systemd is spoken in a thread, so that the loop goes on."""

    def __init__(self, machine: Machine) -> None:
        """Change nothing yet."""
        self._machine = machine
        self._lines: list[str] = []
        self._set_up_s = 0.0

    async def set_up(self, *lines: str) -> None:
        """Let lines of a [Service] section count beside those of the unit, and begin its journal anew."""
        self._lines = []
        self._set_up_s = time.monotonic()
        await self.add(*lines)

    async def add(self, *lines: str) -> None:
        """Let more lines count, beside and over those that it was set up with."""
        self._lines += lines
        await asyncio.to_thread(self._machine.write, _DROP_IN, "\n".join(["[Service]", *self._lines, ""]))
        await self.systemctl("daemon-reload")

    async def reset(self) -> None:
        """Stop it, and forget what it was set up with and that it failed."""
        await asyncio.to_thread(self._machine.run, "rm", "-f", _DROP_IN)
        await self.systemctl("stop", UNIT)
        await self.systemctl("reset-failed", UNIT, check=False)
        await self.systemctl("daemon-reload")

    async def start(self) -> None:
        """Start it; returns when it is ready, and raises AssertionError when it does not get there."""
        await self.systemctl("start", UNIT)

    async def begin(self) -> None:
        """Start it without waiting."""
        await self.systemctl("start", "--no-block", UNIT)

    async def stop(self) -> None:
        """Stop it; returns when it has ended."""
        await self.systemctl("stop", UNIT)

    async def signal(self, name: str) -> None:
        """Send the signal called `name` ("KILL", "STOP") to all its processes."""
        await self.systemctl("kill", f"--signal={name}", UNIT)

    async def show(self, *names: str) -> tuple[str, ...]:
        """Return properties of the unit, such as `ActiveState` or `NRestarts`."""
        said = (await self.systemctl("show", UNIT, f"--property={','.join(names)}")).stdout
        found = dict(line.split("=", 1) for line in said.splitlines())
        return tuple(found[name] for name in names)

    async def shows(self, **wanted: str) -> None:
        """Wait until properties have these values; raises AssertionError with those that they have instead."""
        deadline_s = time.monotonic() + _LIMIT_S
        values = tuple(wanted.values())
        while (found := await self.show(*wanted)) != values:
            assert time.monotonic() < deadline_s, f"not within {_LIMIT_S:g} s: {wanted}, but {found}"
            await asyncio.sleep(_LOOK_S)

    async def says(self, *words: str, lacking: str | None = None) -> str:
        """Wait until its status, which is returned, has all these words in it, and is `lacking` others."""
        deadline_s = time.monotonic() + _LIMIT_S
        while True:
            (status,) = await self.show("StatusText")
            if all(word in status for word in words) and (lacking is None or lacking not in status):
                return status
            assert time.monotonic() < deadline_s, f"not within {_LIMIT_S:g} s: {words}, but {status!r}"
            await asyncio.sleep(_LOOK_S)

    async def journal(self, *matches: str) -> list[JournalEntry]:
        """Return what the journal has about it since `set_up`, oldest first; see `Machine.journal`."""
        entries = await asyncio.to_thread(self._machine.journal, UNIT, *matches)
        # journalctl's own --after-cursor loses an entry when it is combined with matches.
        return [entry for entry in entries if int(str(entry["__MONOTONIC_TIMESTAMP"])) > 1e6 * self._set_up_s]

    async def systemctl(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run systemctl in the machine."""
        return await asyncio.to_thread(self._machine.run, "systemctl", *arguments, check=check)
