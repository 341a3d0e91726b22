"""The whole daemon, muted: over a restart, too."""

import asyncio

from hearthd.core.conversation.phases import Phase
from tests.doubles.memory_mute import MemoryMute
from tests.engine.world import World, living


def memory_of(world: World) -> MemoryMute:
    """Return where the daemon has mute remembered."""
    memory = world.daemon._outside.mute
    assert isinstance(memory, MemoryMute)
    return memory


def left_muted(world: World) -> None:
    """Have the last run ended muted."""
    memory_of(world).kept.append(True)


async def test_each_wish_is_remembered_once() -> None:
    """Whoever repeats it wears no disk out."""
    async with living() as world:
        for wish in ("ON", "ON", "OFF", "ON"):
            world.request("set/mute", wish)
            await asyncio.sleep(1.0)
        assert memory_of(world).kept == [True, False, True]


async def test_who_was_muted_starts_muted() -> None:
    """The device is not opened for a moment; sound counts as up, and it says that it is muted."""
    async with living(prepare=left_muted, ready=False) as world:
        await world.until(lambda: "muted" in world.status)
        await world.until(lambda: world.ready)
        assert world.microphone.openings == []
        assert world.state["mic"] == "muted"
        world.request("listen")
        await world.until(lambda: [event["code"] for event in world.events("error")] == ["muted"])
        assert world.phase is Phase.IDLE


async def test_unmuted_after_such_a_start_it_listens() -> None:
    """As if it had been muted in this run."""
    async with living(prepare=left_muted, ready=False) as world:
        await world.until(lambda: "muted" in world.status)
        world.request("set/mute", "OFF")
        await world.until(lambda: world.status.startswith("waiting for") and world.ready)
        await world.converse()
        assert not memory_of(world).muted()
