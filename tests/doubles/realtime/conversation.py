"""The conversation: items in order, with the audio that the server keeps of each."""

from __future__ import annotations

import base64
import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.doubles.realtime.audio import BYTES_PER_MS, duration_ms
from tests.doubles.realtime.refused import Refused

if TYPE_CHECKING:
    from tests.doubles.realtime.script import Json


@dataclass(slots=True)
class Item:
    """One item; `body` is its wire form without audio."""

    body: Json
    pcm: bytearray = field(default_factory=bytearray)

    @property
    def id(self) -> str:
        """The item's id."""
        return str(self.body["id"])

    def view(self) -> Json:
        """Return the wire form without audio, safe to keep."""
        return copy.deepcopy(self.body)

    def with_audio(self) -> Json:
        """Return the wire form with audio, as `conversation.item.retrieved` shows it."""
        body = self.view()
        for part in body.get("content") or []:
            if part["type"] in ("input_audio", "output_audio"):
                part["audio"] = base64.b64encode(self.pcm).decode()
        return body


class Conversation:
    """The default conversation of one session. Pure; owned by the session."""

    def __init__(self) -> None:
        self._items: list[Item] = []

    @property
    def items(self) -> tuple[Item, ...]:
        """All items in order."""
        return tuple(self._items)

    def add(self, item: Item, previous_id: str | None = None) -> str | None:
        """Insert `item` after `previous_id`: None is the end, "root" the start.

        Returns the id before it, None if it is first. Raises Refused: id taken, or no such place.
        """
        if self._find(item.id) is not None:
            text = f"Error adding item: the item with id '{item.id}' already exists."
            raise Refused("item_create_duplicate_item_id", text, "item.id")
        place = self._place(previous_id)
        self._items.insert(place, item)
        return self._items[place - 1].id if place else None

    def get(self, item_id: str, action: str) -> Item:
        """Return an item; Refused with the code of `action` (delete, retrieve, truncate) if gone."""
        item = self._find(item_id)
        if item is None:
            text = f"Error in {action}: the item with id '{item_id}' does not exist."
            raise Refused(f"item_{action}_invalid_item_id", text, "item_id")
        return item

    def delete(self, item_id: str) -> None:
        """Remove an item. Raises Refused if there is none."""
        self._items.remove(self.get(item_id, "delete"))

    def truncate(self, item_id: str, audio_end_ms: int) -> None:
        """Forget what was not heard of an assistant's speech, and its whole transcript.

        Raises Refused: no such item, no speech, or shorter than `audio_end_ms`.
        """
        item = self.get(item_id, "truncate")
        parts = item.body.get("content") or []
        if item.body.get("role") != "assistant" or not parts or parts[0]["type"] != "output_audio":
            raise Refused("invalid_value", "Only model output audio can be truncated.", "item_id")
        end_bytes = audio_end_ms * BYTES_PER_MS
        if end_bytes > len(item.pcm):
            length_ms = int(duration_ms(item.pcm))
            text = f"Audio content of {length_ms}ms is already shorter than {audio_end_ms}ms"
            raise Refused("invalid_value", text, "audio_end_ms")
        del item.pcm[end_bytes:]
        parts[0]["transcript"] = ""

    def has_call(self, call_id: str) -> bool:
        """Whether a function call of that id is part of the conversation."""
        calls = (i.body for i in self._items if i.body["type"] == "function_call")
        return any(body.get("call_id") == call_id for body in calls)

    def _find(self, item_id: str) -> Item | None:
        return next((item for item in self._items if item.id == item_id), None)

    def _place(self, previous_id: str | None) -> int:
        if previous_id is None:
            return len(self._items)
        if previous_id == "root":
            return 0
        for index, item in enumerate(self._items):
            if item.id == previous_id:
                return index + 1
        text = f"Error adding item: previous item '{previous_id}' does not exist."
        raise Refused("item_create_invalid_previous_item_id", text, "previous_item_id")
