"""`hearthd run`: be the speaker, until somebody asks to stop."""

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
from typing import Final

from hearthd.cli.shared import EXIT_BAD_CONFIG, EXIT_CRASHED, add_config_option, complain, settings_or_explain
from hearthd.config import Settings
from hearthd.core.wake_model import WakeModelUnusable

NAME = "run"
SUMMARY = "be the speaker of a room, until somebody asks to stop"
DETAILS = """\
examples:
  hearthd run
  OPENAI_API_KEY=sk-... hearthd run --config ./kitchen.toml --log-level debug

The API key and the broker's password come from $CREDENTIALS_DIRECTORY (openai_api_key, mqtt_password; systemd fills
it), else from the environment variables OPENAI_API_KEY and HEARTHD_MQTT_PASSWORD. They are never taken from the
command line, where everybody on the machine could read them.

SIGTERM and SIGINT (Ctrl-C) stop it in under two seconds; a second one stops it at once.

exit codes: 0 stopped, 70 crashed, 78 the configuration cannot be used
"""
STOP_S: Final = 1.8
"""A stop must be over in 2 s. A thread that hangs in a sound driver cannot be ended, so the process is."""

_DEADLINE: Final = "deadline"
"""The one thread that may still live at the end."""

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add_config_option(parser)
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), help="instead of log.level in the settings"
    )


def main(options: argparse.Namespace) -> int:
    """Run the daemon; returns 0 after a stop, 70 after a crash, 78 when the configuration cannot be used."""
    settings = settings_or_explain(options.config)
    if settings is None:
        return EXIT_BAD_CONFIG
    from hearthd.adapters.journal import configure_logging

    configure_logging(options.log_level or settings.log.level)
    for warning in settings.warnings:
        log.warning("%s", warning, extra={"HEARTHD_EVENT": "config_warning"})
    try:
        asyncio.run(_serve(settings))
    except WakeModelUnusable as error:
        complain(f"the configuration cannot be used:\n  {options.config}: wake.words: {error}")
        return EXIT_BAD_CONFIG
    except Exception:
        log.critical("hearthd crashed; this is a bug", exc_info=True, extra={"HEARTHD_EVENT": "crash"})
        _end_within(STOP_S, EXIT_CRASHED)
        return EXIT_CRASHED
    _leave_threads_behind(0)
    return 0


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _ask_to_stop, stop)
    # Most of the start is spent on loading this; whoever asks meanwhile is heard.
    from hearthd import compose

    await compose.serve(settings, stop=stop)


def _ask_to_stop(stop: asyncio.Event) -> None:
    if stop.is_set():
        log.warning("stopped at once, because somebody asked twice", extra={"HEARTHD_EVENT": "stopped_at_once"})
        os._exit(0)
    stop.set()
    _end_within(STOP_S, 0)


def _end_within(deadline_s: float, code: int) -> None:
    """End the process with `code` if it still lives after `deadline_s`, whatever its threads are doing."""
    deadline = threading.Timer(deadline_s, _cut_off, (code,))
    deadline.name = _DEADLINE
    deadline.daemon = True
    deadline.start()


def _leave_threads_behind(code: int) -> None:
    """End the process with `code` at once if a thread hangs: the interpreter's own end would wait or trip over it."""
    if _busy_threads():
        _cut_off(code)


def _busy_threads() -> list[str]:
    """Name the threads that should have ended by now."""
    own = {threading.main_thread().name, _DEADLINE}
    return [thread.name for thread in threading.enumerate() if thread.name not in own]


def _cut_off(code: int) -> None:
    fields = {"HEARTHD_EVENT": "cut_off", "HEARTHD_THREADS": _busy_threads()}
    log.error("did not end in time and is cut off", extra=fields)
    sys.stderr.flush()
    os._exit(code)
