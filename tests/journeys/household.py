"""A home in miniature around one hearthd: sound card, broker, things that obey, a Realtime server, and the daemon.

    async with Household(tmp_path, Plan(scenario=Scenario(replies=[...]))) as home:
        wake, wish = await home.room.say("okay nabu", "turn on the kitchen light")
        await home.watch.shows(phase="follow_up")

Everything but the daemon lives in this process and on its event loop, with moments of one monotonic clock; the daemon
is `hearthd run --config FILE` in a process of its own. Enter and leave it in one task: it owns a task group.
"""

import asyncio
import contextlib
import functools
import shutil
import tempfile
import time
from asyncio import TaskGroup
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.doubles.alsafault import AlsaFault
from tests.doubles.appliances import Appliance, Appliances, tasmota_plug, thermometer, zigbee_blind, zigbee_lamp
from tests.doubles.broker import MosquittoBroker
from tests.doubles.daemon import DaemonProcess, Ending
from tests.doubles.mqtt_tap import MqttTap
from tests.doubles.mqtt_watch import Message, MqttWatch
from tests.doubles.realtime import RealtimeDouble, Scenario
from tests.doubles.room import Room
from tests.doubles.settings_file import DEVICES, ROOM, SLUG, Tables, merged, write_settings
from tests.doubles.tcp_shim import TcpShim
from tests.doubles.vcard import CardEvent, Direction, EventKind, VirtualCard

LAMP: Final = "kitchen light"
_LISTEN_S: Final = 0.02
"""Between two looks at what the loudspeaker said."""
_OFFLINE_S: Final = 60.0
"""For a session with the embedded server, on a machine that is busy starting others as well."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a household is like."""

    scenario: Scenario = field(default_factory=Scenario)
    settings: Tables = field(default_factory=dict)
    """Keys of the configuration, by section, over those that the household needs."""
    capture_rate_hz: int = 48_000
    playback_rate_hz: int = 48_000
    """24 kHz, the rate of the protocol, makes sound pass through bit by bit."""
    voice: str = "rms"
    """The wake word model hears this one of flite's voices best."""
    hush_s: float = 120.0
    """How long the room has its noise; digital silence follows."""
    starts: bool = True
    """Whether the daemon is started, and the household ready only when it listens."""
    breakable: bool = False
    """Whether calls of the daemon into libasound can be made to fail or hang, through `Household.alsa`."""
    tapped: bool = False
    """Whether the daemon reaches the broker through `Household.tap`, which stamps every packet."""
    wired: bool = False
    """Whether the daemon reaches the Realtime server through `Household.wire`, which can be cut and mended."""
    online: bool = True
    """Whether there is a Realtime server, `Household.server`; else there is not even a key for one."""
    offline: bool = False
    """Whether the embedded server may answer, as a child of the daemon that really hears and speaks."""
    appliances: tuple[Appliance, ...] = ()
    """Things beside those that every household has; `settings` must tell the daemon of their devices."""


class Household:
    """All of it, from `__aenter__` to `__aexit__`; what still runs at the end is ended, by its process id.

    Without a `folder` the files lie in a temporary one, which is kept when the household is left with an error.
    """

    broker: MosquittoBroker
    tap: MqttTap
    server: RealtimeDouble
    wire: TcpShim
    card: VirtualCard
    alsa: AlsaFault
    room: Room
    appliances: Appliances
    watch: MqttWatch
    daemon: DaemonProcess

    def __init__(self, folder: Path | None = None, plan: Plan | None = None) -> None:
        """Nothing is started yet."""
        self.plan: Final = plan or Plan()
        self._is_temporary = folder is None
        self.folder: Final = folder or Path(tempfile.mkdtemp(prefix="hearthd-household-"))
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start everything; the daemon is ready to be spoken to, unless the plan does not start it."""
        try:
            await self._start()
        except BaseException as error:
            await self._leave(error)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything, the daemon first; an error gets a note of where the files are and what was logged."""
        await self._leave(error)

    # ----------------------------------------------------------------------------------------------- helpers

    async def start(self) -> None:
        """Start the daemon and wait until it can be spoken to."""
        await self.daemon.start()
        await self.daemon.ready()
        alone = self.plan.offline and not self.plan.online
        await self.settled(after_s=self.daemon.started_s, timeout_s=_OFFLINE_S if alone else 15.0)

    async def settled(self, *, after_s: float | None = None, timeout_s: float = 15.0) -> Message:
        """Wait until it rests without trouble, with a session ready if one is kept warm."""
        warm = self.plan.settings.get("realtime", {}).get("keep_warm", True)
        link = {"link": "ready"} if warm else {}
        wanted: dict[str, Any] = {"phase": "idle", "mic": "live", "problem": None, **link}
        return await self.watch.shows(after_s=after_s, timeout_s=timeout_s, **wanted)

    async def wait_phase(self, phase: str, *, after_s: float | None = None, timeout_s: float = 10.0) -> Message:
        """Wait until the state shows a phase; see `MqttWatch.shows`."""
        return await self.watch.shows(phase=phase, after_s=after_s, timeout_s=timeout_s)

    async def audible(self, *, after_s: float, timeout_s: float = 10.0) -> float:
        """Wait until the loudspeaker sounds; returns the moment of its first loud frame after another moment."""
        return await self._heard(lambda: self.card.onset_s(after_s), "the loudspeaker sounds", timeout_s)

    async def silent(self, *, after_s: float, hold_s: float = 0.2, timeout_s: float = 10.0) -> float:
        """Wait until the loudspeaker has been silent for `hold_s`; returns the moment at which that began."""
        quiet = functools.partial(self.card.silence_s, after_s, hold_s=hold_s)
        return await self._heard(quiet, "the loudspeaker falls silent", timeout_s)

    async def on_card(
        self, kind: EventKind, direction: Direction, *, after_s: float, timeout_s: float = 10.0
    ) -> list[CardEvent]:
        """Wait until something has happened on the card since a moment; returns all events of that kind."""
        happened = functools.partial(self.card.events, kind, direction, after_s=after_s)
        await self.seen(lambda: bool(happened()), f"{direction.stem} {kind.name} on the card", timeout_s=timeout_s)
        return happened()

    async def seen(self, happened: Callable[[], bool], meaning: str, *, timeout_s: float = 10.0) -> None:
        """Wait for something that nobody tells of: look again and again."""
        deadline_s = time.monotonic() + timeout_s
        while not happened():
            assert time.monotonic() < deadline_s, f"{meaning}: not within {timeout_s:g} s"
            await asyncio.sleep(_LISTEN_S)

    async def stop(self) -> Ending:
        """End the daemon as systemd does."""
        return await self.daemon.stop()

    async def kill(self) -> Ending:
        """End the daemon as a power cut does."""
        return await self.daemon.kill()

    # ----------------------------------------------------------------------------------------------- insides

    async def _heard(self, moment_s: Callable[[], float | None], meaning: str, timeout_s: float) -> float:
        deadline_s = time.monotonic() + timeout_s
        while (found_s := await asyncio.to_thread(moment_s)) is None:
            assert time.monotonic() < deadline_s, f"{meaning}: not within {timeout_s:g} s"
            await asyncio.sleep(_LISTEN_S)
        return found_s

    async def _start(self) -> None:
        plan, enter = self.plan, self._stack.enter_async_context
        self.broker = await enter(MosquittoBroker(self.folder / "broker"))
        if plan.online:
            journal = self._stack.enter_context((self.folder / "realtime.jsonl").open("w", encoding="utf-8"))
            self.server = await enter(RealtimeDouble(plan.scenario, journal=journal))
            self.wire = await enter(TcpShim("127.0.0.1", self.server.port))
        self.card = VirtualCard(
            self.folder, capture_rates_hz=(plan.capture_rate_hz,), playback_rates_hz=(plan.playback_rate_hz,)
        )
        self.room = Room(self.card, plan.capture_rate_hz, voice=plan.voice)
        self.appliances = Appliances(zigbee_lamp(LAMP), tasmota_plug(), zigbee_blind(), thermometer(), *plan.appliances)
        self.watch = MqttWatch(SLUG)
        self.tap = await enter(MqttTap(self.broker.host, self.broker.port))
        tasks = await enter(_Background())
        for member in (self.appliances, self.watch):
            task = tasks.create_task(member.run(self.broker.host, self.broker.port), name=type(member).__name__)
            self._stack.callback(task.cancel)
        await self.appliances.present.wait()
        await self.watch.present.wait()
        self._write_settings()
        self.alsa = AlsaFault(self.folder)
        key = "test" if plan.online else ""
        environment = {"OPENAI_API_KEY": key, **self.card.env(), **(self.alsa.env() if plan.breakable else {})}
        self.daemon = await enter(DaemonProcess(self.folder / "hearthd.toml", self.folder, environment))
        await asyncio.to_thread(self.room.hush, plan.hush_s)
        if plan.starts:
            await self.start()

    def _write_settings(self) -> None:
        plan = self.plan
        sound: Tables = {
            "audio": {
                "capture_device": self.card.microphone,
                "playback_device": self.card.speaker,
                "capture_rate_hz": plan.capture_rate_hz,
                "playback_rate_hz": plan.playback_rate_hz,
            }
        }
        network: Tables = {
            "room": {"name": ROOM, "area": "kitchen"},
            "realtime": {"acknowledge": "speech", **({"url": self._url()} if plan.online else {})},
            "mqtt": {"host": self.broker.host, "port": self.tap.port if plan.tapped else self.broker.port},
            "devices": DEVICES,
            "offline": {"enabled": plan.offline},
        }
        write_settings(self.folder / "hearthd.toml", merged(sound, network, plan.settings))

    def _url(self) -> str:
        port = self.wire.port if self.plan.wired else self.server.port
        return self.server.url.replace(f":{self.server.port}/", f":{port}/")

    async def _leave(self, error: BaseException | None) -> None:
        try:
            await self._stack.aclose()
        except BaseException as failure:
            self._explain(failure)
            raise
        if error is not None and not isinstance(error, asyncio.CancelledError):
            self._explain(error)
        elif self._is_temporary:
            shutil.rmtree(self.folder)

    def _explain(self, error: BaseException) -> None:
        error.add_note(f"The household's files are kept in {self.folder}.")
        if hasattr(self, "daemon"):
            error.add_note(f"The daemon's journal ends with:\n{self.daemon.tail()}")
        if hasattr(self, "server") and self.server.violations:
            error.add_note(f"The Realtime server found fault: {[v.problem for v in self.server.violations]}")
        if hasattr(self, "watch"):
            told = "".join(
                f"{m.at_s:.3f} {m.topic} {m.payload.decode(errors='replace')}\n" for m in self.watch.messages
            )
            (self.folder / "mqtt").write_text(told, encoding="utf-8")


class _Background(contextlib.AbstractAsyncContextManager[TaskGroup]):
    """A task group that never wraps the error of what it surrounds into a group."""

    def __init__(self) -> None:
        self._tasks = TaskGroup()

    async def __aenter__(self) -> TaskGroup:
        return await self._tasks.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._tasks.__aexit__(None, None, None)
