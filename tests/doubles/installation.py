"""hearthd installed into a test's machine by the project's own installer, without a network."""

import functools
import subprocess
from pathlib import Path
from typing import Final

from tests.doubles.sandbox import Machine

PROJECT: Final = Path(__file__).resolve().parents[2]
_WHEELS: Final = PROJECT / ".build" / "wheels"
_COLLECT_LIMIT_S: Final = 600.0
_INSTALL_LIMIT_S: Final = 120.0


@functools.cache
def collected_wheels() -> Path:
    """Gather the locked packages for Debian's own Python, from the network only when the lock has changed."""
    done = subprocess.run(
        [PROJECT / "scripts" / "install", "--collect", _WHEELS],
        capture_output=True,
        text=True,
        check=False,
        timeout=_COLLECT_LIMIT_S,
    )
    assert done.returncode == 0, f"scripts/install --collect failed:\n{done.stdout}\n{done.stderr}"
    return _WHEELS


def install(machine: Machine, *options: str) -> str:
    """Run `scripts/install` in a machine that is shown the project, and return what it told the user."""
    wheels = str(collected_wheels())
    command = (str(PROJECT / "scripts" / "install"), "--no-apt", "--wheels", wheels, *options)
    return machine.run(*command, limit_s=_INSTALL_LIMIT_S).stdout
