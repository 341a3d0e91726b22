"""`hearthd run`: the daemon itself."""

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from time import sleep
from typing import Final

from hearthd.config import ConfigError, Settings, load

log = logging.getLogger(__name__)

DEFAULT_CONFIG: Final = "/etc/hearthd/hearthd.toml"
EXIT_STOP: Final = 0
EXIT_CRASH: Final = 70
"""EX_SOFTWARE of sysexits.h."""
EXIT_CONFIG: Final = 78
"""EX_CONFIG of sysexits.h; systemd does not restart after it."""
STOP_WITHIN_S: Final = 1.8
"""A stop that takes longer hangs in a library, and is cut short: systemd and people expect 2 s."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `run` to the command line."""
    parser = commands.add_parser(
        "run",
        help="run the daemon",
        description="Listen, talk and run the house until SIGTERM or Ctrl-C. "
        "Exit codes: 0 stopped, 70 crashed, 78 wrong configuration.",
        epilog="example: hearthd run --config /etc/hearthd/hearthd.toml",
    )
    parser.add_argument("--config", default=DEFAULT_CONFIG, help="configuration file (default: %(default)s)")
    parser.add_argument("--log-level", choices=["debug", "info", "warning", "error"], help="overrides [log] level")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the daemon until SIGTERM or SIGINT and return its exit code."""
    from hearthd.adapters.journal import configure_logging  # noqa: PLC0415 - only commands that log need it

    try:
        settings = load(Path(arguments.config), os.environ)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EXIT_CONFIG
    configure_logging(arguments.log_level or settings.log.level)
    for warning in settings.warnings:
        log.warning("%s", warning, extra={"HEARTHD_EVENT": "config_warning"})
    try:
        asyncio.run(_serve(settings))
    except Exception:
        log.critical("hearthd crashed", exc_info=True, extra={"HEARTHD_EVENT": "crash"})
        return EXIT_CRASH
    return EXIT_STOP


async def _serve(settings: Settings) -> None:
    from hearthd.compose import serve  # noqa: PLC0415 - a wrong configuration is told before anything heavy is loaded

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop_now() -> None:
        if stop.is_set():
            os._exit(EXIT_STOP)
        stop.set()
        threading.Thread(target=_cut_short, name="stop deadline", daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop_now)
    await serve(settings, stop=stop)


def _cut_short() -> None:
    sleep(STOP_WITHIN_S)
    os._exit(EXIT_STOP)
