"""Weather for the small world: faults of everything around the daemon, drawn by lot, while people talk to it.

A `Storm` lets faults begin and end, and has people ask for the lamp all the while. What everybody did is in a `Logbook`
with its moments, and what must always be true (ARCHITECTURE.md) is read off it afterwards.
"""

import asyncio
import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from hearthd.core.audio.pcm import LINK_RATE_HZ
from hearthd.core.conversation.machine import Machine
from hearthd.core.conversation.phases import Mic, Phase
from hearthd.ports import LinkUnavailable
from tests.core.realtime import wire
from tests.core.realtime.wire import Json
from tests.doubles.memory_broker import Published
from tests.engine.server import Call, Part, says
from tests.engine.voices import noise
from tests.engine.world import ROOM, World

LAMP: Final = "lamp/set"
LOOK_S: Final = 0.02
_QUIET: Final = frozenset({Phase.IDLE, Phase.FOLLOW_UP})
_ON_ITS_WAY_S: Final = 0.1
"""Sound that was handed over before the phase changed."""
_CLOSING_S: Final = 0.05
"""How long closing the microphone may take, if nothing holds it up."""


@dataclass(frozen=True, slots=True)
class Moment:
    """How the conversation stood from a moment on."""

    at_s: float
    phase: Phase
    mic: Mic


@dataclass(slots=True)
class Logbook:
    """What happened, in order; texts of the daemon are kept by the server's sessions."""

    story: list[tuple[float, str]] = field(default_factory=list)
    """What befell the daemon."""
    moments: list[Moment] = field(default_factory=list)
    published: list[tuple[float, Published]] = field(default_factory=list)
    most_live: int = 0
    """The most connections to the server at once."""

    def tell(self) -> str:
        """Return the story, for whoever has to find out what went wrong."""
        return "\n".join(f"  {at_s:9.3f} {what}" for at_s, what in self.story)


def observed(world: World) -> Logbook:
    """Write down from now on what the daemon shows and the house hears."""
    book, take, show = Logbook(), world.broker.take, world.daemon._conductor._status

    def note_published(published: Published) -> None:
        book.published.append((world.now_s, published))
        take(published)

    def note_step(machine: Machine) -> None:
        book.moments.append(Moment(world.now_s, machine.phase, machine.mic))
        show(machine)

    world.broker.take = note_published  # type: ignore[method-assign]
    world.daemon._conductor._status = note_step
    book.moments.append(Moment(world.now_s, world.machine.phase, world.machine.mic))
    return book


class Storm:
    """Begins faults, ends them again, and lets people talk; all of it follows from the seed."""

    def __init__(self, world: World, book: Logbook, choose: Random) -> None:
        self._world = world
        self._book = book
        self._choose = choose
        self._ends: list[tuple[float, str, Callable[[], object]]] = []
        """Faults under way: when each ends, and how."""

    async def rage(self, lasting_s: float) -> None:
        """Let things happen for so long, then end every fault."""
        world = self._world
        ends_s, next_s = world.now_s + lasting_s, world.now_s
        while world.now_s < ends_s:
            if world.now_s >= next_s:
                self._happen()
                next_s = world.now_s + self._choose.choice([0.0, 0.1, 0.7, 2.0, 5.0])
            self._calm(until_s=world.now_s)
            self._stammer()
            if not world.server.replies:
                world.server.replies.append(says(noise(0.3, LINK_RATE_HZ)))
            self._book.most_live = max(self._book.most_live, len(world.link.live))
            await asyncio.sleep(LOOK_S)
        self._calm(until_s=float("inf"))

    def _happen(self) -> None:
        name, what = self._choose.choice([*self._life() * 2, *self._faults()])
        self._book.story.append((self._world.now_s, name))
        what()

    def _calm(self, until_s: float) -> None:
        over = [fault for fault in self._ends if fault[0] <= until_s]
        self._ends = [fault for fault in self._ends if fault[0] > until_s]
        for _, name, end in over:
            self._book.story.append((self._world.now_s, f"{name}: over"))
            end()

    def _lasting(
        self, name: str, begin: Callable[[], object], end: Callable[[], object]
    ) -> tuple[str, Callable[[], None]]:
        def happen() -> None:
            begin()
            lasts_s = self._choose.choice([0.05, 1.0, 4.0, 15.0])
            self._ends.append((self._world.now_s + lasts_s, name, end))

        return name, happen

    # ------------------------------------------------------------------------------------------------- people

    def _life(self) -> list[tuple[str, Callable[[], object]]]:
        world = self._world
        return [
            *[("somebody asks for the lamp", self._ask)] * 6,
            ("somebody says the wake word and nothing more", world.say_word),
            ("an announcement", lambda: world.request("say", "dinner")),
            ("the button", lambda: world.request("listen")),
            ("stop", lambda: world.request("stop")),
            ("mute", lambda: world.request("set/mute", "on")),
            *[("unmute", lambda: world.request("set/mute", "off"))] * 2,
        ]

    def _ask(self) -> None:
        choose, speech = self._choose, noise(self._choose.choice([0.1, 0.6, 3.0]), LINK_RATE_HZ)
        parts: list[Part] = [Call(arguments=json.dumps({"device": ["lamp"], "on": choose.random() < 0.5})), speech]
        self._world.server.replies.append(
            says(
                *parts[: choose.choice([1, 2])],
                pace_s=choose.choice([0.0, 0.05, 0.3]),
                status=choose.choice(["completed"] * 6 + ["failed", "incomplete", "cancelled"]),
                ends=choose.random() < 0.9,
            )
        )
        self._world.server.replies.append(says(speech))
        self._world.speak(choose.choice([0.4, 1.0, 2.5]), self._world.say_word() + 0.1)

    # ------------------------------------------------------------------------------------------------- faults

    def _faults(self) -> list[tuple[str, Callable[[], object]]]:
        world, choose = self._world, self._choose
        link, broker, server = world.link, world.broker, world.server
        return [
            ("the line is cut", self._cut),
            (
                "the server is busy",
                lambda: link.refuse(LinkUnavailable("busy", retry_after_s=choose.choice([0.5, 3.0]))),
            ),
            ("the session is old", lambda: self._stray(wire.error("session_expired", "old"))),
            ("the server says nonsense", lambda: self._stray(choose.choice(NONSENSE))),
            ("the server repeats old calls", self._repeat_calls),
            self._lasting("no road to the server", lambda: link.close_road(silently=False), link.open_road),
            self._lasting(
                "the road to the server swallows all", lambda: link.close_road(silently=True), self._mend_road
            ),
            self._lasting(
                "the server is slow", lambda: setattr(server, "start_s", 3.0), lambda: setattr(server, "start_s", 0.0)
            ),
            self._lasting("the server takes nothing", self._hold, self._let_go),
            self._lasting("no broker", broker.stop, broker.start),
            self._lasting("the broker is frozen", broker.freeze, broker.thaw),
            ("the broker throws us out", self._throw_out),
            self._lasting("no microphone", world.microphone.lose, world.microphone.come_back),
            self._lasting("no loudspeaker", world.speaker.lose, world.speaker.come_back),
            self._lasting("the microphone is frozen", world.microphone.freeze, world.microphone.thaw),
            self._lasting("the loudspeaker is frozen", world.speaker.freeze, world.speaker.thaw),
            ("the machine is busy", lambda: world.speaker.stall(choose.random())),
        ]

    def _stray(self, text: str) -> None:
        if self._world.link.live and self._world.server.sessions:
            self._world.server.say(text)

    def _cut(self) -> None:
        if self._world.link.live:
            self._world.lose_link()

    def _throw_out(self) -> None:
        if ROOM in self._world.broker.clients:
            self._world.broker.drop(ROOM)

    def _repeat_calls(self) -> None:
        if self._world.server.sessions:
            for text in tuple(self._world.server.session.connection.pushed):
                if calls_in(text):
                    self._stray(text)

    def _stammer(self) -> None:
        """Have the server tell every call twice, as servers may."""
        for connection in self._world.link.live:
            if "push" not in vars(connection):
                connection.push = functools.partial(_say_calls_twice, connection.push)  # type: ignore[method-assign]

    def _hold(self) -> None:
        for connection in self._world.link.live:
            connection.hold()

    def _let_go(self) -> None:
        for connection in self._world.link.connections:
            connection.let_go()

    def _mend_road(self) -> None:
        """Mend it, and let what vanished break off, as the first packet through a mended road does."""
        self._world.link.open_road()
        for connection in self._world.link.live:
            connection.end(LinkUnavailable("the connection was forgotten"))


def _say_calls_twice(say: Callable[..., None], *texts: str) -> None:
    say(*(text for text in texts for _ in range(2 if calls_in(text) else 1)))


NONSENSE: Final = (
    "{",
    "[]",
    '"text"',
    wire.text("response.nobody_knows_this", depth=[1, None]),
    wire.audio("resp_nobody", "item_nobody"),
    wire.done("resp_nobody"),
    wire.error("server_error", "The server had an error."),
)


# --------------------------------------------------------------------------------------------------- what must be true


def assert_idle_sends_no_sound(world: World, book: Logbook) -> None:
    """Sound leaves the machine in a conversation alone, and never while it is muted."""
    for at_s, _ in texts(world, wire.APPEND):
        around = [m for m in stretch(book, at_s - _ON_ITS_WAY_S, at_s) if m.phase not in _QUIET and m.mic is Mic.LIVE]
        assert around, f"sound left the machine at {at_s:.3f}, where nobody was listened to"


def assert_muted_is_closed(world: World, book: Logbook) -> None:
    """The capture device is closed all the time that the microphone is muted."""
    ends = [*(moment.at_s for moment in book.moments[1:]), world.now_s]
    for moment, until_s in zip(book.moments, ends, strict=True):
        since_s = moment.at_s + _CLOSING_S
        if moment.mic is Mic.MUTED and until_s > since_s:
            held = [o for o in world.microphone.openings if o.opened_s < until_s and (o.closed_s or until_s) > since_s]
            assert not held, f"muted at {moment.at_s:.3f}, and the microphone was open"


def assert_calls_act_once(world: World, book: Logbook) -> None:
    """No more commands than calls; each call is answered once at most, and "done" only behind its command."""
    calls = {call["call_id"] for text in pushed(world) for call in calls_in(text)}
    commands = [at_s for at_s, published in book.published if published.topic == LAMP]
    assert len(commands) <= len(calls), f"{len(commands)} commands came of {len(calls)} calls"
    answered: set[object] = set()
    done = 0
    for at_s, item in created(world):
        if item["type"] != "function_call_output" or item["call_id"] not in calls:
            continue  # a new session is told of what was called in an older one, under other names
        assert item["call_id"] not in answered, f"{item['call_id']} was answered twice"
        answered.add(item["call_id"])
        done += json.loads(str(item["output"]))["ok"]
        acted = sum(command_s <= at_s for command_s in commands)
        assert done <= acted, f"{item['call_id']} was called done at {at_s:.3f}, before anything was switched"


def assert_cuts_are_within_what_was_sent(world: World) -> None:
    """Nobody has heard more of a reply than the server sent."""
    sent: dict[str, int] = {}
    for text in pushed(world):
        message = json.loads(text) if text.startswith('{"') else {}
        if message.get("type") == "response.output_audio.delta":
            sent[message["item_id"]] = sent.get(message["item_id"], 0) + len(message["delta"]) * 3 // 4
    for at_s, message in texts(world, "conversation.item.truncate"):
        said_ms = sent[str(message["item_id"])] / wire.BYTES_PER_MS
        assert 0 <= int(str(message["audio_end_ms"])) <= said_ms, f"truncated at {at_s:.3f} beyond its end"


def texts(world: World, message_type: str) -> list[tuple[float, Json]]:
    """Return what the daemon sent of one type, in all sessions, with its moments."""
    return [entry for session in world.server.sessions for entry in session.texts if entry[1]["type"] == message_type]


def created(world: World) -> list[tuple[float, Json]]:
    """Return the items that the daemon added to its conversations, in the order of their moments."""
    entries = sorted(texts(world, "conversation.item.create"), key=lambda entry: entry[0])
    return [(at_s, item) for at_s, message in entries if isinstance(item := message["item"], dict)]


def pushed(world: World) -> list[str]:
    """Return all that the server said."""
    return [text for connection in world.link.connections for text in connection.pushed]


def calls_in(text: str) -> list[Json]:
    """Return the calls that a text of the server holds."""
    message = json.loads(text) if '"function_call"' in text else {}
    item = message.get("item")
    return [item] if item and item["type"] == "function_call" else []


def stretch(book: Logbook, from_s: float, to_s: float) -> list[Moment]:
    """Return how things stood between two moments."""
    before = [moment for moment in book.moments if moment.at_s <= from_s][-1:]
    return [*before, *(moment for moment in book.moments if from_s < moment.at_s <= to_s)]
