"""The whole daemon in a small world: real engine and real wiring, ports in memory, an hour in no time."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from hearthd.compose import Daemon, Outside
from hearthd.config import Settings
from hearthd.core.audio.pcm import GATE_RATE_HZ, LINK_RATE_HZ
from hearthd.core.conversation.machine import Machine
from hearthd.core.conversation.phases import Link, Phase
from hearthd.core.home.devices import Switch
from hearthd.core.realtime.session import TurnDetection
from hearthd.core.settings import AudioSettings, GateSettings, LogSettings, RealtimeSettings, RoomSettings
from hearthd.ports import LinkRefused, LinkUnavailable, WallClock
from tests.doubles.memory_broker import MemoryBroker
from tests.doubles.memory_ledger import MemoryLedger
from tests.doubles.memory_link import MemoryLink
from tests.doubles.memory_mute import MemoryMute
from tests.doubles.memory_sound import MemoryMicrophone, MemorySpeaker
from tests.doubles.supervisor import MemorySupervisor
from tests.engine.server import ScriptedServer, says
from tests.engine.voices import noise, voice

WORD = "okay_nabu"
WORD_S = 0.5
LOOK_EVERY_S = 0.05
"""How often to look whether something has come about that is no step of the conversation."""
ROOM = "hearthd/test"


class ScriptedScorer:
    """The `WakeScorer` port that hears its word at given moments, if it is listening then."""

    def __init__(self) -> None:
        self.due_s: list[float] = []
        self.fed = bytearray()
        self.resets = 0

    def feed(self, pcm: bytes) -> str | None:
        """Hear sound."""
        self.fed += pcm
        if self.due_s and asyncio.get_running_loop().time() >= self.due_s[0]:
            self.due_s.pop(0)
            return WORD
        return None

    def reset(self) -> None:
        """Forget it."""
        self.resets += 1


class TurnTales(logging.Handler):
    """Keeps the journal's fields of every turn, and the warnings."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: list[dict[str, object]] = []
        self.told: list[dict[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        fields = {name: value for name, value in vars(record).items() if name.startswith("HEARTHD_")}
        if fields.get("HEARTHD_EVENT") == "turn":
            self.turns.append(fields)
        elif record.levelno >= logging.INFO:
            self.told.append({"level": record.levelname, "message": record.getMessage(), **fields})


class MemoryHost:
    """The `LinkHost` port: a server on this machine that takes its time to start."""

    def __init__(self) -> None:
        self.link = MemoryLink()
        self.server = ScriptedServer(self.link)
        self.start_s = 0.5
        self.starts = 0
        self.runs = False
        self.failure: LinkUnavailable | LinkRefused | None = None
        """Why it does not start."""

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[MemoryLink]:
        """Run as long as the block."""
        self.starts += 1
        await asyncio.sleep(self.start_s)
        if self.failure is not None:
            raise self.failure
        self.runs = True
        try:
            yield self.link
        finally:
            self.runs = False


class World:
    """One hearthd and everybody around it."""

    def __init__(
        self,
        settings: Settings,
        capture_hz: int,
        playback_hz: int,
        watchdog_s: float | None,
        *,
        offline: bool,
        key: bool,
        clock: WallClock | None,
    ) -> None:
        self.settings = settings
        self.microphone = MemoryMicrophone(capture_hz)
        self.speaker = MemorySpeaker(playback_hz)
        self.scorer = ScriptedScorer()
        self.link = MemoryLink()
        self.server = ScriptedServer(self.link)
        self.server.detects_speech = settings.realtime.turn_detection != "none"
        self.local = MemoryHost()
        self.broker = MemoryBroker()
        self.supervisor = MemorySupervisor(watchdog_s)
        self.journal = TurnTales()
        self.stop = asyncio.Event()
        self.tasks: asyncio.TaskGroup
        """Ends with the test."""
        self.daemon = Daemon(
            settings,
            Outside(
                supervisor=self.supervisor,
                microphone=self.microphone,
                speaker=self.speaker,
                scorer=self.scorer,
                transport=self.link if key else None,
                broker=self.broker.client(ROOM),
                offline=self.local.serve if offline else None,
                clock=clock,
                ledger=MemoryLedger(),
                mute=MemoryMute(),
                random_unit=lambda: 0.5,
            ),
        )

        self._stepped = asyncio.Event()
        self._show = self.daemon._conductor._status
        self.daemon._conductor._status = self._note_step

    def _note_step(self, machine: Machine) -> None:
        self._show(machine)
        self._stepped.set()

    # What can be seen

    @property
    def now_s(self) -> float:
        """The loop's time."""
        return asyncio.get_running_loop().time()

    @property
    def machine(self) -> Machine:
        """The daemon's own."""
        return self.daemon._machine

    @property
    def phase(self) -> Phase:
        """Where the conversation stands."""
        return self.machine.phase

    @property
    def status(self) -> str:
        """What `systemctl status` shows."""
        told = [told["STATUS"] for told in self.supervisor.told if "STATUS" in told]
        return told[-1] if told else ""

    @property
    def ready(self) -> bool:
        """Whether a server waits for a conversation."""
        return self.machine.link is Link.READY

    @property
    def state(self) -> dict[str, object]:
        """What the house sees."""
        state: dict[str, object] = json.loads(self.broker.retained(f"{ROOM}/state") or b"{}")
        return state

    @property
    def turns(self) -> list[dict[str, object]]:
        """What the journal says of each turn."""
        return self.journal.turns

    def outcomes(self) -> list[object]:
        """Return how the turns ended."""
        return [turn["HEARTHD_OUTCOME"] for turn in self.turns]

    def events(self, kind: str) -> list[dict[str, object]]:
        """Return the events of a kind that the house got."""
        sent = [json.loads(published.payload) for published in self.broker.log if published.topic == f"{ROOM}/event"]
        return [event for event in sent if event["event"] == kind]

    def heard_reply(self) -> bytes:
        """Return all that the loudspeaker played."""
        return self.speaker.heard_pcm

    # What can be done

    async def until(self, condition: Callable[[], object], within_s: float = 60.0) -> float:
        """Let time pass until something is so; returns the moment. Fails when it does not come about."""
        ends_s = self.now_s + within_s
        while not condition():
            assert self.now_s < ends_s, f"waited {within_s} s in vain; {self.phase=} {self.status=} {self.outcomes()=}"
            self._stepped.clear()
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._stepped.wait()
            except TimeoutError:
                pass
        return self.now_s

    async def reach(self, phase: Phase, within_s: float = 60.0) -> float:
        """Let time pass until the conversation is in a phase; returns the moment."""
        return await self.until(lambda: self.phase is phase, within_s)

    def hear(self, pcm: bytes, at_s: float | None = None) -> float:
        """Let the microphone hear something; returns the moment at which it ends."""
        began_s = self.microphone.say(pcm, at_s)
        return began_s + self.microphone.granted.frames(pcm) / self.microphone.granted.rate_hz

    def speak(self, duration_s: float, at_s: float | None = None, seed: int = 1) -> float:
        """Let somebody speak; returns the moment at which the speech ends."""
        return self.hear(voice(duration_s, self.microphone.granted.rate_hz, seed), at_s)

    def say_word(self, at_s: float | None = None) -> float:
        """Let somebody say the wake word; returns the moment at which it is complete."""
        ends_s = self.speak(WORD_S, at_s, seed=7)
        self.scorer.due_s.append(ends_s)
        return ends_s

    async def ask(self, duration_s: float = 0.6) -> float:
        """Wake the daemon with a request, and wait until it thinks; returns the moment at which the request ended."""
        ends_s = self.speak(duration_s, self.say_word() + 0.1)
        await self.reach(Phase.THINKING)
        return ends_s

    async def converse(self) -> None:
        """Have one whole conversation that goes well, whatever happened before."""
        reply = noise(0.3, LINK_RATE_HZ, seed=len(self.turns))
        self.server.replies.clear()
        self.server.replies.append(says(reply))
        await self.ask()
        await self.reach(Phase.IDLE)
        assert self.outcomes()[-1] == "answered"
        if self.speaker.granted.rate_hz == LINK_RATE_HZ:
            assert self.speaker.heard_pcm.endswith(reply)

    async def bring_to(self, phase: Phase) -> None:
        """Bring the conversation into a phase, and well into it."""
        match phase:
            case Phase.IDLE:
                return
            case Phase.WAKING:
                self.server.start_s = 3.0
                self.lose_link()
                await self.until(lambda: self.machine.link is Link.CONNECTING)
                self.speak(0.6, self.say_word() + 0.1)
            case Phase.LISTENING:
                self.speak(2.0, self.say_word() + 0.1)
            case Phase.THINKING:
                await self.ask()
            case Phase.SPEAKING:
                self.server.replies.append(says(noise(2.0, LINK_RATE_HZ)))
                await self.ask()
            case Phase.FOLLOW_UP:
                self.server.replies.append(says(noise(0.3, LINK_RATE_HZ)))
                await self.ask()
        await self.reach(phase)
        await asyncio.sleep(0.5)
        assert self.phase is phase

    def lose_link(self) -> None:
        """Break the connection to the server off."""
        self.server.session.connection.end(LinkUnavailable("the line is cut"))

    def request(self, name: str, payload: bytes | str = b"") -> None:
        """Ask over MQTT, as somebody else in the house."""
        self.broker.forward(f"{ROOM}/{name}", payload.encode() if isinstance(payload, str) else payload)

    async def obey(self) -> None:
        """Be the lamp."""
        while True:
            published = await self.broker.next_published()
            if published.topic == "lamp/set":
                self.broker.forward("lamp", published.payload)


def settings_of(
    *,
    gate: GateSettings | None = None,
    realtime: RealtimeSettings | None = None,
    audio: AudioSettings | None = None,
    log: LogSettings | None = None,
    turn_detection: TurnDetection = "none",
) -> Settings:
    """Return settings for a room with a lamp, whose switching is spoken about unless `realtime` says otherwise."""
    return Settings(
        room=RoomSettings(name="test"),
        audio=audio or AudioSettings(),
        gate=gate or GateSettings(follow_up_s=1.0),
        realtime=realtime or RealtimeSettings(turn_detection=turn_detection, acknowledge="speech"),
        log=log or LogSettings(),
        devices={"lamp": Switch(schema="plain", command_topic="lamp/set", state_topic="lamp")},
    )


@asynccontextmanager
async def living(
    settings: Settings | None = None,
    *,
    capture_hz: int = GATE_RATE_HZ,
    playback_hz: int = LINK_RATE_HZ,
    watchdog_s: float | None = None,
    prepare: Callable[[World], None] = lambda _: None,
    ready: bool = True,
    offline: bool = False,
    key: bool = True,
    clock: WallClock | None = None,
) -> AsyncIterator[World]:
    """Run the daemon until the test is over, then stop it; `prepare` comes before its start.

    Begins when it is ready and connected and has heard some silence, unless told otherwise. At the gate's rate the
    microphone is cheap, at the link's its sound goes out bit by bit. With `offline` there is a second server, and
    without a `key` no other.
    """
    world = World(settings or settings_of(), capture_hz, playback_hz, watchdog_s, offline=offline, key=key, clock=clock)
    prepare(world)
    journal = logging.getLogger("hearthd")
    level = journal.level
    journal.addHandler(world.journal)
    journal.setLevel(logging.INFO)
    try:
        async with asyncio.TaskGroup() as tasks:
            world.tasks = tasks
            around = [
                tasks.create_task(server) for server in (world.server.run(), world.local.server.run(), world.obey())
            ]
            daemon = tasks.create_task(world.daemon.run(world.stop))
            if ready:
                await world.until(lambda: world.status.startswith('waiting for "okay nabu"; the') and world.ready)
                await asyncio.sleep(1.6)
            yield world
            world.stop.set()
            await daemon
            for task in around:
                task.cancel()
    finally:
        journal.removeHandler(world.journal)
        journal.setLevel(level)
