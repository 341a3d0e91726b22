"""What the worker is asked and what it answers: typed messages, and how they travel through a pipe.

A *job* is one utterance to hear or one text to speak; its number is unique in the life of the server.
"""

import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from hearthd.core.errors import HearthdError
from hearthd.offline.parts import Grammar, Heard

HEAD: Final = struct.Struct(">I")
"""Before every message: its length in bytes."""
LONGEST_BYTES: Final = 16 * 2**20
"""Of one message. A longer one means that the other side has lost its way."""


class Job(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Any message that is about one job."""

    job: int


class Listen(Job, frozen=True, tag=True, array_like=True):
    """An utterance begins, in which sentences of `grammar` are expected."""

    grammar: Grammar


class Feed(Job, frozen=True, tag=True, array_like=True):
    """More of it: PCM16 mono at `HEARING_RATE_HZ`."""

    pcm: bytes


class Conclude(Job, frozen=True, tag=True, array_like=True):
    """It is over: say what it was. Answered by `Concluded` or `Failed`."""


class Forget(Job, frozen=True, tag=True, array_like=True):
    """Nobody wants to know any more."""


class Speak(Job, frozen=True, tag=True, array_like=True):
    """Speak `text`, at `speed` times the voice's own; answered by `Spoken`, then `SpeechOver` or `Failed`."""

    text: str
    speed: float
    pieces: int
    """How many pieces may be made before `SpeakOn` asks for more."""


class SpeakOn(Job, frozen=True, tag=True, array_like=True):
    """One more piece may be made."""


class Hush(Job, frozen=True, tag=True, array_like=True):
    """Stop speaking; a piece or two may still be on their way."""


class Concluded(Job, frozen=True, tag=True, array_like=True):
    """What an utterance was."""

    heard: Heard


class Spoken(Job, frozen=True, tag=True, array_like=True):
    """The next piece of PCM16 mono at 24 kHz, of 200 ms at most."""

    pcm: bytes


class SpeechOver(Job, frozen=True, tag=True, array_like=True):
    """All was spoken."""


class Failed(Job, frozen=True, tag=True, array_like=True):
    """The job came to nothing."""

    problem: str


class Loaded(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The model is there, and jobs run from here on."""


class Useless(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """There is no model, and no job will ever run."""

    problem: str


Order = Listen | Feed | Conclude | Forget | Speak | SpeakOn | Hush
Result = Concluded | Spoken | SpeechOver | Failed
Report = Loaded | Useless | Concluded | Spoken | SpeechOver | Failed

_ENCODER: Final = msgspec.msgpack.Encoder()
_ORDERS: Final[msgspec.msgpack.Decoder[Order]] = msgspec.msgpack.Decoder(Order)
_REPORTS: Final[msgspec.msgpack.Decoder[Report]] = msgspec.msgpack.Decoder(Report)


def pack(message: Order | Report) -> bytes:
    """Return `message` as it travels, with its length before it."""
    body = _ENCODER.encode(message)
    return HEAD.pack(len(body)) + body


def unpack_order(body: bytes) -> Order:
    """Read what `pack` wrote behind the length. Raises `msgspec.DecodeError`."""
    return _ORDERS.decode(body)


def unpack_report(body: bytes) -> Report:
    """Read what `pack` wrote behind the length. Raises `msgspec.DecodeError`."""
    return _REPORTS.decode(body)


class WrongLength(HearthdError):
    """What arrives through the pipe is no message."""


class Pile:
    """Puts messages together again from whatever pieces a pipe gives."""

    def __init__(self) -> None:
        self._data = bytearray()

    def take(self, data: bytes) -> Iterator[bytes]:
        """Yield the body of each message that `data` completes. Raises `WrongLength`."""
        self._data += data
        while len(self._data) >= HEAD.size:
            (length,) = HEAD.unpack_from(self._data)
            if length > LONGEST_BYTES:
                raise WrongLength(f"a message of {length} bytes is announced")
            if len(self._data) < HEAD.size + length:
                return
            body = bytes(self._data[HEAD.size : HEAD.size + length])
            del self._data[: HEAD.size + length]
            yield body
