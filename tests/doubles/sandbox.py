"""A real systemd for tests: process 1 of a throw-away machine that boots within a second and leaves nothing.

The machine is a set of namespaces (`sandbox_boot.sh`): it sees the host's file system through an overlay in
memory, has its own processes, journal and `/etc`, and, unless told otherwise, its own network. Needs root, as
in a container started with `--privileged`; what is missing is an error in plain words, never a reason to skip.
"""

import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Literal, Self

BOOT_SCRIPT: Final = Path(__file__).with_name("sandbox_boot.sh")
_BOOT_LIMIT_S: Final = 45.0
_DOWN_LIMIT_S: Final = 20.0
_POLL_S: Final = 0.05
_GROUP_PREFIX: Final = "hearthd-sandbox-"
_ENVIRONMENT: Final = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/root",
    "SYSTEMD_PAGER": "",
    "SYSTEMD_COLORS": "0",
}
_PROGRAMS: Final = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "ip": "iproute2",
    "dbus-daemon": "dbus",
    "/lib/systemd/systemd": "systemd",
}


class SandboxUnavailable(RuntimeError):
    """This machine cannot carry a systemd of its own; the text tells what is missing and what to do."""


class Machine:
    """One booted machine, from `__enter__` to `__exit__`.

    `workdir` is an empty folder of the host for mount points and the console log. `system` is the root of the
    Debian system that boots and is never changed: the host's own, or any other tree. `network="host"` shares
    the host's network, so that servers of a test on loopback are loopback inside too. `shown` are host folders
    that the machine sees, read-only, at the same place; `shared` maps host folders to where it sees and changes
    them.
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
        self._cgroup = _cgroup_root() / f"{_GROUP_PREFIX}{os.getpid()}-{time.monotonic_ns()}"
        self._console = workdir / "console.log"
        self._unshare: subprocess.Popen[bytes] | None = None
        self._init_pid = 0

    def __enter__(self) -> Self:
        """Boot; returns when systemd has started everything. Raises `SandboxUnavailable`."""
        _demand_programs()
        _remove_orphaned_groups()
        (self._workdir / "memory").mkdir(parents=True, exist_ok=True)
        try:
            self._cgroup.mkdir()
        except OSError as error:
            raise SandboxUnavailable(f"no control group of our own: {error}; {_PRIVILEGED}") from error
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

    def path(self, inside: str) -> Path:
        """Where the host finds the machine's absolute path `inside`; absolute symbolic links mislead."""
        return Path(f"/proc/{self._init_pid}/root{inside}")

    def write(self, inside: str, text: str, *, mode: int = 0o644) -> None:
        """Create or replace a file of the machine, with the folders above it."""
        target = self.path(inside)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(mode)

    def run(
        self, *command: str, check: bool = True, limit_s: float = 60.0, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run `command` as root inside and return what it said.

        With `check`, an exit code other than 0 is an AssertionError that shows the output.
        """
        done = subprocess.run(
            ["nsenter", f"--target={self._init_pid}", "--all", "--root", "--wd", "--", *command],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
            env=_ENVIRONMENT,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def show(self, unit: str, name: str) -> str:
        """Return one property of a unit, such as `ActiveState` or `NRestarts`."""
        return self.run("systemctl", "show", unit, f"--property={name}", "--value").stdout.strip()

    def journal(self, unit: str, *matches: str) -> list[dict[str, object]]:
        """Return the journal's entries about `unit`, oldest first, each with all its fields.

        `matches` narrow them down, such as `HEARTHD_EVENT=turn`.
        """
        self.run("journalctl", "--sync")
        found = self.run("journalctl", f"--unit={unit}", "--output=json", "--no-pager", *matches).stdout
        return [json.loads(line) for line in found.splitlines()]

    def signal(self, unit: str, name: str) -> None:
        """Send the signal called `name` ("KILL", "STOP") to all processes of `unit`."""
        self.run("systemctl", "kill", f"--signal={name}", unit)

    def until(self, what: str, happened: Callable[[], bool], *, limit_s: float = 30.0) -> None:
        """Return once `happened` says so; raises AssertionError naming `what` after `limit_s`."""
        deadline_s = time.monotonic() + limit_s
        while not happened():
            if time.monotonic() > deadline_s:
                raise AssertionError(f"not within {limit_s:g} s: {what}")
            time.sleep(_POLL_S)

    def _start(self) -> None:
        namespaces = ["--mount", "--uts", "--ipc", "--pid", "--cgroup"]
        if self._network == "own":
            namespaces.append("--net")
        command = [
            # The shell joins the control group before it becomes the machine's first process.
            *("sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', str(self._cgroup)),
            # The machine dies with its unshare, and unshare with the thread that started it.
            *("setpriv", "--pdeathsig=KILL", "unshare", *namespaces),
            *("--propagation=private", "--fork", "--kill-child=KILL", "--"),
            *("bash", str(BOOT_SCRIPT), str(self._workdir.resolve()), str(self._system), self._network),
            *self._shares,
        ]
        with self._console.open("wb") as console:
            self._unshare = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
            )

    def _await_boot(self) -> None:
        assert self._unshare is not None
        deadline_s = time.monotonic() + _BOOT_LIMIT_S
        while time.monotonic() < deadline_s:
            if self._unshare.poll() is not None:
                raise SandboxUnavailable(f"the machine did not boot; {_PRIVILEGED}:\n{self._console_text()}")
            if self._answers():
                return
            time.sleep(_POLL_S)
        raise SandboxUnavailable(f"systemd did not answer in {_BOOT_LIMIT_S:g} s:\n{self._console_text()}")

    def _answers(self) -> bool:
        if not self._init_pid:
            self._init_pid = self._find_systemd()
        if not self._init_pid:
            return False
        state = self.run("systemctl", "is-system-running", check=False, limit_s=10.0).stdout.strip()
        return state in {"running", "degraded"}

    def _find_systemd(self) -> int:
        """Return the host's process id of the machine's process 1 once it is systemd, else 0."""
        assert self._unshare is not None
        pid = self._unshare.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        if children and Path(f"/proc/{children[0]}/comm").read_text(encoding="ascii") == "systemd\n":
            return int(children[0])
        return 0

    def _console_text(self) -> str:
        return self._console.read_text(encoding="utf-8", errors="replace")[-4000:]

    def _tear_down(self) -> None:
        deadline_s = time.monotonic() + _DOWN_LIMIT_S
        if self._unshare is not None:
            watch = os.pidfd_open(self._init_pid) if self._init_pid else None
            self._unshare.kill()
            self._unshare.wait()
            if watch is not None:
                select.select([watch], [], [], _DOWN_LIMIT_S)
                os.close(watch)
        while self._cgroup.exists():
            try:
                _remove_group(self._cgroup)
            except OSError as error:
                # The kernel needs a moment to bury the last processes.
                if time.monotonic() > deadline_s:
                    raise RuntimeError(f"the machine left {self._cgroup} behind: {error}") from error
                time.sleep(_POLL_S)


_PRIVILEGED: Final = "a systemd for tests needs root and namespaces, as in a container started with --privileged"


def _demand_programs() -> None:
    if os.geteuid() != 0:
        raise SandboxUnavailable(_PRIVILEGED)
    missing = sorted({package for program, package in _PROGRAMS.items() if shutil.which(program) is None})
    if missing:
        raise SandboxUnavailable(f"missing for a systemd of our own: apt-get install {' '.join(missing)}")


def _remove_group(group: Path) -> None:
    for folder, _, _ in os.walk(group, topdown=False):
        Path(folder).rmdir()


def _remove_orphaned_groups() -> None:
    """Remove what a test run that was killed could not: its machines died with it, their groups did not."""
    for group in _cgroup_root().glob(f"{_GROUP_PREFIX}*"):
        owner = group.name.removeprefix(_GROUP_PREFIX).partition("-")[0]
        if not Path("/proc", owner).exists():
            with contextlib.suppress(OSError):
                _remove_group(group)


def _cgroup_root() -> Path:
    """Where the unified control group hierarchy is mounted (hybrid set-ups have it beside the old ones)."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    raise SandboxUnavailable("no cgroup2 file system is mounted, and systemd cannot do without")
