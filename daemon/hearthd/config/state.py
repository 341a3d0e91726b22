"""Where the daemon keeps what must survive a restart."""

from collections.abc import Mapping
from pathlib import Path


def state_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder that systemd gives (`$STATE_DIRECTORY`), else `hearthd` in `$XDG_STATE_HOME`.

    Without either it is `~/.local/state/hearthd` (XDG Base Directory Specification). It need not exist.
    """
    if given := environment.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    state_home = environment.get("XDG_STATE_HOME", "")
    if not Path(state_home).is_absolute():
        return Path(environment.get("HOME", "/"), ".local/state/hearthd")
    return Path(state_home, "hearthd")
