"""`scripts/bench latency`: how long everything takes, on real runs of the whole daemon."""

import numpy as np

from tests.bench.conversation import SETTINGS, Conversation
from tests.bench.figures import Budget, Figure, Statistic
from tests.bench.report import Report
from tests.bench.warmup import warm_up
from tests.doubles.realtime import Accept, Part, ResponseRequest, Scenario, Speech, UserTurn
from tests.doubles.realtime.audio import noise
from tests.doubles.room import Said
from tests.doubles.settings_file import merged
from tests.journeys.household import Household, Plan

TITLE = "Latency"
LINK_HZ = 24_000
CONNECTING_S = 0.6
"""From the wake to a session that takes sound: half of it for the handshake, half for the session."""


async def latency(turns: int, report: Report) -> list[Figure]:
    """Measure everything; raises AssertionError when the daemon does not do its part."""
    await warm_up()
    conversation = Conversation()
    report.progress(f"{turns} turns with wake, call, reply, interruption and second reply, about 11 s each ...")
    async with Household(None, conversation.plan()) as home:
        for _ in range(turns):
            await conversation.turn(home)
        home.server.assert_clean()
    rarer = max(3, turns // 4)
    report.progress(f"{rarer} wakes without a connection, which takes {CONNECTING_S:g} s ...")
    lost = await _lost_while_connecting(rarer)
    report.progress(f"{rarer} starts and stops ...")
    return [*conversation.figures(), lost, *await _starts(rarer)]


async def _lost_while_connecting(times: int) -> Figure:
    """Compare what the server got with what was said, sample by sample, at the rate of the protocol."""
    figure = Figure("samples lost after a wake, connecting for 600 ms", "", Budget(0, Statistic.MAX))
    answer = Speech(noise(300), "Yes.")

    async def respond(_request: ResponseRequest) -> list[Part]:
        return [answer]

    half_s = CONNECTING_S / 2
    opening = Accept(handshake_delay_s=half_s, session_delay_s=half_s)
    plan = Plan(
        scenario=Scenario(respond=respond, openings=[opening]),
        settings=merged(SETTINGS, {"realtime": {"keep_warm": False}}),
        capture_rate_hz=LINK_HZ,
        playback_rate_hz=LINK_HZ,
    )
    async with Household(None, plan) as home:
        for number in range(1, times + 1):
            wake, wish = await home.room.say("okay nabu", "turn on the kitchen light")
            turn = await home.server.turn(number, timeout_s=15.0)
            figure.add(_lost_frames(home, turn, wake, wish))
            await home.settled(after_s=wish.ends_s + 0.5)
        home.server.assert_clean()
    return figure


def _lost_frames(home: Household, turn: UserTurn, wake: Said, wish: Said) -> int:
    """Count the frames from the first of the wake word to the last of the sentence that the server did not get."""
    sent = np.frombuffer(turn.pcm, np.int16)
    script = np.fromfile(home.card.folder / f"capture-{LINK_HZ}.s16", np.int16)
    # The turn begins somewhere in the seconds before the wake word; noise makes the place unique.
    begin = max(0, wake.first_frame - 5 * LINK_HZ)
    start = begin + script[begin : wish.end_frame].tobytes().find(sent[:480].tobytes()) // 2
    if start < begin:
        return wish.end_frame - wake.first_frame
    same = sent == script[start : start + len(sent)]
    first_wrong = len(sent) if same.all() else int(np.argmin(same))
    return max(0, start - wake.first_frame) + max(0, wish.end_frame - (start + first_wrong))


async def _starts(times: int) -> list[Figure]:
    ready = Figure("cold start → READY=1", "s", Budget(1.5, Statistic.MAX))
    settled = Figure("cold start → session ready", "s")
    gone = Figure("SIGTERM → gone", "s", Budget(2, Statistic.MAX))
    async with Household(None, Plan(starts=False)) as home:
        for _ in range(times):
            await home.daemon.start()
            notice = await home.daemon.ready()
            ready.add(notice.at_s - home.daemon.started_s)
            state = await home.settled(after_s=home.daemon.started_s)
            settled.add(state.at_s - home.daemon.started_s)
            ending = await home.stop()
            assert ending.exit_code == 0, f"the daemon ended with {ending.exit_code}"
            gone.add(ending.took_s)
    return [ready, settled, gone]
