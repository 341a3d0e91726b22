"""Mute, and everything that can go away, in every phase: what is said of it, and that the next conversation works."""

import asyncio

import pytest

from hearthd.core.audio.earcons import Earcon, render
from hearthd.core.audio.pcm import LINK_FORMAT, LINK_RATE_HZ
from hearthd.core.conversation.phases import Link, Phase
from hearthd.ports import LinkRefused, LinkUnavailable
from tests.core.realtime import wire
from tests.engine.server import says
from tests.engine.voices import noise
from tests.engine.world import WORD_S, living

PHASES = list(Phase)
TONE = render(Earcon.PROBLEM, LINK_RATE_HZ)
REPLY = noise(2.0, LINK_RATE_HZ)
"""As `World.bring_to` has it spoken."""


@pytest.mark.parametrize("phase", PHASES)
async def test_mute_closes_the_microphone_in_every_phase(phase: Phase) -> None:
    """At once, and nothing more is sent; a reply may finish; unmuted, everything works again."""
    async with living() as world:
        await world.bring_to(phase)
        world.request("set/mute", "on")
        await asyncio.sleep(0.05)
        assert not world.microphone.is_open
        sent = world.server.sound_bytes
        await asyncio.sleep(2)

        assert world.server.sound_bytes == sent
        assert (world.state["mic"], world.state["phase"]) == (
            "muted",
            "thinking" if phase is Phase.THINKING else "muted",
        )
        expected = {Phase.WAKING: "muted", Phase.LISTENING: "muted", Phase.SPEAKING: "answered"}
        assert world.outcomes()[-1:] == ([expected[phase]] if phase in expected else world.outcomes())
        if phase is Phase.SPEAKING:
            assert world.speaker.heard_pcm == REPLY
        world.request("set/mute", "off")
        await world.reach(Phase.IDLE)
        await asyncio.sleep(1)
        await world.converse()


async def test_muted_nobody_is_listened_to() -> None:
    """The button says so with a tone and an event; the wake word cannot be heard at all."""
    async with living() as world:
        world.request("set/mute", "on")
        await asyncio.sleep(0.1)
        world.request("listen")
        await asyncio.sleep(1)
        assert world.status == "muted; the server is ready"
        assert world.speaker.heard_pcm == TONE
        assert [event["code"] for event in world.events("error")] == ["muted"]
        assert world.microphone.openings[-1].closed_s is not None


@pytest.mark.parametrize("phase", PHASES)
async def test_a_lost_link_in_every_phase(phase: Phase) -> None:
    """What needs the server fails in plain words or waits for it; the link comes back by itself."""
    async with living() as world:
        await world.bring_to(phase)
        world.server.start_s = 0.0
        if phase is not Phase.WAKING:
            world.lose_link()
        if phase in {Phase.WAKING, Phase.LISTENING, Phase.THINKING}:
            world.server.replies.append(says(noise(0.3, LINK_RATE_HZ)))
        await world.reach(Phase.IDLE)
        await world.until(lambda: world.machine.link is Link.READY)
        await asyncio.sleep(1)

        assert (
            world.outcomes()
            == {
                Phase.IDLE: [],
                Phase.WAKING: ["answered"],
                Phase.LISTENING: ["answered"],
                Phase.THINKING: ["answered"],
                Phase.SPEAKING: ["answered"],
                Phase.FOLLOW_UP: ["answered"],
            }[phase]
        )
        if phase is Phase.THINKING:
            before, after = world.server.utterances
            assert before == after
            assert (world.turns[0]["HEARTHD_RESENT"], len(world.server.sessions)) == (1, 3)
        if phase is Phase.SPEAKING:
            assert world.speaker.heard_pcm == REPLY
        await world.converse()


async def test_a_reply_whose_link_is_lost_is_played_as_far_as_it_came() -> None:
    """Then a tone says that it was not all."""
    async with living() as world:
        world.server.replies.append(says(REPLY, pace_s=0.1))
        await world.ask()
        await world.reach(Phase.SPEAKING)
        await asyncio.sleep(1.0)
        world.lose_link()
        await world.reach(Phase.IDLE)
        await asyncio.sleep(1)
        heard = world.speaker.heard_pcm.removesuffix(TONE)
        assert heard == REPLY[: len(heard)]
        assert len(heard) / 48 == pytest.approx(1_100, abs=110)
        assert world.speaker.heard_pcm == heard + TONE
        assert world.outcomes() == ["failed"]
        await world.converse()


async def test_a_reply_that_loses_its_link_before_it_begins_to_play_does_not_hang() -> None:
    """Twenty milliseconds came, less than the start cushion."""
    async with living() as world:
        await world.bring_to(Phase.THINKING)
        world.server.say(wire.created("r"), wire.audio("r", "i", REPLY[:960]))
        await world.reach(Phase.SPEAKING)
        world.lose_link()
        await world.reach(Phase.IDLE, within_s=1)
        assert world.speaker.heard_pcm.startswith(REPLY[:960])


async def test_a_server_that_never_answers_is_given_up() -> None:
    """After 25 seconds, to the moment, with a tone and plain words."""
    async with living() as world:
        await world.bring_to(Phase.THINKING)
        await world.reach(Phase.IDLE)
        thought_s = world.server.sessions[0].moment("input_audio_buffer.commit")
        assert world.now_s - thought_s == pytest.approx(25.0, abs=0.01)
        await asyncio.sleep(0.1)
        assert [event["code"] for event in world.events("error")] == ["no_answer"]
        assert world.journal.told[-1]["HEARTHD_PHASE"] == "thinking"
        await world.converse()


async def test_what_is_said_over_an_answer_that_never_began_is_answered() -> None:
    """By a fresh session and from its first word, because the old one would owe its first answer for ever."""
    async with living() as world:
        await world.bring_to(Phase.THINKING)
        await world.converse()
        assert world.outcomes() == ["interrupted", "answered"]
        assert world.events("error") == []
        stuck, fresh = world.server.sessions[:2]
        assert (len(stuck.utterances), len(fresh.utterances)) == (1, 1)
        said_s = len(fresh.utterances[0]) / LINK_FORMAT.frame_bytes / LINK_RATE_HZ
        assert said_s > WORD_S + 0.6


async def test_an_answer_that_begins_late_costs_no_session() -> None:
    """Somebody spoke over it before; the session has shown that it lives, so it answers that, too."""
    async with living() as world:
        world.server.replies.append(says(REPLY, after_s=2.0, pace_s=0.1))
        await world.ask()
        world.say_word()
        await world.reach(Phase.LISTENING)
        world.speak(2.0)
        world.server.replies.append(says(REPLY))
        await world.reach(Phase.SPEAKING)
        assert len(world.server.sessions) == 1
        await world.reach(Phase.IDLE)
        assert world.outcomes() == ["interrupted", "answered"]


@pytest.mark.parametrize("stopped", [False, True])
async def test_a_text_that_is_never_spoken_spoils_nothing(stopped: bool) -> None:
    """The session that owes it is given up, be it that nobody waited or that nobody came; the next turn goes well."""
    async with living() as world:
        world.request("say", "dinner")
        await world.reach(Phase.THINKING)
        if stopped:
            world.request("stop")
        await world.reach(Phase.IDLE)
        await world.until(lambda: world.ready)
        await world.converse()


async def test_a_server_that_refuses_us_is_told() -> None:
    """In plain words, and every wake is answered with a tone at once; a mended key is noticed by itself."""
    async with living() as world:
        world.link.refuse(LinkRefused("http_451", "not in this country"))
        world.lose_link()
        await asyncio.sleep(10)
        assert world.status == 'waiting for "okay nabu"; the server refused us: not in this country'
        assert world.state["phase"] == "offline"
        world.say_word()
        await asyncio.sleep(1.5)
        assert (world.phase, world.speaker.heard_pcm) == (Phase.IDLE, TONE)
        assert [event["code"] for event in world.events("error")] == ["link_refused"]

        world.request("set/mute", "on")  # an ear that waits for minutes makes a slow test
        await world.until(lambda: world.machine.link is Link.READY, within_s=900)
        world.request("set/mute", "off")
        await asyncio.sleep(2)
        await world.converse()


async def test_a_conversation_that_ends_with_a_refusal_leaves_it_refused() -> None:
    """The next wake is told at once, not after ten seconds of waiting for a link that will not come."""
    async with living() as world:
        await world.bring_to(Phase.THINKING)
        world.server.say(wire.error("insufficient_quota", "You exceeded your current quota."))
        await world.reach(Phase.IDLE)
        await asyncio.sleep(1)
        assert world.machine.link is Link.REFUSED
        world.say_word()
        await asyncio.sleep(1)
        assert world.phase is Phase.IDLE
        assert [event["code"] for event in world.events("error")] == ["link_refused", "link_refused"]


async def test_a_wake_waits_ten_seconds_for_a_link_that_is_away() -> None:
    """Then it says so; the utterance is forgotten."""
    async with living() as world:
        world.link.refuse(*[LinkUnavailable("no route")] * 100)
        world.lose_link()
        await asyncio.sleep(1)
        world.speak(0.6, world.say_word() + 0.1)
        woken_s = await world.reach(Phase.WAKING)
        await world.reach(Phase.IDLE)
        assert world.now_s - woken_s == pytest.approx(10.0, abs=0.01)
        await asyncio.sleep(0.1)
        assert world.outcomes() == ["failed"]
        assert [event["problem"] for event in world.events("error")] == ["no route"]
        world.link._refusals.clear()
        await world.until(lambda: world.machine.link is Link.READY, within_s=6)
        assert world.server.session.came(wire.APPEND) == []
        await world.converse()


@pytest.mark.parametrize("phase", PHASES)
async def test_a_lost_microphone_in_every_phase(phase: Phase) -> None:
    """Whoever is being listened to is told; a reply goes on; the device is reopened by itself."""
    async with living() as world:
        await world.bring_to(phase)
        world.microphone.lose()
        await asyncio.sleep(0.1)
        assert "no microphone: read memory_microphone: No such device" in world.status
        if phase is Phase.THINKING:
            world.server.say(wire.created("r"), wire.audio("r", "i", REPLY), wire.done("r"))
        await world.reach(Phase.IDLE)
        world.microphone.come_back()
        await world.until(lambda: world.microphone.is_open, within_s=5)
        await asyncio.sleep(1)

        assert "no microphone" not in world.status
        assert (
            world.outcomes()
            == {
                Phase.IDLE: [],
                Phase.WAKING: ["failed"],
                Phase.LISTENING: ["failed"],
                Phase.THINKING: ["answered"],
                Phase.SPEAKING: ["answered"],
                Phase.FOLLOW_UP: ["answered"],
            }[phase]
        )
        await world.converse()


@pytest.mark.parametrize("phase", PHASES)
async def test_a_lost_loudspeaker_in_every_phase(phase: Phase) -> None:
    """Nothing of it is played later; whoever waits for an answer is told over MQTT; it is reopened by itself."""
    async with living() as world:
        await world.bring_to(phase)
        world.speaker.lose()
        heard = world.speaker.heard_pcm
        await asyncio.sleep(0.1)
        assert "no loudspeaker: write memory_speaker: No such device" in world.status
        if phase not in {Phase.IDLE, Phase.SPEAKING, Phase.FOLLOW_UP}:
            world.server.replies.append(says(REPLY))
        if phase is Phase.THINKING:
            world.server.say(wire.created("r"), wire.audio("r", "i", REPLY), wire.done("r"))
        await world.reach(Phase.IDLE)
        world.speaker.come_back()
        await world.until(lambda: world.speaker.is_open, within_s=5)
        await asyncio.sleep(1)

        assert world.speaker.heard_pcm == heard
        assert world.outcomes() == {Phase.IDLE: [], Phase.FOLLOW_UP: ["answered"]}.get(phase, ["failed"])
        if world.outcomes() == ["failed"]:
            assert [event["code"] for event in world.events("error")] == ["speaker_lost"]
        await world.converse()


@pytest.mark.parametrize("device", ["microphone", "speaker"])
async def test_a_frozen_card_is_a_lost_card(device: str) -> None:
    """It says nothing and moves nothing; it is reopened until it thaws."""
    async with living() as world:
        card = world.microphone if device == "microphone" else world.speaker
        card.freeze()
        world.request("say", "hello")
        world.server.replies.append(says(REPLY))
        await asyncio.sleep(5)
        lost = [told["HEARTHD_PROBLEM"] for told in world.journal.told if told["HEARTHD_EVENT"] == f"{device}_lost"]
        assert [str(problem).rpartition(": ")[2] for problem in lost] == ["nothing moved for 2 s"]
        card.thaw()
        await asyncio.sleep(10)
        assert world.status == 'waiting for "okay nabu"; the server is ready'
        await world.converse()


async def test_a_busy_machine_shows_in_the_turn() -> None:
    """Neither card was served in time: sound was lost and stuttered, the owner can know, and the turn goes on."""
    async with living() as world:
        await world.bring_to(Phase.SPEAKING)
        world.speaker.stall(0.4)
        world.microphone.stall(0.9)
        await world.reach(Phase.IDLE)
        (turn,) = world.turns
        assert (turn["HEARTHD_OUTCOME"], turn["HEARTHD_OVERRUNS"], turn["HEARTHD_UNDERRUNS"]) == ("answered", 1, 1)
        assert world.speaker.heard_pcm == REPLY
        await world.converse()
        assert "HEARTHD_OVERRUNS" not in world.turns[-1]


async def test_everything_away_at_once_and_back() -> None:
    """The power strip behind the sideboard: link, cards and broker."""
    async with living() as world:
        world.microphone.lose()
        world.speaker.lose()
        world.broker.stop()
        world.link.refuse(*[LinkUnavailable("no route")] * 6)
        world.lose_link()
        await asyncio.sleep(3)
        assert world.status == (
            "no microphone: open memory_microphone: No such device: the card is gone; "
            "no loudspeaker: open memory_speaker: No such device: the card is gone; "
            "the server is not connected: no route; no MQTT broker: nobody listens there"
        )
        world.microphone.come_back()
        world.speaker.come_back()
        world.broker.start()
        await world.until(lambda: world.status == 'waiting for "okay nabu"; the server is ready', within_s=30)
        await asyncio.sleep(8)
        await world.converse()
        ends = [
            told["HEARTHD_EVENT"]
            for told in world.journal.told
            if told["level"] == "INFO" and told["HEARTHD_EVENT"] != "spent"
        ]
        assert sorted(map(str, ends)) == ["broker_up", "link_up", "microphone_found", "speaker_found"]


async def test_a_stop_ends_it_in_every_phase() -> None:
    """In order, and at once: everything is closed, and the supervisor hears of it first."""
    for phase in PHASES:
        async with living() as world:
            await world.bring_to(phase)
            world.stop.set()
            stopped_s = world.now_s
            await world.until(lambda: not (world.microphone.is_open or world.speaker.is_open or world.link.live))
            assert world.now_s - stopped_s < 0.1
            assert world.supervisor.told[-1]["STOPPING"] == "1"
            assert world.broker.clients == frozenset()
