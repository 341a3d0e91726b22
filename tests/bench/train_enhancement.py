"""Makes the recogniser's noise reduction anew: `python -m tests.bench.train_enhancement FILE.npz [--steps N]`.

Needs PyTorch, which nothing else here does: `pip install torch` in an environment of its own, with this project's on
its path. It learns from speech whose noise it knows, because it put it there. The speech: random words of
pocketsphinx's dictionary and of everyday life by voices and accents of espeak-ng, and people saying "computer", "view
glass" and "alexa" (Picovoice, Apache-2.0, `../shared/data`). The noise: white, coloured, hum, babble, beating, and the
first half of the recorded kitchen. What the benchmark hears is none of it: its two voices of espeak-ng have no variant,
flite's are left out altogether, its kitchen is the second half.

The weights in the package are what it makes; four times the steps make none that are heard better. Mixtures that had
passed the Wiener filter first, as they have at run time, made worse ones: of 75 commands at 10 dB, 69 % instead of 85 %
were heard right.
"""

import argparse
import io
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pocketsphinx
import soundfile
import soxr
import torch  # type: ignore[import-not-found,unused-ignore]
from numpy.typing import NDArray

from hearthd.offline.hearing.cepstrum import BANDS, HOP_FRAMES, WINDOW_FRAMES, cepstra, log_mel
from hearthd.offline.hearing.enhancement import LOUD_SHARE, QUIET_NEPERS, QUIET_SHARE, SCALE
from hearthd.offline.parts import HEARING_RATE_HZ
from tests.doubles import speech

Wave = NDArray[np.float32]

STEPS: Final = 834
BATCH: Final = 16
ROWS: Final = 300
FRAMES: Final = WINDOW_FRAMES + (ROWS - 1) * HOP_FRAMES
CHANNELS: Final = 80
DILATIONS: Final = (1, 1, 2, 4, 1, 1)
TAPS: Final = (5, 3, 3, 3, 3, 1)
"""A longer memory learns how espeak-ng speaks, not what noise is."""
POOL: Final = 250
"""Batches kept, to be learnt from again: making one takes twice as long as learning from it."""
FRESH_EACH: Final = 4
RATE: Final = 3e-3
HUMAN_SHARE: Final = 0.5
DROPPED: Final = 0.1
SENTENCES: Final = 2_500
FFT_FRAMES: Final = 48_600
"""The next number of many small factors above `FRAMES`."""
ACCENTS: Final = "en-us en-us en-gb en-gb-scotland en-gb-x-gbclan en-gb-x-gbcwmd en-029 en-us-nyc".split()  # noqa: SIM905
VARIANTS: Final = (  # noqa: SIM905 - names are easier to read without quotes.
    "f1 f3 f4 f5 m1 m2 m4 m5 m6 m7 m8 adam Alex Alicia Andrea Andy Annie belinda benjamin boris caleb david ed edward "
    "Gene Henrique Hugo Jacky john Lee linda marcelo max michael miguel mike norbert pablo paul pedro quincy rob "
    "robert steph steph2 steph3 travis victor Zac anika grandpa grandma klatt klatt2 klatt3 klatt4 aunty"
).split()
COMMON: Final = (  # noqa: SIM905
    "the a to of in on off is are it that this what when where how please turn switch set make open close stop start "
    "put play call find tell give show light lights lamp door window room kitchen bed bath hall garden percent degrees "
    "red green blue white warm cold up down left right ten twenty thirty forty fifty sixty seventy eighty ninety one "
    "two three four five six seven eight nine hundred minutes music radio water table chair house car street people "
    "morning evening night day week friend school money garage fan heating blinds curtains television machine coffee "
    "printer temperature brightness volume timer alarm"
).split()


def sentences(count: int, seed: int) -> Iterator[Wave]:
    """Yield so many, each in another voice, at another speed and pitch, without silence around, at one level."""
    rng = random.Random(seed)
    dictionary = Path(pocketsphinx.get_model_path("en-us")) / "cmudict-en-us.dict"
    entries = (line.split()[0] for line in dictionary.read_text(encoding="utf-8").splitlines())
    rare = [word for word in entries if word.isalpha() and 3 <= len(word) <= 9]
    for _ in range(count):
        words = [rng.choice(COMMON if rng.random() < 0.65 else rare) for _ in range(rng.randint(3, 8))]
        voice = f"{rng.choice(ACCENTS)}+{rng.choice(VARIANTS)}"
        settings = ("-s", str(rng.randint(125, 195)), "-p", str(rng.randint(25, 75)))
        command = ("espeak-ng", "-v", voice, *settings, "--stdout", " ".join(words))
        wav = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout
        # A stream has no length in its header; without it, it is 16-bit mono at 22,050 Hz.
        said, rate_hz = soundfile.read(
            io.BytesIO(wav[44:]), dtype="float32", channels=1, samplerate=22_050, format="RAW", subtype="PCM_16"
        )
        sound = soxr.resample(said, rate_hz, HEARING_RATE_HZ)
        loud = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max())
        if len(loud) > HEARING_RATE_HZ // 4:
            yield _at_power(sound[loud[0] : loud[-1]], 2_000.0)


def people() -> Iterator[Wave]:
    """Yield recorded people; files that cannot be read are left out."""
    for kind in ("other_words", "wake_alexa"):
        for path in speech.recordings(kind):
            try:
                sound = speech.load(path, HEARING_RATE_HZ).astype(np.float32)
            except soundfile.LibsndfileError:
                continue
            yield sound / np.abs(sound).max() * np.float32(20_000)


@dataclass(frozen=True, slots=True)
class Rooms:
    """Makes utterances with and without noise."""

    synthetic: list[Wave]
    human: list[Wave]
    kitchen: Wave
    rng: np.random.Generator

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return noisy and clean `log_mel`, both (batch, row, band)."""
        pairs = [self._pair() for _ in range(BATCH)]
        noisy = [log_mel(_whole(noisy)) for noisy, _ in pairs]
        clean = [log_mel(_whole(clean)) for _, clean in pairs]
        return torch.from_numpy(np.stack(noisy)), torch.from_numpy(np.stack(clean))

    def _pair(self) -> tuple[Wave, Wave]:
        rng = self.rng
        voice = self._voices()
        if rng.random() < 0.7:
            voice = self._shaped(voice, 10.0)
        spoken = voice[np.abs(voice) > 1e-3 * np.abs(voice).max()]
        level = 32_768 * 10 ** (rng.uniform(-34, -16) / 20)
        voice *= np.float32(level / np.sqrt(np.mean(spoken**2) + 1e-9))
        snr_db = rng.uniform(-3, 25) if rng.random() < 0.85 else rng.uniform(25, 60)
        noise = _at_power(self._noise(), float(np.sqrt(np.mean(voice**2))) * 10 ** (-snr_db / 20))
        hiss = rng.standard_normal(FRAMES).astype(np.float32)
        return voice + noise + hiss, voice

    def _voices(self) -> Wave:
        """Return one utterance after the other, with pauses."""
        rng = self.rng
        result = np.zeros(FRAMES, np.float32)
        at = int(rng.uniform(0, 0.6) * HEARING_RATE_HZ)
        while at < FRAMES - HEARING_RATE_HZ // 4:
            group = self.human if rng.random() < HUMAN_SHARE else self.synthetic
            sound = self._other_size(group[rng.integers(len(group))])
            result[at : at + len(sound)] = sound[: FRAMES - at]
            at += len(sound) + int(rng.uniform(0.2, 1.0) * HEARING_RATE_HZ)
        return result

    def _other_size(self, sound: Wave) -> Wave:
        """Return a voice as of a smaller or larger person, who speaks faster or slower."""
        places = np.arange(0, len(sound) - 1, self.rng.uniform(0.85, 1.18))
        return np.asarray(np.interp(places, np.arange(len(sound)), sound), np.float32)

    def _noise(self) -> Wave:
        rng = self.rng
        kind = rng.choice(7, p=(0.2, 0.18, 0.12, 0.12, 0.24, 0.06, 0.08))
        match kind:
            case 0 | 1:
                return self._coloured(float(kind))
            case 2:
                return self._coloured(rng.uniform(-0.5, 2.5))
            case 3:
                return self._shaped(self._coloured(rng.uniform(0, 1.5)), 20.0)
            case 4:
                start = rng.integers(len(self.kitchen) - FRAMES)
                kitchen = self.kitchen[start : start + FRAMES]
                return self._shaped(kitchen, 8.0) if rng.random() < 0.5 else kitchen
            case 5:
                talk = [np.roll(self._voices(), rng.integers(FRAMES)) for _ in range(5)]
                return np.asarray(np.sum(talk, axis=0), np.float32)
            case _:
                return self._tones()

    def _coloured(self, slope: float) -> Wave:
        """Return noise whose power falls with the frequency's `slope`: 0 is white, 1 pink, 2 brown."""
        spectrum = np.fft.rfft(self.rng.standard_normal(FFT_FRAMES).astype(np.float32))
        order = np.maximum(np.arange(len(spectrum)), FFT_FRAMES * 40 // HEARING_RATE_HZ).astype(np.float32)
        return np.fft.irfft(spectrum * order ** np.float32(-slope / 2), FFT_FRAMES)[:FRAMES].astype(np.float32)

    def _shaped(self, sound: Wave, most_db: float) -> Wave:
        """Return it through another room, microphone or loudspeaker: a smooth response of up to `most_db`."""
        bins = FFT_FRAMES // 2 + 1
        count = self.rng.integers(3, 9)
        turns_db = self.rng.uniform(-most_db, most_db, count)
        gains = 10 ** (np.interp(np.linspace(0, 1, bins), np.linspace(0, 1, count), turns_db) / 20)
        return np.fft.irfft(np.fft.rfft(sound, FFT_FRAMES) * gains, FFT_FRAMES)[: len(sound)].astype(np.float32)

    def _tones(self) -> Wave:
        """Return a hum, or noise that comes and goes."""
        rng = self.rng
        time_s = np.arange(FRAMES) / HEARING_RATE_HZ
        if rng.random() < 0.5:
            beat = 1 + 0.9 * np.sin(2 * np.pi * rng.uniform(0.3, 5) * time_s)
            return (self._coloured(rng.uniform(0, 2)) * beat).astype(np.float32)
        pitch_hz = rng.uniform(45, 220)
        partials = (
            rng.uniform() / order * np.sin(2 * np.pi * order * pitch_hz * time_s + rng.uniform(0, 6))
            for order in range(1, 12)
        )
        hum = np.sum(list(partials), axis=0).astype(np.float32)
        return np.asarray(hum + _at_power(self._coloured(0.0), 0.2 * float(hum.std())), np.float32)


def _whole(sound: Wave) -> NDArray[np.int16]:
    return sound.clip(-32_768, 32_767).astype(np.int16)


def _at_power(sound: Wave, wanted_rms: float) -> Wave:
    return np.asarray(sound * (wanted_rms / np.sqrt(np.mean(sound**2) + 1e-9)), np.float32)


Parameters = list[tuple[torch.Tensor, torch.Tensor]]


def beginning(generator: torch.Generator) -> Parameters:
    """Return random weights (output, input, tap) and biases of each layer."""
    inputs = [2 * BANDS, *[CHANNELS] * (len(TAPS) - 1)]
    outputs = [*[CHANNELS] * (len(TAPS) - 1), BANDS]
    parameters: Parameters = []
    for fan_in, fan_out, taps in zip(inputs, outputs, TAPS, strict=True):
        bound = (fan_in * taps) ** -0.5
        weights = (2 * torch.rand(fan_out, fan_in, taps, generator=generator) - 1) * bound
        parameters.append((weights.requires_grad_(), torch.zeros(fan_out, requires_grad=True)))
    return parameters


def enhanced(parameters: Parameters, bands: torch.Tensor, dropped: float) -> torch.Tensor:
    """The same as `Enhancer.enhance`, for a batch, but for a share of hidden values that are dropped."""
    voice = torch.quantile(bands.mean(2), LOUD_SHARE, dim=1)[:, None, None]
    noise = torch.quantile(bands, QUIET_SHARE, dim=1, keepdim=True)
    hidden = (torch.cat([bands - voice, bands - noise], 2) * float(SCALE)).transpose(1, 2)
    for at, ((weights, bias), dilation) in enumerate(zip(parameters, DILATIONS, strict=True)):
        reach = weights.shape[2] // 2 * dilation
        kept = torch.nn.functional.dropout(hidden, dropped) if 0 < at < len(parameters) - 1 else hidden
        new = torch.nn.functional.conv1d(kept, weights, bias, padding=reach, dilation=dilation)
        if at == len(parameters) - 1:
            return bands - torch.nn.functional.softplus(new).transpose(1, 2)
        hidden = torch.relu(new) if at == 0 else hidden + torch.relu(new)
    raise AssertionError("there is no layer")


def loss(found: torch.Tensor, clean: torch.Tensor, deviations: torch.Tensor) -> torch.Tensor:
    """Return how far the cepstra and their first and second changes over time are off, as the model sees them."""
    voice = torch.quantile(clean.mean(2), LOUD_SHARE, dim=1)[:, None, None]
    wanted = torch.logaddexp(clean, voice - float(QUIET_NEPERS))
    still = (found - wanted) @ torch.from_numpy(cepstra(np.eye(BANDS, dtype=np.float32)))
    slope = still[:, 4:] - still[:, :-4]
    bend = slope[:, 2:] - slope[:, :-2]
    parts = zip((still, slope, bend), deviations, (1.0, 0.7, 0.5), strict=True)
    return sum((_huber(part / deviation) * weight for part, deviation, weight in parts), torch.zeros(()))


def _huber(error: torch.Tensor) -> torch.Tensor:
    return 8 * (torch.sqrt(1 + error**2 / 4) - 1).mean()


def deviations() -> torch.Tensor:
    """Return those of the model's own sounds: (cepstrum, its change, the change of that; coefficient)."""
    raw = (Path(pocketsphinx.get_model_path("en-us")) / "en-us" / "variances").read_bytes()
    at = raw.index(b"endhdr\n") + 7
    books, features, densities = np.frombuffer(raw, "<i4", 3, offset=at + 4)
    count = int(books) * int(features) * int(densities) * 13
    variances = np.frombuffer(raw, "<f4", count, offset=at + 4 * (5 + int(features)))
    typical = np.sqrt(np.median(variances.reshape(books, features, densities, 13), axis=(0, 2)))
    return torch.from_numpy(typical.astype(np.float32))


def trained(rooms: Rooms, steps: int) -> Parameters:
    """Learn for so many steps; tells every hundredth how far it is."""
    parameters = beginning(torch.Generator().manual_seed(1))
    flat = [tensor for layer in parameters for tensor in layer]
    optimiser = torch.optim.AdamW(flat, RATE, weight_decay=1e-4)
    spread = deviations()
    pool: list[tuple[torch.Tensor, torch.Tensor]] = []
    errors: list[float] = []
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 100, max(0.02, (1 - step / steps) / 0.7))
        if step % FRESH_EACH == 0 or len(pool) < POOL // 6:
            pool = [*pool[1 - POOL :], rooms.batch()]
            noisy, clean = pool[-1]
        else:
            noisy, clean = pool[rooms.rng.integers(len(pool))]
        error = loss(enhanced(parameters, noisy, DROPPED), clean, spread)
        optimiser.zero_grad()
        error.backward()
        torch.nn.utils.clip_grad_norm_(flat, 1.0)
        optimiser.step()
        errors.append(error.item())
        if len(errors) == 100:
            print(f"step {step + 1}: {np.mean(errors):.3f}", flush=True)  # noqa: T201 - it takes long.
            errors.clear()
    return parameters


def save(parameters: Parameters, path: Path) -> None:
    """Write what `Enhancer` reads, in half precision."""
    arrays = {"dilations": np.array(DILATIONS, np.int8)}
    for at, (weights, bias) in enumerate(parameters):
        arrays[f"taps{at}"] = weights.detach().numpy().transpose(2, 1, 0).astype(np.float16)
        arrays[f"bias{at}"] = bias.detach().numpy().astype(np.float16)
    np.savez(path, **arrays)  # type: ignore[arg-type]


def main() -> None:
    """Make the weights and write them."""
    parser = argparse.ArgumentParser(description="Train the recogniser's noise reduction.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--steps", type=int, default=STEPS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    kitchen = speech.load(speech.recordings("noise")[0], HEARING_RATE_HZ).astype(np.float32)
    rooms = Rooms(
        synthetic=list(sentences(SENTENCES, seed=5)),
        human=list(people()),
        kitchen=kitchen[: len(kitchen) // 2],
        rng=np.random.default_rng(1),
    )
    save(trained(rooms, asked.steps), asked.file)


if __name__ == "__main__":
    main()
