"""Reply audio on its way to the loudspeaker, and the account of what was heard of it."""

import asyncio
import logging
from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Never

from hearthd.core.audio.earcons import Earcon, render
from hearthd.core.audio.jitter import JitterBuffer, JitterOverflow
from hearthd.core.audio.ledger import PlayoutLedger, ReplyPart
from hearthd.core.audio.pcm import LINK_FORMAT, LINK_RATE_HZ, SAMPLE_BYTES, PcmFormat
from hearthd.core.audio.resample import Resampler
from hearthd.core.audio.samples import spread, with_gain
from hearthd.core.conversation import events as ev
from hearthd.core.realtime.backoff import Backoff
from hearthd.engine.liveness import BEAT_EVERY_S, Pulse
from hearthd.engine.outage import Outage
from hearthd.ports import DeviceUnavailable, Speaker

log = logging.getLogger(__name__)

Post = Callable[[ev.Event], None]
Audible = Callable[[str, float], None]
"""Takes a response's identifier and the monotonic second at which it began to be heard."""
OnLoop = Callable[[Callable[[], None]], None]

EARCON_RESPONSE = "earcon"
"""Stands for the response in the parts that are our own tones; the server's identifiers have a prefix."""
REOPEN_FIRST_S = 0.25
REOPEN_CAP_S = 4.0
"""As for the microphone: cheap while a card is away, back within 5 s of its return."""


class Playout:
    """The mouth: filled on the event loop, emptied in the loudspeaker's thread, one lock between the two.

    Inside, everything counts in link-rate frames; what the card reports is translated on the way in, so the account
    stays right whatever the resampler withholds.
    """

    def __init__(self, post: Post, on_loop: OnLoop, audible: Audible, pulse: Pulse) -> None:
        """`post` and `audible` are called on the loop; `on_loop` takes calls there from the loudspeaker's thread."""
        self._post = post
        self._on_loop = on_loop
        self._audible = audible
        self._pulse = pulse
        self._lock = Lock()
        self._jitter: JitterBuffer[ReplyPart] = JitterBuffer(LINK_RATE_HZ)
        self._ledger = PlayoutLedger()
        self._cut_ledger: PlayoutLedger | None = None
        """The account of what was cut and is not yet known to have fallen silent."""
        self._opened = False
        self._format = PcmFormat(LINK_RATE_HZ)
        self._resampler = Resampler(LINK_RATE_HZ, LINK_RATE_HZ)
        self._carry = bytearray()
        self._link_frames_in = 0
        self._card_frames_out = 0
        self._announced: str | None = None
        """The response whose start was posted and whose end was not."""
        self._awaited: str | None = None
        """The response whose first frame has not been heard yet."""
        self._gain = 1.0
        self._earcons = 0
        self.underruns = 0
        self.speaker: Speaker | None = None
        """Woken whenever there is something to do."""

    # On the event loop

    def set_volume(self, percent: int) -> None:
        """Scale all that is played from now on; 100 leaves every sample as it is."""
        self._gain = (percent / 100) ** 2  # squared: loudness then follows the knob

    def push(self, part: ReplyPart, pcm: bytes) -> None:
        """Queue reply audio at the link rate; nothing of it is ever dropped but by `cut`."""
        with self._lock:
            try:
                frames = self._jitter.push(part, pcm, monotonic())
            except JitterOverflow:
                log.warning("a reply outgrew the playout buffer; its rest is not played")
                return
            self._ledger.received(part, frames)
            starts = part.response_id not in {self._announced, EARCON_RESPONSE}
            if starts:
                self._announced = self._awaited = part.response_id
        if starts:
            self._post(ev.PlayoutStarted(part.response_id))
        self._nudge()

    def finish(self) -> None:
        """Play out what there is, even below the cushion: no more is coming for now."""
        with self._lock:
            self._jitter.finish()
            self._ledger.finish()
        self._nudge()

    def play_earcon(self, earcon: Earcon) -> None:
        """Queue one of our own tones behind whatever is being played."""
        self._earcons += 1
        part = ReplyPart(EARCON_RESPONSE, f"{EARCON_RESPONSE}_{self._earcons}", 0)
        self.push(part, render(earcon, LINK_RATE_HZ))
        self.finish()

    def cut(self) -> None:
        """Silence everything at once; `SpeechCut` is posted when the card has let go."""
        with self._lock:
            self._jitter.drop()
            self._cut_ledger, self._ledger = self._ledger, PlayoutLedger()
            self._announced = self._awaited = None
            opened = self._opened
        if opened and self.speaker is not None:
            self.speaker.cut()
        else:
            self.silenced(0)

    def lost(self) -> None:
        """Forget what the lost card held: it will not be heard."""
        self._opened = False
        if self._cut_ledger is None:
            self.cut()
        else:
            self.silenced(0)

    def _tell_drained(self) -> None:
        """Post the end, unless the next reply has begun since the loudspeaker's thread saw it."""
        if self._announced is None:
            self._post(ev.PlayoutDrained())

    def _nudge(self) -> None:
        if self.speaker is not None:
            self.speaker.nudge()

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
        return spread(with_gain(due, self._gain), self._format.channels)

    def played(self, pending_frames: int) -> None:
        """Keep the account; tell when a reply begins to be heard and when all of it has been."""
        drained = False
        with self._lock:
            if self._cut_ledger is not None:
                return
            self._ledger.heard(self._pending_link_frames(pending_frames))
            heard_first, self._awaited = (self._awaited, None) if self._card_frames_out else (None, self._awaited)
            if pending_frames == 0 and not self._carry:
                self._jitter.underran()
            if pending_frames == 0 and not self._carry and not self._jitter.depth_ms:
                drained = self._announced is not None
                self._announced = None
                self._resampler.reset()
                self._forget_position()
        if heard_first is not None:
            now_s = monotonic()
            self._on_loop(lambda: self._audible(heard_first, now_s))
        if drained:
            self._on_loop(self._tell_drained)

    def silenced(self, pending_frames: int) -> None:
        """Settle the account of what was cut."""
        with self._lock:
            if self._cut_ledger is None:
                return
            heard = self._cut_ledger.cut(self._pending_link_frames(pending_frames))
            self._cut_ledger = None
            self._resampler.reset()
            self._carry.clear()
            self._forget_position()
        cut = ev.SpeechCut(tuple(part for part in heard if part.part.response_id != EARCON_RESPONSE))
        self._on_loop(lambda: self._post(cut))
        self._nudge()

    def underran(self) -> None:
        """Count the card running dry in mid-stream."""
        self.underruns += 1

    # With the lock held

    def _fill(self, frames: int) -> None:
        """Have `frames` card frames at hand, if there are so many."""
        while (missing := frames - len(self._carry) // SAMPLE_BYTES) > 0:
            wanted = max(1, missing * LINK_RATE_HZ // self._format.rate_hz)
            pieces = self._jitter.pull(wanted)
            for piece in pieces:
                link_frames = LINK_FORMAT.frames(piece.pcm)
                self._ledger.written(piece.key, link_frames)
                self._link_frames_in += link_frames
                self._carry += self._resampler.feed(piece.pcm)
            if not pieces:
                if self._jitter.exhausted:
                    self._carry += self._resampler.flush()
                return

    def _pending_link_frames(self, pending_card_frames: int) -> int:
        """Translate what the card has not played yet; what waits in between counts as not heard."""
        heard = (self._card_frames_out - pending_card_frames) * LINK_RATE_HZ // self._format.rate_hz
        return max(0, self._link_frames_in - heard)

    def _forget_position(self) -> None:
        self._link_frames_in = 0
        self._card_frames_out = 0


class PlaybackKeeper:
    """Keeps the loudspeaker open for the playout."""

    def __init__(
        self, speaker: Speaker, playout: Playout, post: Post, random_unit: Callable[[], float], pulse: Pulse
    ) -> None:
        """Open nothing before `run`; `pulse` is beaten here while the device is away, by the playout while open."""
        self._speaker = speaker
        self._playout = playout
        self._post = post
        self._random_unit = random_unit
        self._pulse = pulse
        self._backoff = Backoff(first_s=REOPEN_FIRST_S, cap_s=REOPEN_CAP_S)
        self._outage = Outage(log, "the loudspeaker", "speaker_lost", "speaker_found")
        playout.speaker = speaker

    def delivers(self) -> None:
        """Note that the device is open: the outage is over."""
        self._outage.ends()
        self._backoff.reset()

    async def run(self) -> Never:
        """Keep the device open, for ever."""
        while True:
            self._pulse.beat()
            try:
                await self._speaker.play(self._playout)
            except DeviceUnavailable as loss:
                self._playout.lost()
                self._outage.begins(str(loss))
                self._post(ev.SpeakerLost(str(loss)))
                await asyncio.sleep(min(self._backoff.next_delay(self._random_unit()), BEAT_EVERY_S))
