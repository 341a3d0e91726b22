"""A playback device: fed a little ahead, silenced at once, stopped when there is nothing to play."""

import contextlib
import os
import threading
from time import monotonic

import alsaaudio

from hearthd.adapters.alsa.account import Account
from hearthd.adapters.alsa.card import (
    FROZEN_AFTER_S,
    LATE_NAP_S,
    SLACK_S,
    XRUN,
    XRUNS_IN_A_ROW_MAX,
    Granted,
    Pcm,
    explain,
    open_pcm,
)
from hearthd.adapters.alsa.thread import TURN_EVERY_S, Errand, OwnerThread
from hearthd.ports import DeviceUnavailable, Mouth

PERIODS = 20
"""400 ms: busy machines were seen to stand still for 340 ms. It costs nothing at a cut, which drops it."""
AHEAD_PERIODS_MIN = 3
"""Cards with longer periods than 20 ms need this many to run without a gap."""
TAIL_PERIODS = 2
"""Silence after the last sound: cards play stale memory until they notice, a period later, that they ran dry."""
TAIL_GUARD_PERIODS = 0.5
"""The silence is written only when so little sound is left: sound that still comes in time must not stand behind it."""
TAIL_GUARD_PERIODS_COARSE = 1.0
"""As above where the pointer moves by periods: it shows less than this once, and the next time nothing."""
REFILL_S = 0.02
"""While playing the card is topped up this often, unless its buffer is smaller than we asked for."""
REFILLS_AHEAD = 4
"""How many refills what waits in the card must outlast."""


class AlsaSpeaker:
    """Implements `ports.Speaker` with pyalsaaudio; frames pending = buffer - avail, as it has no delay call."""

    def __init__(self, device: str, rate_hz: int) -> None:
        """Play to ALSA `device`, at `rate_hz` if the card can."""
        self._device = device
        self._rate_hz = rate_hz
        self._thread = OwnerThread(device, "write")
        self._called = threading.Event()
        self._cut = threading.Event()

    async def play(self, mouth: Mouth) -> None:
        """Play what `mouth` gives; see `ports.Speaker`."""
        self._cut.clear()
        await self._thread.run(lambda errand: self._own(mouth, errand), wake=self._called.set)

    def nudge(self) -> None:
        """Wake the owner thread."""
        self._called.set()

    def cut(self) -> None:
        """Have the owner thread silence the card now."""
        self._cut.set()
        self._called.set()

    def _own(self, mouth: Mouth, errand: Errand) -> None:
        pcm, granted = open_pcm(alsaaudio.PCM_PLAYBACK, self._device, self._rate_hz, PERIODS)
        try:
            errand.checkpoint()  # whoever waited for a slow card to open may have given up, and opened it anew
            mouth.opened(granted.format)
            Playback(self._device, pcm, granted, mouth, errand).run(self._called, self._cut)
        except alsaaudio.ALSAAudioError as error:
            raise DeviceUnavailable(self._device, "write", explain(str(error))) from error
        finally:
            with contextlib.suppress(alsaaudio.ALSAAudioError):
                pcm.drop()  # else close would let some cards play on
            pcm.close()


class Playback:
    """The owner thread's own state; nobody else touches the PCM."""

    def __init__(self, device: str, pcm: Pcm, granted: Granted, mouth: Mouth, errand: Errand) -> None:
        """Own `pcm` until the thread ends."""
        self._device = device
        self._pcm = pcm
        self._format = granted.format
        self._buffer_frames = granted.buffer_frames
        wanted_frames = max(PERIODS * granted.format.block_frames, AHEAD_PERIODS_MIN * granted.period_frames)
        self._ahead_frames = min(granted.buffer_frames, wanted_frames)
        self._refill_s = min(REFILL_S, self._ahead_frames / granted.format.rate_hz / REFILLS_AHEAD)
        self._tail_frames = TAIL_PERIODS * granted.period_frames
        guard_periods = TAIL_GUARD_PERIODS_COARSE if granted.coarse else TAIL_GUARD_PERIODS
        self._guard_frames = int(guard_periods * granted.period_frames)
        self._mouth = mouth
        self._errand = errand
        self._account = Account()
        self._rest = b""
        """Sound that the mouth gave and the card had no room for after all."""
        self._running = False
        self._tail_missing_frames = 0
        self._ran_dry = False
        """Whether the card has nothing left while the mouth may have more."""
        self._xruns = 0
        self._looked_s = monotonic()
        """When the card was last asked how far it is."""
        self._moved_s = self._looked_s
        """When it last gave a sign of life, or had nothing to do."""

    @property
    def _pending_frames(self) -> int:
        return self._account.sound_frames + self._format.frames(self._rest)

    def run(self, called: threading.Event, cut: threading.Event) -> None:
        """Serve the mouth until dismissed."""
        while True:
            self._errand.checkpoint()
            called.clear()
            if cut.is_set():
                cut.clear()
                self._silence()
            self._turn()
            called.wait(self._until_next_turn_s())

    def _silence(self) -> None:
        if self._running:
            self._measure()
        pending_frames = self._pending_frames
        # The card plays on between the look and the drop, and a busy machine can put a tenth of a second there.
        heard_since_frames = int((monotonic() - self._looked_s) * self._format.rate_hz)
        self._stop()
        self._mouth.silenced(max(0, pending_frames - heard_since_frames))

    def _turn(self) -> None:
        if self._running:
            self._measure()
        else:
            self._look_for_card()
        self._refill()
        if self._running:
            self._mouth.played(self._pending_frames)
            if self._pending_frames == 0:
                self._stop()

    def _look_for_card(self) -> None:
        self._pcm.avail()  # plugins look for their device only when they are asked something
        if self._pcm.state() == alsaaudio.PCM_STATE_DISCONNECTED:
            raise DeviceUnavailable(self._device, "write", explain("No such device"))

    def _until_next_turn_s(self) -> float:
        if not self._running:
            return TURN_EVERY_S
        pending_frames = self._pending_frames
        if pending_frames > self._guard_frames:
            pending_frames -= self._guard_frames
        return min(self._refill_s, max(LATE_NAP_S, pending_frames / self._format.rate_hz + SLACK_S))

    def _refill(self) -> None:
        """Give the card what the mouth has, and silence behind it when the mouth has nothing until the very end."""
        space_frames = max(0, self._ahead_frames - self._account.frames)
        while space_frames and (pcm := self._rest or self._pull(space_frames)):
            taken_frames = self._write(pcm, sound=True)
            self._rest = pcm[taken_frames * self._format.frame_bytes :]
            self._tail_missing_frames = self._tail_frames
            if self._ran_dry:
                self._ran_dry = False
                self._mouth.underran()
            if self._rest:
                return  # the card takes less than it says
            space_frames -= taken_frames
        silence_frames = min(space_frames, self._tail_missing_frames)
        if silence_frames and 0 < self._account.sound_frames <= self._guard_frames:
            silence = bytes(silence_frames * self._format.frame_bytes)
            self._tail_missing_frames -= self._write(silence, sound=False)

    def _pull(self, space_frames: int) -> bytes:
        pcm = self._mouth.pull(space_frames)
        assert len(pcm) % self._format.frame_bytes == 0, "a mouth gave a part of a frame"
        assert self._format.frames(pcm) <= space_frames, "a mouth gave more than it was asked for"
        return pcm

    def _write(self, pcm: bytes, *, sound: bool) -> int:
        """Give the card PCM; returns how many frames it took."""
        if not self._running:
            self._running = True
            self._moved_s = monotonic()
        while True:
            frames = self._pcm.write(pcm)
            self._errand.checkpoint()
            if frames != XRUN:
                break
            self._run_dry()
        self._account.wrote(frames, sound=sound)
        return frames

    def _measure(self) -> None:
        """Learn what the card has played, and whether it plays at all."""
        avail = self._pcm.avail()
        self._looked_s = monotonic()
        if avail == XRUN:
            self._run_dry()
            return
        if avail < 0:
            raise DeviceUnavailable(self._device, "write", explain(os.strerror(-avail)))
        self._xruns = 0
        waited = self._account.frames > 0 or self._rest
        played_frames = self._account.played_to(max(0, self._buffer_frames - avail))
        if played_frames or not waited:
            self._moved_s = self._looked_s
        elif self._looked_s - self._moved_s > FROZEN_AFTER_S:
            raise DeviceUnavailable(self._device, "write", f"played nothing for {FROZEN_AFTER_S:.0f} s")

    def _run_dry(self) -> None:
        """Note that the card has played all that it held."""
        self._xruns += 1
        if self._xruns > XRUNS_IN_A_ROW_MAX:
            problem = "nothing but underruns; the sound server may be gone"
            raise DeviceUnavailable(self._device, "write", problem)
        self._moved_s = monotonic()
        self._ran_dry = self._tail_missing_frames == self._tail_frames
        self._account.clear()

    def _stop(self) -> None:
        """Drop what the card holds, and begin anew."""
        self._pcm.drop()
        self._account.clear()
        self._rest = b""
        self._running = False
        self._ran_dry = False
        self._tail_missing_frames = 0
