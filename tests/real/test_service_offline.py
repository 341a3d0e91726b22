"""The offline server as installed: started by its socket under a real systemd, for hearthd alone, and confined."""

import json
from collections.abc import Iterator
from typing import Final

import pytest

from tests.doubles import confinement_probe
from tests.doubles.installation import PROJECT, Installed
from tests.doubles.sandbox import Machine, until

# The first run collects Python packages, perhaps over a slow line.
pytestmark = pytest.mark.timeout(600)

_SOCKET: Final = "hearthd-offline.socket"
_SERVICE: Final = "hearthd-offline.service"
_ADDRESS: Final = "/run/hearthd-offline/realtime.sock"
_DROP_IN: Final = f"/etc/systemd/system/{_SERVICE}.d/test.conf"
_PYTHON: Final = "/opt/hearthd/current/bin/python"
_PROBE: Final = (PROJECT / "tests" / "doubles" / "confinement_probe.py").read_text(encoding="utf-8")
_PROBE_FILE: Final = "/srv/offline_probe.py"
_KNOCK: Final = f"import socket; socket.socket(socket.AF_UNIX).connect('{_ADDRESS}')"


@pytest.fixture
def machine(installed: Installed) -> Iterator[Machine]:
    """A machine on which nobody has asked yet, and whose units are as shipped before and after each test."""
    yield installed.machine
    _let_count(installed.machine)
    installed.machine.run("systemctl", "stop", _SOCKET, _SERVICE)
    installed.machine.run("systemctl", "reset-failed", _SOCKET, _SERVICE, check=False)
    installed.machine.run("systemctl", "start", _SOCKET)


def _let_count(machine: Machine, *lines: str) -> None:
    """Let lines of a [Service] section count over those of the unit."""
    machine.write(_DROP_IN, "\n".join(["[Service]", *lines, ""]))
    machine.run("systemctl", "daemon-reload")


def test_strangers_may_not_ask(machine: Machine) -> None:
    """Whoever could ask could also listen to what the house is like."""
    asked = machine.run("runuser", "-u", "nobody", "--", _PYTHON, "-c", _KNOCK, check=False)

    assert asked.stderr.splitlines()[-1] == "PermissionError: [Errno 13] Permission denied"
    assert machine.show(_SERVICE, "ActiveState") == "inactive"


def test_it_is_confined(machine: Machine) -> None:
    """It may do nothing of what an intruder would want, not even use the network or remember something."""
    machine.write(_PROBE_FILE, _PROBE)
    _let_count(
        machine,
        "ExecStart=",
        f"ExecStart={_PYTHON} {_PROBE_FILE}",
        "Type=oneshot",
        "Environment=STATE_DIRECTORY=/var/lib/hearthd",
        "StandardOutput=truncate:/run/offline-probe.json",
    )
    machine.run("systemctl", "start", _SERVICE)

    outcomes = json.loads(machine.read("/run/offline-probe.json"))
    assert {attempt for attempt, outcome in outcomes.items() if outcome == "allowed"} == set()
    assert outcomes.keys() == confinement_probe.ATTEMPTS.keys()


def test_a_server_that_cannot_start_gives_up_its_address(machine: Machine) -> None:
    """So that the daemon, which finds nobody there, starts one of its own."""
    _let_count(machine, "ExecStart=", "ExecStart=/bin/false", "RestartSec=10ms")

    machine.run(_PYTHON, "-c", _KNOCK)

    until("the socket has failed", lambda: machine.show(_SOCKET, "ActiveState") == "failed")
    assert machine.show(_SOCKET, "Result") == "service-start-limit-hit"
    assert machine.run("test", "-e", _ADDRESS, check=False).returncode == 1
