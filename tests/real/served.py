"""A household whose hearthd is the installed service of a machine with a real systemd."""

import asyncio
import contextlib
import dataclasses
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from tests.doubles.installation import KEY_FILE, PASSWORD_FILE, PROJECT, SETTINGS, Installed, plug_in
from tests.doubles.sandbox import JournalEntry, Machine
from tests.doubles.service import Service
from tests.journeys.household import Household, Plan

KEY: Final = "sk-test-4711"
HUSH_S: Final = 40.0
"""Longer than any of these tests."""
WATCHDOG_S: Final = 4
"""Longer than a busy machine holds up a process that does nothing wrong."""
SHORTER: Final = (f"WatchdogSec={WATCHDOG_S}s", "RestartSec=20ms", "TimeoutStopSec=2s")
"""Times for tests: nobody waits long, and a stop that takes longer than it may is a failure to systemd itself."""


@contextlib.asynccontextmanager
async def served(installed: Installed, plan: Plan | None = None) -> AsyncIterator[tuple[Household, Service]]:
    """Let a household be, with the service set up for it and its key in the credential store; nothing is started.

    Enter and leave it in one task. What the service logged is noted to an error that passes.
    """
    machine, service = installed.machine, Service(installed.machine)
    folder = Path(tempfile.mkdtemp(dir=installed.homes))
    async with Household(folder, dataclasses.replace(plan or Plan(), starts=False, hush_s=HUSH_S)) as home:
        lines = await asyncio.to_thread(_move_in, installed, home)
        try:
            await service.set_up(*lines, *SHORTER)
            yield home, service
        except BaseException as error:
            told = [_line(entry) for entry in await service.journal()]
            error.add_note("\n".join(["The journal of the service ends with:", *told[-25:]]))
            raise
        finally:
            await service.reset()
            await asyncio.to_thread(_move_out, machine)


def _move_in(installed: Installed, home: Household) -> list[str]:
    installed.machine.write(KEY_FILE, f"{KEY}\n", mode=0o600)
    installed.machine.write(SETTINGS, (home.folder / "hearthd.toml").read_text(encoding="utf-8"))
    return plug_in(installed, home.card)


def _move_out(machine: Machine) -> None:
    machine.run("rm", "-f", KEY_FILE, PASSWORD_FILE)
    machine.write(SETTINGS, (PROJECT / "config" / "hearthd.toml").read_text(encoding="utf-8"))


def _line(entry: JournalEntry) -> str:
    fields = (f"{name[8:].lower()}={value}" for name, value in entry.items() if name.startswith("HEARTHD_"))
    return " ".join([str(entry["MESSAGE"]), *fields])
