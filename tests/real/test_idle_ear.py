"""The whole ear with its real gate and wake word model, faster than time: what is not meant for it stays there."""

from collections.abc import Callable

import numpy as np
import pytest

from hearthd.adapters.wakeword import MicroWakeWords
from hearthd.core.audio.pcm import PcmFormat
from hearthd.core.conversation import events as ev
from hearthd.core.settings import GateSettings
from hearthd.engine.listener import Listener
from hearthd.engine.liveness import Pulse
from tests.doubles import speech
from tests.doubles.room import HUSH_DBFS, VOICE_DBFS
from tests.doubles.vcard.tape import Samples

CARD = PcmFormat(48_000)
MINUTE = 60 * CARD.rate_hz


class Ear:
    """A listener on no card, and everything that left it."""

    def __init__(self) -> None:
        self.news: list[ev.Event] = []
        self.sent: list[tuple[int, bytes]] = []
        self._listener = Listener(
            GateSettings(),
            manual_turns=True,
            scorer=MicroWakeWords(["okay_nabu"], 0.0),
            post=self.news.append,
            send_up=lambda turn, pcm: self.sent.append((turn, pcm)),
            pulse=Pulse("capture"),
        )
        self._listener.opened(CARD)

    def hear(self, sound: Samples) -> None:
        """Hear a sound in reads of the length that the listener wishes for."""
        pcm, at, blocks = sound.tobytes(), 0, 1
        while at < len(pcm):
            piece = pcm[at : at + blocks * CARD.block_bytes]
            at += len(piece)
            blocks = self._listener.feed(piece, at / CARD.frame_bytes / CARD.rate_hz)


def silence() -> Samples:
    """A minute of a quiet room."""
    return speech.noise(60.0, CARD.rate_hz, level_dbfs=HUSH_DBFS)


def kitchen() -> Samples:
    """The second minute of a kitchen."""
    [recording] = speech.recordings("noise")
    return speech.load(recording, CARD.rate_hz)[-MINUTE:]


def talk() -> Samples:
    """A minute of people who say other things."""
    pieces = [speech.load(path, CARD.rate_hz) for path in speech.recordings("commands")[-40:]]
    talking = np.concatenate([speech.at_level(piece, VOICE_DBFS) for piece in pieces])[:MINUTE]
    assert len(talking) == MINUTE, "the recordings are shorter than they were"
    return talking


@pytest.mark.parametrize("sound", [silence, kitchen, talk])
def test_a_minute_without_the_wake_word_sends_nothing(sound: Callable[[], Samples]) -> None:
    """The only news of it is that the microphone works, and not one byte goes up."""
    ear = Ear()
    ear.hear(sound())
    assert (ear.news, ear.sent) == ([ev.MicrophoneFound()], [])


def test_the_same_ear_hears_the_wake_word() -> None:
    """The silence of the tests before this one is no deafness."""
    ear = Ear()
    word = speech.at_level(speech.synthesize("okay nabu", CARD.rate_hz, "rms"), VOICE_DBFS)
    ear.hear(np.concatenate([kitchen()[: 5 * CARD.rate_hz], silence()[: 2 * CARD.rate_hz], word]))
    assert [news.word for news in ear.news if isinstance(news, ev.WakeHeard)] == ["okay_nabu"]
    assert ear.sent == []
