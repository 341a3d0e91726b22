"""What the engine needs of the outside world, and the errors that each port may raise.

Adapters implement these protocols for real cards, sockets and brokers; tests implement them in memory. Nothing here
knows a library.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Never, Protocol

from hearthd.core.audio.pcm import PcmFormat
from hearthd.core.errors import HearthdError
from hearthd.core.money.account import Moment, Standing
from hearthd.core.money.bookings import Booking


class DeviceUnavailable(HearthdError):
    """A sound card that is missing, busy, lost, frozen or refuses what was asked of it; worth trying again."""

    def __init__(self, device: str, operation: str, problem: str) -> None:
        """Tell which ALSA `device` failed in which `operation` ("open", "read", "write"), and how."""
        super().__init__(f"{operation} {device}: {problem}")
        self.device = device
        self.operation = operation
        self.problem = problem


class DeviceHangs(DeviceUnavailable):
    """The sound library holds so many threads that no more are given to it; as a rule only a new process helps."""


class LinkUnavailable(HearthdError):
    """The Realtime server cannot be reached, or the connection ended; worth trying again."""

    def __init__(
        self, problem: str, *, code: str = "", close_code: int | None = None, retry_after_s: float | None = None
    ) -> None:
        """Describe the outage; `close_code` is the WebSocket's, `retry_after_s` the server's own wish.

        `code` names what people can mend or must know: "dns", "unreachable", "proxy", "login" (the network wants one),
        "certificate", "clock", "silent", "busy" and "failing" (the server's own troubles), or else the server's own
        code; it is empty for any other outage.
        """
        super().__init__(problem)
        self.problem = problem
        self.code = code
        self.close_code = close_code
        self.retry_after_s = retry_after_s


class LinkRefused(HearthdError):
    """The Realtime server understood and said no; trying again soon does not help."""

    def __init__(self, code: str, problem: str) -> None:
        """Carry the server's error `code` (or `http_STATUS`) and its own words."""
        super().__init__(f"{code}: {problem}")
        self.code = code
        self.problem = problem


class BrokerUnavailable(HearthdError):
    """The MQTT broker cannot be reached, refused us, or did not acknowledge."""

    def __init__(self, host: str, problem: str) -> None:
        """Tell which broker `host` failed, and how."""
        super().__init__(f"{host}: {problem}")
        self.host = host
        self.problem = problem


class BrokerRefused(BrokerUnavailable):
    """The broker is there but does not let us do this, because of its access list as a rule."""


class Ear(Protocol):
    """Takes captured sound; every method runs in the microphone's own thread and must not block."""

    def opened(self, granted: PcmFormat) -> None:
        """Learn what the card really granted, before the first `feed` and after every reopening."""
        ...

    def feed(self, pcm: bytes, captured_at_s: float) -> int:
        """Take whole 20 ms blocks whose last frame was captured at `captured_at_s` (monotonic seconds).

        Returns how many 20 ms blocks the next read shall gather (12 while quiet, 4 while there may be a voice,
        1 in a conversation).
        """
        ...

    def overran(self) -> None:
        """Learn that the card lost sound because it was not read in time."""
        ...


class Microphone(Protocol):
    """One capture device."""

    async def listen(self, ear: Ear) -> None:
        """Open the device in a thread of its own and feed `ear` until cancelled; the device is closed on return.

        Raises `DeviceUnavailable` when the device cannot be opened, is lost, or stops delivering; whatever `ear`
        itself raises comes out here unchanged.
        """
        ...


class Mouth(Protocol):
    """Gives sound to a loudspeaker; every method runs in the loudspeaker's own thread and must not block."""

    def opened(self, granted: PcmFormat) -> None:
        """Learn what the card really granted, before the first `pull` and after every reopening."""
        ...

    def pull(self, frames: int) -> bytes:
        """Return at most `frames` frames of PCM in the granted format; empty when there is nothing to play now."""
        ...

    def played(self, pending_frames: int) -> None:
        """Learn how many pulled frames have not been heard yet; called after every write and until it reaches 0."""
        ...

    def silenced(self, pending_frames: int) -> None:
        """Learn that a cut took effect and that the last `pending_frames` pulled frames will never be heard."""
        ...

    def underran(self) -> None:
        """Learn that the card ran dry in mid-stream."""
        ...


class Speaker(Protocol):
    """One playback device."""

    async def play(self, mouth: Mouth) -> None:
        """Open the device in a thread of its own and play what `mouth` gives until cancelled.

        Raises `DeviceUnavailable` as `Microphone.listen` does.
        """
        ...

    def nudge(self) -> None:
        """Tell the loudspeaker's thread, from any thread, that `mouth` has sound to give."""
        ...

    def cut(self) -> None:
        """Drop what the card holds, from any thread, at once; `mouth.silenced` follows in the owner thread."""
        ...


class WakeScorer(Protocol):
    """Listens for wake words in 16 kHz mono PCM16; used by one thread only."""

    def feed(self, pcm: bytes) -> str | None:
        """Take sound in order and return the word that was just completed, if any."""
        ...

    def reset(self) -> None:
        """Forget the sound heard so far, because a gap follows."""
        ...


class LinkConnection(Protocol):
    """One open connection to a Realtime server; carries JSON texts in order."""

    async def send(self, text: str) -> None:
        """Hand one text to the transport; waits while its buffer is full. Raises `LinkUnavailable`."""
        ...

    def receive(self) -> AsyncIterator[str]:
        """Iterate over the texts that arrive; never ends quietly: raises `LinkUnavailable` when the link is gone."""
        ...

    async def ping(self) -> None:
        """Ask the server for a sign of life below its protocol, and return when it came.

        Waits for as long as it is let; raises `LinkUnavailable` or `LinkRefused` when the connection is gone.
        """
        ...


class LinkTransport(Protocol):
    """Opens connections to the configured Realtime server."""

    def connect(self) -> AbstractAsyncContextManager[LinkConnection]:
        """Open one connection, closed on exit. Entering raises `LinkUnavailable` or `LinkRefused`."""
        ...


LinkHost = Callable[[], AbstractAsyncContextManager[LinkTransport]]
"""Starts a Realtime server on this machine and stops it on exit.

Entering raises `LinkUnavailable` when it does not come up now, and `LinkRefused` when this machine cannot have one.
"""


@dataclass(frozen=True, slots=True)
class BrokerMessage:
    """One MQTT message that arrived."""

    topic: str
    payload: bytes
    retained: bool
    """Whether it is an old state that the broker kept, not news."""


class BrokerSession(Protocol):
    """One live connection to the MQTT broker, with the birth message sent and the last will in place."""

    async def subscribe(self, topics: Sequence[str]) -> tuple[str, ...]:
        """Subscribe at QoS 1 and return the topics that the broker refuses to give us.

        Raises `BrokerUnavailable` when the connection is lost or the broker does not answer.
        """
        ...

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: int | None = None) -> None:
        """Publish at QoS 1 and return when the broker acknowledged, within a deadline of its own.

        `expiry_s` is MQTT 5's message expiry. Raises `BrokerRefused`, or `BrokerUnavailable` when the connection is
        lost or no answer came in time; then it is given up, so that nothing is sent again later.
        """
        ...

    def messages(self) -> AsyncIterator[BrokerMessage]:
        """Iterate over arriving messages; raises `BrokerUnavailable` when the connection is lost."""
        ...


class Broker(Protocol):
    """The MQTT broker of the house."""

    def connect(self) -> AbstractAsyncContextManager[BrokerSession]:
        """Connect once; entering raises `BrokerUnavailable`; leaving says a clean goodbye."""
        ...


class Supervisor(Protocol):
    """Whoever started us and watches over us: systemd, or nobody."""

    @property
    def watchdog_s(self) -> float | None:
        """Longest time between two `alive` calls that the supervisor tolerates; None when it does not watch."""
        ...

    def ready(self, status: str) -> None:
        """Say that the service is up, with a plain-words status."""
        ...

    def status(self, text: str) -> None:
        """Say in plain words how we are."""
        ...

    def alive(self) -> None:
        """Feed the watchdog. Before `ready` it says that the start is under way, however long it takes."""
        ...

    def stopping(self, status: str) -> None:
        """Say that we are going down on purpose."""
        ...


class WallClock(Protocol):
    """The clock on the wall and the calendar beside it, which may be wrong and may jump."""

    def now(self) -> Moment:
        """Read it."""
        ...


class MuteMemory(Protocol):
    """Where it is remembered, over a restart, that the microphone is muted."""

    def muted(self) -> bool:
        """Return what was kept last; False if nothing was, or if it cannot be known."""
        ...

    async def keep(self, *, muted: bool) -> None:
        """Remember it, a power cut included. A memory that fails tells it in the journal, raises nothing and ends."""
        ...


class Books(Protocol):
    """The open ledger of what was spent; its methods are for the event loop, and all but `watch` return at once."""

    @property
    def standing(self) -> Standing | None:
        """What was spent when the ledger was closed, or broke off, the last time; None: nothing, or see `lost`."""
        ...

    @property
    def lost(self) -> str:
        """Why it is not known what was spent before, in plain words; empty: it is known."""
        ...

    def book(self, booking: Booking, standing: Standing) -> None:
        """Have a line written, together with what was spent by then; a power cut loses no more than the last one.

        A disk that takes nothing is the ledger's own trouble, which it tells in the journal and mends when it can.
        Raises what ended the ledger's thread, if anything did: our own bug.
        """
        ...

    def keep(self, standing: Standing) -> None:
        """Have written what must be taken for spent although no booking says so; else as `book`."""
        ...

    async def watch(self) -> Never:
        """Wait, and raise at once what `book` would raise; for as long as the books are open."""
        ...


class Ledger(Protocol):
    """Where the books are kept."""

    def open(self) -> AbstractAsyncContextManager[Books]:
        """Open the books, whatever state they are in; what is booked is on the disk when the context has been left.

        A disk that cannot be used raises nothing: the books then tell what is `lost`, and forget at the end.
        """
        ...
