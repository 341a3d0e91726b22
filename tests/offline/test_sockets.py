"""Where the server listens, and whose place it never takes."""

import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hearthd.offline.serving import sockets
from hearthd.offline.serving.sockets import CannotListen


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder whose path is short, as that of a socket must be."""
    with tempfile.TemporaryDirectory(prefix="hearthd-") as made:
        yield Path(made)


def connects(path: Path) -> bool:
    """Tell whether somebody listens there."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def test_a_socket_file_is_private_and_goes_with_its_server(folder: Path) -> None:
    """Owner and group may connect, the folder is the owner's alone, and nothing is left behind."""
    path = folder / "new" / "offline.sock"
    listening = sockets.on_path(path)
    assert connects(path)
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o660, 0o700)
    assert listening.address == f"ws+unix://{path}"
    listening.close()
    assert list(path.parent.iterdir()) == []


def test_what_a_dead_server_left_behind_is_replaced(folder: Path) -> None:
    """A crash or a power cut needs nobody to clean up."""
    path = folder / "offline.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert not connects(path)
    with closing(sockets.on_path(path)):
        assert connects(path)


def test_a_living_server_keeps_its_place(folder: Path) -> None:
    """The second one is told what to do, and the first does not notice."""
    path = folder / "offline.sock"
    with closing(sockets.on_path(path)):
        with pytest.raises(CannotListen, match="another server listens there already; use that one, or name another"):
            sockets.on_path(path)
        assert connects(path)


def test_a_place_that_was_taken_over_is_left_alone(folder: Path) -> None:
    """Whoever replaced our file keeps theirs when we go."""
    path = folder / "offline.sock"
    first = sockets.on_path(path)
    path.unlink()
    with closing(sockets.on_path(path)):
        first.close()
        assert connects(path)


def test_a_file_that_is_no_socket_is_not_removed(folder: Path) -> None:
    """It may be somebody's."""
    path = folder / "letter.txt"
    path.write_text("Dear")
    with pytest.raises(CannotListen, match="there is a file that is no socket"):
        sockets.on_path(path)
    assert path.read_text() == "Dear"


def test_a_folder_that_everybody_may_change_is_not_trusted(folder: Path) -> None:
    """Somebody else could put their own socket in the place of ours."""
    folder.chmod(0o777)
    with pytest.raises(CannotListen, match="who could listen in our place"):
        sockets.on_path(folder / "offline.sock")


def test_a_path_that_the_system_refuses_is_told(folder: Path) -> None:
    """With what to do about it."""
    with pytest.raises(CannotListen, match="name another place with --socket"):
        sockets.on_path(folder / ("x" * 200) / "offline.sock")


def test_a_port_is_of_this_machine_alone() -> None:
    """Any free one, or a certain one that is free."""
    with closing(sockets.on_port(0)) as listening:
        host, port = listening.socket.getsockname()
        assert host == "127.0.0.1"
        assert listening.address == f"ws://127.0.0.1:{port}/v1/realtime"
        with pytest.raises(CannotListen, match=f"cannot listen on port {port}: Address already in use"):
            sockets.on_port(port)


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"RUNTIME_DIRECTORY": "/run/a:/run/b", "XDG_RUNTIME_DIR": "/run/user/7"}, "/run/a/offline.sock"),
        ({"XDG_RUNTIME_DIR": "/run/user/7"}, "/run/user/7/hearthd/offline.sock"),
        ({}, "hearthd-7/offline.sock"),
    ],
)
def test_the_usual_place_is_the_services_or_the_users(environment: dict[str, str], path: str) -> None:
    """What systemd made comes first."""
    assert str(sockets.default_path(environment, 7)).endswith(path)


# ----------------------------------------------------------------------------------------------------- handed over


@pytest.fixture
def third_descriptor() -> Iterator[None]:
    """Keep what is descriptor 3 while a test puts something else there."""
    try:
        kept = os.dup(3)
    except OSError:
        kept = -1
    yield
    if kept < 0:
        os.close(3)
    else:
        os.dup2(kept, 3)
        os.close(kept)


def environment(pid: int | None = None) -> dict[str, str]:
    """Return what systemd sets."""
    return {"LISTEN_PID": str(pid or os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "offline", "HOME": "/"}


def test_sockets_for_somebody_else_are_not_taken() -> None:
    """The variables may have been inherited; they are removed all the same."""
    for variables in ({}, environment(pid=1), {**environment(), "LISTEN_FDS": "many"}):
        assert sockets.handed_over(variables) == []
        assert variables.keys() <= {"HOME"}


@pytest.mark.usefixtures("third_descriptor")
def test_a_handed_socket_is_taken(folder: Path) -> None:
    """As sd_listen_fds(3) has it; its file stays when we go, because it is not ours."""
    path = folder / "realtime.sock"
    with socket.socket(socket.AF_UNIX) as given:
        given.bind(str(path))
        given.listen()
        os.dup2(given.fileno(), 3, inheritable=True)
    variables = environment()
    [listening] = sockets.handed_over(variables)
    assert variables == {"HOME": "/"}
    assert (listening.local, listening.address) == (True, f"ws+unix://{path}")
    assert not os.get_inheritable(3)
    assert connects(path)
    kept = os.dup(3)
    listening.close()
    assert path.exists()
    os.dup2(kept, 3)
    os.close(kept)


@pytest.mark.usefixtures("third_descriptor")
def test_a_descriptor_that_nobody_can_connect_to_is_told() -> None:
    """A datagram socket, a socket that does not listen, and no socket at all."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_UNIX, kind) as given:
            os.dup2(given.fileno(), 3)
        with pytest.raises(CannotListen, match="it does not listen"):
            sockets.handed_over(environment())
    with open(os.devnull) as nothing:  # noqa: PTH123 - a descriptor is wanted
        os.dup2(nothing.fileno(), 3)
    with pytest.raises(CannotListen, match="it is no socket"):
        sockets.handed_over(environment())
