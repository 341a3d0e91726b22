"""`scripts/bench soak --simulated-hours N`: hours of one link in virtual time, with renewals and wakes at any moment.

The daemon's own link keeper, protocol and uplink, with a server that ends every session at its cap. Nobody has to wait
for more than a connection takes, and neither tasks nor objects nor memory grow with the hours.
"""

import asyncio
import gc
import json
import logging
import sys
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final

from hearthd.core.conversation import events as ev
from hearthd.core.realtime.choice import STABLE_S
from hearthd.core.realtime.commands import AnswerCall, CommitInput, RequestResponse
from tests.bench.figures import Budget, Figure, Statistic
from tests.bench.report import Report
from tests.bench.trend import Series
from tests.core.realtime import wire
from tests.doubles.memory_link import MemoryConnection, MemoryLink
from tests.doubles.virtual_time import START_S, VirtualTimeLoop
from tests.engine.link_scene import RENEW_AFTER_S, SOUND, Scene

TITLE = "A simulated day of the link"
HOUR_S: Final = 3_600.0
CAP_S: Final = 3_600.0
"""The server's: then it says so and hangs up."""
CONNECT_S: Final = 1.0
"""From the open connection to a session that takes sound."""
TALK_S: Final = 20.0
"""From the answer to the end of a conversation."""
WARM_H: Final = 2
"""Hours until everything that is remembered for a while has its size; growth counts from there."""
SLOPE_LIMIT_PER_H: Final = 50.0
"""Of allocated blocks, mostly below 100 bytes: less than three for each conversation, the observers' own included."""
_WAIT_S: Final = 30.0
_REST_S: Final = 5.0
"""Before things are counted: a session that is on its way has tasks of its own."""
_ANSWER_S: Final = 0.1
"""More than enough in memory."""
_SERVER: Final = "server"
_OURS: Final = "hearthd."


class CappedServer:
    """Serves every connection of a link, answers with a call and then with nothing, and ends sessions at their cap."""

    def __init__(self, link: MemoryLink) -> None:
        """Serve nobody yet."""
        self.capped = 0
        """How many sessions reached their cap."""
        self.answers = 0
        self.hears = asyncio.Event()
        """Set by sound."""
        self._link = link

    async def run(self) -> None:
        """Serve for ever; what belongs to a connection ends with it."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(self._serve(await self._link.accept()), name=_SERVER)

    async def _serve(self, connection: MemoryConnection) -> None:
        async with asyncio.TaskGroup() as tasks:
            talk = tasks.create_task(self._talk(connection), name=_SERVER)
            try:
                async with asyncio.timeout(CAP_S):
                    await connection._ended.wait()
            except TimeoutError:
                self.capped += 1
                connection.push(wire.error("session_expired", "Your session hit the maximum duration of 60 minutes."))
                connection.hang_up(1001, "the session expired")
            talk.cancel()

    async def _talk(self, connection: MemoryConnection) -> None:
        connection.push(wire.CREATED)
        requests = 0
        while True:
            message = json.loads(await connection.next_text())
            match message["type"]:
                case wire.UPDATE:
                    await asyncio.sleep(CONNECT_S)
                    connection.push(wire.UPDATED)
                case wire.APPEND:
                    self.hears.set()
                case wire.COMMIT:
                    connection.push(wire.text("input_audio_buffer.committed", item_id="item_u"))
                case wire.CREATE:
                    requests += 1
                    self._answer(connection, calls=requests % 2 == 1)
                case _:
                    pass

    def _answer(self, connection: MemoryConnection, *, calls: bool) -> None:
        self.answers += 1
        name = f"resp_{self.answers}"
        call = wire.item_done(name, wire.call_item(f"call_{self.answers}"))
        connection.push(wire.created(name), *([call] if calls else []), wire.done(name))


@dataclass(slots=True)
class Day:
    """What was seen of it."""

    waits_s: list[float] = field(default_factory=list)
    """From each wake to a session that takes its sound."""
    unanswered: int = 0
    renewals: int = 0
    capped: int = 0
    most_live: int = 0
    tasks: Series = field(default_factory=Series)
    objects: Series = field(default_factory=Series)
    """Instances of our own classes."""
    blocks: Series = field(default_factory=Series)
    """What the interpreter has allocated."""
    grown: Counter[str] = field(default_factory=Counter)
    """By how much each of our classes had more instances at the end than after the first hours."""


class Life:
    """One link, its server, and somebody who talks to it now and then."""

    def __init__(self, seed: int, talk_s: float) -> None:
        """Begin as soon as `live` is awaited."""
        self.day = Day()
        self._choose = Random(seed)
        self._talk_s = talk_s
        self._scene = Scene()
        self._scene.build(self._scene.link, keep_warm=True, random_unit=self._choose.random)
        self._server = CappedServer(self._scene.link)
        self._conversations = 0
        self._next_s = START_S + self._pause_s()
        """When somebody talks next."""

    async def live(self, hours: int) -> Day:
        """Let so many hours pass."""
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(self._server.run(), name=_SERVER)
            keeping = tasks.create_task(self._scene.keeper.run(), name="keeper")
            ours = early = Counter[str]()
            for hour in range(1, hours + 1):
                await self._pass_until(START_S + hour * HOUR_S)
                ours = self._take_stock(hour)
                early = ours if hour <= WARM_H else early
            keeping.cancel()
            serving.cancel()
        self.day.grown = ours - early
        self.day.capped = self._server.capped
        self.day.renewals = self._scene.link.attempts - 1 - self._conversations
        return self.day

    async def _pass_until(self, moment_s: float) -> None:
        loop = asyncio.get_running_loop()
        while self._next_s < moment_s:
            await asyncio.sleep(max(0.0, self._next_s - loop.time()))
            await self._converse()
            self._next_s = loop.time() + self._pause_s()
        await asyncio.sleep(max(0.0, moment_s - loop.time()) + _REST_S)

    def _pause_s(self) -> float:
        """Draw when somebody talks again: at once, after some time, about when the session is renewed, much later."""
        choose = self._choose
        around_s = RENEW_AFTER_S + STABLE_S + choose.uniform(-4.0, 4.0)
        at_once_s, later_s, late_s = choose.uniform(0.0, 2.0), choose.uniform(0.0, 900.0), choose.uniform(0.0, 9_000.0)
        return choose.choices([at_once_s, later_s, around_s, late_s], weights=[6, 6, 2, 1])[0]

    async def _converse(self) -> None:
        """Wake it, ask something, have the call answered, and leave after a while."""
        scene, server, loop = self._scene, self._server, asyncio.get_running_loop()
        self._conversations += 1
        answers, woken_s = server.answers, loop.time()
        server.hears.clear()
        scene.resting = False
        scene.keeper.begin_turn()
        scene.uplink.open(self._conversations)
        scene.uplink.take(self._conversations, SOUND)
        scene.keeper.pump()
        scene.keeper.want()
        async with asyncio.timeout(_WAIT_S):
            await server.hears.wait()
        self.day.waits_s.append(loop.time() - woken_s)
        scene.events.clear()
        scene.keeper.send(CommitInput())
        scene.keeper.send(RequestResponse())
        await asyncio.sleep(_ANSWER_S)
        for event in [event for event in scene.news if isinstance(event, ev.CallRequested)]:
            scene.keeper.send(AnswerCall(event.call_id, "{}"))
        await asyncio.sleep(_ANSWER_S)
        self.day.unanswered += server.answers != answers + 2
        scene.uplink.close()
        await asyncio.sleep(self._talk_s)
        scene.resting = True
        scene.keeper.end_conversation()

    def _take_stock(self, hour: int) -> Counter[str]:
        """Count what there is, after throwing away what only the observers keep."""
        scene, seen = self._scene, self.day
        for diary in (scene.events, scene.beats_s, scene.overheard):
            diary.clear()
        seen.most_live = max(seen.most_live, scene.link.most_live)
        scene.link.connections[:] = scene.link.live
        gc.collect()
        kinds = (type(thing) for thing in gc.get_objects())
        ours = Counter(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if kind.__module__.startswith(_OURS))
        at_s = hour * HOUR_S
        seen.tasks.add(at_s, sum(task.get_name() != _SERVER for task in asyncio.all_tasks()))
        seen.objects.add(at_s, ours.total())
        seen.blocks.add(at_s, sys.getallocatedblocks())
        return ours


def simulated(hours: int, *, seed: int = 1, talk_s: float = TALK_S) -> Day:
    """Let so many hours pass; conversations last `talk_s` beyond their answer."""

    async def run() -> Day:
        return await Life(seed, talk_s).live(hours)

    gc.collect()
    gc.freeze()  # what was there before is neither searched nor counted
    try:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(run())
    finally:
        gc.unfreeze()


def day(hours: int, seed: int, report: Report) -> list[Figure]:
    """Simulate and report; raises TimeoutError when a wake is never served."""
    logging.getLogger("hearthd").addHandler(logging.NullHandler())  # its notices belong to nobody here
    report.progress(f"{hours} simulated hours of one link, by lot {seed} ...")
    seen = simulated(hours, seed=seed)
    report.progress(f"    {len(seen.waits_s)} conversations, {seen.renewals} renewals, {seen.capped} sessions capped")
    for name, more in seen.grown.items():
        report.progress(f"    {more} more of {name}")
    latest, warm_s = Statistic.MAX, WARM_H * HOUR_S
    return [
        Figure("wake → a session takes its sound", "s", Budget(CONNECT_S, latest), seen.waits_s),
        Figure("conversations without their answer", "", Budget(0, latest), [seen.unanswered]),
        Figure("sessions that the server had to end", "", Budget(0, latest), [seen.capped]),
        Figure("live sessions at once", "", Budget(1, latest), [seen.most_live]),
        Figure("tasks", "", Budget(seen.tasks.values[0], latest), seen.tasks.values),
        Figure("tasks, slope", "/h", Budget(0, latest), [seen.tasks.since(warm_s).slope_per_h()]),
        Figure("our objects, slope", "/h", Budget(0, latest), [seen.objects.since(warm_s).slope_per_h()]),
        Figure("allocated blocks", "", None, seen.blocks.values),
        Figure(
            "allocated blocks, slope",
            "/h",
            Budget(SLOPE_LIMIT_PER_H, latest),
            [seen.blocks.since(warm_s).slope_per_h()],
        ),
    ]
