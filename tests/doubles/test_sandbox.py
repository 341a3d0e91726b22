"""The throw-away machine is a machine of its own, and nothing of it is left."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doubles import privilege
from tests.doubles.privilege import PrivilegeMissing
from tests.doubles.sandbox import Machine, SandboxUnavailable, until

_ABANDONED = """
import sys, time
from pathlib import Path
from tests.doubles.sandbox import Machine
with Machine(Path(sys.argv[1])) as machine:
    print(machine.init_pid, flush=True)
    time.sleep(3600)
"""


def _groups() -> set[Path]:
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    roots = (Path(line.split()[1]) for line in mounts if line.split()[2] == "cgroup2")
    return {group for root in roots for group in root.glob("hearthd-sandbox-*")}


def _group_of(pid: int) -> Path:
    """The control group in which the whole machine of a systemd lives."""
    [group] = [group for group in _groups() if f"\n{pid}\n" in _processes(group)]
    return group


def _processes(group: Path) -> str:
    return "\n" + "".join(file.read_text(encoding="ascii") for file in group.rglob("cgroup.procs"))


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """Neither a process nor a control group nor a mount outlives the machine."""
    with Machine(tmp_path) as machine:
        group = _group_of(machine.init_pid)
        machine.write("/etc/hearthd-was-here", "")

    assert not group.exists()
    assert list((tmp_path / "memory").iterdir()) == []
    assert not Path("/etc/hearthd-was-here").exists()


def test_a_killed_test_run_takes_its_machine_along(tmp_path: Path) -> None:
    """Even `kill -9` of the tests leaves no systemd behind."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    command = [sys.executable, "-c", _ABANDONED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as run:
        assert run.stdout is not None
        group = _group_of(int(run.stdout.readline()))
        run.kill()

    until("the machine of a killed test run is gone", lambda: not group.exists())


def test_its_network_is_loopback_alone(tmp_path: Path) -> None:
    """A service under test reaches nobody."""
    with Machine(tmp_path) as machine:
        names = [line.split(":")[1].strip() for line in machine.run("ip", "-o", "link").stdout.splitlines()]

    assert names == ["lo"]


def test_a_shared_folder_is_changed_and_a_shown_one_is_not(tmp_path: Path) -> None:
    """What is shown is safe from the machine, and what is shared carries its traces to the host."""
    shown, shared = tmp_path / "shown", tmp_path / "shared"
    shown.mkdir()
    shared.mkdir()
    with Machine(tmp_path / "machine", shown=[shown], shared={shared: "/srv/shared"}) as machine:
        refused = machine.run("touch", str(shown / "trace"), check=False)
        machine.run("touch", "/srv/shared/trace")

    assert "Read-only file system" in refused.stderr
    assert [list(folder.iterdir()) for folder in (shown, shared)] == [[], [shared / "trace"]]


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    """A file gets its folders, its mode and every byte, whatever its name."""
    with Machine(tmp_path) as machine:
        machine.write("/srv/two words/$HOME", "ä\n", mode=0o640)
        machine.write("/srv/bytes", b"\x00\xff")

        assert machine.read("/srv/two words/$HOME") == "ä\n"
        assert machine.run("stat", "--format=%s %a %U", "/srv/two words/$HOME").stdout == "3 640 root\n"
        assert machine.run("od", "-An", "-tx1", "/srv/bytes").stdout == " 00 ff\n"


def test_a_failing_command_shows_what_it_said(tmp_path: Path) -> None:
    """A test that fails in the machine can be understood outside."""
    with Machine(tmp_path) as machine, pytest.raises(AssertionError, match=r"ended with 2:[^$]*no such"):
        machine.run("ls", "/no such place")


def test_a_machine_that_cannot_boot_says_why(tmp_path: Path) -> None:
    """A machine that cannot be had is an error that shows what went wrong, never a reason to skip."""
    with pytest.raises(SandboxUnavailable, match=r"did not boot[^$]*/no/such/folder"):  # noqa: SIM117
        with Machine(tmp_path, shown=[Path("/no/such/folder")]):
            pass


@pytest.mark.parametrize(
    ("sudo", "problem"),
    [
        ("", "there is no sudo here: run it as root"),
        ("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n", r"\(sudo: a password is required\): run"),
    ],
    ids=["no sudo", "sudo that asks"],
)
def test_who_may_not_learns_what_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sudo: str, problem: str
) -> None:
    """Who is neither root nor granted sudo reads what to do."""
    if sudo:
        (tmp_path / "sudo").write_text(sudo, encoding="utf-8")
        (tmp_path / "sudo").chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))
    privilege.sudo_words.cache_clear()

    with pytest.raises(PrivilegeMissing, match=problem), Machine(tmp_path / "machine"):
        pass


def test_missing_programs_are_named_with_their_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads the failure knows what to install."""
    monkeypatch.setattr(shutil, "which", lambda program, path: None if "systemd" in program else program)

    with pytest.raises(SandboxUnavailable, match="apt-get install systemd"), Machine(tmp_path):
        pass
