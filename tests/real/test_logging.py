"""What a person reads on stderr when no journal takes the records."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping

import pytest

_SET_UP = """
import logging, os
from hearthd.adapters.journal import configure_logging
configure_logging({level!r})
log = logging.getLogger("hearthd.conductor")
"""


def _stderr_of(program: str, *, level: str = "info", environment: Mapping[str, str] | None = None) -> str:
    inherited = {name: value for name, value in os.environ.items() if name != "JOURNAL_STREAM"}
    inherited["PYTHONPATH"] = os.pathsep.join(sys.path)
    return subprocess.run(
        [sys.executable, "-c", _SET_UP.format(level=level) + program],
        env=inherited | dict(environment or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    ).stderr


def _without_times(text: str) -> list[str]:
    return [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}  ", "", line) for line in text.splitlines()]


def test_a_line_has_time_level_message_and_fields() -> None:
    """Fields stand behind the message: numbers short, what has spaces in quotes, what is empty or said left out."""
    text = _stderr_of(
        "log.info('Turn finished: %s', 'all said', extra={'HEARTHD_TURN': 't-1', 'HEARTHD_LATENCY_MS': 412,"
        " 'HEARTHD_COST_USD': 0.00083000001, 'HEARTHD_NAME': 'two words', 'HEARTHD_EMPTY': '',"
        " 'HEARTHD_SAID': 'all said', 'other': 1})"
    )

    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}  info ", text)
    assert _without_times(text) == [
        'info     Turn finished: all said  turn=t-1 latency_ms=412 cost_usd=0.00083 name="two words"'
    ]


def test_a_field_cannot_start_a_new_line() -> None:
    """What a device or a server calls itself stays inside its quotes."""
    text = _stderr_of("log.error('Refused', extra={'HEARTHD_REASON': 'no\\n2026 info all is well'})")

    assert _without_times(text) == ['error    Refused  reason="no\\n2026 info all is well"']


def test_a_library_is_named_and_our_own_parts_are_not() -> None:
    """Who complains is worth a word only when it is not hearthd."""
    text = _stderr_of("logging.getLogger('asyncio').warning('slow'); log.warning('The broker is away')")

    assert _without_times(text) == ["warning  asyncio: slow", "warning  The broker is away"]


def test_an_exception_keeps_its_traceback() -> None:
    """A crash can be mended from what is printed."""
    text = _stderr_of("try: 1 / 0\nexcept ZeroDivisionError: log.exception('The conductor stopped')")

    assert "error    The conductor stopped\nTraceback (most recent call last):" in text
    assert text.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize(("level", "seen"), [("debug", ["debug    ours"]), ("info", [])])
def test_libraries_stay_silent_below_info(level: str, seen: list[str]) -> None:
    """At DEBUG, websockets would write down the request headers and with them the API key."""
    program = "log.debug('ours'); logging.getLogger('websockets.client').debug('> Authorization: Bearer sk-1')"

    assert _without_times(_stderr_of(program, level=level)) == seen


def test_another_stream_that_is_the_journal_does_not_count() -> None:
    """Redirected stderr gets the records although JOURNAL_STREAM is set."""
    text = _stderr_of("log.info('here')", environment={"JOURNAL_STREAM": "1:2"})

    assert _without_times(text) == ["info     here"]


def test_configuring_twice_does_not_write_twice() -> None:
    """The last call counts."""
    assert _without_times(_stderr_of("configure_logging('error'); log.warning('a'); log.error('b')")) == ["error    b"]


def test_a_fatal_signal_leaves_tracebacks() -> None:
    """The watchdog's SIGABRT shows where every thread stood."""
    text = _stderr_of("os.abort()")

    assert text.startswith("Fatal Python error: Aborted")
    assert "most recent call first" in text
