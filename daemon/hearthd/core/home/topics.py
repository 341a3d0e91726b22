"""Our own MQTT interface: the topics below `<base>/<room>/`, and what people may ask of us there."""

import re
import unicodedata
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from hearthd.core.home.numerals import Json, finite

ONLINE = b"online"
OFFLINE = b"offline"

_LONGEST_TEXT = 1_000
"""Characters that one message may have spoken: more than a minute of speech."""
_LONGEST_ID = 100
"""Characters of an id: any program's is shorter, and it comes back in events and in the journal."""
_ON = frozenset({"on", "true", "1", "yes"})
_OFF = frozenset({"off", "false", "0", "no"})
_PERCENT_MAX = 100


@dataclass(frozen=True, slots=True)
class MuteRequest:
    """The microphone shall be closed (`on`) or opened again."""

    on: bool


@dataclass(frozen=True, slots=True)
class VolumeRequest:
    """The loudspeaker shall play at `percent` of its full volume."""

    percent: int


@dataclass(frozen=True, slots=True)
class ListenRequest:
    """Listen to somebody, as if the wake word had been said."""


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Be quiet and listen no longer."""


@dataclass(frozen=True, slots=True)
class SayRequest:
    """Speak `text` word for word."""

    text: str
    id: str = ""
    """What the events that tell of it shall be known by; empty: nobody looks for them."""


@dataclass(frozen=True, slots=True)
class AnnounceRequest:
    """Draw attention, then speak `text` word for word."""

    text: str
    id: str = ""
    """As above."""


Request = MuteRequest | VolumeRequest | ListenRequest | StopRequest | SayRequest | AnnounceRequest
"""What may be asked of us over MQTT."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A message on one of our command topics that asks for nothing we can do."""

    topic: str
    problem: str
    """For the journal, in plain words; never the text that was to be spoken."""


class RoomState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `state` tells, as one JSON object; `msgspec.json.encode` writes it."""

    phase: str
    link: str
    server: str
    """`online`, `offline` (the one on this machine), or `none` when nobody could answer now."""
    server_reason: str | None = None
    """Why the configured server does not answer, in plain words; left out while it does."""
    mic: str
    volume_percent: int
    cost_today_usd: float | None = None
    """Left out while nobody counts."""
    problem: str | None = None
    """What keeps us from hearing, being heard or answering, in plain words; left out while nothing does."""


def room_slug(name: str) -> str:
    """Return the room's part of topics, client and entity identifiers: `a-z`, `0-9` and `_`.

    A name without such letters gets a slug of its own, which stays the same as long as the name does.
    """
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return slug or f"room_{zlib.crc32(name.encode()):08x}"


class RoomTopics:
    """The topics of one room, and the meaning of what arrives there."""

    def __init__(self, base_topic: str, room: str) -> None:
        self.root = f"{base_topic}/{room_slug(room)}"
        self.availability = f"{self.root}/availability"
        self.state = f"{self.root}/state"
        self.event = f"{self.root}/event"
        self.set_mute = f"{self.root}/set/mute"
        self.set_volume = f"{self.root}/set/volume"
        self.listen = f"{self.root}/listen"
        self.stop = f"{self.root}/stop"
        self.say = f"{self.root}/say"
        self.announce = f"{self.root}/announce"

    def commands(self) -> tuple[str, ...]:
        """Return the topics to subscribe."""
        return (self.set_mute, self.set_volume, self.listen, self.stop, self.say, self.announce)

    def parse(self, topic: str, payload: bytes, *, retained: bool) -> Request | Unusable | None:
        """Read a message; None if its topic is none of our command topics.

        A retained command is unusable, whatever it says: it would act again at every reconnect.
        """
        if topic not in self.commands():
            return None
        if retained:
            return Unusable(topic, "is retained, so it would act at every reconnect; publish it without retain")
        if topic == self.listen:
            return ListenRequest()
        if topic == self.stop:
            return StopRequest()
        text = payload.decode(errors="replace").strip()
        if topic == self.set_mute:
            return _mute(topic, text)
        if topic == self.set_volume:
            return _volume(topic, text)
        return _spoken(topic, text, SayRequest if topic == self.say else AnnounceRequest)


def _mute(topic: str, text: str) -> Request | Unusable:
    wish = text.casefold()
    if wish in _ON | _OFF:
        return MuteRequest(wish in _ON)
    return Unusable(topic, "expected ON or OFF")


def _volume(topic: str, text: str) -> Request | Unusable:
    percent = finite(text)
    if percent is None or not 0 <= percent <= _PERCENT_MAX:
        return Unusable(topic, "expected a number from 0 to 100")
    return VolumeRequest(round(percent))


def _spoken(topic: str, text: str, request: type[SayRequest | AnnounceRequest]) -> Request | Unusable:
    """Take a bare text or `{"text": ..., "id": ...}`; what is no JSON object is a text."""
    document = _object(text) if text.startswith("{") else {"text": text}
    words, name = document.get("text"), document.get("id", "")
    if not isinstance(words, str) or not (spoken := " ".join(words.split())):
        return Unusable(topic, "expected a text that is not empty")
    if len(spoken) > _LONGEST_TEXT:
        return Unusable(topic, f"expected at most {_LONGEST_TEXT} characters, found {len(spoken)}")
    if not isinstance(name, str) or len(name) > _LONGEST_ID:
        return Unusable(topic, f"expected an id that is a text of at most {_LONGEST_ID} characters")
    return request(spoken, name)


def _object(text: str) -> Mapping[str, Json]:
    """Read a JSON object, or take for the words to speak what only looks like one."""
    try:
        document: dict[str, Json] = msgspec.json.decode(text)
    # Deep nesting exhausts the decoder's stack.
    except (msgspec.DecodeError, RecursionError):
        return {"text": text}
    return document
