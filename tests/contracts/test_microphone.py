"""What every `Microphone` owes its ear, on the memory double and on the ALSA adapter with a virtual card."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hearthd.core.audio.pcm import PcmFormat
from hearthd.ports import DeviceUnavailable
from tests.contracts.sound_rigs import ASKED_HZ, MicrophoneRig, babble, microphone_rig
from tests.doubles.witnesses import WitnessEar, outcome, until

MakeRig = Callable[[PcmFormat], MicrophoneRig]


@pytest.fixture
async def make_rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeRig:
    """Return what makes a microphone for the test's own loop."""
    return lambda granted: microphone_rig(tmp_path, monkeypatch.setenv, granted)


@pytest.fixture
async def rig(make_rig: MakeRig) -> MicrophoneRig:
    """Return a microphone that grants what it is asked for."""
    return make_rig(PcmFormat(ASKED_HZ))


@pytest.mark.parametrize(
    ("granted", "blocks"),
    [(PcmFormat(ASKED_HZ), 1), (PcmFormat(ASKED_HZ), 4), (PcmFormat(44_100, 2), 1), (PcmFormat(11_025), 4)],
    ids=["by the block", "by four", "44.1 kHz stereo", "11 kHz by four"],
)
async def test_every_frame_is_heard_once_and_in_order(make_rig: MakeRig, granted: PcmFormat, blocks: int) -> None:
    """What was said comes in whole blocks of the granted format, without a gap, a repetition or a change."""
    rig = make_rig(granted)
    ear = WitnessEar(blocks)
    sound = babble(granted, granted.rate_hz // 8)

    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(rig.microphone.listen(ear))
        await until(lambda: bool(ear.feeds), "the first sound")
        rig.say(sound)
        await until(lambda: sound.tobytes() in ear.pcm, "what was said")
        listening.cancel()

    assert [ear.formats, ear.calls[0], ear.overruns] == [[granted], "opened", 0]
    assert {len(feed.pcm) % granted.block_bytes for feed in ear.feeds} == {0}
    assert min(len(feed.pcm) for feed in ear.feeds[1:]) == blocks * granted.block_bytes


@pytest.mark.parametrize("delay_s", [0.0, 0.2], ids=["prompt", "delayed"])
async def test_sound_is_stamped_with_the_moment_of_its_last_frame(rig: MicrophoneRig, delay_s: float) -> None:
    """A stamp tells when the sound was captured, not when it was read; it never precedes its sound."""
    ear = WitnessEar()
    sound = babble(rig.granted, 12_000)

    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(rig.microphone.listen(ear))
        await until(lambda: bool(ear.feeds), "the first sound")
        said_s = rig.say(sound)
        rig.delay(ear, delay_s)
        await until(lambda: sound.tobytes() in ear.pcm, "what was said")
        listening.cancel()

    said_frame = ear.pcm.index(sound.tobytes()) // rig.granted.frame_bytes
    end_frames = np.cumsum([rig.granted.frames(feed.pcm) for feed in ear.feeds])
    captured_s = said_s + (end_frames - said_frame) / rig.granted.rate_hz
    late_s = np.array([feed.captured_at_s for feed in ear.feeds]) - captured_s
    assert late_s.min() > -0.001
    assert np.median(late_s) < 0.02


async def test_cancelled_it_closes_and_calls_no_more(rig: MicrophoneRig) -> None:
    """Muted means closed: after the cancellation the device is free, the ear is left alone, no thread remains."""
    ear = WitnessEar()
    threads = threading.active_count()
    for moment_s in (0.0, 0.0003, 0.001, 0.004, 0.02, 0.05):
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(rig.microphone.listen(ear))
            await asyncio.sleep(moment_s)
            listening.cancel()
        assert not rig.fate.is_open
        calls = len(ear.calls)
        await asyncio.sleep(0.03)
        assert (threads, calls) == (threading.active_count(), len(ear.calls))


async def test_cancelled_twice_it_still_closes(rig: MicrophoneRig) -> None:
    """An impatient caller gets its cancellation, and only after the device is free."""
    ear = WitnessEar(blocks=4)
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(rig.microphone.listen(ear))
        await until(lambda: bool(ear.feeds), "the first sound")
        listening.cancel()
        await asyncio.sleep(0)
        listening.cancel()
    assert [listening.cancelled(), rig.fate.is_open] == [True, False]


async def test_a_lost_device_is_told_and_can_be_opened_again(rig: MicrophoneRig) -> None:
    """Unplugged it fails in reading, away it fails in opening, back it is heard again from a fresh opening."""
    ear = WitnessEar()
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(outcome(rig.microphone.listen(ear)))
        await until(lambda: bool(ear.feeds), "the first sound")
        rig.fate.lose()
        lost = await listening
    away = await outcome(rig.microphone.listen(ear))

    assert isinstance(lost, DeviceUnavailable)
    assert isinstance(away, DeviceUnavailable)
    assert [(lost.device, lost.operation), (away.device, away.operation)] == [
        (rig.fate.device, "read"),
        (rig.fate.device, "open"),
    ]
    assert not rig.fate.is_open

    rig.fate.heal()
    feeds = len(ear.feeds)
    async with asyncio.TaskGroup() as tasks:
        again = tasks.create_task(rig.microphone.listen(ear))
        await until(lambda: len(ear.feeds) > feeds, "sound after the return")
        again.cancel()
    assert ear.calls.count("opened") == 2


async def test_a_busy_device_is_refused_at_once(rig: MicrophoneRig) -> None:
    """Another program's device fails in opening, and the ear hears nothing of it."""
    ear = WitnessEar()
    rig.fate.refuse()
    busy = await outcome(rig.microphone.listen(ear))
    assert isinstance(busy, DeviceUnavailable)
    assert [busy.operation, busy.problem] == ["open", "Device or resource busy: another program uses the card"]
    assert ear.calls == []


async def test_a_frozen_device_is_lost(rig: MicrophoneRig) -> None:
    """A card that stops delivering without an error does not keep anybody waiting for ever."""
    ear = WitnessEar()
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(outcome(rig.microphone.listen(ear)))
        await until(lambda: bool(ear.feeds), "the first sound")
        rig.fate.freeze()
        frozen = await listening
    assert isinstance(frozen, DeviceUnavailable)
    assert [frozen.operation, rig.fate.is_open] == ["read", False]


async def test_an_overrun_is_told_and_survived(rig: MicrophoneRig) -> None:
    """Lost sound is reported once, and what is said afterwards is heard whole."""
    ear = WitnessEar()
    sound = babble(rig.granted, 4_800)
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(rig.microphone.listen(ear))
        await until(lambda: bool(ear.feeds), "the first sound")
        rig.fate.xrun()
        await until(lambda: ear.overruns > 0, "an overrun")
        rig.say(sound)
        await until(lambda: sound.tobytes() in ear.pcm, "what was said after the overrun")
        listening.cancel()
    assert ear.overruns == 1


@pytest.mark.parametrize("method", ["opened", "feed", "overran"])
@pytest.mark.parametrize("error", [ZeroDivisionError("ear"), DeviceUnavailable("x", "y", "of the ear")], ids=repr)
async def test_an_error_of_the_ear_comes_out_unchanged(rig: MicrophoneRig, method: str, error: Exception) -> None:
    """A mistake of ours crashes where it can be seen, and the device is closed all the same."""
    ear = WitnessEar()
    ear.fails_in, ear.error = method, error
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(outcome(rig.microphone.listen(ear)))
        if method == "overran":
            await until(lambda: bool(ear.feeds), "the first sound")
            rig.fate.xrun()
        assert await listening is error
    assert [ear.calls[-1], rig.fate.is_open] == [method, False]


async def test_an_ear_that_wants_nothing_is_a_mistake(rig: MicrophoneRig) -> None:
    """Asking for no block at all would spin; it crashes instead."""
    with pytest.raises(AssertionError, match="an ear wants a block at least"):
        await rig.microphone.listen(WitnessEar(blocks=0))
    assert not rig.fate.is_open


async def test_two_listeners_are_a_mistake(rig: MicrophoneRig) -> None:
    """The second of two listeners crashes, and the first goes on."""
    ear = WitnessEar()
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(rig.microphone.listen(ear))
        await until(lambda: bool(ear.feeds), "the first sound")
        with pytest.raises(AssertionError, match=f"{rig.fate.device} is opened twice"):
            await rig.microphone.listen(WitnessEar())
        feeds = len(ear.feeds)
        await until(lambda: len(ear.feeds) > feeds, "sound for the first")
        listening.cancel()
