"""The service side of the daemon and nothing else: it tells systemd how it is, logs, and can be made to fail.

Started like hearthd itself (`run --config FILE`), it speaks through hearthd's own adapters. A settings file
with the word `broken` in it is a bad configuration. The credentials that it finds go to `$STATE_DIRECTORY`.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from pathlib import Path

from hearthd.adapters.journal import configure_logging
from hearthd.adapters.systemd import SystemdSupervisor

log = logging.getLogger("hearthd.standin")

EXIT_BAD_CONFIGURATION = 78


def _credentials() -> dict[str, str]:
    folder = Path(os.environ["CREDENTIALS_DIRECTORY"])
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()} if folder.is_dir() else {}


async def _run() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    supervisor = SystemdSupervisor()
    supervisor.ready("Listening")
    log.info("Turn finished", extra={"HEARTHD_EVENT": "turn", "HEARTHD_TURN": "t-1", "HEARTHD_LATENCY_MS": 412})
    log.debug("This is below the level")
    while not stop.is_set():
        supervisor.alive()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout((supervisor.watchdog_s or 2.0) / 3):
                await stop.wait()
    supervisor.stopping("Stopping")


def main() -> int:
    """Live until SIGTERM; returns the exit code."""
    configure_logging("info")
    settings = Path(sys.argv[sys.argv.index("--config") + 1])
    if "broken" in settings.read_text(encoding="utf-8"):
        log.error("The configuration is bad", extra={"HEARTHD_EVENT": "error"})
        return EXIT_BAD_CONFIGURATION
    found = Path(os.environ["STATE_DIRECTORY"], "credentials.json")
    found.write_text(json.dumps(_credentials()), encoding="utf-8")
    asyncio.run(_run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
