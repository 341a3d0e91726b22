"""The ALSA adapter on cards that grant or do something else than was asked of them."""

import asyncio
import dataclasses
import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from hearthd.adapters.alsa import AlsaMicrophone, AlsaSpeaker
from hearthd.adapters.alsa.card import Granted, Pcm, open_pcm
from hearthd.core.audio.pcm import PcmFormat
from hearthd.ports import DeviceUnavailable
from tests.contracts.sound_rigs import babble
from tests.doubles.vcard import ALWAYS, EventKind, VirtualCard
from tests.doubles.witnesses import WitnessEar, WitnessMouth, outcome, until

ASKED = PcmFormat(48_000)
ATTEMPTS = 5
"""A machine that lets nobody run for 10 ms and more says nothing about the adapter."""


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualCard]:
    """Return a virtual card that this process can open."""
    with VirtualCard(tmp_path) as card:
        for name, value in card.env().items():
            monkeypatch.setenv(name, value)
        yield card


# What the card grants


async def test_another_rate_than_asked_for_is_taken_and_logged(
    card: VirtualCard, caplog: pytest.LogCaptureFixture
) -> None:
    """Libasound grants the nearest rate without a word; ear and journal learn the true one."""
    card.grant_capture(16_000)
    ear = WitnessEar()
    with caplog.at_level(logging.INFO, "hearthd.adapters.alsa"):
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(AlsaMicrophone(card.microphone, ASKED.rate_hz).listen(ear))
            await until(lambda: len(ear.feeds) >= 2, "sound")
            listening.cancel()
    assert ear.formats == [PcmFormat(16_000)]
    (record,) = caplog.records
    assert vars(record).items() >= {("HEARTHD_EVENT", "card_format"), ("HEARTHD_RATE_HZ", 16_000)}


async def test_another_sample_format_is_refused_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A raw device without 16-bit samples would come out as noise; it is closed and the way out is named."""
    configuration = tmp_path / "asound.conf"
    configuration.write_text("pcm.law_only { type mulaw slave { pcm { type null } format S16_LE } }")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(configuration))
    refused = await outcome(AlsaSpeaker("law_only", ASKED.rate_hz).play(WitnessMouth()))
    assert isinstance(refused, DeviceUnavailable)
    assert (refused.operation, refused.problem) == ("open", "gives MU_LAW, not S16_LE; try plughw: instead of hw:")


async def test_a_card_that_keeps_no_time_is_no_microphone(card: VirtualCard) -> None:
    """ALSA's null device gives an hour of sound in a moment; it is refused before it burns a core."""
    ear = WitnessEar()
    free_running = await outcome(AlsaMicrophone("null", ASKED.rate_hz).listen(ear))
    assert isinstance(free_running, DeviceUnavailable)
    assert free_running.problem == "gives sound faster than time passes"
    assert len(ear.pcm) < ASKED.rate_hz * ASKED.frame_bytes * 3


@pytest.mark.parametrize(
    ("period_frames", "step_frames"),
    [(64, 0), (1024, 1024), (4096, 1024)],
    ids=["a buffer of 43 ms", "a pointer in steps of 21 ms", "periods of 85 ms"],
)
async def test_sound_is_heard_whole_whatever_buffer_is_granted(
    card: VirtualCard, period_frames: int, step_frames: int
) -> None:
    """An ear that wants 80 ms at once gets them without a gap from cards with odd buffers and coarse pointers."""
    card.grant_capture(ASKED.rate_hz, period_frames=period_frames)
    card.capture.step(step_frames)
    ear = WitnessEar(blocks=4)
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(AlsaMicrophone(card.microphone, ASKED.rate_hz).listen(ear))
        await until(lambda: bool(ear.feeds), "the first sound")
        whole = False
        for _ in range(ATTEMPTS):
            whole = whole or await hears_whole(card, ear)
        listening.cancel()
    assert whole


async def hears_whole(card: VirtualCard, ear: WitnessEar) -> bool:
    """Say something and wait until it was heard, or some of it lost."""
    sound, begin, lost = babble(ASKED, 14_400), len(ear.pcm), ear.overruns
    card.say(sound, ASKED.rate_hz)
    await until(lambda: ear.overruns > lost or sound.tobytes() in ear.pcm[begin:], "what was said")
    return ear.overruns == lost


@pytest.mark.parametrize("coarse", [False, True], ids=["every frame", "every period"])
async def test_a_card_never_plays_past_the_last_sound(
    card: VirtualCard, monkeypatch: pytest.MonkeyPatch, coarse: bool
) -> None:
    """Silence stands behind the sound before the card gets there, else it would play what its memory held before."""

    def open_coarsely(direction: int, device: str, rate_hz: int, periods: int) -> tuple[Pcm, Granted]:
        pcm, granted = open_pcm(direction, device, rate_hz, periods)
        return pcm, dataclasses.replace(granted, coarse=coarse)

    monkeypatch.setattr("hearthd.adapters.alsa.speaker.open_pcm", open_coarsely)
    card.playback.step(960 if coarse else 0)
    speaker, mouth = AlsaSpeaker(card.speaker, ASKED.rate_hz), WitnessMouth()
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(speaker.play(mouth))
        await until(lambda: bool(mouth.formats), "the opening")
        for frames in (960, 5_000, 5_300, 5_700):
            xruns = [len(card.events(EventKind.XRUN))]
            for _ in range(ATTEMPTS):
                mouth.give(babble(ASKED, frames).tobytes())
                speaker.nudge()
                await until(mouth.drained, "the end of the sound")
                xruns.append(len(card.events(EventKind.XRUN)))
            assert any(before == after for before, after in itertools.pairwise(xruns))
        playing.cancel()


async def test_sound_that_comes_in_time_is_heard_without_a_gap(card: VirtualCard) -> None:
    """A mouth that has nothing now and then, but never for too long, is not interrupted by silence of ours."""

    class Hesitant(WitnessMouth):
        hesitates = True

        def pull(self, frames: int) -> bytes:
            self.hesitates = not self.hesitates
            return b"" if self.hesitates else super().pull(max(1, frames - 480))

    speaker, mouth, sound = AlsaSpeaker(card.speaker, ASKED.rate_hz), Hesitant(), babble(ASKED, 14_400)
    mouth.give(sound.tobytes())
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(speaker.play(mouth))
        await until(mouth.drained, "the end of the sound")
        playing.cancel()
    heard = card.heard()
    loud = np.flatnonzero(heard)
    assert np.array_equal(heard[loud[0] : loud[-1] + 1], sound)


async def test_sound_is_played_whole_on_a_card_with_long_periods(card: VirtualCard) -> None:
    """A card that moves 171 ms at a time is given enough to bridge that."""
    card.playback.grant(ASKED.rate_hz, period_frames=8192)
    card.playback.step(8192)
    speaker, mouth, sound = AlsaSpeaker(card.speaker, ASKED.rate_hz), WitnessMouth(), babble(ASKED, 24_000)
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(speaker.play(mouth))
        await until(lambda: bool(mouth.formats), "the opening")
        mouth.give(sound.tobytes())
        speaker.nudge()
        await until(mouth.drained, "the end of the sound")
        playing.cancel()
    heard = card.heard()
    assert np.array_equal(heard[np.flatnonzero(heard)[0] :][: sound.size], sound)
    assert mouth.said("underran") == []


# What the card does


@pytest.mark.parametrize("kind", ["microphone", "speaker"])
async def test_nothing_but_xruns_means_a_lost_card(card: VirtualCard, kind: str) -> None:
    """A plugin whose server died answers every call with an xrun; that ends after a few dozen of them."""
    if kind == "microphone":
        work = AlsaMicrophone(card.microphone, ASKED.rate_hz).listen(WitnessEar())
        card.capture.xrun(ALWAYS)
    else:
        mouth = WitnessMouth()
        mouth.give(bytes(ASKED.rate_hz * ASKED.frame_bytes * 15))
        work = AlsaSpeaker(card.speaker, ASKED.rate_hz).play(mouth)
        card.playback.xrun(ALWAYS)
    lost = await outcome(work)
    assert isinstance(lost, DeviceUnavailable)
    assert "the sound server may be gone" in lost.problem
    assert len(card.events(EventKind.XRUN)) <= 30


async def test_a_card_that_takes_less_than_it_has_room_for_loses_nothing(
    card: VirtualCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a converting plugin leaves of a write is offered to it again, before anything newer."""
    takes = itertools.chain([0.0], itertools.cycle([0.5, 1.0]))

    class Stingy:
        def __init__(self, pcm: Pcm) -> None:
            self._pcm = pcm

        def __getattr__(self, method: str) -> object:
            return getattr(self._pcm, method)

        def write(self, pcm: bytes) -> int:
            taken = pcm[: int(ASKED.frames(pcm) * next(takes)) * ASKED.frame_bytes]
            return self._pcm.write(taken) if taken else 0

    def open_stingily(direction: int, device: str, rate_hz: int, periods: int) -> tuple[Pcm, Granted]:
        pcm, granted = open_pcm(direction, device, rate_hz, periods)
        return cast("Pcm", Stingy(pcm)), granted

    monkeypatch.setattr("hearthd.adapters.alsa.speaker.open_pcm", open_stingily)
    mouth, sound = WitnessMouth(), babble(ASKED, 9_600)
    mouth.give(sound.tobytes())
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(AlsaSpeaker(card.speaker, ASKED.rate_hz).play(mouth))
        await until(mouth.drained, "the end of the sound")
        playing.cancel()
    heard = card.heard()
    assert heard[np.flatnonzero(heard)].tobytes() == sound.tobytes()
