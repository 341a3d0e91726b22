"""The ear: finds wake words and utterances in captured sound, in the microphone's thread.

The loop gives orders (`set_mode`, `open_uplink`, `close_uplink`); the thread takes them up between two reads. News and
uplink sound leave through the callables handed in, which must be callable from any thread.
"""

from collections import deque
from collections.abc import Callable

from hearthd.core.audio.endpoint import Endpoint, EndPointer
from hearthd.core.audio.gate import Verdict, VoiceGate
from hearthd.core.audio.pcm import BLOCK_MS, GATE_FORMAT, GATE_RATE_HZ, LINK_RATE_HZ, PcmFormat
from hearthd.core.audio.preroll import Preroll
from hearthd.core.audio.resample import Resampler
from hearthd.core.audio.samples import to_mono
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.commands import EarMode, OpenUplink, SetEar
from hearthd.core.settings import GateSettings
from hearthd.engine.liveness import Pulse
from hearthd.ports import WakeScorer

QUIET_READ_BLOCKS = 12
"""240 ms a read while the room is quiet: a wake-up costs more than the sound it brings. What begins meanwhile is read
whole, and no wake word is over by then. With 160 ms, an idle second took 6.4 ms of CPU, so it takes 4.7."""
SOUND_READ_BLOCKS = 4
"""80 ms a read while there may be a voice: a wake word can wait that long to be noticed."""
BRISK_READ_BLOCKS = 1
"""20 ms a read in a conversation."""
SCORER_LEAD_BLOCKS = 75
"""The scorer begins 1.5 s before the voice was noticed, because its front end has to learn the room's noise first: of
24 synthetic "okay nabu" over noise 5 were heard with 0.5 s, 23 with 1 s and 24 with 1.5 s; recorded words need less."""
FOLLOW_UP_LEAD_MS = 500
"""Sent from before the point where speech was noticed without a wake word: in noise that comes up to 0.37 s late."""
ORDER_SLACK_MS = 2_000
"""How late the loop may take up a wake before any of its pre-roll is lost."""
ORDERS_MAX = 64
"""While no microphone is open, orders may wait for days. The latest few settle the ear's mode and its utterance, and
between two reads comes a handful."""

Post = Callable[[ev.Event], None]
SendUp = Callable[[int, bytes], None]


class Listener:
    """Implements `ports.Ear`."""

    def __init__(
        self,
        settings: GateSettings,
        *,
        manual_turns: bool,
        scorer: WakeScorer | None,
        post: Post,
        send_up: SendUp,
        pulse: Pulse,
    ) -> None:
        """Without a `scorer` there is no wake word. `send_up(turn, pcm)` takes link-rate PCM."""
        self._settings = settings
        self._manual_turns = manual_turns
        self._scorer = scorer
        self._post = post
        self._send_up = send_up
        self._pulse = pulse
        self._orders: deque[SetEar | OpenUplink | int] = deque(maxlen=ORDERS_MAX)
        self._ear = SetEar(EarMode.WATCH, brisk=False)
        self._turn = 0
        self.overruns = 0
        self.opened(PcmFormat(GATE_RATE_HZ))

    # Orders, from the loop

    def set_mode(self, ear: SetEar) -> None:
        """Listen that way from the next read on."""
        self._orders.append(ear)

    def open_uplink(self, order: OpenUplink) -> None:
        """Take an utterance down from the next read on, reaching back as far as the order says."""
        self._orders.append(order)

    def close_uplink(self, turn: int) -> None:
        """Take the utterance of `turn` down no further."""
        self._orders.append(turn)

    # The ear, in the microphone's thread

    def opened(self, granted: PcmFormat) -> None:
        """Begin anew at the rate that the card granted; what was heard before is forgotten."""
        self._format = granted
        self._mono = PcmFormat(granted.rate_hz)
        self._to_gate = Resampler(granted.rate_hz, GATE_RATE_HZ, thrifty=True)
        self._to_link = Resampler(granted.rate_hz, LINK_RATE_HZ)
        self._preroll = Preroll(self._mono, self._settings.preroll_ms + ORDER_SLACK_MS)
        self._gate = VoiceGate(self._settings.vad_level)
        self._endpointer = EndPointer(self._settings.end_of_speech_ms, self._settings.max_utterance_s)
        self._blocks = bytearray()
        self._lead: deque[bytes] = deque(maxlen=SCORER_LEAD_BLOCKS)
        self._scoring = False
        self._quiet = False
        self._turn = 0
        self._following: bool
        self._unreported: list[Endpoint]
        self._spoke_frame: int
        self._delivered = False
        self._begin_utterance()
        if self._scorer is not None:
            self._scorer.reset()

    def forget(self) -> None:
        """Overwrite what was heard; only while no microphone is open."""
        self._preroll.clear()
        self.opened(self._format)

    def overran(self) -> None:
        """Count a gap in the sound; what follows is heard as if nothing were missing."""
        self.overruns += 1

    def feed(self, pcm: bytes, captured_at_s: float) -> int:
        """Hear whole blocks; see `ports.Ear`."""
        del captured_at_s  # news is stamped when it is dealt with; all else here counts frames
        self._pulse.beat()
        if not self._delivered:
            self._delivered = True
            self._post(ev.MicrophoneFound())
        mono = to_mono(pcm, self._format.channels)
        self._take_orders()
        self._preroll.keep(mono)
        if self._turn:
            self._send_up(self._turn, self._to_link.feed(mono))
        self._blocks += self._to_gate.feed(mono)
        while len(self._blocks) >= GATE_FORMAT.block_bytes:
            block = bytes(self._blocks[: GATE_FORMAT.block_bytes])
            del self._blocks[: GATE_FORMAT.block_bytes]
            self._hear(block)
        if self._ear.brisk:
            return BRISK_READ_BLOCKS
        return QUIET_READ_BLOCKS if self._quiet else SOUND_READ_BLOCKS

    def _take_orders(self) -> None:
        while self._orders:
            match self._orders.popleft():
                case SetEar() as ear:
                    self._change(ear)
                case OpenUplink() as order:
                    self._open(order)
                case int(turn):
                    if turn == self._turn:
                        self._end_uplink(flush=False)

    def _change(self, ear: SetEar) -> None:
        if ear.mode is EarMode.ATTEND and self._ear.mode is not EarMode.ATTEND:
            self._begin_utterance()
        if ear.mode in {EarMode.IGNORE, EarMode.HEAR}:
            self._stop_scoring()
            self._lead.clear()  # what is scored next does not follow upon it
        elif self._ear.mode is EarMode.IGNORE:
            self._gate.reset()
        self._ear = ear

    # Wake word

    def _hear(self, block: bytes) -> None:
        mode = self._ear.mode
        if mode is EarMode.IGNORE:
            return
        verdict = self._gate.feed(block)
        self._quiet = verdict is Verdict.QUIET
        speech = verdict is Verdict.SPEECH
        if self._following:
            self._follow(speech=speech)
        elif mode is EarMode.ATTEND and self._endpointer.feed(speech) is Endpoint.STARTED:
            self._following = True
            lead_ms = (self._endpointer.began_blocks_ago or 0) * BLOCK_MS + FOLLOW_UP_LEAD_MS
            self._post(ev.SpeechStarted(0, self._frame_before(lead_ms)))
        if self._scorer is not None and not self._turn:
            self._score(self._scorer, block, sound=verdict is not Verdict.QUIET)

    def _score(self, scorer: WakeScorer, block: bytes, *, sound: bool) -> None:
        word = None
        if sound:
            if not self._scoring:
                self._scoring = True
                for earlier in self._lead:
                    word = scorer.feed(earlier) or word
            word = scorer.feed(block) or word
        else:
            self._stop_scoring()
        self._lead.append(block)
        if word is None or (self._following and self._ear.mode is EarMode.ATTEND):
            return  # a word inside of speech that was told already belongs to its utterance
        self._begin_utterance()
        self._following = True
        self._post(ev.WakeHeard(word, self._frame_before(self._settings.preroll_ms)))

    def _stop_scoring(self) -> None:
        if self._scoring and self._scorer is not None:
            self._scoring = False
            self._scorer.reset()

    def _frame_before(self, lead_ms: float) -> int:
        return max(0, self._preroll.end_frame - self._mono.frames_of_ms(lead_ms))

    # Utterance

    def _begin_utterance(self) -> None:
        self._endpointer.begin()
        self._following = False
        self._unreported = []
        self._spoke_frame = self._preroll.end_frame

    def _open(self, order: OpenUplink) -> None:
        if order.from_frame is None:
            self._begin_utterance()
        self._following = True
        self._turn = order.turn
        self._to_link.reset()
        start = self._preroll.end_frame if order.from_frame is None else order.from_frame
        self._send_up(self._turn, self._to_link.feed(self._preroll.since(start)))
        overdue, self._unreported = self._unreported, []
        for endpoint in overdue:
            self._tell(endpoint)

    def _follow(self, *, speech: bool) -> None:
        endpoint = self._endpointer.feed(speech)
        if endpoint is None:
            return
        self._spoke_frame = self._frame_before((self._endpointer.ended_blocks_ago or 0) * BLOCK_MS)
        if self._turn:
            self._tell(endpoint)
        else:
            self._unreported.append(endpoint)
            self._following = endpoint is Endpoint.STARTED

    def _tell(self, endpoint: Endpoint) -> None:
        turn = self._turn
        if endpoint is Endpoint.STARTED:
            self._post(ev.SpeechStarted(turn, self._preroll.end_frame))
        elif self._manual_turns or endpoint is Endpoint.CAPPED:
            silence_ms = round(self._mono.ms_of_frames(self._preroll.end_frame - self._spoke_frame))
            self._end_uplink(flush=True)
            self._post(ev.SpeechEnded(turn, endpoint is Endpoint.CAPPED, silence_ms))

    def _end_uplink(self, *, flush: bool) -> None:
        if flush:
            self._send_up(self._turn, self._to_link.flush())
        self._turn = 0
        self._begin_utterance()
