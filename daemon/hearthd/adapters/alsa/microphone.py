"""A capture device: read in whole blocks, asleep in between, lost when no frame comes."""

from time import monotonic, sleep

import alsaaudio

from hearthd.adapters.alsa.card import (
    FROZEN_AFTER_S,
    NAP_MIN_S,
    XRUN,
    XRUNS_IN_A_ROW_MAX,
    Granted,
    explain,
    open_pcm,
)
from hearthd.adapters.alsa.thread import Errand, OwnerThread
from hearthd.ports import DeviceUnavailable, Ear

PERIODS = 32
"""0.64 s of buffer: a Pi that is busy for half a second loses nothing, and reading stays as prompt as ever."""
NAP_SLACK_S = 0.0005
"""Sleep this much past the moment at which the block is complete, to find it complete."""


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
            ear.opened(granted.format)
            self._capture(pcm, granted, ear, errand)
        except alsaaudio.ALSAAudioError as error:
            raise DeviceUnavailable(self._device, "read", explain(error)) from error
        finally:
            pcm.close()

    def _capture(self, pcm: alsaaudio.PCM, granted: Granted, ear: Ear, errand: Errand) -> None:
        block_bytes = granted.format.block_bytes
        due_bytes = block_bytes
        held = bytearray()
        moved_s = monotonic()
        xruns = 0
        while errand.turns():
            frames, pcm_read = pcm.read()
            if frames == XRUN:
                xruns += 1
                self._note_xrun(ear, xruns)
                held.clear()
            elif frames > 0:
                xruns = 0
                moved_s = monotonic()
                held += pcm_read
                if len(held) >= due_bytes:
                    whole = len(held) // block_bytes * block_bytes
                    due_bytes = block_bytes * ear.feed(bytes(held[:whole]), moved_s)
                    del held[:whole]
            elif frames < 0:
                raise DeviceUnavailable(self._device, "read", f"error {-frames}")
            else:
                if monotonic() - moved_s > FROZEN_AFTER_S:
                    raise DeviceUnavailable(self._device, "read", f"no sound for {FROZEN_AFTER_S:.0f} s")
                missing_frames = (due_bytes - len(held)) // granted.format.frame_bytes
                sleep(max(NAP_MIN_S, missing_frames / granted.format.rate_hz + NAP_SLACK_S))

    def _note_xrun(self, ear: Ear, in_a_row: int) -> None:
        if in_a_row > XRUNS_IN_A_ROW_MAX:
            raise DeviceUnavailable(
                self._device, "read", "nothing but overruns; the sound server may be gone"
            )
        ear.overran()
        sleep(NAP_MIN_S)
