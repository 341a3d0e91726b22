"""Contract of the `Synthesiser` port, held by flite and espeak-ng, and by programs that misbehave."""

import json
import re
import subprocess
import sys
import textwrap
import wave
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hearthd.core.audio.samples import level_dbfs
from hearthd.core.settings import ESPEAK_VOICES, FLITE_VOICES
from hearthd.offline.parts import Synthesiser, VoiceUnavailable
from hearthd.offline.speaking import speech
from hearthd.offline.speaking.phrases import SENTENCE_PAUSE_MS
from hearthd.offline.speaking.speech import PEAK_DBFS, ProgramSynthesiser, Sound, levelled

PIECE_BYTES = 9_600
"""200 ms."""


def spoken(synthesiser: Synthesiser, text: str) -> NDArray[np.int16]:
    """Return all that is said of `text`."""
    return np.frombuffer(b"".join(synthesiser.speak(text)), np.int16)


def duration_s(sound: NDArray[np.int16]) -> float:
    """Return how long 24 kHz sound lasts."""
    return sound.size / 24_000


def pitch_hz(sound: NDArray[np.int16]) -> float:
    """Return the median fundamental of voiced 80 ms pieces, by autocorrelation."""
    found: list[float] = []
    for start in range(0, sound.size - 1920, 960):
        piece = sound[start : start + 1920].astype(np.float64)
        likeness = np.correlate(piece, piece, "full")[1919:]
        lag = 60 + int(likeness[60:400].argmax())
        if likeness[0] > 1920 * 500.0**2 and likeness[lag] > likeness[0] / 2:
            found.append(24_000 / lag)
    return float(np.median(found))


# ------------------------------------------------------------------------------------------------- real voices


def test_every_voice_that_may_be_chosen_exists() -> None:
    """The lists in the settings are what Debian's programs bring along."""
    told = subprocess.run(["flite", "-lv"], capture_output=True, text=True, check=True).stdout
    assert set(FLITE_VOICES) - set(told.split()) == set()
    languages = subprocess.run(["espeak-ng", "--voices=en"], capture_output=True, text=True, check=True).stdout
    variants = subprocess.run(["espeak-ng", "--voices=variant"], capture_output=True, text=True, check=True).stdout
    for voice in ESPEAK_VOICES:
        language, _, variant = voice.partition("+")
        assert f" {language} " in languages
        assert not variant or re.search(rf"!v/{variant}\b", variants)


@pytest.mark.parametrize("voice", ["slt", "rms", "awb", "kal16", "kal", "en-us", "en-gb+f2"])
def test_speech_has_the_links_rate_and_one_level(voice: str) -> None:
    """In pieces of at most 200 ms, neither clipped nor faint, whatever rate and level the program has."""
    pieces = list(ProgramSynthesiser(voice).speak("The kitchen light is on."))
    assert {len(piece) for piece in pieces[:-1]} <= {PIECE_BYTES} | {len(pieces[-2])}
    assert max(map(len, pieces)) <= PIECE_BYTES
    sound = np.frombuffer(b"".join(pieces), np.int16)
    assert 1.0 < duration_s(sound) < 2.5
    assert -23.0 < level_dbfs(sound.tobytes()) < -19.0
    assert np.abs(sound.astype(np.int32)).max() < 32_767


@pytest.mark.parametrize("voice", ["slt", "en-us"])
def test_silence_at_the_ends_is_trimmed(voice: str) -> None:
    """Of a quarter of a second and more that the programs put there, hardly anything delays the answer."""
    [loud] = np.nonzero(np.abs(spoken(ProgramSynthesiser(voice), "Yes.").astype(np.int32)) > 300)
    sound = spoken(ProgramSynthesiser(voice), "Yes.")
    assert loud[0] < 0.08 * 24_000
    assert sound.size - loud[-1] < 0.12 * 24_000


def test_sentences_are_apart_by_the_pause_between_them() -> None:
    """The sound of two sentences is that of each, and a pause that follows the speed."""
    for speed in (1.0, 2.0):
        synthesiser = ProgramSynthesiser("kal16", speed)
        both = duration_s(spoken(synthesiser, "Yes. No."))
        apart = sum(duration_s(spoken(synthesiser, text)) for text in ("Yes.", "No."))
        assert both - apart == pytest.approx(SENTENCE_PAUSE_MS / 1000 / speed, abs=0.01)


@pytest.mark.parametrize("voice", ["slt", "en-us"])
def test_speed_and_pitch_are_obeyed(voice: str) -> None:
    """Twice as fast takes half the time; higher is higher, at the same speed."""
    text = "You are a lame gnome."
    usual, fast, high = (spoken(ProgramSynthesiser(voice, *manner), text) for manner in ((1, 1), (2, 1), (1, 1.5)))
    assert duration_s(fast) == pytest.approx(duration_s(usual) / 2, rel=0.2)
    assert duration_s(high) == pytest.approx(duration_s(usual), rel=0.1)
    assert pitch_hz(high) > 1.2 * pitch_hz(usual)


@pytest.mark.parametrize("text", ["", " \n", "...", "日本"])
def test_what_cannot_be_said_is_silence_without_end_or_error(text: str) -> None:
    """No program is asked."""
    assert list(ProgramSynthesiser().speak(text)) == []


# --------------------------------------------------------------------------------------- programs that misbehave


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only place where speech programs are found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put(programs: Path, name: str, body: str) -> None:
    """Install a program that runs `body` in Python, with `out` and `text` at hand."""
    script = f"#!{sys.executable} -I\nimport os, sys, time\nout = sys.argv[-1]\ntext = sys.stdin.read()\n"
    (programs / name).write_text(script + textwrap.dedent(body), encoding="utf-8")
    (programs / name).chmod(0o755)


def wav(samples: NDArray[np.int16], rate_hz: int = 16_000, channels: int = 1) -> bytes:
    """Return a WAV file."""
    content = BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((channels, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return content.getvalue()


def tone(seconds: float, rate_hz: int) -> NDArray[np.int16]:
    """Return 400 Hz at -12 dBFS or so."""
    return (8_000 * np.sin(2 * np.pi * 400 * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.int16)


def put_tone(programs: Path, name: str, seconds: float, rate_hz: int = 16_000) -> None:
    """Install a program that says everything as a tone."""
    (programs / f"{name}.wav").write_bytes(wav(tone(seconds, rate_hz), rate_hz))
    put(programs, name, f"open(out, 'wb').write(open({str(programs / name)!r} + '.wav', 'rb').read())")


def test_what_is_said_stands_in_no_argument_and_secrets_in_no_environment(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody may read the arguments of a process, and a speech program needs nobody's key."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hush")
    seen = programs / "seen"
    (programs / "tone.wav").write_bytes(wav(tone(0.1, 16_000)))
    put(
        programs,
        "flite",
        f"""
        open({str(seen)!r}, "w").write(__import__("json").dumps([text, sys.argv, dict(os.environ)]))
        open(out, "wb").write(open({str(programs / "tone.wav")!r}, "rb").read())
        """,
    )
    assert spoken(ProgramSynthesiser(), "My door code is 4711.").size
    text, arguments, environment = json.loads(seen.read_text())
    assert text == "My door code is 4711."
    assert "4711" not in str(arguments)
    assert "hush" not in str(environment)


@pytest.mark.parametrize(("voice", "there"), [("slt", "espeak-ng"), ("en-us", "flite")])
def test_the_other_program_speaks_when_one_is_missing(
    programs: Path, caplog: pytest.LogCaptureFixture, voice: str, there: str
) -> None:
    """In its own voice, and the journal is told once."""
    put_tone(programs, there, 0.5)
    synthesiser = ProgramSynthesiser(voice)
    assert duration_s(spoken(synthesiser, "One. Two.")) == pytest.approx(1.0 + SENTENCE_PAUSE_MS / 1000, abs=0.01)
    [told] = caplog.messages
    assert "is not installed; it comes in the Debian package of that name" in told
    assert told.endswith(f"{there} speaks instead")


def test_a_change_of_program_in_mid_speech_changes_the_rate_unheard(programs: Path) -> None:
    """What a phrase fails at is said by the other program, at its own rate, and nothing is lost."""
    put_tone(programs, "espeak-ng", 0.5, 22_050)
    (programs / "tone.wav").write_bytes(wav(tone(0.5, 16_000)))
    put(
        programs,
        "flite",
        f"""
        sys.exit(1) if "Two" in text else None
        open(out, "wb").write(open({str(programs / "tone.wav")!r}, "rb").read())
        """,
    )
    sound = spoken(ProgramSynthesiser(), "One. Two. Three.")
    assert duration_s(sound) == pytest.approx(1.5 + 2 * SENTENCE_PAUSE_MS / 1000, abs=0.01)


def test_without_any_program_it_is_said_what_to_install(programs: Path) -> None:
    """Both are named."""
    with pytest.raises(VoiceUnavailable) as missing:
        list(ProgramSynthesiser().speak("Hello."))
    assert str(missing.value) == ("flite and espeak-ng: is not installed; it comes in the Debian package of that name")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("sys.exit('no such\\nvoice')", "ended with 1: no such voice"),
        ("os.kill(os.getpid(), 11)", "ended with -11: without a word"),
        ("", "made no sound that can be read"),
        ("open(out, 'wb').write(b'RIFF' + bytes(50))", "made no sound that can be read"),
        ("open(out, 'wb').write(b'<html>' * 100)", "made no sound that can be read"),
    ],
)
def test_a_program_out_of_order_is_told_in_its_own_words(programs: Path, body: str, problem: str) -> None:
    """A crash, a refusal, and output that is no sound."""
    put(programs, "flite", body)
    put(programs, "espeak-ng", body)
    with pytest.raises(VoiceUnavailable, match=problem):
        list(ProgramSynthesiser().speak("Hello."))


def test_sound_of_another_kind_is_refused(programs: Path) -> None:
    """Two channels would be heard as half the speed."""
    (programs / "stereo.wav").write_bytes(wav(tone(0.1, 16_000), channels=2))
    for name in ("flite", "espeak-ng"):
        put(programs, name, f"open(out, 'wb').write(open({str(programs / 'stereo.wav')!r}, 'rb').read())")
    with pytest.raises(VoiceUnavailable, match="not mono of 16 bits"):
        list(ProgramSynthesiser().speak("Hello."))


def test_a_program_that_may_not_be_run_is_told(programs: Path) -> None:
    """As after a copy without its mode."""
    for name in ("flite", "espeak-ng"):
        (programs / name).write_text("no program", encoding="utf-8")
        (programs / name).chmod(0o755)
    with pytest.raises(VoiceUnavailable, match="cannot be started: Exec format error"):
        list(ProgramSynthesiser().speak("Hello."))


def test_a_program_that_hangs_is_ended(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is killed and reaped, whatever it does with polite signals."""
    monkeypatch.setattr(speech, "PHRASE_S", 0.2)
    for name in ("flite", "espeak-ng"):
        (programs / name).write_text("#!/bin/sh\ntrap '' TERM\nwhile :; do :; done\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    before = children()
    with pytest.raises(VoiceUnavailable, match=r"did not finish within 0\.2 s and was ended"):
        list(ProgramSynthesiser().speak("Hello."))
    assert children() == before


def children() -> set[str]:
    """Return the processes that were started from here and not reaped."""
    return {pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def test_the_next_phrase_is_made_only_when_it_is_asked_for(programs: Path) -> None:
    """Closing after the first phrase leaves the others unmade and nothing running."""
    made = programs / "made"
    (programs / "tone.wav").write_bytes(wav(tone(0.3, 16_000)))
    put(
        programs,
        "flite",
        f"""
        open({str(made)!r}, "a").write(text)
        open(out, "wb").write(open({str(programs / "tone.wav")!r}, "rb").read())
        """,
    )
    before = set(Path("/proc/self/fd").iterdir())
    speaking = iter(ProgramSynthesiser().speak("One. Two. Three."))
    next(speaking)
    speaking.close()  # type: ignore[attr-defined] # It is a generator.
    assert made.read_text() == "One."
    assert set(Path("/proc/self/fd").iterdir()) == before


# ------------------------------------------------------------------------------------------------------- level


def test_silence_stays_silence() -> None:
    """Nothing is amplified for ever, and nothing at all is no error."""
    for samples in (np.zeros(16_000, np.float32), np.zeros(0, np.float32), np.zeros(5, np.float32)):
        assert levelled(Sound(samples, 16_000)).samples.size == 0


def test_a_click_is_not_raised_above_full_scale() -> None:
    """Peaks bound the level, so that nothing clips."""
    samples = np.zeros(16_000, np.float32)
    samples[8_000] = 0.01
    samples[8_001:8_100] = 0.0002
    loudest = float(np.abs(levelled(Sound(samples, 16_000)).samples).max())
    assert 20 * np.log10(loudest) == pytest.approx(PEAK_DBFS, abs=0.01)
