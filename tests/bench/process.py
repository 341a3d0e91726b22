"""What a process costs, read from outside: CPU time, wake-ups, memory."""

import contextlib
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_CPUCLOCK_SCHED: Final = 2
"""`MAKE_PROCESS_CPUCLOCK` of the kernel's posix-timers_types.h: nanoseconds, threads that ended included."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process had used at a moment, or used between two."""

    at_s: float
    cpu_s: float
    switches: int
    """Voluntary context switches of all threads: how often one woke up, worked, and went to sleep again."""

    def since(self, earlier: "Usage") -> "Usage":
        """Return what was used in between; `at_s` is then how long that was."""
        return Usage(self.at_s - earlier.at_s, self.cpu_s - earlier.cpu_s, self.switches - earlier.switches)

    @property
    def cpu_ms_per_s(self) -> float:
        """Of a difference: milliseconds of CPU per second."""
        return 1000 * self.cpu_s / self.at_s

    @property
    def switches_per_s(self) -> float:
        """Of a difference: wake-ups per second."""
        return self.switches / self.at_s


class ProcessMeter:
    """Reads the meters of one process; raises OSError once it is gone."""

    def __init__(self, pid: int) -> None:
        """Read nothing yet."""
        self._proc = Path("/proc") / str(pid)
        self._clock = (~pid << 3) | _CPUCLOCK_SCHED

    def read(self) -> Usage:
        """Read CPU time and wake-ups."""
        switches = 0
        for task in (self._proc / "task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
                switches += _number((task / "status").read_text(), "voluntary_ctxt_switches")
        return Usage(time.monotonic(), time.clock_gettime_ns(self._clock) / 1e9, switches)

    def rss_mb(self) -> float:
        """Memory now, in millions of bytes; shared pages count fully."""
        return _number((self._proc / "smaps_rollup").read_text(), "Rss") * 1024 / 1e6

    def pss_mb(self) -> float:
        """Memory now, in millions of bytes; of shared pages, its share."""
        return _number((self._proc / "smaps_rollup").read_text(), "Pss") * 1024 / 1e6

    def descriptors(self) -> int:
        """How many files, sockets and pipes it has open."""
        return sum(1 for _ in (self._proc / "fd").iterdir())

    def threads(self) -> int:
        """How many threads it has."""
        return _number((self._proc / "status").read_text(), "Threads")

    def peak_rss_mb(self) -> float:
        """The most memory it ever had."""
        return _number((self._proc / "status").read_text(), "VmHWM") * 1024 / 1e6


def _number(text: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)
    assert found is not None, f"the kernel tells no {name}"
    return int(found[1])
