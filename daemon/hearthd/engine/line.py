"""The way to one Realtime server: at most one session, opened, kept, renewed and mended by a single supervisor."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Never, Protocol

from hearthd.core.conversation import events as ev
from hearthd.core.realtime import events as wire
from hearthd.core.realtime.allowance import Allowance, AskKind, ContextSize
from hearthd.core.realtime.backoff import Backoff
from hearthd.core.realtime.choice import Footing, Standing
from hearthd.core.realtime.commands import LinkCommand
from hearthd.core.realtime.notices import advised
from hearthd.core.realtime.protocol import RealtimeProtocol
from hearthd.core.realtime.session import SessionPlan
from hearthd.engine.link_session import LinkSession, SessionOwner, SessionRetired
from hearthd.engine.liveness import BEAT_EVERY_S, Pulse
from hearthd.engine.outage import Outage
from hearthd.engine.tasks import passes
from hearthd.ports import LinkConnection, LinkRefused, LinkTransport, LinkUnavailable

BACKOFF_FIRST_S = 0.5
BACKOFF_CAP_S = 5.0
"""An attempt costs nothing, and a family expects its speaker back within 5 s of its internet."""
BACKOFF_IN_USE_S = 1.0
"""Whoever talks waits 10 s at most, so the attempts of that time lie close together."""
RETRY_AFTER_MAX_S = 900.0
"""However long a server asks us to stay away, a mended one is found within a quarter of an hour."""

LinkError = LinkUnavailable | LinkRefused


@dataclass(frozen=True, slots=True)
class LineHabits:
    """When to be connected."""

    warm: Callable[[], bool]
    """Tells whether there is to be a session although nobody converses."""
    insists: bool
    """Whether a server that was lost is sought until it is found, although nobody waits for it."""
    renew_after_s: float


class Purse(Protocol):
    """Holds the money of one session."""

    def allow(self, kind: AskKind, reads: ContextSize) -> Allowance:
        """Decide at once whether a response may be asked for."""
        ...

    def saw(self, event: wire.LinkEvent) -> object:
        """Take every event of the session, in order."""
        ...

    def close(self) -> None:
        """Settle what has no end any more; harmless when done twice."""
        ...


class LineOwner(Protocol):
    """Whom a line serves."""

    def plan(self, line: "Line") -> SessionPlan:
        """Return what the next session is to be."""
        ...

    def purse(self, line: "Line") -> Purse | None:
        """Return who allows and counts what the next session spends; None: nobody need."""
        ...

    def in_use(self, line: "Line") -> bool:
        """Tell whether somebody converses over `line`."""
        ...

    def attached(self, line: "Line") -> None:
        """Learn that there is a session that takes sound and commands."""
        ...

    def detached(self, line: "Line") -> None:
        """Learn that the session is not to be used any more; what came of it counts."""
        ...

    def doubted(self, line: "Line") -> None:
        """Learn that the server may not be there any more."""
        ...

    def told(self, line: "Line", event: wire.LinkEvent | ev.LinkConnecting | ev.LinkLost | ev.LinkDenied) -> None:
        """Take news: how the line stands, and what the server says."""
        ...


class Line:
    """Keeps at most one session with one server, and tells its owner how that goes.

    Of a session that ended the owner learns before its connection is closed, which takes a while.
    """

    def __init__(
        self,
        transport: LinkTransport,
        habits: LineHabits,
        owner: LineOwner,
        outage: Outage,
        random_unit: Callable[[], float],
        pulse: Pulse,
    ) -> None:
        """Connect nothing before `run`."""
        self._transport = transport
        self._habits = habits
        self._owner = owner
        self._outage = outage
        self._random_unit = random_unit
        self._pulse = pulse
        self._backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_CAP_S)
        self._refusals = Backoff.after_refusal()
        self._session: LinkSession | None = None
        """The session; None from the moment on in which its end is known."""
        self._known_calls: tuple[str, ...] = ()
        self._wanted = asyncio.Event()
        self._lost_in_use = False
        """Whether somebody conversed over the line when it was lost; the news of it looks like somebody, too."""
        self.standing = Standing(Footing.RESTING, asyncio.get_running_loop().time())

    @property
    def protocol(self) -> RealtimeProtocol | None:
        """The session's, while it takes sound and commands."""
        return self._session.protocol if self._session is not None and self._session.protocol.ready else None

    def send(self, command: LinkCommand) -> bool:
        """Pass a command to the session; False when there is none, for whose predecessor it was meant."""
        protocol = self.protocol
        if protocol is None:
            return False
        protocol.send(command)
        self.pump()
        self.doubt()
        return True

    def pump(self) -> None:
        """Let what the session has to say out on the socket."""
        if self._session is not None:
            self._session.pump()

    def doubt(self) -> None:
        """Have a server that has been quiet prove that it is there."""
        if self._session is not None:
            self._session.doubt()

    def want(self) -> None:
        """Connect now, if there is no connection, instead of at the next scheduled time or over one that hangs."""
        self._wanted.set()
        if self._session is not None:
            self._session.hurry()

    def retire(self) -> None:
        """Give a session up that is ready; one that is still on its way is fresh already."""
        if self._session is not None and self._session.protocol.ready:
            session = self._session
            self._detach()
            self._stand(Footing.TRYING)
            session.retire()

    async def run(self) -> Never:
        """Connect, serve, and begin again, for ever."""
        while True:
            self._pulse.beat()
            if not self._habits.warm():
                await self._until_wanted()
            self._wanted.clear()
            if self.standing.footing is Footing.RESTING:
                self._stand(Footing.TRYING)
            self._owner.told(self, ev.LinkConnecting())
            error = await self._connect()
            if isinstance(error, LinkRefused):
                await self._pause(self._refusals.next_delay(self._random_unit()), early=False)
            elif error is not None:
                delay_s = self._backoff.next_delay(self._random_unit())
                if self._lost_in_use:
                    delay_s = min(delay_s, BACKOFF_IN_USE_S)
                wish_s = min(error.retry_after_s or 0.0, RETRY_AFTER_MAX_S)
                await self._pause(max(delay_s, wish_s), early=not wish_s)

    async def _until_wanted(self) -> None:
        troubled = bool(self.standing.problem)
        if self._owner.in_use(self) or self._wanted.is_set() or (troubled and self._habits.insists):
            return
        if not troubled:
            self._stand(Footing.RESTING)
        self._owner.told(self, ev.LinkLost(self.standing.problem))
        while not self._wanted.is_set():  # whoever talks after this news says so; the news itself is no reason
            self._pulse.beat()
            await passes(self._wanted, BEAT_EVERY_S)

    async def _pause(self, delay_s: float, *, early: bool) -> None:
        """Wait `delay_s`, or less if somebody wants the line and `early` says that hurrying may help."""
        clock = asyncio.get_running_loop().time
        ends_s = clock() + delay_s
        self._wanted.clear()
        while (left_s := ends_s - clock()) > 0 and not (early and self._wanted.is_set()):
            self._pulse.beat()
            if early:
                await passes(self._wanted, min(left_s, BEAT_EVERY_S))
            else:
                await asyncio.sleep(min(left_s, BEAT_EVERY_S))

    async def _connect(self) -> LinkError | None:
        """Open one connection and serve it; returns what ended it, None when it was given up on purpose."""
        try:
            async with self._transport.connect() as connection:
                return await self._serve(connection)
        except (LinkUnavailable, LinkRefused) as error:
            self._lose(error, None)
            return error

    async def _serve(self, connection: LinkConnection) -> LinkError | None:
        purse = self._owner.purse(self)
        protocol = RealtimeProtocol(self._owner.plan(self), self._known_calls, purse.allow if purse else None)
        owner = SessionOwner(
            take=self._take,
            books=purse.saw if purse else _nobody_counts,
            stable=self._prove_stable,
            suspects=lambda: self._owner.doubted(self),
            retiring=self._renew,
            in_use=lambda: self._owner.in_use(self),
            warm=self._habits.warm,
            renew_after_s=self._habits.renew_after_s,
        )
        self._session = session = LinkSession(connection, protocol, owner, self._pulse)
        try:
            await session.run()
        except SessionRetired:
            return None
        except (LinkUnavailable, LinkRefused) as error:
            self._detach()
            error = _with_last_words(error, protocol)
            self._lose(error, session.silent_since_s)
            return error
        finally:
            self._detach()
            self._known_calls = protocol.known_calls
            if purse:
                purse.close()

    def _take(self, event: wire.LinkEvent) -> None:
        if isinstance(event, wire.SessionReady):
            self._wanted.clear()
            self._stand(Footing.READY)
            self._owner.attached(self)
        self._owner.told(self, event)

    def _detach(self) -> None:
        """Have nobody use the session any more."""
        if self._session is not None:
            self._session.hear_no_more()
            self._session = None
            self._owner.detached(self)

    def _renew(self) -> None:
        self._detach()
        self._stand(Footing.TRYING)
        self._owner.told(self, ev.LinkConnecting())  # at once, so that nobody talks to the session that is gone

    def _prove_stable(self) -> None:
        self._backoff.reset()
        self._refusals.reset()
        self._outage.ends()

    def _lose(self, error: LinkError, silent_since_s: float | None) -> None:
        self._lost_in_use = self._owner.in_use(self)
        refused = isinstance(error, LinkRefused)
        problem = advised(error.code, error.problem) if refused else error.problem
        code = _code_of(error)
        self._outage.begins(problem, code)
        self._stand(Footing.REFUSED if refused else Footing.TRYING, code, problem, silent_since_s)
        self._owner.told(self, ev.LinkDenied(error.code, problem) if refused else ev.LinkLost(problem))

    def _stand(self, footing: Footing, code: str = "", problem: str = "", since_s: float | None = None) -> None:
        """Note how we stand now; what was so before has been so since then."""
        before = self.standing
        if footing is before.footing:
            since_s = before.since_s
        self.standing = Standing(footing, since_s or asyncio.get_running_loop().time(), code, problem)


def _with_last_words(error: LinkError, protocol: RealtimeProtocol) -> LinkError:
    """Add what the server complained of to a goodbye that says nothing; some servers tell their reasons only so."""
    complaint = protocol.last_complaint
    if complaint is None or isinstance(error, LinkRefused) or error.close_code is None:
        return error
    problem = f"{error.problem}; before that it said: {complaint.message}"
    return LinkUnavailable(problem, code=error.code, close_code=error.close_code, retry_after_s=error.retry_after_s)


def _code_of(error: LinkError) -> str:
    """Return what names the trouble for machines."""
    if error.code or isinstance(error, LinkRefused) or error.close_code is None:
        return error.code
    return f"close_{error.close_code}"


def _nobody_counts(_event: wire.LinkEvent) -> None:
    """See nothing."""
