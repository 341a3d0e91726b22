"""The daemon in its pretended room: everything of it is real but microphone, loudspeaker, broker and house."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from hearthd import compose
from hearthd.adapters.mute_mark import MuteMark
from hearthd.adapters.offline_server import OfflineTransport
from hearthd.adapters.store import SqliteLedger
from hearthd.adapters.systemd import SystemdSupervisor
from hearthd.adapters.wakeword import MicroWakeWords
from hearthd.config import Settings, load
from hearthd.core.errors import HearthdError
from hearthd.core.home.topics import RoomTopics
from hearthd.core.settings import OfflineSettings
from hearthd.demo.house import PretendHouse
from hearthd.demo.room import PretendMicrophone, PretendSpeaker
from hearthd.demo.show import Show, ShowFailed, Speak, Tell
from hearthd.offline.parts import VoiceUnavailable
from hearthd.offline.speaking.speech import ProgramSynthesiser, speech_programs

HOUSE_FILE: Final = resources.files("hearthd.demo") / "house.toml"


@dataclass(frozen=True, slots=True)
class Performance:
    """What came of a demo."""

    played: bytes
    """Everything that the loudspeaker played, in `ROOM_FORMAT`, without the pauses."""
    unanswered: int
    """How many wishes were not answered."""


def house_settings() -> Settings:
    """Return the settings of the pretended house; whatever the environment holds, there is no key in them."""
    with resources.as_file(HOUSE_FILE) as path:
        return load(path, {})


def person(voice: str) -> ProgramSynthesiser:
    """Return who speaks to hearthd. Raises `VoiceUnavailable` when the program that has the voice is not installed.

    Its stand-in, which a server's own voice may well have, would make a demo of another voice than was asked for.
    """
    program = speech_programs(voice, 1.0, 1.0)[0].name
    if shutil.which(program) is None:
        raise VoiceUnavailable(program, f"is not installed, and has the voice {voice}; try: sudo apt install {program}")
    return ProgramSynthesiser(voice)


async def perform(wishes: AsyncIterable[str], voice: str, tell: Tell, *, verbose: bool = False) -> Performance:
    """Have `voice` say each wish when the one before is over; `verbose` lets the server's own journal out on stderr.

    A wish that is not answered is told as trouble, and the next one follows. Raises `VoiceUnavailable`, and
    `ShowFailed` when the daemon never gets ready.
    """
    settings = house_settings()
    topics = RoomTopics(settings.mqtt.base_topic, settings.room.name)
    microphone, speaker = PretendMicrophone(), PretendSpeaker()
    show = Show(microphone, topics, _spoken_by(person(voice)), tell)
    house = PretendHouse(settings.devices, show.notice)
    command = _server_command(settings.offline, "info" if verbose else "error")
    stop = asyncio.Event()
    with tempfile.TemporaryDirectory(prefix="hearthd-demo-") as state:
        outside = compose.Outside(
            supervisor=SystemdSupervisor(),
            microphone=microphone,
            speaker=speaker,
            scorer=MicroWakeWords(settings.wake.words, settings.wake.threshold),
            transport=None,
            broker=house,
            ledger=SqliteLedger(Path(state)),
            mute=MuteMark(Path(state)),
            offline=lambda: OfflineTransport(settings.offline, command=command),
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(compose.Daemon(settings, outside).run(stop), name="daemon")
            outcome = await _watch(show, house, wishes, tell)
            stop.set()
    if isinstance(outcome, HearthdError):
        raise outcome
    return Performance(bytes(speaker.played), outcome)


async def _watch(show: Show, house: PretendHouse, wishes: AsyncIterable[str], tell: Tell) -> int | HearthdError:
    """Say all wishes; returns how many were not answered.

    What makes the demo impossible is returned, too, so that the daemon can be stopped in order.
    """
    unanswered = 0
    try:
        await show.ready()
        async for wish in wishes:
            try:
                await show.say(wish, house)
            except ShowFailed as failure:
                unanswered += 1
                tell("trouble", str(failure))
    except HearthdError as failure:
        return failure
    return unanswered


def _spoken_by(who: ProgramSynthesiser) -> Speak:
    async def speak(text: str) -> bytes:
        return await asyncio.to_thread(lambda: b"".join(who.speak(text)))

    return speak


def _server_command(settings: OfflineSettings, log_level: str) -> tuple[str, ...]:
    """Return the command of the server on this machine; it shares our stderr, so it is told how much to say."""
    voice = ("--voice", settings.voice, "--speed", f"{settings.speed:g}", "--pitch", f"{settings.pitch:g}")
    return (sys.executable, "-P", "-m", "hearthd", "offline", *voice, "--log-level", log_level)
