"""What the documents say of the code is so: figures, paths, links and commands."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hearthd.config import load

ROOT = Path(__file__).resolve().parent.parent
DAEMON = ROOT / "daemon" / "hearthd"
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
FACTOR_OF_UNIT = {"MiB": 2**20}
"""Units other than the one that the name in the code ends in."""

_FIGURE = re.compile(r"^\|.*\| ([0-9.]+) (\w+) \| `([\w.]+)` \|", re.MULTILINE)
_PATH = re.compile(r"`((?:\.ci|adapters|config|core|engine|scripts|systemd|tests)/[\w./-]*)`")
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")
_CODE = re.compile(r"```sh\n(.*?)```|`([^`\n]+)`", re.DOTALL)
_SETTINGS = re.compile(r"```toml\n(.*?)```", re.DOTALL)
_COMMAND = re.compile(r"(?:^|[\s(])(hearthd|scripts/[a-z]+)(?=\s|$)((?: +[^\s#|;&]+)*)", re.MULTILINE)


def text_of(document: str) -> str:
    """Return a document's text."""
    return (ROOT / document).read_text(encoding="utf-8")


def figures() -> Iterator[tuple[str, float]]:
    """Yield every name that `ARCHITECTURE.md` gives a figure for, with that figure."""
    for number, unit, name in _FIGURE.findall(text_of("ARCHITECTURE.md")):
        yield name, float(number) * FACTOR_OF_UNIT.get(unit, 1)


def value_of(name: str) -> float:
    """Return what a constant, or the default of a class's field, is in the code."""
    module, _, rest = name.rpartition(".")
    if module.rpartition(".")[2][:1].isupper():
        module, _, owner = module.rpartition(".")
        return float(getattr(getattr(importlib.import_module(f"hearthd.{module}"), owner)(), rest))
    return float(getattr(importlib.import_module(f"hearthd.{module}"), rest))


def is_there(path: str) -> bool:
    """Tell whether a path of a document exists, from the root or below the daemon; `.py` may be left out."""
    return any(place.exists() for root in (ROOT, DAEMON) for place in (root / path, root / f"{path}.py"))


def commands(document: str) -> Iterator[tuple[str, list[str]]]:
    """Yield every command line of ours in a document's code: program and arguments."""
    for block, span in _CODE.findall(text_of(document)):
        for program, arguments in _COMMAND.findall(block or span):
            yield program, arguments.split()


def source_of(program: str, arguments: list[str]) -> Path:
    """Return the file that takes a command's options."""
    if program != "hearthd":
        return ROOT / program
    return DAEMON / "cli" / f"{arguments[0].replace('-', '_')}.py"


def test_every_figure_is_the_codes_own() -> None:
    """Waits and bounds of `ARCHITECTURE.md` follow the code."""
    told = dict(figures())
    assert {name: value_of(name) for name in told} == told


def test_there_are_figures_to_compare() -> None:
    """The test above cannot pass by finding nothing."""
    assert dict(figures())["adapters.websocket.MAX_MESSAGE_BYTES"] == 16_777_216


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_is_there(document: str) -> None:
    """A document names no file of the project that was moved or removed, and links to none."""
    text = text_of(document)
    paths = {path.rstrip(".") for path in _PATH.findall(text)}
    gone = {path for path in paths if not is_there(path)} | {
        link for link in _LINK.findall(text) if not (ROOT / link).exists()
    }
    assert gone == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_is_there(document: str) -> None:
    """A document names no command and no option that does not exist."""
    wrong = []
    for program, arguments in commands(document):
        if program == "hearthd" and not (arguments and arguments[0][0].islower()):
            continue
        source = source_of(program, arguments)
        text = source.read_text(encoding="utf-8") if source.is_file() else ""
        options = [argument for argument in arguments if argument.startswith("--")]
        if not text or not all(option in text or program == "scripts/test" for option in options):
            wrong.append(" ".join([program, *arguments]))
    assert wrong == []


def test_the_settings_of_the_readme_are_right(tmp_path: Path) -> None:
    """Whoever copies them gets what the text promises, without a warning but that of the missing key."""
    file = tmp_path / "hearthd.toml"
    file.write_text("\n".join(_SETTINGS.findall(text_of("README.md"))), encoding="utf-8")
    settings = load(file, {})
    assert (settings.room.name, sorted(settings.devices)) == ("Living Room", ["coffee_machine", "kitchen_light"])
    assert [warning for warning in settings.warnings if "no API key" not in warning] == []
