"""A link keeper among parties that a test can look at, with a server in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from hearthd.core.conversation import events as ev
from hearthd.core.realtime.allowance import Allowance, AskKind, ContextSize, Granted
from hearthd.core.realtime.events import LinkEvent
from hearthd.engine.line import Purse
from hearthd.engine.link import LinkHabits, LinkKeeper, LinkParties, Occupancy, Servers
from hearthd.engine.liveness import Pulse
from hearthd.engine.playout import Playout
from hearthd.engine.uplink import Uplink
from hearthd.ports import LinkTransport, LinkUnavailable
from tests.core.realtime import wire
from tests.doubles.memory_link import MemoryConnection, MemoryLink
from tests.engine.server import ScriptedServer

RENEW_AFTER_S = 3_000.0
GONE = LinkUnavailable("the line is cut")
SOUND = bytes(9_600)


class LeisurelyLink:
    """Takes a second to say goodbye, as a peer does that does not answer."""

    def __init__(self, link: MemoryLink) -> None:
        self._link = link

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[MemoryConnection]:
        """Connect, and leave slowly."""
        async with self._link.connect() as connection:
            try:
                yield connection
            finally:
                await asyncio.sleep(1.0)


class Spendthrift:
    """Allows everything and counts nothing."""

    def allow(self, kind: AskKind, reads: ContextSize) -> Allowance:
        """Say yes."""
        del kind, reads
        return Granted(512)

    def saw(self, event: LinkEvent) -> None:
        """Look away."""

    def close(self) -> None:
        """Have nothing to settle."""


@dataclass
class Scene:
    """A keeper, its server, and everything that was told."""

    link: MemoryLink = field(default_factory=MemoryLink)
    events: list[tuple[float, ev.Event]] = field(default_factory=list)
    overheard: list[object] = field(default_factory=list)
    resting: bool = True
    undealt: int = 0
    """How much news waits for its turn on the loop, as in the conversation's inbox."""
    beats_s: list[float] = field(default_factory=list)
    purse: Callable[[], Purse] | None = None
    """Makes whoever counts the money of a session."""
    moment: Callable[[], str] = str
    """Tells what a conversation has to know at its beginning."""

    def build(self, transport: LinkTransport, *, keep_warm: bool, random_unit: Callable[[], float]) -> None:
        """Put everything together."""
        loop = asyncio.get_running_loop()
        self.server = ScriptedServer(self.link)
        self.pulse = Pulse("link", self._beat)
        self.playout = Playout(self._post, lambda call: None, lambda _name, _at_s: None, Pulse("playback"), loop.time)
        self.uplink = Uplink(20.0)
        self.keeper = LinkKeeper(
            Servers(transport),
            wire.plan(),
            LinkHabits(keep_warm, RENEW_AFTER_S),
            LinkParties(
                uplink=self.uplink,
                playout=self.playout,
                post=self._post,
                occupancy=self._occupancy,
                overheard=self.overheard.append,
                purse=lambda _server: self.purse() if self.purse is not None else Spendthrift(),
                moment=self._moment,
            ),
            random_unit,
            lambda _name: self.pulse,
        )

    def _occupancy(self) -> Occupancy:
        return Occupancy.REST if self.resting and not self.undealt else Occupancy.BUSY

    def _moment(self) -> str:
        return self.moment()

    def _beat(self) -> float:
        self.beats_s.append(asyncio.get_running_loop().time())
        return self.beats_s[-1]

    def _post(self, event: ev.Event) -> None:
        loop = asyncio.get_running_loop()
        self.events.append((loop.time(), event))
        self.undealt += 1
        loop.call_soon(self._deal)

    def _deal(self) -> None:
        self.undealt -= 1

    @property
    def news(self) -> list[ev.Event]:
        """What was posted, and is forgotten with this."""
        news = [event for _, event in self.events]
        self.events.clear()
        return news

    def longest_silence_s(self) -> float:
        """The longest time between two beats."""
        moments_s = [*self.beats_s, asyncio.get_running_loop().time()]
        return max(later - earlier for earlier, later in pairwise(moments_s))

    def lose(self) -> None:
        """Break the connection off."""
        self.server.session.connection.end(GONE)


@asynccontextmanager
async def linked(
    *,
    keep_warm: bool = True,
    random_unit: Callable[[], float] = lambda: 0.5,
    prepare: Callable[[Scene], None] = lambda _: None,
    leisurely: bool = False,
) -> AsyncIterator[Scene]:
    """Keep a link until the test is over; begins when there was time to connect."""
    scene = Scene()
    scene.build(LeisurelyLink(scene.link) if leisurely else scene.link, keep_warm=keep_warm, random_unit=random_unit)
    prepare(scene)
    async with asyncio.TaskGroup() as tasks:
        around = [tasks.create_task(scene.server.run()), tasks.create_task(scene.keeper.run())]
        await asyncio.sleep(0.1)
        yield scene
        for task in around:
            task.cancel()
