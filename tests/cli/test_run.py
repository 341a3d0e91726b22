"""Contract of `hearthd run`: exit codes, signals, and an end that nothing can hold up."""

import logging
import os
import re
import selectors
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hearthd.__main__ import main

LIMIT_S = 20
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    """A configuration that is right."""
    file = tmp_path / "hearthd.toml"
    file.write_text("[mqtt]\nhost = ''\ntls = true\n")
    return file


@contextmanager
def running(file: Path, serve: str, *options: str, loading: str = "pass") -> Iterator[subprocess.Popen[str]]:
    """Run the command as a process of its own, with `serve` as the body of `compose.serve`.

    `loading` runs when `compose` is imported.
    """
    program = f"""
import asyncio, logging, os, sys, threading, time, types
from hearthd.core.wake_model import WakeModelUnusable
compose = types.ModuleType("hearthd.compose")
async def serve(settings, *, stop):
{textwrap.indent(textwrap.dedent(serve), "    ")}
compose.serve = serve
import hearthd
def load(name):
    if name != "compose":
        raise AttributeError(name)
{textwrap.indent(textwrap.dedent(loading), "    ")}
    return compose
hearthd.__getattr__ = load
from hearthd.__main__ import main
sys.exit(main(["run", "--config", {str(file)!r}, *{options!r}]))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "daemon")},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(process: subprocess.Popen[str], word: str) -> None:
    """Wait until the process prints a line with `word` on stdout."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        assert selector.select(LIMIT_S), f"{word!r} did not come"
    assert word in process.stdout.readline()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end; returns exit code and stderr."""
    _, told = process.communicate(timeout=LIMIT_S)
    return process.returncode, told


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_order(settings_file: Path, number: signal.Signals) -> None:
    """The daemon is asked to stop, ends in its own way, and the exit code is 0."""
    serve = """
        print("up", flush=True)
        await stop.wait()
        print("closing", flush=True)
    """
    with running(settings_file, serve) as process:
        wait_for(process, "up")
        process.send_signal(number)
        wait_for(process, "closing")
        code, told = ended(process)
    assert code == 0
    assert "Traceback" not in told


def test_a_signal_while_the_program_still_loads_stops_it_in_order(settings_file: Path) -> None:
    """Loading takes seconds on a small machine, and a restart of the machine may come right then."""
    loading = """
        print("loading", flush=True)
        sys.stdin.readline()
    """
    with running(settings_file, "await stop.wait()", loading=loading) as process:
        wait_for(process, "loading")
        process.terminate()
        assert process.stdin is not None
        process.stdin.write("go on\n")
        process.stdin.flush()
        code, told = ended(process)
    assert code == 0
    assert "Traceback" not in told


def test_a_daemon_that_does_not_end_is_cut_off(settings_file: Path) -> None:
    """A stop is over in two seconds even if the event loop's own work never is."""
    serve = """
        print("up", flush=True)
        await asyncio.Event().wait()
    """
    with running(settings_file, serve) as process:
        wait_for(process, "up")
        process.terminate()
        code, told = ended(process)
    assert code == 0
    assert "did not end in time and is cut off" in told


def test_a_thread_that_hangs_does_not_keep_the_process_alive(settings_file: Path) -> None:
    """Python would wait for it for ever; its name is told, so that the driver at fault is known."""
    serve = """
        threading.Thread(target=time.sleep, args=(60,), name="capture hw:0").start()
        print("up", flush=True)
        await stop.wait()
    """
    with running(settings_file, serve) as process:
        wait_for(process, "up")
        process.terminate()
        code, told = ended(process)
    assert code == 0
    assert re.search("cut off.*capture hw:0", told)


def test_a_second_signal_ends_it_at_once(settings_file: Path) -> None:
    """Whoever presses Ctrl-C twice means it."""
    serve = """
        print("up", flush=True)
        await stop.wait()
        print("closing", flush=True)
        await asyncio.Event().wait()
    """
    with running(settings_file, serve) as process:
        wait_for(process, "up")
        process.terminate()
        wait_for(process, "closing")
        process.terminate()
        code, told = ended(process)
    assert code == 0
    assert "stopped at once, because somebody asked twice" in told


def test_a_crash_is_70_even_if_a_thread_hangs(settings_file: Path) -> None:
    """The journal has the traceback, and systemd restarts us."""
    serve = """
        threading.Thread(target=time.sleep, args=(60,), name="playback hw:0").start()
        raise ZeroDivisionError("boom")
    """
    with running(settings_file, serve) as process:
        code, told = ended(process)
    assert code == 70
    assert "hearthd crashed; this is a bug" in told
    assert "ZeroDivisionError: boom" in told


def test_a_wake_word_that_cannot_be_loaded_is_78(settings_file: Path) -> None:
    """No restart mends it, so systemd leaves it to the owner."""
    with running(settings_file, 'raise WakeModelUnusable("x.json", "its model is damaged")') as process:
        code, told = ended(process)
    assert code == 78
    assert f'  {settings_file}: wake.words: wake word "x.json": its model is damaged\n' in told
    assert "Traceback" not in told


def test_warnings_of_the_settings_are_told_at_the_start(settings_file: Path) -> None:
    """What is hardly meant stands in the journal, whatever else happens."""
    with running(settings_file, "pass") as process:
        code, told = ended(process)
    assert code == 0
    assert "brokers speak TLS on 8883" in told


@pytest.mark.parametrize(("options", "level"), [((), "INFO"), (("--log-level", "debug"), "DEBUG")])
def test_the_level_of_the_command_line_counts_before_that_of_the_file(
    settings_file: Path, options: tuple[str, ...], level: str
) -> None:
    """`--log-level` is for one start, the file for all."""
    serve = 'print(logging.getLevelName(logging.getLogger("hearthd").getEffectiveLevel()), flush=True)'
    with running(settings_file, serve, *options) as process:
        wait_for(process, level)
        assert ended(process)[0] == 0


def test_a_configuration_that_cannot_be_used_is_78(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is started, nothing is logged, and the mistakes stand on stderr."""
    file = tmp_path / "hearthd.toml"
    file.write_text("[gate]\nvad_level = 9\n")
    handlers = logging.getLogger().handlers[:]
    assert main(["run", "--config", str(file)]) == 78
    assert logging.getLogger().handlers == handlers
    assert f"  {file}:2: gate.vad_level: expected" in capsys.readouterr().err


def test_a_missing_configuration_is_78_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It does not go on with defaults in a house that it does not know."""
    assert main(["run", "--config", str(tmp_path / "absent.toml")]) == 78
    assert f"{tmp_path}/absent.toml: cannot be read: No such file" in capsys.readouterr().err
