"""The link: one of two servers at a time, the configured one or the one on this machine, behind one face."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Never

from hearthd.core.audio.ledger import ReplyPart
from hearthd.core.conversation import events as ev
from hearthd.core.realtime import events as wire
from hearthd.core.realtime.choice import Footing, Reason, Server, ServerChoice, Situation
from hearthd.core.realtime.commands import AddContext, LinkCommand
from hearthd.core.realtime.memory import TalkMemory
from hearthd.core.realtime.notices import explained, notice
from hearthd.core.realtime.protocol import RealtimeProtocol
from hearthd.core.realtime.session import SessionPlan, offline_plan
from hearthd.engine.hosting import Hosting
from hearthd.engine.line import Line, LineHabits, Purse
from hearthd.engine.liveness import BEAT_EVERY_S, Pulse
from hearthd.engine.outage import Outage
from hearthd.engine.playout import Playout
from hearthd.engine.tasks import passes, together
from hearthd.engine.uplink import Uplink
from hearthd.ports import LinkHost, LinkTransport

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
"""How often to look whether it is time to change the server, while only time is missing."""


class Occupancy(Enum):
    """What a change of the server would disturb."""

    REST = auto()
    """Nothing: no conversation is under way, nor any news waiting that could begin one."""
    WAITING = auto()
    """Nothing: somebody waits for a server, and none has heard anything of the turn that counts."""
    BUSY = auto()
    """A turn that one server knows and the other does not."""


@dataclass(frozen=True, slots=True)
class LinkParties:
    """Everybody that the link serves."""

    uplink: Uplink
    playout: Playout
    post: Callable[[ev.Event], None]
    """Takes events for the conversation."""
    occupancy: Callable[[], Occupancy]
    overheard: Callable[[wire.InputTranscribed | wire.ReplyTranscribed], None]
    """Takes transcripts."""
    exhausted: Callable[[], str] = str
    """Tells in plain words why no money may be spent and the server on this machine shall answer; empty otherwise."""
    purse: Callable[[Server], Purse] | None = None
    """Makes one for each session with a server; None: nobody counts."""
    moment: Callable[[], str] = str
    """Tells what a conversation with the configured server has to know at its beginning, such as the time."""


@dataclass(frozen=True, slots=True)
class LinkHabits:
    """When to be connected with the configured server."""

    keep_warm: bool
    renew_after_s: float


@dataclass(frozen=True, slots=True)
class Servers:
    """Who may answer; one of them at least."""

    online: LinkTransport | None
    """None: the configured server wants a key, and there is none."""
    offline: LinkHost | None = None
    """None: the owner wants no server on this machine."""


class LinkKeeper:
    """Implements `line.LineOwner`: uses exactly one line, and tells the conversation of that one alone.

    Reply audio goes straight to the playout and never through the conversation's inbox; utterances come straight from
    the uplink.
    """

    def __init__(
        self,
        servers: Servers,
        plan: SessionPlan,
        habits: LinkHabits,
        parties: LinkParties,
        random_unit: Callable[[], float],
        pulse: Callable[[str], Pulse],
    ) -> None:
        """Connect nothing before `run`; `pulse` makes one for each loop, by its name."""
        self._plan = plan
        self._parties = parties
        self._choice = ServerChoice()
        self._memory = TalkMemory()
        self._oriented: RealtimeProtocol | None = None
        """The session that was told of the moment last."""
        self._moment = ""
        """What it was told."""
        self._told: Reason | None = None
        """The reason for the last change that was told."""
        self._look_again = asyncio.Event()
        self._online: Line | None = None
        self._offline: Line | None = None
        self._hosting: Hosting | None = None
        if servers.online is not None:
            outage = Outage(log, "the Realtime server", "link_down", "link_up")
            self._online = Line(
                servers.online,
                LineHabits(lambda: habits.keep_warm, servers.offline is not None, habits.renew_after_s),
                self,
                outage,
                random_unit,
                pulse("link"),
            )
        if servers.offline is not None:
            self._pulse = pulse("server choice")
            self._hosting = Hosting(servers.offline, pulse("offline server"))
            outage = Outage(log, "the offline server", "offline_down", "offline_up")
            in_charge = LineHabits(
                lambda: self._choice.server is Server.OFFLINE, insists=False, renew_after_s=habits.renew_after_s
            )
            self._offline = Line(self._hosting, in_charge, self, outage, random_unit, pulse("offline link"))
        line = self._online or self._offline
        assert line is not None, "there is no server at all"
        self._line = line
        """The one in use."""

    # What the conductor asks for

    def send(self, command: LinkCommand) -> None:
        """Pass a command to the session; without one it is dropped, because it spoke of the session that is gone."""
        self._memory.said(command)
        if not self._line.send(command):
            log.debug("a command came after its session ended", extra={"HEARTHD_COMMAND": type(command).__name__})

    def begin_turn(self, *, from_rest: bool = True) -> None:
        """Tell the session that the user has the floor, so that it does not go on about older calls.

        `from_rest` says that a conversation begins; the session may still be one in which nothing came of the last.
        """
        if self._line.protocol is not None:
            self._line.protocol.begin_user_turn()
            self._orient(self._line.protocol, anew=from_rest)
            self._line.doubt()

    def _orient(self, protocol: RealtimeProtocol, *, anew: bool) -> None:
        """Tell a session of the moment when somebody begins to talk, for by then it is true; again only `anew`."""
        told = protocol is self._oriented
        if self._line is not self._online or (told and not anew):
            return
        text = self._parties.moment()
        if text and not (told and text == self._moment):
            protocol.send(AddContext(text))
            self.pump()
        self._oriented, self._moment = protocol, text

    def pump(self) -> None:
        """Let what the session has to say out on the socket."""
        self._line.pump()

    def want(self) -> None:
        """Connect now, if there is no connection, instead of at the next scheduled time."""
        self._line.want()
        if self._line.standing.problem:
            self.doubted(self._line)
        self._look_again.set()

    def end_conversation(self) -> None:
        """Give the session up; where it is kept warm a fresh one follows at once, otherwise on the next wish."""
        self._memory.forget()
        self._line.retire()
        self._look_again.set()

    def replace_session(self) -> None:
        """Give the session up as `end_conversation` does, though the conversation goes on."""
        self._line.retire()
        self._look_again.set()

    async def run(self) -> Never:
        """Keep the lines, and use the right one, for ever."""
        loops = {}
        if self._online is not None:
            loops["link"] = self._online.run()
        if self._offline is not None and self._hosting is not None:
            loops["offline link"] = self._offline.run()
            loops["offline server"] = self._hosting.run()
            loops["server choice"] = self._choose(self._offline, self._hosting)
        await together(loops)
        raise AssertionError("no line ever ends")

    # What the lines tell

    def plan(self, line: Line) -> SessionPlan:
        """Return what the next session is to be."""
        return self._plan if line is self._online else offline_plan(self._plan)

    def purse(self, line: Line) -> Purse | None:
        """Return who counts what the next session costs."""
        if self._parties.purse is None:
            return None
        return self._parties.purse(Server.ONLINE if line is self._online else Server.OFFLINE)

    def in_use(self, line: Line) -> bool:
        """Tell whether somebody converses over `line`."""
        return line is self._line and self._parties.occupancy() is not Occupancy.REST

    def attached(self, line: Line) -> None:
        """Go on in the session there is now: with what was said before, and the utterance that is under way."""
        if line is not self._line or line.protocol is None:
            return
        if self._parties.occupancy() is Occupancy.REST:
            self._memory.forget()
        else:
            line.protocol.restore(self._memory.past)
            self._orient(line.protocol, anew=False)
        self._parties.uplink.attach(line.protocol)

    def detached(self, line: Line) -> None:
        """Have nobody use the session any more; what came of a reply is played to its end."""
        if line is self._line:
            self._parties.uplink.attach(None)
            self._parties.playout.finish()

    def doubted(self, line: Line) -> None:
        """Have the server on this machine ready in time, where somebody waits for an answer."""
        if self._hosting is not None and line is self._online and self.in_use(line):
            self._hosting.foresee()

    def told(self, line: Line, event: wire.LinkEvent | ev.LinkConnecting | ev.LinkLost | ev.LinkDenied) -> None:
        """Pass on what the line in use says; of the other one only how it stands is of interest."""
        if isinstance(event, ev.LinkConnecting | ev.LinkLost | ev.LinkDenied | wire.SessionReady):
            self._look_again.set()
        if isinstance(event, ev.LinkLost | ev.LinkDenied):
            self.doubted(line)
        if line is not self._line:
            return
        if not isinstance(event, ev.LinkConnecting | ev.LinkLost | ev.LinkDenied):
            self._memory.heard(event)
        playout = self._parties.playout
        match event:
            case wire.ReplyAudio():
                playout.push(ReplyPart(event.response_id, event.item_id, event.content_index), event.pcm)
            case wire.ReplyAudioEnded():
                playout.finish(ReplyPart(event.response_id, event.item_id, event.content_index))
            case wire.InputTranscribed() | wire.ReplyTranscribed():
                self._parties.overheard(event)
            case wire.ResponseEnded():
                playout.finish()
                self._parties.post(event)
            case ev.LinkDenied() if self._other_may_serve(line):
                self._parties.post(ev.LinkLost(event.problem))  # nobody need be turned away
            case wire.ResponseDenied() if self._other_may_serve(line) and self._parties.exhausted():
                self._look_again.set()
                self._parties.post(ev.LinkLost(event.reason))
            case wire.SessionFailed() | wire.ServerComplained():
                raise AssertionError("a session keeps these to itself")
            case _:
                self._parties.post(event)

    def _other_may_serve(self, line: Line) -> bool:
        other = self._offline if line is self._online else None
        return other is not None and other.standing.footing is not Footing.REFUSED

    # The choice

    async def _choose(self, offline: Line, hosting: Hosting) -> Never:
        while True:
            self._pulse.beat()
            occupancy = self._parties.occupancy()
            situation = Situation(
                now_s=asyncio.get_running_loop().time(),
                online=self._online.standing if self._online is not None else None,
                offline=offline.standing,
                exhausted=self._parties.exhausted(),
                waiting=occupancy is Occupancy.WAITING,
                movable=occupancy is not Occupancy.BUSY,
            )
            if self._choice.look(situation):
                self._change(offline, hosting, in_talk=situation.waiting)
            await passes(self._look_again, BEAT_EVERY_S if self._choice.settled else LOOK_EVERY_S)
            self._look_again.clear()

    def _change(self, offline: Line, hosting: Hosting, *, in_talk: bool) -> None:
        """Use the line that was chosen, or tell that it is used for another reason.

        A session with the configured server waits for the return, unless it heard of a talk that goes on without it.
        """
        reason = self._choice.reason
        line = offline if reason is not None else self._online
        assert line is not None, "without a configured server there always is a reason"
        hosting.need(needed=line is offline)
        line.want()
        if line is self._line:
            self._tell(reason)
            return
        self.detached(self._line)
        self._line, left = line, self._line
        if left is offline or in_talk:
            left.retire()
        self.attached(line)  # before any news, which would look as if somebody talked
        self._tell(reason)
        self._introduce(line)

    def _tell(self, reason: Reason | None) -> None:
        """Tell of a change; each new trouble of a server that is in trouble already is nothing for the journal."""
        told, self._told = self._told, reason
        if reason is None:
            self._parties.post(ev.ServerChosen(Server.ONLINE))
            fields = {"HEARTHD_EVENT": "server_changed", "HEARTHD_SERVER": Server.ONLINE.value}
            log.info("the configured server answers again", extra=fields)
            return
        words = explained(reason)
        self._parties.post(ev.ServerChosen(Server.OFFLINE, words, notice(reason), anew=told is None))
        if told is not None and reason.why is told.why:
            return
        fields = {
            "HEARTHD_EVENT": "server_changed",
            "HEARTHD_SERVER": Server.OFFLINE.value,
            "HEARTHD_REASON": reason.why.value,
            "HEARTHD_CODE": reason.code,
            "HEARTHD_PROBLEM": reason.problem,
        }
        log.info(
            "the offline server answers: %s", words, extra={name: value for name, value in fields.items() if value}
        )

    def _introduce(self, line: Line) -> None:
        """Tell the conversation how the line stands that is used from now on."""
        post = self._parties.post
        match line.standing.footing:
            case Footing.READY:
                post(ev.LinkConnecting())
                post(wire.SessionReady())
            case Footing.REFUSED:
                post(ev.LinkDenied(line.standing.code, line.standing.problem))
            case _:
                post(ev.LinkConnecting())
