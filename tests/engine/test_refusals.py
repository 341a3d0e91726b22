"""What only its owner can mend: each refusal with its own plain words, tried again slowly, healed without a restart.

Servers say no in two shapes: by HTTP status instead of a connection, and by an error, or a close, behind one.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest

from hearthd.core.conversation.phases import Phase
from hearthd.core.realtime.choice import Reason, Why
from hearthd.core.realtime.notices import notice
from tests.core.realtime import wire
from tests.engine.fault_ways import LinkError, closing, status
from tests.engine.faults import TONE
from tests.engine.link_scene import linked
from tests.engine.world import World, living

KEY: Final = "put a valid key into /etc/credstore/hearthd.openai_api_key and restart hearthd"
MODEL: Final = "set realtime.model to one that the server knows"
PAY: Final = "pay for it with the provider; hearthd notices by itself"
UPDATE: Final = "the server is newer than this hearthd: update it, or set realtime.dialect"
HOUR_S: Final = 3600.0
A_DAY_OF_HOURS: Final = 6
SLOWEST_S: Final = 900.0
"""Between two attempts, so within this a mended account is found."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason, and what is told of it."""

    name: str
    code: str
    message: str
    """The server's own."""
    advice: str
    words: str
    """The first sentence that the server on this machine says."""
    http_status: int
    http_words: str
    """Ours for that status."""
    close_code: int


REFUSALS: Final = (
    Refusal(
        *("wrong key", "invalid_api_key", "Incorrect API key provided", KEY),
        "The server does not accept my API key, so I need a new one.",
        *(401, "the server does not accept the API key (HTTP 401)", 3000),
    ),
    Refusal(
        *("unknown model", "model_not_found", "The model `x` does not exist", MODEL),
        "The server does not know the model in my settings.",
        *(404, "the server knows no such address or model; check realtime.url and realtime.model (HTTP 404)", 4000),
    ),
    Refusal(
        *("no credit", "insufficient_quota", "You exceeded your current quota", PAY),
        "The account with the server has no credit left.",
        *(429, "the account with the server has no credit left (HTTP 429)", 1000),
    ),
    Refusal(
        *("retired model", "invalid_model", "The model `x` has been retired", "set realtime.model to a newer one"),
        "The model in my settings has been retired, so I need a newer one.",
        *(404, "the server knows no such address or model; check realtime.url and realtime.model (HTTP 404)", 4000),
    ),
    Refusal(
        *("beta refusal", "beta_api_shape_disabled", "The beta API is no longer supported", UPDATE),
        "The server does not speak my language any more, so I need an update.",
        *(400, "the server calls the request malformed; check realtime.url, realtime.model and realtime.headers", 4000),
    ),
)


def by_status(refusal: Refusal) -> LinkError:
    """Return the refusal as an HTTP answer."""
    body = {"error": {"message": refusal.message, "type": "invalid_request_error", "code": refusal.code}}
    return status(refusal.http_status, json.dumps(body))


def by_close(refusal: Refusal) -> LinkError:
    """Return the refusal as a mere close, whose reason is all that is said."""
    return closing(refusal.close_code, f"invalid_request_error.{refusal.code}")


class Doorkeeper:
    """Lets everybody in, to say no at once."""

    def __init__(self, world: World, refusal: Refusal, *, stands: bool) -> None:
        self.stands = stands
        """Whether the door is shut."""
        self._world = world
        self._refusal = refusal

    async def stand(self) -> None:
        """Say no to everybody who comes."""
        served = 0
        while True:
            connections = self._world.link.connections
            while self.stands and served < len(connections):
                connection, served = connections[served], served + 1
                connection.push(wire.error(self._refusal.code, self._refusal.message))
                connection.end(closing(self._refusal.close_code, f"invalid_request_error.{self._refusal.code}"))
            served = len(connections)
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
@pytest.mark.parametrize("shape", ["status", "error"])
async def test_a_refusal_says_what_to_do_and_heals_by_itself(refusal: Refusal, shape: str) -> None:
    """On MQTT, in the journal and aloud, at once on a wake; then the server accepts again, and nobody restarts us."""
    async with living() as world:
        door = Doorkeeper(world, refusal, stands=shape == "error")
        standing = world.tasks.create_task(door.stand())
        world.server.start_s = 0.1
        if shape == "status":
            world.link.refuse(*[by_status(refusal)] * 100)
            detail = by_status(refusal).problem
            assert detail.startswith(refusal.http_words)
        else:
            detail = refusal.message
        world.lose_link()
        await asyncio.sleep(2.0)
        problem = f"{detail}: {refusal.advice}"
        assert world.state["problem"] == f"the server refused us: {problem}"
        assert (world.state["link"], world.state["phase"]) == ("refused", "offline")
        warned = [told for told in world.journal.told if told.get("HEARTHD_CODE") == refusal.code]
        assert [(told["level"], told["HEARTHD_EVENT"], told["HEARTHD_PROBLEM"]) for told in warned] == [
            ("WARNING", "link_down", problem)
        ]
        spoken = notice(Reason(Why.REFUSED, refusal.code, problem))
        assert spoken == f"{refusal.words} I am offline, but I can still run the house."
        world.say_word()
        await asyncio.sleep(1.5)
        assert (world.phase, world.speaker.heard_pcm) == (Phase.IDLE, TONE)
        assert [(event["code"], event["problem"]) for event in world.events("error")] == [("link_refused", problem)]

        world.link._refusals.clear()
        door.stands = False
        world.request("set/mute", "on")  # an ear that waits for minutes makes a slow test
        await world.until(lambda: world.ready, within_s=SLOWEST_S + 1.0)
        world.request("set/mute", "off")
        await asyncio.sleep(2.0)
        await world.converse()
        standing.cancel()


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
@pytest.mark.parametrize("shape", [by_status, by_close], ids=["status", "close"])
@pytest.mark.parametrize("luck", [0.0, 0.999])
async def test_a_refusal_is_tried_at_most_twelve_times_an_hour(
    refusal: Refusal, shape: Callable[[Refusal], LinkError], luck: float
) -> None:
    """However the lot falls and however often somebody wants the link, in every hour of many; and then it heals."""
    error = shape(refusal) if refusal.close_code >= 3000 or shape is by_status else by_status(refusal)
    async with linked(random_unit=lambda: luck) as scene:
        moments_s: list[float] = []
        scene.link.refuse(*[error] * 1_000)
        scene.lose()
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + A_DAY_OF_HOURS * HOUR_S
        attempts = scene.link.attempts
        while loop.time() < ends_s:
            await asyncio.sleep(10.0)
            scene.keeper.want()
            moments_s += [loop.time()] * (scene.link.attempts - attempts)
            attempts = scene.link.attempts
        busiest = max(sum(at_s <= each < at_s + HOUR_S for each in moments_s) for at_s in moments_s)
        assert 1 < busiest <= 12
        scene.link._refusals.clear()
        await asyncio.sleep(SLOWEST_S)
        assert len(scene.link.live) == 1
