"""The protocol under any order of messages and commands: nothing raises, and its promises hold at every step."""

import json
import random
from collections import deque
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from hearthd.core.realtime import commands as do
from hearthd.core.realtime.allowance import Allowance, AskKind, ContextSize, Denied, Granted
from hearthd.core.realtime.complaints import ErrorKind
from hearthd.core.realtime.dialects import BETA_STYLE, OPENAI, Dialect
from hearthd.core.realtime.events import (
    CallRequested,
    LinkEvent,
    ReplyAudio,
    ReplyAudioEnded,
    ReplyTranscribed,
    ResponseBegan,
    ResponseDenied,
    ResponseEnded,
    ServerComplained,
    SessionFailed,
)
from hearthd.core.realtime.protocol import RealtimeProtocol
from hearthd.core.realtime.session import TurnDetection
from tests.core.realtime import wire

# ---------------------------------------------------------------------------------------------------- any order at all

RESPONSES = st.sampled_from(["r1", "r2", "r3"])
ITEMS = st.sampled_from(["i1", "i2"])
CALLS = st.sampled_from(["c1", "c2", "c3"])
STATUSES = st.sampled_from(["completed", "cancelled", "failed", "incomplete", None])
CODES = st.sampled_from(
    [
        "conversation_already_has_active_response",
        "response_cancel_not_active",
        "server_error",
        "unknown_parameter",
        "input_audio_buffer_commit_empty",
    ]
)
MESSAGES = st.one_of(
    st.builds(wire.created, RESPONSES),
    st.builds(wire.audio, RESPONSES, ITEMS, st.binary(max_size=200)),
    st.builds(lambda r, c, s: wire.item_done(r, wire.call_item(c, s)), RESPONSES, CALLS, STATUSES),
    st.builds(wire.arguments_done, RESPONSES, CALLS),
    st.builds(lambda r, s, c: wire.done(r, s, output=[wire.call_item(c)]), RESPONSES | st.none(), STATUSES, CALLS),
    st.builds(wire.error, CODES, event_id=st.none() | st.just("response.create-1")),
    st.sampled_from(["?", wire.text("response.done"), wire.text("input_audio_buffer.speech_started")]),
    st.just(wire.text("input_audio_buffer.committed", item_id="i9")),
    st.just(wire.text("conversation.item.created", item={"role": "user"})),
    st.just(wire.text("session.created")),
    st.just(wire.text("session.updated")),
)
COMMANDS: st.SearchStrategy[do.LinkCommand] = st.one_of(
    st.sampled_from([do.CommitInput(), do.ClearInput(), do.RequestResponse(), do.CancelResponse()]),
    st.sampled_from([do.SpeakText("Dinner."), do.AddUserText("Hello."), do.AddContext("Monday.")]),
    st.builds(do.TruncateReply, ITEMS, st.just(0), st.integers(-5, 5)),
    st.builds(do.AnswerCall, CALLS, st.just("ok"), st.booleans()),
)
STEPS = st.lists(st.one_of(MESSAGES, COMMANDS, st.none()), min_size=8, max_size=60)


@dataclass
class Watcher:
    """Sees all that the protocol reports and sends, and holds it to its promises."""

    asked: bool = False
    """A request is under way."""
    requests: int = 0
    newest: str = ""
    running: set[str] = field(default_factory=set)
    over: set[str] = field(default_factory=set)
    silenced: set[str] = field(default_factory=set)
    requested: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)

    def cancelled(self) -> None:
        """Note that everything that runs now was cancelled."""
        self.silenced |= self.running

    def saw(self, events: list[LinkEvent], texts: list[str]) -> None:
        """Check one step: what was reported in it, then what is sent after it."""
        for event in events:
            self._saw(event)
        for text in texts:
            self._sent(json.loads(text))

    def _saw(self, event: LinkEvent) -> None:
        match event:
            case ResponseBegan(response_id=response_id):
                assert response_id not in self.running | self.over
                self.running.add(response_id)
                self.newest = response_id
                self.asked = False
            case ResponseDenied():
                # While a response runs, only one that the server just began by itself can be denied.
                self.silenced |= {self.newest} & self.running
            case ReplyAudio() | ReplyAudioEnded() | ReplyTranscribed() | CallRequested():
                assert event.response_id in self.running - self.silenced
                if isinstance(event, CallRequested):
                    assert event.call_id not in self.requested
                    self.requested.add(event.call_id)
            case ResponseEnded(response_id="", error_code=code) if code and code != "unreadable":
                assert self.asked
                self.asked = False
            case ResponseEnded(response_id=response_id):
                self.running.remove(response_id)
                self.silenced.discard(response_id)
                self.over |= {response_id} - {""}
            case ServerComplained(kind=ErrorKind.BUSY):
                self.asked = False
            case _:
                pass

    def _sent(self, message: dict[str, object]) -> None:
        if message["type"] == "response.create":
            assert not self.asked
            assert not self.running
            self.asked = True
            self.requests += 1
        item = message.get("item")
        if isinstance(item, dict) and item["type"] == "function_call_output":
            assert item["call_id"] in self.requested - self.answered
            self.answered.add(item["call_id"])


@given(
    st.sampled_from(["none", "server_vad"]),
    st.sampled_from([OPENAI, BETA_STYLE]),
    st.lists(st.booleans(), max_size=5) | st.none(),
    STEPS,
)
def test_no_order_of_messages_and_commands_breaks_a_promise(
    detection: TurnDetection, dialect: Dialect, budget: list[bool] | None, steps: list[str | do.LinkCommand | None]
) -> None:
    """One request at a time, calls requested and answered once, nothing of a response after its end or cancel.

    And, with a budget, never a request that it did not allow; once it is used up, it denies all.
    """
    grants: list[bool] = []

    def allow(_kind: AskKind, _context: ContextSize) -> Allowance:
        assert budget is not None
        grants.append(bool(budget) and budget.pop())
        return Granted(100) if grants[-1] else Denied("spent")

    protocol = wire.started(detection, allow=None if budget is None else allow, dialect=dialect)
    watcher = Watcher()
    for step in steps:
        events: list[LinkEvent] = []
        if isinstance(step, str):
            events = protocol.receive(step)
        elif step is None:
            protocol.begin_user_turn()
            protocol.append(bytes(480))
        else:
            protocol.send(step)
        if isinstance(step, do.CancelResponse):
            watcher.cancelled()
        watcher.saw(events, protocol.data_to_send())
        assert budget is None or watcher.requests <= grants.count(True)
    assert {protocol.active_response} <= watcher.running | {None}


# -------------------------------------------------------------------------------------------------- a server that obeys


class Server:
    """Keeps the protocol's rules, answers late, and now and then makes a response of its own."""

    def __init__(self, dice: random.Random, *, makes_turns: bool) -> None:
        """Let `dice` decide whatever the rules leave open."""
        self.dice = dice
        self.makes_turns = makes_turns
        self.inbox: deque[str] = deque()
        self.outbox: deque[str] = deque()
        self.running: str | None = None
        self.created = 0
        self.refused = 0
        self.calls = 0
        self.outputs: list[str] = []

    def step(self) -> None:
        """Take a message, go on with the response, or begin one unasked."""
        if self.inbox and self.dice.random() < 0.6:
            self._take(json.loads(self.inbox.popleft()))
        elif self.running:
            self._go_on(self.running)
        elif self.makes_turns and self.dice.random() < 0.1:
            self._create()

    def _take(self, message: dict[str, object]) -> None:
        match message["type"]:
            case "response.create" if self.running:
                self.refused += 1
                event_id = message["event_id"] if self.dice.random() < 0.5 else None
                assert event_id is None or isinstance(event_id, str)
                self.outbox.append(wire.error("conversation_already_has_active_response", event_id=event_id))
            case "response.create":
                self._create()
            case "response.cancel" if self.running and message.get("response_id", self.running) == self.running:
                self._end("cancelled")
            case "response.cancel":
                self.outbox.append(wire.error("response_cancel_not_active"))
            case "conversation.item.create":
                item = message["item"]
                assert isinstance(item, dict)
                self.outputs.append(item["call_id"])
            case _:
                pass

    def _create(self) -> None:
        self.created += 1
        self.running = f"r{self.created}"
        self.outbox.append(wire.created(self.running))

    def _go_on(self, response_id: str) -> None:
        chance = self.dice.random()
        if chance < 0.4:
            self.outbox.append(wire.audio(response_id, f"{response_id}i", bytes(96)))
        elif chance < 0.6:
            self.calls += 1
            self.outbox.append(wire.item_done(response_id, wire.call_item(f"c{self.calls}")))
        else:
            self._end(self.dice.choice(["completed", "incomplete", "failed"]))

    def _end(self, status: str) -> None:
        assert self.running is not None
        self.outbox.append(wire.done(self.running, status))
        self.running = None


WISHES: tuple[do.LinkCommand, ...] = (
    do.RequestResponse(),
    do.RequestResponse(),
    do.SpeakText("Dinner."),
    do.CancelResponse(),
)


def converse(
    dice: random.Random, protocol: RealtimeProtocol, server: Server, open_calls: list[str], steps: int
) -> None:
    """Let messages cross on the way for a while, and answer calls at random."""
    for _ in range(steps):
        chance = dice.random()
        if chance < 0.4:
            server.step()
        elif chance < 0.8 and server.outbox:
            events = protocol.receive(server.outbox.popleft())
            assert not any(isinstance(event, SessionFailed) for event in events)
            open_calls += [event.call_id for event in events if isinstance(event, CallRequested)]
        elif open_calls:
            protocol.send(do.AnswerCall(open_calls.pop(dice.randrange(len(open_calls))), "ok"))
        server.inbox.extend(protocol.data_to_send())


@given(st.integers(0, 2**32), st.booleans())
def test_no_wish_is_lost_and_nothing_waits_for_ever(seed: int, makes_turns: bool) -> None:
    """With a server that obeys, the talk comes to rest, every call answered, and the next wish is served at once."""
    dice = random.Random(seed)
    protocol = wire.started("server_vad" if makes_turns else "none")
    server = Server(dice, makes_turns=makes_turns)
    open_calls: list[str] = []
    for _ in range(12):
        if dice.random() < 0.3:
            protocol.begin_user_turn()
        protocol.send(dice.choice(WISHES))
        server.inbox.extend(protocol.data_to_send())
        converse(dice, protocol, server, open_calls, dice.randrange(30))
    server.makes_turns = False
    for _ in range(200):
        converse(dice, protocol, server, open_calls, 20)
        if not (server.inbox or server.outbox or server.running or open_calls):
            break
    assert protocol.active_response is None
    assert len(server.outputs) == len(set(server.outputs))
    assert makes_turns or server.refused == 0
    before = server.created
    protocol.send(do.RequestResponse())
    server.inbox.extend(protocol.data_to_send())
    while server.inbox:
        server.step()
    assert server.created == before + 1
