"""Speech by flite or espeak-ng, two programs that Debian carries: a phrase at a time, levelled, at the link's rate."""

import io
import logging
import os
import subprocess
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hearthd.core.audio.pcm import LINK_FORMAT, PcmFormat
from hearthd.core.audio.resample import Resampler
from hearthd.core.plain_text import one_line
from hearthd.core.settings import ESPEAK_VOICES
from hearthd.offline.parts import VoiceUnavailable
from hearthd.offline.speaking.phrases import phrases

PHRASE_S: Final = 10.0
"""What takes longer than this to make a phrase hangs: 0.1 s is usual, and a second on a Pi Zero 2 W."""
PIECE_MS: Final = 200
LEVEL_DBFS: Final = -20.0
"""Root mean square of what is spoken; the voices' own lies between -29 and -15 dBFS."""
PEAK_DBFS: Final = -1.0
"""No sample is louder, so that resampling never clips."""
EDGE_MS: Final = 30
"""What is kept around a phrase of the silence that the programs put there, up to half a second."""

_ESPEAK_WORDS_PER_MINUTE: Final = 175
"""espeak-ng's own speed."""
_LONGEST_SOUND_BYTES: Final = 8 * 2**20
"""Three minutes at 22.05 kHz, far beyond any phrase; what a program out of order makes beyond that is not read."""
_QUIET: Final = 1e-4
"""Relative to the power of the loudest 10 ms (-40 dB): what is quieter at the ends is no speech."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono sound of one phrase, between -1 and 1."""

    samples: NDArray[np.float32]
    rate_hz: int


@dataclass(frozen=True, slots=True)
class SpeechProgram:
    """One way to call a speech program: text on its standard input, a WAV file out."""

    name: str
    options: tuple[str, ...]
    """Without what is said and without the output's name, which follows them."""

    def make(self, text: str) -> Sound:
        """Return the sound of `text`, after at most `PHRASE_S`. Raises `VoiceUnavailable`.

        Neither text nor sound touches a disk or stands in an argument: everybody may read those of a process.
        """
        file = os.memfd_create("speech")
        try:
            self._run(text, file)
            return self._sound(os.pread(file, _LONGEST_SOUND_BYTES, 0))
        finally:
            os.close(file)

    def _run(self, text: str, file: int) -> None:
        try:
            process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell, and options from checked settings.
                [self.name, *self.options, f"/proc/self/fd/{file}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[file],
                env={
                    "PATH": os.environ.get("PATH", os.defpath)
                },  # Secrets of the environment are none of its business.
            )
        except FileNotFoundError:
            problem = "is not installed; it comes in the Debian package of that name"
            raise VoiceUnavailable(self.name, problem) from None
        except OSError as error:
            raise VoiceUnavailable(self.name, f"cannot be started: {error.strerror}") from error
        with process:
            try:
                _, complaint = process.communicate(text.encode("ascii"), timeout=PHRASE_S)
            except subprocess.TimeoutExpired as late:
                problem = f"did not finish within {PHRASE_S:g} s and was ended"
                raise VoiceUnavailable(self.name, problem) from late
            finally:
                process.kill()  # Does nothing to a process that has ended.
        if process.returncode:
            words = one_line(complaint.decode(errors="replace")) or "without a word"
            raise VoiceUnavailable(self.name, f"ended with {process.returncode}: {words[-200:]}")

    def _sound(self, content: bytes) -> Sound:
        try:
            with wave.open(io.BytesIO(content)) as file:
                if (file.getnchannels(), file.getsampwidth()) != (1, 2):
                    raise VoiceUnavailable(self.name, "made sound that is not mono of 16 bits")
                pcm, rate_hz = file.readframes(file.getnframes()), file.getframerate()
        except (wave.Error, EOFError) as error:
            raise VoiceUnavailable(self.name, f"made no sound that can be read: {error}") from error
        whole = len(pcm) // 2 * 2
        return Sound(np.frombuffer(pcm[:whole], "<i2").astype(np.float32) / np.float32(32_768), rate_hz)


class ProgramSynthesiser:
    """The `Synthesiser` made of flite and espeak-ng; when the one that has the voice fails, the other speaks.

    A phrase takes 0.02 (slt, rms, awb) or 0.005 (the others) of its own length in CPU time on a 2 GHz core, and its
    program 7 to 18 MB while it runs.
    """

    def __init__(self, voice: str = "slt", speed: float = 1.0, pitch: float = 1.0) -> None:
        """Speak as `voice` (of `FLITE_VOICES` or `ESPEAK_VOICES`) `speed` times as fast and `pitch` times as high."""
        self._speed = speed
        self._programs = speech_programs(voice, speed, pitch)
        self._complained = False

    def speak(self, text: str) -> Iterator[bytes]:
        """Yield PCM16 mono at 24 kHz in pieces of at most 200 ms; nothing when `text` holds nothing to say.

        A phrase is made when its first piece is asked for, and no program runs between two pieces, so that closing
        the iterator leaves nothing behind. Raises `VoiceUnavailable` when neither program can speak.
        """
        most = LINK_FORMAT.frames_of_ms(PIECE_MS) * LINK_FORMAT.frame_bytes
        for lump in self._lumps(text):
            for start in range(0, len(lump), most):
                yield lump[start : start + most]

    def _lumps(self, text: str) -> Iterator[bytes]:
        rate_hz, resampler = LINK_FORMAT.rate_hz, Resampler(LINK_FORMAT.rate_hz, LINK_FORMAT.rate_hz)
        for phrase in phrases(text):
            sound = levelled(self._make(phrase.text))
            if sound.rate_hz != rate_hz:
                yield resampler.flush()
                rate_hz, resampler = sound.rate_hz, Resampler(sound.rate_hz, LINK_FORMAT.rate_hz)
            pause = bytes(2 * PcmFormat(rate_hz).frames_of_ms(phrase.pause_ms / self._speed))
            yield resampler.feed((sound.samples * 32_767).astype(np.int16).tobytes() + pause)
        yield resampler.flush()

    def _make(self, text: str) -> Sound:
        failures: list[VoiceUnavailable] = []
        for program in self._programs:
            try:
                sound = program.make(text)
            except VoiceUnavailable as failure:
                failures.append(failure)
                continue
            if failures and not self._complained:
                self._complained = True
                log.warning("%s; %s speaks instead", failures[0], program.name)
            return sound
        raise VoiceUnavailable(
            " and ".join(failure.engine for failure in failures),
            "; ".join(dict.fromkeys(failure.problem for failure in failures)),
        )


def speech_programs(voice: str, speed: float, pitch: float) -> tuple[SpeechProgram, SpeechProgram]:
    """Return the program that has `voice`, and the other one with a voice like it, in case the first one fails."""
    if voice in ESPEAK_VOICES:
        return _espeak(voice, speed, pitch), _flite("slt" if "+f" in voice else "rms", speed, pitch)
    return _flite(voice, speed, pitch), _espeak("en-us+f3" if voice == "slt" else "en-us", speed, pitch)


def levelled(sound: Sound) -> Sound:
    """Return `sound` at `LEVEL_DBFS`, or below where its peaks forbid, with at most `EDGE_MS` of silence at its ends.

    Empty when there is nothing but silence.
    """
    frame = sound.rate_hz // 100
    whole = sound.samples[: sound.samples.size // frame * frame]
    power = np.square(whole.reshape(-1, frame)).mean(axis=1)
    if not power.any():
        return Sound(sound.samples[:0], sound.rate_hz)
    [loud] = np.nonzero(power > power.max() * _QUIET)
    edge = EDGE_MS // 10
    kept = sound.samples[max(loud[0] - edge, 0) * frame : (loud[-1] + 1 + edge) * frame]
    gain = min(_ratio(LEVEL_DBFS) / np.sqrt(power[loud].mean()), _ratio(PEAK_DBFS) / np.abs(kept).max())
    return Sound(kept * np.float32(gain), sound.rate_hz)


def _ratio(level_db: float) -> float:
    return float(10.0 ** (level_db / 20.0))


def _flite(voice: str, speed: float, pitch: float) -> SpeechProgram:
    # `rms` keeps its pitch; the other voices follow f0_shift to the percent.
    manner = ("--setf", f"duration_stretch={1 / speed:.3f}", "--setf", f"f0_shift={pitch:.3f}")
    return SpeechProgram("flite", ("-voice", voice, *manner, "-f", "/dev/stdin", "-o"))


def _espeak(voice: str, speed: float, pitch: float) -> SpeechProgram:
    # Its scale from 0 to 99, with its own pitch at 50, reaches from 0.73 to 1.7 times that pitch.
    scale = round(50 + (pitch - 1.0) * (100 if pitch < 1.0 else 49))
    manner = ("-s", f"{_ESPEAK_WORDS_PER_MINUTE * speed:.0f}", "-p", f"{scale}")
    return SpeechProgram("espeak-ng", ("-v", voice, *manner, "--stdin", "-w"))
