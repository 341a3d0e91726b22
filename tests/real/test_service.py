"""The installed unit under a real systemd: what it may do, and when it is given up."""

import json
from typing import Final

import pytest

from tests.doubles import confinement_probe
from tests.doubles.installation import PROJECT, SETTINGS, Installed
from tests.doubles.sandbox import Machine
from tests.doubles.service import UNIT
from tests.real.served import served

_PROBE: Final = (PROJECT / "tests" / "doubles" / "confinement_probe.py").read_text(encoding="utf-8")
_PROBE_FILE: Final = "/srv/confinement_probe.py"
_PYTHON: Final = "/opt/hearthd/current/bin/python"


# The first run collects Python packages, perhaps over a slow line.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def machine(installed: Installed) -> Machine:
    """A machine on which the installer has run."""
    return installed.machine


def test_the_installed_unit_satisfies_systemd(machine: Machine) -> None:
    """Where it was installed, with its user and program in place, systemd has nothing to remark."""
    checked = machine.run("systemd-analyze", "verify", UNIT)

    assert (checked.stdout, checked.stderr) == ("", "")


def test_the_installed_unit_is_exposed_at_most_1_5(machine: Machine) -> None:
    """It is systemd's own judgement of what runs, in tenths; more is a failure with the list of what is open."""
    judged = machine.run("systemd-analyze", "security", "--threshold=15", UNIT, check=False)

    assert judged.returncode == 0, judged.stdout


async def test_the_daemon_is_confined(installed: Installed) -> None:
    """It may remember things and reach the network, and do nothing of what an intruder would want."""
    async with served(installed) as (_, service):
        installed.machine.write(_PROBE_FILE, _PROBE)
        await service.add(
            *_instead(f"{_PYTHON} {_PROBE_FILE}"), "Type=oneshot", "StandardOutput=truncate:/run/probe.json"
        )
        await service.start()
        outcomes = json.loads(installed.machine.read("/run/probe.json"))

        allowed = {attempt for attempt, outcome in outcomes.items() if outcome == "allowed"}
        assert allowed == {"remember something", "open an internet connection"}
        assert outcomes.keys() == confinement_probe.ATTEMPTS.keys()


async def test_a_daemon_that_never_starts_is_given_up(installed: Installed) -> None:
    """A crash at every start ends at the start limit instead of wearing out the machine."""
    async with served(installed) as (_, service):
        await service.add(*_instead("/bin/false"))
        await service.begin()

        await service.shows(ActiveState="failed", NRestarts="30")
        said = [entry["MESSAGE"] for entry in await service.journal("_PID=1")]
        assert f"{UNIT}: Start request repeated too quickly." in said


async def test_a_bad_configuration_waits_for_its_owner(installed: Installed) -> None:
    """Exit code 78 is not retried, and the journal says as an error which key of which file is wrong, and how."""
    async with served(installed) as (_, service):
        installed.machine.write(SETTINGS, '[audio]\ncapture_devise = "default"\n')
        await service.systemctl("start", UNIT, check=False)

        outcome = await service.show("ActiveState", "ExecMainStatus", "NRestarts")
        assert outcome == ("failed", "78", "0")
        told = [entry["MESSAGE"] for entry in await service.journal("--identifier=hearthd", "--priority=err")]
        assert told == [
            "hearthd: the configuration cannot be used:",
            f"  {SETTINGS}:2: audio.capture_devise: no such key in [audio]; did you mean capture_device?",
        ]


async def test_its_memory_is_its_own_and_it_is_not_root(installed: Installed) -> None:
    """The daemon's user owns what it remembers, and nobody else reads it."""
    async with served(installed) as (_, service):
        await service.start()
        (pid,) = await service.show("MainPID")

        owner = installed.machine.run("stat", "--format=%U %a", "/var/lib/hearthd").stdout.strip()
        running_as = installed.machine.run("ps", "-o", "user=", "-p", pid).stdout.strip()
        assert (owner, running_as) == ("hearthd 700", "hearthd")


def _instead(command: str) -> tuple[str, str]:
    return "ExecStart=", f"ExecStart={command}"
