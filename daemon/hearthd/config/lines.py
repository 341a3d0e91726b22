"""In which line of a TOML text a key stands; tomllib itself forgets the lines of what it could read."""

import re

_HEADER = re.compile(r"\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}\s*(#.*)?")
_ASSIGNMENT = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=(.*)""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_MULTILINE = ('"""', "'''")


def line_of(key: str, text: str) -> int | None:
    """Return the line of `text` (from 1) in which the dotted `key`, or else the table around it, begins."""
    lines = _lines(text)
    parts = re.sub(r"\[\d+\]", "", key).split(".")
    while parts:
        if line := lines.get(".".join(parts)):
            return line
        parts.pop()
    return None


def _lines(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    table: list[str] = []
    open_quotes = ""
    for number, line in enumerate(text.splitlines(), 1):
        if open_quotes:
            if open_quotes in line:
                open_quotes = ""
        elif header := _HEADER.fullmatch(line):
            table = _parts(header[1])
            found.setdefault(".".join(table), number)
        elif assignment := _ASSIGNMENT.match(line):
            found.setdefault(".".join([*table, *_parts(assignment[1])]), number)
            open_quotes = next((quotes for quotes in _MULTILINE if assignment[2].count(quotes) == 1), "")
    return found


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(dotted)]
