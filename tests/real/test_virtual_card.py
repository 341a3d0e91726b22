"""The virtual sound card through plain pyalsaaudio: frames, time, buffers and the log."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import alsaaudio
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.doubles import speech
from tests.doubles.vcard import Direction, EventKind, VirtualCard

RATE_HZ = 48_000
PERIOD = 960
BUFFER = 4 * PERIOD
LATE_S = 2.0
"""How late a loaded machine may be before it is called broken."""


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualCard]:
    """A card that this process can open."""
    with VirtualCard(tmp_path) as made:
        monkeypatch.setenv("ALSA_CONFIG_PATH", made.env()["ALSA_CONFIG_PATH"])
        yield made


def open_pcm(
    card: VirtualCard,
    direction: Direction,
    *,
    blocking: bool = False,
    rate_hz: int = RATE_HZ,
    channels: int = 1,
    period: int = PERIOD,
    periods: int = 4,
) -> alsaaudio.PCM:
    """Opens one direction, without blocking unless told, as the daemon does."""
    return alsaaudio.PCM(
        alsaaudio.PCM_CAPTURE if direction is Direction.CAPTURE else alsaaudio.PCM_PLAYBACK,
        alsaaudio.PCM_NORMAL if blocking else alsaaudio.PCM_NONBLOCK,
        device=card.microphone if direction is Direction.CAPTURE else card.speaker,
        rate=rate_hz,
        channels=channels,
        format=alsaaudio.PCM_FORMAT_S16_LE,
        periodsize=period,
        periods=periods,
    )


def ramp(frames: int, channels: int = 1) -> NDArray[np.int16]:
    """Every frame tells its place; no sample is silent, so no shift can hide."""
    mono = (np.arange(frames) % 30_000 + 1).astype(np.int16)
    return mono if channels == 1 else np.stack([mono, -mono], axis=1)


def read_frames(pcm: alsaaudio.PCM, frames: int, channels: int = 1) -> NDArray[np.int16]:
    """Reads without blocking, as the daemon does; xruns fail the test."""
    pieces: list[bytes] = []
    rate_hz = pcm.info()["rate"]
    deadline_s = time.monotonic() + frames / rate_hz + 10
    while (missing := frames - sum(map(len, pieces)) // (2 * channels)) > 0:
        count, data = pcm.read()
        assert count >= 0
        pieces.append(data)
        assert time.monotonic() < deadline_s
        if count == 0:
            time.sleep(min(missing, PERIOD) / rate_hz)
    sound = np.frombuffer(b"".join(pieces), np.int16)[: frames * channels]
    return sound if channels == 1 else sound.reshape(-1, channels)


@pytest.mark.parametrize(("rate_hz", "channels"), [(48_000, 1), (44_100, 1), (16_000, 2)])
def test_capture_is_the_script_to_the_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate_hz: int, channels: int
) -> None:
    """Whatever the rate and the channels, the first frame read is the script's frame of that card time, and so on."""
    with VirtualCard(tmp_path, capture_rates_hz=(rate_hz,), capture_channels=channels) as card:
        monkeypatch.setenv("ALSA_CONFIG_PATH", card.env()["ALSA_CONFIG_PATH"])
        script = ramp(rate_hz * 20, channels)
        card.write_script(script, rate_hz, 0)
        pcm = open_pcm(card, Direction.CAPTURE, rate_hz=rate_hz, channels=channels, periods=32)
        sound = read_frames(pcm, rate_hz // 2, channels)
        pcm.close()
        [start] = card.events(EventKind.START)
    assert np.array_equal(script[start.frame : start.frame + len(sound)], sound)


def test_capture_keeps_time(card: VirtualCard) -> None:
    """No frame can be read before it has sounded, and none comes much later."""
    pcm = open_pcm(card, Direction.CAPTURE, periods=32)
    read_frames(pcm, RATE_HZ // 2)
    pcm.close()
    reads = card.events(EventKind.TRANSFER, Direction.CAPTURE)
    delays_s = [read.stamp_s - card.moment_s(read.frame + read.frames) for read in reads]
    assert sum(read.frames for read in reads) >= RATE_HZ // 2
    assert min(delays_s) >= 0
    assert max(delays_s) < LATE_S


def test_speech_can_be_added_while_the_microphone_is_open(card: VirtualCard) -> None:
    """What is said live is heard at the moment that `say` returned, between silence."""
    pcm = open_pcm(card, Direction.CAPTURE, periods=32)
    read_frames(pcm, PERIOD)
    words = ramp(PERIOD)
    start_s = card.say(words, RATE_HZ, lead_s=0.3)
    sound = read_frames(pcm, RATE_HZ // 2 + PERIOD)
    pcm.close()
    first = card.events(EventKind.START)[0].frame + PERIOD
    at = card.frame(start_s) - first
    assert np.array_equal(words, sound[at : at + PERIOD])
    assert not sound[:at].any()
    assert not sound[at + PERIOD :].any()


def test_script_pieces_replace_or_mix(card: VirtualCard) -> None:
    """A piece covers what was there, unless it is mixed in; at another rate it is resampled to its full length."""
    card.write_script(np.full(3000, 100, np.int16), RATE_HZ, 0)
    card.write_script(np.full(1000, 5, np.int16), RATE_HZ, 1000)
    card.write_script(np.full(1000, 32_760, np.int16), RATE_HZ, 2000, mix=True)
    card.write_script(speech.tone(0.1, 16_000), 16_000, 9000)
    script = np.fromfile(card.folder / "capture-48000.s16", np.int16)
    assert {100} == set(script[:1000])
    assert {5} == set(script[1000:2000])
    assert {32_767} == set(script[2000:3000])
    assert not script[3000:9000].any()
    assert len(script) == 9000 + 4800
    assert speech.level_dbfs(script[9000:]) == pytest.approx(-20, abs=0.1)


def test_playback_is_recorded_where_it_is_heard(card: VirtualCard) -> None:
    """The record holds what was written, bit by bit, from the card frame that follows the first write."""
    pcm = open_pcm(card, Direction.PLAYBACK, blocking=True, periods=32)
    sound = ramp(60 * PERIOD)
    before_s = time.monotonic()
    for at in range(0, len(sound), PERIOD):
        assert pcm.write(sound[at : at + PERIOD].tobytes()) == PERIOD
    pcm.drain()
    after_s = time.monotonic()
    pcm.close()
    [start] = card.events(EventKind.START)
    [drained] = card.events(EventKind.DRAINED)
    onset_s = card.onset_s(before_s - 0.1, loud=0)
    assert np.array_equal(sound, card.heard_frames(start.frame, start.frame + len(sound)))
    assert (start.frame + len(sound), 0) == (drained.frame, drained.frames)
    assert onset_s == card.moment_s(start.frame)
    assert before_s < onset_s < before_s + LATE_S
    assert after_s - before_s > len(sound) / RATE_HZ
    assert np.count_nonzero(card.heard()) == len(sound)


def test_drop_takes_back_what_was_not_heard(card: VirtualCard) -> None:
    """After `drop` the record ends at the frame that was being played, and silence begins with the drop."""
    pcm = open_pcm(card, Direction.PLAYBACK, periods=64)
    sound = ramp(60 * PERIOD)
    assert pcm.write(sound.tobytes()) == len(sound)
    [start] = card.events(EventKind.START)
    card.wait_until(lambda: card.frame() > start.frame + 5 * PERIOD, "five periods")
    heard_least = len(sound) - (64 * PERIOD - pcm.avail())
    before_s = time.monotonic()
    pcm.drop()
    [drop] = card.events(EventKind.DROP)
    pcm.close()
    heard = drop.frame - start.frame
    card.wait_until(lambda: card.frame() > start.frame + len(sound), "the end of what was written")
    assert heard_least <= heard
    assert len(sound) - heard == drop.frames
    assert np.array_equal(sound[:heard], card.heard_frames(start.frame, drop.frame))
    assert not card.heard_frames(drop.frame, drop.frame + RATE_HZ).any()
    silence_s = card.silence_s(before_s - 0.05, loud=0)
    assert silence_s is not None
    assert before_s - 1 / RATE_HZ <= silence_s <= drop.stamp_s + 1 / RATE_HZ


def test_playback_can_begin_again_after_a_drop(card: VirtualCard) -> None:
    """A write after `drop` starts afresh: nothing of the old sound returns, nothing of the new one is lost."""
    pcm = open_pcm(card, Direction.PLAYBACK)
    assert pcm.write(np.full(PERIOD, 111, np.int16).tobytes()) == PERIOD
    pcm.drop()
    assert pcm.write(np.full(PERIOD, 222, np.int16).tobytes()) == PERIOD
    second = card.events(EventKind.START)[1].frame
    card.wait_until(lambda: card.frame() > second + PERIOD, "the second block")
    pcm.close()
    assert {222} == set(card.heard_frames(second, second + PERIOD))
    assert 222 not in card.heard_frames(0, second)
    assert 111 not in card.heard_frames(second, second + BUFFER)


@pytest.mark.parametrize("direction", list(Direction))
def test_late_application_meets_an_xrun(card: VirtualCard, direction: Direction) -> None:
    """However many buffers have passed meanwhile, the next call is told -32 once, and the one after it works."""
    pcm = open_pcm(card, direction, period=64, periods=2)
    block = ramp(64).tobytes()

    def call() -> int:
        count: int = pcm.read()[0] if direction is Direction.CAPTURE else pcm.write(block)
        return count

    call()
    [start] = card.events(EventKind.START)
    card.wait_until(lambda: card.frame() > start.frame + 20 * 128, "twenty buffers")
    assert pcm.avail() == -32
    assert pcm.state() == alsaaudio.PCM_STATE_XRUN
    assert call() == -32
    assert pcm.state() == alsaaudio.PCM_STATE_PREPARED
    assert call() >= 0
    assert pcm.state() in (alsaaudio.PCM_STATE_RUNNING, alsaaudio.PCM_STATE_XRUN)
    pcm.close()
    assert len(card.events(EventKind.XRUN)) >= 1


def test_blocking_read_wakes_when_a_period_is_full(card: VirtualCard) -> None:
    """On a card whose pointer moves by periods, each blocking read returns one whole period."""
    card.capture.step(PERIOD)
    pcm = open_pcm(card, Direction.CAPTURE, blocking=True, periods=32)
    assert [pcm.read()[0] for _ in range(10)] == [PERIOD] * 10
    pcm.close()


def test_fast_card_delivers_more_frames(card: VirtualCard) -> None:
    """With +100,000 ppm a tenth more frames pass in a second, and changing the drift loses none."""
    card.set_drift(100_000)
    pcm = open_pcm(card, Direction.CAPTURE, periods=64)
    pcm.read()
    [start] = card.events(EventKind.START)
    start_s = card.moment_s(start.frame)
    card.wait_until(lambda: time.monotonic() > start_s + 0.5, "half a second")
    before_s = time.monotonic()
    available = pcm.avail()
    after_s = time.monotonic()
    assert (before_s - start_s) * RATE_HZ * 1.1 - 2 < available < (after_s - start_s) * RATE_HZ * 1.1 + 2
    card.set_drift(0)
    slower = pcm.avail()
    pcm.close()
    assert available <= slower
    assert slower <= (time.monotonic() - start_s) * RATE_HZ * 1.1 + 2


def test_both_directions_run_by_one_clock(card: VirtualCard) -> None:
    """Each direction's frame number tells the moment at which it began, by the same epoch and drift."""
    card.set_drift(300)
    microphone, speaker = open_pcm(card, Direction.CAPTURE), open_pcm(card, Direction.PLAYBACK)
    microphone.read()
    speaker.write(ramp(PERIOD).tobytes())
    microphone.close()
    speaker.close()
    for start in card.events(EventKind.START):
        early_s = start.stamp_s - card.moment_s(start.frame)
        assert -2 / RATE_HZ < early_s < LATE_S
    assert {*Direction} == {start.direction for start in card.events(EventKind.START)}


def test_log_tells_who_had_the_card(card: VirtualCard) -> None:
    """Opens and closes are stamped in order, and a process that is killed no longer counts as having the card."""
    before_s = time.monotonic()
    open_pcm(card, Direction.CAPTURE).close()
    kinds = [(event.kind, event.pid) for event in card.events(after_s=before_s)]
    assert [(EventKind.OPEN, os.getpid()), (EventKind.CLOSE, os.getpid())] == kinds
    assert not card.capture.is_open

    program = "import alsaaudio, signal; pcm = alsaaudio.PCM(1, device='hearth_mic'); signal.pause()"
    other = subprocess.Popen([sys.executable, "-c", program], env={**os.environ, **card.env()})
    card.wait_until(
        lambda: card.capture.is_open and card.events(EventKind.OPEN)[-1].pid == other.pid, "the other process"
    )
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert not card.capture.is_open


def test_the_card_is_listed_beside_others(card: VirtualCard) -> None:
    """Programs that list devices see both names and still get the system's own."""
    assert {card.microphone, "null"} <= set(alsaaudio.pcms(alsaaudio.PCM_CAPTURE))
    assert {card.speaker, "null"} <= set(alsaaudio.pcms(alsaaudio.PCM_PLAYBACK))
