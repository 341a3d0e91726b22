"""Tests that wait run beside those that compute, each group of them in a pytest process of its own.

Most of a run is waiting: for sound to pass, for a service to start, for somebody to notice that a broker froze. Where
tests of several groups are asked for, one process a group is started as soon as the tests are collected; this process
runs what belongs to no group, and then reports what the others found, as if it had run everything itself. Tests of one
group alone, `-s` and `--pdb` stay in one process.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

GROUP_OF_FOLDER: Final = {
    "cli": "programs",
    "contracts": "devices",
    "demo": "programs",
    "journeys": "journeys",
    "real": "devices",
}
"""Folders of tests that wait for real time; tests of the installed service wait for systemd, wherever they lie."""
_TESTS: Final = Path(__file__).parent
_LOOK_S: Final = 0.05
_END_LIMIT_S: Final = 60.0
"""For a process whose tests are over, or that was interrupted: it has machines and brokers to end."""
_OPTION: Final = "--reports-to"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Tell a process that it is one of the others."""
    parser.addoption(_OPTION, metavar="FILE", help="write each test's reports to FILE, as JSON lines")


def pytest_configure(config: pytest.Config) -> None:
    """Report, or have others report."""
    if reports := config.getoption(_OPTION):
        config.pluginmanager.register(_Reporting(config, Path(reports)))
    elif not (config.option.collectonly or config.option.usepdb or config.option.capture == "no"):
        config.pluginmanager.register(_Beside(config))


def group_of(item: pytest.Item) -> str | None:
    """Name the group that a test waits with; None if it computes."""
    if "installed" in getattr(item, "fixturenames", ()):
        return "machine"
    return GROUP_OF_FOLDER.get(item.path.relative_to(_TESTS).parts[0])


class _Reporting:
    """Writes down what happens in this process, for the one that started it."""

    def __init__(self, config: pytest.Config, reports: Path) -> None:
        self._config = config
        self._file = reports.open("a", encoding="utf-8")
        self._reader = os.getppid()

    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Go no further when nobody waits for it any more."""
        if os.getppid() != self._reader:
            item.session.shouldstop = "the process that started this one is gone"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        print(json.dumps(data), file=self._file, flush=True)

    def pytest_unconfigure(self) -> None:
        self._file.close()


class _Beside:
    """Starts the other processes and takes in their reports."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._groups: dict[str, _Group] = {}
        self._stack = ExitStack()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put what others run behind all that this process runs itself."""
        groups = {item: group_of(item) for item in items}
        if len(set(groups.values())) > 1:
            items.sort(key=lambda item: groups[item] or "")
            for name in sorted(set(filter(None, groups.values()))):
                self._groups[name] = _Group(self._config, [item for item in items if groups[item] == name])

    def pytest_collection_finish(self) -> None:
        """Start the others."""
        for group in self._groups.values():
            self._stack.enter_context(group)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Wait for the reports of a test that is run elsewhere."""
        group = self._groups.get(group_of(item) or "")
        if group is None:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in group.reports(item):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_unconfigure(self) -> None:
        """Wait for the others' end, which comes at once if their tests were not waited for."""
        self._stack.close()


class _Group:
    """Tests that a process of their own runs in the order given, from `__enter__` to `__exit__`."""

    def __init__(self, config: pytest.Config, items: Sequence[pytest.Item]) -> None:
        self._config = config
        self._left = [item.nodeid for item in items]
        self._stack = ExitStack()
        for item in items:
            # It is limited where it runs; here it also waits for those before it.
            item.add_marker(pytest.mark.timeout(0), append=False)

    def __enter__(self) -> None:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="hearthd-beside-")))
        (folder / "tests").write_text("\n".join(self._left), encoding="utf-8")
        (folder / "reports").touch()
        self._output = folder / "output"
        self._reports = self._stack.enter_context((folder / "reports").open("rb"))
        options = [f"--tb={self._config.option.tbstyle}", f"--verbosity={self._config.option.verbose}"]
        options += ["-p", "no:cacheprovider"]  # this process remembers what failed
        command = [sys.executable, "-m", "pytest", *options, f"{_OPTION}={folder / 'reports'}", f"@{folder / 'tests'}"]
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                command, cwd=_TESTS.parent, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def __exit__(self, *error: object) -> None:
        with self._stack, self._process:
            if self._left:
                self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_END_LIMIT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def reports(self, item: pytest.Item) -> Iterator[pytest.TestReport]:
        """Yield the reports of the group's next test, the last of which is that of its teardown, as they come."""
        assert self._left[0] == item.nodeid, "tests are run in the order in which they were given"
        while True:
            ended = self._process.poll() is not None
            while line := self._next_line():
                report = self._config.hook.pytest_report_from_serializable(config=self._config, data=json.loads(line))
                yield report
                if report.when == "teardown":
                    self._left.pop(0)
                    return
            if ended:
                self._left.pop(0)
                yield self._missing(item)
                return
            time.sleep(_LOOK_S)

    def _next_line(self) -> bytes:
        """Return one whole line, or nothing."""
        place = self._reports.tell()
        line = self._reports.readline()
        if not line.endswith(b"\n"):
            self._reports.seek(place)
            return b""
        return line

    def _missing(self, item: pytest.Item) -> pytest.TestReport:
        told = self._output.read_text(encoding="utf-8", errors="replace")
        problem = f"The process that was to run it ended with {self._process.returncode}:\n{told}"
        keywords: dict[str, Any] = {}
        return pytest.TestReport(item.nodeid, item.location, keywords, "failed", problem, "call")
