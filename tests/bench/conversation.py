"""Whole turns with everything in them, again and again: wake, command, call, reply, interruption, second reply."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.bench.figures import Budget, Figure, Statistic, ms
from tests.bench.process import ProcessMeter
from tests.doubles.mqtt_tap import Kind, Packet
from tests.doubles.realtime import Call, Delivery, Gap, Part, ResponseRecord, ResponseRequest, Scenario, Speech
from tests.doubles.realtime.audio import noise
from tests.doubles.room import Said
from tests.doubles.settings_file import Tables
from tests.doubles.vcard import Direction, EventKind
from tests.journeys.household import LAMP, Household, Plan

SETTINGS: Final[Tables] = {"gate": {"follow_up_s": 0.0}, "log": {"level": "debug"}}
"""No follow-up, so that a turn ends with its reply; the journal tells the moment of each wake only at this level."""
LONG_MS: Final = 12_000
SHORT_MS: Final = 2_000
CHUNK_MS: Final = 20
SPOKEN_S: Final = 1.0
"""How much of the long reply is heard before somebody interrupts it."""
DROPOUT_S: Final = 0.002
"""Noise is never so long below the threshold of `VirtualCard.onset_s`, so this much silence in it is an underrun."""
_QUIET: Final = 100
_END_OF_SPEECH_S: Final = 0.5


class Answers:
    """The server's part: to each odd utterance a call and a long reply, to each even one a short reply."""

    def __init__(self) -> None:
        self._utterances = 0
        # In real time the cushion is what decides when a reply begins, so this is the slowest that a server may be.
        self._long = Speech(noise(LONG_MS, seed=1), "A long story.", Delivery.paced(1.0, chunk_ms=CHUNK_MS))
        gaps = tuple(Gap(at_ms, 0.040) for at_ms in (500, 1_000, 1_500))
        late = Delivery(factor=1.25, chunk_bytes=self._long.delivery.chunk_bytes, gaps=gaps)
        self._short = Speech(noise(SHORT_MS, seed=2), "A short one.", late)

    async def respond(self, request: ResponseRequest) -> Sequence[Part]:
        """Answer one request."""
        if request.outputs:
            return [self._long]
        self._utterances += 1
        if self._utterances % 2:
            return [Call("set_light", {"device": ["kitchen_light"], "on": self._utterances % 4 == 1})]
        return [self._short]


class Conversation:
    """Has turns with one daemon and fills the figures."""

    def __init__(self) -> None:
        latest = Statistic.MAX
        self.uplink = Figure("microphone block complete → received by the server", "ms", Budget(10))
        self.commit = Figure("last word → commit, beyond the 500 ms of end_of_speech_ms", "ms", Budget(40))
        self.publish = Figure("function call complete → PUBLISH", "ms", Budget(5, Statistic.P99))
        self.puback = Figure("function call complete → PUBACK", "ms", Budget(20, Statistic.P99))
        self.delta = Figure("first reply delta → audible (real-time deltas of 20 ms)", "ms", Budget(80))
        self.cut = Figure("barge-in: wake word recognised → silence", "ms", Budget(40))
        self.barge_in = Figure("barge-in: wake word spoken → silence", "ms")
        self.truncation = Figure("audio_end_ms at truncation, error", "ms", Budget(20, latest))
        self.underruns = Figure("underruns per reply, delta gaps within the cushion", "", Budget(0, latest))
        self.wake = Figure("wake word spoken → recognised", "ms")
        self.answer = Figure("last word → answer audible (server answers at once)", "ms")
        self.cpu = Figure("CPU in conversation, of one core", "%", Budget(5, latest))
        self.peak = Figure("RSS peak", "MB", Budget(60, latest))

    def figures(self) -> list[Figure]:
        """Return all figures, in the order of a turn."""
        return [
            *(self.wake, self.uplink, self.commit, self.publish, self.puback, self.delta, self.answer),
            *(self.cut, self.barge_in, self.truncation, self.underruns, self.cpu, self.peak),
        ]

    @staticmethod
    def plan() -> Plan:
        """Return the household that the turns need."""
        return Plan(scenario=Scenario(respond=Answers().respond), settings=SETTINGS, tapped=True, hush_s=5.0)

    async def turn(self, home: Household) -> None:
        """Have one turn; raises AssertionError when the daemon does not do its part."""
        meter = ProcessMeter(home.daemon.pid)
        before, replies = meter.read(), len(_spoken(home))
        home.room.hush(30.0)
        wake, wish = await home.room.say("okay nabu", "turn on the kitchen light")
        woken_s = await self._woken(home, wake)
        self.wake.add(*ms([woken_s - wake.ends_s]))
        audible_s = await self._answered(home, wish, replies)
        again, aside = await home.room.say("okay nabu", "what time is it", at_s=audible_s + SPOKEN_S)
        await self._interrupted(home, again, audible_s)
        await self._went_on(home, aside, replies + 1)
        idle = await home.settled(after_s=aside.ends_s)
        used = meter.read().since(before)
        self.cpu.add(used.cpu_ms_per_s / 10)
        self.peak.samples = [meter.peak_rss_mb()]
        self._measure_uplink(home, woken_s, idle.at_s)

    @staticmethod
    async def _woken(home: Household, wake: Said) -> float:
        """Wait for the wake; returns when the daemon's loop knew of it."""
        waiting_s = wake.ends_s - wake.begins_s + 3.0
        line = await home.daemon.journal.until(
            lambda line: line.fields.get("event") == "wake", "woken", after_s=wake.begins_s, timeout_s=waiting_s
        )
        return line.at_s

    async def _answered(self, home: Household, wish: Said, replies: int) -> float:
        """Follow the command to the lamp and back; returns when the reply became audible."""
        committed = await _committed(home, wish)
        self.commit.add(*ms([committed - wish.ends_s - _END_OF_SPEECH_S]))
        call = await _call_complete(home, committed)
        await home.appliances.commands.until(lambda command: command.appliance == LAMP, "the lamp", after_s=call)
        published, acknowledged = await _published(home, call)
        self.publish.add(*ms([published.at_s - call]))
        self.puback.add(*ms([acknowledged.at_s - call]))
        audible_s = await self._audible(home, replies)
        self.answer.add(*ms([audible_s - wish.ends_s]))
        return audible_s

    async def _interrupted(self, home: Household, again: Said, audible_s: float) -> None:
        truncations = home.server.record.truncations
        known = len(truncations)
        woken_s = await self._woken(home, again)
        silent_s = await home.silent(after_s=again.begins_s)
        self.cut.add(*ms([silent_s - woken_s]))
        self.barge_in.add(*ms([silent_s - again.ends_s]))
        await home.server.record.until(lambda: len(truncations) > known, "truncation", 5.0)
        played = _played(home, audible_s, silent_s)
        self.truncation.add(abs(truncations[-1].audio_end_ms - 1000 * played.sound_s))
        self.underruns.add(played.dropouts)

    async def _went_on(self, home: Household, aside: Said, replies: int) -> None:
        committed = await _committed(home, aside)
        self.commit.add(*ms([committed - aside.ends_s - _END_OF_SPEECH_S]))
        audible_s = await self._audible(home, replies)
        await asyncio.sleep(SHORT_MS / 1000)
        silent_s = await home.silent(after_s=audible_s)
        self.underruns.add(_played(home, audible_s, silent_s).dropouts)

    async def _audible(self, home: Household, replies: int) -> float:
        """Wait for the next spoken reply; returns when it became audible."""
        await home.server.record.until(lambda: len(_spoken(home)) > replies, "spoken reply", 10.0)
        first_s = _spoken(home)[replies].items[0].first_delta_at_s
        assert first_s is not None
        audible_s = await home.audible(after_s=first_s)
        self.delta.add(*ms([audible_s - first_s]))
        return audible_s

    def _measure_uplink(self, home: Household, after_s: float, until_s: float) -> None:
        """Compare each append with the block that it came from: the last one that the daemon had read by then.

        Appends that share a block are the pre-roll, which is old when it leaves; they are left out.
        """
        reads = home.card.events(EventKind.TRANSFER, Direction.CAPTURE, after_s=after_s)
        stamps = np.array([read.stamp_s for read in reads])
        appends = [event.at_s for event in home.server.record.of_type("input_audio_buffer.append")]
        wanted = np.array([at_s for at_s in appends if after_s <= at_s <= until_s])
        sources = np.searchsorted(stamps, wanted) - 1
        numbers, counts = np.unique(sources, return_counts=True)
        alone = set(numbers[counts == 1].tolist()) - {-1}
        for at_s, source in zip(wanted.tolist(), sources.tolist(), strict=True):
            if source in alone:
                read = reads[source]
                self.uplink.add(*ms([at_s - home.card.moment_s(read.frame + read.frames, read.rate_hz)]))


def _spoken(home: Household) -> list[ResponseRecord]:
    return [response for response in home.server.record.responses if response.pcm]


async def _committed(home: Household, said: Said) -> float:
    turns = home.server.record.turns

    def since() -> list[float]:
        return [turn.committed_at_s for turn in turns if turn.committed_at_s > said.begins_s]

    waiting_s = said.ends_s - said.begins_s + 5.0
    await home.server.record.until(lambda: bool(since()), f"commit of “{said.text}”", waiting_s)
    return since()[0]


async def _call_complete(home: Household, after_s: float) -> float:
    def since() -> list[float]:
        events = home.server.record.of_type("response.function_call_arguments.done")
        return [event.at_s for event in events if event.at_s >= after_s]

    await home.server.record.until(lambda: bool(since()), "function call", 5.0)
    return since()[0]


async def _published(home: Household, after_s: float) -> tuple[Packet, Packet]:
    """Return the command's PUBLISH and its PUBACK as they passed the wire."""
    topic = home.appliances[LAMP].command_topic

    def is_command(packet: Packet) -> bool:
        return packet.from_client and packet.kind is Kind.PUBLISH and packet.topic == topic

    published = await home.tap.packets.until(is_command, "command", after_s=after_s)

    def is_receipt(packet: Packet) -> bool:
        return not packet.from_client and packet.kind is Kind.PUBACK and packet.packet_id == published.packet_id

    return published, await home.tap.packets.until(is_receipt, "receipt", after_s=published.at_s)


@dataclass(frozen=True, slots=True)
class _Played:
    """A reply of noise as the loudspeaker gave it."""

    sound_s: float
    """How much of it, silences inside not counted."""
    dropouts: int
    """Silences inside, or what the card itself calls an underrun, whichever is more."""


def _played(home: Household, from_s: float, to_s: float) -> _Played:
    rate_hz = home.plan.playback_rate_hz
    loud = np.flatnonzero(np.abs(home.card.heard(from_s, to_s).astype(np.int32)) > _QUIET)
    steps = np.diff(loud)
    silences = steps > DROPOUT_S * rate_hz
    frames = 1 + int(steps[~silences].sum()) + int(np.count_nonzero(silences))
    underruns = home.card.events(EventKind.XRUN, Direction.PLAYBACK, after_s=from_s)
    dropouts = max(int(np.count_nonzero(silences)), sum(event.stamp_s < to_s for event in underruns))
    return _Played(frames / rate_hz, dropouts)
