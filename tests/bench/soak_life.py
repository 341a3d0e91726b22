"""What happens in a house during a soak: people talk, and what the daemon lives on goes and comes, all drawn by lot."""

import asyncio
import mmap
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Final

import numpy as np

from tests.bench.conversation import SETTINGS, Answers, Conversation
from tests.doubles.realtime import Scenario, UserTurn
from tests.doubles.room import Said
from tests.doubles.vcard.tape import Samples
from tests.journeys.household import Household, Plan

RATE_HZ: Final = 24_000
"""The rate of the protocol: what the server gets can be compared with what was said, sample by sample."""
HEAL_S: Final = 60.0
HUSH_S: Final = 90.0
"""Longer than anything that happens."""
_SEARCH_S: Final = 5
"""A turn begins with the pre-roll, so far before the wake word at most."""
_KEY_FRAMES: Final = 480


class AlignedAnswers(Answers):
    """As `Answers`, and ready for a fresh turn although a drop left the last one unfinished."""

    def align(self) -> None:
        """Take the next utterance for the first of a turn."""
        self._utterances += self._utterances % 2


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happens, and how likely it is against the others."""

    name: str
    weight: int
    happen: Callable[[], Awaitable[None]]


class Life:
    """Lets one thing after the other happen to a household; which ones follows from the seed."""

    def __init__(self, seed: int) -> None:
        """Live nowhere yet."""
        self.conversation = Conversation()
        self.lost_frames: list[int] = []
        """For each utterance, what the server did not get of it."""
        self._answers = AlignedAnswers()
        self._choose = Random(seed)
        self._happenings = (
            Happening("conversation", 6, self._talk),
            Happening("quiet", 2, self._rest),
            Happening("drop at rest", 1, self._drop),
            Happening("drop in a turn", 1, self._drop_in_turn),
            Happening("broker restart", 1, self._restart_broker),
        )
        self._home: Household | None = None

    def plan(self) -> Plan:
        """Return the household that this needs."""
        return Plan(
            scenario=Scenario(respond=self._answers.respond),
            settings=SETTINGS,
            capture_rate_hz=RATE_HZ,
            playback_rate_hz=RATE_HZ,
            tapped=True,
            wired=True,
            hush_s=5.0,
        )

    def live_in(self, home: Household) -> None:
        """Have everything happen there."""
        self._home = home

    def next(self) -> Happening:
        """Draw what happens next."""
        weights = [happening.weight for happening in self._happenings]
        return self._choose.choices(self._happenings, weights)[0]

    async def breathe(self) -> None:
        """Have the room go on with its noise, by which a place in an utterance is known, and which no room lacks."""
        await asyncio.to_thread(self.home.room.hush, HUSH_S)

    async def recover(self) -> None:
        """Wait until the daemon rests again after something went wrong; raises AssertionError when it never does."""
        self.home.wire.heal()
        await self.home.settled(timeout_s=HEAL_S)

    @property
    def home(self) -> Household:
        """Where it happens."""
        assert self._home is not None, "lives nowhere yet"
        return self._home

    # ------------------------------------------------------------------------------------------- happenings

    async def _talk(self) -> None:
        """A command with its call, a long reply, an interruption, and a second reply."""
        self._answers.align()
        said, turns = len(self.home.room.said), len(self.home.server.record.turns)
        await self.conversation.turn(self.home)
        words = self.home.room.said[said:]
        heard = self.home.server.record.turns[turns:]
        for turn, wake, wish in zip(heard, words[::2], words[1::2], strict=True):
            self.lost_frames.append(await asyncio.to_thread(self._lost, turn, wake, wish))

    async def _rest(self) -> None:
        await asyncio.sleep(self._choose.uniform(2.0, 6.0))

    async def _drop(self) -> None:
        """The connection to the server is reset while nobody talks."""
        sessions = len(self.home.server.record.sessions)
        self.home.wire.reset()
        await self._reconnected(sessions)

    async def _drop_in_turn(self) -> None:
        """The same between the commit and the answer, or in it; whoever spoke gets an answer, or a tone."""
        self._answers.align()
        home = self.home
        record, turns = home.server.record, len(home.server.record.turns)
        home.room.hush(30.0)
        _, wish = await home.room.say("okay nabu", "turn on the kitchen light")
        waiting_s = wish.ends_s - wish.begins_s + 10.0
        await record.until(lambda: len(record.turns) > turns, "commit", waiting_s)
        await asyncio.sleep(self._choose.uniform(0.0, 1.5))
        sessions = len(record.sessions)
        home.wire.reset()
        await self._reconnected(sessions)
        stopped_s = await home.watch.publish("stop")
        await home.seen(lambda: home.watch.state.get("phase") == "idle", "rest after a stop", timeout_s=HEAL_S)
        await home.silent(after_s=stopped_s)

    async def _reconnected(self, sessions: int) -> None:
        record = self.home.server.record
        await record.until(lambda: len(record.sessions) > sessions, "new session", HEAL_S)
        await self.home.seen(lambda: self.home.watch.state.get("link") == "ready", "ready link", timeout_s=HEAL_S)

    async def _restart_broker(self) -> None:
        home = self.home
        known = len(home.daemon.journal.where(_is_broker_up))
        await home.broker.restart()
        journal = home.daemon.journal
        await home.seen(lambda: len(journal.where(_is_broker_up)) > known, "broker found again", timeout_s=HEAL_S)
        for present in (home.watch.present, home.appliances.present):
            async with asyncio.timeout(HEAL_S):
                await present.wait()
        await home.settled(timeout_s=HEAL_S)

    def _lost(self, turn: UserTurn, wake: Said, wish: Said) -> int:
        """Count the frames from the first of the wake word to the last of the sentence that the server did not get."""
        script = self.home.card.folder / f"capture-{RATE_HZ}.s16"
        begin = max(0, wake.first_frame - _SEARCH_S * RATE_HZ)
        with script.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as sound:
            there = np.frombuffer(sound[2 * begin : 2 * wish.end_frame], np.int16)
        sent = np.frombuffer(turn.pcm, np.int16)
        key, whole = sent[:_KEY_FRAMES].tobytes(), there.tobytes()
        lost = wish.end_frame - wake.first_frame
        at = whole.find(key)
        while at >= 0:  # noise that was laid twice has its places twice
            lost = min(lost, missing(sent, there[at // 2 :], begin + at // 2, wake, wish))
            at = whole.find(key, at + 1)
        return lost


def missing(sent: Samples, there: Samples, start: int, wake: Said, wish: Said) -> int:
    """Count what of wake word and wish was not sent, if what was sent begins with `there`, at card frame `start`."""
    length = min(len(sent), len(there))
    same = sent[:length] == there[:length]
    right = length if same.all() else int(np.argmin(same))
    return max(0, start - wake.first_frame) + max(0, wish.end_frame - (start + right))


def _is_broker_up(line: object) -> bool:
    return "event=broker_up" in str(line)
