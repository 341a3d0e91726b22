"""A server that refuses, goes, or keeps silent: somebody is told in plain words, and the next turn works."""

import json
import time
from pathlib import Path
from typing import Final

import numpy as np

from hearthd.core.audio.earcons import Earcon, render
from tests.doubles.realtime import Call, Delivery, ErrorFirst, HttpRefusal, Opening, Scenario, Speech, reply
from tests.doubles.realtime.audio import noise
from tests.doubles.settings_file import Tables
from tests.journeys.household import LAMP, Household, Plan
from tests.journeys.proof import place, samples, without_gaps
from tests.journeys.stage import journey
from tests.journeys.turns import WAITING_S, ask, sounding, turns_ended, until

LINK_HZ = 24_000
SETTINGS: Final[Tables] = {"gate": {"follow_up_s": 0.0}}
WISH = "turn on the kitchen light"
STORY = Speech(noise(8_000, seed=11), "A story.", Delivery.paced(3.0, chunk_ms=100))
"""Comes so much faster than it is heard that a second of it is there long before it was heard."""
SHORT = Speech(noise(300, seed=12), "Well.")
LIGHT_ON = Call("set_light", {"device": ["kitchen_light"], "on": True})
WRONG_KEY = "Incorrect API key provided: sk-bad."
TONE_WITHIN_S = 1.5


async def refused(folder: Path, opening: Opening, *words: str) -> None:
    """Check what a daemon does whose key is wrong, from the start on."""
    plan = Plan(scenario=Scenario(openings=[opening]), settings=SETTINGS, playback_rate_hz=LINK_HZ, starts=False)
    async with Household(folder, plan) as home:
        await home.daemon.start()
        await home.daemon.ready()
        shown = await home.watch.shows(link="refused", after_s=home.daemon.started_s, timeout_s=WAITING_S)
        assert [word for word in words if word not in shown.document["problem"]] == []
        asked_s = await home.watch.publish("listen")
        (word,) = await home.room.say("okay nabu", at_s=time.monotonic() + 1.0)
        woken = await home.watch.event("wake", after_s=word.begins_s)
        assert home.watch.state["phase"] == "offline"
        told = await home.watch.messages.until(
            lambda message: message.document.get("event") == "error", "an error", after_s=woken.at_s
        )
        assert (told.document["code"], [word for word in words if word not in told.document["problem"]]) == (
            "link_refused",
            [],
        )
        await until(word.ends_s + TONE_WITHIN_S)
        tone = np.trim_zeros(samples(render(Earcon.PROBLEM, LINK_HZ)))
        assert place(tone, home.card.heard(asked_s, word.begins_s)) is not None
        assert place(tone, home.card.heard(word.begins_s, word.ends_s + TONE_WITHIN_S)) is not None
        assert len(home.server.record.handshakes) == 1
        [warning] = home.daemon.journal.where(lambda line: line.fields.get("event") == "link_down")
        assert [word for word in words if word not in warning.text] == []
        assert home.server.appended_audio_bytes == 0
        ending = await home.stop()
        assert ending.exit_code == 0


@journey
async def test_a_key_that_the_server_refuses_in_the_session_is_told_once(folder: Path) -> None:
    """An error and close code 3000 after the upgrade, as OpenAI does it: its own words, a tone on wake, one attempt."""
    opening = ErrorFirst("invalid_api_key", WRONG_KEY, close_code=3000)
    await refused(folder, opening, "Incorrect API key")


@journey
async def test_a_key_that_the_server_refuses_before_the_session_is_told_once(folder: Path) -> None:
    """A plain HTTP 401, as gateways do it."""
    body = json.dumps({"error": {"message": WRONG_KEY, "code": "invalid_api_key"}})
    await refused(folder, HttpRefusal(401, body), "401")


@journey
async def test_a_link_that_breaks_before_the_answer_is_told_and_mended(folder: Path) -> None:
    """A call that came before the break acts once and is not repeated in the next session; the next turn works."""
    scenario = Scenario(replies=[reply(LIGHT_ON, delay_s=0.5), reply(SHORT), reply(SHORT)])
    async with Household(folder, Plan(scenario=scenario, settings=SETTINGS)) as home:
        home.appliances[LAMP].delay_s = 1.0
        await ask(home, WISH)
        await home.appliances.told(LAMP, '{"state": "ON"}')
        broken_s = time.monotonic()
        home.server.abort()
        told = await home.watch.event("error", after_s=broken_s)
        await home.settled(after_s=broken_s)
        assert told.document["code"] == "link_lost"
        turn = await ask(home, "tell me a story")
        _, audible_s = await sounding(home, 2)
        await home.settled(after_s=audible_s)
        assert turn.connection > 1
        assert home.server.record.outputs == []
        assert [command.payload for command in home.appliances.commands] == ['{"state":"ON"}']
        await turns_ended(home, "failed", "answered")
        home.server.assert_clean()


@journey
async def test_a_link_that_breaks_in_mid_reply_is_told_behind_what_came_of_it(folder: Path) -> None:
    """What had arrived is heard to its end, then a tone, and the next turn works."""
    scenario = Scenario(replies=[reply(STORY), reply(SHORT)])
    async with Household(folder, Plan(scenario=scenario, settings=SETTINGS, playback_rate_hz=LINK_HZ)) as home:
        await ask(home, WISH)
        spoken, audible_s = await sounding(home, 1)
        await home.server.record.until(lambda: len(spoken.pcm) > 2 * LINK_HZ, "a second of the story", WAITING_S)
        broken_s = time.monotonic()
        home.server.abort()
        told = await home.watch.event("error", after_s=broken_s)
        await home.settled(after_s=broken_s)
        assert told.document["code"] == "link_lost"
        await turns_ended(home, "failed")
        await home.silent(after_s=told.at_s, hold_s=0.5)
        heard = without_gaps(home.card.heard(audible_s - 0.01))
        arrived = LINK_HZ  # the first second was there for certain
        begin = place(np.trim_zeros(samples(spoken.pcm)[:arrived]), heard)
        tone = place(np.trim_zeros(samples(render(Earcon.PROBLEM, LINK_HZ))), heard)
        assert begin is not None
        assert tone is not None
        assert begin + arrived < tone
        await ask(home, WISH)
        _, audible_s = await sounding(home, 2)
        await home.settled(after_s=audible_s)
        await turns_ended(home, "failed", "answered")
        assert len(home.daemon.journal.where(lambda line: line.fields.get("event") == "link_down")) == 1
        home.server.assert_clean()
