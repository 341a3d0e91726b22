"""The rules of the house that no linter knows: sizes, the top level, the lock, the scripts."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOUR_LIBRARIES = {"msgspec", "numpy", "soxr", "webrtcvad"}
TOP_LEVEL = {
    ".ci",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "config",
    "daemon",
    "pyproject.toml",
    "scripts",
    "systemd",
    "tests",
}


def tracked_files() -> list[Path]:
    """Return the files that git tracks, relative to the root, without those deleted since."""
    # The checkout may belong to another user than the one who runs the tests.
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in listing.split("\0") if name and (ROOT / name).is_file()]


def modules(folder: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of every Python file below `folder`."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def pinned(lock: str) -> dict[str, str]:
    """Return the versions that a lock file pins, by distribution."""
    text = (ROOT / "scripts/requirements" / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)==([^\s;]+)", text, re.MULTILINE))


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function behind its docstring; without one, behind its signature."""
    first = function.body[1] if ast.get_docstring(function) and len(function.body) > 1 else function.body[0]
    return (function.end_lineno or 0) - first.lineno + 1


def test_top_level_holds_only_what_is_planned() -> None:
    """Whoever opens the project sees the planned names and no stray file."""
    assert {path.parts[0] for path in tracked_files()} - TOP_LEVEL == set()


def test_a_file_of_the_daemon_fits_in_a_head() -> None:
    """No file of the daemon is longer than 350 lines."""
    lengths = {name: len(text.splitlines()) for name, text in modules("daemon")}
    assert {name: lines for name, lines in lengths.items() if lines > 350} == {}


def test_a_function_of_the_daemon_fits_on_a_screen() -> None:
    """No function of the daemon has more than 40 lines of code behind its docstring."""
    too_long = [
        f"{name}:{node.lineno} {node.name} has {code_lines(node)} lines"
        for name, text in modules("daemon")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and code_lines(node) > 40
    ]
    assert too_long == []


def test_core_imports_four_libraries_at_most() -> None:
    """A new dependency cannot slip into the pure floor unseen; the import contracts only know today's."""
    found = set[str]()
    for name, text in modules("daemon/hearthd/core"):
        for node in ast.walk(ast.parse(text, filename=name)):
            if isinstance(node, ast.Import):
                found.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    assert found - sys.stdlib_module_names - {"hearthd"} - FOUR_LIBRARIES == set()


def test_no_file_names_the_machine_that_it_was_written_on() -> None:
    """No tracked file holds the path of this checkout or of the home of whoever runs the tests."""
    private = re.compile("|".join(re.escape(f"{path}/") for path in (ROOT, Path.home()) if path != Path("/")))
    named = [
        f"{path}:{number}"
        for path in tracked_files()
        for number, line in enumerate((ROOT / path).read_text("utf-8", "replace").splitlines(), 1)
        if private.search(line)
    ]
    assert named == []


@pytest.mark.parametrize("lock", ["build.txt", "runtime.txt", "dev.txt"])
def test_lock_names_versions_and_hashes_alone(lock: str) -> None:
    """A lock line is a pinned version, a hash or a comment, never an index, an address or an option."""
    line_of_a_lock = re.compile(r" *#.*|[a-z0-9.-]+==[^\s/]+( ; [^/\\]+)? \\| {4}--hash=sha256:[0-9a-f]{64}( \\)?")
    lines = (ROOT / "scripts/requirements" / lock).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line_of_a_lock.fullmatch(line) or "//" in line] == []


def test_what_is_tested_is_what_is_shipped() -> None:
    """Every version that the runtime lock pins, the development lock pins too."""
    assert pinned("runtime.txt").items() - pinned("dev.txt").items() == set()


@pytest.mark.parametrize(
    "script",
    [path for path in sorted((ROOT / "scripts").iterdir()) if path.is_file() and path.stat().st_mode & 0o100],
    ids=lambda path: path.name,
)
def test_every_script_teaches_in_its_help(script: Path) -> None:
    """`--help` names the script and exits 0 at once, from any directory, before anything is set up."""
    answer = subprocess.run([script, "--help"], cwd="/", capture_output=True, text=True, check=True, timeout=30)
    assert f"scripts/{script.name}" in answer.stdout
