"""Faults of the wire and of the server, suffered by a whole daemon in virtual time, and what everybody learns of them.

A `Fault` says how it comes about and how it ends. `suffer` lets it happen to a daemon that somebody talks to, waits
until that turn is over, ends the fault, has the wake word said in the same moment, and returns the `Tale` of it all.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from hearthd.core.audio.earcons import Earcon, render
from hearthd.core.audio.pcm import LINK_RATE_HZ
from hearthd.core.conversation.phases import Phase
from hearthd.core.realtime.choice import Footing, Reason, Why
from hearthd.core.realtime.notices import notice
from hearthd.ports import LinkRefused, LinkUnavailable
from tests.engine.server import says
from tests.engine.voices import noise
from tests.engine.world import ROOM, World, living

TONE: Final = render(Earcon.PROBLEM, LINK_RATE_HZ)
ANSWER: Final = noise(1.0, LINK_RATE_HZ, seed=11)
"""What the server says in the turn of the fault."""
AFTERWARDS: Final = noise(0.3, LINK_RATE_HZ, seed=12)
"""What it says when all is well again."""
LAMP: Final = "lamp/set"
TURN_S: Final = 120.0
"""Longer than any turn lasts."""
PROMISED_S: Final = 5.0
"""From the end of a fault, with a wake in that moment, to the first sound of the answer: p95 over all faults."""

LinkError = LinkUnavailable | LinkRefused


@dataclass(frozen=True, slots=True)
class Tale:
    """What one fault came to."""

    heard: str
    """What the loudspeaker played in that turn: "answer", "part" of it, "tone", joined by " + "; or "nothing"."""
    events: tuple[str, ...] = ()
    """The codes of the errors that the house was told of."""
    problem: str = ""
    """What MQTT's state named as the problem at last, without the server's standing; empty when it named none."""
    journal: tuple[str, ...] = ()
    """Warnings: event, and the code behind a slash if it has one."""
    words: str = ""
    """What the server on this machine would say of it; empty where it would not be asked."""
    commands: int = 0
    """How often the lamp was switched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way in which things go wrong, and what is to come of it."""

    name: str
    befall: Callable[[World], Awaitable[None]]
    """Brings it about, in the middle of a turn or at rest; has somebody speak as far as the fault needs it."""
    tale: Tale
    lift: Callable[[World], None] = lambda _: None
    """Ends it; nothing to do for what was over in a moment."""


@dataclass(frozen=True, slots=True)
class Suffered:
    """What came of it, and how soon all was well."""

    tale: Tale
    recovery_s: float
    """From the end of the fault, in which moment the wake word began, to the first sound of the answer.

    Of that, 1.7 s are the words themselves and the silence that ends them.
    """
    most_live: int
    """The most sessions that the server saw at once."""


async def suffer(fault: Fault, lag_s: float = 1.0) -> Suffered:
    """Let `fault` happen to a daemon that is connected and at rest, and end it `lag_s` after its turn is over."""
    async with living() as world:
        before = len(world.broker.log)
        await fault.befall(world)
        words = _words(world)
        await world.reach(Phase.IDLE, within_s=TURN_S)
        await asyncio.sleep(lag_s)
        tale = Tale(
            _heard(world.speaker.heard_pcm),
            tuple(str(event["code"]) for event in world.events("error")),
            _problem(world, before),
            _warnings(world),
            words or _words(world),
            _switched(world),
        )
        recovery_s = await _recover(world, fault)
        switched = _switched(world) - tale.commands
        assert switched == 0, f"{switched} commands came after the turn"
        return Suffered(tale, recovery_s, world.link.most_live)


def lag_s(number: int) -> float:
    """Return when to end the fault of this number, so that they end in all kinds of moments."""
    return 0.5 + 0.7 * number % 5.0


async def _recover(world: World, fault: Fault) -> float:
    world.server.replies.clear()
    lifted_s = world.now_s
    fault.lift(world)
    world.server.replies.extend([says(AFTERWARDS)] * 2)
    before = len(world.turns)
    await world.ask()
    await world.reach(Phase.SPEAKING, within_s=TURN_S)
    recovery_s = world.now_s - lifted_s
    await world.reach(Phase.IDLE, within_s=TURN_S)
    assert [turn["HEARTHD_OUTCOME"] for turn in world.turns[before:]] == ["answered"]
    assert world.speaker.heard_pcm.endswith(AFTERWARDS)
    return recovery_s


# ------------------------------------------------------------------------------------------------- what is learnt of it


def _heard(pcm: bytes) -> str:
    parts = []
    rest = pcm.removesuffix(TONE)
    tones = ["tone"] if rest != pcm else []
    answers = 0
    while rest.startswith(ANSWER):
        rest = rest.removeprefix(ANSWER)
        answers += 1
    if answers:
        parts.append("answer" if answers == 1 else f"{answers} answers")
    if rest:
        parts.append("part" if ANSWER.startswith(rest) else "something else")
    return " + ".join([*parts, *tones]) or "nothing"


def _problem(world: World, since: int) -> str:
    states = [json.loads(each.payload) for each in world.broker.log[since:] if each.topic == f"{ROOM}/state"]
    problems = [state["problem"] for state in states if state.get("problem")]
    return str(problems[-1]).partition(": ")[2] if problems else ""


def _words(world: World) -> str:
    line = world.daemon._link._online
    assert line is not None
    standing = line.standing
    if not standing.problem:
        return ""
    why = Why.REFUSED if standing.footing is Footing.REFUSED else Why.UNREACHABLE
    return notice(Reason(why, standing.code, standing.problem))


def _warnings(world: World) -> tuple[str, ...]:
    told = [entry for entry in world.journal.told if entry["level"] == "WARNING"]
    return tuple("/".join(filter(None, [str(e["HEARTHD_EVENT"]), str(e.get("HEARTHD_CODE", ""))])) for e in told)


def _switched(world: World) -> int:
    return sum(published.topic == LAMP for published in world.broker.log)
