"""Random talks: whatever a client does in whatever order, each response ends once, and nothing raises."""

import random

import pytest

from hearthd.offline.parts import Heard
from hearthd.offline.serving.jobs import Conclude, Concluded, Failed, Order, Speak, SpeechOver, Spoken
from tests.doubles.realtime.audio import babble, noise, silence
from tests.offline.session_scene import PIECE, SET_LIGHT, Json, Scene

STEPS = 60
SOUNDS = [noise(40), noise(250), silence(700), babble(900)]
SENTENCES = ["turn on the kitchen light", "what time is it", "yes", "nonsense", ""]
DETECTIONS: list[Json | None] = [
    None,
    {"type": "server_vad"},
    {"type": "server_vad", "interrupt_response": False},
    {"type": "semantic_vad", "create_response": False},
]


class Walk:
    """One client that does anything, and one worker that may fail."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.scene = Scene()
        self.scene.update(tools=[SET_LIGHT])

    def step(self) -> None:
        """Do one thing."""
        move = self.dice.choice([self.speak, self.write, self.ask, self.meddle, self.configure, self.work, self.work])
        move()

    def speak(self) -> None:
        """Send sound, and perhaps say that it was all."""
        self.scene.append(self.dice.choice(SOUNDS))
        kind = self.dice.choice(["commit", "commit", "clear", ""])
        if kind:
            self.scene.send(f"input_audio_buffer.{kind}")

    def write(self) -> None:
        """Add an item, perhaps in a strange place."""
        items: list[Json] = [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]} for text in SENTENCES
        ]
        items.append({"type": "function_call_output", "call_id": self.some("call_id"), "output": "{}"})
        item = self.dice.choice(items)
        place: dict[str, object] = self.dice.choice(
            [{}, {"previous_item_id": "root"}, {"previous_item_id": self.some("item_id")}]
        )
        self.scene.send("conversation.item.create", item=item, **place)

    def ask(self) -> None:
        """Ask for a response, or that it ends."""
        wish: Json = self.dice.choice(
            [
                {},
                {"output_modalities": ["text"]},
                {"max_output_tokens": 3},
                {"conversation": "none", "input": []},
                {"input": [{"type": "item_reference", "id": self.some("item_id")}]},
                {"instructions": "Say exactly: Hello.", "tool_choice": "none"},
            ]
        )
        if self.dice.random() < 0.7:
            self.scene.send("response.create", response=wish)
        else:
            which: Json = self.dice.choice([{}, {"response_id": self.some("response_id")}])
            self.scene.send("response.cancel", **which)

    def meddle(self) -> None:
        """Do something to an item."""
        item_id = self.some("item_id")
        kind = self.dice.choice(["retrieve", "delete", "truncate"])
        more = {"content_index": 0, "audio_end_ms": self.dice.choice([0, 50, 5_000])} if kind == "truncate" else {}
        self.scene.send(f"conversation.item.{kind}", item_id=item_id, **more)

    def configure(self) -> None:
        """Change the session."""
        session: Json = self.dice.choice(
            [
                {"audio": {"input": {"turn_detection": self.dice.choice(DETECTIONS)}}},
                {"tools": self.dice.choice([[], [SET_LIGHT]])},
                {"audio": {"input": {"transcription": self.dice.choice([None, {"model": "whisper-1"}])}}},
                {"audio": {"output": {"voice": self.dice.choice(["cedar", "marin"])}}},
            ]
        )
        self.scene.send("session.update", session={"type": "realtime", **session})

    def work(self) -> None:
        """Have the worker bring something: a result, a piece, a failure, or what nobody waits for any more."""
        todo = [order for order in self.scene.orders if isinstance(order, Conclude | Speak)]
        if not todo:
            return
        order = self.dice.choice(todo)
        if self.dice.random() < 0.1:
            self.scene.orders.remove(order)
            self.scene.take(Failed(order.job, "the speech worker died"))
        elif isinstance(order, Conclude):
            self.scene.orders.remove(order)
            self.scene.take(Concluded(order.job, Heard(self.dice.choice(SENTENCES), self.dice.random())))
        else:
            self.scene.take(Spoken(order.job, PIECE))
            if self.dice.random() < 0.4:
                self.end(order)

    def end(self, order: Order) -> None:
        """Let a speech end."""
        self.scene.orders.remove(order)
        self.scene.take(SpeechOver(order.job))

    def some(self, name: str) -> str:
        """Return an id of that kind that was seen, or one that nobody knows."""
        seen = [str(event[name]) for event in self.scene.events[-40:] if name in event]
        return self.dice.choice([*seen, "gone"])

    def finish(self) -> None:
        """Let the worker do all that is left."""
        while any(isinstance(order, Conclude | Speak) for order in self.scene.orders):
            self.scene.work(Heard("what time is it", 0.9))


@pytest.mark.parametrize("seed", range(20))
def test_every_talk_makes_sense(seed: int) -> None:
    """Every event is one of the protocol, what begins ends once, and the conversation has one response at a time."""
    walk = Walk(seed)
    for _ in range(STEPS):
        walk.step()
    walk.finish()
    events = walk.scene.events
    began = [event["response"]["id"] for event in events if event["type"] == "response.created"]
    over = [event["response"]["id"] for event in events if event["type"] == "response.done"]
    assert sorted(began) == sorted(over)
    assert len(set(over)) == len(over)
    opened = [event["item"]["id"] for event in events if event["type"] == "response.output_item.added"]
    closed = [event["item"]["id"] for event in events if event["type"] == "response.output_item.done"]
    assert sorted(opened) == sorted(closed)
    active: set[str] = set()
    for event in events:
        if event["type"] == "response.created" and event["response"]["conversation_id"]:
            assert active == set()
            active.add(event["response"]["id"])
        elif event["type"] == "response.done":
            active.discard(event["response"]["id"])
