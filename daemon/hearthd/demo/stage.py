"""The daemon in its pretended room: everything of it is real but microphone, loudspeaker, broker and house."""

import asyncio
from collections.abc import AsyncIterable
from importlib import resources
from typing import Final

from hearthd import compose
from hearthd.adapters.offline_server import OfflineServer
from hearthd.adapters.systemd import SystemdSupervisor
from hearthd.adapters.wakeword import MicroWakeWords
from hearthd.config import Settings, load
from hearthd.core.errors import HearthdError
from hearthd.core.home.topics import RoomTopics
from hearthd.demo.house import PretendHouse
from hearthd.demo.room import PretendMicrophone, PretendSpeaker
from hearthd.demo.show import Show, Tell
from hearthd.offline.speech import ProgramSynthesiser

HOUSE_FILE: Final = resources.files("hearthd.demo") / "house.toml"


def house_settings() -> Settings:
    """Return the settings of the pretended house; whatever the environment holds, there is no key in them."""
    with resources.as_file(HOUSE_FILE) as path:
        return load(path, {})


async def perform(wishes: AsyncIterable[str], voice: str, tell: Tell) -> bytes:
    """Have `voice` say each wish when the one before is answered; returns what the loudspeaker played.

    The sound is in `ROOM_FORMAT`. Raises `ShowFailed` when an answer fails to come, and `VoiceUnavailable`.
    """
    settings = house_settings()
    topics = RoomTopics(settings.mqtt.base_topic, settings.room.name)
    microphone, speaker = PretendMicrophone(), PretendSpeaker()
    show = Show(microphone, topics, ProgramSynthesiser(voice), tell)
    house = PretendHouse(settings.devices, show.notice)
    outside = compose.Outside(
        supervisor=SystemdSupervisor(),
        microphone=microphone,
        speaker=speaker,
        scorer=MicroWakeWords(settings.wake.words, settings.wake.threshold),
        transport=None,
        broker=house,
        offline=lambda: OfflineServer(settings.offline),
    )
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(compose.Daemon(settings, outside).run(stop), name="daemon")
        failure = await _watch(show, house, wishes)
        stop.set()
    if failure is not None:
        raise failure
    return bytes(speaker.played)


async def _watch(show: Show, house: PretendHouse, wishes: AsyncIterable[str]) -> HearthdError | None:
    """Say all wishes; returns what went wrong, so that the daemon can be stopped in order."""
    try:
        await show.ready()
        async for wish in wishes:
            await show.say(wish, house)
    except HearthdError as failure:
        return failure
    return None
