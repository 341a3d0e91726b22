"""hearthd installed into a test's machine: by the project's own installer, without a network, with a sound card."""

import functools
import re
import subprocess
from pathlib import Path
from typing import Final

import numpy as np

from tests.doubles.sandbox import Machine
from tests.doubles.vcard import VirtualCard

PROJECT: Final = Path(__file__).resolve().parents[2]
CARD_FOLDER: Final = "/srv/card"
"""Where a machine sees the folder of the virtual card that it was made with (`shared={card.folder: ...}`)."""
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


def plug_in(machine: Machine, card: VirtualCard) -> str:
    """Make ALSA in a machine find `card`, and return the lines that a unit's [Service] section needs for it.

    The plugin and its settings are copied, for a service must not see homes and /tmp, where a checkout and the
    files of a test may lie.
    """
    settings = Path(card.env()["ALSA_CONFIG_PATH"]).read_text(encoding="utf-8")
    [plugin] = set(re.findall(r'lib "(.+)"', settings))
    machine.path("/srv/vcard.so").write_bytes(Path(plugin).read_bytes())
    machine.write("/srv/asound.conf", settings.replace(plugin, "/srv/vcard.so").replace(str(card.folder), CARD_FOLDER))
    # The script's files must exist before they are opened to the service's user.
    card.write_script(np.zeros(1, np.int16), 48_000, frame=0)
    machine.run("chmod", "--recursive", "a+rwX", CARD_FOLDER)
    return f"Environment=ALSA_CONFIG_PATH=/srv/asound.conf\nReadWritePaths={CARD_FOLDER}"
