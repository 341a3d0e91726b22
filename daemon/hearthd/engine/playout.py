"""Reply audio on its way to the loudspeaker, and the account of what was heard of it."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Lock
from time import monotonic

from hearthd.core.audio.earcons import Earcon, render
from hearthd.core.audio.jitter import JitterBuffer, JitterOverflow
from hearthd.core.audio.ledger import HeardPart, PlayoutLedger, ReplyPart
from hearthd.core.audio.pcm import LINK_FORMAT, LINK_RATE_HZ, SAMPLE_BYTES, PcmFormat
from hearthd.core.audio.resample import Resampler
from hearthd.core.audio.samples import spread, with_gain
from hearthd.core.conversation import events as ev
from hearthd.engine.liveness import Clock, Pulse
from hearthd.ports import Speaker

log = logging.getLogger(__name__)

Post = Callable[[ev.Event], None]
Audible = Callable[[str, float], None]
"""Takes a response's identifier and the monotonic second at which it began to be heard."""
OnLoop = Callable[[Callable[[], None]], None]

STALL_S = 1.0
"""What waits for a cushion is played when nothing more came for so long: more than twice what a cushion can bridge."""
EARCON = ReplyPart("hearthd", "earcon", 0)
"""Stands for all tones of our own, which are no part of any reply."""


@dataclass(frozen=True, slots=True)
class _Start:
    """A response that has not been heard yet."""

    response_id: str
    frame: int
    """How many frames of replies are heard before it."""


class Playout:
    """The mouth: filled on the event loop, emptied in the loudspeaker's thread, one lock between the two.

    Inside, everything counts in link-rate frames; what the card reports is translated on the way in, so the account
    stays right whatever the resampler withholds.
    """

    def __init__(self, post: Post, on_loop: OnLoop, audible: Audible, pulse: Pulse, clock: Clock = monotonic) -> None:
        """`post` and `audible` are called on the loop; `on_loop` takes calls there from the loudspeaker's thread."""
        self._post = post
        self._on_loop = on_loop
        self._audible = audible
        self._pulse = pulse
        self._clock = clock
        self._lock = Lock()
        self._jitter: JitterBuffer[ReplyPart] = JitterBuffer(LINK_RATE_HZ)
        self._pushed_s = 0.0
        self._overflowed: str | None = None
        """The response that was too long to be played whole."""
        self._ledger = PlayoutLedger()
        self._received_frames = 0
        self._cut_ledger: PlayoutLedger | None = None
        """The account of what was cut and is not yet known to have fallen silent."""
        self._never_played: tuple[HeardPart, ...] = ()
        """What came and was cut after that, while the loudspeaker was still to fall silent."""
        self._opened = False
        self._format = PcmFormat(LINK_RATE_HZ)
        self._resampler = Resampler(LINK_RATE_HZ, LINK_RATE_HZ)
        self._carry = bytearray()
        self._link_frames_in = 0
        self._card_frames_out = 0
        self._card_frames_heard = 0
        self._announced: str | None = None
        """The response whose start was posted and whose end was not."""
        self._starts: deque[_Start] = deque()
        self._gain = 1.0
        self.underruns = 0
        self._speaker: Speaker | None = None

    # On the event loop

    def attach(self, speaker: Speaker) -> None:
        """Wake `speaker` whenever there is something to do."""
        self._speaker = speaker

    def set_volume(self, percent: int) -> None:
        """Scale all that is played from now on; 100 leaves every sample as it is."""
        self._gain = (percent / 100) ** 2  # squared: loudness then follows the knob

    def push(self, part: ReplyPart, pcm: bytes) -> None:
        """Queue reply audio at the link rate; nothing of it is ever dropped but by `cut`."""
        with self._lock:
            try:
                frames = self._jitter.push(part, pcm, self._clock())
            except JitterOverflow as overflow:
                self._complain(part.response_id, overflow)
                return
            if frames == 0:
                return  # half a sample, and the other half is to come
            starts = part.response_id != self._announced
            if starts:
                self._announced = part.response_id
                self._starts.append(_Start(part.response_id, self._received_frames))
            self._pushed_s = self._clock()
            self._ledger.received(part, frames)
            self._received_frames += frames
        if starts:
            self._post(ev.PlayoutStarted(part.response_id))
        self._nudge()

    def finish(self, part: ReplyPart | None = None) -> None:
        """Play out what there is, even below the cushion: no more is coming for `part`, or for any."""
        with self._lock:
            self._jitter.finish(part)
            self._ledger.finish(part)
        self._nudge()

    def play_earcon(self, earcon: Earcon) -> None:
        """Queue one of our own tones behind whatever is being played; without a loudspeaker it would come too late."""
        with self._lock:
            if not self._opened:
                return
            try:
                self._jitter.push(EARCON, render(earcon, LINK_RATE_HZ), self._clock())
            except JitterOverflow as overflow:
                self._complain(earcon, overflow)
            self._jitter.finish(EARCON)
        self._nudge()

    def cut(self) -> None:
        """Silence everything at once; `SpeechCut` is posted when the card has let go."""
        with self._lock:
            self._jitter.drop()
            if self._cut_ledger is None:
                self._cut_ledger = self._ledger
            else:
                self._never_played += self._ledger.cut(0)
            self._ledger = PlayoutLedger()
            self._received_frames = 0
            self._announced = None
            self._starts.clear()
            opened = self._opened
            unheard_frames = self._card_frames_out - self._card_frames_heard
        if opened and self._speaker is not None:
            self._speaker.cut()
        else:
            self.silenced(unheard_frames)

    def hush(self) -> None:
        """Cut if there is anything of a reply to be heard, announced or not."""
        with self._lock:
            speaks = self._announced is not None
        if speaks:
            self.cut()

    def lost(self) -> None:
        """Forget what the lost card held: it will not be heard."""
        with self._lock:
            self._opened = False
        self.cut()

    def _tell_drained(self) -> None:
        """Post the end, unless the next reply has begun since the loudspeaker's thread saw it."""
        if self._announced is None:
            self._post(ev.PlayoutDrained())

    def _nudge(self) -> None:
        if self._speaker is not None:
            self._speaker.nudge()

    def _complain(self, what: str, overflow: JitterOverflow) -> None:
        if self._overflowed != what:
            self._overflowed = what
            log.warning(
                "a reply outgrew the playout buffer, and its rest is not played: %s",
                overflow,
                extra={"HEARTHD_EVENT": "reply_too_long", "HEARTHD_PROBLEM": str(overflow)},
            )

    # In the loudspeaker's thread

    def opened(self, granted: PcmFormat) -> None:
        """Resample to the rate that the card granted."""
        with self._lock:
            self._opened = True
            self._format = granted
            self._resampler = Resampler(LINK_RATE_HZ, granted.rate_hz)
            self._forget_position()
        self._on_loop(lambda: self._post(ev.SpeakerFound()))

    def pull(self, frames: int) -> bytes:
        """Give the card what is due; see `ports.Mouth`."""
        self._pulse.beat()
        with self._lock:
            if self._cut_ledger is not None:
                return b""
            self._fill(frames)
            due = bytes(self._carry[: frames * SAMPLE_BYTES])
            del self._carry[: len(due)]
            self._card_frames_out += len(due) // SAMPLE_BYTES
            in_vain = self._swallowed()
        if in_vain:
            self.played(0)
        return spread(with_gain(due, self._gain), self._format.channels)

    def played(self, pending_frames: int) -> None:
        """Keep the account; tell when a reply begins to be heard and when all of it has been."""
        with self._lock:
            if self._cut_ledger is not None:
                return
            self._card_frames_heard = self._card_frames_out - pending_frames
            heard_frames = self._ledger.heard(self._pending_link_frames(pending_frames))
            begun = self._begun(heard_frames)
            silent = pending_frames == 0 and not self._carry
            drained = silent and self._ran_out()
            tail = silent and bool(self._carry)
        for response_id, began_s in begun:
            self._on_loop(partial(self._audible, response_id, began_s))
        if drained:
            self._on_loop(self._tell_drained)
        if tail:
            self._nudge()

    def silenced(self, pending_frames: int) -> None:
        """Settle the account of what was cut."""
        with self._lock:
            if self._cut_ledger is None:
                return
            heard = self._cut_ledger.cut(self._pending_link_frames(pending_frames)) + self._never_played
            self._cut_ledger = None
            self._never_played = ()
            self._resampler.reset()
            self._forget_position()
        self._on_loop(lambda: self._post(ev.SpeechCut(heard)))
        self._nudge()

    def underran(self) -> None:
        """Count the card running dry in mid-stream."""
        self.underruns += 1

    # With the lock held

    def _fill(self, frames: int) -> None:
        """Have `frames` card frames at hand, if there are so many."""
        while (missing := frames - len(self._carry) // SAMPLE_BYTES) > 0:
            pieces = self._jitter.pull(max(1, missing * LINK_RATE_HZ // self._format.rate_hz))
            for piece in pieces:
                link_frames = LINK_FORMAT.frames(piece.pcm)
                self._ledger.written(None if piece.key == EARCON else piece.key, link_frames)
                self._link_frames_in += link_frames
                self._carry += self._resampler.feed(piece.pcm)
            if pieces:
                continue
            if self._jitter.depth_ms and self._clock() - self._pushed_s > STALL_S:
                self._jitter.release()
                continue
            if self._jitter.exhausted:
                self._carry += self._resampler.flush()
            return

    def _swallowed(self) -> bool:
        """Tell whether a reply is over of which the resampler made no frame, so that the card will never tell."""
        in_card = self._card_frames_out > self._card_frames_heard
        return self._announced is not None and self._jitter.exhausted and not (self._carry or in_card)

    def _begun(self, heard_frames: int) -> list[tuple[str, float]]:
        """Take out the responses that are heard by now, each with the moment at which it began."""
        begun = []
        while self._starts and heard_frames > self._starts[0].frame:
            start = self._starts.popleft()
            since_s = (heard_frames - start.frame) / LINK_RATE_HZ
            begun.append((start.response_id, self._clock() - since_s))
        return begun

    def _ran_out(self) -> bool:
        """Settle what it means that the card is silent; tells whether a reply has come to its end, for now."""
        self._jitter.underran()
        if self._jitter.depth_ms:
            return False
        self._carry += self._resampler.flush()  # the sound that it withholds must not come after the gap
        if self._carry:
            return False
        self._ledger.heard(0)
        self._forget_position()
        ends = self._announced is not None
        self._announced = None
        return ends

    def _pending_link_frames(self, pending_card_frames: int) -> int:
        """Translate what the card has not played yet; what waits in between counts as not heard."""
        heard = (self._card_frames_out - pending_card_frames) * LINK_RATE_HZ // self._format.rate_hz
        return max(0, self._link_frames_in - heard)

    def _forget_position(self) -> None:
        self._carry.clear()
        self._link_frames_in = 0
        self._card_frames_out = 0
        self._card_frames_heard = 0
