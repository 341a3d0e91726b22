"""Replies that arrive while they are played: paced, late, cut into odd pieces, and several in a row."""

from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from tests.doubles.realtime import Delivery, Gap, ResponseRecord, Scenario, Speech, reply
from tests.doubles.realtime.audio import noise
from tests.doubles.settings_file import Tables
from tests.doubles.vcard.tape import Samples
from tests.journeys.household import Household, Plan
from tests.journeys.proof import in_pieces, samples, without_gaps
from tests.journeys.stage import journey

LINK_HZ = 24_000
REPLY_MS = 3_000
CHUNK_MS = 20
IN_TIME_S = 0.030
"""Before it is due; a cushion of 60 ms holds a chunk less when the next one comes, and the card takes some of it."""
ATTEMPTS = 4
"""A machine that is too busy to play says nothing about the daemon."""
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
    """Check that a reply is heard whole, and without any gap but where its sound itself came too late."""
    story = noise(REPLY_MS, seed=7)
    scenario = Scenario(out_of_band=[reply(Speech(story, "A story.", delivery))] * ATTEMPTS)
    plan = Plan(scenario=scenario, playback_rate_hz=LINK_HZ, settings=NO_FOLLOW_UP)
    async with Household(folder, plan) as home:
        for attempt in range(1, ATTEMPTS + 1):
            asked_s = await home.watch.publish("say", "a story")
            sent = await home.server.response(attempt, timeout_s=10)
            idle = await home.wait_phase("idle", after_s=sent.requested_at_s, timeout_s=15)
            heard = home.card.heard(asked_s, idle.at_s + 0.1)
            onset_s = home.card.onset_s(asked_s, loud=0)
            assert onset_s is not None
            pieces = in_pieces(np.trim_zeros(heard))
            assert np.array_equal(without_gaps(heard), np.trim_zeros(samples(story)))
            if not unexplained_gaps(home, sent, onset_s, pieces):
                home.server.assert_clean()
                return
    raise AssertionError(f"gaps in each of {ATTEMPTS} replies that came in time")


def unexplained_gaps(
    home: Household, sent: ResponseRecord, onset_s: float, pieces: list[tuple[int, Samples]]
) -> list[float]:
    """Return when there was a gap in a reply although what came behind it had been there in time."""
    deltas = [e for e in home.server.record.of_type("response.output_audio.delta") if e.body["response_id"] == sent.id]
    ends = np.cumsum([delta.audio_bytes // 2 for delta in deltas])
    played, gaps_s = 0, []
    for (begin, piece), _ in pairwise(pieces):
        played += len(piece)
        came_s = deltas[int(np.searchsorted(ends, played, side="right"))].at_s
        due_s = onset_s + (begin + len(piece)) / LINK_HZ
        if came_s < due_s - IN_TIME_S:
            gaps_s.append(due_s - onset_s)
    return gaps_s
