"""What runs in other processes counts as if it had run in this one."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import beside

CONFTEST = 'pytest_plugins = ["tests.beside"]'
HERE = "def test_computes(): pass"
ELSEWHERE = """
import os, pytest
def test_waits(): pass
def test_fails(): assert os.getppid() == 0, "seen from afar"
@pytest.fixture
def broken(): raise RuntimeError("no broker")
def test_has_no_broker(broken): pass
@pytest.mark.skip(reason="not today")
def test_is_skipped(): pass
"""
AT_HOME = """
import sys
def test_is_at_home(): assert [word for word in sys.argv if "--reports-to" in word] == []
"""
CRASHING = """
import os
def test_waits(): pass
def test_crashes(): os._exit(3)
def test_never_runs(): pass
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project with a test that computes."""
    tests = tmp_path / "tests"
    for folder in ("core", "real", "journeys"):
        (tests / folder).mkdir(parents=True)
    (tests / "beside.py").write_bytes(Path(beside.__file__).read_bytes())
    (tests / "conftest.py").write_text(CONFTEST)
    (tests / "core" / "test_here.py").write_text(HERE)
    return tmp_path


def run(project: Path, *arguments: str) -> tuple[int, str]:
    """Run the project's tests; returns exit code and output."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=50)
    return done.returncode, done.stdout + done.stderr


def test_what_failed_elsewhere_failed(project: Path) -> None:
    """Tests of all groups are counted, and shown with their cause; so are those that a process crashed before."""
    (project / "tests" / "real" / "test_elsewhere.py").write_text(ELSEWHERE)
    (project / "tests" / "journeys" / "test_far.py").write_text(CRASHING)

    code, said = run(project)

    assert code == pytest.ExitCode.TESTS_FAILED
    assert "3 failed, 3 passed, 1 skipped, 1 error" in said
    assert "seen from afar" in said
    assert "RuntimeError: no broker" in said
    assert "ended with 3" in said


def test_one_group_alone_is_run_here(project: Path) -> None:
    """Whoever works on one group waits for no other process."""
    (project / "tests" / "real" / "test_elsewhere.py").write_text(AT_HOME)

    assert run(project, "tests/real")[0] == pytest.ExitCode.OK
