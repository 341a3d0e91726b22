"""Files that the configuration names: they must be there and be what they should be."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from hearthd.config.errors import ConfigError
from hearthd.config.prices import load_prices
from hearthd.core.settings import BUILTIN_WAKE_WORDS
from hearthd.core.tables import Problem, nearest
from hearthd.core.wake_model import MODEL_MAGIC, parse_wake_model


def resolve_words(words: Sequence[str], folder: Path) -> tuple[tuple[str, ...], list[Problem]]:
    """Return `words` with model paths made absolute, counted from `folder`, and what is wrong with them."""
    resolved: list[str] = []
    problems: list[Problem] = []
    for index, word in enumerate(words):
        if word in BUILTIN_WAKE_WORDS:
            resolved.append(word)
            problem = ""
        elif word.endswith(".json") or "/" in word:
            file = folder / word
            resolved.append(str(file))
            problem = _file_problem(file)
        else:
            problem = f'there is no built-in wake word "{word}"{nearest(word, BUILTIN_WAKE_WORDS)}'
        if word in words[:index]:
            problem = f'"{word}" stands here twice'
        if problem:
            problems.append(Problem(f"wake.words[{index}]", problem))
    return tuple(resolved), problems


def _file_problem(file: Path) -> str:
    try:
        description = parse_wake_model(file.read_bytes())
    except OSError as error:
        return f"cannot read {file}: {error.strerror}"
    except msgspec.MsgspecError as error:
        return f"{file} is not a microWakeWord description: {error}"
    model = file.parent / description.model
    try:
        with model.open("rb") as content:
            magic = content.read(8)[4:]
    except OSError as error:
        return f"{file} needs the model {model}, which cannot be read: {error.strerror}"
    return "" if magic == MODEL_MAGIC else f"{model} is not a TensorFlow Lite model"


def resolve_prices(file: str, folder: Path) -> tuple[str, list[Problem]]:
    """Return the price file's absolute path, counted from `folder` ("" stays ""), and what is wrong with it."""
    if not file:
        return "", []
    path = str(folder / file)
    try:
        load_prices(path)
    except ConfigError as error:
        return path, [Problem("budget.prices", str(mistake)) for mistake in error.mistakes]
    return path, []


def resolve_authority(ca_file: str, folder: Path) -> tuple[str, list[Problem]]:
    """Return the certificate file's absolute path, counted from `folder` ("" stays ""), and what is wrong."""
    if not ca_file:
        return "", []
    file = folder / ca_file
    try:
        certificate = file.read_bytes()
    except OSError as error:
        return str(file), [Problem("mqtt.tls_ca_file", f"cannot read {file}: {error.strerror}")]
    if b"-----BEGIN CERTIFICATE-----" not in certificate:
        return str(file), [Problem("mqtt.tls_ca_file", f"{file} holds no certificate in PEM form")]
    return str(file), []
