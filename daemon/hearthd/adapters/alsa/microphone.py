"""A capture device: read in whole blocks, asleep in between, lost when no frame comes."""

from time import monotonic

import alsaaudio

from hearthd.adapters.alsa.card import (
    FROZEN_AFTER_S,
    LATE_NAP_S,
    SLACK_S,
    XRUNS_IN_A_ROW_MAX,
    Granted,
    Pcm,
    explain,
    open_pcm,
)
from hearthd.adapters.alsa.thread import Errand, OwnerThread
from hearthd.ports import DeviceUnavailable, Ear

PERIODS = 32
"""0.64 s of buffer: with the longest read of 0.24 s in it, a Pi may still be busy for 0.4 s, and was seen to be for
0.34 s. Reading stays as prompt as ever."""
LATE_PER_NAP = 10
"""Somebody who waits for 80 ms can wait 8 ms more, and saves wake-ups."""
FREE_RUNNING_BUFFERS = 3
"""A card that stays this far ahead of the clock keeps no time: ALSA's `null`, or a plugin whose server is gone."""


class AlsaMicrophone:
    """Implements `ports.Microphone` with pyalsaaudio."""

    def __init__(self, device: str, rate_hz: int) -> None:
        """Capture from ALSA `device`, at `rate_hz` if the card can."""
        self._device = device
        self._rate_hz = rate_hz
        self._thread = OwnerThread(device, "read")

    async def listen(self, ear: Ear) -> None:
        """Feed `ear`; see `ports.Microphone`."""
        await self._thread.run(lambda errand: self._own(ear, errand), wake=lambda: None)

    def _own(self, ear: Ear, errand: Errand) -> None:
        pcm, granted = open_pcm(alsaaudio.PCM_CAPTURE, self._device, self._rate_hz, PERIODS)
        try:
            errand.checkpoint()  # whoever waited for a slow card to open may have given up, and opened it anew
            ear.opened(granted.format)
            Capture(self._device, pcm, granted, ear).run(errand)
        except alsaaudio.ALSAAudioError as error:
            raise DeviceUnavailable(self._device, "read", explain(str(error))) from error
        finally:
            pcm.close()


class Capture:
    """The owner thread's own state; nobody else touches the PCM."""

    def __init__(self, device: str, pcm: Pcm, granted: Granted, ear: Ear) -> None:
        """Own `pcm` until the thread ends."""
        self._device = device
        self._pcm = pcm
        self._format = granted.format
        self._buffer_s = granted.buffer_frames / granted.format.rate_hz
        self._ear = ear
        self._held = bytearray()
        """Sound that the ear has not got yet."""
        self._due_bytes = granted.format.block_bytes
        """How much the ear wants at once."""
        self._xruns = 0
        self._moved_s = monotonic()
        """When the card last gave a sign of life."""
        self._late = False
        """Whether the sound that a nap was to bring did not come."""
        self._emptied_s = monotonic()
        """When the card last had nothing left to give."""
        self._frames_since = 0

    def run(self, errand: Errand) -> None:
        """Read until dismissed."""
        while True:
            frames, pcm = self._pcm.read()
            errand.checkpoint()
            if frames > 0:
                self._take(frames, pcm)
            elif frames == 0:
                self._wait(errand)
            else:
                self._note_xrun()
                errand.nap(LATE_NAP_S)

    def _take(self, frames: int, pcm: bytes) -> None:
        self._xruns = 0
        self._late = False
        self._frames_since += frames
        self._moved_s = now_s = monotonic()
        ahead_s = self._frames_since / self._format.rate_hz - (now_s - self._emptied_s)
        if ahead_s > FREE_RUNNING_BUFFERS * self._buffer_s:
            raise DeviceUnavailable(self._device, "read", "gives sound faster than time passes")
        self._held += pcm
        if len(self._held) >= self._due_bytes:
            self._feed(now_s)

    def _feed(self, now_s: float) -> None:
        waiting_frames = max(0, self._pcm.avail())
        whole_bytes = len(self._held) // self._format.block_bytes * self._format.block_bytes
        blocks = bytes(self._held[:whole_bytes])
        del self._held[:whole_bytes]
        later_frames = self._format.frames(self._held) + waiting_frames
        due_blocks = self._ear.feed(blocks, now_s - later_frames / self._format.rate_hz)
        assert due_blocks >= 1, "an ear wants a block at least"
        self._due_bytes = due_blocks * self._format.block_bytes

    def _wait(self, errand: Errand) -> None:
        """Sleep until the sound is due, or give a card that is late a little more time."""
        self._emptied_s = monotonic()
        if self._emptied_s - self._moved_s > FROZEN_AFTER_S:
            raise DeviceUnavailable(self._device, "read", f"no sound for {FROZEN_AFTER_S:.0f} s")
        self._frames_since = 0
        due_s = self._due_bytes / self._format.frame_bytes / self._format.rate_hz
        missing_s = due_s - self._format.frames(self._held) / self._format.rate_hz
        nap_s = due_s / LATE_PER_NAP if self._late else missing_s + SLACK_S
        nap_s = max(LATE_NAP_S, min(nap_s, self._buffer_s / 2))
        errand.nap(nap_s)
        self._late = True

    def _note_xrun(self) -> None:
        self._xruns += 1
        if self._xruns > XRUNS_IN_A_ROW_MAX:
            problem = "nothing but overruns; the sound server may be gone"
            raise DeviceUnavailable(self._device, "read", problem)
        self._moved_s = monotonic()
        self._ear.overran()
