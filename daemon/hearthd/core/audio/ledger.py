"""What of a reply was really heard: the truth that an interruption truncates to."""

from collections import deque
from dataclasses import dataclass

from hearthd.core.audio.pcm import LINK_RATE_HZ


@dataclass(frozen=True, slots=True)
class ReplyPart:
    """One audio content part of a reply item."""

    response_id: str
    item_id: str
    content_index: int


@dataclass(frozen=True, slots=True)
class HeardPart:
    """How much of a part the room has heard when it was cut."""

    part: ReplyPart
    heard_ms: int
    """Rounded down, so that it never exceeds the truth; fits the protocol's `audio_end_ms`."""
    received_ms: int
    """How long the sound that arrived lasts, rounded down."""


class PlayoutLedger:
    """Books the frames of each part: received from the server, written to the card, heard in the room.

    All frames are at the link's rate. `pending_frames` is what was written and not heard yet; whoever converts it from
    the card's rate rounds up. Parts that were heard to their end are forgotten. Not thread-safe: its owner locks.
    """

    def __init__(self, rate_hz: int = LINK_RATE_HZ) -> None:
        self._rate_hz = rate_hz
        self._parts: dict[ReplyPart, _Tally] = {}
        self._unheard: deque[_Written] = deque()
        self._unheard_frames = 0
        self._heard_frames = 0

    def received(self, part: ReplyPart, frames: int) -> None:
        """Book frames that arrived for `part`; parts are played in the order in which they first arrive."""
        self._parts.setdefault(part, _Tally()).received_frames += frames

    def finish(self, part: ReplyPart | None = None) -> None:
        """Learn that nothing more arrives for `part`, or for any."""
        for candidate in list(self._parts) if part is None else [part]:
            if tally := self._parts.get(candidate):
                tally.finished = True
                self._forget_if_over(candidate, tally)

    def written(self, part: ReplyPart | None, frames: int) -> None:
        """Book frames handed to the card, in playing order; None is sound of no reply, such as a tone.

        So is, in effect, a part that was cut while the loudspeaker's thread still held a piece of it.
        """
        self._unheard_frames += frames
        if self._unheard and self._unheard[-1].part == part:
            self._unheard[-1].frames += frames
        else:
            self._unheard.append(_Written(part, frames))

    def heard(self, pending_frames: int) -> int:
        """Book all but the last `pending_frames` written as heard.

        Returns how many frames of replies were heard since the start; what was heard stays heard.
        """
        fresh_frames = self._unheard_frames - max(0, pending_frames)
        while fresh_frames > 0:
            oldest = self._unheard[0]
            frames = min(oldest.frames, fresh_frames)
            oldest.frames -= frames
            if not oldest.frames:
                self._unheard.popleft()
            fresh_frames -= frames
            self._unheard_frames -= frames
            self._hear(oldest.part, frames)
        return self._heard_frames

    def cut(self, pending_frames: int) -> tuple[HeardPart, ...]:
        """Report every part that was not heard to its end, in playing order, and forget them all.

        What is pending counts as never heard. A part that may still grow is not heard to its end either.
        """
        self.heard(pending_frames)
        heard = tuple(
            HeardPart(part, self._ms(tally.heard_frames), self._ms(tally.received_frames))
            for part, tally in self._parts.items()
            if tally.received_frames
        )
        self.forget()
        return heard

    def forget(self) -> None:
        """Forget all parts and what is pending, because the session or the sound is gone."""
        self._parts.clear()
        self._unheard.clear()
        self._unheard_frames = 0

    def _hear(self, part: ReplyPart | None, frames: int) -> None:
        if part is None or (tally := self._parts.get(part)) is None:
            return
        frames = min(frames, tally.received_frames - tally.heard_frames)
        tally.heard_frames += frames
        self._heard_frames += frames
        self._forget_if_over(part, tally)

    def _forget_if_over(self, part: ReplyPart, tally: "_Tally") -> None:
        if tally.finished and tally.heard_frames == tally.received_frames:
            del self._parts[part]

    def _ms(self, frames: int) -> int:
        return frames * 1000 // self._rate_hz


@dataclass(slots=True)
class _Tally:
    received_frames: int = 0
    heard_frames: int = 0
    finished: bool = False


@dataclass(slots=True)
class _Written:
    part: ReplyPart | None
    frames: int
