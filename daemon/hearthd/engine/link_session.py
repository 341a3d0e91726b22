"""One session with a Realtime server, from its first message to its last: read, written, probed, and ended in time."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Never

from hearthd.core.errors import HearthdError
from hearthd.core.realtime import events as wire
from hearthd.core.realtime.choice import STABLE_S
from hearthd.core.realtime.complaints import ErrorKind, retry_after_s
from hearthd.core.realtime.protocol import RealtimeProtocol
from hearthd.engine.liveness import BEAT_EVERY_S, Pulse
from hearthd.engine.tasks import passes, together
from hearthd.ports import LinkConnection, LinkRefused, LinkUnavailable

log = logging.getLogger(__name__)

SESSION_START_S = 20.0
"""From the open socket to `session.updated`; local servers may load a model first."""
START_HANGS_S = 5.0
"""A server that has been silent for so long is asked anew when somebody comes to talk; one that may be merely slow,
because its session began just now, is waited for."""
SEND_S = 10.0
"""A socket that takes nothing for this long is dead, whatever its pings say."""
QUIET_S = 20.0
"""A session that said nothing for so long is asked for a sign of life, so that a dead one is known before a wake."""
ANSWER_S = 10.0
"""The sign of life may take this long while nobody waits for it."""
QUIET_IN_USE_S = 3.0
"""The same in a conversation, and before one begins: whoever speaks shall not speak to nobody."""
ANSWER_IN_USE_S = 4.0
"""A ping that waits behind 1.5 s of pre-roll on a slow uplink takes 2 s; with the quiet before, a dead line is found
within 7 s."""
SUSPECT_S = 1.0
"""A sign of life that takes longer than this may never come."""
TEXTS_IN_A_ROW = 16
"""A burst holds a thousand texts and more: between so many of them the rest of the daemon gets its turn."""
COMPLAINTS_TOLD_MAX = 32
"""Different complaints of one session that are worth a warning each."""

OF_TIMING = frozenset({ErrorKind.BENIGN, ErrorKind.BUSY, ErrorKind.IDLE})
"""Complaints that a healthy conversation brings about, such as a cancel that came a moment too late."""


@dataclass(frozen=True, slots=True)
class SessionOwner:
    """Whom a session serves."""

    take: Callable[[wire.LinkEvent], None]
    """Takes everything that the server says, but for complaints and the session's own failure."""
    books: Callable[[wire.LinkEvent], object]
    """Sees everything that the server says, before anybody else: whoever counts the money."""
    stable: Callable[[], None]
    """Learns that the session has lived long enough to be trusted."""
    suspects: Callable[[], None]
    """Learns that a sign of life is late; the session may be over."""
    retiring: Callable[[], None]
    """Learns that the session ends because it is of no use any more, and not because anybody asked for it."""
    in_use: Callable[[], bool]
    """Tells whether somebody converses over it."""
    warm: Callable[[], bool]
    """Tells whether it is to be kept although nobody does."""
    renew_after_s: float


class SessionRetired(HearthdError):
    """The session is given up on purpose; a fresh one may follow at once."""


class LinkSession:
    """Runs one protocol over one connection."""

    def __init__(
        self, connection: LinkConnection, protocol: RealtimeProtocol, owner: SessionOwner, pulse: Pulse
    ) -> None:
        """Do nothing before `run`."""
        self.protocol = protocol
        self.silent_since_s: float | None = None
        """When the server was asked for the sign of life that it owed when the session ended; None: another end."""
        self._connection = connection
        self._owner = owner
        self._pulse = pulse
        self._heard_s = self._opened_s = asyncio.get_running_loop().time()
        self._complaints: set[tuple[ErrorKind, str]] = set()
        self._deaf = False
        self._patience: asyncio.Timeout | None = None
        """With a sign of life that was asked for; None: none was."""
        self._start: asyncio.Timeout | None = None
        """With a session that has not started yet; None: it has."""
        self._ready = asyncio.Event()
        self._outgoing = asyncio.Event()
        self._retired = asyncio.Event()
        self._doubted = asyncio.Event()

    def pump(self) -> None:
        """Let what the protocol has to say out on the socket."""
        self._outgoing.set()

    def doubt(self) -> None:
        """Have the server prove that it is there, if it has not said anything for a while."""
        self._doubted.set()
        patience = self._patience
        if patience is not None and not patience.expired() and (limit_s := patience.when()) is not None:
            patience.reschedule(min(limit_s, asyncio.get_running_loop().time() + ANSWER_IN_USE_S))

    def hurry(self) -> None:
        """Give up a session that has shown no sign of starting for a while, because somebody came who waits for it."""
        start, now_s = self._start, asyncio.get_running_loop().time()
        hangs = now_s - self._heard_s >= START_HANGS_S and not self._ready.is_set()
        if hangs and start is not None and not start.expired():
            start.reschedule(now_s)

    def hear_no_more(self) -> None:
        """Heed nothing that the server says from now on."""
        self._deaf = True

    def retire(self) -> None:
        """End the session."""
        self._retired.set()

    async def run(self) -> Never:
        """Serve until the end; raises what it was: `LinkUnavailable`, `LinkRefused` or `SessionRetired`."""
        await together(
            {
                "link reader": self._read(),
                "link writer": self._write(),
                "link overseer": self._oversee(),
                "link prober": self._probe(),
            }
        )
        raise AssertionError("the tasks of a session end by raising only")

    async def _read(self) -> None:
        clock = asyncio.get_running_loop().time
        texts = 0
        async for text in self._connection.receive():
            if self._deaf:
                return
            self._heard_s = clock()
            self._dispatch(self.protocol.receive(text))
            self.pump()
            texts += 1
            if texts % TEXTS_IN_A_ROW == 0:
                await asyncio.sleep(0)
        raise LinkUnavailable("the server ended the connection without a word")

    async def _write(self) -> Never:
        while True:
            self._pulse.beat()
            await passes(self._outgoing, BEAT_EVERY_S)
            self._outgoing.clear()
            if not self._deaf:
                self._dispatch(self.protocol.events())
            for text in self.protocol.data_to_send():
                self._pulse.beat()
                try:
                    async with asyncio.timeout(SEND_S):
                        await self._connection.send(text)
                except TimeoutError:
                    raise LinkUnavailable(f"the server took nothing for {SEND_S:.0f} s", code="silent") from None

    async def _oversee(self) -> Never:
        """Hold the session to its start deadline, then end it on request, or when it is of no use and nobody talks."""
        try:
            async with asyncio.timeout(SESSION_START_S) as self._start:
                await self._ready.wait()
        except TimeoutError:
            waited_s = asyncio.get_running_loop().time() - self._opened_s
            raise LinkUnavailable(f"the server started no session within {waited_s:.0f} s", code="no_session") from None
        finally:
            self._start = None
        if not await passes(self._retired, STABLE_S):
            self._owner.stable()
            await self._outlive()
        if not self._retired.is_set():
            self._owner.retiring()
        raise SessionRetired

    async def _outlive(self) -> None:
        """Return when the session is to be ended: on request at once, else between two conversations."""
        clock = asyncio.get_running_loop().time
        renew_s = clock() + self._owner.renew_after_s
        while not self._retired.is_set():
            if self._owner.in_use():
                await passes(self._retired, BEAT_EVERY_S)
            elif self._owner.warm() and (left_s := renew_s - clock()) > 0:
                await passes(self._retired, left_s)
            else:
                return

    async def _probe(self) -> Never:
        """Ask a server that has been quiet for a sign of life; raises `LinkUnavailable` when none comes."""
        clock = asyncio.get_running_loop().time
        await self._ready.wait()
        while True:
            in_use = self._owner.in_use() or self._doubted.is_set()
            self._doubted.clear()
            due_s = self._heard_s + (QUIET_IN_USE_S if in_use else QUIET_S)
            if due_s > clock():
                await passes(self._doubted, due_s - clock())
            else:
                await self._demand_life(ANSWER_IN_USE_S if in_use else ANSWER_S)

    async def _demand_life(self, within_s: float) -> None:
        clock = asyncio.get_running_loop().time
        asked_s = clock()
        suspicion = asyncio.get_running_loop().call_later(SUSPECT_S, self._owner.suspects)
        try:
            async with asyncio.timeout(within_s) as self._patience:
                await self._connection.ping()
        except TimeoutError:
            if self._heard_s <= asked_s:
                self.silent_since_s = asked_s
                problem = f"the server gave no sign of life for {clock() - asked_s:.0f} s"
                raise LinkUnavailable(problem, code="silent") from None
        else:
            self._heard_s = clock()
        finally:
            self._patience = None
            suspicion.cancel()

    def _dispatch(self, events: Iterable[wire.LinkEvent]) -> None:
        for event in events:
            self._owner.books(event)
            self._heed(event)

    def _heed(self, event: wire.LinkEvent) -> None:
        match event:
            case wire.ServerComplained():
                self._note_complaint(event)
            case wire.SessionFailed():
                if event.permanent:
                    raise LinkRefused(event.code, event.problem)
                wish_s = retry_after_s(event.problem)
                raise LinkUnavailable(event.problem, code=event.code, retry_after_s=wish_s)
            case wire.SessionReady():
                self._ready.set()
                self._owner.take(event)
            case _:
                self._owner.take(event)

    def _note_complaint(self, complaint: wire.ServerComplained) -> None:
        """Write down an error that the session survived: once each, and quietly what comes of mere timing."""
        told = (complaint.kind, complaint.code)
        full = len(self._complaints) >= COMPLAINTS_TOLD_MAX
        quiet = complaint.kind in OF_TIMING or told in self._complaints or full
        if not quiet:
            self._complaints.add(told)
        log.log(
            logging.DEBUG if quiet else logging.WARNING,
            "the server complained: %s",
            complaint.message,
            extra={
                "HEARTHD_EVENT": "server_error",
                "HEARTHD_KIND": complaint.kind.value,
                "HEARTHD_CODE": complaint.code,
                "HEARTHD_PROBLEM": complaint.message,
                "HEARTHD_ABOUT": complaint.client_event_id,
            },
        )
