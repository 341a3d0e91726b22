"""`hearthd offline` as a process of its own: where it listens, and that it stops in time."""

import asyncio
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import connect, unix_connect

from hearthd import __main__
from hearthd.adapters.child import ListeningChild
from hearthd.offline.serving import sockets
from tests.doubles.realtime.client import RawClient

DEADLINE_S = 30
COMMAND = [sys.executable, "-P", "-m", "hearthd", "offline"]
QUESTION = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What can you do?"}]}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder whose path is short, as that of a socket must be."""
    with tempfile.TemporaryDirectory(prefix="hearthd-") as made:
        yield Path(made)


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command for the time of the context; yields the process and the address that it prints, if any."""
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end, and return exit code and what was told on stderr."""
    _, told = process.communicate(timeout=DEADLINE_S)
    return process.returncode, told


async def answer(raw: RawClient) -> str:
    """Have a written question answered in writing."""
    await raw.until("session.created")
    await raw.send("conversation.item.create", item=QUESTION)
    response = await raw.ask({"output_modalities": ["text"]})
    text: str = response["output"][0]["content"][0]["text"]
    return text


async def test_it_serves_on_a_port_until_it_is_stopped() -> None:
    """With a session open, a stop is a success, and the client is told."""
    with running("--port", "0") as (process, address):
        assert address.startswith("ws://127.0.0.1:")
        async with connect(address) as socket_, asyncio.timeout(DEADLINE_S):
            assert "tell you the time" in await answer(RawClient(socket_))
            process.send_signal(signal.SIGTERM)
            await socket_.wait_closed()
            assert socket_.close_code == 1_001
        assert ended(process)[0] == 0


async def test_it_serves_on_a_socket_file(folder: Path) -> None:
    """The place that is asked for; a second server is told that it is taken."""
    path = folder / "here.sock"
    with running("--socket", str(path)) as (process, address):
        assert address == f"ws+unix://{path}"
        async with unix_connect(str(path), "ws://localhost/v1/realtime") as socket_, asyncio.timeout(DEADLINE_S):
            assert await answer(RawClient(socket_)) != ""
        with running("--socket", str(path)) as (second, _):
            code, told = ended(second)
            assert code == 1
            assert "another server listens there already" in told
        process.send_signal(signal.SIGINT)
        assert ended(process)[0] == 0
    assert not path.exists()


async def test_it_serves_on_a_socket_that_is_handed_over(folder: Path) -> None:
    """As hearthd starts it: and when nobody has come for a while, it ends without complaint."""
    path = folder / "realtime.sock"
    over = asyncio.Event()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        child = ListeningChild([*COMMAND, "--exit-when-idle", "0.01"], listening, over.set)
        try:
            async with unix_connect(str(path), "ws://localhost/v1/realtime") as socket_, asyncio.timeout(DEADLINE_S):
                assert await answer(RawClient(socket_)) != ""
            async with asyncio.timeout(DEADLINE_S):
                await over.wait()
            assert child.outcome == "ended with 0"
        finally:
            await child.end()
    assert path.exists()


def test_a_descriptor_of_no_use_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong unit file is mended by its owner."""

    def useless(_: object) -> list[sockets.Listening]:
        raise sockets.CannotListen(
            "the descriptor 3 of LISTEN_FDS", "it does not listen; use ListenStream= in the unit"
        )

    monkeypatch.setattr(sockets, "handed_over", useless)
    assert __main__.main(["offline"]) == 1
    assert "use ListenStream= in the unit" in capsys.readouterr().err


def test_bad_settings_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With file and line, and the exit code that keeps systemd from trying again."""
    config = tmp_path / "hearthd.toml"
    config.write_text('[offline]\nvoice = "sings"\n')
    assert __main__.main(["offline", "--config", str(config)]) == 78
    assert f"{config}:2" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "70000"],
        ["--port", "x"],
        ["--speed", "9"],
        ["--pitch", "low"],
        ["--voice", "sings"],
        ["--port", "1", "--socket", "x"],
    ],
)
def test_misuse_is_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is opened."""
    with pytest.raises(SystemExit) as misused:
        __main__.main(["offline", *arguments])
    assert misused.value.code == 2
    assert "usage: hearthd offline" in capsys.readouterr().err
