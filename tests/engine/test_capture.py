"""The microphone is open while it may be, reopened when lost, closed while muted."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from hearthd.core.conversation import events as ev
from hearthd.core.settings import GateSettings
from hearthd.engine.capture import STABLE_S, CaptureKeeper
from hearthd.engine.listener import Listener
from hearthd.engine.liveness import BEAT_EVERY_S, SILENT_AFTER_S, Pulse
from hearthd.ports import DeviceHangs, Ear
from tests.doubles.memory_sound import MemoryMicrophone
from tests.engine.voices import voice

RATE_HZ = 16_000


@dataclass
class Scene:
    """A keeper, its microphone and its listener."""

    microphone: MemoryMicrophone = field(default_factory=lambda: MemoryMicrophone(RATE_HZ))
    news: list[ev.Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pulse = Pulse("capture", asyncio.get_running_loop().time)
        self.listener = Listener(
            GateSettings(),
            manual_turns=True,
            scorer=None,
            post=self._post,
            send_up=lambda _turn, _pcm: None,
            pulse=self.pulse,
        )
        self.keeper = CaptureKeeper(self.microphone, self.listener, self._post, lambda: 0.5, self.pulse)

    def _post(self, event: ev.Event) -> None:
        self.news.append(event)
        if isinstance(event, ev.MicrophoneFound):
            self.keeper.delivers()

    def silent_s(self) -> float:
        """How long ago the last beat was."""
        return asyncio.get_running_loop().time() - self.pulse.last_s


@asynccontextmanager
async def kept(scene: Scene | None = None) -> AsyncIterator[Scene]:
    """Keep a microphone until the test is over."""
    scene = scene or Scene()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(scene.keeper.run())
        await asyncio.sleep(0.1)
        yield scene
        task.cancel()


async def test_mute_closes_and_overwrites() -> None:
    """Closed means closed, and what was heard is gone; the daemon goes on beating."""
    async with kept() as scene:
        scene.microphone.say(voice(1.0, RATE_HZ))
        await asyncio.sleep(1.0)
        preroll = scene.listener._preroll
        assert set(preroll._ring) != {0}
        scene.keeper.close()
        await asyncio.sleep(0.001)
        assert scene.microphone.openings[-1].closed_s is not None
        assert set(preroll._ring) == {0}
        for _ in range(10):
            await asyncio.sleep(3.0)
            assert scene.silent_s() <= BEAT_EVERY_S
        assert len(scene.microphone.openings) == 1

        scene.keeper.open()
        await asyncio.sleep(0.1)
        assert scene.microphone.is_open
        assert scene.news == [ev.MicrophoneFound()] * 2


async def test_a_switch_that_is_flicked_leaves_the_microphone_open() -> None:
    """Closed and opened in one moment, and again: the last word counts."""
    async with kept() as scene:
        for _ in range(3):
            scene.keeper.close()
            scene.keeper.open()
        await asyncio.sleep(0.1)
        assert scene.microphone.is_open
        scene.keeper.open()
        scene.keeper.close()
        await asyncio.sleep(0.1)
        assert not scene.microphone.is_open


async def test_mute_during_an_outage_ends_the_attempts() -> None:
    """Nothing is opened that may not be, and what was heard before is overwritten; unmuted, it is tried at once."""
    async with kept() as scene:
        scene.microphone.say(voice(1.0, RATE_HZ))
        await asyncio.sleep(1.0)
        preroll = scene.listener._preroll
        scene.microphone.lose()
        await asyncio.sleep(10.0)
        scene.keeper.close()
        scene.microphone.come_back()
        await asyncio.sleep(60.0)
        assert len(scene.microphone.openings) == 1
        assert set(preroll._ring) == {0}
        scene.keeper.open()
        await asyncio.sleep(0.1)
        assert scene.microphone.is_open


async def test_a_lost_device_is_reopened_within_five_seconds() -> None:
    """Told once a try, each try later than the last, and never silent to the watchdog."""
    async with kept() as scene:
        scene.microphone.lose()
        for _ in range(60):
            await asyncio.sleep(1.0)
            assert scene.silent_s() <= BEAT_EVERY_S
        losses = [event for event in scene.news if isinstance(event, ev.MicrophoneLost)]
        assert 15 < len(losses) < 40
        assert losses[0].problem == "read memory_microphone: No such device: the card is gone"
        assert losses[-1].problem == "open memory_microphone: No such device: the card is gone"
        scene.microphone.come_back()
        await asyncio.sleep(BEAT_EVERY_S)
        assert scene.news[-1] == ev.MicrophoneFound()


async def test_a_loose_plug_is_told_once_and_tried_ever_more_rarely(caplog: pytest.LogCaptureFixture) -> None:
    """Gone again before it proved stable: one warning for all of it, and one line at its end."""
    async with kept() as scene:
        with caplog.at_level(logging.INFO, "hearthd"):
            for _ in range(20):
                scene.microphone.lose()
                scene.microphone.come_back()
                await asyncio.sleep(1.0)
            assert [record.__dict__["HEARTHD_EVENT"] for record in caplog.records] == ["microphone_lost"]
            assert len(scene.microphone.openings) < 15
            await asyncio.sleep(STABLE_S + 5.0)
            assert [record.__dict__["HEARTHD_EVENT"] for record in caplog.records][1:] == ["microphone_found"]
        scene.microphone.lose()
        scene.microphone.come_back()
        await asyncio.sleep(0.3)
        assert scene.microphone.is_open


async def test_what_only_a_new_process_mends_is_left_to_the_watchdog() -> None:
    """A library that hangs for good beats no pulse, unless muted; should it come back after all, so do we."""

    class Hanging(MemoryMicrophone):
        hangs = True

        async def listen(self, ear: Ear) -> None:
            if self.hangs:
                raise DeviceHangs(self.name, "read", "hangs")
            await super().listen(ear)

    microphone = Hanging(RATE_HZ)
    async with kept(Scene(microphone)) as scene:
        await asyncio.sleep(60.0)
        assert scene.silent_s() > 60.0 > SILENT_AFTER_S
        scene.keeper.close()
        await asyncio.sleep(60.0)
        assert scene.silent_s() <= BEAT_EVERY_S
        scene.keeper.open()
        await asyncio.sleep(60.0)
        assert scene.silent_s() >= 60.0
        microphone.hangs = False
        await asyncio.sleep(BEAT_EVERY_S)
        assert scene.silent_s() <= BEAT_EVERY_S
        assert scene.news[-1] == ev.MicrophoneFound()


async def test_listening_that_ends_without_a_word_is_our_mistake() -> None:
    """A microphone that returns is a bug, not a reason to be deaf."""

    class Mute(MemoryMicrophone):
        async def listen(self, ear: object) -> None:
            return

    with pytest.raises(ExceptionGroup) as caught:
        await Scene(Mute()).keeper.run()
    assert caught.group_contains(AssertionError, match="raising only")


async def test_what_the_listener_raises_ends_the_daemon() -> None:
    """A bug in the capture thread is no lost device."""
    scene = Scene()

    def fail(pcm: bytes, captured_at_s: float) -> int:
        raise ValueError("a bug")

    scene.listener.feed = fail  # type: ignore[method-assign]
    with pytest.raises(ExceptionGroup) as caught:
        await scene.keeper.run()
    assert caught.group_contains(ValueError, match="a bug")
