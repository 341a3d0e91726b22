"""The ALSA adapter on cards that lie, break and hang: it tells, it never spins, and it hears again afterwards."""

import asyncio
import errno
import gc
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from hearthd.adapters.alsa import AlsaMicrophone, AlsaSpeaker
from hearthd.core.audio.pcm import PcmFormat
from hearthd.ports import DeviceUnavailable
from tests.contracts.sound_rigs import babble
from tests.doubles.alsafault import AlsaFault, Call
from tests.doubles.sound_probe import Probe
from tests.doubles.vcard import ALWAYS, EventKind, VirtualCard
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


Add = Callable[[str], None]


@pytest.fixture
def configure(card: VirtualCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Add:
    """Return what adds definitions to the ALSA configuration."""

    def add(definitions: str) -> None:
        path = tmp_path / "more.conf"
        path.write_text(f"<{card.env()['ALSA_CONFIG_PATH']}>\n{definitions}\n")
        monkeypatch.setenv("ALSA_CONFIG_PATH", str(path))

    return add


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


async def test_another_sample_format_is_refused_with_advice(card: VirtualCard, configure: Add) -> None:
    """A raw device without 16-bit samples would come out as noise; it is closed and the way out is named."""
    configure("pcm.law_only { type mulaw slave { pcm null format S16_LE } }")
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
    ear, sound = WitnessEar(blocks=4), babble(ASKED, 14_400)
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(AlsaMicrophone(card.microphone, ASKED.rate_hz).listen(ear))
        await until(lambda: bool(ear.feeds), "the first sound")
        card.say(sound, ASKED.rate_hz)
        await until(lambda: sound.tobytes() in ear.pcm, "what was said")
        listening.cancel()
    assert ear.overruns == 0


async def test_sound_is_played_whole_on_a_card_with_long_periods(card: VirtualCard) -> None:
    """A card that moves 85 ms at a time is given enough to bridge that."""
    card.playback.grant(ASKED.rate_hz, period_frames=4096)
    card.playback.step(4096)
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
        mouth.give(bytes(ASKED.rate_hz * ASKED.frame_bytes * 5))
        work = AlsaSpeaker(card.speaker, ASKED.rate_hz).play(mouth)
        card.playback.xrun(ALWAYS)
    lost = await outcome(work)
    assert isinstance(lost, DeviceUnavailable)
    assert "the sound server may be gone" in lost.problem
    assert len(card.events(EventKind.XRUN)) <= 30


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
            fault.fail(Call.READ, 0, stall_s=7.5)
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
