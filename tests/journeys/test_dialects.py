"""Servers that are not OpenAI's of today: a command and its answer work all the same, and nothing wrong is sent."""

from pathlib import Path

from tests.doubles.realtime import Call, Dialect, Quirks, Scenario, Speech, reply
from tests.doubles.realtime.audio import noise
from tests.journeys.household import Household, Plan
from tests.journeys.stage import journey
from tests.journeys.turns import ask, sounding, turns_ended

LIGHT_ON = Call("set_light", {"device": ["kitchen_light"], "on": True})
DONE = Speech(noise(500), "Done.")


async def converse(folder: Path, dialect: Dialect, name: str) -> None:
    """Have a lamp switched and hear the answer."""
    scenario = Scenario(replies=[reply(LIGHT_ON), reply(DONE)], quirks=Quirks(dialect=dialect))
    plan = Plan(scenario=scenario, settings={"gate": {"follow_up_s": 0.0}, "realtime": {"dialect": name}})
    async with Household(folder, plan) as home:
        await ask(home, "turn on the kitchen light")
        _, audible_s = await sounding(home, 2)
        await home.settled(after_s=audible_s)
        await turns_ended(home, "answered")
        assert [command.payload for command in home.appliances.commands] == ['{"state":"ON"}']
        home.server.assert_complete()


@journey
async def test_a_server_of_the_beta_is_spoken_to_in_its_own_words(folder: Path) -> None:
    """Settings side by side, and events under their old names."""
    await converse(folder, Dialect.BETA, "beta-style")


@journey
async def test_a_server_may_tell_no_more_than_it_must(folder: Path) -> None:
    """Neither items nor parts of a response are announced; its call and its sound are enough."""
    await converse(folder, Dialect.MINIMAL, "auto")
