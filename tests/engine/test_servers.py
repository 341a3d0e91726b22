"""Two servers: the one on this machine takes over when the configured one cannot, and gives back when it can."""

import asyncio
from dataclasses import replace

import pytest

from hearthd.core.audio.pcm import LINK_RATE_HZ
from hearthd.core.conversation.phases import Phase
from hearthd.core.realtime.allowance import AskKind
from hearthd.core.realtime.choice import MOMENT_S, WAITED_S, Server
from hearthd.core.realtime.events import ResponseDenied
from hearthd.core.settings import GateSettings, RealtimeSettings
from hearthd.engine.hosting import LINGER_S
from hearthd.engine.link_session import ANSWER_IN_USE_S, QUIET_IN_USE_S
from hearthd.ports import LinkRefused
from tests.core.realtime import wire
from tests.doubles.memory_ledger import MemoryClock
from tests.engine.server import Call, says
from tests.engine.voices import noise
from tests.engine.world import World, living, settings_of

ONLINE_REPLY = noise(0.4, LINK_RATE_HZ, seed=1)
OFFLINE_REPLY = noise(0.5, LINK_RATE_HZ, seed=2)
NOTICE = noise(0.6, LINK_RATE_HZ, seed=3)


async def answered(world: World, server: Server) -> None:
    """Hold a conversation, and see who answers it."""
    before = len(world.turns)
    world.server.replies.append(says(ONLINE_REPLY))
    world.local.server.replies += [says(OFFLINE_REPLY), says(NOTICE)]
    await world.ask()
    await world.reach(Phase.IDLE)
    (turn,) = world.turns[before:]
    assert (turn["HEARTHD_OUTCOME"], turn["HEARTHD_SERVER"]) == ("answered", server.value)
    world.server.replies.clear()
    world.local.server.replies.clear()


def spoken(world: World) -> list[str]:
    """Return what the server on this machine was told to say word for word."""
    creates = world.local.server.came(wire.CREATE)
    asked = [create["response"]["instructions"] for create in creates if "response" in create]  # type: ignore[index]
    return [str(text).split("-----")[1].strip() for text in asked]


def journal(world: World) -> list[tuple[object, object]]:
    """Return every change of the server that was told."""
    return [
        (told["HEARTHD_SERVER"], told.get("HEARTHD_REASON"))
        for told in world.journal.told
        if told["HEARTHD_EVENT"] == "server_changed"
    ]


@pytest.mark.parametrize("silently", [False, True])
@pytest.mark.parametrize("phase", [Phase.IDLE, Phase.LISTENING, Phase.THINKING, Phase.SPEAKING])
async def test_the_network_is_pulled_and_plugged_in_again(phase: Phase, *, silently: bool) -> None:
    """The next wake is served offline within ten seconds, the conversation after the return online, nothing twice."""
    async with living(offline=True) as world:
        await world.bring_to(phase)
        world.link.close_road(silently=silently)
        pulled_s = world.now_s
        world.local.server.replies += [says(OFFLINE_REPLY), says(NOTICE)]
        await world.reach(Phase.IDLE)
        if not world.local.server.utterances:
            world.local.server.replies.clear()
            world.local.server.replies += [says(Call()), says(OFFLINE_REPLY), says(NOTICE)]
            pulled_s = world.now_s
            await world.ask()
            await world.until(lambda: len(world.local.server.utterances) == 1)
            await world.reach(Phase.IDLE)
            assert world.turns[-1]["HEARTHD_CALLS"] == 1
            commands = [published for published in world.broker.log if published.topic == "lamp/set"]
            assert len(commands) == 1
        assert world.local.server.sessions[-1].moment(wire.COMMIT) - pulled_s < 10 + 1.5
        assert spoken(world) == ["I cannot reach my server. I am offline, but I can still run the house."]
        assert (world.state["server"], world.turns[-1]["HEARTHD_SERVER"]) == ("offline", "offline")

        world.link.open_road()
        await asyncio.sleep(20)
        assert (world.state["server"], world.state.get("server_reason")) == ("online", None)
        await answered(world, Server.ONLINE)
        assert len(spoken(world)) == 1
        assert journal(world) == [("offline", "unreachable"), ("online", None)]


@pytest.mark.parametrize("silently", [False, True])
async def test_a_reply_that_stops_in_its_middle_is_told_and_the_next_wake_served(*, silently: bool) -> None:
    """What came of it is heard, then a tone; within ten seconds the other server is there."""
    async with living(offline=True) as world:
        world.server.replies.append(says(noise(20.0, LINK_RATE_HZ), pace_s=0.1))
        await world.ask()
        await world.reach(Phase.SPEAKING)
        await asyncio.sleep(1.0)
        world.link.close_road(silently=silently)
        pulled_s = world.now_s
        await world.until(lambda: world.phase is Phase.IDLE and world.state["server"] == "offline" and world.ready)
        assert world.now_s - pulled_s < 10.0
        assert [event["code"] for event in world.events("error")] == ["link_lost"]
        await answered(world, Server.OFFLINE)
        assert world.outcomes() == ["failed", "answered"]


async def test_what_is_wrong_is_said_once_in_an_outage() -> None:
    """After the first answer, within its turn; never unprompted, and nothing is said of the return."""
    async with living(offline=True) as world:
        world.link.close_road(silently=False)
        await asyncio.sleep(60)
        assert spoken(world) == []
        world.local.server.replies += [says(OFFLINE_REPLY), says(NOTICE)]
        await world.ask()
        await world.reach(Phase.FOLLOW_UP)
        assert world.speaker.heard_pcm == OFFLINE_REPLY + NOTICE
        await world.reach(Phase.IDLE)
        await answered(world, Server.OFFLINE)
        assert len(spoken(world)) == 1

        world.link.open_road()
        await asyncio.sleep(10)
        await answered(world, Server.ONLINE)
        world.link.close_road(silently=False)
        await asyncio.sleep(10)
        world.local.server.replies += [says(OFFLINE_REPLY), says(NOTICE)]
        await world.ask()
        await world.reach(Phase.IDLE)
        assert len(spoken(world)) == 2


async def test_a_return_at_rest_sends_nothing_until_somebody_talks() -> None:
    """Then the conversation is told of its own moment, and not of that of the return."""
    async with living(offline=True, clock=MemoryClock()) as world:
        world.link.close_road(silently=False)
        await asyncio.sleep(20)
        world.link.open_road()
        await asyncio.sleep(20)
        assert (world.state["server"], world.server.came("conversation.item.create")) == ("online", [])
        await asyncio.sleep(2400)
        world.server.replies.append(says(ONLINE_REPLY))
        await world.ask()
        (note,) = world.server.came("conversation.item.create")
        assert "12:57." in str(note["item"])


async def test_an_outage_that_nobody_notices_is_not_spoken_of() -> None:
    """It came and went between two conversations."""
    async with living(offline=True) as world:
        world.link.close_road(silently=False)
        await asyncio.sleep(60)
        world.link.open_road()
        await asyncio.sleep(60)
        await answered(world, Server.ONLINE)
        assert (spoken(world), world.local.server.utterances) == ([], [])


async def test_a_short_loss_starts_no_server() -> None:
    """A router's hiccup is over before anybody could have needed one; its memory is not spent either."""
    async with living(offline=True) as world:
        world.link.close_road(silently=False)
        await asyncio.sleep(MOMENT_S - 2.0)
        world.link.open_road()
        await asyncio.sleep(60)
        assert (world.local.starts, world.state["server"]) == (0, "online")


@pytest.mark.parametrize("silently", [False, True])
async def test_whoever_talks_does_not_wait_for_a_slow_start(*, silently: bool) -> None:
    """The server starts when the other one becomes doubtful, so that it is there when the doubt is certain."""
    async with living(offline=True) as world:
        world.local.start_s = 3.0
        world.server.replies.append(says(noise(20.0, LINK_RATE_HZ), pace_s=0.1))
        await world.ask()
        await world.reach(Phase.SPEAKING)
        world.link.close_road(silently=silently)
        pulled_s = world.now_s
        await world.until(lambda: world.state["server"] == "offline" and world.ready)
        certain_s = QUIET_IN_USE_S + ANSWER_IN_USE_S if silently else MOMENT_S
        assert world.now_s - pulled_s < certain_s + 1.0


async def test_a_server_that_was_started_in_vain_ends_again() -> None:
    """A doubt that comes to nothing costs a minute of memory, and a second one in that minute another.

    One connection is made meanwhile, for a server that starts with its first one.
    """
    async with living(offline=True) as world:
        await world.bring_to(Phase.LISTENING)
        for _ in range(2):
            world.lose_link()
            await asyncio.sleep(LINGER_S / 2)
            assert (world.local.runs, world.local.link.attempts, world.local.link.live) == (True, 1, [])
            world.say_word()
        await asyncio.sleep(2 * LINGER_S)
        assert (world.local.runs, world.local.starts, world.state["server"]) == (False, 1, "online")


async def test_the_server_runs_only_while_it_may_be_needed() -> None:
    """Ready before anybody asks, gone a minute after the return."""
    async with living(offline=True) as world:
        assert not world.local.runs
        world.link.close_road(silently=False)
        await asyncio.sleep(MOMENT_S + 2.0)
        assert (world.local.runs, len(world.local.link.live), world.ready) == (True, 1, True)
        assert world.status == (
            'waiting for "okay nabu"; the offline server is ready (the server is not connected: the line is cut)'
            if world.link.attempts == 1
            else 'waiting for "okay nabu"; the offline server is ready '
            "(the server is not connected: no way to the server)"
        )
        world.link.open_road()
        await asyncio.sleep(10.0)
        assert world.status == 'waiting for "okay nabu"; the server is ready'
        assert (world.local.runs, len(world.local.link.live)) == (True, 0)
        await asyncio.sleep(LINGER_S)
        assert not world.local.runs
        assert len(world.link.live) == 1


async def test_a_refusal_is_answered_offline_at_once() -> None:
    """Nobody is turned away; the owner hears, sees and reads what to do; a mended key heals by itself."""
    async with living(offline=True) as world:
        world.link.refuse(LinkRefused("invalid_api_key", "Incorrect API key provided"))
        world.lose_link()
        await asyncio.sleep(2)
        what_to_do = "put a valid key into /etc/credstore/hearthd.openai_api_key and restart hearthd"
        reason = f"the server refused us: Incorrect API key provided: {what_to_do}"
        assert world.state["server_reason"] == reason
        assert world.events("server") == [{"event": "server", "server": "offline", "reason": reason}]
        world.local.server.replies += [says(OFFLINE_REPLY), says(NOTICE)]
        await world.ask()
        await world.reach(Phase.IDLE)
        assert spoken(world) == [
            "The server does not accept my API key, so I need a new one. I am offline, but I can still run the house."
        ]
        world.request("set/mute", "on")  # an ear that waits for minutes makes a slow test
        await world.until(lambda: world.state["server"] == "online", within_s=900)
        world.request("set/mute", "off")
        await asyncio.sleep(2)
        await answered(world, Server.ONLINE)


@pytest.mark.parametrize("offline", [True, False])
async def test_an_account_that_turns_out_to_be_empty(*, offline: bool) -> None:
    """The refusal comes inside the answer: the other server gives one in the same turn; without it, a tone says so."""
    async with living(offline=offline) as world:
        world.local.server.replies += [says(OFFLINE_REPLY), says(NOTICE)]
        error = {"type": "insufficient_quota", "code": "insufficient_quota", "message": "You exceeded your quota"}
        await world.ask()
        broke = wire.done("r1", "failed", status_details={"type": "failed", "error": error})
        world.server.say(wire.created("r1"), broke)
        await world.reach(Phase.IDLE)
        if offline:
            assert (world.outcomes(), world.turns[0]["HEARTHD_SERVER"]) == (["answered"], "offline")
            assert world.server.utterances == world.local.server.utterances
            assert len(spoken(world)) == 1
            assert world.events("error") == []
        else:
            assert world.outcomes() == ["failed"]
            (told,) = world.events("error")
            assert told["code"] == "link_refused"
            assert str(told["problem"]).startswith("You exceeded your quota: ")


async def test_without_a_key_nothing_is_ever_sent_away() -> None:
    """Not one attempt: the server on this machine is there from the start."""
    async with living(offline=True, key=False) as world:
        world.local.server.replies += [says(OFFLINE_REPLY), says(NOTICE)]
        await world.ask()
        await world.reach(Phase.IDLE)
        assert spoken(world) == ["I have no API key yet. I am offline, but I can still run the house."]
        assert (world.link.attempts, world.state["server_reason"]) == (0, "there is no API key")


async def test_a_budget_that_is_used_up_is_answered_offline() -> None:
    """As long as it lasts; the session with the configured server waits, which costs nothing."""
    async with living(offline=True) as world:
        spent = ["the day's $0.50 are used up"]
        world.daemon._link._parties = replace(world.daemon._link._parties, exhausted=lambda: spent[0])
        await asyncio.sleep(10)
        await answered(world, Server.OFFLINE)
        assert world.server.utterances == []
        spent[0] = ""
        await asyncio.sleep(10)
        await answered(world, Server.ONLINE)
        assert (world.link.attempts, world.local.server.utterances[1:]) == (1, [])


async def test_what_the_budget_does_not_allow_is_answered_offline_in_the_same_turn() -> None:
    """The utterance was sent and nothing of it was answered: the other server gets it, and nobody says it again."""
    async with living(offline=True) as world:
        link, why = world.daemon._link, "the day's $0.50 are used up"
        spent = [""]
        link._parties = replace(link._parties, exhausted=lambda: spent[0])
        world.local.server.replies += [says(OFFLINE_REPLY), says(NOTICE)]
        await world.ask()
        spent[0] = why
        world.daemon._link.told(link._line, ResponseDenied(AskKind.REPLY, why))
        await world.reach(Phase.IDLE)
        assert (world.outcomes(), world.turns[0]["HEARTHD_SERVER"]) == (["answered"], "offline")
        assert world.server.utterances == world.local.server.utterances
        assert spoken(world) == ["What may be spent is used up. I am offline, but I can still run the house."]


async def test_a_session_whose_talk_went_on_offline_is_not_taken_up_again() -> None:
    """Its last utterance was answered by the other server: when there is money again, a fresh one knows nothing."""
    async with living(settings_of(gate=GateSettings(follow_up_s=6.0)), offline=True) as world:
        link, why = world.daemon._link, "the day's $0.50 are used up"
        spent = [""]
        link._parties = replace(link._parties, exhausted=lambda: spent[0])
        world.server.replies.append(says(ONLINE_REPLY))
        await world.ask()
        await world.reach(Phase.FOLLOW_UP)
        world.local.server.replies += [says(OFFLINE_REPLY), says(NOTICE)]
        world.speak(0.8)
        await world.reach(Phase.THINKING)
        spent[0] = why
        link.told(link._line, ResponseDenied(AskKind.REPLY, why))
        await world.reach(Phase.IDLE)
        assert [turn["HEARTHD_SERVER"] for turn in world.turns] == ["online", "offline"]
        spent[0] = ""
        await asyncio.sleep(10)
        await answered(world, Server.ONLINE)
        assert [len(session.utterances) for session in world.server.sessions[:2]] == [2, 1]


async def test_what_the_budget_does_not_allow_is_refused_where_nobody_else_answers() -> None:
    """In its own words, at once."""
    async with living() as world:
        await world.ask()
        world.daemon._link.told(world.daemon._link._line, ResponseDenied(AskKind.REPLY, "all is spent"))
        await world.reach(Phase.IDLE, within_s=0.5)
        assert [(event["code"], event["problem"]) for event in world.events("error")] == [
            ("over_budget", "all is spent")
        ]


async def test_a_cold_link_is_given_a_moment_and_then_left_for_the_other() -> None:
    """Where nobody is connected at rest, a wake finds out; the network's return is found out without one."""
    cold = settings_of(realtime=RealtimeSettings(keep_warm=False))
    async with living(cold, offline=True, ready=False) as world:
        await asyncio.sleep(3)
        world.link.close_road(silently=True)
        world.local.server.replies += [says(OFFLINE_REPLY), says(NOTICE)]
        said_s = await world.ask()
        assert world.now_s - said_s < WAITED_S + 2.0
        await world.reach(Phase.IDLE)
        assert world.turns[-1]["HEARTHD_SERVER"] == "offline"
        world.link.open_road()
        await asyncio.sleep(30)
        assert (world.state["server"], world.link.live) == ("online", [])
        await answered(world, Server.ONLINE)


async def test_a_server_that_cannot_run_here_is_not_waited_for() -> None:
    """Then the configured one's trouble is all there is to tell."""
    async with living(offline=True) as world:
        world.local.failure = LinkRefused("no_recognizer", "pocketsphinx is not installed")
        world.link.close_road(silently=False)
        await asyncio.sleep(20)
        assert (world.state["server"], world.state["problem"]) == (
            "none",
            "the server is not connected: no way to the server",
        )
        world.link.open_road()
        await asyncio.sleep(10)
        await answered(world, Server.ONLINE)


async def test_where_neither_server_can_answer_the_refusal_is_told_at_once() -> None:
    """A tone and plain words on every wake; nobody waits for a server that will not come."""
    async with living(offline=True) as world:
        world.local.failure = LinkRefused("no_recognizer", "pocketsphinx is not installed")
        world.link.refuse(LinkRefused("http_451", "not in this country"))
        world.lose_link()
        await asyncio.sleep(20)
        assert world.status == 'waiting for "okay nabu"; the server refused us: not in this country'
        world.say_word()
        await asyncio.sleep(1.5)
        assert (world.phase, world.state["server"]) == (Phase.IDLE, "none")
        assert [event["code"] for event in world.events("error")] == ["link_refused"]


async def test_a_talk_goes_on_with_the_other_server() -> None:
    """It learns what was said before, and gets the utterance that nobody answered."""
    async with living(offline=True) as world:
        world.server.replies.append(says(ONLINE_REPLY))
        await world.ask()
        await world.reach(Phase.FOLLOW_UP)
        told = wire.text(
            "response.output_audio_transcript.done", response_id="r9", item_id="a9", transcript="It is on."
        )
        world.server.say(wire.created("r9"), told, wire.done("r9"))
        world.speak(0.6)
        await world.reach(Phase.THINKING)
        world.link.close_road(silently=False)
        world.local.server.replies += [says(OFFLINE_REPLY), says(NOTICE)]
        await world.reach(Phase.IDLE)
        session = world.local.server.sessions[-1]
        roles = [item["item"]["role"] for item in session.came("conversation.item.create")]  # type: ignore[index]
        assert roles == ["system", "user", "assistant"]
        assert session.utterances == world.server.utterances[1:]
        assert world.outcomes() == ["answered", "answered"]


async def test_a_server_that_does_not_start_now_is_started_again() -> None:
    """And whoever waits meanwhile is told when it takes too long."""
    async with living(offline=True) as world:
        world.local.start_s = 30.0
        world.link.close_road(silently=False)
        await asyncio.sleep(20)
        assert "the offline server did not start within 10 s" in str(world.state["problem"])
        world.local.start_s = 0.5
        await world.until(lambda: world.ready)
        await answered(world, Server.OFFLINE)
