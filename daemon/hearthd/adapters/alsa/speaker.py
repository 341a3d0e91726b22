"""A playback device: fed a little ahead, silenced at once, stopped when there is nothing to play."""

import threading
from collections import deque
from dataclasses import dataclass
from time import monotonic

import alsaaudio

from hearthd.adapters.alsa.card import FROZEN_AFTER_S, XRUN, XRUNS_IN_A_ROW_MAX, Granted, explain, open_pcm
from hearthd.adapters.alsa.thread import Errand, OwnerThread
from hearthd.ports import DeviceUnavailable, Mouth

PERIODS = 5
"""100 ms: enough for a busy Pi, and it costs nothing at a cut, which drops it."""
TAIL_PERIODS = 2
"""Silence after the last sound: cards play stale memory until they notice, a period later, that they ran dry."""
IDLE_LOOK_S = 2.0
"""How often an idle owner shows that it lives and looks whether its card does."""
REFILL_S = 0.02
"""While playing the card is topped up once a period."""


@dataclass(slots=True)
class Stretch:
    """Frames in the card's queue, in playing order: the mouth's, or the silence behind them."""

    frames: int
    ours: bool


class Account:
    """Which of the frames that wait in the card are the mouth's."""

    def __init__(self) -> None:
        """Know an empty card."""
        self._queue: deque[Stretch] = deque()
        self.total = 0
        """Frames written and not known to be played."""

    def wrote(self, frames: int, *, ours: bool) -> None:
        """Add `frames` at the end."""
        self.total += frames
        if self._queue and self._queue[-1].ours is ours:
            self._queue[-1].frames += frames
        else:
            self._queue.append(Stretch(frames, ours))

    def left(self, pending_frames: int) -> int:
        """Take out what was played now that `pending_frames` wait; returns how many of those are the mouth's."""
        played = max(0, self.total - pending_frames)
        while played > 0 and self._queue:
            first = self._queue[0]
            step = min(played, first.frames)
            first.frames -= step
            played -= step
            self.total -= step
            if first.frames == 0:
                self._queue.popleft()
        return sum(stretch.frames for stretch in self._queue if stretch.ours)

    def clear(self) -> None:
        """Forget everything."""
        self._queue.clear()
        self.total = 0


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
            mouth.opened(granted.format)
            Owner(self._device, pcm, granted, mouth).run(errand, self._called, self._cut)
        except alsaaudio.ALSAAudioError as error:
            raise DeviceUnavailable(self._device, "write", explain(error)) from error
        finally:
            pcm.close()


class Owner:
    """The owner thread's own state; nobody else touches the PCM."""

    def __init__(self, device: str, pcm: alsaaudio.PCM, granted: Granted, mouth: Mouth) -> None:
        """Own `pcm` until the thread ends."""
        self._device = device
        self._pcm = pcm
        self._granted = granted
        self._mouth = mouth
        self._account = Account()
        self._running = False
        self._tail_written = False
        self._xruns = 0
        self._pending = 0
        self._moved_s = monotonic()

    def run(self, errand: Errand, called: threading.Event, cut: threading.Event) -> None:
        """Serve the mouth until told to stop; what is still in the card is then dropped."""
        while errand.turns():
            called.clear()
            if cut.is_set():
                cut.clear()
                self._silence()
            self._turn()
            called.wait(REFILL_S if self._running else IDLE_LOOK_S)
        if self._running:
            self._pcm.drop()

    def _silence(self) -> None:
        pending = self._measure() if self._running else 0
        self._pcm.drop()
        self._stop()
        self._mouth.silenced(pending)

    def _turn(self) -> None:
        if self._running:
            self._mouth.played(self._measure())
        elif self._pcm.state() == alsaaudio.PCM_STATE_DISCONNECTED:
            raise DeviceUnavailable(self._device, "write", "the card is gone")
        space = self._granted.buffer_frames - self._account.total
        pcm = self._mouth.pull(space) if space > 0 else b""
        if pcm:
            self._tail_written = False
            self._write(pcm, ours=True)
            self._mouth.played(self._measure())
        elif self._running and not self._tail_written:
            tail_frames = min(space, TAIL_PERIODS * self._granted.period_frames)
            self._write(bytes(tail_frames * self._granted.format.frame_bytes), ours=False)
            self._tail_written = tail_frames > 0
        elif self._running and self._account.left(self._account.total) == 0:
            self._mouth.played(0)
            self._pcm.drop()
            self._stop()

    def _measure(self) -> int:
        """Return how many of the mouth's frames wait in the card."""
        avail = self._pcm.avail()
        if avail == XRUN:
            if not self._tail_written:
                self._mouth.underran()
            self._account.clear()
            return 0
        if avail < 0:
            raise DeviceUnavailable(self._device, "write", f"error {-avail}")
        pending = max(0, self._granted.buffer_frames - avail)
        now_s = monotonic()
        if pending != self._pending or pending == 0:
            self._pending = pending
            self._moved_s = now_s
        elif now_s - self._moved_s > FROZEN_AFTER_S:
            raise DeviceUnavailable(self._device, "write", f"played nothing for {FROZEN_AFTER_S:.0f} s")
        return self._account.left(pending)

    def _write(self, pcm: bytes, *, ours: bool) -> None:
        frame_bytes = self._granted.format.frame_bytes
        while pcm:
            frames = self._pcm.write(pcm)
            if frames == XRUN:
                self._xruns += 1
                self._account.clear()
                if self._xruns > XRUNS_IN_A_ROW_MAX:
                    raise DeviceUnavailable(
                        self._device, "write", "nothing but underruns; the sound server may be gone"
                    )
                continue
            if frames < 0:
                raise DeviceUnavailable(self._device, "write", f"error {-frames}")
            if frames == 0:
                raise DeviceUnavailable(self._device, "write", "the card takes less than it has room for")
            self._xruns = 0
            self._running = True
            self._account.wrote(frames, ours=ours)
            pcm = pcm[frames * frame_bytes :]

    def _stop(self) -> None:
        self._running = False
        self._tail_written = False
        self._account.clear()
        self._pending = 0
        self._moved_s = monotonic()
