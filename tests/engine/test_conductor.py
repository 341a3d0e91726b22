"""Events in, commands out: deadlines to the moment, calls beside, and a crash instead of silence."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from hearthd.core.audio.pcm import LINK_RATE_HZ
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.phases import Phase
from hearthd.core.realtime.events import CallRequested
from hearthd.core.settings import LogSettings
from hearthd.engine.conductor import CALLS_AT_ONCE
from hearthd.engine.inbox import CAPACITY, InboxOverflow
from hearthd.engine.liveness import BEAT_EVERY_S
from tests.core.realtime import wire
from tests.doubles.memory_ledger import BrokenLedger, MemoryLedger
from tests.engine.server import says
from tests.engine.voices import noise
from tests.engine.world import World, living, settings_of

TRANSCRIPT = "turn on the kitchen light"


async def test_a_deadline_passes_at_its_moment() -> None:
    """Neither earlier nor later, however often other news comes meanwhile."""
    async with living() as world:
        world.request("listen")
        await world.reach(Phase.LISTENING)
        deadline_s = world.machine.deadline
        assert deadline_s is not None
        while world.now_s < deadline_s - 0.05:
            world.daemon._inbox.post(ev.SpeakerFound())
            await asyncio.sleep(0.01)
        passed: list[float] = []
        step = world.machine.step

        def watch(event: ev.Event, now: float) -> object:
            if isinstance(event, ev.DeadlinePassed):
                passed.append(now)
            return step(event, now)

        world.machine.step = watch  # type: ignore[method-assign, assignment]
        await world.reach(Phase.IDLE)
        assert passed == [pytest.approx(deadline_s, abs=1e-6)]


async def test_a_flood_of_news_does_not_hold_a_deadline_up() -> None:
    """It comes first, however much waits."""
    async with living() as world:
        world.request("listen")
        await world.reach(Phase.LISTENING)
        moves = world.machine._moves
        moves.deadline = world.now_s
        for _ in range(CAPACITY // 2):
            world.daemon._inbox.post(ev.SpeakerFound())
        assert await world.daemon._conductor._next() == ev.DeadlinePassed()


async def test_an_idle_conductor_beats() -> None:
    """With nothing to do it still passes its beat."""
    async with living() as world:
        pulse = world.daemon._conductor._pulse
        for _ in range(20):
            await asyncio.sleep(2.0)
            assert world.now_s - pulse.last_s <= BEAT_EVERY_S


async def live_through(befall: Callable[[World], None]) -> None:
    """Let something befall a daemon, and live on for a while."""
    async with living() as world:
        befall(world)
        await asyncio.sleep(10.0)


async def test_news_without_end_ends_the_daemon() -> None:
    """A conductor that does not keep up is a bug; the process ends, and is started anew."""

    def flood(world: World) -> None:
        for _ in range(CAPACITY + 1):
            world.daemon._inbox.post(ev.SpeakerFound())

    with pytest.raises(ExceptionGroup) as caught:
        await live_through(flood)
    assert caught.group_contains(InboxOverflow)


async def test_a_bug_on_the_way_from_a_thread_ends_the_daemon() -> None:
    """Sound that cannot be taken is no line in a log that nobody reads."""

    def fail(turn: int, pcm: bytes) -> None:
        raise ValueError("a bug")

    def listen(world: World) -> None:
        world.daemon._uplink.take = fail  # type: ignore[method-assign]
        world.request("listen")

    with pytest.raises(ExceptionGroup) as caught:
        await live_through(listen)
    assert caught.group_contains(ValueError, match="a bug")


async def test_a_bug_in_a_call_ends_the_daemon() -> None:
    """A task beside the conductor dies as loudly as the conductor."""

    async def fail(name: str, arguments: str, turn: int) -> str:
        raise ValueError("a bug")

    def call(world: World) -> None:
        world.daemon._calls.answer = fail  # type: ignore[method-assign]
        world.daemon._inbox.post(CallRequested("r", "c", "set_switch", "{}"))

    with pytest.raises(ExceptionGroup) as caught:
        await live_through(call)
    assert caught.group_contains(ValueError, match="a bug")


async def test_a_bug_in_the_ledger_ends_the_daemon() -> None:
    """At once, not with the next booking: what is spent must be written down."""

    def break_ledger(world: World) -> None:
        ledger = world.daemon._outside.ledger
        assert isinstance(ledger, MemoryLedger)
        ledger.broken.set()

    with pytest.raises(ExceptionGroup) as caught:
        await live_through(break_ledger)
    assert caught.group_contains(BrokenLedger)


async def test_calls_run_side_by_side_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The conversation goes on meanwhile; a spell of calls waits for its turn, and all are run."""
    running = most = done = 0

    async def slow(_name: str, _arguments: str, _turn: int) -> str:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await asyncio.sleep(1.0)
        running -= 1
        done += 1
        return "{}"

    async with living() as world:
        monkeypatch.setattr(world.daemon._calls, "answer", slow)
        for number in range(3 * CALLS_AT_ONCE):
            world.daemon._inbox.post(CallRequested("r", f"c{number}", "set_switch", "{}"))
        world.request("listen")
        await world.reach(Phase.LISTENING, within_s=0.1)
        await asyncio.sleep(3.1)
        assert (most, done) == (CALLS_AT_ONCE, 3 * CALLS_AT_ONCE)


async def test_calls_that_wait_are_not_run_after_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those under way end as they may; the house hears nothing of the others any more."""
    begun = []

    async def slow(_name: str, arguments: str, _turn: int) -> str:
        begun.append(arguments)
        await asyncio.sleep(1.0)
        return "{}"

    async with living() as world:
        monkeypatch.setattr(world.daemon._calls, "answer", slow)
        await world.ask()
        world.server.say(wire.created("r1"))
        for number in range(2 * CALLS_AT_ONCE):
            world.server.say(wire.item_done("r1", wire.call_item(f"c{number}", arguments=f'{{"n": {number}}}')))
        await asyncio.sleep(0.5)
        assert len(begun) == CALLS_AT_ONCE
        world.request("stop")
        await world.reach(Phase.IDLE)
        await asyncio.sleep(5.0)
        assert len(begun) == CALLS_AT_ONCE
        assert len(world.events("call")) == CALLS_AT_ONCE


@pytest.mark.parametrize("kept", [False, True])
async def test_words_stay_here_unless_the_owner_wants_them(caplog: pytest.LogCaptureFixture, kept: bool) -> None:
    """Neither journal nor house learn what was said; that something was said, the house does."""
    settings = settings_of(log=LogSettings(transcripts=kept))
    with caplog.at_level(logging.DEBUG, "hearthd"):
        async with living(settings) as world:
            await world.bring_to(Phase.THINKING)
            done = "conversation.item.input_audio_transcription.completed"
            world.server.say(wire.text(done, item_id="item", transcript=TRANSCRIPT))
            await asyncio.sleep(0.1)
            (event,) = world.events("transcript")
    assert event == {"event": "transcript", "turn": 1, **({"text": TRANSCRIPT} if kept else {})}
    told = [record for record in caplog.records if TRANSCRIPT in str(vars(record))]
    assert [record.__dict__["HEARTHD_TEXT"] for record in told] == [TRANSCRIPT] * kept


async def test_volume_is_set_at_once() -> None:
    """Over MQTT, in the middle of a reply, and shown in the state."""
    async with living() as world:
        await world.bring_to(Phase.SPEAKING)
        world.request("set/volume", "0")
        await world.reach(Phase.FOLLOW_UP)
        heard = world.speaker.heard_pcm
        assert len(heard) == len(noise(2.0, LINK_RATE_HZ))
        assert set(heard[-48_000:]) == {0}
        assert world.state["volume_percent"] == 0


# Where the server finds the end of speech


async def by_server(world: World) -> asyncio.TaskGroup:
    """Ask something, and have the server hear its beginning."""
    world.speak(0.6, world.say_word() + 0.1)
    await world.reach(Phase.LISTENING)
    await asyncio.sleep(0.4)
    world.server.hears_start()
    await asyncio.sleep(0.1)
    return world.tasks


async def test_a_turn_that_the_server_makes() -> None:
    """Silence is streamed until the server says stop; it commits by itself, and we ask, since the budget must agree."""
    async with living(settings_of(turn_detection="server_vad")) as world:
        world.server.replies.append(says(noise(0.5, LINK_RATE_HZ)))
        tasks = await by_server(world)
        await asyncio.sleep(3.0)
        assert world.phase is Phase.LISTENING
        streamed = len(world.server.session.unheard)
        await asyncio.sleep(0.5)
        assert len(world.server.session.unheard) - streamed == pytest.approx(24_000, abs=1_000)
        world.server.hears_end(tasks)
        await asyncio.sleep(0.05)
        sent = world.server.sound_bytes
        await world.reach(Phase.FOLLOW_UP)

        assert world.server.sound_bytes == sent
        assert (len(world.server.came(wire.COMMIT)), len(world.server.came(wire.CREATE))) == (0, 1)
        assert world.speaker.heard_pcm == noise(0.5, LINK_RATE_HZ)
        assert world.outcomes() == ["answered"]
        assert "HEARTHD_SERVER_MS" in world.turns[0]


async def test_a_server_that_never_finds_the_end_is_not_streamed_to_for_ever() -> None:
    """At the utterance cap, with a tone; the room was silent for most of it."""
    async with living(settings_of(turn_detection="server_vad")) as world:
        await by_server(world)
        began_s = world.now_s
        await world.reach(Phase.IDLE)
        assert world.now_s - began_s == pytest.approx(17.0, abs=0.2)
        assert [event["code"] for event in world.events("error")] == ["no_end_of_speech"]
        await asyncio.sleep(1.0)
        sent = world.server.sound_bytes
        await asyncio.sleep(5.0)
        assert world.server.sound_bytes == sent
