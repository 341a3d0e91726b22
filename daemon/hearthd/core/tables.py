"""A TOML table becomes a settings struct; every mistake in it is named with its key, all of them at once."""

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from hearthd.core.plain_text import one_line, shortened

Struct = TypeVar("Struct", bound=msgspec.Struct)

_SHOWN_CHARACTERS = 40
"""How much of a wrong text a message repeats: enough to recognise it, too little to print a whole prompt."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in the configuration."""

    key: str
    """Dotted, as in `gate.vad_level`."""
    problem: str
    """What was expected and what was found, as a clause that follows the key and a colon."""


def fill(section: type[Struct], table: object, name: str) -> tuple[Struct, list[Problem]]:
    """Make a `section` of the TOML `table` that stands under `name`; missing keys keep their defaults.

    Returns the section, in which defaults replace wrong values, and the mistakes in the table's order.
    """
    if not isinstance(table, Mapping):
        return section(), [Problem(name, f"expected a section, written [{name}], found {found(table)}")]
    fields = {field.encode_name: field for field in msgspec.structs.fields(section)}
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, value in table.items():
        where = f"{name}.{key}"
        if key not in fields:
            problems.append(Problem(where, f"no such key in [{name}]{nearest(key, fields)}"))
        elif mistakes := _mistakes(where, value, fields[key].type):
            problems += mistakes
        else:
            values[fields[key].name] = msgspec.convert(value, fields[key].type)
    return section(**values), problems


def nearest(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean X?" for the known word that `word` resembles, else a list of what is known."""
    names = list(known)
    close = difflib.get_close_matches(word.lower(), names, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known here: {', '.join(names)}" if names else ""


def found(value: object) -> str:
    """Describe a TOML value in the owner's words; long texts are shortened, tables and lists not shown."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return _found_text(value)
        case int() if not _fits_toml(value):
            return "a number of more than 64 bits"
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case Mapping():
            return "a table"
        case _:
            return f"the date or time {value}"


def _found_text(text: str) -> str:
    if "\0" in text:
        return "a text with a NUL character"
    return f'the text "{shortened(one_line(text), _SHOWN_CHARACTERS)}"' if text else "an empty text"


def _mistakes(key: str, value: object, expected: object) -> list[Problem]:
    if _fits(value, expected):
        return []
    kind = inspect.type_info(expected)
    match kind, value:
        case inspect.VarTupleType(item_type=inner), list():
            return [
                Problem(f"{key}[{index}]", f"expected {_expectation(inner)}, found {found(element)}")
                for index, element in enumerate(value)
                if not _fits([element], expected)
            ]
        case inspect.DictType(value_type=inner), dict():
            # What such a table holds may be a password: tell where it is wrong, not what stands there.
            return [
                Problem(f"{key}.{name}", f"expected {_expectation(inner)}, found something else")
                for name, element in value.items()
                if not _fits({name: element}, expected)
            ]
        case inspect.DictType(), str():
            return [Problem(key, f"expected {_expectation(kind)}, found a text")]
        case _:
            return [Problem(key, f"expected {_expectation(kind)}, found {found(value)}{_hint(kind, value)}")]


def _hint(kind: inspect.Type, value: object) -> str:
    quoted = isinstance(value, str) and isinstance(kind, inspect.IntType | inspect.FloatType | inspect.BoolType)
    return "; numbers, true and false stand without quotes" if quoted else ""


def _fits(value: object, expected: Any) -> bool:  # noqa: ANN401 - whatever type a field has.
    try:
        msgspec.convert(value, expected)
    except msgspec.ValidationError:
        return False
    match value:
        case float():
            return math.isfinite(value)  # TOML knows inf, no setting does.
        case int():
            return _fits_toml(value)
        case str():
            return "\0" not in value  # No file, device or topic can be called so, and asking for one is an error.
        case list() | dict():
            texts = value if isinstance(value, list) else value.values()
            return not any(isinstance(text, str) and "\0" in text for text in texts)
        case _:
            return True


def _fits_toml(number: int) -> bool:
    """Tell whether TOML knows the number; Python's parser takes larger ones, and cannot print all of them."""
    return -(2**63) <= number < 2**63


def _expectation(kind: inspect.Type) -> str:  # noqa: PLR0911 - one line a kind of setting.
    match kind:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number" + _range(kind)
        case inspect.FloatType():
            return "a number" + _range(kind)
        case inspect.StrType(min_length=shortest, max_length=int(longest)):
            return f"a text of {shortest or 0} to {longest} characters"
        case inspect.StrType(min_length=int()):
            return "a text that is not empty"
        case inspect.StrType():
            return "a text in quotes"
        case inspect.LiteralType(values=choices):
            return " or ".join(f'"{choice}"' for choice in choices)
        case inspect.VarTupleType():
            return 'a list of texts such as ["one", "two"]'
        case inspect.DictType():
            return 'a table of texts such as { name = "value" }'
        case inspect.DateType():
            return "a date such as 2026-11-22"
        case _:
            return f"a value of another kind ({type(kind).__name__})"


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    match kind.ge, kind.gt, kind.le:
        case None, None, None:
            return ""
        case lowest, None, None:
            return f" of at least {lowest:g}"
        case None, bound, None:
            return f" above {bound:g}"
        case None, None, highest:
            return f" of at most {highest:g}"
        case None, bound, highest:
            return f" above {bound:g} and of at most {highest:g}"
        case _:
            return f" from {kind.ge:g} to {kind.le:g}"
