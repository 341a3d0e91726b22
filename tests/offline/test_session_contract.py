"""hearthd's own client and the server, back to back in memory: they understand each other without a special case."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hearthd.core.realtime.commands import (
    AddUserText,
    AnswerCall,
    CancelResponse,
    CommitInput,
    RequestResponse,
    SpeakText,
    TruncateReply,
)
from hearthd.core.realtime.events import (
    CallRequested,
    InputCommitted,
    ReplyAudio,
    ReplyTranscribed,
    ResponseEnded,
    ResponseStatus,
    ServerComplained,
    ServerSpeechStarted,
    ServerSpeechStopped,
    SessionReady,
)
from hearthd.core.realtime.protocol import RealtimeProtocol
from hearthd.core.realtime.session import FunctionTool, SessionPlan, TurnDetection
from hearthd.offline.parts import Heard
from hearthd.offline.serving.jobs import Speak, Spoken
from tests.doubles.realtime.audio import babble, noise, silence
from tests.offline.session_scene import NOW, PIECE, SET_LIGHT, Scene

if TYPE_CHECKING:
    from hearthd.core.realtime.commands import LinkCommand
    from hearthd.core.realtime.events import LinkEvent

LIGHT = FunctionTool(name="set_light", description="Switch a light", parameters=SET_LIGHT["parameters"])


class Pair:
    """The client of the daemon and the server, and everything that the client reports."""

    def __init__(self, turn_detection: TurnDetection = "none") -> None:
        self.scene = Scene()
        plan = SessionPlan(
            model="gpt-realtime-2.1-mini",
            voice="marin",
            instructions="You run the house.",
            tools=(LIGHT,),
            turn_detection=turn_detection,
        )
        self.protocol = RealtimeProtocol(plan)
        self.events: list[LinkEvent] = []
        self._told = 0
        self.settle()

    def settle(self, heard: Heard | None = None) -> None:
        """Carry texts both ways, and do the worker's work, until nobody has anything to say."""
        while True:
            self.scene.work(heard)
            news, self._told = self.scene.events[self._told :], len(self.scene.events)
            for event in news:
                self.events += self.protocol.receive(json.dumps(event))
            texts = self.protocol.data_to_send()
            for text in texts:
                self.scene.send_raw(text)
            if not news and not texts:
                return

    def order(self, *commands: LinkCommand, heard: Heard | None = None) -> None:
        """Have the client carry commands out."""
        for command in commands:
            self.protocol.send(command)
        self.settle(heard)

    def say(self, pcm: bytes, heard: Heard | None = None) -> None:
        """Append what somebody says."""
        self.protocol.append(pcm)
        self.settle(heard)

    def of(self, kind: type[LinkEvent]) -> list[LinkEvent]:
        """Return what was reported of a kind."""
        return [event for event in self.events if isinstance(event, kind)]


def ended(pair: Pair) -> ResponseEnded:
    """Return how the last response ended."""
    last = pair.of(ResponseEnded)[-1]
    assert isinstance(last, ResponseEnded)
    return last


@pytest.mark.parametrize("turn_detection", ["none", "server_vad", "semantic_vad"])
def test_the_first_update_is_taken_whole(turn_detection: TurnDetection) -> None:
    """No plainer second try, and the echo differs in nothing that was asked for."""
    pair = Pair(turn_detection)
    assert pair.events == [SessionReady()]


def test_a_command_is_called_answered_and_told() -> None:
    """From sound to the call, from its output to the spoken answer, at no cost."""
    pair = Pair()
    pair.say(noise(400))
    pair.order(CommitInput(), RequestResponse(), heard=Heard("turn on the kitchen light", 0.95))
    [call] = pair.of(CallRequested)
    assert isinstance(call, CallRequested)
    assert (call.name, call.arguments) == ("set_light", '{"device":"kitchen light","on":true}')
    assert ended(pair).follows
    pair.order(AnswerCall(call.call_id, '{"ok": true}'))
    assert ended(pair).spoke
    assert ended(pair).usage is not None
    assert pair.of(ServerComplained) == []
    assert len(pair.of(InputCommitted)) == 1
    assert pair.of(ReplyTranscribed) != []


def test_announcements_are_spoken_word_for_word() -> None:
    """`hearthd say` works offline too."""
    pair = Pair()
    pair.order(SpeakText("Dinner is ready."))
    assert [event.text for event in pair.of(ReplyTranscribed) if isinstance(event, ReplyTranscribed)] == [
        "Dinner is ready."
    ]
    assert ended(pair).status is ResponseStatus.COMPLETED


def test_typed_text_is_answered() -> None:
    """As hearthd replays what was said before an outage."""
    pair = Pair()
    pair.order(AddUserText("what time is it"), RequestResponse())
    assert ended(pair).spoke


def test_an_interrupted_answer_is_cut_where_the_room_stopped_listening() -> None:
    """Cancel and truncate are both understood."""
    pair = Pair()
    pair.protocol.send(AddUserText("what time is it"))
    pair.protocol.send(RequestResponse())
    for text in pair.protocol.data_to_send():
        pair.scene.send_raw(text)
    [speak] = [order for order in pair.scene.orders if isinstance(order, Speak)]
    pair.scene.orders.clear()
    pair.scene.session.take(Spoken(speak.job, PIECE), NOW)
    pair.scene.flush()
    pair.settle()
    [audio] = pair.of(ReplyAudio)
    assert isinstance(audio, ReplyAudio)
    pair.order(CancelResponse(), TruncateReply(audio.item_id, audio.content_index, 60))
    assert (ended(pair).status, ended(pair).reason) == (ResponseStatus.CANCELLED, "client_cancelled")
    assert [event["type"] for event in pair.scene.events if "truncated" in event["type"]] == [
        "conversation.item.truncated"
    ]
    assert pair.of(ServerComplained) == []


def test_turns_may_be_left_to_the_server() -> None:
    """It finds the speech, commits and answers by itself."""
    pair = Pair("server_vad")
    pair.say(silence(500) + babble(1_500) + silence(800), Heard("what time is it", 0.95))
    kinds = (ServerSpeechStarted, ServerSpeechStopped, InputCommitted, ResponseEnded)
    assert [type(event) for event in pair.events if isinstance(event, kinds)] == list(kinds)
    assert ended(pair).spoke
