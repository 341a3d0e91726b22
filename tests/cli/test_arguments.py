"""Contract of the command line: names, help that teaches, exit codes for misuse."""

import subprocess
import sys

import pytest

from hearthd import __main__, __version__

COMMANDS = [command.NAME for command in __main__.COMMANDS]


def asked(*arguments: str) -> int:
    """Call the command line, which must end by itself, and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        __main__.main(arguments)
    code = ended.value.code
    assert isinstance(code, int)
    return code


def test_help_lists_every_command_with_its_summary(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever types `hearthd --help` sees what there is and how to begin."""
    assert asked("--help") == 0
    told = capsys.readouterr().out
    for command in __main__.COMMANDS:
        assert f"{command.NAME} " in told
    assert "hearthd devices" in told
    assert "hearthd COMMAND --help" in told


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches_in_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Examples and exit codes stand in it."""
    assert asked(command, "--help") == 0
    told = capsys.readouterr().out
    assert f"usage: hearthd {command}" in told
    assert f"examples:\n  hearthd {command}" in told
    assert "exit codes: 0 " in told


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """For bug reports and packaging."""
    assert asked("--version") == 0
    assert capsys.readouterr().out == f"hearthd {__version__}\n"


@pytest.mark.parametrize("arguments", [(), ("dance",), ("run", "--sing"), ("say",), ("run", "--log-level", "loud")])
def test_misuse_is_told_with_the_usual_code(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """2, and how it is meant, on stderr."""
    assert asked(*arguments) == 2
    assert "usage: hearthd" in capsys.readouterr().err


def test_no_command_takes_a_secret() -> None:
    """Everybody on the machine can read arguments."""
    everything = "".join(command.DETAILS for command in __main__.COMMANDS)
    assert "--password" not in everything
    assert "--api-key" not in everything


def test_the_command_line_starts_without_the_heavy_libraries() -> None:
    """Help and mistakes must come at once on a small machine."""
    heavy = "numpy", "rich", "websockets", "aiomqtt", "alsaaudio", "soxr", "pymicro_wakeword"
    program = f"import sys, hearthd.__main__; print([name for name in {heavy} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert answer.stdout == "[]\n"


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    """As in `hearthd --help | head -1`, without a complaint from Python at the end."""
    program = (
        "import sys; from hearthd import __main__; from hearthd.cli import status;"
        "status.main = lambda options: print('x' * 1_000_000) or 0;"
        "sys.exit(__main__.main(['status']))"
    )
    command = f'"{sys.executable}" -c "{program}" | head -c 1'
    answer = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False, timeout=30
    )
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "x", "")


def test_an_interrupted_command_ends_as_shells_expect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is no traceback."""

    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("hearthd.cli.devices.main", interrupted)
    assert __main__.main(["devices"]) == 130
