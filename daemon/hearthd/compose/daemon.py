"""The whole daemon put together, among whatever stands behind its ports."""

import asyncio
import logging
from collections.abc import Coroutine
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Never, assert_never

from hearthd import __version__
from hearthd.compose.outside import Outside
from hearthd.config import Settings
from hearthd.config.prices import limits_of, made_on, tariff_of
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.machine import Machine
from hearthd.core.conversation.phases import Manners, Phase
from hearthd.core.home import topics as asked
from hearthd.core.home.catalogue import Catalogue
from hearthd.core.home.discovery import birth_topic, discovery
from hearthd.core.home.moment import moment
from hearthd.core.home.policy import Policy
from hearthd.core.home.states import StateBook
from hearthd.core.home.topics import RoomTopics
from hearthd.core.money.amounts import to_usd
from hearthd.core.money.cost import OFFLINE
from hearthd.core.realtime.choice import Server
from hearthd.core.realtime.events import InputTranscribed, ReplyTranscribed
from hearthd.core.realtime.session import SessionPlan, session_plan
from hearthd.engine.capture import CaptureKeeper
from hearthd.engine.conductor import Conductor, Hands
from hearthd.engine.home import HomeCalls
from hearthd.engine.house import House, HouseParties, Introduction
from hearthd.engine.inbox import Inbox
from hearthd.engine.link import LinkHabits, LinkKeeper, LinkParties, Occupancy, Servers
from hearthd.engine.listener import Listener
from hearthd.engine.liveness import Liveness
from hearthd.engine.mute import MuteKeeper
from hearthd.engine.playback import PlaybackKeeper
from hearthd.engine.playout import Playout
from hearthd.engine.reporter import Reporter
from hearthd.engine.status import StatusBoard
from hearthd.engine.treasurer import Notice, Purse, Treasurer
from hearthd.engine.turnlog import Glitches, TurnLog
from hearthd.engine.uplink import Uplink
from hearthd.ports import Broker, Supervisor

log = logging.getLogger(__name__)

UPLINK_SLACK_S = 25.0
"""Above the utterance cap, which counts from the first word: pre-roll (5 s), a loop that is late (2 s), waiting for the
link (10 s) and for the first word (6 s), and what is taken down before the cap is noticed (2 s)."""


class Stopped(Exception):
    """Somebody asked the daemon to stop."""


async def _until(stop: asyncio.Event, supervisor: Supervisor) -> Never:
    await stop.wait()
    supervisor.stopping("stopping, because somebody asked for it")
    raise Stopped


class Daemon:
    """All parts of one hearthd, wired together and not yet running."""

    def __init__(self, settings: Settings, outside: Outside) -> None:
        """Build every part; nothing is opened or connected. Call it on the running loop."""
        self._settings = settings
        self._outside = outside
        loop = asyncio.get_running_loop()
        self._clock = loop.time  # monotonic seconds in every thread
        self._liveness = Liveness(outside.supervisor, self._clock)
        self._inbox = Inbox(loop)
        self._topics = RoomTopics(settings.mqtt.base_topic, settings.room.name)
        self._catalogue = Catalogue(settings.devices, settings.room.area)
        self._book = StateBook(self._catalogue.wirings)
        self._calls = HomeCalls(self._catalogue, self._book, Policy(settings.policy.confirm))
        self._reporter = Reporter(self._topics.state, self._topics.event, self._liveness.pulse("reporter"))
        self._hands_over = settings.budget.when_exhausted == "offline" and outside.offline is not None
        """Whether the server on this machine answers when the budget is used up."""
        self._unaffordable = ""
        self._build_treasurer()
        self._turns = TurnLog(
            lambda: Glitches(self._listener.overruns, self._playout.underruns),
            lambda: self._treasurer.spent_in_run_usd,
        )
        self._board = StatusBoard(
            outside.supervisor,
            self._reporter,
            _wakes(settings),
            settings.audio.volume_percent,
            lambda: self._treasurer.spent_today_usd,
        )
        self._plan = _session(settings, self._catalogue)
        self._machine = Machine(_manners(settings, manual_turns=self._plan.turn_detection == "none"))
        self._build_sound()
        self._build_link()
        self._house = self._build_house(outside.broker) if outside.broker is not None else None
        self._conductor = self._build_conductor()
        self._mute = MuteKeeper(outside.mute)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set, then close everything in order; once only."""
        if self._mute.recall():
            self._capture.close()
            self._inbox.post(ev.MuteRequested(muted=True))
        try:
            async with self._treasurer.open(), asyncio.TaskGroup() as tasks:
                for name, loop in self._loops():
                    tasks.create_task(loop, name=name)
                tasks.create_task(_until(stop, self._outside.supervisor), name="stop")
        except* Stopped:
            log.info("stopped", extra={"HEARTHD_EVENT": "stopped"})

    def _loops(self) -> list[tuple[str, Coroutine[Any, Any, Never]]]:
        loops: list[tuple[str, Coroutine[Any, Any, Never]]] = [
            ("capture", self._capture.run()),
            ("playback", self._playback.run()),
            ("link", self._link.run()),
            ("conductor", self._conductor.run()),
            ("ledger", self._treasurer.run()),
            ("mute", self._mute.run()),
            ("reporter", self._reporter.run()),
            ("liveness", self._liveness.run()),
        ]
        if self._house is not None:
            loops.append(("house", self._house.run()))
        return loops

    def _build_treasurer(self) -> None:
        realtime, budget, clock = self._settings.realtime, self._settings.budget, self._outside.calendar
        self._treasurer = Treasurer(
            self._outside.ledger,
            clock,
            limits_of(budget),
            tariff_of(realtime, budget, clock.now().day),
            earliest=made_on(),
            max_output_tokens=realtime.max_output_tokens,
            turn=lambda: self._turns.number,
        )
        self._treasurer.listen(self._tell_of_budget)

    def _exhausted(self) -> str:
        return self._treasurer.exhausted if self._hands_over else ""

    def _purse(self, server: Server) -> Purse:
        return self._treasurer.session(OFFLINE if server is Server.OFFLINE else None)

    def _tell_of_budget(self, notice: Notice) -> None:
        fields = {
            "kind": notice.kind.value,
            "period": notice.period.value,
            "spent_usd": round(to_usd(notice.spent_pusd), 4),
            "limit_usd": to_usd(notice.limit_pusd),
            "text": notice.text,
        }
        self._reporter.event("budget", fields)

    def _show(self, machine: Machine) -> None:
        """Show how things stand, and tell the conversation when it cannot be paid for any more, or can be again."""
        unaffordable = "" if self._hands_over else self._treasurer.exhausted
        if unaffordable != self._unaffordable:
            self._unaffordable = unaffordable
            self._inbox.post(ev.BudgetJudged(unaffordable))
        self._board.show(machine)

    def _build_sound(self) -> None:
        gate = self._settings.gate
        hearing, playing = self._liveness.pulse("capture"), self._liveness.pulse("playback")
        self._uplink = Uplink(gate.max_utterance_s + UPLINK_SLACK_S)
        self._listener = Listener(
            gate,
            manual_turns=self._plan.turn_detection == "none",
            scorer=self._outside.scorer,
            post=self._inbox.post_from_thread,
            send_up=lambda turn, pcm: self._inbox.call_from_thread(self._send_up, turn, pcm),
            pulse=hearing,
        )
        self._capture = CaptureKeeper(
            self._outside.microphone, self._listener, self._inbox.post, self._outside.random_unit, hearing
        )
        self._playout = Playout(
            self._inbox.post,
            self._inbox.call_from_thread,
            lambda _response_id, at_s: self._turns.audible(at_s),
            playing,
            self._clock,
        )
        self._playout.set_volume(self._settings.audio.volume_percent)
        self._playback = PlaybackKeeper(
            self._outside.speaker, self._playout, self._inbox.post, self._outside.random_unit, playing
        )

    def _build_link(self) -> None:
        realtime = self._settings.realtime
        self._link = LinkKeeper(
            Servers(self._outside.transport, self._outside.offline),
            self._plan,
            LinkHabits(realtime.keep_warm, realtime.renew_after_minutes * 60),
            LinkParties(
                uplink=self._uplink,
                playout=self._playout,
                post=self._inbox.post,
                occupancy=self._occupancy,
                overheard=self._overheard,
                exhausted=self._exhausted,
                purse=self._purse,
                moment=self._moment,
            ),
            self._outside.random_unit,
            self._liveness.pulse,
        )

    def _build_conductor(self) -> Conductor:
        settings = self._settings
        return Conductor(
            self._machine,
            self._inbox,
            Hands(
                listener=self._listener,
                capture=self._capture,
                uplink=self._uplink,
                link=self._link,
                playout=self._playout,
                playback=self._playback,
                calls=self._calls,
                reporter=self._reporter,
                turns=self._turns,
            ),
            self._show,
            self._liveness.pulse("conductor"),
            earcons=settings.audio.earcons,
            acknowledge=settings.realtime.acknowledge,
            transcripts=settings.log.transcripts,
        )

    def _build_house(self, broker: Broker) -> House:
        settings = self._settings
        topic, payload = discovery(self._topics, settings.mqtt.discovery_prefix, settings.room.name, __version__)
        return House(
            broker,
            self._topics,
            Introduction(topic, payload, birth_topic(settings.mqtt.discovery_prefix)),
            HouseParties(self._calls, self._requested, self._reporter.attach, self._broker_trouble),
            self._outside.random_unit,
            self._liveness.pulse("house"),
        )

    def _moment(self) -> str:
        """Return what a conversation has to know at its beginning: the time, and how the room stands."""
        if self._outside.clock is None:
            return ""
        now = self._outside.clock.now()
        room = [(device_id, self._book.answer(device_id)) for device_id in self._catalogue.here()]
        return moment(datetime.combine(now.day, time()) + now.day_share * timedelta(days=1), room)

    def _send_up(self, turn: int, pcm: bytes) -> None:
        self._uplink.take(turn, pcm)
        self._link.pump()

    def _occupancy(self) -> Occupancy:
        if not self._inbox.empty:
            return Occupancy.BUSY
        return {Phase.IDLE: Occupancy.REST, Phase.WAKING: Occupancy.WAITING}.get(self._machine.phase, Occupancy.BUSY)

    def _overheard(self, words: InputTranscribed | ReplyTranscribed) -> None:
        self._conductor.overhear(words)

    def _requested(self, request: asked.Request) -> None:
        match request:
            case asked.VolumeRequest():
                self._playout.set_volume(request.percent)
                self._board.volume_percent = request.percent
                self._board.show(self._machine)
            case asked.MuteRequest():
                self._mute.switch(muted=request.on)
                self._inbox.post(ev.MuteRequested(muted=request.on))
            case asked.ListenRequest():
                self._inbox.post(ev.ListenRequested())
            case asked.StopRequest():
                self._inbox.post(ev.StopRequested())
            case asked.SayRequest():
                self._inbox.post(ev.SayRequested(request.text, id=request.id))
            case asked.AnnounceRequest():
                self._inbox.post(ev.SayRequested(request.text, attention=True, id=request.id))
            case _:
                assert_never(request)

    def _broker_trouble(self, problem: str | None) -> None:
        self._board.broker_trouble = problem
        self._board.show(self._machine)


def _session(settings: Settings, catalogue: Catalogue) -> SessionPlan:
    return session_plan(
        settings.realtime,
        instructions="\n".join(filter(None, (settings.realtime.instructions, catalogue.instructions()))),
        tools=catalogue.tools(),
        end_of_speech_ms=settings.gate.end_of_speech_ms,
    )


def _manners(settings: Settings, *, manual_turns: bool) -> Manners:
    return Manners(
        barge_in=settings.gate.barge_in,
        follow_up_s=settings.gate.follow_up_s,
        max_utterance_s=settings.gate.max_utterance_s,
        manual_turns=manual_turns,
        push_to_talk=settings.wake.push_to_talk,
    )


def _wakes(settings: Settings) -> str:
    """Say in plain words how a conversation is started."""
    words = [f'"{Path(word).stem.replace("_", " ")}"' for word in settings.wake.words]
    if settings.wake.push_to_talk and not words:
        words.append("the button")
    return " or ".join(words) or "nothing: there is no wake word and no button"
