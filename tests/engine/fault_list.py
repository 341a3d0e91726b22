"""The faults of the wire and of the server, one by one, and what is to come of each."""

import json
import socket
import ssl
from typing import Final

from hearthd.core.conversation.phases import SENDS_MAX
from tests.core.realtime import wire
from tests.engine import fault_ways as way
from tests.engine.faults import ANSWER, Fault, Tale

_RATE: Final = {"code": "rate_limit_exceeded", "message": "Rate limit reached. Please try again in 2s."}
_AGE: Final = "Your session hit the maximum duration of 60 minutes."
_ON: Final = '{"device": ["lamp"], "on": true}'
_BEGUN: Final = wire.created("r")
_DONE: Final = wire.done("r")


# What comes of faults


def _away(code: str, problem: str, words: str = "I cannot reach my server.", first: str = "close_1006") -> Tale:
    """Return the tale of a server that cannot be reached: a tone after ten seconds."""
    journal = (f"link_down/{first}", f"link_down/{code}", "trouble/link_unavailable")
    return Tale(
        "tone", ("link_unavailable",), problem, journal, f"{words} I am offline, but I can still run the house."
    )


def _mended(code: str, problem: str) -> Tale:
    """Return the tale of a connection that was lost and found before anybody missed it."""
    return Tale("answer", problem=problem, journal=(f"link_down/{code}",))


def _broken(code: str, problem: str) -> Tale:
    """Return the tale of an answer that broke off."""
    return Tale("part + tone", ("link_lost",), problem, (f"link_down/{code}", "trouble/link_lost"))


_ANSWERED: Final = Tale("answer")
_UNREADABLE: Final = Tale("answer", journal=("server_error/unreadable",))
_NO_ANSWER: Final = Tale("tone", ("no_answer",), journal=("trouble/no_answer",))
_OVERLOADED: Final = "My server has too much to do."
_IN_TROUBLE: Final = "My server has trouble of its own."
_LOGIN: Final = "The network here wants a login first."
_HOTEL: Final = "does the network want a login first, as in a hotel?"
_UNPROVEN: Final = "api.example.com cannot prove who it is"


# What the server says


def _certificate(verify_code: int) -> way.LinkError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = verify_code, "whatever"
    return way.opening(error)


def _name(number: int, words: str) -> way.LinkError:
    return way.opening(socket.gaierror(number, words))


def _speech(pcm: bytes, item: str = "i", delta_bytes: int = way.SLICE) -> list[str]:
    return [wire.audio("r", item, pcm[at : at + delta_bytes]) for at in range(0, len(pcm), delta_bytes)]


def _call(call_id: str, name: str = "set_switch", arguments: str = _ON) -> str:
    item = wire.call_item(call_id, item_id=f"item_{call_id}", name=name, arguments=arguments)
    return wire.item_done("r", item)


def _barred(name: str, error: way.LinkError, tale: Tale, after_s: float = 0.05) -> Fault:
    return Fault(name=name, befall=way.barred(error, after_s=after_s), lift=way.unbar, tale=tale)


def _said(name: str, *texts: str, tale: Tale = _ANSWERED) -> Fault:
    return Fault(name=name, befall=way.told(*texts), tale=tale)


def _said_first(name: str, *texts: str, tale: Tale = _ANSWERED) -> Fault:
    return Fault(name=name, befall=way.told_first(*texts), tale=tale)


NETWORK: Final = (
    _barred(
        "DNS: no such name",
        _name(-2, "Name or service not known"),
        _away(
            "dns",
            "no address is known for api.example.com: is the network up? (Name or service not known)",
            "I cannot find the internet.",
        ),
    ),
    _barred(
        "DNS: no answer",
        _name(-3, "Temporary failure in name resolution"),
        _away(
            "dns",
            "no address is known for api.example.com: is the network up? (Temporary failure in name resolution)",
            "I cannot find the internet.",
        ),
        after_s=5.0,
    ),
    Fault(
        name="DNS: an answer after 5 s",
        befall=way.slow(opening_s=5.0),
        lift=way.brisk,
        tale=_mended("close_1006", "the connection broke off"),
    ),
    _barred(
        "TCP: refused",
        way.opening(ConnectionRefusedError(111, "Connection refused")),
        _away("unreachable", "no connection to api.example.com: Connection refused"),
    ),
    Fault(
        name="TCP: reset in the middle of a frame",
        befall=way.in_the_answer(way.closing(None)),
        tale=_broken("close_1006", "the connection broke off"),
    ),
    Fault(
        name="TCP: black hole at rest",
        befall=way.swallowed,
        lift=way.mend,
        tale=_away("unreachable", "no way to the server", first="silent"),
    ),
    Fault(
        name="TCP: black hole in a turn",
        befall=way.swallowed_in_the_turn,
        lift=way.mend,
        tale=_away("unreachable", "no way to the server", first="silent"),
    ),
    # TCP sends again what was lost, so a loss of packets shows as lateness: deltas at 0.4 times the speed of speech.
    Fault(name="line: 30 % loss", befall=way.answered(pace_s=0.25), tale=_ANSWERED),
    Fault(
        name="line: 2 s there and back",
        befall=way.slow(opening_s=4.0, start_s=2.0, after_s=2.0),
        lift=way.brisk,
        tale=_mended("close_1006", "the connection broke off"),
    ),
    # Speech needs 512 kbit/s as base64: pings queue behind it, and the line looks dead each time that it is sent.
    Fault(
        name="line: 16 kbit/s",
        befall=way.narrow(2_000, opening_s=3.0),
        lift=way.brisk,
        tale=Tale(
            "tone",
            ("link_lost",),
            "the server gave no sign of life for 4 s",
            (*["link_down/silent"] * SENDS_MAX, "trouble/link_lost"),
            "I cannot reach my server. I am offline, but I can still run the house.",
        ),
    ),
    Fault(name="line: takes nothing for 4 s", befall=way.clogged, tale=_ANSWERED),
    _barred(
        "TLS: captive portal",
        _certificate(62),
        _away("login", f"{_UNPROVEN}: its certificate is for another name; {_HOTEL}", _LOGIN),
    ),
    _barred(
        "HTTP: captive portal",
        way.status(200, "<html>"),
        _away("login", f"api.example.com answered with a page; {_HOTEL}", _LOGIN),
    ),
    _barred(
        "TLS: certificate expired",
        _certificate(10),
        _away(
            "certificate",
            f"{_UNPROVEN}: its certificate has expired; "
            "if this machine's clock is right (timedatectl), it must renew it",
            "The server cannot prove who it is, so I do not talk to it.",
        ),
    ),
    _barred(
        "TLS: our clock is a year behind",
        _certificate(9),
        _away(
            "clock",
            f"{_UNPROVEN}: its certificate is not valid yet, so this machine's clock is wrong (timedatectl sets it)",
            "My clock seems to be wrong, so I cannot connect safely.",
        ),
    ),
)
"""Of the way to the server."""
SESSIONS: Final = (
    _barred(
        "HTTP 429: too many requests, with Retry-After",
        way.status(429, json.dumps({"error": _RATE}), Retry_After="3"),
        _away(
            "busy",
            f"the server has had too many requests from this key (HTTP 429): {_RATE['message']}",
            _OVERLOADED,
        ),
    ),
    _barred("HTTP 500", way.status(500), _away("failing", "the server failed (HTTP 500)", _IN_TROUBLE)),
    _barred("HTTP 503", way.status(503), _away("busy", "the server has too much to do (HTTP 503)", _OVERLOADED)),
    *(
        Fault(name=f"close {code or 1006} {when}", befall=befall(way.closing(code, reason)), tale=tale(named, problem))
        for code, reason, named, problem in (
            (1000, "", "close_1000", "the server said goodbye"),
            (1001, _AGE, "close_1001", f"the server went away, or ended the session for its age: {_AGE}"),
            (None, "", "close_1006", "the connection broke off"),
            (1011, "keepalive ping timeout", "failing", "the server failed: keepalive ping timeout"),
            (1012, "", "failing", "the server restarts"),
        )
        for when, befall, tale in (
            ("at rest", way.at_rest, _mended),
            ("before the answer", way.before_the_answer, _mended),
            ("in the answer", way.in_the_answer, _broken),
        )
    ),
    _said("session_expired", wire.error("session_expired", _AGE), tale=_mended("session_expired", _AGE)),
    Fault(
        name="no session.created",
        befall=way.no_session,
        lift=way.brisk,
        tale=_away("no_session", "the server started no session within 20 s"),
    ),
    Fault(name="no first delta", befall=way.silent, tale=_NO_ANSWER),
    _said(
        "one response is too many",
        _BEGUN,
        wire.done("r", "failed", status_details={"type": "failed", "error": _RATE}),
    ),
)
"""Of sessions: how they are refused for now, end, and stall."""
MESSAGES: Final = (
    Fault(name="deltas at 0.5x", befall=way.answered(pace_s=0.2), tale=_ANSWERED),
    Fault(name="deltas at 20x", befall=way.answered(pace_s=0.005), tale=_ANSWERED),
    _said("deltas of one byte", _BEGUN, *_speech(ANSWER[:4_800], delta_bytes=1), *_speech(ANSWER[4_800:]), _DONE),
    _said(
        "a delta of 1 MiB",
        _BEGUN,
        *_speech(ANSWER * 22, delta_bytes=1 << 21),
        _DONE,
        tale=Tale("22 answers"),
    ),
    _said("deltas before their response", *_speech(ANSWER), _BEGUN, _DONE),
    _said("deltas after their response", _BEGUN, *_speech(ANSWER), _DONE, *_speech(ANSWER)),
    _said("deltas of an item that nobody announced", _BEGUN, *_speech(ANSWER, item="nobody"), _DONE),
    _said("everything but the sound twice", _BEGUN, _BEGUN, *_speech(ANSWER), _DONE, _DONE),
    _said_first(
        "no base64",
        wire.text("response.output_audio.delta", response_id="x", item_id="i", delta="%%%"),
        tale=_UNREADABLE,
    ),
    _said_first("malformed JSON", "{", "[]", '{"type": 7}', tale=_UNREADABLE),
    _said_first("malformed UTF-8, binary", b"\xff\xfe{}".decode("utf-8", "replace"), tale=_UNREADABLE),
    Fault(
        name="malformed UTF-8, text",
        befall=way.before_the_answer(way.our_closing(1007)),
        tale=_mended("close_1007", "the server broke the rules of WebSocket"),
    ),
    Fault(
        name="a frame beyond max_size",
        befall=way.before_the_answer(way.our_closing(1009)),
        tale=_mended("close_1009", "the server sent a message that is too large"),
    ),
    _said_first("an unknown event", wire.text("response.nobody_knows_this", depth=[1])),
    _said("a call with bad JSON", _BEGUN, _call("c1", arguments='{"device": ["lamp"'), _DONE),
    _said("a call of an unknown function", _BEGUN, _call("c1", name="launch"), _DONE),
    _said(
        "a call told three times",
        _BEGUN,
        _call("c1"),
        _call("c1"),
        wire.arguments_done("r", "c1", name="set_switch", arguments=_ON),
        _DONE,
        tale=Tale("answer", commands=1),
    ),
    Fault(name="a call after its response was cancelled", befall=way.called_late(_call("c1")), tale=Tale("part")),
    _said("200 calls at once", _BEGUN, *(_call(f"c{n}") for n in range(200)), _DONE, tale=Tale("answer", commands=72)),
    _said(
        "response.done is missing",
        _BEGUN,
        *_speech(ANSWER),
        tale=Tale("answer + tone", ("no_answer",), journal=("trouble/no_answer",)),
    ),
    _said(
        "response.done is unreadable",
        _BEGUN,
        *_speech(ANSWER),
        wire.text("response.done", response=7),
        tale=Tale("answer", ("unreadable",), journal=("server_error/unreadable", "trouble/unreadable")),
    ),
    _said("nothing but response.done", _DONE, tale=Tale("nothing")),
)
"""Of what the server says."""
FAULTS: Final = (*NETWORK, *SESSIONS, *MESSAGES)
