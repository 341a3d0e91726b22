"""The conversation of one session: its items in order, and the sound that is kept of them."""

from dataclasses import dataclass, field
from typing import assert_never

from msgspec import UNSET

from hearthd.core.audio.pcm import LINK_FORMAT
from hearthd.offline.parts import Heard
from hearthd.offline.protocol import limits
from hearthd.offline.protocol.given import GivenCall, GivenMessage, GivenOutput, Part, Status
from hearthd.offline.protocol.refused import Refused
from hearthd.offline.protocol.views import CallOutputView, CallView, Content, ItemView, MessageView


@dataclass(slots=True, kw_only=True, eq=False)
class Item:
    """What all items have."""

    id: str
    status: Status = "completed"


@dataclass(slots=True, kw_only=True, eq=False)
class UserText(Item):
    """Something the user, or the house itself (`system`), wrote."""

    texts: tuple[str, ...]
    system: bool = False
    answered: bool = False
    """Whether a response in the conversation dealt with it."""

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(self.texts)


@dataclass(slots=True, kw_only=True, eq=False)
class UserSpeech(Item):
    """Something the user said."""

    pcm: bytes = field(repr=False)
    """At 24 kHz; emptied when too much sound is kept."""
    duration_ms: float
    heard: Heard | None = None
    """What it was, once that is known."""
    failed: str = ""
    """Why that will never be known."""
    answered: bool = False
    """Whether a response in the conversation dealt with it."""


@dataclass(slots=True, kw_only=True, eq=False)
class Answer(Item):
    """Something the server said or wrote."""

    spoken: bool
    text: str = ""
    pcm: bytearray = field(default_factory=bytearray, repr=False)
    """At 24 kHz; emptied when too much sound is kept."""
    frames: int = 0
    """How much sound there was, kept or not."""


@dataclass(slots=True, kw_only=True, eq=False)
class FunctionCall(Item):
    """A function that the client shall carry out."""

    call_id: str
    name: str
    arguments: str


@dataclass(slots=True, kw_only=True, eq=False)
class CallOutput(Item):
    """What that brought."""

    call_id: str
    output: str
    answered: bool = False
    """Whether a response in the conversation dealt with it."""


AnyItem = UserText | UserSpeech | Answer | FunctionCall | CallOutput


def view(item: AnyItem, *, with_audio: bool = False) -> ItemView:
    """Return `item` as messages show it; its sound only where it is asked for."""
    match item:
        case UserText():
            content = tuple(Content(type="input_text", text=text) for text in item.texts)
            return MessageView(
                id=item.id, status=item.status, role="system" if item.system else "user", content=content
            )
        case UserSpeech():
            transcript = item.heard.text if item.heard else None
            audio = item.pcm if with_audio else UNSET
            part = Content(type="input_audio", transcript=transcript, audio=audio)
            return MessageView(id=item.id, status=item.status, role="user", content=(part,))
        case Answer():
            return MessageView(
                id=item.id, status=item.status, role="assistant", content=_answer(item, with_audio=with_audio)
            )
        case FunctionCall():
            return CallView(
                id=item.id, status=item.status, call_id=item.call_id, name=item.name, arguments=item.arguments
            )
        case CallOutput():
            return CallOutputView(id=item.id, status=item.status, call_id=item.call_id, output=item.output)
        case _:
            assert_never(item)


def _answer(item: Answer, *, with_audio: bool) -> tuple[Content, ...]:
    if item.status == "in_progress" and not item.text:
        return ()
    if not item.spoken:
        return (Content(type="output_text", text=item.text),)
    audio = bytes(item.pcm) if with_audio else UNSET
    return (Content(type="output_audio", transcript=item.text, audio=audio),)


def item_of(wish: GivenMessage | GivenCall | GivenOutput, item_id: str, call_id: str) -> AnyItem:
    """Make the item that a client wishes, under these ids where it names none. Raises `Refused`."""
    chosen = wish.id or item_id
    match wish:
        case GivenCall():
            return FunctionCall(id=chosen, call_id=wish.call_id or call_id, name=wish.name, arguments=wish.arguments)
        case GivenOutput():
            return CallOutput(id=chosen, call_id=wish.call_id, output=wish.output)
        case GivenMessage(role="assistant"):
            texts = [_text(part, {"output_text", "output_audio"}) for part in wish.content]
            return Answer(id=chosen, spoken=False, text=" ".join(texts))
        case GivenMessage(role="system"):
            return UserText(id=chosen, texts=tuple(_text(part, {"input_text"}) for part in wish.content), system=True)
        case GivenMessage():
            return _user_item(wish, chosen)
        case _:
            assert_never(wish)


def _user_item(wish: GivenMessage, item_id: str) -> UserText | UserSpeech:
    sound = [part.audio for part in wish.content if part.type == "input_audio" and part.audio]
    if len(sound) == 1 == len(wish.content):
        pcm = sound[0][: len(sound[0]) // LINK_FORMAT.frame_bytes * LINK_FORMAT.frame_bytes]
        duration_ms = LINK_FORMAT.ms_of_frames(LINK_FORMAT.frames(pcm))
        if duration_ms > limits.UTTERANCE_S * 1_000:
            text = f"This server listens to {limits.UTTERANCE_S} s at a time; this is {duration_ms / 1_000:.0f} s."
            raise Refused("invalid_value", text, "item.content[0].audio")
        return UserSpeech(id=item_id, pcm=pcm, duration_ms=duration_ms)
    return UserText(id=item_id, texts=tuple(_text(part, {"input_text", "input_audio"}) for part in wish.content))


def _text(part: Part, allowed: set[str]) -> str:
    """Return the words of a content part; sound that comes with other parts counts by its transcript."""
    if part.type == "input_image":
        raise Refused(
            "invalid_value", "This server cannot see: it takes 'input_text' and 'input_audio'.", "item.content"
        )
    if part.type not in allowed:
        text = f"Invalid content '{part.type}'. Supported here: {', '.join(sorted(allowed))}."
        raise Refused("invalid_value", text, "item.content")
    return part.text or part.transcript or ""


class Conversation:
    """Items in order; the oldest are forgotten when there are too many, their sound when there is too much."""

    def __init__(self) -> None:
        self._items: list[AnyItem] = []

    @property
    def items(self) -> tuple[AnyItem, ...]:
        """All items, oldest first."""
        return tuple(self._items)

    def __contains__(self, item_id: object) -> bool:
        return any(item.id == item_id for item in self._items)

    def add(self, item: AnyItem, previous_id: str | None = None) -> str | None:
        """Insert `item` behind `previous_id` (None: the end, "root": the start); returns the id before it.

        Raises `Refused`: the id is taken, or there is no such place.
        """
        if item.id in self:
            text = f"Error adding item: the item with id '{item.id}' already exists."
            raise Refused("item_create_duplicate_item_id", text, "item.id")
        place = self._place(previous_id)
        self._items.insert(place, item)
        before = self._items[place - 1].id if place else None
        del self._items[: max(0, len(self._items) - limits.ITEMS)]
        self.forget_old_sound()
        return before

    def get(self, item_id: str, action: str) -> AnyItem:
        """Return an item. Raises `Refused` with the code of `action` (delete, retrieve, truncate)."""
        item = self._find(item_id)
        if item is None:
            text = f"Error in {action}: the item with id '{item_id}' does not exist."
            raise Refused(f"item_{action}_invalid_item_id", text, "item_id")
        return item

    def before(self, item: AnyItem) -> str | None:
        """Return the id of what stands before `item`; None at the start, or when it was forgotten."""
        place = self._items.index(item) if item in self._items else 0
        return self._items[place - 1].id if place else None

    def delete(self, item_id: str) -> None:
        """Forget an item. Raises `Refused`."""
        self._items.remove(self.get(item_id, "delete"))

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """Forget what was not heard of an answer, and its text. Raises `Refused`."""
        item = self.get(item_id, "truncate")
        if not isinstance(item, Answer) or not item.spoken:
            raise Refused("invalid_value", "Only model output audio messages can be truncated.", "item_id")
        if content_index != 0:
            raise Refused("invalid_value", "Only content part 0 has audio.", "content_index")
        length_ms = LINK_FORMAT.ms_of_frames(item.frames)
        if audio_end_ms > length_ms:
            text = f"Audio content of {length_ms:.0f}ms is already shorter than {audio_end_ms}ms"
            raise Refused("invalid_value", text, "audio_end_ms")
        item.frames = LINK_FORMAT.frames_of_ms(audio_end_ms)
        del item.pcm[item.frames * LINK_FORMAT.frame_bytes :]
        item.text = ""

    def forget_old_sound(self) -> None:
        """Keep the youngest sound, as much as there is room for."""
        room = limits.ITEM_AUDIO_BYTES
        for item in reversed(self._items):
            if isinstance(item, UserSpeech | Answer):
                room -= len(item.pcm)
                if room < 0:
                    item.pcm = b"" if isinstance(item, UserSpeech) else bytearray()

    def _find(self, item_id: str) -> AnyItem | None:
        return next((item for item in self._items if item.id == item_id), None)

    def _place(self, previous_id: str | None) -> int:
        if previous_id is None:
            return len(self._items)
        if previous_id == "root":
            return 0
        for index, item in enumerate(self._items):
            if item.id == previous_id:
                return index + 1
        text = f"Error adding item: the previous item with id '{previous_id}' does not exist."
        raise Refused("item_create_invalid_previous_item_id", text, "previous_item_id")
