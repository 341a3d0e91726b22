"""From the TOML file and the credentials to one frozen struct."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

from hearthd.config import rules
from hearthd.config.credentials import MQTT_PASSWORD, OPENAI_API_KEY, read_secret
from hearthd.config.errors import ConfigError, Mistake
from hearthd.config.files import resolve_authority, resolve_prices, resolve_words
from hearthd.config.lines import line_of
from hearthd.config.reading import read_toml
from hearthd.config.settings import Settings
from hearthd.core.home.checks import check
from hearthd.core.home.devices import Device
from hearthd.core.settings import Section
from hearthd.core.tables import Problem, fill, found, nearest

SECTIONS: Final[dict[str, type[Section]]] = {
    field.name: field.type
    for field in msgspec.structs.fields(Settings)
    if isinstance(field.type, type) and issubclass(field.type, Section)
}
"""The tables of the file whose keys are fixed, by name; the keys of `[devices]` are the owner's choice."""

_SECRET_KEYS: Final = frozenset({"mqtt.password", "realtime.api_key", "realtime.openai_api_key", "realtime.key"})
"""Keys that people try for a secret."""

KINDS: Final[dict[str, type[Device]]] = {str(kind.__struct_config__.tag): kind for kind in get_args(Device)}
"""What a device may be, by the `type` that its table must name."""


def load(path: Path, environment: Mapping[str, str]) -> Settings:
    """Read the TOML file at `path`, and the secrets that `environment` holds or points to.

    Relative paths in the file count from its own folder. Raises `ConfigError` with every mistake found.
    """
    text, tables = read_toml(path)
    settings, problems = _settings(tables, path.absolute().parent)
    mistakes = [Mistake(str(path), line_of(wrong.key, text), wrong.key, wrong.problem) for wrong in problems]
    mistakes.sort(key=lambda mistake: mistake.line or 0)
    api_key, key_mistakes = read_secret(OPENAI_API_KEY, environment)
    password, password_mistakes = read_secret(MQTT_PASSWORD, environment)
    if mistakes := mistakes + key_mistakes + password_mistakes:
        raise ConfigError(mistakes)
    settings = msgspec.structs.replace(settings, openai_api_key=api_key, mqtt_password=password)
    return msgspec.structs.replace(settings, warnings=rules.warnings(settings))


def _settings(tables: Mapping[str, object], folder: Path) -> tuple[Settings, list[Problem]]:
    sections: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, table in tables.items():
        if name in SECTIONS:
            sections[name], wrong = fill(SECTIONS[name], table, name)
            wrong = [_no_secret(problem) for problem in wrong]
        elif name == "devices":
            sections[name], wrong = _devices(table)
        else:
            wrong = [_unknown(name, table)]
        problems += wrong
    settings = Settings(**sections)
    words, wrong_words = resolve_words(settings.wake.words, folder)
    ca_file, wrong_file = resolve_authority(settings.mqtt.tls_ca_file, folder)
    prices, wrong_prices = resolve_prices(settings.budget.prices, folder)
    settings = msgspec.structs.replace(
        settings,
        budget=msgspec.structs.replace(settings.budget, prices=prices),
        wake=msgspec.structs.replace(settings.wake, words=words),
        mqtt=msgspec.structs.replace(settings.mqtt, tls_ca_file=ca_file),
    )
    return settings, [*problems, *wrong_words, *wrong_file, *wrong_prices, *rules.contradictions(settings)]


def _unknown(name: str, table: object) -> Problem:
    if isinstance(table, Mapping):
        return Problem(name, f"there is no section [{name}]{nearest(name, [*SECTIONS, 'devices'])}")
    home = [section for section, kind in SECTIONS.items() if name in kind.__struct_fields__]
    hint = f"; did you mean {home[0]}.{name}?" if home else ""
    return Problem(name, f"stands in no section: every key belongs below a [section]{hint}")


def _no_secret(problem: Problem) -> Problem:
    if problem.key not in _SECRET_KEYS:
        return problem
    secret = MQTT_PASSWORD if problem.key.startswith("mqtt.") else OPENAI_API_KEY
    return Problem(
        problem.key,
        "secrets do not belong into this file, which everybody may read; "
        f"put it into /etc/credstore/hearthd.{secret.credential} or into the variable {secret.variable}",
    )


def _devices(table: object) -> tuple[dict[str, Device], list[Problem]]:
    if not isinstance(table, Mapping):
        return {}, [Problem("devices", f"expected sections such as [devices.lamp], found {found(table)}")]
    devices: dict[str, Device] = {}
    problems: list[Problem] = []
    for identifier, properties in table.items():
        key = f"devices.{identifier}"
        if not isinstance(properties, Mapping):
            problems.append(Problem(key, f"expected a section [{key}], found {found(properties)}"))
        elif (kind := KINDS.get(_word(properties.get("type")))) is None:
            problems.append(_unknown_kind(key, properties))
        else:
            rest = {name: value for name, value in properties.items() if name != "type"}
            devices[identifier], wrong = fill(kind, rest, key)
            problems += wrong
    return devices, [*problems, *check(devices)]


def _unknown_kind(key: str, properties: Mapping[str, object]) -> Problem:
    kinds = " or ".join(f'"{kind}"' for kind in KINDS)
    if "type" not in properties:
        return Problem(key, f"expected a key type: {kinds}")
    value = properties["type"]
    return Problem(f"{key}.type", f"expected {kinds}, found {found(value)}{nearest(_word(value), KINDS)}")


def _word(value: object) -> str:
    """Return a text as it is, and "" for anything else, which may be nested too deeply to be shown."""
    return value if isinstance(value, str) else ""
