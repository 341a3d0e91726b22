"""The driver of a virtual sound card: speaks into its microphone, hears its loudspeaker, reads its log."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from tests.doubles.vcard.block import ControlBlock
from tests.doubles.vcard.build import shared_object
from tests.doubles.vcard.clock import CardClock, frame_at, frame_ns
from tests.doubles.vcard.layout import EVENT, CardEvent, Direction, EventKind
from tests.doubles.vcard.side import CardSide
from tests.doubles.vcard.tape import Samples, Script, read_record

_CONFIGURATION = """\
</usr/share/alsa/alsa.conf>
pcm_type.vcard {{
    lib "{plugin}"
}}
pcm.{microphone} {{
    type vcard
    card "{folder}"
    only "capture"
    hint {{
        show on
        description "Virtual sound card {name}, microphone"
    }}
}}
pcm.{speaker} {{
    type vcard
    card "{folder}"
    only "playback"
    hint {{
        show on
        description "Virtual sound card {name}, loudspeaker"
    }}
}}
"""

LOUD = 100
"""Samples beyond this (-50 dBFS) count as sound; dither and resampling leave less behind."""


class VirtualCard:
    """A card with a microphone and a loudspeaker, opened through plain ALSA by any process that has `env()`.

    Moments are monotonic seconds (`time.monotonic`), frames are counted since the card was made (the epoch):
    frame n of the script is frame n of every capture, and what is heard stands at the frame at which it left
    the loudspeaker. As a context manager it removes its files at the end. Not for several threads at once.
    """

    def __init__(
        self,
        folder: Path,
        name: str = "hearth",
        *,
        capture_rates_hz: tuple[int, ...] = (48_000,),
        playback_rates_hz: tuple[int, ...] = (48_000,),
        capture_channels: int = 1,
        playback_channels: int = 1,
        drift_ppm: float = 0.0,
    ) -> None:
        self.folder = (folder / f"{name}.card").absolute()
        self.folder.mkdir(parents=True)
        self.microphone = f"{name}_mic"
        """The ALSA name to capture from."""
        self.speaker = f"{name}_speaker"
        """The ALSA name to play to."""
        self._block = ControlBlock(self.folder)
        self.clock = CardClock(self._block.control)
        self.clock.set_drift(drift_ppm)
        self.capture = CardSide(Direction.CAPTURE, self._block, self.clock, self.folder)
        self.playback = CardSide(Direction.PLAYBACK, self._block, self.clock, self.folder)
        self._script = Script(self.folder, capture_rates_hz, capture_channels)
        self._capture_hz = capture_rates_hz[0]
        self._playback_hz = playback_rates_hz[0]
        self._block.control.sides[Direction.CAPTURE].channels = capture_channels
        self._block.control.sides[Direction.PLAYBACK].channels = playback_channels
        self.grant_capture(*capture_rates_hz)
        self.playback.grant(*playback_rates_hz)
        self._configuration = self.folder / "asound.conf"
        self._configuration.write_text(
            _CONFIGURATION.format(
                plugin=shared_object(Path(__file__).parent, "asound"),
                folder=self.folder,
                name=name,
                microphone=self.microphone,
                speaker=self.speaker,
            )
        )
        self._log = self.folder / "events"
        self._log.touch()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Removes the card's files; a stream that is still open keeps running on what it holds."""
        shutil.rmtree(self.folder)

    def env(self) -> dict[str, str]:
        """What to add to the environment of a process that shall have the card.

        libasound looks at the variable at each open, so it may also be set in a running process.
        """
        return {"ALSA_CONFIG_PATH": str(self._configuration)}

    def side(self, direction: Direction) -> CardSide:
        """`capture` or `playback`."""
        return self.capture if direction is Direction.CAPTURE else self.playback

    def unplug(self) -> None:
        """Both directions vanish, as a USB card does."""
        self.capture.vanish()
        self.playback.vanish()

    def replug(self) -> None:
        """Both directions come back; streams that were open stay dead."""
        self.capture.come_back()
        self.playback.come_back()

    # ------------------------------------------------------------------------------------------------ time

    @property
    def epoch_s(self) -> float:
        """The monotonic moment of card time 0."""
        return self.clock.epoch_s

    def frame(self, moment_s: float | None = None, rate_hz: int | None = None) -> int:
        """The card frame at a moment, or now, at the first capture rate unless told; 0 before the epoch."""
        return max(0, frame_at(self.clock.card_ns(moment_s), rate_hz or self._capture_hz))

    def moment_s(self, frame: int, rate_hz: int | None = None) -> float:
        """When a card frame begins. The microphone's frame n can be read once frame n + 1 begins."""
        return self.clock.moment_s(frame_ns(frame, rate_hz or self._capture_hz))

    def set_drift(self, drift_ppm: float) -> None:
        """Lets both directions run faster (or slower) than the monotonic clock from now on."""
        with self._block.change():
            self.clock.set_drift(drift_ppm)

    # ------------------------------------------------------------------------------------------ microphone

    def grant_capture(self, *rates_hz: int, period_frames: int = 0) -> None:
        """As `capture.grant`; the script is also made available at rates that are new."""
        self._script.offer(rates_hz)
        self.capture.grant(*rates_hz, period_frames=period_frames)

    def write_script(self, samples: Samples, rate_hz: int, frame: int, *, mix: bool = False) -> None:
        """Lets the microphone hear samples from a card frame (counted at the first capture rate) on.

        They replace what the script said there, or are mixed with it. Exact to the sample when the rates are
        equal, resampled otherwise. Frames that the application has read already are past changing.
        """
        self._script.add(frame_ns(frame, self._capture_hz), samples, rate_hz, mix=mix)

    def say(self, samples: Samples, rate_hz: int, *, lead_s: float = 0.1, mix: bool = False) -> float:
        """Speaks into the microphone a moment from now; returns when the first sample sounds.

        The lead must outlast the writing of the script, else the beginning is lost.
        """
        start_s = time.monotonic() + lead_s
        frame = self.frame(start_s)
        self.write_script(samples, rate_hz, frame, mix=mix)
        return self.moment_s(frame)

    # ----------------------------------------------------------------------------------------- loudspeaker

    def heard_frames(self, start: int, stop: int, rate_hz: int | None = None) -> Samples:
        """What the loudspeaker said in card frames start to stop, none of the future.

        Silence where nothing was played, and while the direction was frozen or gone. Frames are counted at
        the first playback rate unless told; only what was played at that very rate is found.
        """
        rate_hz = rate_hz or self._playback_hz
        channels = self.playback.channels
        stop = min(stop, self.frame(rate_hz=rate_hz))
        sound = read_record(self.folder, rate_hz, channels, start, stop)
        for begin_ns, end_ns in self.playback.outages_ns:
            end = stop if end_ns is None else frame_at(end_ns, rate_hz)
            sound[max(0, frame_at(begin_ns, rate_hz) - start) : max(0, end - start)] = 0
        return sound[:, 0] if channels == 1 else sound

    def heard(self, from_s: float | None = None, to_s: float | None = None, rate_hz: int | None = None) -> Samples:
        """What the loudspeaker said between two moments: since the epoch, until now unless told."""
        rate_hz = rate_hz or self._playback_hz
        start = 0 if from_s is None else self.frame(from_s, rate_hz)
        return self.heard_frames(start, self.frame(to_s, rate_hz), rate_hz)

    def onset_s(self, after_s: float, *, rate_hz: int | None = None, loud: int = LOUD) -> float | None:
        """When the loudspeaker first sounded after a moment, or None."""
        rate_hz = rate_hz or self._playback_hz
        loud_frames = self._loud_frames(after_s, rate_hz, loud)
        if loud_frames.size == 0:
            return None
        return self.moment_s(self.frame(after_s, rate_hz) + int(loud_frames[0]), rate_hz)

    def silence_s(
        self, after_s: float, *, hold_s: float = 0.2, rate_hz: int | None = None, loud: int = LOUD
    ) -> float | None:
        """When the loudspeaker fell silent after a moment, for hold_s at least; None while it sounds."""
        rate_hz = rate_hz or self._playback_hz
        start = self.frame(after_s, rate_hz)
        edges = np.concatenate(([-1], self._loud_frames(after_s, rate_hz, loud), [self.frame(rate_hz=rate_hz) - start]))
        quiet = np.flatnonzero(np.diff(edges) > hold_s * rate_hz)
        if quiet.size == 0:
            return None
        return self.moment_s(start + int(edges[quiet[0]]) + 1, rate_hz)

    def _loud_frames(self, after_s: float, rate_hz: int, loud: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        sound = self.heard(after_s, rate_hz=rate_hz).astype(np.int32)
        level = np.abs(sound) if sound.ndim == 1 else np.abs(sound).max(axis=1)
        return np.flatnonzero(level > loud)

    # ----------------------------------------------------------------------------------------------- events

    def events(
        self,
        kind: EventKind | None = None,
        direction: Direction | None = None,
        *,
        after_s: float = 0.0,
    ) -> list[CardEvent]:
        """What the streams of the card did, oldest first."""
        lines = np.fromfile(self._log, EVENT)
        wanted = lines["stamp_ns"] >= after_s * 1e9
        if kind is not None:
            wanted &= lines["kind"] == kind
        if direction is not None:
            wanted &= lines["stream"] == direction
        return [
            CardEvent(
                stamp_s=int(line["stamp_ns"]) / 1e9,
                kind=EventKind(int(line["kind"])),
                direction=Direction(int(line["stream"])),
                frame=int(line["frame"]),
                frames=int(line["frames"]),
                rate_hz=int(line["rate_hz"]),
                pid=int(line["pid"]),
            )
            for line in lines[wanted]
        ]

    def wait_until(self, happened: Callable[[], bool], what: str, *, timeout_s: float = 10.0) -> None:
        """Blocks until something is seen on the card, else raises `TimeoutError` with the latest events."""
        deadline_s = time.monotonic() + timeout_s
        while not happened():
            if time.monotonic() > deadline_s:
                latest = "\n".join(map(str, self.events()[-10:]))
                raise TimeoutError(f"{what}: not seen within {timeout_s} s on {self.folder.name}; latest:\n{latest}")
            time.sleep(0.005)

    def wait_frames(self, frames: int, *, rate_hz: int | None = None) -> None:
        """Blocks until so many card frames have passed."""
        target = self.frame(rate_hz=rate_hz) + frames
        self.wait_until(lambda: self.frame(rate_hz=rate_hz) >= target, f"{frames} frames", timeout_s=60)
