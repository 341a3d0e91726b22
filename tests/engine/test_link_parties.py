"""Whom the link serves beside the conversation: who counts the money, and the talk's memory."""

import asyncio
from dataclasses import dataclass, field

from hearthd.core.conversation import events as ev
from hearthd.core.realtime.allowance import Allowance, AskKind, ContextSize, Denied, Granted
from hearthd.core.realtime.commands import AnswerCall, RequestResponse
from hearthd.core.realtime.events import LinkEvent, ResponseEnded
from tests.core.realtime import wire
from tests.engine.link_scene import Scene, linked
from tests.engine.server import Call, says

GRANTED = Granted(max_output_tokens=512)


@dataclass
class Purse:
    """Remembers what it was shown."""

    allowance: Allowance = GRANTED
    asked: list[AskKind] = field(default_factory=list)
    seen: list[LinkEvent] = field(default_factory=list)
    closed: int = 0

    def allow(self, kind: AskKind, reads: ContextSize) -> Allowance:
        """Answer as told."""
        assert reads.text_tokens > 0
        self.asked.append(kind)
        return self.allowance

    def saw(self, event: LinkEvent) -> None:
        """Note it."""
        self.seen.append(event)

    def close(self) -> None:
        """Note that too."""
        self.closed += 1


class Purses:
    """Makes one for each session."""

    def __init__(self) -> None:
        self.made: list[Purse] = []
        self.allowance: Allowance = GRANTED

    def __call__(self) -> Purse:
        """Make the next."""
        self.made.append(Purse(self.allowance))
        return self.made[-1]


async def test_each_session_has_its_purse() -> None:
    """Asked before every response, shown every event before anybody else, and closed with the session."""
    purses = Purses()
    async with linked(prepare=lambda scene: setattr(scene, "purse", purses)) as scene:
        scene.server.replies.append(says(bytes(4_800)))
        scene.keeper.send(RequestResponse())
        await asyncio.sleep(1.0)
        [purse] = purses.made
        assert (purse.asked, purse.closed) == ([AskKind.REPLY], 0)
        assert [event for event in purse.seen if isinstance(event, ResponseEnded)] == [
            event for event in scene.news if isinstance(event, ResponseEnded)
        ]
        assert len([event for event in purse.seen if type(event).__name__ == "ReplyAudio"]) == 1
        scene.lose()
        await asyncio.sleep(1.0)
        assert [purse.closed for purse in purses.made] == [1, 0]


async def test_a_response_that_is_not_allowed_is_told_without_a_word_of_the_server() -> None:
    """Nothing is asked of it, so nothing will come of it; whoever waits hears at once."""
    purses = Purses()
    purses.allowance = Denied("all is spent")
    async with linked(prepare=lambda scene: setattr(scene, "purse", purses)) as scene:
        scene.keeper.send(RequestResponse())
        await asyncio.sleep(0.1)
        assert scene.news[2:] == [ev.ResponseDenied(AskKind.REPLY, "all is spent")]
        assert scene.server.came(wire.CREATE) == []


async def talk(scene: Scene) -> None:
    """Say something, have a lamp switched, and be told so."""
    scene.resting = False
    scene.server.say(wire.text("input_audio_buffer.committed", item_id="u1"))
    scene.server.replies += [says(Call()), says(bytes(960))]
    scene.keeper.send(RequestResponse())
    await asyncio.sleep(1.0)
    *_, call = [event for _, event in scene.events if isinstance(event, ev.CallRequested)]
    scene.keeper.send(AnswerCall(call.call_id, '{"ok":true}'))
    await asyncio.sleep(1.0)
    scene.server.say(
        wire.created("r9"),
        wire.text("response.output_audio_transcript.done", response_id="r9", item_id="a1", transcript="It is on."),
        wire.done("r9"),
    )
    await asyncio.sleep(0.1)


def told_again(scene: Scene) -> list[str]:
    """Return the kinds of items that the newest session was told."""
    items = [message["item"] for message in scene.server.session.came("conversation.item.create")]
    return [str(item.get("role", item["type"])) for item in items]  # type: ignore[attr-defined, index]


async def test_a_talk_goes_on_in_the_next_session() -> None:
    """As text, the call as something that happened; and what is said then comes behind it."""
    async with linked() as scene:
        await talk(scene)
        scene.uplink.open(2)
        scene.uplink.take(2, bytes(4_800))
        scene.lose()
        await asyncio.sleep(1.0)
        assert told_again(scene) == ["system", "user", "function_call", "function_call_output", "assistant"]
        kinds = [message["type"] for _, message in scene.server.session.texts]
        assert kinds.index(wire.APPEND) > kinds.index("conversation.item.create")
        assert len([event for _, event in scene.events if isinstance(event, ev.CallRequested)]) == 1


async def test_a_talk_that_is_over_is_not_told_again() -> None:
    """Neither after its end nor to a session that begins while nobody talks."""
    async with linked() as scene:
        await talk(scene)
        scene.keeper.end_conversation()
        await asyncio.sleep(0.1)
        assert told_again(scene) == []
        await talk(scene)
        scene.resting = True
        scene.lose()
        await asyncio.sleep(1.0)
        assert told_again(scene) == []
        scene.resting = False
        scene.lose()
        await asyncio.sleep(1.0)
        assert told_again(scene) == []


async def test_a_goodbye_that_says_nothing_is_told_with_the_last_complaint() -> None:
    """Some servers say why only before they hang up."""
    async with linked() as scene:
        scene.server.say(wire.error("odd", "The session store is full."))
        await asyncio.sleep(0.01)
        scene.server.session.connection.hang_up(1000, "the server said goodbye")
        await asyncio.sleep(0.01)
        assert [event.problem for _, event in scene.events if isinstance(event, ev.LinkLost)] == [
            "the server said goodbye; before that it said: The session store is full."
        ]


async def test_a_conversation_is_told_of_the_moment() -> None:
    """Once, when somebody begins to talk and not when the session is made; a session that follows is told anew."""
    hours = iter(("It is eight.", "It is nine."))
    async with linked(prepare=lambda scene: setattr(scene, "moment", lambda: next(hours))) as scene:
        await asyncio.sleep(1.0)
        assert scene.server.came("conversation.item.create") == []
        for _ in range(2):
            scene.resting = False
            scene.keeper.begin_turn()
            scene.keeper.begin_turn(from_rest=False)
            await asyncio.sleep(0.1)
            scene.resting = True
            scene.keeper.end_conversation()
            await asyncio.sleep(3.0)
        told = [str(message["item"]) for message in scene.server.came("conversation.item.create")]
        assert ["It is eight." in told[0], "It is nine." in told[1], len(told)] == [True, True, 2]


async def test_a_session_that_is_kept_is_told_of_another_moment() -> None:
    """Nothing came of the conversation for which it was told, and what it was told is not true any more."""
    hour = ["It is eight."]
    async with linked(prepare=lambda scene: setattr(scene, "moment", lambda: hour[0])) as scene:
        for hour[0] in ("It is eight.", "It is eight.", "It is nine."):
            scene.keeper.begin_turn()
            await asyncio.sleep(60.0)
        told = [str(message["item"]) for message in scene.server.came("conversation.item.create")]
        assert ["It is eight." in told[0], "It is nine." in told[1], len(told)] == [True, True, 2]


async def test_a_session_in_mid_conversation_is_told_of_the_moment_behind_what_was_said() -> None:
    """So that what comes last is what is true now."""
    async with linked(prepare=lambda scene: setattr(scene, "moment", lambda: "It is eight.")) as scene:
        scene.resting = False
        scene.keeper.begin_turn()
        scene.server.replies.append(says(bytes(4_800)))
        scene.keeper.send(RequestResponse())
        await asyncio.sleep(1.0)
        scene.lose()
        await asyncio.sleep(8.0)
        assert "It is eight." in str(scene.server.came("conversation.item.create")[-1]["item"])
