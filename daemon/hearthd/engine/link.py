"""The one live connection to the Realtime server: opened, kept, renewed and mended by a single supervisor."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Never

from hearthd.core.audio.ledger import ReplyPart
from hearthd.core.conversation import events as ev
from hearthd.core.realtime import events as wire
from hearthd.core.realtime.backoff import Backoff
from hearthd.core.realtime.complaints import ErrorKind
from hearthd.core.realtime.commands import LinkCommand
from hearthd.core.realtime.protocol import RealtimeProtocol
from hearthd.core.realtime.session import SessionPlan
from hearthd.engine.liveness import BEAT_EVERY_S, Pulse
from hearthd.engine.outage import Outage
from hearthd.engine.playback import Playout
from hearthd.engine.tasks import lone_error
from hearthd.engine.uplink import Uplink
from hearthd.ports import LinkConnection, LinkRefused, LinkTransport, LinkUnavailable

log = logging.getLogger(__name__)

SESSION_START_S = 20.0
"""From the open socket to `session.updated`; local servers may load a model first."""
SEND_S = 10.0
"""A socket that takes nothing for this long is dead, whatever its pings say."""
REFUSED_RETRY_S = 420.0
"""A refusal is asked about again so rarely that it stays below 12 attempts an hour, jitter included."""
BACKOFF_FIRST_S = 0.5
BACKOFF_CAP_S = 30.0

OF_TIMING = frozenset({ErrorKind.BENIGN, ErrorKind.BUSY, ErrorKind.IDLE})
"""Complaints that a healthy conversation brings about, such as a cancel that came a moment too late."""

Post = Callable[[ev.Event], None]
Overheard = Callable[[wire.InputTranscribed | wire.ReplyTranscribed], None]


@dataclass(frozen=True, slots=True)
class LinkParties:
    """Everybody that the link serves."""

    uplink: Uplink
    playout: Playout
    post: Post
    """Takes events for the conversation."""
    overheard: Overheard
    """Takes transcripts."""


@dataclass(frozen=True, slots=True)
class LinkHabits:
    """When to be connected."""

    keep_warm: bool
    renew_after_s: float


class SessionRetired(Exception):
    """The session is given up on purpose; a fresh one may follow at once."""


class LinkKeeper:
    """Keeps at most one session with the server, and tells the conversation how that goes.

    Reply audio goes straight to the playout and never through the conversation's inbox; utterances come straight from
    the uplink.
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
        self._known_calls: tuple[str, ...] = ()
        self._habits = habits
        self._uplink = parties.uplink
        self._playout = parties.playout
        self._post = parties.post
        self._overheard = parties.overheard
        self._random_unit = random_unit
        self._pulse = pulse
        self._backoff = Backoff(first_s=BACKOFF_FIRST_S, cap_s=BACKOFF_CAP_S)
        self._protocol: RealtimeProtocol | None = None
        self._outgoing = asyncio.Event()
        self._wanted = asyncio.Event()
        self._retired = asyncio.Event()
        self._outage = Outage(log, "the Realtime server", "link_down", "link_up")
        self.resting = True
        """Whether no conversation is under way, so that the session may be renewed; kept up by the conductor."""

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
        """Give the session up; with `keep_warm` a fresh one follows at once, otherwise on the next wish."""
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
            try:
                async with self._transport.connect() as connection:
                    await self._serve(connection)
            except SessionRetired:
                if not self._habits.keep_warm:
                    self._post(ev.LinkLost(""))
            except LinkRefused as refusal:
                self._outage.begins(refusal.problem, refusal.code)
                self._post(ev.LinkDenied(refusal.code, refusal.problem))
                await self._pause(REFUSED_RETRY_S * (1 - 0.25 * self._random_unit()), early=False)
            except LinkUnavailable as outage:
                self._outage.begins(outage.problem)
                self._post(ev.LinkLost(outage.problem))
                delay_s = self._backoff.next_delay(self._random_unit())
                await self._pause(max(delay_s, outage.retry_after_s or 0.0), early=outage.retry_after_s is None)

    async def _until_wanted(self) -> None:
        while not self._wanted.is_set():
            self._pulse.beat()
            await self._wait(self._wanted, BEAT_EVERY_S)

    async def _pause(self, delay_s: float, *, early: bool) -> None:
        """Wait `delay_s`, or less if somebody wants the link and `early` says that hurrying may help."""
        self._wanted.clear()
        ends_s = asyncio.get_running_loop().time() + delay_s
        while (left_s := ends_s - asyncio.get_running_loop().time()) > 0:
            self._pulse.beat()
            await self._wait(self._wanted, min(left_s, BEAT_EVERY_S))
            if self._wanted.is_set() and early:
                return
            if self._wanted.is_set():
                self._wanted.clear()

    @staticmethod
    async def _wait(event: asyncio.Event, at_most_s: float) -> None:
        try:
            async with asyncio.timeout(at_most_s):
                await event.wait()
        except TimeoutError:
            pass

    async def _serve(self, connection: LinkConnection) -> Never:
        protocol = RealtimeProtocol(self._plan, self._known_calls)
        self._protocol = protocol
        ready = asyncio.Event()
        try:
            with lone_error():
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._read(connection, protocol, ready), name="link reader")
                    tasks.create_task(self._write(connection, protocol), name="link writer")
                    tasks.create_task(self._oversee(ready), name="link overseer")
        finally:
            self._protocol = None
            self._known_calls = tuple(protocol.known_calls)
            self._uplink.attach(None)
        raise AssertionError("the tasks of a session end by raising only")

    async def _read(self, connection: LinkConnection, protocol: RealtimeProtocol, ready: asyncio.Event) -> None:
        async for text in connection.receive():
            for event in protocol.receive(text):
                self._dispatch(event, protocol, ready)
            self.pump()
        raise LinkUnavailable("the server ended the connection without a word")

    async def _write(self, connection: LinkConnection, protocol: RealtimeProtocol) -> None:
        while True:
            self._pulse.beat()
            await self._wait(self._outgoing, BEAT_EVERY_S)
            self._outgoing.clear()
            for text in protocol.data_to_send():
                try:
                    async with asyncio.timeout(SEND_S):
                        await connection.send(text)
                except TimeoutError:
                    raise LinkUnavailable(f"the server took nothing for {SEND_S:.0f} s") from None

    async def _oversee(self, ready: asyncio.Event) -> None:
        """Hold the session to its start deadline, then end it on request or when it is old and nobody talks."""
        try:
            async with asyncio.timeout(SESSION_START_S):
                await ready.wait()
        except TimeoutError:
            raise LinkUnavailable(f"the server started no session within {SESSION_START_S:.0f} s") from None
        try:
            async with asyncio.timeout(self._habits.renew_after_s):
                await self._retired.wait()
        except TimeoutError:
            while not (self.resting or self._retired.is_set()):
                await self._wait(self._retired, BEAT_EVERY_S)
        raise SessionRetired

    # What the server says

    def _dispatch(self, event: wire.LinkEvent, protocol: RealtimeProtocol, ready: asyncio.Event) -> None:
        match event:
            case wire.ReplyAudio():
                part = ReplyPart(event.response_id, event.item_id, event.content_index)
                self._playout.push(part, event.pcm)
            case wire.ReplyAudioEnded():
                self._playout.finish()
            case wire.InputTranscribed() | wire.ReplyTranscribed():
                self._overheard(event)
            case wire.ServerComplained():
                log.warning(
                    "the server complained",
                    extra={
                        "HEARTHD_EVENT": "server_error",
                        "HEARTHD_CODE": event.code,
                        "HEARTHD_PROBLEM": event.message,
                    },
                )
            case wire.SessionFailed():
                if event.permanent:
                    raise LinkRefused(event.code, event.problem)
                raise LinkUnavailable(event.problem)
            case wire.SessionReady():
                self._begin_session(protocol, ready)
                self._post(event)
            case wire.ResponseEnded():
                self._playout.finish()
                self._post(event)
            case _:
                self._post(event)

    def _begin_session(self, protocol: RealtimeProtocol, ready: asyncio.Event) -> None:
        ready.set()
        self._backoff.reset()
        self._outage.ends()
        self._uplink.attach(protocol)
        self.pump()

    @staticmethod
    def _note_complaint(complaint: wire.ServerComplained) -> None:
        """Write an error down that the session survived; those that come of mere timing are nobody's trouble."""
        fields = {
            "HEARTHD_EVENT": "server_error",
            "HEARTHD_KIND": complaint.kind.value,
            "HEARTHD_CODE": complaint.code,
            "HEARTHD_PROBLEM": complaint.message,
            "HEARTHD_ABOUT": complaint.client_event_id,
        }
        log.log(logging.DEBUG if complaint.kind in OF_TIMING else logging.WARNING, "the server complained", extra=fields)
