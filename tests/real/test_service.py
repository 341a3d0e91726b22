"""The installed service under a real systemd: how it starts, what it may do, and that it comes back."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles import confinement_probe, standin_daemon
from tests.doubles.installation import PROJECT, install
from tests.doubles.sandbox import Machine

UNIT = "hearthd.service"
_DROP_INS = "/etc/systemd/system/hearthd.service.d"
_STANDIN = "/srv/standin_daemon.py"
_PROBE = "/srv/confinement_probe.py"
_PYTHON = "/opt/hearthd/current/bin/python"
_SETTINGS = "/etc/hearthd/hearthd.toml"
_KEY = "sk-test-4711"
_SHORTER = """
[Service]
ExecStart=
ExecStart={command}
WatchdogSec=2s
RestartSec=20ms
# Longer, and systemd itself calls the stop a failure.
TimeoutStopSec=2s
"""


# The first run collects Python packages, perhaps over a slow line.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine on which the installer has just run."""
    with Machine(tmp_path_factory.mktemp("machine"), shown=[PROJECT]) as booted:
        install(booted, "--no-start")
        for inside, program in ((_STANDIN, standin_daemon), (_PROBE, confinement_probe)):
            assert program.__file__ is not None
            booted.write(inside, Path(program.__file__).read_text(encoding="utf-8"))
        booted.write("/etc/credstore/hearthd.openai_api_key", _KEY, mode=0o600)
        yield booted


@pytest.fixture
def service(machine: Machine) -> Iterator[Machine]:
    """The service freshly started and ready, with shorter times than a speaker needs."""
    _use(machine, f"{_PYTHON} {_STANDIN} run --config {_SETTINGS}")
    machine.run("systemctl", "start", UNIT)
    yield machine
    machine.run("systemctl", "stop", UNIT, check=False)
    machine.run("systemctl", "reset-failed", UNIT, check=False)


def _use(machine: Machine, command: str, *more: str) -> None:
    machine.write(f"{_DROP_INS}/test.conf", "\n".join([_SHORTER.format(command=command), *more]))
    machine.run("systemctl", "daemon-reload")


def _runs_again(machine: Machine, restarts: int) -> bool:
    return (machine.show(UNIT, "NRestarts"), machine.show(UNIT, "SubState")) == (str(restarts), "running")


def test_the_installed_unit_satisfies_systemd(machine: Machine) -> None:
    """Where it was installed, with its user and program in place, systemd has nothing to remark."""
    checked = machine.run("systemd-analyze", "verify", UNIT)

    assert (checked.stdout, checked.stderr) == ("", "")


def test_it_is_ready_with_a_status_in_plain_words(service: Machine) -> None:
    """`systemctl start` returns when the daemon says that it is up; `systemctl status` shows how it is."""
    assert (service.show(UNIT, "ActiveState"), service.show(UNIT, "StatusText")) == ("active", "Listening")


def test_the_key_reaches_the_daemon_and_a_missing_password_does_not_stop_it(service: Machine) -> None:
    """Credentials carry the names that hearthd looks for; the one that was never made is simply not there."""
    found = json.loads(service.path("/var/lib/hearthd/credentials.json").read_text(encoding="utf-8"))

    assert found == {"openai_api_key": _KEY}


def test_it_runs_without_root_and_keeps_its_memory_to_itself(service: Machine) -> None:
    """The daemon's user owns what it remembers, and nobody else reads it."""
    owner = service.run("stat", "--format=%U %a", "/var/lib/hearthd").stdout.strip()
    running_as = service.run("ps", "-o", "user=", "-p", service.show(UNIT, "MainPID")).stdout.strip()

    assert (owner, running_as) == ("hearthd 700", "hearthd")


def test_a_kill_brings_it_back(service: Machine) -> None:
    """After `kill -9`, systemd starts it again."""
    service.signal(UNIT, "KILL")

    service.until("running again after kill -9", lambda: _runs_again(service, restarts=1))


def test_a_hang_brings_it_back_and_leaves_its_tracebacks(service: Machine) -> None:
    """Who stands still starves the watchdog and is aborted, and the journal shows where it hung."""
    hung = service.show(UNIT, "MainPID")
    service.signal(UNIT, "STOP")

    service.until("running again after a hang", lambda: _runs_again(service, restarts=1))
    said = [entry["MESSAGE"] for entry in service.journal(UNIT, f"_PID={hung}")]
    assert "Fatal Python error: Aborted" in said


def test_a_bad_configuration_waits_for_its_owner(service: Machine) -> None:
    """Exit code 78 is not retried: nothing would change until somebody edits the file."""
    settings = service.path(_SETTINGS)
    good = settings.read_text(encoding="utf-8")
    settings.write_text("broken", encoding="utf-8")
    try:
        started = service.run("systemctl", "restart", UNIT, check=False)

        assert started.returncode != 0
        outcome = [service.show(UNIT, name) for name in ("ActiveState", "ExecMainStatus", "NRestarts")]
        assert outcome == ["failed", "78", "0"]
    finally:
        settings.write_text(good, encoding="utf-8")


def test_a_daemon_that_never_starts_is_given_up(service: Machine) -> None:
    """A crash at every start ends at the start limit instead of wearing out the machine."""
    _use(service, "/bin/false")
    service.run("systemctl", "restart", UNIT, check=False)

    service.until("given up", lambda: service.show(UNIT, "ActiveState") == "failed")
    said = [entry["MESSAGE"] for entry in service.journal(UNIT, "_PID=1")]
    assert f"{UNIT}: Start request repeated too quickly." in said


def test_a_stop_is_clean_and_quick(service: Machine) -> None:
    """SIGTERM ends it with exit code 0 before the two seconds that this test grants are over."""
    service.run("systemctl", "stop", UNIT)

    outcome = [service.show(UNIT, name) for name in ("ActiveState", "Result", "ExecMainCode", "ExecMainStatus")]
    assert outcome == ["inactive", "success", "1", "0"]


def test_the_journal_carries_fields(service: Machine) -> None:
    """One event is one entry, under our name, with the numbers beside the message and no trace of the key."""
    ours = f"_PID={service.show(UNIT, 'MainPID')}"
    service.until("a turn in the journal", lambda: bool(service.journal(UNIT, ours, "HEARTHD_EVENT=turn")))
    [turn] = service.journal(UNIT, ours, "HEARTHD_EVENT=turn")

    wanted = ("MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "LOGGER", "HEARTHD_TURN", "HEARTHD_LATENCY_MS")
    assert [turn[name] for name in wanted] == [
        "Turn finished",
        "6",
        "hearthd",
        "hearthd.standin",
        "t-1",
        "412",
    ]
    assert _KEY not in json.dumps(service.journal(UNIT))


def test_the_daemon_is_confined(service: Machine) -> None:
    """It may remember things and reach the network, and do nothing of what an intruder would want."""
    _use(
        service,
        f"{_PYTHON} {_PROBE}",
        "Type=oneshot",
        "Restart=no",
        "StandardOutput=truncate:/run/probe.json",
    )
    service.run("systemctl", "restart", UNIT)
    outcomes = json.loads(service.path("/run/probe.json").read_text(encoding="utf-8"))

    allowed = {attempt for attempt, outcome in outcomes.items() if outcome == "allowed"}
    assert allowed == {"remember something", "open an internet connection"}
    assert outcomes.keys() == confinement_probe.ATTEMPTS.keys()
