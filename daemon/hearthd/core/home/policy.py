"""What the code itself holds back: devices that act only after the person has said so a second time."""

from collections.abc import Collection
from dataclasses import dataclass

from hearthd.core.errors import CallRefused
from hearthd.core.home.commands import DeviceCommand

_VALID_S = 60.0
"""How long a question to the person stays open; later, a yes may belong to something else."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A command that was held back."""

    messages: tuple[tuple[str, bytes], ...]
    turn: int
    at_s: float


class Policy:
    """Decides on commands to guarded devices from turn numbers and the clock alone.

    Nothing that the model writes can open this door: a held-back command passes only if the very same command
    comes again, to the byte, in a later turn of the person and within a minute.
    """

    def __init__(self, guarded: Collection[str]) -> None:
        self._guarded = frozenset(guarded)
        self._asked: dict[str, _Asked] = {}

    def admit(self, commands: tuple[DeviceCommand, ...], turn: int, now_s: float) -> None:
        """Let all commands of one call pass, or raise `CallRefused` (`needs_confirmation`) for all of them.

        `turn` counts the person's utterances. A passed command is used up: the next one is asked about again.
        """
        guarded = [command for command in commands if command.device_id in self._guarded]
        held = [command for command in guarded if not self._is_confirmed(command, turn, now_s)]
        if not held:
            for command in guarded:
                del self._asked[command.device_id]
            return
        for command in held:
            if not self._is_open(command, now_s):
                self._asked[command.device_id] = _Asked(command.messages, turn, now_s)
        what = "; ".join(command.says for command in held)
        raise CallRefused(
            "needs_confirmation",
            f"Not done yet. Ask the person whether they really want this: {what}. "
            "Call the function again only after they said yes.",
        )

    def _is_confirmed(self, command: DeviceCommand, turn: int, now_s: float) -> bool:
        return self._is_open(command, now_s) and turn > self._asked[command.device_id].turn

    def _is_open(self, command: DeviceCommand, now_s: float) -> bool:
        """Tell whether this very command was held back a moment ago."""
        asked = self._asked.get(command.device_id)
        return asked is not None and asked.messages == command.messages and now_s - asked.at_s <= _VALID_S
