"""The recogniser's front end, held against pocketsphinx's own."""

from pathlib import Path

import numpy as np
import pocketsphinx
import pytest

from hearthd.offline.hearing.cepstrum import BANDS, SHORTER, cepstra, log_mel, lowered
from hearthd.offline.parts import HEARING_RATE_HZ
from tests.doubles import speech


def pocketsphinx_cepstra(pcm: bytes, scratch: Path) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return what pocketsphinx itself makes of a sound, by way of its log of cepstra."""
    model = Path(pocketsphinx.get_model_path("en-us")) / "en-us"
    settings = scratch / "feat.params"
    settings.write_text((model / "feat.params").read_text().replace("-remove_noise yes", "-remove_noise no"))
    decoder = pocketsphinx.Decoder(
        hmm=str(model), featparams=str(settings), dict=None, lm=None, mfclogdir=str(scratch), loglevel="FATAL"
    )
    decoder.add_word("yes", "Y EH S")
    decoder.add_jsgf_string("test", "#JSGF V1.0;grammar test;public <all> = yes;")
    decoder.activate_search("test")
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    del decoder  # It writes the rest of its log now.
    (log,) = scratch.glob("*.mfc")
    return np.frombuffer(log.read_bytes(), ">f4")[1:].reshape(-1, 13).astype(np.float32)


def test_cepstra_are_those_of_pocketsphinx(tmp_path: Path) -> None:
    """The model hears from us what it would hear from its own front end; that alone pads the last window."""
    sound = speech.at_level(speech.noise(1.0, HEARING_RATE_HZ) // 2 + speech.tone(1.0, HEARING_RATE_HZ), -20.0)
    ours = cepstra(log_mel(sound))
    assert ours.dtype == np.float32
    assert pocketsphinx_cepstra(sound.tobytes(), tmp_path)[: len(ours)] == pytest.approx(ours, abs=0.01)


@pytest.mark.parametrize(("frames", "rows"), [(0, 0), (409, 0), (410, 1), (569, 1), (570, 2), (16_000, 98)])
def test_there_is_a_row_for_each_whole_window(frames: int, rows: int) -> None:
    """Windows of 25.6 ms, 10 ms apart."""
    assert log_mel(np.ones(frames, np.int16)).shape == (rows, BANDS)


def test_digital_silence_is_the_floor() -> None:
    """Nothing is never less than the floor, whose logarithm it has."""
    assert log_mel(np.zeros(1_000, np.int16)) == pytest.approx(np.log(1e-4))


def test_a_lowered_voice_has_its_resonances_lower() -> None:
    """Tones stand where those of 1 / 1.06 times their frequency would, on average over many."""
    seconds = np.arange(4_000) / HEARING_RATE_HZ

    def tone(hz: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        return log_mel((8_000 * np.sin(2 * np.pi * hz * seconds)).astype(np.int16))

    def middle(bands: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> float:
        power = np.exp(bands.mean(axis=0, dtype=np.float64))
        return float(power @ np.arange(BANDS) / power.sum())

    tones_hz = np.geomspace(400, 5_000, 60)
    wanted = np.mean([middle(tone(hz)) - middle(tone(hz / SHORTER)) for hz in tones_hz])
    moved = np.mean([middle(tone(hz)) - middle(lowered(tone(hz))) for hz in tones_hz])
    assert moved == pytest.approx(wanted, rel=0.1)


def test_a_lowered_voice_is_as_loud_and_stays_within_the_bands() -> None:
    """What is the same in all bands stays so; beyond the last band its own value goes on."""
    assert lowered(np.full((2, BANDS), 3.0, np.float32)) == pytest.approx(3.0)
    assert lowered(np.eye(BANDS, dtype=np.float32)[-1:])[0, -1] == 1.0
