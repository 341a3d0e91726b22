"""`hearthd demo` as a process of its own: what it shows, and how it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hearthd import __main__
from hearthd.demo.guide import SENTENCES
from tests.doubles import speech

LIMIT_S = 100.0
COMMAND = [sys.executable, "-P", "-m", "hearthd", "demo"]


def told_by(lines: str) -> list[list[str]]:
    """Return time, step and story of each line."""
    return [line.split(maxsplit=3)[2:] for line in lines.splitlines()]


@pytest.mark.timeout(LIMIT_S + 10)
def test_a_typed_line_is_spoken_heard_done_and_answered(tmp_path: Path) -> None:
    """From a pipe to a WAV file, with a clean screen: every step is told, and nothing else."""
    answer = tmp_path / "answer.wav"
    command = [*COMMAND, "--interactive", "--output", str(answer)]
    typed = "turn on the kitchen light\n"
    demo = subprocess.run(command, input=typed, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert (demo.returncode, demo.stderr) == (0, ""), demo.stdout
    steps = told_by(demo.stdout)
    assert {step for step, _ in steps} == {"starts", "ready", "spoke", "woken", "heard", "switched", "answered", "done"}
    assert ["spoke", "“turn on the kitchen light”"] in steps
    assert ["switched", 'demo/kitchen light {"state":"ON"}'] in steps
    assert ["answered", "“The kitchen light is on.”"] in steps
    assert -40 < speech.level_dbfs(speech.load(answer, 24_000)) < -10


@pytest.mark.timeout(LIMIT_S + 10)
def test_ctrl_c_ends_it_while_it_waits_for_a_line() -> None:
    """At once, without a traceback, and with nothing left running."""
    with subprocess.Popen(
        [*COMMAND, "--interactive", "--verbose"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as demo:
        assert demo.stdout is not None
        while "ready" not in (line := demo.stdout.readline()):
            assert line
        os.killpg(demo.pid, signal.SIGINT)  # As a terminal does: the server gets it as well.
        _, told = demo.communicate(timeout=LIMIT_S)
    assert demo.returncode == 130
    assert "the offline server is ready" in told
    assert "Traceback" not in told
    with pytest.raises(ProcessLookupError):
        os.killpg(demo.pid, 0)


def test_the_list_is_for_copying(capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence a line, nothing else, so that it can be piped back in."""
    assert __main__.main(["demo", "--list"]) == 0
    assert capsys.readouterr().out.splitlines() == list(SENTENCES)


@pytest.mark.parametrize(("voice", "program"), [("rms", "flite"), ("en-us", "espeak-ng")])
def test_a_voice_that_is_not_installed_is_told_at_once(
    voice: str, program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to install; nothing is started for it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert __main__.main(["demo", "--voice", voice]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert (
        told.err
        == f"hearthd: {program}: is not installed, and has the voice {voice}; try: sudo apt install {program}\n"
    )


@pytest.mark.parametrize("arguments", [["--voice", "nobody"], ["--say", "stop", "--interactive"], ["--say"]])
def test_misuse_is_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is started."""
    with pytest.raises(SystemExit) as misused:
        __main__.main(["demo", *arguments])
    assert misused.value.code == 2
    assert "usage: hearthd demo" in capsys.readouterr().err
