"""A TOML file becomes text and tables, or a mistake that names the file."""

import tomllib
from pathlib import Path
from typing import Any

from hearthd.config.errors import ConfigError, Mistake


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """Return the text of the file at `path` and what it says; raises `ConfigError`, whatever stands there."""
    text = _read(path)
    try:
        return text, tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError([Mistake(str(path), None, "", _problem(error))]) from error


def _problem(error: ValueError | RecursionError) -> str:
    match error:
        case tomllib.TOMLDecodeError():
            return f"is not valid TOML: {error}"
        case RecursionError():
            return "holds lists or tables that are nested too deeply"
        case _:
            return "holds a number with more digits than Python reads"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError([Mistake(str(path), line, "", "expected UTF-8 text")]) from error
    except OSError as error:
        raise ConfigError([Mistake(str(path), None, "", f"cannot be read: {error.strerror}")]) from error
