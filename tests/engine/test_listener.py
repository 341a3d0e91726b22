"""The ear, with the real gate: what it tells, what it hands over, and that not a sample is lost in between."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import pytest

from hearthd.core.audio.pcm import BLOCK_MS, GATE_FORMAT, PcmFormat
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.commands import EarMode, OpenUplink, SetEar
from hearthd.core.settings import GateSettings
from hearthd.engine.listener import FOLLOW_UP_LEAD_MS, ORDERS_MAX, SCORER_LEAD_BLOCKS, Listener
from hearthd.engine.liveness import Pulse
from tests.engine.voices import voice

RATE_HZ = 24_000
CARD = PcmFormat(RATE_HZ)
WATCH, ATTEND, HEAR, IGNORE = (
    SetEar(mode, brisk=mode is not EarMode.WATCH)
    for mode in (EarMode.WATCH, EarMode.ATTEND, EarMode.HEAR, EarMode.IGNORE)
)


@dataclass
class Scorer:
    """Hears its word after so many bytes of sound, if any."""

    after_bytes: list[int] = field(default_factory=list)
    fed: bytearray = field(default_factory=bytearray)
    fed_since_reset: bytearray = field(default_factory=bytearray)
    resets: int = 0

    def feed(self, pcm: bytes) -> str | None:
        """Hear sound."""
        self.fed += pcm
        self.fed_since_reset += pcm
        if self.after_bytes and len(self.fed) >= self.after_bytes[0]:
            self.after_bytes.pop(0)
            return "word"
        return None

    def reset(self) -> None:
        """Forget it."""
        self.resets += 1
        self.fed_since_reset.clear()


@dataclass
class Room:
    """A listener on a card, in real blocks."""

    settings: GateSettings = field(default_factory=lambda: GateSettings(preroll_ms=1_000))
    manual_turns: bool = True
    scorer: Scorer | None = field(default_factory=Scorer)
    card: PcmFormat = CARD
    news: list[ev.Event] = field(default_factory=list)
    sent: dict[int, bytes] = field(default_factory=dict)
    captured: bytearray = field(default_factory=bytearray)
    """All that the card gave since it was opened."""
    read_blocks: int = 1

    def __post_init__(self) -> None:
        self.listener = Listener(
            self.settings,
            manual_turns=self.manual_turns,
            scorer=self.scorer,
            post=self.news.append,
            send_up=self._take,
            pulse=Pulse("capture"),
        )
        self.listener.opened(self.card)

    def _take(self, turn: int, pcm: bytes) -> None:
        self.sent[turn] = self.sent.get(turn, b"") + pcm

    def hear(self, *sounds: bytes) -> None:
        """Feed sounds in reads as long as the listener wants them."""
        sound = b"".join(sounds)
        while sound:
            read_bytes = self.read_blocks * self.card.block_bytes
            read, sound = sound[:read_bytes], sound[read_bytes:]
            self.captured += read
            self.read_blocks = self.listener.feed(read, 0.0)

    def told(self, kind: type[ev.Event]) -> list[ev.Event]:
        """Return the news of a kind."""
        return [event for event in self.news if isinstance(event, kind)]

    def speak(self, duration_s: float, seed: int = 1) -> bytes:
        """Return a voice at the card's rate."""
        return voice(duration_s, self.card.rate_hz, seed)

    def silence(self, duration_s: float) -> bytes:
        """Return digital silence at the card's rate."""
        return bytes(self.card.frames_of_ms(duration_s * 1_000) * self.card.frame_bytes)

    def wake(self) -> ev.WakeHeard:
        """Have the word heard at the end of its 0.6 s; returns its news."""
        assert self.scorer is not None
        lead_bytes = SCORER_LEAD_BLOCKS * GATE_FORMAT.block_bytes
        word_bytes = 28 * GATE_FORMAT.block_bytes
        self.scorer.after_bytes = [len(self.scorer.fed) + lead_bytes + word_bytes]
        self.hear(self.speak(0.6, seed=7))
        (news,) = self.told(ev.WakeHeard)
        assert isinstance(news, ev.WakeHeard)
        return news


def test_sound_is_news_once_an_opening() -> None:
    """The first sound after every opening says that the microphone works."""
    room = Room()
    room.hear(room.silence(0.2))
    assert room.news == [ev.MicrophoneFound()]
    room.listener.opened(CARD)
    room.hear(room.silence(0.2))
    assert room.news == [ev.MicrophoneFound()] * 2


def test_reads_are_long_while_quiet_shorter_with_sound_and_shortest_in_a_conversation() -> None:
    """A quiet room is read in 240 ms, a voice in 80 ms, a conversation in 20 ms."""
    room = Room()
    assert room.listener.feed(room.silence(0.24), 0.0) == 12
    assert room.listener.feed(room.speak(0.16), 0.0) == 4
    room.listener.set_mode(SetEar(EarMode.WATCH, brisk=True))
    assert room.listener.feed(room.silence(0.08), 0.0) == 1


def test_the_scorer_hears_nothing_of_silence_and_speech_from_before_its_beginning() -> None:
    """It is switched on by sound, half a second back, so that the word's beginning is not missed."""
    room = Room()
    assert room.scorer is not None
    room.hear(room.silence(2))
    assert room.scorer.fed == b""
    room.hear(room.speak(0.5))
    assert len(room.scorer.fed) > (SCORER_LEAD_BLOCKS + 20) * GATE_FORMAT.block_bytes
    resets = room.scorer.resets
    room.hear(room.silence(3))
    assert room.scorer.resets == resets + 1


def test_an_ear_that_is_closed_for_long_obeys_the_latest_orders() -> None:
    """Muted, every spoken text adds two: they do not pile up, and what counts is what was ordered last."""
    room = Room()
    for turn in range(1, 10_001):
        room.listener.set_mode(IGNORE)
        room.listener.open_uplink(OpenUplink(turn, None, speaking=False))
        room.listener.close_uplink(turn)
        room.listener.set_mode(WATCH)
    assert len(room.listener._orders) == ORDERS_MAX
    room.listener.open_uplink(OpenUplink(10_001, None, speaking=False))
    room.listener.set_mode(HEAR)
    room.listener.opened(CARD)
    room.hear(room.speak(0.2))
    assert {turn: len(pcm) for turn, pcm in room.sent.items() if pcm} == {10_001: len(room.speak(0.2))}
    assert (room.listener._orders, room.listener._ear) == (deque(), HEAR)


def test_nothing_is_lost_between_wake_and_late_order() -> None:
    """The loop takes its time; the uplink gets every sample since the pre-roll's beginning, bit by bit."""
    room = Room()
    room.hear(room.silence(2))
    wake = room.wake()
    room.hear(room.silence(0.1), room.speak(1.0), room.silence(0.2))
    room.listener.open_uplink(OpenUplink(1, wake.frame, speaking=False))
    room.listener.set_mode(HEAR)
    room.hear(room.silence(1))

    (ended,) = room.told(ev.SpeechEnded)
    assert ended == ev.SpeechEnded(1, capped=False, silence_ms=500)
    sent = room.sent[1]
    began = wake.frame * CARD.frame_bytes
    assert sent == bytes(room.captured[began : began + len(sent)])
    spoken = room.speak(1.0)
    assert spoken in sent
    after_ms = CARD.ms_of_frames(CARD.frames(sent[sent.index(spoken) + len(spoken) :]))
    assert after_ms == pytest.approx(500, abs=45)


@pytest.mark.parametrize("rate_hz", [48_000, 44_100, 16_000])
def test_the_uplink_of_any_card_is_as_long_as_what_was_heard(rate_hz: int) -> None:
    """Resampled to the link's rate, with the tail that the resampler withheld."""
    room = Room(card=PcmFormat(rate_hz))
    room.hear(room.silence(1))
    room.listener.open_uplink(OpenUplink(1, None, speaking=False))
    room.listener.set_mode(HEAR)
    room.hear(room.speak(1.0), room.silence(1))

    assert len(room.told(ev.SpeechEnded)) == 1
    assert len(room.sent[1]) / 48 == pytest.approx(1_500, abs=45)


def test_a_stereo_card_is_heard_on_its_first_channel() -> None:
    """Mixing would cancel what a microphone array delivers in shifted copies."""
    room = Room(card=PcmFormat(RATE_HZ, channels=2))
    room.listener.open_uplink(OpenUplink(1, None, speaking=False))
    room.hear(b"\1\0\2\0" * 480)
    assert room.sent[1] == b"\1\0" * 480


def test_news_of_an_utterance_that_ended_before_its_order_comes_with_it() -> None:
    """The whole request was said while the loop was busy: its start and end are told, and how long ago it ended."""
    room = Room()
    room.hear(room.silence(2))
    wake = room.wake()
    room.hear(room.speak(0.6), room.silence(1.5))
    assert room.told(ev.SpeechStarted) + room.told(ev.SpeechEnded) == []

    room.listener.open_uplink(OpenUplink(1, wake.frame, speaking=False))
    room.hear(room.silence(0.02))
    started, ended = room.news[-2:]
    assert isinstance(started, ev.SpeechStarted)
    assert isinstance(ended, ev.SpeechEnded)
    assert (started.turn, ended.turn) == (1, 1)
    assert ended.silence_ms == pytest.approx(1_500, abs=60)
    assert room.speak(0.6) in room.sent[1]
    before = len(room.sent[1])
    room.hear(room.speak(0.5))
    assert len(room.sent[1]) == before


def test_a_wake_that_nobody_followed_leaves_the_next_one_alone() -> None:
    """Refused because the server was away, say; the next word is news again, and so is its utterance."""
    room = Room()
    room.hear(room.silence(2))
    room.wake()
    room.hear(room.speak(0.6), room.silence(2))
    room.news.clear()
    wake = room.wake()
    room.listener.open_uplink(OpenUplink(2, wake.frame, speaking=False))
    room.hear(room.silence(0.1))
    assert [type(event) for event in room.news] == [ev.WakeHeard]
    room.hear(room.speak(0.6), room.silence(1))
    assert [type(event) for event in room.news] == [ev.WakeHeard, ev.SpeechStarted, ev.SpeechEnded]


def test_the_button_takes_down_from_now_on() -> None:
    """Without a wake word there is no pre-roll to send: what was said before the button stays here."""
    room = Room()
    room.hear(room.speak(0.5))
    room.listener.open_uplink(OpenUplink(1, None, speaking=False))
    room.hear(room.speak(0.02, seed=2))
    assert room.sent[1] == room.speak(0.02, seed=2)


def test_a_follow_up_is_told_with_its_beginning() -> None:
    """The frame to send from lies before the first speech, so that no word loses its head."""
    room = Room()
    room.listener.set_mode(ATTEND)
    room.hear(room.silence(2))
    began = CARD.frames(room.captured)
    room.hear(room.speak(0.5))

    (started,) = room.told(ev.SpeechStarted)
    assert isinstance(started, ev.SpeechStarted)
    assert started.turn == 0
    assert CARD.ms_of_frames(began - started.frame) == pytest.approx(FOLLOW_UP_LEAD_MS, abs=100)
    room.listener.open_uplink(OpenUplink(1, started.frame, speaking=True))
    room.hear(room.speak(0.3), room.silence(1))
    assert [type(event) for event in room.news[-2:]] == [ev.SpeechStarted, ev.SpeechEnded]
    assert room.speak(0.5) + room.speak(0.3) in room.sent[1]


def test_the_wake_word_in_a_follow_up_belongs_to_its_utterance() -> None:
    """Speech was told already; telling of the word as well would lose the utterance's beginning, and its end."""
    room = Room()
    room.listener.set_mode(ATTEND)
    room.hear(room.silence(1))
    assert room.scorer is not None
    room.scorer.after_bytes = [50 * GATE_FORMAT.block_bytes + 9_000]  # the silence, and some of the speech
    room.hear(room.speak(0.8))
    room.listener.open_uplink(OpenUplink(1, 0, speaking=True))
    room.hear(room.silence(1))
    assert [type(event) for event in room.news] == [ev.MicrophoneFound, ev.SpeechStarted, ev.SpeechEnded]


def test_attention_begins_anew_each_time() -> None:
    """What was said in an earlier follow-up and led nowhere does not stop the next one."""
    room = Room()
    for _ in range(2):
        room.listener.set_mode(ATTEND)
        room.hear(room.silence(1), room.speak(0.5), room.silence(1))
        room.listener.set_mode(WATCH)
        room.hear(room.silence(1))
    assert len(room.told(ev.SpeechStarted)) == 2


def test_the_loudspeaker_is_not_listened_to_when_it_may_not_be_interrupted() -> None:
    """Neither gate nor scorer hear it, and afterwards the gate starts afresh."""
    room = Room()
    assert room.scorer is not None
    room.listener.set_mode(IGNORE)
    room.hear(room.speak(2))
    assert room.news == [ev.MicrophoneFound()]
    assert room.scorer.fed == b""
    room.listener.set_mode(ATTEND)
    room.hear(room.silence(0.5), room.speak(0.5))
    assert len(room.told(ev.SpeechStarted)) == 1


def test_after_the_loudspeaker_a_soft_voice_is_not_compared_with_a_loud_one() -> None:
    """Whoever spoke last may have stood beside the microphone; what came between was not heard."""
    room = Room()
    loud = np.frombuffer(room.speak(0.5), np.int16).clip(-8_191, 8_191) * 4
    soft = np.frombuffer(room.speak(0.6, seed=2), np.int16) // 3
    room.hear(room.silence(1), loud.tobytes())
    room.listener.set_mode(IGNORE)
    room.hear(room.silence(5))
    room.listener.set_mode(ATTEND)
    room.hear(room.silence(0.1), soft.tobytes(), room.silence(0.1))
    assert len(room.told(ev.SpeechStarted)) == 1


@pytest.mark.parametrize("mode", [HEAR, IGNORE])
def test_the_scorer_never_hears_across_a_gap(mode: SetEar) -> None:
    """After an utterance its lead must not begin with the wake word from before it."""
    room = Room()
    assert room.scorer is not None
    room.hear(room.silence(1), room.speak(1.0, seed=7))
    room.listener.set_mode(mode)
    room.listener.open_uplink(OpenUplink(1, None, speaking=False))
    room.hear(room.speak(1.0))
    room.listener.close_uplink(1)
    room.listener.set_mode(WATCH)
    room.hear(room.silence(0.1))
    room.scorer.fed.clear()
    room.hear(room.speak(0.4, seed=2))

    heard_s = len(room.scorer.fed) / GATE_FORMAT.frame_bytes / GATE_FORMAT.rate_hz
    assert 0 < heard_s <= 0.55


def test_a_capped_utterance_says_so() -> None:
    """Somebody who never stops is cut short; its end is the last speech itself."""
    room = Room(GateSettings(max_utterance_s=1.0))
    room.hear(room.silence(0.5))
    room.listener.open_uplink(OpenUplink(1, None, speaking=False))
    room.listener.set_mode(HEAR)
    room.hear(room.speak(2.0))
    (ended,) = room.told(ev.SpeechEnded)
    assert isinstance(ended, ev.SpeechEnded)
    assert ended.capped
    assert ended.silence_ms <= BLOCK_MS * 2


def test_where_the_server_finds_the_end_silence_is_streamed_on() -> None:
    """Our own end of speech is no news; only the order closes the uplink."""
    room = Room(manual_turns=False)
    room.listener.open_uplink(OpenUplink(1, None, speaking=False))
    room.listener.set_mode(HEAR)
    room.hear(room.speak(0.5), room.silence(2))
    assert room.told(ev.SpeechEnded) == []
    assert room.sent[1] == bytes(room.captured)
    room.listener.close_uplink(1)
    room.hear(room.silence(1))
    assert len(room.sent[1]) == len(room.captured) - len(room.silence(1))


def test_an_order_about_another_turn_closes_nothing() -> None:
    """It comes late, and the uplink it meant is closed."""
    room = Room()
    room.listener.open_uplink(OpenUplink(2, None, speaking=False))
    room.listener.close_uplink(1)
    room.hear(room.silence(0.1))
    assert room.sent[2] == room.silence(0.1)


def test_a_reopened_device_forgets_the_open_utterance() -> None:
    """Its sound would not fit together; the conversation is told of the loss by others."""
    room = Room()
    room.listener.open_uplink(OpenUplink(1, None, speaking=False))
    room.hear(room.silence(0.1))
    room.listener.opened(PcmFormat(48_000))
    room.listener.feed(bytes(7_680), 0.0)
    assert room.sent[1] == room.silence(0.1)


def test_what_is_forgotten_is_overwritten() -> None:
    """Muted, nothing of what was said before stays in memory or can be sent."""
    room = Room()
    room.hear(room.speak(1.0))
    preroll = room.listener._preroll
    room.listener.forget()
    assert set(preroll._ring) == {0}
    room.listener.open_uplink(OpenUplink(1, 0, speaking=False))
    room.hear(room.silence(0.1))
    assert room.sent[1] == room.silence(0.1)


def test_gaps_are_counted() -> None:
    """They are told at the end of the turn."""
    room = Room()
    room.listener.overran()
    room.listener.overran()
    assert room.listener.overruns == 2


def test_without_wake_words_there_is_no_wake() -> None:
    """Push-to-talk only: nothing scores."""
    room = Room(scorer=None)
    room.hear(room.speak(1.0))
    assert room.news == [ev.MicrophoneFound()]


def test_every_read_is_a_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    """A microphone that is not read starves the watchdog."""
    room = Room()
    beats: list[str] = []
    monkeypatch.setattr(Pulse, "beat", lambda pulse: beats.append(pulse.name))
    room.hear(room.silence(0.02), room.silence(0.08))
    assert beats == ["capture"] * 2


def test_orders_are_taken_in_their_order() -> None:
    """Closing the last and opening the next utterance between two reads leaves the next one open."""
    room = Room()
    room.listener.open_uplink(OpenUplink(1, None, speaking=False))
    room.hear(room.silence(0.02))
    room.listener.close_uplink(1)
    room.listener.open_uplink(OpenUplink(2, None, speaking=False))
    room.listener.set_mode(HEAR)
    room.hear(room.silence(0.02))
    assert room.sent == {1: room.silence(0.02), 2: room.silence(0.02)}
