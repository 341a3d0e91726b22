"""An MQTT broker in memory, for tests of the engine, in virtual time if they like."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from hearthd.core.home.topics import OFFLINE, ONLINE
from hearthd.ports import BrokerMessage, BrokerRefused, BrokerUnavailable

_ANSWER_S = 2.0
"""How long a client waits for an answer of a broker that is frozen."""


@dataclass(frozen=True, slots=True)
class Published:
    """One message as the broker took it from a client."""

    client: str
    topic: str
    payload: bytes
    retain: bool
    expiry_s: int | None


@dataclass(frozen=True, slots=True)
class _Kept:
    payload: bytes
    until_s: float | None


class MemoryBroker:
    """Retains, forwards, expires, refuses and fails as its tests wish."""

    host = "memory"

    def __init__(self) -> None:
        self.log: list[Published] = []
        """Everything that clients published themselves, wills excluded."""
        self.denied: set[str] = set()
        """Topics that nobody may publish to or read."""
        self._kept: dict[str, _Kept] = {}
        self._sessions: dict[str, MemorySession] = {}
        self._running = True
        self._frozen = False
        self._unread: asyncio.Queue[Published] = asyncio.Queue()

    def client(self, name: str) -> "MemoryClient":
        """Return the `Broker` port of the client `name`; its availability topic is `name/availability`."""
        return MemoryClient(self, name)

    @property
    def clients(self) -> frozenset[str]:
        """The clients that are connected."""
        return frozenset(self._sessions)

    def stop(self) -> None:
        """Go away: sessions are lost, connections refused; what is retained stays."""
        self._running = False
        for name in list(self._sessions):
            self.drop(name, "the broker went away")

    def start(self) -> None:
        """Come back."""
        self._running = True

    def freeze(self) -> None:
        """Answer nothing, and leave connections open, until `thaw`."""
        self._frozen = True

    def thaw(self) -> None:
        """Go on."""
        self._frozen = False

    def drop(self, name: str, problem: str = "the connection broke off") -> None:
        """Cut one client off; its last will is published."""
        session = self._sessions.pop(name)
        session.lose(problem)
        self.forward(f"{name}/availability", OFFLINE, retain=True)

    def retained(self, topic: str) -> bytes | None:
        """Return what is kept under `topic` and has not expired."""
        kept = self._kept.get(topic)
        if kept is None or (kept.until_s is not None and _now_s() >= kept.until_s):
            return None
        return kept.payload

    async def next_published(self) -> Published:
        """Wait for the next message of a client that this method has not returned yet."""
        return await self._unread.get()

    # What clients do

    async def join(self, name: str) -> "MemorySession":
        """Open a session; an older one of the same name is thrown out."""
        await self.answering()
        if not self._running:
            raise BrokerUnavailable(self.host, "nobody listens there")
        if name in self._sessions:
            self.drop(name, "another client took over our name")
        session = self._sessions[name] = MemorySession(self, name)
        self.forward(f"{name}/availability", ONLINE, retain=True)
        return session

    def leave(self, name: str, session: "MemorySession") -> None:
        """Close a session in order, if it still is the one of that name."""
        if self._sessions.get(name) is session:
            del self._sessions[name]
            self.forward(f"{name}/availability", OFFLINE, retain=True)

    async def answering(self) -> None:
        """Wait as long as a client does for a frozen broker. Raises `BrokerUnavailable`."""
        if self._frozen:
            await asyncio.sleep(_ANSWER_S)
            raise BrokerUnavailable(self.host, f"no answer within {_ANSWER_S:.0f} s")

    def take(self, published: Published) -> None:
        """Take a client's message and forward it."""
        self.log.append(published)
        self._unread.put_nowait(published)
        self.forward(published.topic, published.payload, retain=published.retain, expiry_s=published.expiry_s)

    def forward(self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: int | None = None) -> None:
        """Deliver to every subscriber; an empty retained payload deletes what was kept."""
        if retain:
            self._kept[topic] = _Kept(payload, None if expiry_s is None else _now_s() + expiry_s)
            if not payload:
                del self._kept[topic]
        for session in self._sessions.values():
            session.deliver(BrokerMessage(topic, payload, retained=False))


class MemoryClient:
    """The `Broker` port of one client."""

    def __init__(self, broker: MemoryBroker, name: str) -> None:
        self._broker = broker
        self._name = name

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["MemorySession"]:
        """Connect once, with birth message, last will and a clean goodbye."""
        session = await self._broker.join(self._name)
        try:
            yield session
        finally:
            self._broker.leave(self._name, session)


class MemorySession:
    """The `BrokerSession` port; two readers at once are an error of ours and assert."""

    def __init__(self, broker: MemoryBroker, name: str) -> None:
        self._broker = broker
        self._name = name
        self._topics: set[str] = set()
        self._arrived: deque[BrokerMessage] = deque()
        self._changed = asyncio.Event()
        self._awaited = False
        self._lost: BrokerUnavailable | None = None

    async def subscribe(self, topics: Sequence[str]) -> tuple[str, ...]:
        """Subscribe, and get what is retained."""
        await self._answered()
        granted = [topic for topic in topics if topic not in self._broker.denied]
        for topic in granted:
            self._topics.add(topic)
            if (payload := self._broker.retained(topic)) is not None:
                self.deliver(BrokerMessage(topic, payload, retained=True))
        return tuple(topic for topic in topics if topic in self._broker.denied)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: int | None = None) -> None:
        """Publish; the broker acknowledges at once, or never while it is frozen."""
        await self._answered()
        if topic in self._broker.denied:
            raise BrokerRefused(self._broker.host, f"the broker does not let us publish to {topic}")
        self._broker.take(Published(self._name, topic, payload, retain, expiry_s))

    async def messages(self) -> AsyncIterator[BrokerMessage]:
        """Iterate over what arrives, then raise how it ended."""
        while True:
            while self._arrived:
                yield self._arrived.popleft()
            if self._lost is not None:
                raise self._lost
            assert not self._awaited, "two tasks read one session"
            self._awaited = True
            self._changed.clear()
            try:
                await self._changed.wait()
            finally:
                self._awaited = False

    def deliver(self, message: BrokerMessage) -> None:
        """Let a message arrive, if it was subscribed."""
        if message.topic in self._topics:
            self._arrived.append(message)
            self._changed.set()

    def lose(self, problem: str) -> None:
        """End the session from the broker's side."""
        self._lost = self._lost or BrokerUnavailable(self._broker.host, problem)
        self._changed.set()

    async def _answered(self) -> None:
        if self._lost is None:
            try:
                await self._broker.answering()
            except BrokerUnavailable as silence:
                self.lose(silence.problem)
        if self._lost is not None:
            raise self._lost


def _now_s() -> float:
    return asyncio.get_running_loop().time()
