"""Where log records go: to the journal with their fields, or to stderr as lines for people."""

import faulthandler
import json
import logging
import os
import sys
from typing import Final

FIELD_PREFIX: Final = "HEARTHD_"
"""Names of our own journal fields begin so; `extra={"HEARTHD_EVENT": "wake"}` sets one."""

_STDERR: Final = 2
_IDENTIFIER: Final = "hearthd"
_REDUNDANT: Final = frozenset({"CODE_ARGS", "EXCEPTION_INFO"})


def configure_logging(level: str) -> None:
    """Send records of `level` ("debug", "info", "warning", "error") and above to the journal, else to stderr.

    The journal is chosen when stderr already is the journal (`JOURNAL_STREAM`): systemd-python drops messages
    without an error when no journal listens. Fields named `HEARTHD_*` in a record's `extra` become journal
    fields, or `key=value` behind the message on stderr.

    Libraries never log below INFO, whatever `level` says: at DEBUG, websockets writes down the request
    headers, and with them the API key. A fatal signal, the watchdog's SIGABRT among them, writes the
    tracebacks of all threads to stderr. May be called again; the last call counts.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    handler = (_journal_handler() if stderr_is_journal() else None) or _stderr_handler()
    logging.basicConfig(level=max(threshold, logging.INFO), handlers=[handler], force=True)
    logging.getLogger(_IDENTIFIER).setLevel(threshold)
    faulthandler.enable(file=_STDERR)


def stderr_is_journal() -> bool:
    """Tell whether what this process writes to stderr becomes entries of the journal."""
    try:
        stderr = os.fstat(_STDERR)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{stderr.st_dev}:{stderr.st_ino}"


class LineFormatter(logging.Formatter):
    """One line for people: time, level, message, then the record's own fields as `key=value`."""

    default_msec_format = "%s.%03d"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name for this hook.
        """Lay out one record whose message is already filled in."""
        ours = record.name.partition(".")[0] in {_IDENTIFIER, "root"}
        message = record.message if ours else f"{record.name}: {record.message}"
        line = f"{self.formatTime(record)}  {record.levelname.lower():<8} {message}"
        # What the message already says stands once on a person's line; the journal keeps it as a field as well.
        stated = {str(argument) for argument in record.args} if isinstance(record.args, tuple) else set()
        fields = " ".join(
            f"{name.removeprefix(FIELD_PREFIX).lower()}={_legible(value)}"
            for name, value in vars(record).items()
            if name.startswith(FIELD_PREFIX) and str(value) not in {"", *stated}
        )
        return f"{line}  {fields}" if fields else line


def _legible(value: object) -> str:
    """Write a value so that a reader sees where it ends: quoted and escaped unless it is one plain word."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    plain = text.isprintable() and not any(character in ' "=' for character in text)
    return text if plain and text else json.dumps(text, ensure_ascii=False)


def _stderr_handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    return handler


def _journal_handler() -> logging.Handler | None:
    """Make a handler that writes entries with fields; None when systemd-python is not installed."""
    try:
        import systemd.journal as journal  # noqa: PLC0415, PLR0402 - 25 ms and 4 MB that only a journal is worth.
    except ImportError:
        return None

    def send(message: str, /, **fields: object) -> None:
        # The handler hands over every attribute of the record; the journal takes upper-case names alone, and
        # the arguments already stand in the message.
        known = {name: value for name, value in fields.items() if name.isupper() and name not in _REDUNDANT}
        journal.send(message, **known)

    handler: logging.Handler = journal.JournalHandler(sender_function=send, SYSLOG_IDENTIFIER=_IDENTIFIER)
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler
