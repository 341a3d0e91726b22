"""What was said before, so that a talk can go on over a new connection: as texts, bounded, and never acted on again.

A server remembers nothing of a connection that broke, and takes no sound of its own back. So the last turns are told
to it as text, under identifiers of our own; calls stand among them as something that happened.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from hearthd.core.realtime.client_messages import (
    BetaText,
    Call,
    CallOutput,
    InputText,
    ItemCreate,
    Message,
    OutputText,
    Role,
)
from hearthd.core.realtime.dialects import Dialect, Shape

ITEMS_MAX = 12
"""Three or four turns: what people still refer to."""
CHARACTERS_MAX = 4_000
"""About 1,000 tokens."""
UNKNOWN_WORDS = "(the user spoke; the words were not kept)"
CONTINUES = (
    "The connection broke and is back. What follows is this same conversation so far. "
    "Its function calls were carried out: do not repeat them."
)
_CALL_ID = "earlier_{}"
"""Far below the 32 characters that a server takes."""


@dataclass(frozen=True, slots=True)
class UserSaid:
    """An utterance."""

    text: str = ""
    """Empty where no transcriber was at work."""


@dataclass(frozen=True, slots=True)
class ReplyHeard:
    """What the room heard of a reply."""

    text: str


@dataclass(frozen=True, slots=True)
class CallMade:
    """A function call that was answered."""

    name: str
    arguments: str
    output: str


PastItem = UserSaid | ReplyHeard | CallMade


def replay(history: Sequence[PastItem], dialect: Dialect) -> list[ItemCreate]:
    """Return the messages that tell a new session the end of `history`, oldest first; none for an empty one."""
    kept = _last(history)
    if not kept:
        return []
    items: list[ItemCreate] = [_said("system", InputText(CONTINUES))]
    for number, past in enumerate(kept, 1):
        match past:
            case UserSaid(text=text):
                items.append(_said("user", InputText(text or UNKNOWN_WORDS)))
            case ReplyHeard(text=text):
                items.append(_said("assistant", BetaText(text) if dialect.shape is Shape.BETA else OutputText(text)))
            case CallMade():
                call_id = _CALL_ID.format(number)
                items.append(ItemCreate(item=Call(call_id=call_id, name=past.name, arguments=past.arguments)))
                items.append(ItemCreate(item=CallOutput(call_id=call_id, output=past.output)))
            case _:
                assert_never(past)
    return items


def replayed_calls() -> Iterable[str]:
    """Return the identifiers that replayed calls can have, so that a server's echo of them is known as such."""
    return (_CALL_ID.format(number) for number in range(1, ITEMS_MAX + 1))


def _last(history: Sequence[PastItem]) -> list[PastItem]:
    """Return the last items that stay within both bounds; one that is too long itself ends the memory."""
    kept: list[PastItem] = []
    room = CHARACTERS_MAX
    for past in reversed(history[-ITEMS_MAX:]):
        room -= _size(past)
        if room < 0:
            break
        kept.append(past)
    return kept[::-1]


def _size(past: PastItem) -> int:
    if isinstance(past, CallMade):
        return len(past.name) + len(past.arguments) + len(past.output)
    return len(past.text or UNKNOWN_WORDS)


def _said(role: Role, content: InputText | OutputText | BetaText) -> ItemCreate:
    return ItemCreate(item=Message(role=role, content=(content,)))
