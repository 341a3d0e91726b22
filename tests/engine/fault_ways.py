"""How faults come about: the wire's as the libraries report them, the server's as it would send them."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Final

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from hearthd.adapters.websocket_errors import from_closing, from_opening
from hearthd.core.conversation.phases import Phase
from hearthd.ports import LinkRefused, LinkUnavailable
from tests.engine.faults import ANSWER
from tests.engine.server import says
from tests.engine.world import World

HOST: Final = "api.example.com"
MANY: Final = 10_000
"""Attempts, more than any test lasts."""
SLICE: Final = 4_800
"""100 ms of speech, in bytes."""

LinkError = LinkUnavailable | LinkRefused
Way = Callable[[World], Awaitable[None]]


def opening(error: Exception) -> LinkError:
    """Return what the daemon makes of an attempt to connect that failed so."""
    return from_opening(error, HOST, [])


def status(code: int, body: str = "", **headers: str) -> LinkError:
    """Return what the daemon makes of an HTTP answer instead of a WebSocket."""
    fields = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return opening(InvalidStatus(Response(code, "", fields, body.encode())))


def closing(code: int | None, reason: str = "") -> LinkError:
    """Return what the daemon makes of the server's goodbye; None: it left without one."""
    received = None if code is None else Close(code, reason)
    return from_closing(ConnectionClosedError(received, None))


def our_closing(code: int) -> LinkError:
    """Return what comes of a frame that this side refused to take."""
    return from_closing(ConnectionClosedError(None, Close(code, "")))


# ---------------------------------------------------------------------------------------------- the way to the server


def barred(error: LinkError, *, after_s: float = 0.05) -> Way:
    """Lose the connection, and have every attempt fail so; somebody talks to the daemon meanwhile."""

    async def befall(world: World) -> None:
        world.link.opening_s = after_s
        world.link.refuse(*[error] * MANY)
        world.server.session.connection.end(closing(None))
        await asyncio.sleep(12.0)
        await _talk(world)

    return befall


def unbar(world: World) -> None:
    """Let attempts succeed again, and those to come at once."""
    world.link._refusals.clear()
    world.link.opening_s = 0.05


async def swallowed(world: World) -> None:
    """Have the road swallow everything, at rest."""
    world.link.close_road(silently=True)
    await asyncio.sleep(45.0)
    await _talk(world)


async def swallowed_in_the_turn(world: World) -> None:
    """The same while the answer is awaited."""
    await world.ask()
    world.link.close_road(silently=True)
    await world.until(lambda: world.state.get("problem"))


def mend(world: World) -> None:
    """Mend the road; what vanished stays so."""
    world.link.open_road()


async def _asked(world: World) -> None:
    """Ask, and let the request reach the server, which has nothing to say to it by itself."""
    await world.ask()
    await asyncio.sleep(0.1)


async def _talk(world: World) -> None:
    """Say the wake word and a request, whether or not anybody can answer, until it is over."""
    before = len(world.turns) + len(world.events("error"))
    world.speak(0.6, world.say_word() + 0.1)
    await world.until(lambda: world.phase is Phase.IDLE and len(world.turns) + len(world.events("error")) > before)


def slow(*, opening_s: float = 0.0, start_s: float = 0.0, after_s: float = 0.2, pace_s: float = 0.0) -> Way:
    """Have everything take its time, from a lost connection on."""

    async def befall(world: World) -> None:
        world.link.opening_s, world.server.start_s = opening_s, start_s
        world.server.session.connection.end(closing(None))
        await asyncio.sleep(0.5)
        world.server.replies.append(says(ANSWER, after_s=after_s, pace_s=pace_s))
        await _talk(world)

    return befall


def narrow(bytes_per_s: float, *, opening_s: float) -> Way:
    """Have the line carry less than speech needs, of what the daemon sends, and connecting take its time there."""

    async def befall(world: World) -> None:
        world.link.opening_s = opening_s
        world.link.bytes_per_s = world.server.session.connection.bytes_per_s = bytes_per_s
        world.server.replies.extend([says(ANSWER)] * 3)
        await _talk(world)

    return befall


def brisk(world: World) -> None:
    """Let nothing take time any more."""
    world.link.opening_s = world.server.start_s = 0.0
    world.link.bytes_per_s = math.inf
    for connection in world.link.live:
        connection.bytes_per_s = math.inf


async def clogged(world: World) -> None:
    """Have the line take nothing for a while, in the middle of an utterance."""
    world.server.replies.append(says(ANSWER))
    world.speak(2.0, world.say_word() + 0.1)
    await world.reach(Phase.LISTENING)
    world.server.session.connection.hold()
    await asyncio.sleep(4.0)
    world.server.session.connection.let_go()
    await world.reach(Phase.SPEAKING)


# ----------------------------------------------------------------------------------------------------------- the server


async def no_session(world: World) -> None:
    """Have sessions begin and never become ready."""
    world.server.start_s = 1e6
    world.server.session.connection.end(closing(None))
    await asyncio.sleep(22.0)
    await _talk(world)


def at_rest(error: LinkError) -> Way:
    """Have the session end while nobody talks, then ask for the lamp."""

    async def befall(world: World) -> None:
        world.server.session.connection.end(error)
        await asyncio.sleep(3.0)
        world.server.replies.append(says(ANSWER))
        await world.ask()
        await world.reach(Phase.SPEAKING)

    return befall


def before_the_answer(error: LinkError) -> Way:
    """Have the session end when the request was heard."""

    async def befall(world: World) -> None:
        await _asked(world)
        world.server.replies.append(says(ANSWER))
        world.server.session.connection.end(error)
        await world.reach(Phase.SPEAKING)

    return befall


def in_the_answer(error: LinkError) -> Way:
    """Have the session end in the middle of its answer."""

    async def befall(world: World) -> None:
        world.server.replies.append(says(ANSWER, pace_s=0.1))
        await world.ask()
        await world.reach(Phase.SPEAKING)
        await asyncio.sleep(0.4)
        world.server.session.connection.end(error)

    return befall


def told(*texts: str) -> Way:
    """Have the server say these instead of an answer, and an answer to whatever it is asked next."""

    async def befall(world: World) -> None:
        await _asked(world)
        world.server.replies.append(says(ANSWER))
        world.server.say(*texts)
        await world.reach(Phase.IDLE, within_s=120.0)

    return befall


def told_first(*texts: str) -> Way:
    """Have the server say these and then its answer."""

    async def befall(world: World) -> None:
        world.server.replies.append(says(ANSWER, after_s=0.5))
        await world.ask()
        world.server.say(*texts)
        await world.reach(Phase.IDLE)

    return befall


def called_late(call: str) -> Way:
    """Have the user break the answer off, and the server call something for it after that."""

    async def befall(world: World) -> None:
        world.server.replies.append(says(ANSWER, pace_s=0.1))
        await world.ask()
        await world.reach(Phase.SPEAKING)
        await asyncio.sleep(0.4)
        world.request("stop")
        await world.reach(Phase.IDLE)
        world.server.say(call)

    return befall


def answered(**how: object) -> Way:
    """Have the server answer in its own way."""

    async def befall(world: World) -> None:
        world.server.replies.append(says(ANSWER, **how))
        await world.ask()
        await world.reach(Phase.IDLE, within_s=120.0)

    return befall


async def silent(world: World) -> None:
    """Have the server take the request and say nothing more, in this session and the next."""
    await world.ask()
    await world.reach(Phase.IDLE)
