"""The room as the house sees it over MQTT: what may be asked of it, and what it tells of itself."""

import json
from pathlib import Path
from typing import Final

import numpy as np

from hearthd.core.audio.earcons import Earcon, render
from tests.doubles.realtime import Scenario, Speech, reply
from tests.doubles.realtime.audio import noise
from tests.doubles.settings_file import Tables
from tests.doubles.vcard.tape import Samples
from tests.journeys.household import Household, Plan
from tests.journeys.proof import place, samples, without_gaps
from tests.journeys.stage import journey
from tests.journeys.turns import WAITING_S, ask, turns_ended

LINK_HZ = 24_000
SETTINGS: Final[Tables] = {"gate": {"follow_up_s": 0.0}}
ANSWER = Speech(noise(500, seed=9), "It is ten past four.")
GONE_S = 30.0
"""Until a broker notices by itself that a client is dead; the kernel tells it at once when a process dies."""


async def spoken(home: Household, number: int, asked_s: float) -> Samples:
    """Wait until text number `number` was spoken; returns all sound that was heard since it was asked for."""
    records = home.server.record.responses
    await home.server.record.until(lambda: len(records) >= number, "the request to speak", WAITING_S)
    await home.wait_phase("idle", after_s=records[number - 1].requested_at_s, timeout_s=WAITING_S)
    return without_gaps(home.card.heard(asked_s))


@journey
async def test_texts_are_spoken_and_announcements_draw_attention_first(folder: Path) -> None:
    """`say` speaks a text beside the conversation, `announce` after a tone, each as loud as `set/volume` wants it."""
    scenario = Scenario(out_of_band=[reply(ANSWER)] * 4)
    async with Household(folder, Plan(scenario=scenario, settings=SETTINGS, playback_rate_hz=LINK_HZ)) as home:
        answer = np.trim_zeros(samples(ANSWER.pcm))
        asked_s = await home.watch.publish("say", "It is ten past four.")
        assert np.array_equal(await spoken(home, 1, asked_s), answer)
        asked_s = await home.watch.publish("announce", '{"text": "Dinner is ready."}')
        announced = await spoken(home, 2, asked_s)
        tone = np.trim_zeros(samples(render(Earcon.ATTENTION, LINK_HZ)))
        after_tone = place(answer, announced)
        assert place(tone, announced) == 0
        assert after_tone is not None
        assert after_tone >= len(tone)

        asked_s = await home.watch.publish("set/volume", "50")
        await home.watch.shows(volume_percent=50, after_s=asked_s)
        asked_s = await home.watch.publish("say", "It is ten past four.")
        assert np.array_equal(await spoken(home, 3, asked_s), np.trim_zeros(np.rint(answer / 4).astype(np.int16)))
        asked_s = await home.watch.publish("set/volume", "0")
        await home.watch.shows(volume_percent=0, after_s=asked_s)
        asked_s = await home.watch.publish("say", "It is ten past four.")
        assert len(await spoken(home, 4, asked_s)) == 0

        texts = [json.dumps(response.request.body) for response in home.server.record.responses]
        wanted = ["It is ten past four.", "Dinner is ready.", "It is ten past four.", "It is ten past four."]
        assert [text in body for text, body in zip(wanted, texts, strict=True)] == [True] * 4
        assert home.server.appended_audio_bytes == 0
        await turns_ended(home, *["answered"] * 4)
        home.server.assert_complete()


@journey
async def test_stop_lets_go_of_whoever_is_being_listened_to(folder: Path) -> None:
    """What was said until then is neither committed nor answered, and the next request is."""
    async with Household(folder, Plan(scenario=Scenario(replies=[reply(ANSWER)]), settings=SETTINGS)) as home:
        asked_s = await home.watch.publish("listen")
        await home.wait_phase("listening", after_s=asked_s)
        (wish,) = await home.room.say("I would like you to tell me whatever it was that I wanted")
        appended = home.server.record
        await appended.until(lambda: home.server.appended_audio_bytes > LINK_HZ, "some of the sentence", WAITING_S)
        stopped_s = await home.watch.publish("stop")
        await home.wait_phase("idle", after_s=stopped_s)
        assert stopped_s < wish.ends_s
        assert home.server.record.turns == []
        await home.settled(after_s=stopped_s)
        turn = await ask(home, "what time is it")
        assert turn.first_append_at_s > stopped_s
        await home.settled(after_s=turn.committed_at_s)
        await turns_ended(home, "stopped", "answered")
        home.server.assert_complete()


@journey
async def test_commands_that_the_broker_kept_do_nothing(folder: Path) -> None:
    """A retained command would act at every reconnect, so it is ignored, and told once as what it is."""
    async with Household(folder, Plan(starts=False)) as home:
        for topic, payload in (("set/mute", "ON"), ("listen", "now"), ("say", "Boo."), ("set/volume", "5")):
            await home.watch.publish(topic, payload, retain=True)
        await home.start()
        told = await home.daemon.journal.until(lambda line: "retain" in line.text, "a complaint")
        await home.watch.publish("set/volume", "40")
        await home.watch.shows(volume_percent=40)
        assert {(state.document["mic"], state.document["phase"]) for state in home.watch.states} == {("live", "idle")}
        assert {state.document["volume_percent"] for state in home.watch.states} == {100, 40}
        complaints = home.daemon.journal.where(lambda line: line.fields.get("event") == "mqtt_trouble")
        assert complaints[0] == told
        topics = [f"hearthd/kitchen/{topic}" for topic in ("listen", "say", "set/mute", "set/volume")]
        assert [sum(topic in line.text for line in complaints) for topic in topics] == [1, 1, 1, 1]
        assert home.server.appended_audio_bytes == 0
        home.server.assert_complete()


@journey
async def test_the_room_introduces_itself_and_is_missed_when_it_goes(folder: Path) -> None:
    """Home Assistant gets one retained description; availability follows start, power cut and stop."""
    async with Household(folder, Plan()) as home:
        watch = home.watch
        config = await watch.messages.until(
            lambda message: message.topic.startswith("homeassistant/"), "an introduction", timeout_s=WAITING_S
        )
        assert config.topic == "homeassistant/device/hearthd_kitchen/config"
        described = config.document
        assert described["availability_topic"] == "hearthd/kitchen/availability"
        assert {"mute", "volume", "listen", "stop", "say", "announce", "phase"} <= described["cmps"].keys()

        def available() -> list[bytes]:
            messages = watch.messages.where(lambda message: message.topic == "hearthd/kitchen/availability")
            return [message.payload for message in messages]

        async def told(payload: bytes, after_s: float) -> None:
            await watch.messages.until(
                lambda message: message.topic.endswith("/availability") and message.payload == payload,
                f"availability {payload!r}",
                after_s=after_s,
                timeout_s=GONE_S,
            )

        await told(b"online", home.daemon.started_s)
        await home.kill()
        await told(b"offline", home.daemon.started_s)
        await home.start()
        ending = await home.stop()
        assert ending.exit_code == 0
        await told(b"offline", home.daemon.started_s)
        assert available() == [b"online", b"offline", b"online", b"offline"]
        late = watch.messages.where(lambda message: message.topic.startswith("homeassistant/"))
        assert {message.payload for message in late} == {config.payload}
        home.server.assert_complete()
