"""The whole daemon and its budget: who is told what, how often, who answers then, and when it is over."""

from datetime import timedelta

import msgspec
import pytest

from hearthd.config import Settings
from hearthd.core.audio.pcm import LINK_RATE_HZ
from hearthd.core.conversation.phases import Phase
from hearthd.core.money.amounts import to_pusd
from hearthd.core.settings import BudgetSettings
from tests.core.money.ledgers import standing
from tests.core.realtime import wire
from tests.doubles.memory_ledger import MemoryClock, MemoryLedger
from tests.engine.server import Reply, says
from tests.engine.test_servers import spoken
from tests.engine.voices import noise
from tests.engine.world import World, living, settings_of

DAY_USD = 0.20
WHY = "today's budget of $0.20 is used up until tomorrow (budget.day_usd raises it)"
REPLY = noise(0.4, LINK_RATE_HZ, seed=1)


def limited(when_exhausted: str = "refuse") -> Settings:
    """Return settings with a limit for each day."""
    budget = BudgetSettings(day_usd=DAY_USD, when_exhausted=when_exhausted)  # type: ignore[arg-type]
    return msgspec.structs.replace(settings_of(), budget=budget)


def ledger_of(world: World) -> MemoryLedger:
    """Return what the daemon books in."""
    ledger = world.daemon._outside.ledger
    assert isinstance(ledger, MemoryLedger)
    return ledger


def has_spent(world: World, usd: float) -> None:
    """Have so much been spent today, before the start."""
    ledger_of(world).standing = standing(to_pusd(usd))


async def answered(world: World, reply: Reply | None = None) -> None:
    """Hold a conversation with the configured server."""
    world.server.replies.append(reply or says(REPLY))
    await world.ask()
    await world.reach(Phase.IDLE)


async def test_the_owner_is_warned_on_mqtt_and_in_the_journal_and_not_aloud() -> None:
    """Once, when the share of the limit is reached; and the room's state tells what the day has cost."""
    clock = MemoryClock()
    async with living(limited(), clock=clock, prepare=lambda world: has_spent(world, 0.8 * DAY_USD - 1e-9)) as world:
        await answered(world)
        await answered(world)
        [told] = world.events("budget")
        assert told["text"] == "80 percent of today's budget of $0.20 is used up."
        assert (told["kind"], told["period"], told["spent_usd"], told["limit_usd"]) == ("warning", "day", 0.1606, 0.2)
        in_the_journal = [line for line in world.journal.told if line.get("HEARTHD_EVENT") == "budget_warning"]
        assert [(line["level"], line["message"]) for line in in_the_journal] == [("WARNING", told["text"])]
        assert world.speaker.heard_pcm == REPLY * 2
        assert world.state["cost_today_usd"] == round(world.daemon._treasurer.spent_today_usd, 4) > 0.16


async def test_without_money_nobody_is_listened_to_until_midnight() -> None:
    """A tone at once and plain words everywhere; no sound leaves the house; the next day heals it without a restart."""
    clock = MemoryClock()
    async with living(limited(), clock=clock, prepare=lambda world: has_spent(world, DAY_USD), ready=False) as world:
        await world.until(lambda: world.status == f'waiting for "okay nabu"; {WHY}')
        world.say_word()
        await world.until(lambda: world.events("error"))
        assert [(event["code"], event["problem"]) for event in world.events("error")] == [("over_budget", WHY)]
        assert (world.phase, world.server.sound_bytes) == (Phase.IDLE, 0)
        assert (world.state["problem"], world.state["cost_today_usd"]) == (WHY, DAY_USD)
        clock.jump(timedelta(hours=12))
        await world.until(lambda: world.status == 'waiting for "okay nabu"; the server is ready')
        assert ("problem" in world.state, world.state["cost_today_usd"]) == (False, 0.0)
        await answered(world)
        assert world.outcomes() == ["answered"]


async def test_a_text_to_be_spoken_is_refused_in_the_same_words() -> None:
    """It would have to be paid for as well."""
    clock = MemoryClock()
    async with living(limited(), clock=clock, prepare=lambda world: has_spent(world, DAY_USD), ready=False) as world:
        await world.until(lambda: WHY in world.status and world.ready)
        world.request("say", "dinner")
        await world.until(lambda: world.outcomes() == ["failed"])
        assert [event["problem"] for event in world.events("error")] == [WHY]


async def test_the_answer_that_uses_the_budget_up_is_told_once() -> None:
    """To the house and in the journal, right after it; the wakes after it get a tone."""
    clock = MemoryClock()
    async with living(limited(), clock=clock, prepare=lambda world: has_spent(world, DAY_USD - 0.006)) as world:
        while not world.events("budget"):
            await answered(world, says(noise(2.0, LINK_RATE_HZ)))
        assert [told["text"] for told in world.events("budget")] == [
            "Today's budget of $0.20 is used up until tomorrow.",
        ]
        world.say_word()
        await world.until(lambda: world.events("error"))
        assert (world.phase, len(world.events("budget"))) == (Phase.IDLE, 1)
        assert world.state["problem"] == WHY
        assert 0.15 < world.daemon._treasurer.spent_today_usd <= DAY_USD


async def test_the_server_here_takes_over_says_so_once_and_is_counted_at_no_cost() -> None:
    """Once a day, not once a conversation; each of its answers is a booking."""
    clock = MemoryClock()
    used_up = "What may be spent is used up. I am offline, but I can still run the house."
    async with living(
        limited("offline"), offline=True, clock=clock, ready=False, prepare=lambda world: has_spent(world, DAY_USD)
    ) as world:
        await world.until(lambda: world.ready and WHY in str(world.state.get("server_reason")))
        assert world.status == f'waiting for "okay nabu"; the offline server is ready ({WHY})'
        for replies in (2, 1, 1):
            world.local.server.replies += [says(REPLY)] * replies
            await world.ask()
            await world.reach(Phase.IDLE)
        assert (world.outcomes(), spoken(world)) == (["answered"] * 3, [used_up])
        booked = ledger_of(world).bookings
        assert {(each.server, each.bill.cost.total_pusd) for each in booked} == {("offline", 0)}
        assert [each.turn for each in booked] == [1, 1, 2, 3]
        assert (world.server.came(wire.CREATE), world.state["cost_today_usd"]) == ([], DAY_USD)
        clock.jump(timedelta(hours=12))
        await world.until(lambda: world.state["server"] == "online")
        await answered(world)
        assert [each.server for each in booked[4:]] == ["online"]


@pytest.mark.parametrize(("spoke", "outcome"), [(True, "answered"), (False, "failed")])
async def test_an_answer_that_is_cut_off_is_told(*, spoke: bool, outcome: str) -> None:
    """With what limits it; where nothing of it could be heard, a tone takes its place."""
    async with living() as world:
        parts = (REPLY,) if spoke else ()
        world.server.replies.append(says(*parts, status="incomplete"))
        await world.ask()
        await world.reach(Phase.IDLE)
        assert ([event["code"] for event in world.events("error")], world.outcomes()) == (["reply_cut"], [outcome])
