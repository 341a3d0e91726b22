"""A strict, scripted Realtime server for tests and benchmarks.

    scenario = Scenario(replies=[reply(Call("set_light", {"on": True})), reply(Speech(tone(800), "Done."))])
    async with RealtimeDouble(scenario) as server:
        ...  # a client connects to server.url
        turn = await server.turn(1)
        server.assert_complete()

As a process of its own: `python -m tests.doubles.realtime --scenario demo`.
"""

from tests.doubles.realtime import frames, refusals
from tests.doubles.realtime.dialects import Dialect
from tests.doubles.realtime.record import (
    Cancel,
    Event,
    Handshake,
    Record,
    ResponseRecord,
    SentItem,
    SessionRecord,
    Truncation,
    UserTurn,
    Violation,
    now_s,
)
from tests.doubles.realtime.scenario import (
    Accept,
    CloseFirst,
    ErrorFirst,
    HttpRefusal,
    Opening,
    Quirks,
    Scenario,
    ServerError,
    Silence,
)
from tests.doubles.realtime.script import (
    BURST,
    Broken,
    Call,
    Cancelled,
    Completed,
    Delivery,
    Failed,
    FunctionOutput,
    Gap,
    Incomplete,
    Intrusion,
    Part,
    Reply,
    Responder,
    ResponseRequest,
    Speech,
    Stalled,
    Text,
    reply,
)
from tests.doubles.realtime.server import RealtimeDouble

__all__ = [
    "BURST",
    "Accept",
    "Broken",
    "Call",
    "Cancel",
    "Cancelled",
    "CloseFirst",
    "Completed",
    "Delivery",
    "Dialect",
    "ErrorFirst",
    "Event",
    "Failed",
    "FunctionOutput",
    "Gap",
    "Handshake",
    "HttpRefusal",
    "Incomplete",
    "Intrusion",
    "Opening",
    "Part",
    "Quirks",
    "RealtimeDouble",
    "Record",
    "Reply",
    "Responder",
    "ResponseRecord",
    "ResponseRequest",
    "Scenario",
    "SentItem",
    "ServerError",
    "SessionRecord",
    "Silence",
    "Speech",
    "Stalled",
    "Text",
    "Truncation",
    "UserTurn",
    "Violation",
    "frames",
    "now_s",
    "refusals",
    "reply",
]
