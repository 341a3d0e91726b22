"""What is wrong with a configuration, and where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass

from hearthd.core.errors import HearthdError


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake and its place."""

    file: str
    """The file, or the environment variable, that holds it."""
    line: int | None
    key: str
    """Dotted, as in `gate.vad_level`; empty when the file as a whole is meant."""
    problem: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.key, self.problem) if part)


class ConfigError(HearthdError):
    """The configuration cannot be used; holds every mistake that was found, at least one."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        """Tell all `mistakes`, one a line."""
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)
