"""Sound for tests: recorded people, synthetic voices, noise, and how loud things are. All int16, mono."""

import hashlib
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from tests.doubles.vcard.tape import Samples, resample

_ROOT = Path(__file__).resolve().parents[2]
_RECORDINGS = _ROOT.parent / "shared" / "data"
_CACHE = _ROOT / "build" / "doubles" / "speech"
_FULL_SCALE = 32768.0
_FLITE_VOICES = ("slt", "rms", "awb", "awb_time", "kal", "kal16")


def recordings(kind: str) -> list[Path]:
    """The recordings of a kind, in a fixed order: wake_alexa, other_words, commands or noise.

    Raises `FileNotFoundError` that says where they should lie.
    """
    paths = sorted((_RECORDINGS / kind).glob("*.flac"))
    if not paths:
        raise FileNotFoundError(f"no recordings in {_RECORDINGS / kind}: these tests need the shared test data")
    return paths


def load(path: Path, rate_hz: int) -> Samples:
    """A sound file at any rate; several channels are mixed to one."""
    sound, file_hz = soundfile.read(path, dtype="int16", always_2d=True)
    mono = sound[:, 0] if sound.shape[1] == 1 else sound.mean(axis=1).round().astype(np.int16)
    return resample(mono, file_hz, rate_hz)


def save(path: Path, samples: Samples, rate_hz: int) -> None:
    """Writes a WAV file."""
    soundfile.write(path, samples, rate_hz, subtype="PCM_16")


def synthesize(text: str, rate_hz: int, voice: str = "slt") -> Samples:
    """A sentence by flite (slt, rms, awb, kal16, ...) or by espeak-ng (`espeak` or `espeak:en-us+f3`).

    Made once for each text and voice, then read from the build folder. Raises `ValueError` for an unknown
    voice and `RuntimeError` when the synthesiser fails or is not installed.
    """
    digest = hashlib.sha256(f"{voice}\0{text}".encode()).hexdigest()[:16]
    cached = _CACHE / f"{digest}.wav"
    if not cached.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE) as scratch:
            fresh = Path(scratch) / cached.name
            _speak(text, voice, fresh)
            fresh.replace(cached)
    return load(cached, rate_hz)


def _speak(text: str, voice: str, path: Path) -> None:
    engine, _, variant = voice.partition(":")
    if engine == "espeak":
        command = ["espeak-ng", "-v", variant or "en-us", "-w", str(path), text]
    elif voice in _FLITE_VOICES:
        command = ["flite", "-voice", voice, "-t", text, "-o", str(path)]
    else:  # flite itself would take its default voice without a word
        raise ValueError(f"no voice {voice!r}: use espeak:VARIANT or one of {', '.join(_FLITE_VOICES)}")
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except FileNotFoundError:
        raise RuntimeError(f"{command[0]} is not installed; it comes in the Debian package of that name") from None
    if said.returncode != 0 or not path.exists():
        raise RuntimeError(f"{command[0]} cannot say {text!r} with voice {voice}: {said.stdout}{said.stderr}")


def silence(duration_s: float, rate_hz: int) -> Samples:
    """Digital silence."""
    return np.zeros(round(duration_s * rate_hz), np.int16)


def tone(duration_s: float, rate_hz: int, *, pitch_hz: float = 1000.0, level_dbfs: float = -20.0) -> Samples:
    """A sine of an RMS level."""
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return at_level((np.sin(2 * np.pi * pitch_hz * time_s) * 20_000).astype(np.int16), level_dbfs)


def noise(duration_s: float, rate_hz: int, *, level_dbfs: float = -50.0, seed: int = 1) -> Samples:
    """White noise of an RMS level, the same for the same seed."""
    generator = np.random.default_rng(seed)
    return at_level(generator.normal(0.0, 3000.0, round(duration_s * rate_hz)).astype(np.int16), level_dbfs)


def level_dbfs(samples: Samples) -> float:
    """RMS level; a full-scale sine has -3 dBFS, silence -inf."""
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if samples.size else 0.0
    return 20 * float(np.log10(rms / _FULL_SCALE)) if rms else float("-inf")


def at_level(samples: Samples, wanted_dbfs: float) -> Samples:
    """Scaled to an RMS level, clipped where that is too loud."""
    return _scaled(samples, wanted_dbfs - level_dbfs(samples))


def with_noise(speech: Samples, disturbance: Samples, snr_db: float) -> Samples:
    """Speech with a disturbance that is snr_db quieter and is repeated or cut to the length of the speech."""
    behind = np.resize(disturbance, speech.shape)
    behind = _scaled(behind, level_dbfs(speech) - snr_db - level_dbfs(behind))
    return _clipped(speech.astype(np.float64) + behind)


def _scaled(samples: Samples, gain_db: float) -> Samples:
    return _clipped(samples.astype(np.float64) * 10 ** (gain_db / 20))


def _clipped(samples: NDArray[np.float64]) -> Samples:
    return np.clip(samples.round(), -32768, 32767).astype(np.int16)
