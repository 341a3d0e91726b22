"""The session with the server: how it begins, how it is lost, and what is told of that."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from hearthd.core.conversation import events as ev
from hearthd.core.realtime.choice import STABLE_S
from hearthd.core.realtime.commands import AnswerCall, CancelResponse, LinkCommand, RequestResponse
from hearthd.core.realtime.events import InputTranscribed, ReplyTranscribed
from hearthd.engine.line import BACKOFF_CAP_S, RETRY_AFTER_MAX_S
from hearthd.engine.link_session import COMPLAINTS_TOLD_MAX, SEND_S, SESSION_START_S, TEXTS_IN_A_ROW
from hearthd.engine.liveness import BEAT_EVERY_S, SILENT_AFTER_S
from hearthd.ports import LinkRefused, LinkUnavailable
from tests.core.realtime import wire
from tests.doubles.memory_link import MemoryConnection
from tests.engine.link_scene import GONE, SOUND, Scene, linked
from tests.engine.server import says

# Opening


async def test_nothing_goes_out_before_the_session_is_ready() -> None:
    """Not a sample and no command: only the session's settings."""

    def begin(scene: Scene) -> None:
        scene.server.start_s = 1.0
        scene.uplink.open(1)
        scene.uplink.take(1, SOUND)

    async with linked(prepare=begin) as scene:
        scene.keeper.send(RequestResponse())
        scene.keeper.begin_turn()
        assert [message["type"] for _, message in scene.server.session.texts] == [wire.UPDATE]
        await asyncio.sleep(1.0)
        assert [message["type"] for _, message in scene.server.session.texts] == [wire.UPDATE, wire.APPEND, wire.APPEND]
        assert scene.news == [ev.LinkConnecting(), ev.SessionReady()]


async def test_a_session_that_does_not_start_is_given_up() -> None:
    """After 20 s, to the moment; and then there is another attempt."""
    async with linked(prepare=lambda scene: setattr(scene.server, "start_s", 60.0)) as scene:
        await asyncio.sleep(SESSION_START_S + BACKOFF_CAP_S)
        assert [(round(at_s - 1_000), type(event)) for at_s, event in scene.events] == [
            (0, ev.LinkConnecting),
            (20, ev.LinkLost),
            (20, ev.LinkConnecting),
        ]
        assert scene.link.attempts == 2
        assert scene.longest_silence_s() < BEAT_EVERY_S + 0.001


async def test_transcripts_go_past_the_conversation() -> None:
    """They are for people to read."""
    async with linked() as scene:
        scene.server.say(
            wire.text("conversation.item.input_audio_transcription.completed", item_id="i", transcript="on")
        )
        scene.server.say(
            wire.created("r"),
            wire.text("response.output_audio_transcript.done", response_id="r", item_id="j", transcript="done"),
        )
        await asyncio.sleep(0.1)
        assert scene.overheard == [InputTranscribed("i", "on"), ReplyTranscribed("r", "j", "done")]
        assert scene.news == [ev.LinkConnecting(), ev.SessionReady(), ev.ResponseBegan("r")]


async def test_reply_sound_goes_past_the_conversation() -> None:
    """It learns of the beginning alone."""
    async with linked() as scene:
        scene.server.replies.append(says(SOUND))
        scene.keeper.send(RequestResponse())
        await asyncio.sleep(1.0)
        kinds = [type(event) for event in scene.news]
        assert kinds[2:] == [ev.ResponseBegan, ev.PlayoutStarted, ev.ResponseEnded]


# Losing


async def test_the_conversation_learns_of_a_loss_before_the_goodbye_is_over() -> None:
    """It must not talk to a session that is gone; and the next session waits until the last connection is closed."""
    async with linked(leisurely=True) as scene:
        assert scene.news == [ev.LinkConnecting(), ev.SessionReady()]
        lost_s = asyncio.get_running_loop().time()
        scene.lose()
        await asyncio.sleep(2.0)
        (told_s, told), (next_s, connecting), *_ = scene.events
        assert (told, connecting) == (ev.LinkLost("the line is cut"), ev.LinkConnecting())
        assert told_s == lost_s
        assert next_s - lost_s == pytest.approx(1.25)
        assert len(scene.link.live) == 1


async def test_an_outage_is_retried_ever_more_rarely_up_to_five_seconds() -> None:
    """Cheap while it lasts, short when it ends; told once when it begins and once when it is surely over."""
    async with linked() as scene:
        scene.link.refuse(*[GONE] * 20)
        scene.lose()
        await asyncio.sleep(300)
        moments_s = [at_s for at_s, event in scene.events if isinstance(event, ev.LinkConnecting)]
        waits_s = [later - earlier for earlier, later in pairwise(moments_s[1:])]
        assert waits_s[:6] == pytest.approx([0.5, 1.0, 2.0, 2.5, 2.5, 2.5])
        assert scene.link.attempts == 22
        assert scene.longest_silence_s() < BEAT_EVERY_S + 0.001


async def test_an_outage_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """A warning when it begins, nothing while it lasts, one line when a session has proved stable."""
    async with linked() as scene:
        with caplog.at_level(logging.INFO, "hearthd.engine.link"):
            for _ in range(5):
                scene.lose()
                await asyncio.sleep(STABLE_S - 0.1)
            assert [record.levelname for record in caplog.records] == ["WARNING"]
            await asyncio.sleep(STABLE_S)
            assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_somebody_who_wants_the_link_does_not_wait_for_the_schedule() -> None:
    """A wake brings the next attempt at once."""
    async with linked(random_unit=lambda: 0.999) as scene:
        scene.link.refuse(*[GONE] * 5)
        scene.lose()
        await asyncio.sleep(11.0)
        attempts = scene.link.attempts
        scene.keeper.want()
        await asyncio.sleep(0.01)
        assert scene.link.attempts == attempts + 1


async def test_what_the_server_asks_for_is_waited_but_not_for_ever() -> None:
    """`Retry-After` holds even against a wake; a year of it does not."""
    async with linked() as scene:
        scene.link.refuse(LinkUnavailable("busy", retry_after_s=60.0), LinkUnavailable("busy", retry_after_s=4e7))
        scene.lose()
        await asyncio.sleep(0.5)
        assert scene.link.attempts == 2
        scene.keeper.want()
        await asyncio.sleep(59.0)
        assert scene.link.attempts == 2
        await asyncio.sleep(2.0)
        assert scene.link.attempts == 3
        await asyncio.sleep(RETRY_AFTER_MAX_S)
        assert scene.link.attempts == 4
        assert scene.longest_silence_s() < BEAT_EVERY_S + 0.001


@pytest.mark.parametrize("unit", [0.0, 0.5, 0.999])
async def test_a_refusal_is_asked_about_at_most_twelve_times_an_hour(unit: float) -> None:
    """In any hour, however often somebody wants the link; and nothing else is wrong with us meanwhile."""
    async with linked(random_unit=lambda: unit) as scene:
        scene.link.refuse(*[LinkRefused("http_401", "wrong key")] * 1_000)
        scene.lose()
        scene.events.clear()
        for _ in range(6 * 60):
            scene.keeper.want()
            await asyncio.sleep(60.0)
        moments_s = [at_s for at_s, event in scene.events if isinstance(event, ev.LinkDenied)]
        assert len(moments_s) >= 6 * 4
        assert all(sum(at_s <= other_s < at_s + 3_600 for other_s in moments_s) <= 12 for at_s in moments_s)
        assert scene.longest_silence_s() < BEAT_EVERY_S + 0.001


async def test_a_refusal_within_a_session_is_a_refusal() -> None:
    """An empty account shows only when a response is asked for; fast retries would not fill it."""
    async with linked() as scene:
        scene.server.say(wire.error("insufficient_quota", "You exceeded your current quota."))
        await asyncio.sleep(60.0)
        what_to_do = "pay for it with the provider; hearthd notices by itself"
        told = ev.LinkDenied("insufficient_quota", f"You exceeded your current quota: {what_to_do}")
        assert scene.news[2:] == [told]
        assert scene.link.attempts == 1


async def test_a_session_that_expires_is_followed_by_the_next() -> None:
    """No refusal: the server's cap on a session's age is a reason to come back."""
    async with linked() as scene:
        scene.server.say(wire.error("session_expired", "Your session hit the maximum duration."))
        await asyncio.sleep(1.0)
        assert [type(event) for event in scene.news[2:]] == [ev.LinkLost, ev.LinkConnecting, ev.SessionReady]


async def test_reader_and_writer_may_fail_together() -> None:
    """One loss, told once."""
    async with linked() as scene:
        connection = scene.server.session.connection
        connection.hold()
        scene.keeper.send(RequestResponse())
        await asyncio.sleep(0.1)
        scene.news.clear()
        connection.end(GONE)
        await asyncio.sleep(1.0)
        assert [type(event) for event in scene.news] == [ev.LinkLost, ev.LinkConnecting, ev.SessionReady]


async def test_a_socket_that_takes_nothing_is_dead() -> None:
    """Whatever its pings say; and the watchdog has no reason to bark."""
    async with linked(leisurely=True) as scene:
        scene.server.session.connection.hold()
        scene.keeper.send(RequestResponse())
        await asyncio.sleep(20.0)
        lost = [event for _, event in scene.events if isinstance(event, ev.LinkLost)]
        assert lost == [ev.LinkLost(f"the server took nothing for {SEND_S:.0f} s")]
        assert scene.longest_silence_s() < SILENT_AFTER_S


async def test_a_socket_that_takes_its_time_is_alive() -> None:
    """Each text in nine seconds: slow, but no reason for the watchdog to bark."""
    async with linked() as scene:
        send = scene.server.session.connection.send

        async def dawdle(text: str) -> None:
            await asyncio.sleep(SEND_S - 1)
            await send(text)

        scene.server.session.connection.send = dawdle  # type: ignore[method-assign]
        scene.uplink.open(1)
        scene.uplink.take(1, SOUND * 2)
        scene.keeper.pump()
        await asyncio.sleep(60.0)
        assert len(scene.server.session.came(wire.APPEND)) == 4
        assert scene.longest_silence_s() < SILENT_AFTER_S


async def test_a_connection_that_ends_without_a_word_is_an_outage() -> None:
    """Against the port's contract, and survived."""

    async def nothing() -> AsyncIterator[str]:
        for text in (wire.CREATED, wire.UPDATED):
            yield text

    def silence(scene: Scene) -> None:
        connect = scene.link.connect

        @asynccontextmanager
        async def mute() -> AsyncIterator[MemoryConnection]:
            async with connect() as connection:
                connection.receive = nothing  # type: ignore[method-assign]
                yield connection

        scene.link.connect = mute  # type: ignore[method-assign]

    async with linked(prepare=silence) as scene:
        assert scene.news[:3] == [
            ev.LinkConnecting(),
            ev.SessionReady(),
            ev.LinkLost("the server ended the connection without a word"),
        ]


# What passes through


async def test_a_burst_lets_others_run() -> None:
    """A thousand texts at once: the rest of the daemon gets its turn between a few of them."""
    async with linked() as scene:
        turns = 0
        scene.server.say(wire.created("r"), *[wire.audio("r", pcm=SOUND)] * 1_000, wire.done("r"))
        while not any(isinstance(event, ev.ResponseEnded) for _, event in scene.events):
            turns += 1
            await asyncio.sleep(0)
        assert turns >= 1_000 / TEXTS_IN_A_ROW


async def test_a_complaint_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """A server that complains of every message fills no journal; what mere timing brings about is nobody's trouble."""
    async with linked() as scene:
        with caplog.at_level(logging.INFO, "hearthd"):
            for _ in range(10):
                scene.server.say(wire.error("invalid_value", "bad"))
            scene.keeper.send(CancelResponse())
            scene.server.say(wire.error("response_cancel_not_active", "nothing to cancel"))
            for number in range(3 * COMPLAINTS_TOLD_MAX):
                scene.server.say(wire.error(f"odd_{number}", "bad"))
            await asyncio.sleep(0.1)
        codes = [record.__dict__["HEARTHD_CODE"] for record in caplog.records]
        assert codes == ["invalid_value", *(f"odd_{number}" for number in range(COMPLAINTS_TOLD_MAX - 1))]


async def test_a_command_without_a_session_is_dropped() -> None:
    """It spoke of the session that is gone."""
    scene = Scene()
    scene.build(scene.link, keep_warm=True, random_unit=lambda: 0.5)
    commands: list[LinkCommand] = [RequestResponse(), CancelResponse(), AnswerCall("c", "{}")]
    for command in commands:
        scene.keeper.send(command)
    scene.keeper.begin_turn()
    scene.keeper.end_conversation()
    assert scene.news == []


async def test_a_reply_that_is_cut_off_with_its_session_is_played_to_its_end() -> None:
    """What came is in the playout, complete, however little it is."""
    async with linked() as scene:
        scene.server.say(wire.created("r"), wire.audio("r", "i", SOUND[:960]))
        await asyncio.sleep(0.01)
        scene.lose()
        await asyncio.sleep(0.01)
        assert scene.playout.pull(24_000) == SOUND[:960]
