"""A real systemd for tests: process 1 of a throw-away machine that boots within a second and leaves nothing.

The machine is a set of namespaces (`sandbox_boot.sh`): it sees the host's file system through an overlay in
memory, has its own processes, journal and `/etc`, and, unless told otherwise, its own network. Needs root, or sudo
without a password, where namespaces may be made, as in a container started with `--privileged`; what is missing is
an error in plain words, never a reason to skip.
"""

import json
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Literal, Self

from tests.doubles.privilege import as_root

JournalEntry = Mapping[str, object]
"""The fields of one entry, all text unless the text is none."""

KEEPER: Final = Path(__file__).with_name("sandbox_keeper.sh")
_BOOT_LIMIT_S: Final = 60.0
_DOWN_LIMIT_S: Final = 30.0
_POLL_S: Final = 0.05
_SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENVIRONMENT: Final = (
    f"PATH={_SYSTEM_PATH}",
    "LANG=C.UTF-8",
    "HOME=/root",
    "SYSTEMD_PAGER=",
    "SYSTEMD_COLORS=0",
)
_PROGRAMS: Final = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "setsid": "util-linux",
    "ip": "iproute2",
    "dbus-daemon": "dbus",
    "/lib/systemd/systemd": "systemd",
}
_WRITE: Final = 'mkdir -p "${1%/*}" && cat >"$1" && chmod "$2" "$1"'


class SandboxUnavailable(RuntimeError):
    """This machine cannot carry a systemd of its own; the text tells what is missing and what to do."""


class Machine:
    """One booted machine, from `__enter__` to `__exit__`; may be used from several threads at once.

    `workdir` is an empty folder of the host for mount points and the console log. `system` is the root of the
    Debian system that boots and is never changed: the host's own, or any other tree. `network="host"` shares
    the host's network, so that servers of a test on loopback are loopback inside too. `shown` are host folders
    that the machine sees, read-only, at the same place; `shared` maps host folders to where it sees and changes
    them. What it changes there belongs to its own users, not to who runs the test.
    """

    def __init__(
        self,
        workdir: Path,
        *,
        system: Path = Path("/"),
        network: Literal["own", "host"] = "own",
        shown: Sequence[Path] = (),
        shared: Mapping[Path, str] = MappingProxyType({}),
    ) -> None:
        self._workdir = workdir
        self._system = system
        self._network = network
        self._shares = (
            *(f"ro:{path.resolve()}:{path.resolve()}" for path in shown),
            *(f"rw:{path.resolve()}:{inside}" for path, inside in shared.items()),
        )
        self._console = workdir / "console.log"
        self._keeper: subprocess.Popen[bytes] | None = None
        self._init_pid = 0

    def __enter__(self) -> Self:
        """Boot; returns when systemd has started everything. Raises `SandboxUnavailable` or `PrivilegeMissing`."""
        _demand_programs()
        (self._workdir / "memory").mkdir(parents=True, exist_ok=True)
        try:
            self._start()
            self._await_boot()
        except BaseException:
            self._tear_down()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill every process of the machine and wait until nothing of it is left."""
        self._tear_down()

    @property
    def init_pid(self) -> int:
        """The host's process id of the machine's process 1."""
        return self._init_pid

    def read(self, inside: str) -> str:
        """Return the text of a file of the machine; AssertionError when there is none."""
        return self.run("cat", inside).stdout

    def write(self, inside: str, content: str | bytes, *, mode: int = 0o644) -> None:
        """Create or replace a file of the machine, with the folders above it."""
        written = content.encode() if isinstance(content, str) else content
        self._run(("sh", "-c", _WRITE, "sh", inside, f"{mode:o}"), stdin=written)

    def run(self, *command: str, check: bool = True, limit_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run `command` as root inside and return what it said.

        With `check`, an exit code other than 0 is an AssertionError that shows the output.
        """
        done = self._run(command, check=check, limit_s=limit_s)
        said = (stream.decode(errors="replace") for stream in (done.stdout, done.stderr))
        return subprocess.CompletedProcess(command, done.returncode, *said)

    def show(self, unit: str, name: str) -> str:
        """Return one property of a unit, such as `ActiveState` or `NRestarts`."""
        return self.run("systemctl", "show", unit, f"--property={name}", "--value").stdout.strip()

    def journal(self, unit: str, *matches: str) -> list[JournalEntry]:
        """Return the journal's entries about `unit`, oldest first, each with all its fields.

        `matches` narrow them down as journalctl has it: `HEARTHD_EVENT=turn`, `--priority=err`.
        """
        self.run("journalctl", "--sync")
        found = self.run("journalctl", f"--unit={unit}", "--output=json", "--no-pager", *matches).stdout
        return [json.loads(line) for line in found.splitlines()]

    def _run(
        self, command: Sequence[str], *, check: bool = True, limit_s: float = 60.0, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        enter = ("nsenter", f"--target={self._init_pid}", "--all", "--root", "--wd", "--", "env", "-i", *_ENVIRONMENT)
        done = subprocess.run(
            [*as_root(), *enter, *command], input=stdin, capture_output=True, timeout=limit_s, check=False
        )
        if check and done.returncode != 0:
            said = (done.stdout + b"\n" + done.stderr).decode(errors="replace")
            raise AssertionError(f"{tuple(command)} ended with {done.returncode}:\n{said}")
        return done

    def _start(self) -> None:
        place = (str(_cgroup_root()), str(self._workdir.resolve()), str(self._system))
        command = [*as_root(), "bash", str(KEEPER), *place, self._network, *self._shares]
        with self._console.open("wb") as console:
            self._keeper = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=console, bufsize=0
            )

    def _await_boot(self) -> None:
        assert self._keeper is not None
        assert self._keeper.stdout is not None
        deadline_s = time.monotonic() + _BOOT_LIMIT_S
        select.select([self._keeper.stdout], [], [], _BOOT_LIMIT_S)
        self._init_pid = int(self._keeper.stdout.readline() or b"0")
        if not self._init_pid:
            raise SandboxUnavailable(f"the machine did not boot; {_PRIVILEGED}:\n{self._console_text()}")
        while not self._booted():
            if time.monotonic() > deadline_s:
                raise SandboxUnavailable(f"systemd did not boot in {_BOOT_LIMIT_S:g} s:\n{self._console_text()}")
            time.sleep(_POLL_S)

    def _booted(self) -> bool:
        state = self.run("systemctl", "is-system-running", check=False, limit_s=10.0).stdout.strip()
        return state in {"running", "degraded"}

    def _console_text(self) -> str:
        return self._console.read_text(encoding="utf-8", errors="replace")[-4000:]

    def _tear_down(self) -> None:
        if self._keeper is None:
            return
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.close()
        left = self._keeper.wait(_DOWN_LIMIT_S)
        self._keeper.stdout.close()
        if self._init_pid and left:
            raise RuntimeError(f"the machine left something behind:\n{self._console_text()}")


_PRIVILEGED: Final = "a systemd for tests needs namespaces, as in a container started with --privileged"


def until(what: str, happened: Callable[[], bool], *, limit_s: float = 30.0) -> None:
    """Return once `happened` says so; raises AssertionError naming `what` after `limit_s`."""
    deadline_s = time.monotonic() + limit_s
    while not happened():
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {limit_s:g} s: {what}")
        time.sleep(_POLL_S)


def _demand_programs() -> None:
    missing = sorted(
        {package for program, package in _PROGRAMS.items() if shutil.which(program, path=_SYSTEM_PATH) is None}
    )
    if missing:
        raise SandboxUnavailable(f"missing for a systemd of our own: apt-get install {' '.join(missing)}")


def _cgroup_root() -> Path:
    """Where the unified control group hierarchy is mounted (hybrid set-ups have it beside the old ones)."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    raise SandboxUnavailable("no cgroup2 file system is mounted, and systemd cannot do without")
