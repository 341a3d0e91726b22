"""The worker's own logic, without a process: whose utterance is heard, whose text is spoken, and what fails alone."""

from collections.abc import Iterator

import pytest

from hearthd.offline.parts import Grammar, Heard, Synthesiser
from hearthd.offline.serving import jobs
from hearthd.offline.serving.worker import Worker

LIGHTS = Grammar("#JSGF V1.0;", frozenset({"light"}))
FANS = Grammar("#JSGF V1.0;", frozenset({"fan"}))


class Echo:
    """A recogniser that tells what it was given."""

    def __init__(self) -> None:
        self.begun: list[Grammar] = []
        self.heard = b""

    def begin(self, grammar: Grammar) -> None:
        """Note the grammar."""
        self.begun.append(grammar)
        self.heard = b""

    def feed(self, pcm: bytes) -> None:
        """Note the sound."""
        if pcm == b"bad!":
            raise ValueError("no sound")
        self.heard += pcm

    def finish(self) -> Heard:
        """Tell."""
        return Heard(self.heard.decode(), 1.0)


class Letters:
    """A voice that says one letter a piece."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self.closed = 0

    def speak(self, text: str) -> Iterator[bytes]:
        """Say it."""
        try:
            for letter in text:
                if letter == "!":
                    raise RuntimeError("hoarse")
                yield letter.encode()
        finally:
            self.closed += 1


class Bench:
    """A worker and what it reports."""

    def __init__(self) -> None:
        self.reports: list[jobs.Report] = []
        self.recogniser = Echo()
        self.voices: list[Letters] = []
        self.worker = Worker(self.recogniser, self.voice, self.reports.append)

    def voice(self, speed: float) -> Synthesiser:
        """Make a voice."""
        self.voices.append(Letters(speed))
        return self.voices[-1]

    def take(self, *orders: jobs.Order) -> list[jobs.Report]:
        """Carry out orders and all steps; return what is reported."""
        for order in orders:
            self.worker.take(order)
        while self.worker.busy:
            self.worker.step()
        came, self.reports[:] = list(self.reports), []
        return came


@pytest.fixture
def bench() -> Bench:
    """Return a worker on the bench."""
    return Bench()


def test_an_utterance_is_heard_as_it_comes(bench: Bench) -> None:
    """Piece by piece, with its grammar, and reported at its end."""
    bench.take(jobs.Listen(1, LIGHTS), jobs.Feed(1, b"on"))
    assert bench.recogniser.heard == b"on"
    assert bench.take(jobs.Feed(1, b"ly"), jobs.Conclude(1)) == [jobs.Concluded(1, Heard("only", 1.0))]
    assert bench.recogniser.begun == [LIGHTS]


def test_whoever_finishes_first_waits_for_nobody(bench: Bench) -> None:
    """An utterance that goes on gives the recogniser up, and is heard again from its beginning afterwards."""
    bench.take(jobs.Listen(1, LIGHTS), jobs.Feed(1, b"one"), jobs.Listen(2, FANS), jobs.Feed(2, b"two"))
    assert bench.recogniser.heard == b"one"
    assert bench.take(jobs.Conclude(2)) == [jobs.Concluded(2, Heard("two", 1.0))]
    assert bench.take(jobs.Feed(1, b"more"), jobs.Conclude(1)) == [jobs.Concluded(1, Heard("onemore", 1.0))]
    assert bench.recogniser.begun == [LIGHTS, FANS, LIGHTS]


def test_a_forgotten_utterance_makes_room(bench: Bench) -> None:
    """The next one has the recogniser at once."""
    bench.take(jobs.Listen(1, LIGHTS), jobs.Feed(1, b"one"), jobs.Forget(1), jobs.Feed(1, b"late"))
    bench.take(jobs.Listen(2, FANS), jobs.Feed(2, b"two"))
    assert bench.recogniser.heard == b"two"


def test_an_utterance_of_an_earlier_worker_is_told_lost(bench: Bench) -> None:
    """Its beginning went with that one."""
    [failed] = bench.take(jobs.Feed(7, b"end"), jobs.Conclude(7))
    assert failed == jobs.Failed(7, "what was said got lost when the speech worker had to be started anew")


def test_a_recogniser_that_fails_loses_one_utterance(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """The next is heard, and the journal tells where the fault is."""
    [failed] = bench.take(jobs.Listen(1, LIGHTS), jobs.Feed(1, b"bad!"))
    assert failed == jobs.Failed(1, "ValueError: no sound")
    assert [record.exc_info is not None for record in caplog.records] == [True]
    assert bench.take(jobs.Listen(2, LIGHTS), jobs.Feed(2, b"ok"), jobs.Conclude(2)) == [
        jobs.Concluded(2, Heard("ok", 1.0))
    ]


def test_speech_is_made_as_it_is_wanted(bench: Bench) -> None:
    """No piece more than there is room for, at the speed of the session, and an end."""
    assert bench.take(jobs.Speak(1, "abc", 1.5, 2)) == [jobs.Spoken(1, b"a"), jobs.Spoken(1, b"b")]
    assert bench.voices[0].speed == 1.5
    assert bench.take(jobs.SpeakOn(1)) == [jobs.Spoken(1, b"c")]
    assert bench.take(jobs.SpeakOn(1)) == [jobs.SpeechOver(1)]
    assert bench.take(jobs.SpeakOn(1)) == []


def test_two_speeches_take_turns(bench: Bench) -> None:
    """Nobody waits for the end of somebody else's story."""
    bench.worker.take(jobs.Speak(1, "ab", 1.0, 9))
    bench.worker.take(jobs.Speak(2, "cd", 1.0, 9))
    assert [report.job for report in bench.take() if isinstance(report, jobs.Spoken)] == [1, 2, 1, 2]


def test_a_speech_that_is_hushed_ends_its_work(bench: Bench) -> None:
    """Its voice is closed, and nothing more is reported."""
    bench.take(jobs.Speak(1, "abc", 1.0, 1))
    assert bench.take(jobs.Hush(1), jobs.SpeakOn(1)) == []
    assert bench.voices[0].closed == 1


def test_a_voice_that_fails_ends_one_speech(bench: Bench) -> None:
    """With the reason; another one goes on."""
    bench.take(jobs.Speak(2, "xyz", 1.0, 1))
    assert bench.take(jobs.Speak(1, "a!", 1.0, 9)) == [jobs.Spoken(1, b"a"), jobs.Failed(1, "RuntimeError: hoarse")]
    assert bench.take(jobs.SpeakOn(2)) == [jobs.Spoken(2, b"y")]


@pytest.mark.parametrize("size", [1, 5, 10_000])
def test_messages_survive_any_pipe(size: int) -> None:
    """However the bytes are cut, the same messages come out."""
    orders: list[jobs.Order] = [jobs.Listen(1, LIGHTS), jobs.Feed(1, bytes(3_000)), jobs.Speak(2, "höre", 1.0, 8)]
    data = b"".join(jobs.pack(order) for order in orders)
    pile = jobs.Pile()
    found = [
        jobs.unpack_order(body) for start in range(0, len(data), size) for body in pile.take(data[start : start + size])
    ]
    assert found == orders


def test_a_length_that_cannot_be_is_refused() -> None:
    """Rather than waited for."""
    with pytest.raises(jobs.WrongLength):
        list(jobs.Pile().take(b"\xff\xff\xff\xff"))
