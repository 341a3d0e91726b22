"""The throw-away machine is a machine of its own, and nothing of it is left."""

import os
import shutil
from pathlib import Path

import pytest

from tests.doubles.sandbox import Machine, SandboxUnavailable


def _groups() -> set[str]:
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    roots = (Path(line.split()[1]) for line in mounts if line.split()[2] == "cgroup2")
    return {group.name for root in roots for group in root.glob(f"hearthd-sandbox-{os.getpid()}-*")}


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """Neither a process nor a control group nor a mount outlives the machine."""
    with Machine(tmp_path) as machine:
        root = machine.path("/")
        machine.write("/etc/hearthd-was-here", "")

    assert not root.exists()
    assert _groups() == set()
    assert list((tmp_path / "memory").iterdir()) == []
    assert not Path("/etc/hearthd-was-here").exists()


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


def test_a_failing_command_shows_what_it_said(tmp_path: Path) -> None:
    """A test that fails in the machine can be understood outside."""
    with Machine(tmp_path) as machine, pytest.raises(AssertionError, match=r"ended with 2:[^$]*no such"):
        machine.run("ls", "/no such place")


def test_who_is_not_root_learns_what_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that cannot be had is an error in plain words, never a reason to skip."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(SandboxUnavailable, match="needs root and namespaces"), Machine(tmp_path):
        pass


def test_missing_programs_are_named_with_their_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads the failure knows what to install."""
    monkeypatch.setattr(shutil, "which", lambda program: None if "systemd" in program else program)

    with pytest.raises(SandboxUnavailable, match="apt-get install systemd"), Machine(tmp_path):
        pass
