"""The ALSA adapter when libasound fails, hangs or is left behind: it tells, never spins, and works again afterwards."""

import asyncio
import errno
import gc
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hearthd.adapters.alsa import AlsaMicrophone, AlsaSpeaker
from hearthd.adapters.alsa.thread import Errand, OwnerThread
from hearthd.core.audio.pcm import PcmFormat
from hearthd.ports import DeviceHangs
from tests.doubles.alsafault import AlsaFault, Call
from tests.doubles.sound_probe import Probe
from tests.doubles.vcard import VirtualCard
from tests.doubles.witnesses import WitnessEar, WitnessMouth, outcome, until

ASKED = PcmFormat(48_000)
ERRORS = [errno.EIO, errno.ENODEV, errno.ESTRPIPE, errno.EINTR, errno.EBADFD]
WORDS = {
    errno.EIO: "Input/output error",
    errno.ENODEV: "No such device: the card is gone",
    errno.ESTRPIPE: "Streams pipe error",
    errno.EINTR: "Interrupted system call",
    errno.EBADFD: "File descriptor in bad state",
}


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualCard]:
    """Return a virtual card that this process can open."""
    with VirtualCard(tmp_path) as card:
        for name, value in card.env().items():
            monkeypatch.setenv(name, value)
        yield card


@pytest.fixture
def fault(tmp_path: Path) -> Iterator[AlsaFault]:
    """Return a maker of faults below pyalsaaudio, for a process that is yet to start."""
    with AlsaFault(tmp_path) as fault:
        yield fault


# What threads and loops do


async def test_hanging_threads_are_not_piled_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After two threads that never came back the device is not opened until one of them does."""
    monkeypatch.setattr("hearthd.adapters.alsa.thread.CLOSE_S", 0.01)
    owner, release = OwnerThread("card", "read"), threading.Event()

    def hang_in_the_library(_errand: Errand) -> None:
        release.wait()

    async def hang() -> None:
        async with asyncio.TaskGroup() as tasks:
            hanging = tasks.create_task(owner.run(hang_in_the_library, wake=lambda: None))
            await asyncio.sleep(0)
            hanging.cancel()

    threads = set(threading.enumerate())
    await hang()
    await hang()
    refused = await outcome(owner.run(lambda _errand: None, wake=lambda: None))
    release.set()
    for thread in set(threading.enumerate()) - threads:
        thread.join(timeout=20.0)
    assert isinstance(refused, DeviceHangs)
    assert str(refused) == "read card: the sound library hangs and does not come back; hearthd has to be restarted"
    assert await outcome(owner.run(lambda _errand: None, wake=lambda: None)) is None


async def test_a_mistake_of_the_ear_is_not_hidden_by_a_cancellation(card: VirtualCard) -> None:
    """An ear that breaks while its listener is being cancelled still crashes the program."""
    entered, cancelled = threading.Event(), threading.Event()

    class SlowEar(WitnessEar):
        def feed(self, pcm: bytes, captured_at_s: float) -> int:
            entered.set()
            cancelled.wait()
            raise ZeroDivisionError

    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(outcome(AlsaMicrophone(card.microphone, ASKED.rate_hz).listen(SlowEar())))
        await until(entered.is_set, "the first sound")
        listening.cancel()
        asyncio.get_running_loop().call_later(0.05, cancelled.set)
        assert isinstance(await listening, ZeroDivisionError)


def test_a_loop_that_closes_takes_its_threads_along(card: VirtualCard, caplog: pytest.LogCaptureFixture) -> None:
    """Threads whose loop was torn down under them close their devices instead of listening on for ever."""
    caplog.set_level(logging.CRITICAL, "asyncio")  # which calls what this test does a mistake, and is right
    ear, mouth, threads = WitnessEar(), WitnessMouth(), set(threading.enumerate())
    loop = asyncio.new_event_loop()
    tasks = [
        loop.create_task(AlsaMicrophone(card.microphone, ASKED.rate_hz).listen(ear)),
        loop.create_task(AlsaSpeaker(card.speaker, ASKED.rate_hz).play(mouth)),
    ]
    loop.run_until_complete(until(lambda: bool(ear.feeds and mouth.words), "both devices at work"))
    loop.close()
    for thread in set(threading.enumerate()) - threads:
        thread.join(timeout=20.0)
    assert [card.capture.is_open, card.playback.is_open] == [False, False]
    assert [task.done() for task in tasks] == [False, False]
    tasks.clear()
    gc.collect()


# What libasound does


@pytest.mark.parametrize(("kind", "call"), [("microphone", Call.READ), ("speaker", Call.WRITE)])
async def test_every_error_is_a_lost_card_that_can_be_opened_again(
    card: VirtualCard, fault: AlsaFault, kind: str, call: Call
) -> None:
    """Whatever a driver returns is told in plain words, nothing reaches stderr, and the device works afterwards."""
    device = card.microphone if kind == "microphone" else card.speaker
    lost = []
    async with Probe(kind, device, fault.env()) as probe:
        for error in ERRORS:
            await probe.until("alive")
            fault.fail(call, error)
            lost.append(await probe.until("lost"))
        await probe.until("alive")
        ended = await probe.end()
    operation = "read" if kind == "microphone" else "write"
    assert [(news.operation, news.problem) for news in lost] == [(operation, WORDS[error]) for error in ERRORS]
    assert ended == (0, "")
    assert [news.threads for news in lost] == [1] * len(ERRORS)


async def test_errors_of_the_other_calls_are_lost_cards_too(card: VirtualCard, fault: AlsaFault) -> None:
    """The loudspeaker's look at the card and the recovery from an xrun may fail as well."""
    async with Probe("speaker", card.speaker, fault.env()) as probe:
        await probe.until("alive")
        fault.fail(Call.AVAIL, errno.ENODEV)
        gone = await probe.until("lost")
        await probe.until("alive")
        fault.fail(Call.PREPARE, errno.EIO)
        card.playback.xrun()
        broken = await probe.until("lost")
        fault.fail(Call.OPEN, errno.EACCES)
        closed = await probe.until("lost")
        await probe.until("alive")
        assert await probe.end() == (0, "")
    assert [(news.operation, news.problem) for news in (gone, broken, closed)] == [
        ("write", "No such device: the card is gone"),
        ("write", "Input/output error"),
        ("open", "Permission denied: the user that hearthd runs as is not in the group `audio`"),
    ]


@pytest.mark.parametrize(
    ("kind", "call", "problem"),
    [("microphone", Call.READ, "no sound for 2 s"), ("speaker", Call.AVAIL, "played nothing for 2 s")],
    ids=["microphone", "speaker"],
)
async def test_waiting_for_a_frozen_card_costs_next_to_nothing(
    card: VirtualCard, fault: AlsaFault, kind: str, call: Call, problem: str
) -> None:
    """Until a frozen card is given up it is asked a few hundred times at most, and the core stays cool."""
    device, side = {"microphone": (card.microphone, card.capture), "speaker": (card.speaker, card.playback)}[kind]
    async with Probe(kind, device, fault.env()) as probe:
        alive = await probe.until("alive")
        asked_before = fault.calls(call)
        side.freeze()
        lost = await probe.until("lost")
        asked = fault.calls(call) - asked_before
        side.thaw()
        await probe.until("alive")
        assert await probe.end() == (0, "")
    assert lost.problem == problem
    assert asked < 400
    assert lost.cpu_s - alive.cpu_s < 0.5


async def test_idle_listening_asks_the_card_rarely(card: VirtualCard, fault: AlsaFault) -> None:
    """With an idle ear the card is read about 80 times for a second of sound, not once a frame."""
    async with Probe("microphone", card.microphone, fault.env()) as probe:
        await probe.until("alive")
        asked_before, frame_before = fault.calls(Call.READ), card.frame()
        await asyncio.sleep(1.0)
        asked, passed_s = fault.calls(Call.READ) - asked_before, (card.frame() - frame_before) / ASKED.rate_hz
        assert await probe.end() == (0, "")
    assert asked / passed_s < 120


async def test_a_stopped_process_does_not_accuse_its_card(card: VirtualCard) -> None:
    """After a pause of the whole process the lost sound is an overrun and nothing more."""
    async with Probe("microphone", card.microphone, {}) as probe:
        await probe.until("alive")
        probe.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(2.2)
        probe.process.send_signal(signal.SIGCONT)
        await probe.until("xrun")
        await probe.until("alive")
        assert await probe.end() == (0, "")
    assert [news.what for news in probe.heard] == ["opened", "alive", "xrun", "alive", "ended"]


async def test_a_call_that_hangs_is_left_behind(card: VirtualCard, fault: AlsaFault, tmp_path: Path) -> None:
    """A hang is given up within seconds; the device is busy until it ends and works afterwards; the program can end."""
    (tmp_path / "other").mkdir()
    with AlsaFault(tmp_path / "other") as other_fault:
        async with (
            Probe("microphone", card.microphone, fault.env()) as patient,
            Probe("speaker", card.speaker, other_fault.env()) as hasty,
        ):
            await patient.until("alive")
            await hasty.until("alive")
            fault.fail(Call.READ, 0, stall_s=7.0)
            other_fault.fail(Call.WRITE, 0, stall_s=60.0)
            stuck = [await patient.until("lost"), await hasty.until("lost")]
            busy = [await patient.until("lost"), await hasty.until("lost")]
            ended = [await hasty.end()]
            await patient.until("alive")
            ended.append(await patient.end())
    assert [(news.operation, news.problem) for news in stuck] == [
        ("read", "the sound library does not answer"),
        ("write", "the sound library does not answer"),
    ]
    assert {(news.operation, news.problem) for news in busy} == {
        ("open", "Device or resource busy: another program uses the card")
    }
    assert ended == [(0, "a sound thread hangs in the sound library\n")] * 2
    assert "stray" not in {news.what for news in patient.heard}


def open_nothing(silenced: bool) -> subprocess.CompletedProcess[str]:
    """Open devices that do not exist, in a process of its own."""
    times = 200
    program = f"""
import alsaaudio
from hearthd.adapters.alsa.card import silence_libasound
if {silenced}:
    silence_libasound()
for number in range({times}):
    try:
        alsaaudio.PCM(device="no_such_device")
    except alsaaudio.ALSAAudioError:
        pass
print("opened", {times})
"""
    paths = os.pathsep.join(sys.path)
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env=os.environ | {"PYTHONPATH": paths},
    )


def test_libasound_keeps_its_errors_to_itself() -> None:
    """What libasound writes to stderr by itself is silenced, and hundreds of errors later the process is well."""
    loud, silent = open_nothing(silenced=False), open_nothing(silenced=True)
    assert "no_such_device" in loud.stderr
    assert (silent.stdout, silent.stderr) == ("opened 200\n", "")
