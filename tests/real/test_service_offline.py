"""The offline server as installed: started by its socket under a real systemd, for hearthd alone, and confined."""

import json
from collections.abc import Iterator
from typing import Final

import pytest

from tests.doubles import confinement_probe
from tests.doubles.installation import PROJECT, Installed
from tests.doubles.sandbox import Machine, until
from tests.doubles.service import UNIT

# The first run collects Python packages, perhaps over a slow line.
pytestmark = pytest.mark.timeout(600)

_SOCKET: Final = "hearthd-offline.socket"
_SERVICE: Final = "hearthd-offline.service"
_ADDRESS: Final = "/run/hearthd-offline/realtime.sock"
_DROP_IN: Final = f"/etc/systemd/system/{_SERVICE}.d/test.conf"
_DAEMONS_DROP_IN: Final = f"/etc/systemd/system/{UNIT}.d/offline-test.conf"
_PYTHON: Final = "/opt/hearthd/current/bin/python"
_PROBE: Final = (PROJECT / "tests" / "doubles" / "confinement_probe.py").read_text(encoding="utf-8")
_PROBE_FILE: Final = "/srv/offline_probe.py"
_ASK_FILE: Final = "/srv/offline_ask.py"
_ASK: Final = """
import asyncio, json, sys
from pathlib import Path
from hearthd.adapters.offline_server import OfflineTransport
from hearthd.core.settings import OfflineSettings

QUESTION = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "what time is it"}]}

async def main():
    async with OfflineTransport(OfflineSettings(), unit_socket=Path(sys.argv[1])) as way, way.connect() as connection:
        for event in {"type": "conversation.item.create", "item": QUESTION}, {"type": "response.create"}:
            await connection.send(json.dumps(event))
        spoken = 0
        async for text in connection.receive():
            message = json.loads(text)
            spoken += message["type"] == "response.output_audio.delta"
            if message["type"] == "response.done":
                break
        by = "a child" if way.child_pid else "the unit"
    print(message["response"]["status"], "with" if spoken else "without", "sound by", by, flush=True)

asyncio.run(main())
"""
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


def _ask(machine: Machine) -> str:
    """Ask for the time as the daemon would, and return how and by whom that was answered."""
    return machine.run("runuser", "-u", "hearthd", "--", _PYTHON, "-c", _ASK, _ADDRESS).stdout.strip()


def test_the_first_question_starts_it_and_a_killed_one_comes_back(machine: Machine) -> None:
    """The daemon reaches it through its socket; it runs as nobody in particular, and dies without consequence."""
    assert machine.show(_SERVICE, "ActiveState") == "inactive"

    assert _ask(machine) == "completed with sound by the unit"

    first = machine.show(_SERVICE, "MainPID")
    assert machine.run("ps", "-o", "user=", "-p", first).stdout.strip() not in {"root", "hearthd"}
    machine.run("systemctl", "kill", "--signal=KILL", _SERVICE)
    until("another one runs", lambda: machine.show(_SERVICE, "MainPID") not in {first, "0"})
    assert _ask(machine) == "completed with sound by the unit"


def test_without_its_socket_the_daemon_starts_one_that_can_do_the_same(machine: Machine) -> None:
    """In the daemon's own confinement a child has all that it needs to be started, to hear and to speak."""
    machine.write(_ASK_FILE, _ASK)
    machine.write(
        _DAEMONS_DROP_IN,
        f"[Service]\nType=oneshot\nRestart=no\nExecStart=\nExecStart={_PYTHON} {_ASK_FILE} /run/nowhere\n"
        "StandardOutput=truncate:/run/offline-child.txt\nStandardError=journal\n",
    )
    machine.run("systemctl", "daemon-reload")
    try:
        machine.run("systemctl", "start", UNIT)
    finally:
        machine.run("rm", _DAEMONS_DROP_IN)
        machine.run("systemctl", "daemon-reload")

    assert machine.read("/run/offline-child.txt") == "completed with sound by a child\n"


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
