"""Compiles the C of the doubles: once for each state of their sources, into `build/doubles`."""

import hashlib
import subprocess
import tempfile
from pathlib import Path

_BUILD = Path(__file__).resolve().parents[3] / "build" / "doubles"
_FLAGS = (
    *("-std=c11", "-D_GNU_SOURCE", "-DPIC", "-fPIC", "-shared", "-O2", "-g"),
    *("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"),
)


def shared_object(sources: Path, *libraries: str) -> Path:
    """The shared object made of every C file in a folder; waits for gcc unless it is there already.

    Safe to call from several processes at once: each writes its own file, the last rename wins, all are
    equal. Raises `RuntimeError` with the compiler's words when it refuses the sources.
    """
    units = sorted(sources.glob("*.c"))
    digest = hashlib.sha256(" ".join((*_FLAGS, *libraries)).encode())
    for path in sorted((*units, *sources.glob("*.h"))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    target = _BUILD / f"{sources.name}-{digest.hexdigest()[:16]}.so"
    if target.exists():
        return target
    _BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_BUILD) as scratch:
        made = Path(scratch) / target.name
        links = [f"-l{library}" for library in libraries]
        command = ["gcc", *_FLAGS, "-o", str(made), *map(str, units), *links]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"gcc cannot build {sources.name} (needs gcc and libasound2-dev):\n{done.stderr}")
        made.replace(target)
    return target
