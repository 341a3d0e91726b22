"""`scripts/bench idle`: what it costs to listen to a quiet room, a noisy one, and people who talk of other things."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.bench.figures import Budget, Figure, Statistic
from tests.bench.process import ProcessMeter
from tests.bench.report import Report
from tests.doubles import speech
from tests.doubles.room import HUSH_DBFS
from tests.doubles.vcard.tape import Samples
from tests.journeys.household import Household, Plan

TITLE = "Idle"
WINDOW_S = 5.0
"""One measurement; wake-ups and CPU are averages over it."""
SETTLING_S = 3.0
"""Until the gate has got used to a new sound, and the processor to the daemon."""
KITCHEN_DBFS = -40.0
TALK_DBFS = -26.0
PAUSE_S = 0.4


@dataclass(frozen=True, slots=True)
class Scene:
    """Something to listen to."""

    name: str
    sound: Callable[[float, int], Samples]
    """Makes so many seconds of it at a rate; raises FileNotFoundError without its recordings."""
    cpu_ms_per_s: float
    """The budget: a quiet room lets the wake word model sleep."""


def quiet(duration_s: float, rate_hz: int) -> Samples:
    """Only the noise of the room."""
    return speech.noise(duration_s, rate_hz, level_dbfs=HUSH_DBFS)


def kitchen(duration_s: float, rate_hz: int) -> Samples:
    """Somebody cooks."""
    recording = speech.load(speech.recordings("noise")[0], rate_hz)
    return speech.at_level(np.resize(recording, round(duration_s * rate_hz)), KITCHEN_DBFS)


def talk(duration_s: float, rate_hz: int) -> Samples:
    """Several people say many things, none of them the wake word."""
    frames = round(duration_s * rate_hz)
    pause = speech.silence(PAUSE_S, rate_hz)
    pieces: list[Samples] = []
    for path in speech.recordings("other_words"):
        pieces += [speech.at_level(speech.load(path, rate_hz), TALK_DBFS), pause]
        if sum(map(len, pieces)) >= frames:
            break
    talking = np.resize(np.concatenate(pieces), frames)
    return (talking + quiet(duration_s, rate_hz)[:frames]).clip(-32768, 32767).astype(np.int16)


SCENES = (Scene("quiet room", quiet, 5), Scene("kitchen noise", kitchen, 20), Scene("speech", talk, 20))


async def idle(seconds: float, report: Report) -> list[Figure]:
    """Measure each scene for so long; raises AssertionError when the daemon does not start."""
    figures: list[Figure] = []
    rss = Figure("RSS, idle", "MB", Budget(45, Statistic.MAX))
    peak = Figure("RSS, peak since the start", "MB", Budget(60, Statistic.MAX))
    async with Household(None, Plan(hush_s=10.0)) as home:
        meter = ProcessMeter(home.daemon.pid)
        for scene in SCENES:
            report.progress(f"{scene.name}, {seconds:g} s ...")
            figures += await _listen(home, meter, scene, seconds)
            rss.add(meter.rss_mb())
        peak.add(meter.peak_rss_mb())
    return [*figures, rss, peak]


async def _listen(home: Household, meter: ProcessMeter, scene: Scene, seconds: float) -> list[Figure]:
    cpu = Figure(f"{scene.name}: CPU per second", "ms", Budget(scene.cpu_ms_per_s, Statistic.P50))
    wakeups = Figure(f"{scene.name}: wake-ups per second", "", Budget(15, Statistic.P50))
    sent = Figure(f"{scene.name}: audio sent", "bytes", Budget(0, Statistic.MAX))
    figures = [cpu, wakeups, sent]
    try:
        sound = await asyncio.to_thread(scene.sound, seconds + 2 * SETTLING_S, home.plan.capture_rate_hz)
    except FileNotFoundError:
        return figures
    home.room.lay(sound, from_frame=home.card.frame() + home.plan.capture_rate_hz // 2)
    await asyncio.sleep(SETTLING_S)
    sent_before = home.server.appended_audio_bytes
    before = meter.read()
    for _ in range(max(1, round(seconds / WINDOW_S))):
        await asyncio.sleep(min(WINDOW_S, seconds))
        now = meter.read()
        used = now.since(before)
        cpu.add(used.cpu_ms_per_s)
        wakeups.add(used.switches_per_s)
        before = now
    sent.add(home.server.appended_audio_bytes - sent_before)
    return figures
