"""What only the way to the embedded server can get wrong: which server, and the life of the child."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from hearthd.adapters import child, offline_server
from hearthd.adapters.offline_server import OfflineTransport
from hearthd.core.settings import OfflineSettings
from hearthd.ports import LinkConnection, LinkUnavailable
from tests.doubles import listening_server
from tests.doubles.sandbox import until

pytestmark = pytest.mark.timeout(60)

STAND_IN = (sys.executable, listening_server.__file__)


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of our own for sockets, as systemd gives one: its path is short, as that of a socket must be."""
    with tempfile.TemporaryDirectory(prefix="hearthd-") as folder:
        monkeypatch.setenv("RUNTIME_DIRECTORY", folder)
        yield Path(folder)


def server(
    *command: str, settings: OfflineSettings | None = None, unit: Path = Path("/nonexistent")
) -> OfflineTransport:
    """Make the way to a child that runs `command`, by default the stand-in."""
    return OfflineTransport(settings or OfflineSettings(), command=command or STAND_IN, unit_socket=unit)


async def greeting(connection: LinkConnection) -> dict[str, Any]:
    """Return what the stand-in says of itself."""
    said = json.loads(await anext(connection.receive()))
    assert isinstance(said, dict)
    return said


async def refusal(way: OfflineTransport) -> LinkUnavailable:
    """Connect, which must fail, and return how."""
    with pytest.raises(LinkUnavailable) as failed:
        async with way.connect():
            pass
    return failed.value


async def soon(happened: Callable[[], bool]) -> None:
    """Wait for something that comes soon."""
    async with asyncio.timeout(20):
        while True:
            if happened():
                return
            await asyncio.sleep(0.01)


def inside(folder: Path) -> list[Path]:
    """Return what lies there."""
    return list(folder.iterdir())


def is_zombie(pid: int) -> bool:
    """Tell whether it has ended and was not reaped."""
    try:
        return "\nState:\tZ" in Path("/proc", str(pid), "status").read_text()
    except OSError:
        return False


def gone(pid: int) -> bool:
    """Tell whether there is no such process, not even a zombie."""
    return not Path("/proc", str(pid)).exists()


# --------------------------------------------------------------------------------------------------- which server


@asynccontextmanager
async def standing(path: Path) -> AsyncIterator[None]:
    """Let a server listen there that greets with its place."""

    async def talk(connection: ServerConnection) -> None:
        assert connection.request is not None
        await connection.send(json.dumps({"path": str(path), "asked": connection.request.path}))
        await connection.wait_closed()

    async with serve(talk, unix=True, path=str(path)):
        yield


async def test_the_server_of_the_settings_comes_first(runtime: Path) -> None:
    """It is asked for neither model nor key, and no child is started."""
    ours, units = runtime / "ours", runtime / "units"
    async with (
        standing(ours),
        standing(units),
        server("/bin/false", settings=OfflineSettings(socket=str(ours)), unit=units) as way,
        way.connect() as connection,
    ):
        assert await greeting(connection) == {"path": str(ours), "asked": "/v1/realtime"}
        assert way.child_pid is None


async def test_the_units_server_comes_next_as_soon_as_its_socket_is_there(runtime: Path) -> None:
    """A unit that is installed while hearthd runs is found."""
    units = runtime / "units"
    async with server(unit=units) as way:
        async with way.connect() as connection:
            assert "pid" in await greeting(connection)
        async with standing(units), way.connect() as connection:
            assert (await greeting(connection))["path"] == str(units)


async def test_a_file_that_is_no_socket_is_no_server(runtime: Path) -> None:
    """Then a child answers."""
    (runtime / "units").write_text("")
    async with server(unit=runtime / "units") as way, way.connect() as connection:
        assert "pid" in await greeting(connection)


async def test_a_server_of_the_settings_that_is_not_there_is_named(runtime: Path) -> None:
    """The owner wanted that one, so no other takes its place."""
    async with server(settings=OfflineSettings(socket=str(runtime / "none"))) as way:
        error = await refusal(way)
        assert error.problem.startswith(f"the offline server at {runtime}/none does not answer: no connection to ")
        assert error.problem.endswith(": No such file or directory")
        assert way.child_pid is None


# ------------------------------------------------------------------------------------------------------ the child


async def test_the_child_starts_with_the_first_connection_and_ends_with_us(runtime: Path) -> None:
    """Connections share it; afterwards neither process nor socket is left."""
    async with server() as way:
        assert inside(runtime) == []
        async with way.connect() as first, way.connect() as second:
            pid = (await greeting(first))["pid"]
            assert (await greeting(second))["pid"] == pid == way.child_pid
            await second.send("hello")
            assert await anext(second.receive()) == "hello"
            [folder] = inside(runtime)
            assert folder.stat().st_mode & 0o777 == 0o700
    assert gone(pid)
    assert inside(runtime) == []


async def test_the_child_knows_no_secrets_and_not_our_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs no key, and must not speak to systemd in our name."""
    secrets = ("OPENAI_API_KEY", "HEARTHD_MQTT_PASSWORD", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC")
    for name in secrets:
        monkeypatch.setenv(name, "hush")
    monkeypatch.setenv("PATH_TO_ITS_PARTS", "kept")
    async with server() as way, way.connect() as connection:
        environment = (await greeting(connection))["environment"]
    assert "hush" not in str(environment)
    assert environment["PATH_TO_ITS_PARTS"] == "kept"


async def test_a_killed_child_is_replaced_at_the_next_connection(caplog: pytest.LogCaptureFixture) -> None:
    """The connection ends as an outage, no zombie stays, and the same address leads to the new one."""
    async with server() as way:
        async with way.connect() as connection:
            first = (await greeting(connection))["pid"]
            os.kill(first, signal.SIGKILL)
            with pytest.raises(LinkUnavailable):
                await anext(connection.receive())
        await soon(lambda: gone(first))
        assert "the offline server was ended by SIGKILL" in caplog.messages
        async with way.connect() as connection:
            assert (await greeting(connection))["pid"] not in {first, None}


async def test_a_child_that_dies_of_its_start_is_told_and_not_started_in_a_circle() -> None:
    """At once it is tried a second time; then the pauses grow, and say how long they are."""
    async with server("/bin/sh", "-c", "exit 3") as way:
        for _ in range(2):
            assert (await refusal(way)).problem == "the offline server ended with 3 before it answered"
        error = await refusal(way)
        assert error.problem == "the offline server keeps ending; it is started again in 1 s"
        assert error.retry_after_s is not None
        assert 0.0 < error.retry_after_s <= 1.0


async def test_pauses_grow_to_a_cap_and_a_long_life_ends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Doubled from one second; a child that lived long begins anew."""
    way = server()
    now_s = 1000.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now_s)

    class Ended:
        pid, outcome, ended_well = 1, "ended with 1", False

    pauses: list[float] = []
    for lived_s in (0.0, 1.0, 1.0, 59.0, *[1.0] * 4, 60.0, 0.0):
        way._started_s = now_s
        now_s += lived_s
        way._child = Ended()  # type: ignore[assignment] # It has ended, and nothing more is asked of it.
        way._child_ended()
        pauses.append(way._next_start_s - now_s)
    assert pauses == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 0.0, 1.0]


async def test_a_child_that_nobody_needs_may_go(caplog: pytest.LogCaptureFixture) -> None:
    """Its end is no trouble, however often it comes, and it is there again when somebody asks."""
    caplog.set_level("INFO")
    async with server() as way:
        for _ in range(3):
            async with way.connect() as connection:
                pid = (await greeting(connection))["pid"]
            os.kill(pid, signal.SIGTERM)
            await soon(lambda: way.child_pid is None)
    assert caplog.messages.count("the offline server has ended, for nobody needs it") == 3


async def test_a_program_that_is_not_there_is_told() -> None:
    """The launcher says why on standard error, and we say that it ended."""
    async with server("/nonexistent/hearthd") as way:
        assert (await refusal(way)).problem == "the offline server ended with 1 before it answered"


async def test_a_machine_without_room_for_a_socket_is_told(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the system's own words, and a later attempt may succeed."""
    deep = runtime / ("x" * 100)
    deep.mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(deep))
    async with server() as way:
        assert (await refusal(way)).problem == "the offline server cannot be started: AF_UNIX path too long"


async def test_a_child_that_ignores_the_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its grace, and it is gone when the context is left."""
    monkeypatch.setattr(child, "STOP_S", 0.1)
    async with server(*STAND_IN, "deaf") as way, way.connect() as connection:
        pid = (await greeting(connection))["pid"]
    assert gone(pid)


async def test_a_cancelled_end_still_ends_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for its grace then."""
    monkeypatch.setattr(child, "STOP_S", 1000.0)
    pids: list[int] = []

    async def leave_in_haste() -> None:
        async with asyncio.timeout(None) as limit, server(*STAND_IN, "deaf") as way, way.connect() as connection:
            pids.append((await greeting(connection))["pid"])
            limit.reschedule(asyncio.get_running_loop().time() + 0.1)

    with pytest.raises(TimeoutError):
        await leave_in_haste()
    assert [gone(pid) for pid in pids] == [True]


async def test_who_gives_up_connecting_leaves_the_child_alone() -> None:
    """A start that takes longer than somebody waits is there for the next one."""
    async with server() as way:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0), way.connect():
                pass
        async with way.connect() as connection:
            assert (await greeting(connection))["pid"] == way.child_pid


def test_when_hearthd_is_killed_its_child_is_gone() -> None:
    """Nothing that has a microphone's words may outlive the one who answers for it."""
    program = (
        "import asyncio, sys\n"
        "from hearthd.adapters.offline_server import OfflineTransport\n"
        "from hearthd.core.settings import OfflineSettings\n"
        "async def main():\n"
        f"    async with OfflineTransport(OfflineSettings(), command={STAND_IN!r}) as way, way.connect():\n"
        "        print(way.child_pid, flush=True)\n"
        "        await asyncio.sleep(1000)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    until("the child is gone, or waits for its new parent to notice", lambda: gone(pid) or is_zombie(pid))


def test_without_a_folder_of_the_service_the_users_own_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the machine's folder for temporary files when there is neither."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", f"{tmp_path / 'one'}:{tmp_path}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert offline_server._runtime_folder() == str(tmp_path)
    (tmp_path / "one").mkdir()
    assert offline_server._runtime_folder() == str(tmp_path / "one")
    monkeypatch.setenv("RUNTIME_DIRECTORY", "")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    assert offline_server._runtime_folder() not in {"", str(tmp_path)}


def test_every_end_has_words() -> None:
    """Signals by their names, where they have one."""
    assert [child._signal_name(number) for number in (9, 15, 40)] == ["SIGKILL", "SIGTERM", "signal 40"]
