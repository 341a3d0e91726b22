"""Reply sound to the loudspeaker: all of it, in order, and what of it was heard is known to the millisecond."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from time import monotonic

import pytest

from hearthd.core.audio.earcons import Earcon, render
from hearthd.core.audio.jitter import LIMIT_MS, START_CUSHION_MS
from hearthd.core.audio.ledger import HeardPart, ReplyPart
from hearthd.core.audio.pcm import LINK_FORMAT, LINK_RATE_HZ, PcmFormat
from hearthd.core.conversation import events as ev
from hearthd.engine.liveness import BEAT_EVERY_S, SILENT_AFTER_S, Pulse
from hearthd.engine.playback import PlaybackKeeper
from hearthd.engine.playout import STALL_S, Playout
from hearthd.ports import DeviceHangs, Mouth
from tests.doubles.memory_sound import MemorySpeaker
from tests.engine.voices import noise

A, B = ReplyPart("r1", "a", 0), ReplyPart("r1", "b", 0)
OTHER = ReplyPart("r2", "c", 0)
SOUND = noise(0.02, LINK_RATE_HZ)
RATES_HZ = (24_000, 48_000, 44_100, 16_000)


@dataclass
class Scene:
    """A playout, its loudspeaker, and what was told of them."""

    speaker: MemorySpeaker
    events: list[tuple[float, ev.Event]] = field(default_factory=list)
    audible: list[tuple[str, float]] = field(default_factory=list)
    playout: Playout = field(init=False)
    keeper: PlaybackKeeper = field(init=False)

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        pulse = Pulse("playback", loop.time)

        def post(event: ev.Event) -> None:
            self.events.append((loop.time(), event))
            if isinstance(event, ev.SpeakerFound):
                self.keeper.delivers()

        def on_loop(call: Callable[[], None]) -> None:
            loop.call_soon(call)

        def heard(response_id: str, at_s: float) -> None:
            self.audible.append((response_id, at_s))

        self.playout = Playout(post, on_loop, heard, pulse, loop.time)
        self.keeper = PlaybackKeeper(self.speaker, self.playout, post, lambda: 0.5, pulse)

    @property
    def news(self) -> list[ev.Event]:
        """Everything posted but that the device is open."""
        return [event for _, event in self.events if not isinstance(event, ev.SpeakerFound)]

    def moment(self, kind: type[ev.Event]) -> float:
        """When the latest event of a kind was posted."""
        return [at_s for at_s, event in self.events if isinstance(event, kind)][-1]

    def heard_ms(self) -> float:
        """How much the room has heard."""
        return self.speaker.granted.ms_of_frames(self.speaker.granted.frames(self.speaker.heard_pcm))

    def cuts(self) -> list[tuple[HeardPart, ...]]:
        """What every cut said."""
        return [event.heard for event in self.news if isinstance(event, ev.SpeechCut)]


@asynccontextmanager
async def playing(rate_hz: int = LINK_RATE_HZ, speaker: MemorySpeaker | None = None) -> AsyncIterator[Scene]:
    """Play until the test is over."""
    scene = Scene(speaker or MemorySpeaker(rate_hz))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(scene.keeper.run())
        await asyncio.sleep(0.01)
        yield scene
        task.cancel()


async def test_a_minute_in_one_burst_is_played_bit_by_bit() -> None:
    """Sixty seconds in odd pieces within two seconds: all of it, without a gap."""
    reply = noise(60.0, LINK_RATE_HZ)
    async with playing() as scene:
        for at in range(0, len(reply), 9_999):
            scene.playout.push(A, reply[at : at + 9_999])
            await asyncio.sleep(2 * 9_999 / len(reply))
        scene.playout.finish()
        await asyncio.sleep(70)

        assert [stretch.pcm for stretch in scene.speaker.heard] == [reply]
        assert scene.news == [ev.PlayoutStarted("r1"), ev.PlayoutDrained()]
        assert scene.playout.underruns == 0


@pytest.mark.parametrize("rate_hz", RATES_HZ)
async def test_at_any_rate_all_of_a_reply_is_played_without_a_gap(rate_hz: int) -> None:
    """No sample is withheld at the end, and the account of what was heard closes."""
    async with playing(rate_hz) as scene:
        scene.playout.push(A, noise(1.0, LINK_RATE_HZ))
        scene.playout.finish()
        await asyncio.sleep(2)

        assert len(scene.speaker.heard) == 1
        assert scene.heard_ms() == pytest.approx(1_000, abs=0.1)
        scene.playout.cut()
        await asyncio.sleep(0.1)
        assert scene.cuts() == [()]


@pytest.mark.parametrize(("rate_hz", "frames"), [(8_000, 1), (8_000, 3), (16_000, 1)])
async def test_a_reply_that_is_too_short_for_the_cards_rate_comes_to_its_end(rate_hz: int, frames: int) -> None:
    """Nothing of it reaches the card, which never tells that it has played it; the next reply is as any other."""
    async with playing(rate_hz) as scene:
        scene.playout.push(A, SOUND[: 2 * frames])
        await asyncio.sleep(5.0)
        assert scene.news == [ev.PlayoutStarted("r1")]
        scene.playout.finish()
        await asyncio.sleep(0.1)
        assert (scene.news[1:], scene.speaker.heard) == ([ev.PlayoutDrained()], [])
        scene.playout.push(OTHER, noise(1.0, LINK_RATE_HZ))
        scene.playout.finish()
        await asyncio.sleep(2.0)
        assert scene.news[2:] == [ev.PlayoutStarted("r2"), ev.PlayoutDrained()]
        assert scene.heard_ms() == pytest.approx(1_000, abs=0.5)
        assert [response_id for response_id, _ in scene.audible] == ["r1", "r2"]
        scene.playout.cut()
        await asyncio.sleep(0.1)
        assert scene.cuts() == [()]


@pytest.mark.parametrize("after_s", [0.011, 0.5, 2.337, 4.99])
@pytest.mark.parametrize("rate_hz", RATES_HZ)
async def test_a_cut_tells_what_was_heard(rate_hz: int, after_s: float) -> None:
    """Within 20 ms of what the loudspeaker really played, never more, and it is silent at once."""
    async with playing(rate_hz) as scene:
        scene.playout.push(A, noise(3.0, LINK_RATE_HZ))
        scene.playout.finish(A)
        scene.playout.push(B, noise(3.0, LINK_RATE_HZ, seed=2))
        began_s = asyncio.get_running_loop().time()
        await asyncio.sleep(after_s)
        scene.playout.cut()
        await asyncio.sleep(1)

        played_ms = scene.heard_ms()
        assert played_ms == pytest.approx(1_000 * after_s, abs=1)
        assert scene.moment(ev.SpeechCut) - began_s == pytest.approx(after_s, abs=0.001)
        (parts,) = scene.cuts()
        assert [part.part for part in parts] == ([A, B] if after_s < 3 else [B])
        assert [part.received_ms for part in parts] == [3_000] * len(parts)
        heard_ms = sum(part.heard_ms for part in parts) + (3_000 if after_s > 3 else 0)
        assert played_ms - 20 <= heard_ms <= played_ms


async def test_the_start_of_a_reply_is_audible_when_it_is_heard() -> None:
    """Behind a tone of ours and behind an earlier reply, each at its very first frame."""
    async with playing() as scene:
        began_s = asyncio.get_running_loop().time()
        scene.playout.play_earcon(Earcon.ATTENTION)
        scene.playout.push(A, noise(0.3, LINK_RATE_HZ))
        scene.playout.push(OTHER, noise(0.3, LINK_RATE_HZ))
        scene.playout.finish()
        await asyncio.sleep(2)

        tone_s = len(render(Earcon.ATTENTION, LINK_RATE_HZ)) / LINK_FORMAT.frame_bytes / LINK_RATE_HZ
        assert [name for name, _ in scene.audible] == ["r1", "r2"]
        assert [at_s - began_s for _, at_s in scene.audible] == pytest.approx([tone_s, tone_s + 0.3], abs=0.001)


async def test_tones_are_no_part_of_any_account() -> None:
    """A tone is played, starts and ends nothing, and a cut does not speak of it."""
    async with playing() as scene:
        scene.playout.play_earcon(Earcon.ATTENTION)
        await asyncio.sleep(1)
        assert scene.speaker.heard_pcm == render(Earcon.ATTENTION, LINK_RATE_HZ)
        assert scene.news == []

        scene.playout.play_earcon(Earcon.PROBLEM)
        scene.playout.push(A, noise(1.0, LINK_RATE_HZ))
        await asyncio.sleep(0.1)
        scene.playout.cut()
        await asyncio.sleep(0.1)
        assert scene.cuts() == [(HeardPart(A, 0, 1_000),)]


async def test_a_tone_in_mid_reply_breaks_no_sample() -> None:
    """Half a sample waits for its other half, whatever is played in between."""
    reply = noise(0.5, LINK_RATE_HZ)
    async with playing() as scene:
        scene.playout.push(A, reply[:10_001])
        scene.playout.play_earcon(Earcon.MUTED)
        scene.playout.push(A, reply[10_001:])
        scene.playout.finish()
        await asyncio.sleep(2)

        tone = render(Earcon.MUTED, LINK_RATE_HZ)
        assert scene.speaker.heard_pcm == reply[:10_000] + tone + reply[10_000:]


async def test_without_a_loudspeaker_a_tone_is_not_kept() -> None:
    """When the loudspeaker is back, nobody knows any more what the tone was about."""
    async with playing() as scene:
        scene.speaker.lose()
        await asyncio.sleep(0.1)
        scene.playout.play_earcon(Earcon.PROBLEM)
        scene.speaker.come_back()
        await asyncio.sleep(5)

        assert scene.speaker.is_open
        assert scene.speaker.heard_pcm == b""


async def test_what_came_after_a_cut_is_played_after_it() -> None:
    """The next reply may come before the loudspeaker has let go of the last; nothing of the two mixes."""
    first, second = noise(1.0, 48_000), noise(0.5, LINK_RATE_HZ, seed=2)
    async with playing() as scene:
        scene.playout.push(A, first)
        await asyncio.sleep(0.2)
        scene.playout.cut()
        scene.playout.push(OTHER, second)
        scene.playout.finish()
        await asyncio.sleep(2)

        assert scene.speaker.heard_pcm.endswith(second)
        assert len(scene.speaker.heard_pcm) == LINK_FORMAT.frames_of_ms(200) * 2 + len(second)
        assert [type(event) for event in scene.news] == [
            ev.PlayoutStarted,
            ev.PlayoutStarted,
            ev.SpeechCut,
            ev.PlayoutDrained,
        ]


async def test_between_a_cut_and_silence_the_card_gets_nothing() -> None:
    """Its thread may ask before it has let go of the old reply; what it tells meanwhile is of the old one, too."""

    class Busy(MemorySpeaker):
        def cut(self) -> None:
            """Be busy, and let go later."""

    scene = Scene(Busy(LINK_RATE_HZ))
    playout = scene.playout
    playout.opened(scene.speaker.granted)
    playout.push(A, noise(1.0, LINK_RATE_HZ))
    assert playout.pull(2_400) == noise(1.0, LINK_RATE_HZ)[:4_800]
    playout.played(1_200)
    playout.cut()
    playout.push(OTHER, noise(0.5, LINK_RATE_HZ, seed=2))
    assert playout.pull(2_400) == b""
    playout.played(600)
    playout.silenced(480)
    await asyncio.sleep(0.001)
    assert scene.cuts() == [(HeardPart(A, 80, 1_000),)]
    assert playout.pull(2_400) == noise(0.5, LINK_RATE_HZ, seed=2)[:4_800]
    playout.silenced(0)
    await asyncio.sleep(0.001)
    assert len(scene.cuts()) == 1


async def test_two_cuts_at_once_tell_of_both() -> None:
    """What came between them was never heard; what came before was in part."""
    async with playing() as scene:
        scene.playout.push(A, noise(1.0, LINK_RATE_HZ))
        await asyncio.sleep(0.2)
        scene.playout.cut()
        scene.playout.push(OTHER, noise(0.5, LINK_RATE_HZ))
        scene.playout.cut()
        await asyncio.sleep(1)

        assert scene.cuts() == [(HeardPart(A, 200, 1_000), HeardPart(OTHER, 0, 500))]
        assert scene.heard_ms() == pytest.approx(200, abs=0.1)


async def test_a_cut_with_nothing_to_say_is_answered() -> None:
    """Somebody waits for the silence, and it is there already."""
    async with playing() as scene:
        scene.playout.cut()
        await asyncio.sleep(0.1)
        assert scene.news == [ev.SpeechCut(())]


async def test_a_hush_leaves_silence_and_tones_alone() -> None:
    """It is there for sound that came before its news did, and cuts nothing else."""
    async with playing() as scene:
        scene.playout.play_earcon(Earcon.PROBLEM)
        scene.playout.hush()
        await asyncio.sleep(1)
        assert scene.speaker.heard_pcm == render(Earcon.PROBLEM, LINK_RATE_HZ)
        assert scene.news == []

        scene.playout.push(A, noise(1.0, LINK_RATE_HZ))
        scene.playout.hush()
        scene.playout.hush()
        await asyncio.sleep(1)
        assert scene.news == [ev.PlayoutStarted("r1"), ev.SpeechCut((HeardPart(A, 0, 1_000),))]


@pytest.mark.parametrize("rate_hz", RATES_HZ)
async def test_a_lost_loudspeaker_was_heard_until_it_was_last_looked_at(rate_hz: int) -> None:
    """What the card held is not counted as heard; nothing of it is played when the card is back."""
    async with playing(rate_hz) as scene:
        scene.playout.push(A, noise(1.0, LINK_RATE_HZ))
        await asyncio.sleep(0.5)
        scene.speaker.lose()
        await asyncio.sleep(0.1)
        scene.speaker.come_back()
        await asyncio.sleep(3)

        played_ms = scene.heard_ms()
        ((part,),) = scene.cuts()[:1]
        assert played_ms - 20 <= part.heard_ms <= played_ms
        assert played_ms == pytest.approx(500, abs=21)
        assert scene.speaker.is_open


async def test_a_loudspeaker_that_is_lost_during_a_cut_ends_the_cut() -> None:
    """One account of what was heard, whether the card let go or went away."""
    async with playing() as scene:
        scene.playout.push(A, noise(1.0, LINK_RATE_HZ))
        await asyncio.sleep(0.5)
        scene.speaker.lose()
        scene.playout.cut()
        await asyncio.sleep(0.01)

        assert [len(parts) for parts in scene.cuts()] == [1]
        assert scene.cuts()[0][0].heard_ms == pytest.approx(490, abs=11)
        scene.speaker.come_back()
        await asyncio.sleep(3)
        scene.playout.push(OTHER, noise(0.5, LINK_RATE_HZ))
        scene.playout.finish()
        await asyncio.sleep(1)
        assert scene.news[-1] == ev.PlayoutDrained()


async def test_without_a_loudspeaker_a_cut_takes_effect_at_once() -> None:
    """There is nobody to wait for."""
    scene = Scene(MemorySpeaker())
    scene.playout.push(A, noise(1.0, LINK_RATE_HZ))
    scene.playout.cut()
    await asyncio.sleep(0.001)
    assert scene.cuts() == [(HeardPart(A, 0, 1_000),)]


async def test_a_reply_that_stalls_below_the_cushion_is_played() -> None:
    """A server that sends 20 ms and then nothing does not keep the conversation waiting for its rest."""
    async with playing() as scene:
        scene.playout.push(A, noise(0.02, LINK_RATE_HZ))
        began_s = asyncio.get_running_loop().time()
        await asyncio.sleep(5)

        assert scene.heard_ms() == 20
        assert STALL_S < scene.moment(ev.PlayoutDrained) - began_s < STALL_S + 2


async def test_a_pause_in_mid_reply_loses_nothing() -> None:
    """What the resampler withheld comes before the gap, not behind it; the reply begins and ends anew."""
    async with playing(48_000) as scene:
        for turn in range(3):
            scene.playout.push(A, noise(0.5, LINK_RATE_HZ, seed=turn))
            await asyncio.sleep(1)
            assert scene.heard_ms() == pytest.approx(500 * (turn + 1), abs=0.1)
        scene.playout.finish()
        await asyncio.sleep(1)

        assert scene.news == [ev.PlayoutStarted("r1"), ev.PlayoutDrained()] * 3


async def test_a_card_that_is_busy_playing_is_left_alone() -> None:
    """What a resampler gave beyond what was asked for is no reason to wake its thread: it would never sleep again."""

    class Counting(MemorySpeaker):
        nudges = 0

        def nudge(self) -> None:
            """Count."""
            self.nudges += 1

    scene = Scene(Counting(44_100))
    assert isinstance(scene.speaker, Counting)
    scene.playout.opened(scene.speaker.granted)
    scene.playout.push(A, noise(1.0, LINK_RATE_HZ))
    scene.playout.finish()
    nudges = scene.speaker.nudges
    while scene.playout.pull(7):
        scene.playout.played(7)
        if scene.playout._carry:
            break
    assert scene.playout._carry
    scene.playout.played(7)
    assert scene.speaker.nudges == nudges


async def test_the_cushion_is_gathered_before_the_first_sound() -> None:
    """The start waits for it, and no longer."""
    async with playing() as scene:
        began_s = asyncio.get_running_loop().time()
        for _ in range(20):
            scene.playout.push(A, noise(0.02, LINK_RATE_HZ))
            await asyncio.sleep(0.02)
        scene.playout.finish()
        await asyncio.sleep(1)

        assert scene.speaker.heard[0].began_s - began_s == pytest.approx(START_CUSHION_MS / 1000 - 0.02, abs=0.001)
        assert len(scene.speaker.heard) == 1


async def test_an_end_that_was_overtaken_is_not_told() -> None:
    """The loudspeaker's thread saw the end, but when its news arrives the next reply has begun."""
    scene = Scene(MemorySpeaker())
    played = scene.playout
    played.opened(scene.speaker.granted)
    played.push(A, noise(0.2, LINK_RATE_HZ))
    played.finish()
    frames = LINK_FORMAT.frames(played.pull(48_000))
    played.played(frames)
    played.played(0)
    played.push(OTHER, noise(0.2, LINK_RATE_HZ))
    await asyncio.sleep(0.001)
    assert scene.news == [ev.PlayoutStarted("r1"), ev.PlayoutStarted("r2")]


async def test_half_a_sample_is_no_reply() -> None:
    """Nothing to play begins nothing: what begins must end."""
    async with playing() as scene:
        scene.playout.push(A, b"\1")
        scene.playout.finish()
        await asyncio.sleep(5)
        assert scene.news == []


@pytest.mark.parametrize(("percent", "largest"), [(0, 0), (50, 2_500), (100, 10_000)])
async def test_the_volume_scales_what_is_played_and_not_the_account(percent: int, largest: int) -> None:
    """Silent at 0, untouched at 100; a muted loudspeaker has played the reply all the same."""
    async with playing() as scene:
        scene.playout.set_volume(percent)
        scene.playout.push(A, (10_000).to_bytes(2, "little") * 12_000)
        scene.playout.finish()
        await asyncio.sleep(1)

        assert scene.speaker.heard_pcm == largest.to_bytes(2, "little") * 12_000
        assert scene.news == [ev.PlayoutStarted("r1"), ev.PlayoutDrained()]


async def test_a_stereo_card_gets_the_voice_on_both_channels() -> None:
    """Each sample twice."""
    scene = Scene(MemorySpeaker(LINK_RATE_HZ, channels=2))
    scene.playout.opened(scene.speaker.granted)
    scene.playout.push(A, b"\1\0\2\0")
    scene.playout.finish()
    assert scene.playout.pull(100) == b"\1\0\1\0\2\0\2\0"


async def test_a_reply_beyond_all_bounds_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """What fits is played; its rest costs one line in the journal, not one for each delta."""
    scene = Scene(MemorySpeaker())
    minute = bytes(60 * LINK_RATE_HZ * 2)
    with caplog.at_level(logging.WARNING, "hearthd"):
        for _ in range(round(LIMIT_MS / 60_000) + 3):
            scene.playout.push(A, minute)
    assert [record.__dict__["HEARTHD_EVENT"] for record in caplog.records] == ["reply_too_long"]
    assert scene.news == [ev.PlayoutStarted("r1")]
    scene.playout.opened(scene.speaker.granted)
    scene.playout.play_earcon(Earcon.PROBLEM)
    assert scene.playout.pull(2_400) == minute[:4_800]


async def test_a_flapping_loudspeaker_is_told_of_once_and_tried_ever_more_rarely(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A loose plug that works for a second at a time fills neither the journal nor the processor."""
    async with playing() as scene:
        with caplog.at_level(logging.INFO, "hearthd"):
            for _ in range(20):
                scene.speaker.lose()
                scene.speaker.come_back()
                await asyncio.sleep(1)
            assert [record.levelname for record in caplog.records] == ["WARNING"]
            assert len(scene.speaker.openings) < 15

            await asyncio.sleep(20)
            assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
            scene.speaker.lose()
            scene.speaker.come_back()
            await asyncio.sleep(0.3)
            assert scene.speaker.is_open
    pulse_s = scene.keeper._pulse.last_s
    assert asyncio.get_running_loop().time() - pulse_s < 2


async def test_what_only_a_new_process_mends_is_left_to_the_watchdog() -> None:
    """A library that hangs for good beats no pulse; should it come back after all, so does the sound."""

    class Hanging(MemorySpeaker):
        hangs = True

        async def play(self, mouth: Mouth) -> None:
            if self.hangs:
                raise DeviceHangs(self.name, "write", "hangs")
            await super().play(mouth)

    speaker, clock = Hanging(LINK_RATE_HZ), asyncio.get_running_loop().time
    async with playing(speaker=speaker) as scene:
        await asyncio.sleep(60.0)
        assert clock() - scene.keeper._pulse.last_s > 60.0 > SILENT_AFTER_S
        speaker.hangs = False
        await asyncio.sleep(BEAT_EVERY_S)
        assert clock() - scene.keeper._pulse.last_s < BEAT_EVERY_S
        assert speaker.is_open


async def test_a_loudspeaker_that_stops_without_a_word_is_our_mistake() -> None:
    """A loop that returns is a bug and must not spin."""

    class Mute(MemorySpeaker):
        async def play(self, mouth: object) -> None:
            return

    scene = Scene(Mute())
    with pytest.raises(ExceptionGroup) as caught:
        await scene.keeper.run()
    assert caught.group_contains(AssertionError, match="raising only")


class Card(threading.Thread):
    """A loudspeaker that serves its mouth as fast as it can, in a thread of its own."""

    def __init__(self, rate_hz: int) -> None:
        super().__init__()
        self.playout: Playout
        self.heard_frames = 0
        self._rate_hz = rate_hz
        self._cut = threading.Event()
        self._over = threading.Event()

    def nudge(self) -> None:
        """Serve anyway."""

    def cut(self) -> None:
        """Drop what waits, at the next turn."""
        self._cut.set()

    async def play(self, mouth: Mouth) -> None:
        """Serve in the thread alone."""

    def end(self) -> None:
        """Serve no more."""
        self._over.set()
        self.join()

    def run(self) -> None:
        """Pull, play a part of it, tell; and let go when told to."""
        choose = Random(1)
        pending_frames = 0
        self.playout.opened(PcmFormat(self._rate_hz))
        while not self._over.is_set():
            if self._cut.is_set():
                self._cut.clear()
                self.playout.silenced(pending_frames)
                pending_frames = 0
            pending_frames += len(self.playout.pull(self._rate_hz // 50)) // 2
            heard_frames = min(pending_frames, choose.randrange(self._rate_hz // 25))
            pending_frames -= heard_frames
            self.heard_frames += heard_frames
            self.playout.played(pending_frames)


@pytest.mark.parametrize("rate_hz", [24_000, 44_100])
def test_loop_and_thread_at_once_keep_one_account(rate_hz: int) -> None:
    """Thousands of deltas and dozens of cuts against a card that never rests: what is told as heard was played."""
    news: list[ev.Event] = []
    card = Card(rate_hz)
    playout = card.playout = Playout(
        news.append, lambda call: call(), lambda _name, _at_s: None, Pulse("playback"), monotonic
    )
    playout.attach(card)
    card.start()
    pushed_ms = 0
    for reply in range(40):
        part = ReplyPart(f"r{reply}", f"i{reply}", 0)
        for _ in range(50):
            playout.push(part, SOUND)
            pushed_ms += 20
        if reply % 4:
            playout.cut()
        else:
            playout.finish()
    ends_s = monotonic() + 30
    while (playout._announced or playout._cut_ledger) and monotonic() < ends_s:
        time.sleep(0.001)
    card.end()

    told = [part for event in news if isinstance(event, ev.SpeechCut) for part in event.heard]
    assert all(0 <= part.heard_ms <= part.received_ms <= 1_000 for part in told)
    assert len({part.part for part in told}) == len(told)
    cut_ms = sum(part.received_ms - part.heard_ms for part in told)
    assert card.heard_frames / rate_hz * 1_000 == pytest.approx(pushed_ms - cut_ms, abs=2 * len(told) + 2)
