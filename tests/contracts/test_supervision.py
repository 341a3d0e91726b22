"""What every `Supervisor` owes the daemon, on the memory double and on systemd's own protocol."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest

from hearthd.adapters.systemd import SystemdSupervisor
from hearthd.ports import Supervisor
from tests.doubles.supervisor import MemorySupervisor, NotifySocket


@dataclass(frozen=True, slots=True)
class Supervision:
    """A supervisor with a watchdog of 5 s, and what arrived at its other end."""

    supervisor: Supervisor
    told: Callable[[], list[Mapping[str, str]]]


@pytest.fixture(params=["memory", "systemd"])
def supervision(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervision]:
    """One of the two, ready to be spoken to."""
    if request.param == "memory":
        memory = MemorySupervisor(watchdog_s=5.0)
        yield Supervision(memory, lambda: list(memory.told))
        return
    with NotifySocket() as notify:
        monkeypatch.setenv("NOTIFY_SOCKET", notify.address)
        monkeypatch.setenv("WATCHDOG_USEC", "5000000")
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        yield Supervision(SystemdSupervisor(), lambda: [notice.fields for notice in notify.read()])


def test_each_call_arrives_once_and_in_order(supervision: Supervision) -> None:
    """A whole life of the daemon reads the same at the other end, and readiness comes with its status."""
    supervision.supervisor.ready("Listening for okay nabu")
    supervision.supervisor.alive()
    supervision.supervisor.status("The broker is away")
    supervision.supervisor.stopping("Stopping")

    assert supervision.told() == [
        {"READY": "1", "STATUS": "Listening for okay nabu"},
        {"WATCHDOG": "1"},
        {"STATUS": "The broker is away"},
        {"STOPPING": "1", "STATUS": "Stopping"},
    ]


@pytest.mark.parametrize(("watchdog_us", "granted_us"), [("5000000", "5000000"), ("", "20000000")])
def test_a_start_that_goes_on_is_given_time(monkeypatch: pytest.MonkeyPatch, watchdog_us: str, granted_us: str) -> None:
    """A daemon that waits for its sound card is not taken for one that hangs in its start, for one interval each."""
    with NotifySocket() as notify:
        monkeypatch.setenv("NOTIFY_SOCKET", notify.address)
        monkeypatch.setenv("WATCHDOG_USEC", watchdog_us)
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        supervisor = SystemdSupervisor()

        supervisor.alive()
        supervisor.ready("Listening")
        supervisor.alive()

        assert [notice.fields for notice in notify.read()] == [
            {"WATCHDOG": "1", "EXTEND_TIMEOUT_USEC": granted_us},
            {"READY": "1", "STATUS": "Listening"},
            {"WATCHDOG": "1"},
        ]


def test_a_status_is_one_line(supervision: Supervision) -> None:
    """A line break in a status, as from a device's name, cannot pretend to be another notification."""
    supervision.supervisor.status("card\nSTOPPING=1\r\n  is lost")

    assert supervision.told() == [{"STATUS": "card STOPPING=1 is lost"}]


def test_a_status_that_cannot_be_sent_is_sent_without_what_hinders(supervision: Supervision) -> None:
    """A NUL or half a letter in a server's words takes nobody down."""
    supervision.supervisor.status("upstream\0error \ud800\x1b[0m")

    assert supervision.told() == [{"STATUS": "upstream error [0m"}]


def test_a_status_keeps_its_letters(supervision: Supervision) -> None:
    """Room and device names arrive as the owner wrote them."""
    supervision.supervisor.status("Küche: höre zu")

    assert supervision.told() == [{"STATUS": "Küche: höre zu"}]


def test_the_watchdog_interval_is_known_in_seconds(supervision: Supervision) -> None:
    """The interval that was granted is the interval that the daemon reads."""
    assert supervision.supervisor.watchdog_s == 5.0


@pytest.mark.parametrize(
    ("environment", "interval_s"),
    [
        ({"WATCHDOG_USEC": "1500000"}, 1.5),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
    ids=["ours", "for another process", "zero", "not a number", "unset"],
)
def test_a_watchdog_counts_only_when_it_watches_us(
    monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], interval_s: float | None
) -> None:
    """The interval is read as sd_watchdog_enabled(3) does."""
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert SystemdSupervisor().watchdog_s == interval_s


def test_nobody_listening_is_quiet(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Started by hand, without NOTIFY_SOCKET, the daemon neither fails nor complains."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    supervisor = SystemdSupervisor()

    supervisor.ready("Listening")
    supervisor.alive()
    supervisor.stopping("Stopping")

    assert caplog.records == []


def test_a_dead_socket_costs_one_warning(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A supervisor that went away cannot take the daemon down, and is mentioned once."""
    with NotifySocket() as notify:
        monkeypatch.setenv("NOTIFY_SOCKET", notify.address)
    supervisor = SystemdSupervisor()

    supervisor.alive()
    supervisor.alive()

    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_without_systemd_python_every_call_does_nothing() -> None:
    """The daemon runs where libsystemd is not installed."""
    program = (
        "import sys; sys.modules['systemd'] = None\n"
        "from hearthd.adapters.systemd import SystemdSupervisor\n"
        "s = SystemdSupervisor(); s.ready('a'); s.alive(); s.status('b'); s.stopping('c'); print('quiet')"
    )
    with NotifySocket() as notify:
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=dict(os.environ, NOTIFY_SOCKET=notify.address, PYTHONPATH=os.pathsep.join(sys.path)),
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

        assert (done.returncode, done.stdout, done.stderr) == (0, "quiet\n", "")
        assert notify.read() == []
