"""Replies that arrive while they are played: paced, late, cut into odd pieces, and several in a row."""

from pathlib import Path
from typing import Final

import numpy as np

from tests.doubles.realtime import Delivery, Gap, ResponseRecord, Scenario, Speech, reply
from tests.doubles.realtime.audio import noise
from tests.doubles.settings_file import Tables
from tests.journeys.household import Household, Plan
from tests.journeys.proof import samples
from tests.journeys.stage import journey

LINK_HZ = 24_000
REPLY_MS = 3_000
CHUNK_MS = 20
IN_TIME_MS = 25.0
"""A cushion of 60 ms holds one chunk less at the wrong moment, and some of it is for the card."""
ATTEMPTS = 4
NO_FOLLOW_UP: Final[Tables] = {"gate": {"follow_up_s": 0.0}}


@journey
async def test_deltas_in_real_time_are_played_without_a_gap(folder: Path) -> None:
    """As slow as a server may be: every delta comes when it is due, and nothing but the cushion waits."""
    await assert_no_gap(folder, Delivery.paced(1.0, chunk_ms=CHUNK_MS))


@journey
async def test_pauses_of_the_network_below_the_cushion_are_not_heard(folder: Path) -> None:
    """Three times the stream stands still for 40 ms and makes up for it."""
    gaps = tuple(Gap(at_ms, 0.040) for at_ms in (200, 900, 1_600))
    await assert_no_gap(folder, Delivery(factor=1.25, chunk_bytes=(CHUNK_MS * LINK_HZ * 2 // 1000,), gaps=gaps))


async def assert_no_gap(folder: Path, delivery: Delivery) -> None:
    """Check that a reply is heard in one piece, as long as the double itself is in time."""
    story = noise(REPLY_MS, seed=7)
    scenario = Scenario(out_of_band=[reply(Speech(story, "A story.", delivery))] * ATTEMPTS)
    plan = Plan(scenario=scenario, playback_rate_hz=LINK_HZ, settings=NO_FOLLOW_UP)
    async with Household(folder, plan) as home:
        for attempt in range(1, ATTEMPTS + 1):
            asked_s = await home.watch.publish("say", "a story")
            sent = await home.server.response(attempt, timeout_s=10)
            await home.wait_phase("idle", after_s=sent.requested_at_s, timeout_s=15)
            if most_late_ms(home, sent) < IN_TIME_MS:
                heard = home.card.heard(asked_s)
                begin = int(np.flatnonzero(heard)[0]) - int(np.flatnonzero(samples(story))[0])
                assert np.array_equal(heard[begin : begin + len(story) // 2], samples(story))
                assert not heard[begin + len(story) // 2 :].any()
                home.server.assert_clean()
                return
    raise AssertionError(f"this machine is too busy to send sound in time, {ATTEMPTS} times in a row")


def most_late_ms(home: Household, sent: ResponseRecord) -> float:
    """By how much a reply that plays from its first delta on would have to wait for the latest of the others."""
    deltas = [e for e in home.server.record.of_type("response.output_audio.delta") if e.body["response_id"] == sent.id]
    at_ms = 1000 * np.array([delta.at_s for delta in deltas])
    lasting_ms = np.cumsum([delta.audio_bytes for delta in deltas]) * 1000 / (LINK_HZ * 2)
    return float(np.max(at_ms[1:] - at_ms[0] - lasting_ms[:-1]))
