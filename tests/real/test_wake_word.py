"""The wake word scorer with its real models, on recorded people and on synthetic voices."""

import json
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pymicro_wakeword
import pytest

from hearthd.adapters import wakeword
from hearthd.adapters.wakeword import REST_FRAMES, MicroWakeWords
from hearthd.core.audio.pcm import GATE_FORMAT, GATE_RATE_HZ
from hearthd.core.settings import BUILTIN_WAKE_WORDS
from hearthd.core.wake_model import WakeModelUnusable
from tests.doubles import speech
from tests.doubles.vcard.tape import Samples

MODELS = Path(pymicro_wakeword.__file__).parent / "models"


def heard(scorer: MicroWakeWords, *sounds: Samples, piece_bytes: int = GATE_FORMAT.block_bytes) -> list[str]:
    """Feed the sounds, one after the other without a gap, and return every word that was detected."""
    pcm = np.concatenate(sounds).astype("<i2").tobytes()
    pieces = (pcm[start : start + piece_bytes] for start in range(0, len(pcm), piece_bytes))
    return [word for piece in pieces if (word := scorer.feed(piece)) is not None]


def hits(scorer: MicroWakeWords, recordings: Sequence[Path]) -> list[int]:
    """Return how often a word was detected in each recording, heard after a gap as behind the gate."""
    counts = []
    for path in recordings:
        scorer.reset()
        counts.append(len(heard(scorer, speech.load(path, GATE_RATE_HZ))))
    return counts


def spoken(text: str, voice: str = "slt") -> Samples:
    """A synthetic voice with the room's quiet around it."""
    quiet = speech.noise(0.5, GATE_RATE_HZ, level_dbfs=-70.0)
    return np.concatenate([quiet, speech.synthesize(text, GATE_RATE_HZ, voice), quiet])


def copied_model(folder: Path, *, description: str | None = None, model: bytes | None = None) -> Path:
    """Copy a built-in model as an owner's own, with other content where given."""
    file = folder / "computer.json"
    standard = json.loads((MODELS / "okay_nabu.json").read_text()) | {"model": "computer.tflite"}
    file.write_text(json.dumps(standard) if description is None else description)
    (folder / "computer.tflite").write_bytes((MODELS / "okay_nabu.tflite").read_bytes() if model is None else model)
    return file


def test_people_who_say_the_word_are_heard_once_each() -> None:
    """Many speakers and microphones: nearly all are heard, and nobody twice for one word."""
    counts = hits(MicroWakeWords(["alexa"], 0.0), speech.recordings("wake_alexa")[5::8])
    assert set(counts) <= {0, 1}
    assert sum(counts) >= 19
    assert len(counts) == 20


def test_people_who_say_something_else_are_not_heard() -> None:
    """Speech alone wakes nobody."""
    counts = hits(MicroWakeWords(["alexa", "okay_nabu"], 0.0), speech.recordings("other_words")[::6])
    assert counts == [0] * 20


@pytest.mark.parametrize("voice", ["slt", "rms", "awb", "kal16"])
def test_the_default_word_is_heard_from_every_voice(voice: str) -> None:
    """Women and men of the synthesiser, said once each."""
    assert heard(MicroWakeWords(["okay_nabu"], 0.0), spoken("okay nabu", voice)) == ["okay_nabu"]


@pytest.mark.parametrize("piece_bytes", [2, 318, 320, 640, 2560, 100_000])
def test_the_size_of_the_pieces_does_not_matter(piece_bytes: int) -> None:
    """Idle reads bring 80 ms at a time, a conversation's 20 ms, and neither changes what is heard."""
    sound = spoken("okay nabu")
    assert heard(MicroWakeWords(["okay_nabu"], 0.0), sound, piece_bytes=piece_bytes) == ["okay_nabu"]


def test_several_words_are_told_apart() -> None:
    """All models hear the same sound, and the name of the right one is returned."""
    scorer = MicroWakeWords(BUILTIN_WAKE_WORDS, 0.0)
    pause = speech.silence(REST_FRAMES / GATE_RATE_HZ, GATE_RATE_HZ)
    assert heard(scorer, spoken("okay nabu"), pause, spoken("alexa", "awb")) == ["okay_nabu", "alexa"]


def test_a_word_said_again_after_a_moment_counts_again() -> None:
    """The rest after a detection ends by itself."""
    scorer = MicroWakeWords(["okay_nabu"], 0.0)
    assert heard(scorer, spoken("okay nabu"), spoken("okay nabu")) == ["okay_nabu", "okay_nabu"]


def test_a_word_that_a_gap_cuts_in_two_is_not_heard() -> None:
    """After a reset nothing of what went before counts, and the next word is heard as by a new scorer."""
    scorer = MicroWakeWords(["okay_nabu"], 0.0)
    sound = spoken("okay nabu")
    middle = len(sound) // 2
    assert heard(scorer, sound[:middle]) == []
    scorer.reset()
    assert heard(scorer, sound[middle:]) == []
    scorer.reset()
    assert heard(scorer, sound) == ["okay_nabu"]


def test_a_reset_ends_the_rest_after_a_detection() -> None:
    """What follows a gap is new, however short the time since the last detection."""
    scorer = MicroWakeWords(["okay_nabu"], 0.0)
    assert heard(scorer, spoken("okay nabu")[: -GATE_RATE_HZ // 4]) == ["okay_nabu"]
    scorer.reset()
    assert heard(scorer, spoken("okay nabu")[GATE_RATE_HZ // 4 :]) == ["okay_nabu"]


def test_a_reset_makes_no_difference_to_a_new_scorer() -> None:
    """Whatever was heard before, the same sound is judged the same to the last digit."""
    used = MicroWakeWords(["okay_nabu"], 0.0)
    heard(used, speech.noise(2.0, GATE_RATE_HZ, level_dbfs=-20.0))
    used.reset()
    sound = spoken("okay nabu")
    assert latency_blocks(used, sound) == latency_blocks(MicroWakeWords(["okay_nabu"], 0.0), sound)


def latency_blocks(scorer: MicroWakeWords, sound: Samples) -> int:
    """Return the block in which the word is detected."""
    pcm = sound.astype("<i2").tobytes()
    size = GATE_FORMAT.block_bytes
    return next(n for n in range(len(pcm) // size) if scorer.feed(pcm[n * size : (n + 1) * size]))


def test_a_threshold_of_ones_own_counts_for_every_word() -> None:
    """At 1 nothing is ever sure enough; near 0 even half a word is."""
    assert heard(MicroWakeWords(["okay_nabu"], 1.0), spoken("okay nabu")) == []
    assert heard(MicroWakeWords(["okay_nabu"], 0.01), spoken("okay now")) != []


def test_one_thread_other_than_the_loader_may_use_it() -> None:
    """The microphone's thread scores what the main thread loaded."""
    scorer = MicroWakeWords(["okay_nabu"], 0.0)
    found: list[str] = []
    listener = threading.Thread(target=lambda: found.extend(heard(scorer, spoken("okay nabu"))))
    listener.start()
    listener.join()
    assert found == ["okay_nabu"]


def test_a_model_of_ones_own_is_called_after_its_file(tmp_path: Path) -> None:
    """Any microWakeWord model works by its path."""
    assert heard(MicroWakeWords([str(copied_model(tmp_path))], 0.0), spoken("okay nabu")) == ["computer"]


def test_a_model_that_is_taken_away_is_not_missed(tmp_path: Path) -> None:
    """An update that cuts the file short must not end a running process."""
    scorer = MicroWakeWords([str(copied_model(tmp_path))], 0.0)
    copied_model(tmp_path, model=b"")
    scorer.reset()
    assert heard(scorer, spoken("okay nabu")) == ["computer"]


def test_an_unknown_word_is_told_with_the_known_ones() -> None:
    """Whoever misspells a word reads what there is."""
    with pytest.raises(WakeModelUnusable) as unusable:
        MicroWakeWords(["okay_nabo"], 0.0)
    assert str(unusable.value) == (
        'wake word "okay_nabo": unknown; built in are alexa, hey_jarvis, hey_mycroft, okay_nabu, '
        "others are given as the path of a .json file"
    )


MODEL = (MODELS / "okay_nabu.tflite").read_bytes()


@pytest.mark.parametrize(
    "model",
    [b"", b"<html>not found</html>", MODEL[: len(MODEL) // 2], MODEL[:8] + bytes(len(MODEL) - 8)],
    ids=["empty", "web page", "cut short", "zeroed"],
)
def test_a_damaged_model_is_told_instead_of_ending_the_process(tmp_path: Path, model: bytes) -> None:
    """The runtime would crash over each of these."""
    with pytest.raises(WakeModelUnusable, match="its model is damaged, or not for this version"):
        MicroWakeWords([str(copied_model(tmp_path, model=model))], 0.0)


def test_a_model_for_other_sound_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network whose input is no whole number of feature vectors was made for something else."""
    monkeypatch.setattr(wakeword, "_FEATURES", 37)
    with pytest.raises(WakeModelUnusable, match="its model is not one of microWakeWord"):
        MicroWakeWords(["okay_nabu"], 0.0)


def test_a_description_that_says_too_little_is_told(tmp_path: Path) -> None:
    """A missing file, and one without what detection needs."""
    with pytest.raises(WakeModelUnusable, match="No such file or directory"):
        MicroWakeWords([str(tmp_path / "absent.json")], 0.0)
    file = copied_model(tmp_path, description='{"model": "computer.tflite", "wake_word": "x"}')
    with pytest.raises(WakeModelUnusable, match="missing required field `micro`"):
        MicroWakeWords([str(file)], 0.0)
