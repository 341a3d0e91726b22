"""`hearthd offline`: understand house commands without any cloud, for hearthd and for any other Realtime client."""

import argparse
import asyncio
import logging
import os
import signal
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hearthd.cli.shared import EXIT_BAD_CONFIG, EXIT_CRASHED, EXIT_FAILED, complain, settings_or_explain
from hearthd.core.settings import ESPEAK_VOICES, FLITE_VOICES, OfflineSettings

if TYPE_CHECKING:
    from hearthd.offline.serving.sockets import Listening

NAME = "offline"
SUMMARY = "answer house commands without any cloud, as a Realtime server of this machine"
DETAILS = """\
examples:
  hearthd offline                                listen on a UNIX socket, and print its address
  hearthd offline --port 8765                    listen at ws://127.0.0.1:8765/v1/realtime
  hearthd offline --voice rms --speed 1.1
  hearthd offline --config /etc/hearthd/hearthd.toml

hearthd runs this by itself when it has no key, no connection or nothing left to spend. Any client of the OpenAI
Realtime API can use it as well; the functions that a session offers are what can be asked for. With the openai package:
  AsyncOpenAI(api_key="none", websocket_base_url="ws://127.0.0.1:8765/v1").realtime.connect(model="hearthd-offline")

It takes the sockets that systemd or hearthd hands over (LISTEN_FDS), and then ends when nobody has come for ten
minutes, to be started again by the next who comes. Else it listens on $RUNTIME_DIRECTORY/offline.sock, or
$XDG_RUNTIME_DIR/hearthd/offline.sock. Four clients may be connected at once; the next one gets HTTP 503. Programs of
this machine alone get in: no other machine, and no page of the web.

SIGTERM and SIGINT (Ctrl-C) stop it in under two seconds; a second one stops it at once.

exit codes: 0 stopped, 1 cannot listen there, 70 crashed, 78 the configuration cannot be used
"""
STOP_S: Final = 1.9
"""A stop must be over in 2 s."""
IDLE_MINUTES: Final = 10.0
"""With a socket that was handed over, whose owner starts the server again when somebody comes."""

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--socket", type=Path, metavar="PATH", help="listen on a UNIX socket there")
    where.add_argument(
        "--port", type=port, metavar="N", help="listen on this TCP port of 127.0.0.1; 0 takes a free one"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="take voice, speed and pitch from [offline] there")
    voices = (*FLITE_VOICES, *ESPEAK_VOICES)
    parser.add_argument(
        "--voice", choices=voices, metavar="NAME", help=f"{', '.join(FLITE_VOICES)} (flite), or one of espeak-ng's"
    )
    parser.add_argument("--speed", type=factor, metavar="X", help="times the voice's own speed, 0.5 to 2")
    parser.add_argument("--pitch", type=factor, metavar="X", help="times the voice's own pitch, 0.5 to 2")
    parser.add_argument(
        "--exit-when-idle", type=float, metavar="MIN", help="end when nobody has come for so many minutes"
    )
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")


def main(options: argparse.Namespace) -> int:
    """Serve; returns 0 after a stop, 1 when it cannot listen, 70 after a crash, 78 for settings of no use."""
    settings = _settings(options)
    if settings is None:
        return EXIT_BAD_CONFIG
    from hearthd.adapters.journal import configure_logging
    from hearthd.offline.serving.sockets import CannotListen

    configure_logging(options.log_level)
    handed_over = bool(os.environ.get("LISTEN_FDS"))
    try:
        listening = _listening(options)
    except CannotListen as problem:
        complain(str(problem))
        return EXIT_FAILED
    idle_minutes = IDLE_MINUTES if handed_over and options.exit_when_idle is None else options.exit_when_idle
    try:
        asyncio.run(_serve(listening, settings, None if idle_minutes is None else idle_minutes * 60))
    except Exception:
        log.critical("the offline server crashed; this is a bug", exc_info=True, extra={"HEARTHD_EVENT": "crash"})
        return EXIT_CRASHED
    return 0


def _settings(options: argparse.Namespace) -> OfflineSettings | None:
    """Put the arguments over the settings; None after telling what is wrong with those."""
    settings = OfflineSettings()
    if options.config is not None:
        loaded = settings_or_explain(options.config)
        if loaded is None:
            return None
        settings = loaded.offline
    wanted = {name: getattr(options, name) for name in ("voice", "speed", "pitch")}
    import msgspec

    return msgspec.structs.replace(settings, **{name: value for name, value in wanted.items() if value is not None})


def _listening(options: argparse.Namespace) -> "list[Listening]":
    """Open what to listen on; what somebody hands over comes first. Raises `CannotListen`."""
    from hearthd.offline.serving import sockets

    if handed := sockets.handed_over(os.environ):
        return handed
    if options.port is not None:
        return [sockets.on_port(options.port)]
    return [sockets.on_path(options.socket or sockets.default_path(os.environ, os.getuid()))]


async def _serve(listening: "list[Listening]", settings: OfflineSettings, idle_s: float | None) -> None:
    from hearthd.adapters.systemd import SystemdSupervisor
    from hearthd.offline.serving.assembly import worker_command
    from hearthd.offline.serving.server import OfflineServer
    from hearthd.offline.serving.workshop import Workshop

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _ask_to_stop, stop)
    supervisor = SystemdSupervisor()
    workshop = Workshop(worker_command(settings.voice, settings.speed, settings.pitch))

    def ready() -> None:
        for one in listening:
            print(one.address, flush=True)
        supervisor.ready("answers house commands without any cloud")
        log.info("the offline server is ready", extra={"HEARTHD_EVENT": "offline_ready"})

    await OfflineServer(workshop, _local_time, idle_s=idle_s).run(listening, stop, ready)
    supervisor.stopping("stops")


def _local_time() -> datetime:
    return datetime.now().astimezone()  # noqa: TID251 - people ask for the time of their own clock.


def _ask_to_stop(stop: asyncio.Event) -> None:
    if stop.is_set():
        os._exit(0)
    stop.set()
    deadline = threading.Timer(STOP_S, os._exit, (0,))
    deadline.daemon = True
    deadline.start()


def port(text: str) -> int:
    """Read `--port`; argparse shows this function's name to whoever mistypes it."""
    number = int(text)
    if not 0 <= number < 2**16:
        raise argparse.ArgumentTypeError("expected a number from 0 to 65535")
    return number


def factor(text: str) -> float:
    """Read `--speed` or `--pitch`; as `port`."""
    number = float(text)
    if not 0.5 <= number <= 2.0:  # noqa: PLR2004 - as the settings have it.
        raise argparse.ArgumentTypeError("expected a number from 0.5 to 2")
    return number
