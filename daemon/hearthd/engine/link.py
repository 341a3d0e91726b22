"""The one live connection to the Realtime server: opened, kept, renewed and mended by a single supervisor."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Never

from hearthd.core.audio.ledger import ReplyPart
from hearthd.core.conversation import events as ev
from hearthd.core.errors import HearthdError
from hearthd.core.realtime import events as wire
from hearthd.core.realtime.backoff import Backoff
from hearthd.core.realtime.commands import LinkCommand
from hearthd.core.realtime.complaints import ErrorKind
from hearthd.core.realtime.protocol import RealtimeProtocol
from hearthd.core.realtime.session import SessionPlan
from hearthd.engine.liveness import BEAT_EVERY_S, Pulse
from hearthd.engine.outage import Outage
from hearthd.engine.playout import Playout
from hearthd.engine.tasks import together
from hearthd.engine.uplink import Uplink
from hearthd.ports import LinkConnection, LinkRefused, LinkTransport, LinkUnavailable

log = logging.getLogger(__name__)

SESSION_START_S = 20.0
"""From the open socket to `session.updated`; local servers may load a model first."""
SEND_S = 10.0
"""A socket that takes nothing for this long is dead, whatever its pings say."""
BACKOFF_FIRST_S = 0.5
BACKOFF_CAP_S = 5.0
"""An attempt costs nothing, and a family expects its speaker back within 5 s of its internet."""
RETRY_AFTER_MAX_S = 900.0
"""However long a server asks us to stay away, a mended one is found within a quarter of an hour."""
STABLE_S = 5.0
"""A session that lived this long ends an outage; before, a server may take us in only to throw us out."""
TEXTS_IN_A_ROW = 16
"""A burst holds a thousand texts and more: between so many of them the rest of the daemon gets its turn."""
COMPLAINTS_TOLD_MAX = 32
"""Different complaints of one session that are worth a warning each."""

OF_TIMING = frozenset({ErrorKind.BENIGN, ErrorKind.BUSY, ErrorKind.IDLE})
"""Complaints that a healthy conversation brings about, such as a cancel that came a moment too late."""

LinkError = LinkUnavailable | LinkRefused


@dataclass(frozen=True, slots=True)
class LinkParties:
    """Everybody that the link serves."""

    uplink: Uplink
    playout: Playout
    post: Callable[[ev.Event], None]
    """Takes events for the conversation."""
    at_rest: Callable[[], bool]
    """Tells whether no conversation is under way, nor any news waiting that could begin one."""
    overheard: Callable[[wire.InputTranscribed | wire.ReplyTranscribed], None]
    """Takes transcripts."""


@dataclass(frozen=True, slots=True)
class LinkHabits:
    """When to be connected."""

    keep_warm: bool
    renew_after_s: float


class SessionRetired(HearthdError):
    """The session is given up on purpose; a fresh one may follow at once."""


class LinkKeeper:
    """Keeps at most one session with the server, and tells the conversation how that goes.

    Reply audio goes straight to the playout and never through the conversation's inbox; utterances come straight from
    the uplink. Of a session that ended the conversation learns before its connection is closed, which takes a while.
    """

    def __init__(
        self,
        transport: LinkTransport,
        plan: SessionPlan,
        habits: LinkHabits,
        parties: LinkParties,
        random_unit: Callable[[], float],
        pulse: Pulse,
    ) -> None:
        """Connect nothing before `run`."""
        self._transport = transport
        self._plan = plan
        self._habits = habits
        self._parties = parties
        self._post = parties.post
        self._random_unit = random_unit
        self._pulse = pulse
        self._backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_CAP_S)
        self._refusals = Backoff.after_refusal()
        self._outage = Outage(log, "the Realtime server", "link_down", "link_up")
        self._problem = ""
        """What was wrong with the last session that did not prove stable; empty: nothing."""
        self._protocol: RealtimeProtocol | None = None
        """The session's; None from the moment on in which its end is known."""
        self._known_calls: tuple[str, ...] = ()
        self._complaints: set[tuple[ErrorKind, str]] = set()
        self._outgoing = asyncio.Event()
        self._wanted = asyncio.Event()
        self._retired = asyncio.Event()

    # What the conductor asks for

    def send(self, command: LinkCommand) -> None:
        """Pass a command to the session; without one it is dropped, because it spoke of the session that is gone."""
        if self._protocol is None or not self._protocol.ready:
            log.debug("a command came after its session ended", extra={"HEARTHD_COMMAND": type(command).__name__})
            return
        self._protocol.send(command)
        self.pump()

    def begin_turn(self) -> None:
        """Tell the session that the user has the floor, so that it does not go on about older calls."""
        if self._protocol is not None and self._protocol.ready:
            self._protocol.begin_user_turn()

    def pump(self) -> None:
        """Let what the session has to say out on the socket."""
        self._outgoing.set()

    def want(self) -> None:
        """Connect now, if there is no connection, instead of at the next scheduled time."""
        self._wanted.set()

    def end_conversation(self) -> None:
        """Give the session up; with `keep_warm` a fresh one follows at once, otherwise on the next wish.

        One that is still on its way is fresh already.
        """
        if self._protocol is not None and self._protocol.ready:
            self._detach()
            self._retired.set()

    # The loop

    async def run(self) -> Never:
        """Connect, serve, and begin again, for ever."""
        while True:
            self._pulse.beat()
            if not self._habits.keep_warm:
                await self._until_wanted()
            self._wanted.clear()
            self._retired.clear()
            self._post(ev.LinkConnecting())
            error = await self._connect()
            if isinstance(error, LinkRefused):
                await self._pause(self._refusals.next_delay(self._random_unit()), early=False)
            elif error is not None:
                delay_s = self._backoff.next_delay(self._random_unit())
                wish_s = min(error.retry_after_s or 0.0, RETRY_AFTER_MAX_S)
                await self._pause(max(delay_s, wish_s), early=not wish_s)

    async def _until_wanted(self) -> None:
        if not self._parties.at_rest() or self._wanted.is_set():
            return
        self._post(ev.LinkLost(self._problem))
        while not self._wanted.is_set():  # whoever talks after this news says so; the news itself is no reason
            self._pulse.beat()
            await _wait(self._wanted, BEAT_EVERY_S)

    async def _pause(self, delay_s: float, *, early: bool) -> None:
        """Wait `delay_s`, or less if somebody wants the link and `early` says that hurrying may help."""
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + delay_s
        self._wanted.clear()
        while (left_s := ends_s - loop.time()) > 0 and not (early and self._wanted.is_set()):
            self._pulse.beat()
            if early:
                await _wait(self._wanted, min(left_s, BEAT_EVERY_S))
            else:
                await asyncio.sleep(min(left_s, BEAT_EVERY_S))

    async def _connect(self) -> LinkError | None:
        """Open one connection and serve it; returns what ended it, None when it was given up on purpose."""
        try:
            async with self._transport.connect() as connection:
                return await self._serve(connection)
        except (LinkUnavailable, LinkRefused) as error:
            self._tell(error)
            return error

    def _tell(self, error: LinkError) -> None:
        self._problem = error.problem
        if isinstance(error, LinkRefused):
            self._outage.begins(error.problem, error.code)
            self._post(ev.LinkDenied(error.code, error.problem))
        else:
            self._outage.begins(error.problem)
            self._post(ev.LinkLost(error.problem))

    async def _serve(self, connection: LinkConnection) -> LinkError | None:
        self._protocol = protocol = RealtimeProtocol(self._plan, self._known_calls)
        self._complaints.clear()
        ready = asyncio.Event()
        try:
            await together(
                {
                    "link reader": self._read(connection, protocol, ready),
                    "link writer": self._write(connection, protocol),
                    "link overseer": self._oversee(ready),
                }
            )
        except SessionRetired:
            return None
        except (LinkUnavailable, LinkRefused) as error:
            self._detach()
            self._tell(error)
            return error
        finally:
            self._detach()
            self._known_calls = protocol.known_calls
        raise AssertionError("the tasks of a session end by raising only")

    def _detach(self) -> None:
        """Have nobody use the session any more; what came of a reply is played to its end."""
        if self._protocol is not None:
            self._protocol = None
            self._parties.uplink.attach(None)
            self._parties.playout.finish()

    async def _read(self, connection: LinkConnection, protocol: RealtimeProtocol, ready: asyncio.Event) -> None:
        texts = 0
        async for text in connection.receive():
            if self._protocol is not protocol:
                return
            for event in protocol.receive(text):
                self._dispatch(event, protocol, ready)
            self.pump()
            texts += 1
            if texts % TEXTS_IN_A_ROW == 0:
                await asyncio.sleep(0)
        raise LinkUnavailable("the server ended the connection without a word")

    async def _write(self, connection: LinkConnection, protocol: RealtimeProtocol) -> Never:
        while True:
            self._pulse.beat()
            await _wait(self._outgoing, BEAT_EVERY_S)
            self._outgoing.clear()
            for text in protocol.data_to_send():
                self._pulse.beat()
                try:
                    async with asyncio.timeout(SEND_S):
                        await connection.send(text)
                except TimeoutError:
                    raise LinkUnavailable(f"the server took nothing for {SEND_S:.0f} s") from None

    async def _oversee(self, ready: asyncio.Event) -> Never:
        """Hold the session to its start deadline, then end it on request, or when it is of no use and nobody talks."""
        try:
            async with asyncio.timeout(SESSION_START_S):
                await ready.wait()
        except TimeoutError:
            raise LinkUnavailable(f"the server started no session within {SESSION_START_S:.0f} s") from None
        if not await _wait(self._retired, STABLE_S):
            self._problem = ""
            self._backoff.reset()
            self._refusals.reset()
            self._outage.ends()
            if self._habits.keep_warm:
                await _wait(self._retired, self._habits.renew_after_s)
            while not (self._retired.is_set() or self._parties.at_rest()):
                await _wait(self._retired, BEAT_EVERY_S)
        if not self._retired.is_set():
            self._detach()
            self._post(ev.LinkConnecting())  # at once, so that nobody talks to the session that is gone
        raise SessionRetired

    # What the server says

    def _dispatch(self, event: wire.LinkEvent, protocol: RealtimeProtocol, ready: asyncio.Event) -> None:
        playout = self._parties.playout
        match event:
            case wire.ReplyAudio():
                playout.push(ReplyPart(event.response_id, event.item_id, event.content_index), event.pcm)
            case wire.ReplyAudioEnded():
                playout.finish(ReplyPart(event.response_id, event.item_id, event.content_index))
            case wire.InputTranscribed() | wire.ReplyTranscribed():
                self._parties.overheard(event)
            case wire.ServerComplained():
                self._note_complaint(event)
            case wire.SessionFailed():
                if event.permanent:
                    raise LinkRefused(event.code, event.problem)
                raise LinkUnavailable(event.problem)
            case wire.SessionReady():
                ready.set()
                self._wanted.clear()
                self._parties.uplink.attach(protocol)
                self._post(event)
            case wire.ResponseEnded():
                playout.finish()
                self._post(event)
            case _:
                self._post(event)

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


async def _wait(event: asyncio.Event, at_most_s: float) -> bool:
    """Wait for `event`; tells whether it came in time."""
    try:
        async with asyncio.timeout(at_most_s):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True
