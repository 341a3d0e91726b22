"""hearthd installed into a test's machine: by the project's own installer, without a network, with a sound card."""

import functools
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.doubles.sandbox import Machine
from tests.doubles.vcard import VirtualCard

PROJECT: Final = Path(__file__).resolve().parents[2]
SETTINGS: Final = "/etc/hearthd/hearthd.toml"
KEY_FILE: Final = "/etc/credstore/hearthd.openai_api_key"
PASSWORD_FILE: Final = "/etc/credstore/hearthd.mqtt_password"
HOMES: Final = "/srv/homes"
"""Where a machine sees `Installed.homes`, out of the homes and /tmp that a service must not see."""
_WHEELS: Final = PROJECT / ".build" / "wheels"
_COLLECT_LIMIT_S: Final = 600.0
_INSTALL_LIMIT_S: Final = 120.0
_PLUGIN: Final = "/srv/vcard.so"
_ALSA: Final = "/srv/asound.conf"


@dataclass(frozen=True, slots=True)
class Installed:
    """A machine on which the installer has run, with the host's network."""

    machine: Machine
    said: str
    """What the installer said the first time."""
    homes: Path
    """The host's folder that is `HOMES` inside, for virtual cards."""


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


def plug_in(installed: Installed, card: VirtualCard, rate_hz: int = 48_000) -> list[str]:
    """Make ALSA in a machine find a card below its homes, and return the lines that a [Service] section needs for it.

    Plugin and configuration are copied, for a checkout may lie in a home.
    """
    settings = Path(card.env()["ALSA_CONFIG_PATH"]).read_text(encoding="utf-8")
    [plugin] = set(re.findall(r'lib "(.+)"', settings))
    folder = f"{HOMES}/{card.folder.relative_to(installed.homes)}"
    installed.machine.write(_PLUGIN, Path(plugin).read_bytes())
    installed.machine.write(_ALSA, settings.replace(plugin, _PLUGIN).replace(str(card.folder), folder))
    # Files that the service makes would be for its own user's eyes alone; those that are there may be read by us.
    for direction in ("capture", "playback"):
        (card.folder / f"{direction}-{rate_hz}.s16").touch()
    for file in card.folder.iterdir():
        file.chmod(0o666)
    card.folder.chmod(0o777)
    card.folder.parent.chmod(0o755)
    return [f"Environment=ALSA_CONFIG_PATH={_ALSA}", f"ReadWritePaths={folder}"]
