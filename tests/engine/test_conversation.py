"""Whole conversations: the real engine and its real wiring, with ports in memory."""

import asyncio
from datetime import date

import pytest

from hearthd.core.audio.earcons import Earcon, render
from hearthd.core.audio.pcm import LINK_RATE_HZ
from hearthd.core.conversation import events as ev
from hearthd.core.conversation.phases import Link, Phase
from hearthd.core.money.account import Moment
from hearthd.core.settings import AudioSettings, GateSettings, RealtimeSettings
from tests.core.realtime import wire
from tests.doubles.memory_ledger import MemoryClock
from tests.engine.server import Call, says
from tests.engine.voices import noise, voice
from tests.engine.world import living, settings_of

REPLY = noise(1.0, LINK_RATE_HZ)
OTHER_REPLY = noise(0.5, LINK_RATE_HZ, seed=2)


async def test_a_conversation() -> None:
    """Wake, request, reply, follow-up without the wake word, silence: back to rest, with a fresh session."""
    async with living() as world:
        world.server.replies += [says(REPLY), says(OTHER_REPLY)]
        await world.ask()
        await world.reach(Phase.SPEAKING)
        await world.reach(Phase.FOLLOW_UP)
        assert world.speaker.heard_pcm == REPLY
        world.speak(0.6)
        await world.reach(Phase.SPEAKING)
        await world.reach(Phase.FOLLOW_UP)
        assert world.speaker.heard_pcm == REPLY + OTHER_REPLY
        followed_s = world.now_s
        await world.reach(Phase.IDLE)
        assert world.now_s - followed_s == pytest.approx(1.0, abs=0.02)
        await world.until(lambda: world.machine.link is Link.READY)

        assert [turn["HEARTHD_CAUSE"] for turn in world.turns] == ["okay_nabu", "follow_up"]
        assert world.outcomes() == ["answered", "answered"]
        assert world.link.attempts == 2
        assert len(world.link.live) == 1


async def test_a_server_that_answers_by_itself_is_heard_once() -> None:
    """It was told to leave the end of speech to us and does not: its own answer is dropped, and the owner told why."""
    async with living() as world:
        world.server.replies += [says(OTHER_REPLY, pace_s=0.05), says(REPLY)]
        said_s = world.speak(0.6, world.say_word() + 0.1)
        await asyncio.sleep(said_s - world.now_s + 0.25)
        world.server.hears_start()
        world.server.hears_end(world.tasks)
        assert world.phase is Phase.LISTENING
        await world.reach(Phase.FOLLOW_UP)
        assert world.speaker.heard_pcm == REPLY
        assert world.outcomes() == ["answered"]
        assert [told["level"] for told in world.journal.told if told.get("HEARTHD_CODE") == "turns_made"] == ["WARNING"]


async def test_the_house_is_told_of_a_conversation() -> None:
    """Events as they happen, and the state as it stands."""
    async with living() as world:
        world.server.replies.append(says(Call(), after_s=0.1))
        world.server.replies.append(says(REPLY))
        await world.ask()
        assert world.state == {
            "phase": "thinking",
            "link": "ready",
            "server": "online",
            "mic": "live",
            "volume_percent": 100,
            "cost_today_usd": 0.0,
        }
        await world.reach(Phase.IDLE)
        await asyncio.sleep(0.1)

        assert world.events("wake") == [{"event": "wake", "word": "okay_nabu"}]
        assert world.events("utterance") == [{"event": "utterance", "turn": 1, "capped": False}]
        assert [event["function"] for event in world.events("call")] == ["set_switch"]
        (turn,) = world.events("turn")
        assert (turn["outcome"], turn["calls"], turn["responses"]) == ("answered", 1, "completed,completed")
        assert world.state["phase"] == "idle"


@pytest.mark.parametrize("ends_after_s", [0.0, 0.999, 1.0, 1.001, 3.0])
async def test_the_end_of_a_response_and_of_its_sound_come_in_any_order(ends_after_s: float) -> None:
    """The server may be done long before the loudspeaker, long after it, or in the same moment."""
    async with living() as world:
        world.server.replies.append(says(REPLY, ends_after_s=ends_after_s))
        await world.ask()
        await world.reach(Phase.FOLLOW_UP)
        assert world.now_s - world.speaker.heard[0].began_s == pytest.approx(max(1.0, ends_after_s), abs=0.07)
        assert world.speaker.heard_pcm == REPLY
        await world.reach(Phase.IDLE)
        assert world.outcomes() == ["answered"]


async def test_latency_counts_from_the_end_of_speech() -> None:
    """What the user waits: the silence that proves the end, the server's time, the way to the loudspeaker."""
    async with living() as world:
        world.server.replies.append(says(REPLY, after_s=0.3))
        ends_s = await world.ask()
        await world.reach(Phase.FOLLOW_UP)
        waited_ms = 1_000 * (world.speaker.heard[0].began_s - ends_s)
        assert world.turns[0]["HEARTHD_LATENCY_MS"] == pytest.approx(waited_ms, abs=60)
        assert world.turns[0]["HEARTHD_SERVER_MS"] == pytest.approx(300, abs=5)


async def test_a_call_is_answered_with_the_state_of_the_device() -> None:
    """The lamp switches once, and what the model gets is what the lamp reported."""
    async with living() as world:
        world.server.replies += [says(Call()), says(REPLY)]
        await world.ask()
        await world.reach(Phase.FOLLOW_UP)

        assert [(sent.topic, sent.payload) for sent in world.broker.log if sent.topic == "lamp/set"] == [
            ("lamp/set", b"ON")
        ]
        (answer,) = world.server.came("conversation.item.create")
        assert '"confirmed":true' in str(answer["item"])
        assert len(world.server.came(wire.CREATE)) == 2
        assert world.speaker.heard_pcm == REPLY


async def test_speech_before_and_after_a_call_is_one_answer() -> None:
    """It speaks, calls, speaks on in a second item and, the call answered, in a second response."""
    async with living() as world:
        third = noise(0.4, LINK_RATE_HZ, seed=3)
        world.server.replies += [says(REPLY, Call(), OTHER_REPLY), says(third)]
        await world.ask()
        await world.reach(Phase.FOLLOW_UP)

        assert world.speaker.heard_pcm == REPLY + OTHER_REPLY + third
        assert world.turns[0]["HEARTHD_RESPONSES"] == "completed,completed"
        assert world.outcomes() == ["answered"]


async def test_two_calls_of_one_response_bring_one_answer() -> None:
    """Both run, both are answered, one response follows."""
    async with living() as world:
        off = Call(arguments='{"device": ["lamp"], "on": false}')
        world.server.replies += [says(Call(), off), says(REPLY)]
        await world.ask()
        await world.reach(Phase.FOLLOW_UP)
        assert len(world.server.came("conversation.item.create")) == 2
        assert len(world.server.came(wire.CREATE)) == 2


async def test_a_plain_switch_is_acknowledged_by_a_tone() -> None:
    """No second response is paid for; the tone is not taken for somebody who goes on, and one may."""
    async with living(settings_of(realtime=RealtimeSettings(acknowledge="auto"))) as world:
        world.server.replies += [says(Call()), says(REPLY)]
        await world.ask()
        await world.reach(Phase.FOLLOW_UP)
        assert len(world.server.came(wire.CREATE)) == 1
        await world.reach(Phase.IDLE)
        assert world.speaker.heard_pcm == render(Earcon.DONE, LINK_RATE_HZ)
        assert world.outcomes() == ["answered"]


@pytest.mark.parametrize(
    ("arguments", "earcons"), [('{"device": ["attic"], "on": true}', True), ('{"device": ["lamp"], "on": true}', False)]
)
async def test_what_needs_words_is_spoken_about(arguments: str, earcons: bool) -> None:
    """Whatever was refused, and everything where the owner wants no tones."""
    settings = settings_of(realtime=RealtimeSettings(acknowledge="auto"), audio=AudioSettings(earcons=earcons))
    async with living(settings) as world:
        world.server.replies += [says(Call(arguments=arguments)), says(REPLY)]
        await world.ask()
        await world.reach(Phase.FOLLOW_UP)
        assert len(world.server.came(wire.CREATE)) == 2
        assert world.speaker.heard_pcm == REPLY


class Noon:
    """A clock that stands."""

    @staticmethod
    def now() -> Moment:
        """Read it."""
        return Moment(utc_ms=0, day=date(2026, 11, 22), day_share=0.5)


async def test_a_conversation_knows_the_time() -> None:
    """It is told before the utterance is committed, beside the instructions, which never change."""
    async with living(clock=Noon()) as world:
        world.server.replies.append(says(REPLY))
        await world.ask()
        await world.reach(Phase.FOLLOW_UP)
        (note,) = world.server.came("conversation.item.create")
        assert "It is Sunday, 22 November 2026, 12:00." in str(note["item"])
        kinds = [message["type"] for _, message in world.server.session.texts]
        assert kinds.index("conversation.item.create") < kinds.index("input_audio_buffer.commit")


async def test_a_conversation_knows_the_time_although_somebody_woke_us_for_nothing_before() -> None:
    """Nothing was said then, so the session was kept, with a time that is long over."""
    async with living(clock=MemoryClock()) as world:
        world.say_word()
        await world.reach(Phase.LISTENING)
        await world.reach(Phase.IDLE)
        await asyncio.sleep(2400)
        world.server.replies.append(says(REPLY))
        await world.ask()
        await world.reach(Phase.FOLLOW_UP)
        world.speak(0.6)
        await world.until(lambda: len(world.turns) == 3)
        told = [str(message["item"]) for message in world.server.came("conversation.item.create")]
        assert ["12:16" in told[0], "12:56" in told[1], len(told), world.link.attempts] == [True, True, 2, 1]


@pytest.mark.parametrize("request_name", ["say", "announce"])
async def test_a_text_is_spoken(request_name: str) -> None:
    """Over MQTT; an announcement begins with a tone, and nobody is listened to afterwards."""
    async with living() as world:
        world.server.replies.append(says(REPLY))
        world.request(request_name, "Dinner is ready")
        await world.reach(Phase.SPEAKING)
        await world.reach(Phase.IDLE)

        tone = render(Earcon.ATTENTION, LINK_RATE_HZ) if request_name == "announce" else b""
        assert world.speaker.heard_pcm == tone + REPLY
        assert "Dinner is ready" in str(world.server.came(wire.CREATE)[0])
        assert (world.outcomes(), world.server.sound_bytes) == (["answered"], 0)


async def test_tones_can_be_switched_off() -> None:
    """`earcons = false` leaves the announcement itself."""
    async with living(settings_of(audio=AudioSettings(earcons=False))) as world:
        world.server.replies.append(says(REPLY))
        world.request("announce", "Dinner is ready")
        await world.reach(Phase.SPEAKING)
        await world.reach(Phase.IDLE)
        assert world.speaker.heard_pcm == REPLY


async def test_texts_are_spoken_one_after_the_other() -> None:
    """Those that come while something goes on wait for their turn."""
    async with living() as world:
        world.server.replies += [says(REPLY), says(OTHER_REPLY), says(REPLY)]
        await world.ask()
        world.request("say", "one")
        world.request("say", "two")
        await world.until(lambda: len(world.turns) == 3)
        assert world.speaker.heard_pcm == REPLY + OTHER_REPLY + REPLY
        assert [turn["HEARTHD_CAUSE"] for turn in world.turns] == ["okay_nabu", "say", "say"]


async def test_a_text_that_came_with_an_id_is_known_by_it() -> None:
    """In the event of its turn, or in that of the trouble that keeps it from having one."""
    async with living() as world:
        world.server.replies += [says(REPLY)] * 6
        await world.ask()
        for name in ("a", "b", "c", "d", "e"):
            world.request("announce" if name == "b" else "say", f'{{"text": "dinner", "id": "{name}"}}')
        await world.until(lambda: len(world.turns) == 5)
        await asyncio.sleep(0.1)
        assert [turn.get("id") for turn in world.events("turn")] == [None, "a", "b", "c", "d"]
        assert [(error["code"], error["id"]) for error in world.events("error")] == [("too_many_says", "e")]


@pytest.mark.parametrize("after_s", [0.0, 0.001, 0.01, 0.3])
async def test_a_text_that_comes_while_the_session_is_renewed_is_spoken(after_s: float) -> None:
    """In whatever moment of the renewal: it waits for the fresh session."""
    async with living(settings_of(realtime=RealtimeSettings(renew_after_minutes=0.05))) as world:
        world.server.start_s = 0.2
        world.server.replies.append(says(REPLY))
        await world.until(lambda: world.link.attempts == 2)
        await asyncio.sleep(after_s)
        world.request("say", "Dinner is ready")
        await world.until(lambda: world.turns)
        assert (world.outcomes(), world.speaker.heard_pcm) == (["answered"], REPLY)


async def test_the_button_opens_the_ear() -> None:
    """MQTT `listen` wakes without a word; nothing from before it is sent."""
    async with living(capture_hz=LINK_RATE_HZ) as world:
        world.server.replies.append(says(REPLY))
        world.request("listen")
        await world.reach(Phase.LISTENING)
        world.speak(0.6)
        await world.reach(Phase.FOLLOW_UP)
        (utterance,) = world.server.utterances
        assert voice(0.6, LINK_RATE_HZ) in utterance
        assert len(utterance) / 48 < 1_300


async def test_stop_ends_everything() -> None:
    """While it speaks: silent at once, and the server is told how much was heard."""
    async with living() as world:
        await world.bring_to(Phase.SPEAKING)
        world.request("stop")
        await world.reach(Phase.IDLE)
        assert world.outcomes() == ["stopped"]
        assert len(world.speaker.heard_pcm) / 48 == pytest.approx(500, abs=80)
        await world.converse()


async def test_nothing_said_is_no_conversation() -> None:
    """A wake word and then silence: rest after six seconds, without a commit and without a new session."""
    async with living() as world:
        woken_s = world.say_word()
        await world.reach(Phase.LISTENING)
        await world.reach(Phase.IDLE)
        assert world.now_s - woken_s == pytest.approx(6.0, abs=0.1)
        await asyncio.sleep(1)
        assert world.outcomes() == ["nothing_said"]
        assert (world.server.utterances, world.link.attempts) == ([], 1)
        assert len(world.server.came("input_audio_buffer.clear")) == 1


async def test_ten_idle_minutes_send_nothing() -> None:
    """Silence, a voice without the wake word, silence: not one text to the server."""
    async with living() as world:
        before = len(world.server.session.texts)
        world.speak(5.0, world.now_s + 60)
        await asyncio.sleep(600)
        assert len(world.server.session.texts) == before
        assert (world.server.sound_bytes, world.link.attempts) == (0, 1)
        assert len(world.scorer.fed) > 5 * 32_000


# Interruption


async def test_the_wake_word_interrupts_a_reply() -> None:
    """Silent, cancelled, truncated to what was heard; nothing more of it is played; the new request is answered."""
    reply = noise(10.0, LINK_RATE_HZ)
    async with living() as world:
        world.server.replies += [says(reply, pace_s=0.05), says(OTHER_REPLY)]
        await world.ask()
        await world.reach(Phase.SPEAKING)
        word_s = world.say_word(world.now_s + 1.0)
        world.speak(0.6, word_s + 0.1)
        await world.reach(Phase.LISTENING)
        silent_s = world.now_s
        heard = world.speaker.heard_pcm
        assert silent_s - word_s < 0.04
        assert heard == reply[: len(heard)]
        await world.reach(Phase.FOLLOW_UP)

        assert world.speaker.heard_pcm == heard + OTHER_REPLY
        assert len(world.server.came("response.cancel")) == 1
        (truncate,) = world.server.came("conversation.item.truncate")
        assert len(heard) / 48 - 20 <= int(str(truncate["audio_end_ms"])) <= len(heard) / 48
        assert world.outcomes() == ["interrupted", "answered"]
        assert world.turns[1]["HEARTHD_RESPONSES"] == "completed"


@pytest.mark.parametrize("barge_in", ["off", "speech"])
async def test_speech_interrupts_if_it_may(barge_in: str) -> None:
    """`speech` needs no wake word; `off` hears nothing while it speaks."""
    reply = noise(3.0, LINK_RATE_HZ)
    gate = GateSettings(follow_up_s=2.0, barge_in=barge_in)  # type: ignore[arg-type]
    async with living(settings_of(gate=gate)) as world:
        world.server.replies += [says(reply), says(OTHER_REPLY)]
        await world.ask()
        await world.reach(Phase.SPEAKING)
        world.speak(0.6, world.now_s + 0.5)
        await world.reach(Phase.IDLE)
        if barge_in == "off":
            assert world.speaker.heard_pcm == reply
            assert world.outcomes() == ["answered"]
        else:
            assert world.speaker.heard_pcm.endswith(OTHER_REPLY)
            assert [turn["HEARTHD_CAUSE"] for turn in world.turns] == ["okay_nabu", "barge_in"]


@pytest.mark.parametrize("event", [ev.StopRequested(), ev.ListenRequested(), ev.WakeHeard("okay_nabu", 0)])
async def test_sound_that_came_before_its_news_is_not_played_after_a_cancel(event: ev.Event) -> None:
    """A whole reply comes in while the news of an interruption waits already: not a sample of it is heard."""
    async with living() as world:
        await world.bring_to(Phase.THINKING)
        world.server.say(wire.created("late"), wire.audio("late", "item_late", REPLY), wire.done("late"))
        world.daemon._inbox.post(event)
        await asyncio.sleep(0.5)
        assert world.speaker.heard_pcm == b""
        await world.reach(Phase.IDLE)
        await world.converse()
