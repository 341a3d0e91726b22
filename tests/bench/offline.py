"""`scripts/bench offline`: what the embedded server understands, in whose voice, in how much noise, and how quickly."""

import math
import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

import numpy as np
from rich.table import Table

from hearthd.offline.hearing.recogniser import GrammarRecogniser
from hearthd.offline.mind.dialogue import Ask, Call, Dialogue, Reply
from hearthd.offline.parts import HEARING_RATE_HZ, Heard
from hearthd.offline.serving import jobs
from hearthd.offline.serving.assembly import worker_command
from hearthd.offline.speaking.speech import ProgramSynthesiser
from tests.bench.figures import Budget, Figure, Statistic
from tests.bench.process import ProcessMeter
from tests.bench.report import Report
from tests.doubles import speech
from tests.doubles.vcard.tape import Samples
from tests.offline import sentences
from tests.offline.household import house

TITLE = "Offline: understanding without any cloud"
VOICES: Final = ("slt", "rms", "awb", "kal16", "espeak:en-us", "espeak:en-gb")
LEVEL_DBFS: Final = -24.0
LEAD_S: Final = 0.3
TAIL_S: Final = 0.5
"""What the daemon sends before and after: pre-roll, and the silence that ends an utterance."""
PIECE_FRAMES: Final = HEARING_RATE_HZ // 10
NOON: Final = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - the dialogue takes local time.
_Item = TypeVar("_Item")
_STRIDE: Final = 57
"""Between one command and the next, so that any part of them has every kind; has no divisor with `COMMANDS`."""
_PROGRESS_EVERY: Final = 100
_ANSWER: Final = "The kitchen light is on."
_SEED: Final = 20_260
KINDS: Final = ("white", "pink", "kitchen")
_KITCHEN_FROM: Final = 0.5
"""The first half of the recorded kitchen was used to fit the confidence, the second is used here."""


@dataclass(frozen=True, slots=True)
class Noise:
    """A kind of noise and how far below the voice it is; without one, a quiet room."""

    snr_db: int | None

    @property
    def name(self) -> str:
        """For headings."""
        return "clean" if self.snr_db is None else f"{self.snr_db} dB"


CLEAN, LITTLE, MUCH, HUGE = Noise(None), Noise(20), Noise(10), Noise(5)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    commands: dict[Noise, int]
    """How many utterances in each noise; beyond `COMMANDS`, they are said again by the next voice."""
    commands_s: float
    """For all of them; when it is over, all noises have had about the same share of theirs."""
    foreign: int
    orders: int


COMMANDS: Final = 200
QUICK: Final = Plan({LITTLE: 24, MUCH: 24}, 25.0, 16, 8)
WHOLE: Final = Plan({CLEAN: 60, LITTLE: 400, MUCH: 400, HUGE: 60}, 420.0, len(sentences.FOREIGN), 1_000)


@dataclass(slots=True)
class Tally:
    """What came of utterances of one kind."""

    said: int = 0
    acted: int = 0
    asked: int = 0
    right: int = 0
    """Ended, perhaps after a yes, with exactly the calls wanted."""
    right_at_once: int = 0
    misled: int = 0
    """Acted at once, and wrongly."""

    def add(self, reply: Reply, after_yes: Reply, wanted: frozenset[sentences.Call]) -> None:
        """Count one."""
        self.said += 1
        self.acted += isinstance(reply, Call)
        self.asked += isinstance(reply, Ask)
        self.right_at_once += _calls(reply) == wanted
        self.misled += isinstance(reply, Call) and _calls(reply) != wanted
        self.right += wanted in {_calls(reply), _calls(after_yes)}


@dataclass(slots=True)
class Ear:
    """The recogniser and the dialogue behind it, with their times."""

    recogniser: GrammarRecogniser = field(default_factory=GrammarRecogniser)
    heard_s: float = 0.0
    cpu_s: float = 0.0
    arrival_cpu_s: float = 0.0
    """Of `cpu_s`, while the speech still arrives."""
    answer_ms: list[float] = field(default_factory=list)
    answer_cpu_ms: list[float] = field(default_factory=list)

    def hear(self, sound: Samples) -> tuple[Reply, Reply]:
        """Return what a sound leads to, and what a yes leads to after that."""
        dialogue = Dialogue(house())
        self.recogniser.begin(house().grammar)
        begun_cpu_s = time.process_time()
        for start in range(0, len(sound), PIECE_FRAMES):
            self.recogniser.feed(sound[start : start + PIECE_FRAMES].tobytes())
        ended_s, ended_cpu_s = time.perf_counter(), time.process_time()
        self.arrival_cpu_s += ended_cpu_s - begun_cpu_s
        reply = dialogue.hear(self.recogniser.finish(), NOON)
        self.answer_ms.append(1000 * (time.perf_counter() - ended_s))
        now_cpu_s = time.process_time()
        self.answer_cpu_ms.append(1000 * (now_cpu_s - ended_cpu_s))
        self.cpu_s += now_cpu_s - begun_cpu_s
        self.heard_s += len(sound) / HEARING_RATE_HZ
        return reply, dialogue.hear(Heard("yes", 1.0), NOON) if isinstance(reply, Ask) else reply


def offline(*, quick: bool, report: Report) -> list[Figure]:
    """Measure; raises RuntimeError without the voices and FileNotFoundError without the recordings."""
    plan = QUICK if quick else WHOLE
    compiled, ear = _compiled(), Ear()
    tallies = _commands(plan, ear, report)
    figures = [*_right(tallies), *_foreign(plan, ear, report)]
    report.table(_by_voice(tallies))
    return [*figures, *_costs(ear), compiled, _first_audio(ear, report)]


def _compiled() -> Figure:
    """Measure CPU time, which other work on the machine does not change."""
    figure = Figure("compile the grammar of 30 devices, CPU time", "ms", Budget(300, Statistic.P50))
    for _ in range(3):
        recogniser, grammar = GrammarRecogniser(), house().grammar
        begun_s = time.process_time()
        recogniser.begin(grammar)
        figure.add(1000 * (time.process_time() - begun_s))
    return figure


_Tallies = dict[tuple[str, Noise], Tally]


def _commands(plan: Plan, ear: Ear, report: Report) -> _Tallies:
    tallies: _Tallies = defaultdict(Tally)
    wanted = ", ".join(f"{count} {noise.name}" for noise, count in plan.commands.items())
    report.progress(f"commands in {len(VOICES)} voices: {wanted}, for {plan.commands_s:.0f} s at most ...")
    known, begun_s = sentences.commands(COMMANDS), time.monotonic()
    turns = [(index / count, noise, index) for noise, count in plan.commands.items() for index in range(count)]
    turns.sort(key=lambda turn: turn[0])
    for done, (_, noise, index) in enumerate(turns, 1):
        turn, number = divmod(index * _STRIDE, COMMANDS)
        command, voice = known[number], VOICES[(index + turn) % len(VOICES)]
        sound = said(speech.synthesize(command.text, HEARING_RATE_HZ, voice), noise, index)
        tallies[voice, noise].add(*ear.hear(sound), command.calls)
        if done % _PROGRESS_EVERY == 0:
            report.progress(f"... {done} of {len(turns)} after {time.monotonic() - begun_s:.0f} s")
        if time.monotonic() - begun_s > plan.commands_s:
            break
    return tallies


def _foreign(plan: Plan, ear: Ear, report: Report) -> Iterator[Figure]:
    others = _spread(sentences.FOREIGN, plan.foreign)
    report.progress(f"{len(others)} sentences that are no commands ...")
    tally = Tally()
    for number, text in enumerate(others):
        voice = VOICES[number % len(VOICES)]
        noise = (CLEAN, LITTLE, MUCH)[number // len(VOICES) % 3]
        tally.add(*ear.hear(said(speech.synthesize(text, HEARING_RATE_HZ, voice), noise, number)), frozenset())
    yield from _misled("other sentences", tally)
    paths = _spread(speech.recordings("commands")[::2], plan.orders)  # The others fitted the confidence.
    report.progress(f"{len(paths)} recorded people who order coffee ...")
    tally = Tally()
    for path in paths:
        tally.add(*ear.hear(speech.load(path, HEARING_RATE_HZ)), frozenset())
    yield from _misled("coffee orders", tally)


def said(voice: Samples, noise: Noise, number: int, *, fitting: bool = False) -> Samples:
    """Put an utterance into a room: white, pink or kitchen noise in turn, so far below the voice's mean power.

    `fitting` takes the part of the kitchen that is not measured with.
    """
    pause = [speech.silence(length_s, HEARING_RATE_HZ) for length_s in (LEAD_S, TAIL_S)]
    sound = np.concatenate([pause[0], speech.at_level(voice, LEVEL_DBFS), pause[1]]).astype(np.float64)
    rng = np.random.default_rng(_SEED + number)
    room = noise_alone(KINDS[number % len(KINDS)], len(sound), rng, fitting=fitting)
    below_db = 60 if noise.snr_db is None else noise.snr_db
    voice_power = 32768**2 * 10 ** (LEVEL_DBFS / 10)
    room *= np.sqrt(voice_power * 10 ** (-below_db / 10) / np.mean(room**2))
    return (sound + room).clip(-32768, 32767).astype(np.int16)


def noise_alone(
    kind: str, frames: int, rng: np.random.Generator, *, fitting: bool
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return so much of a room in which nobody speaks, at any level; `fitting` as for `said`."""
    if kind == "kitchen":
        recording = speech.load(speech.recordings("noise")[0], HEARING_RATE_HZ)
        half = int(len(recording) * _KITCHEN_FROM)
        start = rng.integers(0, half - frames) if fitting else rng.integers(half, len(recording) - frames)
        return recording[start : start + frames].astype(np.float64)
    white = rng.standard_normal(frames)
    if kind == "white":
        return white
    spectrum = np.fft.rfft(white)
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), frames)


def _calls(reply: Reply) -> frozenset[sentences.Call]:
    calls = reply.calls if isinstance(reply, Call) else ()
    return frozenset(sentences.normal(call.name, call.arguments_json) for call in calls)


def _spread(items: Sequence[_Item], count: int) -> list[_Item]:
    """Return so many of them, from beginning to end."""
    count = min(count, len(items))
    return [items[index * len(items) // count] for index in range(count)]


def _right(tallies: _Tallies) -> Iterator[Figure]:
    goals = {LITTLE: 5, MUCH: 20}
    for noise in dict.fromkeys(noise for _, noise in tallies):
        some = [tally for (_, of), tally in tallies.items() if of == noise]
        goal = Budget(goals[noise], Statistic.MAX) if noise in goals else None
        wrong = Figure(f"commands that did not end right, {noise.name}", "%", goal)
        wrong.add(100 - _percent(some, "right"))
        asked = Figure(f"of them asked back about, {noise.name}", "%")
        asked.add(_percent(some, "asked"))
        misheard = Figure(f"of them acted upon wrongly at once, {noise.name}", "%")
        misheard.add(_percent(some, "misled"))
        yield from (wrong, asked, misheard)


def _misled(what: str, tally: Tally) -> Iterator[Figure]:
    acted = Figure(f"{what} that caused an action", "%", Budget(2, Statistic.MAX))
    acted.add(_percent([tally], "acted"))
    asked = Figure(f"{what} that caused a question", "%", Budget(15, Statistic.MAX))
    asked.add(_percent([tally], "asked"))
    yield from (acted, asked)


def _costs(ear: Ear) -> Iterator[Figure]:
    answer = Figure("end of speech to the answer's text", "ms", samples=ear.answer_ms)
    cpu = Figure("CPU time of that", "ms", samples=ear.answer_cpu_ms)
    share = Figure("real-time factor, all in all (CPU)", "", samples=[ear.cpu_s / ear.heard_s])
    arrival = Figure("CPU share while speech arrives", "%", samples=[100 * ear.arrival_cpu_s / ear.heard_s])
    rss = Figure("RSS of a worker that has heard a command, peak", "MB", Budget(120, Statistic.MAX))
    rss.add(_worker_mb())
    yield from (answer, cpu, share, arrival, rss)


def _worker_mb() -> float:
    """Let a fresh worker process hear one command; return its peak."""
    sound = said(speech.synthesize("turn on the kitchen light", HEARING_RATE_HZ, VOICES[0]), LITTLE, 0)
    orders = (jobs.Listen(1, house().grammar), jobs.Feed(1, sound.tobytes()), jobs.Conclude(1))
    pile = jobs.Pile()
    with subprocess.Popen(worker_command("slt", 1.0, 1.0), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        try:
            worker.stdin.write(b"".join(jobs.pack(order) for order in orders))
            worker.stdin.flush()
            while data := os.read(worker.stdout.fileno(), 2**16):
                if any(isinstance(jobs.unpack_report(body), jobs.Concluded) for body in pile.take(data)):
                    return ProcessMeter(worker.pid).peak_rss_mb()
            raise RuntimeError("the speech worker ended before it had heard anything")
        finally:
            worker.kill()


def _first_audio(ear: Ear, report: Report) -> Figure:
    """Measure the whole way with commands of about 3 s."""
    report.progress("from the end of speech to the first sound of the answer ...")
    figure = Figure("end of speech to first audio, 3 s command", "ms", Budget(700))
    voice = ProgramSynthesiser()
    long = (command.text for command in sentences.commands(200) if len(command.text.split()) >= 7)
    for number, text in zip(range(20), long, strict=False):
        ear.hear(said(speech.synthesize(text, HEARING_RATE_HZ, VOICES[number % len(VOICES)]), LITTLE, number))
        begun_s = time.perf_counter()
        next(voice.speak(_ANSWER))
        figure.add(ear.answer_ms[-1] + 1000 * (time.perf_counter() - begun_s))
    return figure


def _by_voice(tallies: _Tallies) -> Table:
    noises = list(dict.fromkeys(noise for _, noise in tallies))
    table = Table(
        title="Commands that ended right (at once), %, of how many", title_justify="left", box=None, padding=(0, 1)
    )
    table.add_column("voice")
    for noise in noises:
        table.add_column(noise.name, justify="right")
    for voice in VOICES:
        table.add_row(voice, *(_cell([tallies[voice, noise]]) for noise in noises))
    everyone = ([tallies[voice, noise] for voice in VOICES] for noise in noises)
    table.add_row("all", *(_cell(some) for some in everyone))
    return table


def _cell(some: list[Tally]) -> str:
    count = sum(tally.said for tally in some)
    return f"{_percent(some, 'right'):.0f} ({_percent(some, 'right_at_once'):.0f}) of {count}" if count else ""


def _percent(some: list[Tally], what: str) -> float:
    said_in_all = sum(tally.said for tally in some)
    found = sum(int(getattr(tally, what)) for tally in some)
    return 100 * found / said_in_all if said_in_all else math.nan
