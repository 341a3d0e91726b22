"""Which server answers, case by case."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.realtime.choice import (
    CALM_S,
    MOMENT_S,
    STABLE_S,
    WAITED_S,
    Footing,
    Reason,
    Server,
    ServerChoice,
    Situation,
    Standing,
    Why,
)

NOW_S = 1_000.0
READY = Standing(Footing.READY, 500.0)
RESTING = Standing(Footing.RESTING, 0.0)
REFUSED = Standing(Footing.REFUSED, NOW_S, "invalid_api_key", "wrong key")
FINE = Situation(now_s=NOW_S, online=READY, offline=RESTING)
CUT = Reason(Why.UNREACHABLE, "dns", "no address")
DENIED = Reason(Why.REFUSED, "invalid_api_key", "wrong key")


def lost(for_s: float, problem: str = "no address") -> Standing:
    """Return the standing of a server that has been of no use for so long."""
    return Standing(Footing.TRYING, NOW_S - for_s, "dns" if problem else "", problem)


def taken_over(reason: Reason = CUT) -> ServerChoice:
    """Return a choice that fell on this machine."""
    choice = ServerChoice()
    choice.look(replace(FINE, online=lost(MOMENT_S)))
    if reason is DENIED:
        choice.look(replace(FINE, online=REFUSED))
    assert choice.reason == reason
    return choice


@pytest.mark.parametrize(
    ("situation", "reason"),
    [
        (FINE, None),
        (replace(FINE, online=RESTING), None),
        (replace(FINE, online=None), Reason(Why.NO_KEY)),
        (replace(FINE, online=REFUSED), DENIED),
        (
            replace(FINE, exhausted="the day's budget is used up"),
            Reason(Why.BUDGET, problem="the day's budget is used up"),
        ),
        (replace(FINE, online=lost(MOMENT_S - 0.01)), None),
        (replace(FINE, online=lost(MOMENT_S)), CUT),
        (replace(FINE, online=lost(CALM_S - 0.01, "")), None),
        (replace(FINE, online=lost(CALM_S, "")), Reason(Why.UNREACHABLE)),
        (replace(FINE, online=lost(WAITED_S - 0.01, ""), waiting=True), None),
        (replace(FINE, online=lost(WAITED_S, ""), waiting=True), Reason(Why.UNREACHABLE)),
        (replace(FINE, online=lost(MOMENT_S), waiting=True), CUT),
        (replace(FINE, online=lost(900.0), offline=REFUSED), None),
        (replace(FINE, online=REFUSED, offline=REFUSED), None),
        (replace(FINE, exhausted="all spent", offline=REFUSED), None),
        (replace(FINE, online=None, offline=REFUSED), Reason(Why.NO_KEY)),
    ],
)
def test_the_first_choice(situation: Situation, reason: Reason | None) -> None:
    """Without a past: what counts, and from when on."""
    choice = ServerChoice()
    assert choice.look(situation) is (reason is not None)
    assert (choice.reason, choice.server) == (reason, Server.OFFLINE if reason else Server.ONLINE)


@pytest.mark.parametrize("online", [READY, RESTING])
def test_the_configured_server_answers_again_when_it_can(online: Standing) -> None:
    """At once: nobody wants the other one."""
    choice = taken_over()
    assert choice.look(replace(FINE, online=online))
    assert (choice.server, choice.reason) == (Server.ONLINE, None)


def test_an_attempt_is_no_return() -> None:
    """Once it was lost, only a session brings it back, however young the loss is."""
    choice = taken_over(DENIED)
    assert choice.look(replace(FINE, online=lost(0.0)))
    assert (choice.server, choice.reason) == (Server.OFFLINE, CUT)


def test_never_in_the_middle_of_a_turn() -> None:
    """Neither away nor back; the change comes with the turn's end, and until then the choice is looked at often."""
    busy = replace(FINE, movable=False)
    choice = ServerChoice()
    assert not choice.look(replace(busy, online=REFUSED))
    assert (choice.server, choice.settled) == (Server.ONLINE, False)
    assert choice.look(replace(FINE, online=REFUSED))
    assert (choice.server, choice.settled) == (Server.OFFLINE, True)
    assert not choice.look(busy)
    assert (choice.server, choice.reason, choice.settled) == (Server.OFFLINE, DENIED, False)
    assert choice.look(FINE)
    assert (choice.server, choice.reason) == (Server.ONLINE, None)


def test_another_reason_needs_no_pause() -> None:
    """Nobody's server changes by it."""
    choice = taken_over()
    assert choice.look(replace(FINE, online=REFUSED, movable=False))
    assert (choice.server, choice.reason) == (Server.OFFLINE, DENIED)
    assert not choice.look(replace(FINE, online=REFUSED))


def test_a_server_that_throws_us_out_again_has_to_prove_itself() -> None:
    """It takes us in only to throw us out: it answers again when a session has lived for a while."""
    choice = taken_over()
    back_s = NOW_S + 10
    young = replace(FINE, now_s=back_s, online=Standing(Footing.READY, back_s))
    assert choice.look(young)
    thrown_out = Standing(Footing.TRYING, back_s + 1, "", "thrown out")
    choice.look(replace(FINE, now_s=back_s + 1 + MOMENT_S, online=thrown_out))
    assert choice.server.value == Server.OFFLINE.value
    again_s = back_s + 20
    taken_in = Standing(Footing.READY, again_s)
    assert not choice.look(replace(FINE, now_s=again_s + STABLE_S - 0.01, online=taken_in))
    assert (choice.server, choice.settled) == (Server.OFFLINE, False)
    assert choice.look(replace(FINE, now_s=again_s + STABLE_S, online=taken_in))
    assert choice.server.value == Server.ONLINE.value


def test_a_session_given_up_young_says_nothing_against_its_server() -> None:
    """A short conversation ends with it."""
    choice = taken_over()
    choice.look(replace(FINE, now_s=NOW_S + 1, online=Standing(Footing.READY, NOW_S + 1)))
    choice.look(replace(FINE, now_s=NOW_S + 2, online=Standing(Footing.TRYING, NOW_S + 2)))
    choice.look(replace(FINE, now_s=NOW_S + 20, online=Standing(Footing.TRYING, NOW_S + 2, "", "lost")))
    assert choice.server.value == Server.OFFLINE.value
    assert choice.look(replace(FINE, now_s=NOW_S + 21, online=Standing(Footing.READY, NOW_S + 21)))
    assert choice.server.value == Server.ONLINE.value


@pytest.mark.parametrize(
    ("situation", "settled"),
    [
        (FINE, True),
        (replace(FINE, online=lost(0.0)), False),
        (replace(FINE, online=lost(MOMENT_S)), True),
        (replace(FINE, online=None), True),
        (replace(FINE, online=REFUSED), True),
    ],
)
def test_time_alone_changes_the_choice_only_where_a_moment_runs(situation: Situation, *, settled: bool) -> None:
    """Otherwise nobody need look before something happens."""
    choice = ServerChoice()
    choice.look(situation)
    assert choice.settled is settled


standings = st.builds(
    Standing, st.sampled_from(Footing), st.floats(900.0, 1_100.0), st.just(""), st.sampled_from(["", "no route"])
)


@given(
    st.lists(
        st.builds(
            Situation,
            now_s=st.floats(1_000.0, 1_100.0),
            online=st.none() | standings,
            offline=standings,
            exhausted=st.sampled_from(["", "spent"]),
            waiting=st.booleans(),
            movable=st.booleans(),
        ),
        max_size=20,
    )
)
def test_whatever_happens(situations: list[Situation]) -> None:
    """The server changes only where it may, and there is a reason exactly while it is the one on this machine."""
    choice = ServerChoice()
    for situation in situations:
        before = choice.server, choice.reason
        changed = choice.look(situation)
        assert changed is ((choice.server, choice.reason) != before)
        assert (choice.reason is None) is (choice.server is Server.ONLINE)
        if choice.server is not before[0]:
            assert situation.movable
