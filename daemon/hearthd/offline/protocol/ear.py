"""What a client sends of sound: kept, cut into utterances, and handed to the recogniser while it arrives."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hearthd.core.audio.endpoint import Endpoint, EndPointer
from hearthd.core.audio.gate import Verdict, VoiceGate
from hearthd.core.audio.pcm import BLOCK_MS, GATE_FORMAT, LINK_FORMAT
from hearthd.core.audio.resample import Resampler
from hearthd.offline.parts import Grammar
from hearthd.offline.protocol import limits
from hearthd.offline.protocol.refused import Refused
from hearthd.offline.protocol.settings import TurnDetection
from hearthd.offline.serving.jobs import Conclude, Feed, Forget, Listen, Order

_MOST_BYTES: Final = LINK_FORMAT.frames_of_ms(limits.UTTERANCE_S * 1_000) * LINK_FORMAT.frame_bytes
_SLICE_BYTES: Final = LINK_FORMAT.frames_of_ms(limits.SLICE_MS) * LINK_FORMAT.frame_bytes
_BYTES_PER_MS: Final = LINK_FORMAT.frames_of_ms(1) * LINK_FORMAT.frame_bytes
_HEARD_BYTES_PER_MS: Final = GATE_FORMAT.frames_of_ms(1) * GATE_FORMAT.frame_bytes
_LEAD_MS: Final = 500
"""Kept while nobody speaks, on top of the padding: an utterance is known to be one 240 ms after it began at the latest,
and the resampler holds back 12 ms."""


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """Somebody speaks since `start_ms`, padding included, of all sound of the session."""

    start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """Nobody speaks any more, known at `end_ms`; or nobody may go on, because it was too long."""

    end_ms: int
    cut: bool


@dataclass(frozen=True, slots=True)
class Overflowed:
    """The buffer is full; what follows is dropped until it is committed or cleared. Told once."""


Noticed = SpeechBegan | SpeechEnded | Overflowed


@dataclass(frozen=True, slots=True)
class Utterance:
    """Sound that became an item, and the job that hears it."""

    job: int
    pcm: bytes = field(repr=False)
    duration_ms: float


class Ear:
    """The input buffer of one session. Sound comes at 24 kHz and is heard at 16 kHz; positions count frames of each.

    Large pieces are taken in slices, so that nobody else waits: call `advance` while `pending`.
    """

    def __init__(
        self, grammar: Callable[[], Grammar], new_job: Callable[[], int], order: Callable[[Order], None]
    ) -> None:
        """Hear sentences of what `grammar` returns when an utterance begins; `order` takes what the worker shall do."""
        self._grammar = grammar
        self._new_job = new_job
        self._order = order
        self._backlog = bytearray()
        self._pcm = bytearray()
        self._start = 0
        """Frames of the session before the buffer's first."""
        self._resampler = Resampler(LINK_FORMAT.rate_hz, GATE_FORMAT.rate_hz)
        self._heard = bytearray()
        """The buffer at 16 kHz, a little behind."""
        self._fed = 0
        """Bytes of `_heard` that the recogniser has had."""
        self._job: int | None = None
        self._told_full = False
        self._detection: TurnDetection | None = None
        self._gate = VoiceGate(2)
        self._ends = EndPointer(1, 1)
        self._judged = 0
        """Bytes of `_heard` that the gate has seen."""

    @property
    def pending(self) -> bool:
        """Whether `advance` has work to do."""
        least = LINK_FORMAT.frame_bytes if self._detection is None else LINK_FORMAT.block_bytes
        return len(self._backlog) >= least

    def configure(self, detection: TurnDetection | None) -> None:
        """Find turns like this from here on, or leave that to the client (None)."""
        if detection == self._detection:
            return
        self._detection = detection
        if detection is not None:
            self._forget()
            self._gate = VoiceGate(round(detection.threshold * 3))
            self._ends = EndPointer(detection.silence_ms, limits.UTTERANCE_S)
            self._ends.begin()
            self._judged = len(self._heard)

    def listen_anew(self) -> None:
        """Hear what was said so far once more, because the grammar changed."""
        if self._job is not None:
            self._forget()
            self._listen()

    def take(self, pcm: bytes) -> None:
        """Take more sound, for `advance` to work off; may end within a sample."""
        self._backlog += pcm

    def advance(self) -> Noticed | None:
        """Work off one slice of what was taken, or less: up to the first thing worth noticing."""
        return self._advance_freely() if self._detection is None else self._advance_watchfully(self._detection)

    def commit(self) -> Utterance:
        """End the utterance, which is all of the buffer. Raises `Refused` below 100 ms."""
        self._hold(self._next(_MOST_BYTES - len(self._pcm)))
        held_ms = LINK_FORMAT.ms_of_frames(LINK_FORMAT.frames(self._pcm))
        if held_ms < limits.COMMIT_LEAST_MS:
            text = (
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{limits.COMMIT_LEAST_MS}ms of audio, but buffer only has {held_ms:.2f}ms of audio."
            )
            raise Refused("input_audio_buffer_commit_empty", text)
        self._heard += self._resampler.flush()
        self._listen()
        return self._cut(len(self._pcm))

    def cut_at(self, end_ms: int) -> Utterance:
        """End the utterance that `SpeechEnded` told of; what came after it stays."""
        return self._cut((end_ms - self._start_ms) * _BYTES_PER_MS)

    def clear(self) -> None:
        """Forget all that is not committed."""
        self._forget()
        self._backlog.clear()
        self._resampler.reset()
        self._drop(len(self._pcm))
        self._ends.begin()

    def _advance_freely(self) -> Noticed | None:
        room = _MOST_BYTES - len(self._pcm)
        if room <= 0:
            self._backlog.clear()
            told, self._told_full = self._told_full, True
            return None if told else Overflowed()
        self._hold(self._next(min(room, _SLICE_BYTES)))
        if self._heard:
            self._listen()
        return None

    def _advance_watchfully(self, detection: TurnDetection) -> Noticed | None:
        for _ in range(limits.SLICE_MS // BLOCK_MS):
            if not self.pending:
                break
            self._hold(self._next(LINK_FORMAT.block_bytes))
            if noticed := self._judge(detection):
                return noticed
        return None

    def _judge(self, detection: TurnDetection) -> Noticed | None:
        block = GATE_FORMAT.block_bytes
        noticed: Noticed | None = None
        while noticed is None and len(self._heard) - self._judged >= block:
            verdict = self._gate.feed(bytes(self._heard[self._judged : self._judged + block]))
            self._judged += block
            end = self._ends.feed(verdict is Verdict.SPEECH)
            if end is Endpoint.STARTED:
                noticed = self._speech_began(detection)
            elif end is not None:
                noticed = SpeechEnded(self._judged_ms, cut=end is Endpoint.CAPPED)
        if self._job is not None:
            self._listen()
        elif self._judged_ms - self._start_ms > 2 * (kept_ms := detection.prefix_padding_ms + _LEAD_MS):
            self._drop((self._judged_ms - self._start_ms - kept_ms) * _BYTES_PER_MS)
        return noticed

    def _speech_began(self, detection: TurnDetection) -> SpeechBegan:
        assert self._ends.began_blocks_ago is not None, "an utterance that started began some time"
        began_ms = self._judged_ms - self._ends.began_blocks_ago * BLOCK_MS
        start_ms = max(began_ms - detection.prefix_padding_ms, self._start_ms)
        self._drop((start_ms - self._start_ms) * _BYTES_PER_MS)
        self._listen()
        return SpeechBegan(start_ms)

    @property
    def _start_ms(self) -> int:
        return int(LINK_FORMAT.ms_of_frames(self._start))

    @property
    def _judged_ms(self) -> int:
        """How far the gate is, of all sound of the session."""
        return self._start_ms + self._judged // _HEARD_BYTES_PER_MS

    def _listen(self) -> None:
        """Hand the recogniser what it has not had."""
        if self._job is None:
            self._job, self._fed = self._new_job(), 0
            self._order(Listen(self._job, self._grammar()))
        if len(self._heard) > self._fed:
            self._order(Feed(self._job, bytes(self._heard[self._fed :])))
            self._fed = len(self._heard)

    def _forget(self) -> None:
        if self._job is not None:
            self._order(Forget(self._job))
            self._job = None

    def _next(self, size: int) -> bytes:
        """Take up to `size` bytes of what waits, in whole samples; half a sample waits for its other half."""
        size = min(size, len(self._backlog)) // LINK_FORMAT.frame_bytes * LINK_FORMAT.frame_bytes
        pcm = bytes(self._backlog[:size])
        del self._backlog[:size]
        return pcm

    def _hold(self, pcm: bytes) -> None:
        self._pcm += pcm
        self._heard += self._resampler.feed(pcm)

    def _cut(self, size: int) -> Utterance:
        """Make the first `size` bytes of the buffer an utterance."""
        self._listen()
        assert self._job is not None, "listening is a job"
        job, self._job = self._job, None
        self._order(Conclude(job))
        pcm = bytes(self._pcm[:size])
        self._drop(size)
        self._ends.begin()
        return Utterance(job, pcm, LINK_FORMAT.ms_of_frames(LINK_FORMAT.frames(pcm)))

    def _drop(self, size: int) -> None:
        """Let go of the first `size` bytes of the buffer, while no utterance is under way."""
        heard = size * _HEARD_BYTES_PER_MS // _BYTES_PER_MS // GATE_FORMAT.frame_bytes * GATE_FORMAT.frame_bytes
        self._start += size // LINK_FORMAT.frame_bytes
        del self._pcm[:size]
        del self._heard[: heard if self._pcm else len(self._heard)]
        self._judged = max(0, self._judged - heard)
        self._told_full = False
