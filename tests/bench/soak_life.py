"""What happens in a house during a soak: people talk, and what the daemon lives on goes and comes, all drawn by lot."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import numpy as np

from tests.bench.arrival import lost_frames
from tests.bench.conversation import SETTINGS, Answers, Conversation
from tests.doubles.daemon import JournalLine
from tests.doubles.realtime import Scenario, UserTurn
from tests.doubles.room import Said
from tests.doubles.vcard.tape import Samples
from tests.journeys.household import Household, Plan

RATE_HZ: Final = 24_000
"""The rate of the protocol: what the server gets can be compared with what was said, sample by sample."""
HEAL_S: Final = 60.0
HUSH_S: Final = 90.0
"""Longer than anything that happens."""
_OVERRUNS: Final = "overruns"
"""The journal's field for them, in the line of a turn that had any."""


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
        """For each time that an utterance was sent, what the server did not get of it."""
        self.told_frames: list[int] = []
        """The same of turns of which the journal says that the card overran: this machine was too busy to listen."""
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
        """Have the room go on with its noise, by which each block of an utterance is known, and which no room lacks.

        Noise is laid over noise that the daemon may have read already, so nothing that precedes a wake word compares.
        """
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
        began_s = time.monotonic()
        said, turns = len(self.home.room.said), len(self.home.server.record.turns)
        await self.conversation.turn(self.home)
        words, heard = self.home.room.said[said:], self.home.server.record.turns[turns:]
        pairs = [words[at : at + 2] for at in range(0, len(words), 2)]
        assert len(pairs) == len(heard), f"{len(pairs)} utterances, and the server took down {len(heard)}"
        lines = await self._turns_told(began_s, len(heard))
        for pair, turn, line in zip(pairs, heard, lines, strict=True):
            await self._compare(pair, [turn], told=_OVERRUNS in line.fields)

    async def _rest(self) -> None:
        await asyncio.sleep(self._choose.uniform(2.0, 6.0))

    async def _drop(self) -> None:
        """The connection to the server is reset while nobody talks."""
        sessions = len(self.home.server.record.sessions)
        self.home.wire.reset()
        await self._reconnected(sessions)

    async def _drop_in_turn(self) -> None:
        """The same between the commit and the answer, or in it; whoever spoke gets an answer, or a tone.

        What is sent again to the next session has to be whole as well.
        """
        self._answers.align()
        home = self.home
        record, turns = home.server.record, len(home.server.record.turns)
        words = await home.room.say("okay nabu", "turn on the kitchen light")
        waiting_s = words[-1].ends_s - words[0].begins_s + 10.0
        await record.until(lambda: len(record.turns) > turns, "commit", waiting_s)
        await asyncio.sleep(self._choose.uniform(0.0, 1.5))
        sessions = len(record.sessions)
        home.wire.reset()
        await self._reconnected(sessions)
        stopped_s = await home.watch.publish("stop")
        await home.seen(lambda: home.watch.state.get("phase") == "idle", "rest after a stop", timeout_s=HEAL_S)
        await home.silent(after_s=stopped_s)
        lines = await self._turns_told(words[0].begins_s, 1)
        told = any(_OVERRUNS in line.fields for line in lines)
        await self._compare(words, record.turns[turns:], told=told)

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

    async def _compare(self, words: Sequence[Said], heard: Sequence[UserTurn], *, told: bool) -> None:
        """Look for wake word and wish in everything that the server took down of them."""
        said = await asyncio.to_thread(self._script, words[0].first_frame, words[-1].end_frame)
        for turn in heard:
            lost = lost_frames(said, np.frombuffer(turn.pcm, np.int16))
            (self.told_frames if told else self.lost_frames).append(lost)

    async def _turns_told(self, since_s: float, count: int) -> list[JournalLine]:
        """Return what the journal says of the turns since a moment."""
        journal = self.home.daemon.journal
        await self.home.seen(lambda: len(journal.where(_is_turn, after_s=since_s)) >= count, "the journal of each turn")
        return journal.where(_is_turn, after_s=since_s)

    def _script(self, begin: int, end: int) -> Samples:
        """Return what there was to hear at the microphone between two card frames."""
        script = self.home.card.folder / f"capture-{RATE_HZ}.s16"
        return np.fromfile(script, np.int16, end - begin, offset=2 * begin)


def _is_turn(line: JournalLine) -> bool:
    return line.fields.get("event") == "turn"


def _is_broker_up(line: object) -> bool:
    return "event=broker_up" in str(line)
