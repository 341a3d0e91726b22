"""What every `Speaker` owes its mouth, on the memory double and on the ALSA adapter with a virtual card."""

import asyncio
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from hearthd.core.audio.pcm import PcmFormat
from hearthd.ports import DeviceUnavailable
from tests.contracts.sound_rigs import ASKED_HZ, SpeakerRig, babble, speaker_rig
from tests.doubles.witnesses import WitnessMouth, outcome, until

MakeRig = Callable[[PcmFormat], SpeakerRig]
SHORT_FRAMES = ASKED_HZ // 8
"""125 ms: more than a card is given at once."""
ATTEMPTS = 5
"""A machine that lets nobody run for half a millisecond, which is a sip, says nothing about the loudspeaker."""
LONG_FRAMES = ASKED_HZ * 2
"""More than any test waits for."""


@pytest.fixture
async def make_rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeRig:
    """Return what makes a loudspeaker for the test's own loop."""
    return lambda granted: speaker_rig(tmp_path, monkeypatch.setenv, granted)


@pytest.fixture
async def rig(make_rig: MakeRig) -> SpeakerRig:
    """Return a loudspeaker that grants what it is asked for."""
    return make_rig(PcmFormat(ASKED_HZ))


@pytest.fixture
async def mouth() -> WitnessMouth:
    """Return a mouth that stamps by the loop's clock."""
    return WitnessMouth(asyncio.get_running_loop().time)


async def begin_to_play(rig: SpeakerRig, mouth: WitnessMouth, frames: int = LONG_FRAMES) -> None:
    """Give the mouth something to say and return once a part of it is known to be heard."""
    mouth.give(babble(rig.granted, frames).tobytes())
    rig.speaker.nudge()
    await until(lambda: any(word.frames < word.pulled_frames for word in mouth.said("played")), "sound")


@pytest.mark.parametrize(
    ("granted", "sip_frames"),
    [(PcmFormat(ASKED_HZ), None), (PcmFormat(ASKED_HZ), 160), (PcmFormat(44_100, 2), None), (PcmFormat(11_025), 7)],
    ids=["as asked", "in sips", "44.1 kHz stereo", "11 kHz in sips"],
)
async def test_what_is_said_is_heard(make_rig: MakeRig, granted: PcmFormat, sip_frames: int | None) -> None:
    """Every frame that the mouth gives is heard once, unchanged and without a gap, however little it gives at once."""
    rig = make_rig(granted)
    mouth = WitnessMouth(sip_frames=sip_frames)
    sound = babble(granted, granted.rate_hz // 8).tobytes()

    heard_before, lost = b"", 0
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(rig.speaker.play(mouth))
        await until(lambda: bool(mouth.formats), "the opening")
        for _ in range(ATTEMPTS):
            heard_before, lost = rig.heard, len(mouth.said("underran"))
            mouth.give(sound)
            rig.speaker.nudge()
            await until(mouth.drained, "the end of the sound")
            if len(mouth.said("underran")) == lost:
                break
        playing.cancel()

    assert [mouth.formats, mouth.words[0].method, mouth.said("underran")[lost:]] == [[granted], "opened", []]
    assert rig.heard[len(heard_before) :].lstrip(b"\0") == sound


async def test_the_account_never_runs_ahead_of_the_sound(rig: SpeakerRig, mouth: WitnessMouth) -> None:
    """Frames pulled minus frames pending grows to the end and never counts a frame that was not heard by then."""
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(rig.speaker.play(mouth))
        await begin_to_play(rig, mouth, frames=SHORT_FRAMES)
        await until(mouth.drained, "the end of the sound")
        playing.cancel()

    account = [(word.pulled_frames - word.frames, word.at_s) for word in mouth.said("played")]
    assert all(before <= after for (before, _), (after, _) in pairwise(account))
    assert [(told, at_s) for told, at_s in account if told > rig.heard_frames_at(at_s)] == []
    assert account[-1][0] == SHORT_FRAMES


async def test_a_drained_loudspeaker_says_so_once(rig: SpeakerRig, mouth: WitnessMouth) -> None:
    """The account reaches 0 and is then left alone until there is something to say again."""
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(rig.speaker.play(mouth))
        for _ in range(2):
            await begin_to_play(rig, mouth, frames=4_800)
            await until(mouth.drained, "the end of the sound")
            await asyncio.sleep(0.1)
        playing.cancel()
    assert [word.pulled_frames for word in mouth.said("played") if word.frames == 0] == [4_800, 9_600]


async def test_a_cut_silences_and_counts_what_will_never_be_heard(rig: SpeakerRig, mouth: WitnessMouth) -> None:
    """After a cut nothing more of the old sound is heard, and the mouth knows to a block how much was."""
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(rig.speaker.play(mouth))
        await begin_to_play(rig, mouth)
        mouth.hush()
        rig.speaker.cut()
        await until(lambda: bool(mouth.said("silenced")), "the end of the cut")
        await asyncio.sleep(0.15)
        playing.cancel()

    (silenced,) = mouth.said("silenced")
    told_frames = silenced.pulled_frames - silenced.frames
    heard = rig.heard
    assert babble(rig.granted, LONG_FRAMES).tobytes().startswith(heard)
    assert 0 <= rig.granted.frames(heard) - told_frames <= rig.granted.block_frames
    assert silenced.frames > 0


async def test_after_a_cut_only_new_sound_is_heard(rig: SpeakerRig, mouth: WitnessMouth) -> None:
    """What is said after a cut is heard whole, and nothing of what was cut comes back."""
    news = (-babble(rig.granted, 9_600)).tobytes()
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(rig.speaker.play(mouth))
        await begin_to_play(rig, mouth)
        mouth.hush()
        rig.speaker.cut()
        await until(lambda: bool(mouth.said("silenced")), "the end of the cut")
        mouth.give(news)
        rig.speaker.nudge()
        await until(mouth.drained, "the end of the news")
        playing.cancel()
    heard = rig.heard
    assert heard.endswith(news)
    assert babble(rig.granted, LONG_FRAMES).tobytes().startswith(heard[: -len(news)].rstrip(b"\0"))


async def test_a_cut_with_nothing_to_cut_is_answered_too(rig: SpeakerRig, mouth: WitnessMouth) -> None:
    """Whoever cuts an idle loudspeaker gets the answer that it waits for; a cut before the opening is void."""
    rig.speaker.cut()
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(rig.speaker.play(mouth))
        await until(lambda: bool(mouth.said("pull")), "the first look for sound")
        silenced_before = len(mouth.said("silenced"))
        rig.speaker.cut()
        await until(lambda: bool(mouth.said("silenced")), "the answer to the cut")
        playing.cancel()
    assert [silenced_before, [word.frames for word in mouth.said("silenced")]] == [0, [0]]


async def test_a_nudge_wakes_an_idle_loudspeaker(rig: SpeakerRig, mouth: WitnessMouth) -> None:
    """Sound is fetched when it is announced; without a nudge the mouth is asked only now and then."""
    loop = asyncio.get_running_loop()
    waited_s: list[float] = []
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(rig.speaker.play(mouth))
        await until(lambda: bool(mouth.said("pull")), "the first look for sound")
        for _ in range(3):
            pulls = len(mouth.said("pull"))
            await asyncio.sleep(0.05)
            assert len(mouth.said("pull")) == pulls
            nudged_s = loop.time()
            rig.speaker.nudge()
            await until(lambda: len(mouth.said("pull")) > pulls, "a pull")  # noqa: B023 - awaited here
            waited_s.append(mouth.said("pull")[-1].at_s - nudged_s)
        playing.cancel()
    assert min(waited_s) < 0.05


async def test_an_idle_loudspeaker_shows_that_it_lives(rig: SpeakerRig, mouth: WitnessMouth) -> None:
    """The mouth is asked now and then without any nudge, so that a stuck loudspeaker can be told from an idle one."""
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(rig.speaker.play(mouth))
        await until(lambda: len(mouth.said("pull")) >= 2, "a second look for sound")
        playing.cancel()
    first, second = mouth.said("pull")[:2]
    assert 1.0 < second.at_s - first.at_s < 5.0


async def test_cancelled_it_closes_and_calls_no_more(rig: SpeakerRig, mouth: WitnessMouth) -> None:
    """After a cancellation at any moment the device is free and silent, the mouth is left alone, no thread remains."""
    threads = threading.active_count()
    for moment_s in (0.0, 0.0003, 0.001, 0.004, 0.02, 0.05):
        async with asyncio.TaskGroup() as tasks:
            playing = tasks.create_task(rig.speaker.play(mouth))
            mouth.give(babble(rig.granted, LONG_FRAMES).tobytes())
            rig.speaker.nudge()
            await asyncio.sleep(moment_s)
            playing.cancel()
        assert not rig.fate.is_open
        words, heard = len(mouth.words), rig.heard
        await asyncio.sleep(0.03)
        assert (threads, words, heard) == (threading.active_count(), len(mouth.words), rig.heard)


async def test_cancelled_twice_it_still_closes(rig: SpeakerRig, mouth: WitnessMouth) -> None:
    """An impatient caller gets its cancellation, and only after the device is free."""
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(rig.speaker.play(mouth))
        await begin_to_play(rig, mouth)
        playing.cancel()
        await asyncio.sleep(0)
        playing.cancel()
    assert [playing.cancelled(), rig.fate.is_open] == [True, False]


@pytest.mark.parametrize("idle", [False, True], ids=["playing", "idle"])
async def test_a_lost_device_is_told_and_can_be_opened_again(rig: SpeakerRig, mouth: WitnessMouth, idle: bool) -> None:
    """Unplugged it fails in writing, even when idle; away it fails in opening; back it plays again."""
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(outcome(rig.speaker.play(mouth)))
        await until(lambda: bool(mouth.said("pull")), "the first look for sound")
        if not idle:
            await begin_to_play(rig, mouth)
        rig.fate.lose()
        lost = await playing
    away = await outcome(rig.speaker.play(mouth))

    assert isinstance(lost, DeviceUnavailable)
    assert isinstance(away, DeviceUnavailable)
    assert [(lost.device, lost.operation), (away.device, away.operation)] == [
        (rig.fate.device, "write"),
        (rig.fate.device, "open"),
    ]
    assert not rig.fate.is_open

    rig.fate.heal()
    mouth.hush()
    async with asyncio.TaskGroup() as tasks:
        again = tasks.create_task(rig.speaker.play(mouth))
        await begin_to_play(rig, mouth, frames=4_800)
        await until(mouth.drained, "sound after the return")
        again.cancel()
    assert len(mouth.formats) == 2


async def test_a_busy_device_is_refused_at_once(rig: SpeakerRig, mouth: WitnessMouth) -> None:
    """Another program's device fails in opening, and the mouth hears nothing of it."""
    rig.fate.refuse()
    busy = await outcome(rig.speaker.play(mouth))
    assert isinstance(busy, DeviceUnavailable)
    assert [busy.operation, busy.problem] == ["open", "Device or resource busy: another program uses the card"]
    assert mouth.words == []


async def test_a_frozen_device_is_lost(rig: SpeakerRig, mouth: WitnessMouth) -> None:
    """A card that takes sound and plays none of it does not keep anybody waiting for ever."""
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(outcome(rig.speaker.play(mouth)))
        await begin_to_play(rig, mouth, frames=ASKED_HZ * 5)
        rig.fate.freeze()
        frozen = await playing
    assert isinstance(frozen, DeviceUnavailable)
    assert [frozen.operation, rig.fate.is_open] == ["write", False]


async def test_an_underrun_is_told_and_survived(rig: SpeakerRig, mouth: WitnessMouth) -> None:
    """A card that ran dry in mid-stream is reported once, and what is said next is heard whole."""
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(rig.speaker.play(mouth))
        await begin_to_play(rig, mouth, frames=ASKED_HZ)
        rig.fate.xrun()
        await until(lambda: bool(mouth.said("underran")), "an underrun")
        await until(mouth.drained, "the end of the sound")
        playing.cancel()
    assert len(mouth.said("underran")) == 1
    assert rig.heard.endswith(babble(rig.granted, ASKED_HZ).tobytes()[-ASKED_HZ // 8 :])


@pytest.mark.parametrize("method", ["opened", "pull", "played", "silenced", "underran"])
@pytest.mark.parametrize("error", [ZeroDivisionError("mouth"), DeviceUnavailable("x", "y", "mouth")], ids=repr)
async def test_an_error_of_the_mouth_comes_out_unchanged(
    rig: SpeakerRig, mouth: WitnessMouth, method: str, error: Exception
) -> None:
    """A mistake of ours crashes where it can be seen, and the device is closed all the same."""
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(outcome(rig.speaker.play(mouth)))
        if method in {"silenced", "underran"}:
            await begin_to_play(rig, mouth)
        mouth.fails_in, mouth.error = method, error
        if method == "silenced":
            rig.speaker.cut()
        elif method == "underran":
            rig.fate.xrun()
        elif method == "played":
            await until(lambda: bool(mouth.formats), "the opening")
            mouth.give(babble(rig.granted, 960).tobytes())
            rig.speaker.nudge()
        assert await playing is error
    assert [mouth.words[-1].method, rig.fate.is_open] == [method, False]


@pytest.mark.parametrize(
    ("excess_bytes", "mistake"),
    [(1, "a mouth gave a part of a frame"), (2, "a mouth gave more than it was asked for")],
    ids=["part of a frame", "too much"],
)
async def test_a_mouth_that_gives_the_wrong_amount_is_a_mistake(
    rig: SpeakerRig, excess_bytes: int, mistake: str
) -> None:
    """What cannot be played crashes where it was given, and is not taken for a fault of the card."""

    class Glutton(WitnessMouth):
        def pull(self, frames: int) -> bytes:
            return bytes(frames * self.formats[-1].frame_bytes + excess_bytes)

    with pytest.raises(AssertionError, match=mistake):
        await rig.speaker.play(Glutton())
    assert not rig.fate.is_open


async def test_two_players_are_a_mistake(rig: SpeakerRig, mouth: WitnessMouth) -> None:
    """The second of two players crashes, and the first goes on."""
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(rig.speaker.play(mouth))
        await until(lambda: bool(mouth.said("pull")), "the first look for sound")
        with pytest.raises(AssertionError, match=f"{rig.fate.device} is opened twice"):
            await rig.speaker.play(WitnessMouth())
        await begin_to_play(rig, mouth, frames=960)
        await until(mouth.drained, "the end of the sound")
        playing.cancel()
