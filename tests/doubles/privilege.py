"""How a test does what only root may do: as root itself, or through sudo that asks for no password."""

import functools
import os
import shutil
import subprocess
from typing import Final

_SUDO: Final = ("sudo", "--non-interactive", "--")
_ASK_LIMIT_S: Final = 30.0


class PrivilegeMissing(RuntimeError):
    """Neither root nor sudo can be had; the text tells what to do."""


def as_root() -> tuple[str, ...]:
    """Return the words in front of a command that needs root; none for root. Raises `PrivilegeMissing`.

    sudo passes neither the environment on, nor a signal that it cannot catch.
    """
    return () if os.geteuid() == 0 else sudo_words()


@functools.cache
def sudo_words() -> tuple[str, ...]:
    """Return how sudo is asked; it is tried once. Raises `PrivilegeMissing`."""
    if shutil.which(_SUDO[0]) is None:
        raise PrivilegeMissing("this needs root, and there is no sudo here: run it as root")
    asked = subprocess.run(
        [*_SUDO, "true"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_ASK_LIMIT_S
    )
    if asked.returncode != 0:
        raise PrivilegeMissing(
            "this needs root, and sudo does not grant it without a password"
            f" ({asked.stderr.strip()}): run it as root, or run `sudo -v` in this terminal first"
        )
    return _SUDO
