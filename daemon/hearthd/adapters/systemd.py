"""Readiness, status and watchdog as systemd wants to hear them (`sd_notify(3)`), through systemd-python."""

import logging
import os
from collections.abc import Mapping
from typing import Final

from hearthd.core.plain_text import one_line

try:
    from systemd.daemon import notify as _sd_notify
except ImportError:  # A machine without libsystemd runs the same daemon; nobody listens there.
    _sd_notify = None

_log: Final = logging.getLogger(__name__)

_PATIENCE_S: Final = 20.0
"""How long a sign of life before readiness counts where no watchdog says it; several beats of the daemon."""


class SystemdSupervisor:
    """The `Supervisor` port for a service of `Type=notify`.

    Without `NOTIFY_SOCKET`, or without systemd-python, every call does nothing. A dead socket costs one
    warning and never an exception: whoever watches over us must not be able to take us down. May be called
    from any thread; never waits longer than the kernel takes to queue one datagram.
    """

    def __init__(self) -> None:
        self._watchdog_s = _granted_watchdog_s(os.environ)
        self._starting = True
        self._complained = False

    @property
    def watchdog_s(self) -> float | None:
        """Longest time between two `alive` calls that systemd tolerates; None when it does not watch us."""
        return self._watchdog_s

    def ready(self, status: str) -> None:
        """Say that the service is up, with a plain-words status."""
        self._starting = False
        self._tell("READY=1", _status(status))

    def status(self, text: str) -> None:
        """Say in plain words how we are; shown by `systemctl status`."""
        self._tell(_status(text))

    def alive(self) -> None:
        """Feed the watchdog, which systemd starts with readiness; until then, ask for more time to get there."""
        more_us = round((self._watchdog_s or _PATIENCE_S) * 1_000_000)
        self._tell("WATCHDOG=1", *([f"EXTEND_TIMEOUT_USEC={more_us}"] if self._starting else []))

    def stopping(self, status: str) -> None:
        """Say that we are going down on purpose."""
        self._tell("STOPPING=1", _status(status))

    def _tell(self, *assignments: str) -> None:
        if _sd_notify is None:
            return
        try:
            _sd_notify("\n".join(assignments))
        except OSError as error:
            if not self._complained:
                self._complained = True
                _log.warning("systemd does not hear us: NOTIFY_SOCKET leads nowhere (%s)", error)


def _status(text: str) -> str:
    # A line break would start the next assignment, so that a device name could pretend to be STOPPING=1; a NUL or a
    # lone surrogate, as from a server's words, cannot be sent at all.
    return f"STATUS={one_line(text)}"


def _granted_watchdog_s(environment: Mapping[str, str]) -> float | None:
    """Read the interval as `sd_watchdog_enabled(3)` does: `WATCHDOG_PID`, when set, must be our own."""
    interval_us = environment.get("WATCHDOG_USEC", "")
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    if not interval_us.isdecimal() or int(interval_us) == 0:
        return None
    return int(interval_us) / 1_000_000
