"""What `websockets`, TLS, DNS and HTTP have to complain about, as the port's two errors in plain words."""

import json
import os
import re
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Final, NamedTuple

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidURI,
    ProxyError,
)
from websockets.http11 import Response

from hearthd.core.plain_text import one_line, shortened
from hearthd.core.realtime.complaints import ErrorKind, kind_of
from hearthd.core.realtime.server_messages import ErrorBody
from hearthd.ports import LinkRefused, LinkUnavailable

LinkError = LinkRefused | LinkUnavailable

_SHOWN_CHARACTERS: Final = 200
"""How much of an HTTP answer is repeated: the sentence that matters, not a web page."""
_SHORTEST_SECRET: Final = 8
"""Header values shorter than this are words, and blotting them out would garble the text."""
_POLICY_VIOLATION: Final = 1008
_ABNORMAL_CLOSURE: Final = 1006
_FIRST_PRIVATE_CLOSE: Final = 3000
_REASON: Final = re.compile(r"[a-z_]+\.([a-z_]+)")
"""OpenAI's close reason is `<error type>.<error code>`."""

_STATUS_WORDS: Final = {
    400: "the server calls the request malformed; check realtime.url, realtime.model and realtime.headers",
    401: "the server does not accept the API key",
    402: "the server wants to be paid first",
    403: "the server forbids it; the key may lack the right, or the country may not be served",
    404: "the server knows no such address or model; check realtime.url and realtime.model",
    405: "this address does not speak WebSocket; check realtime.url",
    407: "the proxy wants a user name and a password",
    426: "this address does not speak WebSocket; check realtime.url",
    429: "the server has had too many requests from this key",
    500: "the server failed",
    502: "the server failed",
    503: "the server has too much to do",
    504: "the server failed",
    511: "the network wants a login first, as in a hotel",
}
_NO_CREDIT: Final = "insufficient_quota"
_OF_MONEY: Final = re.compile("quota|billing|credit", re.IGNORECASE)
_NO_CREDIT_WORDS: Final = "the account with the server has no credit left"
_CODE_OF_STATUS: Final = {407: "proxy", 429: "busy", 503: "busy", 511: "login"}
_CODE_OF_CLOSE: Final = {1011: "failing", 1012: "failing", 1013: "busy"}
_CLOSE_WORDS: Final = {
    1000: "the server said goodbye",
    1001: "the server went away, or ended the session for its age",
    1005: "the server said goodbye without a reason",
    1008: "the server calls it a violation of its rules",
    1009: "the server found a message of ours too large",
    1011: "the server failed",
    1012: "the server restarts",
    1013: "the server is overloaded",
}
_OUR_CLOSE_WORDS: Final = {
    1000: "hearthd closed the connection",
    1009: "the server sent a message that is too large",
}
"""Codes with which this side gave up."""
_LOGIN_WORDS: Final = "does the network want a login first, as in a hotel?"
_PROXY_WORDS: Final = "the proxy that the environment names (https_proxy) cannot be used:"
_PROXY_FORM: Final = "expected an address such as http://proxy.lan:3128, with a password if there is a user name"
_NO_ADDRESS_WORDS: Final = "realtime.url, or the proxy that the environment names (https_proxy), is no usable address"
_CERTIFICATE_WORDS: Final = {
    9: ("clock", "its certificate is not valid yet, so this machine's clock is wrong (timedatectl sets it)"),
    10: (
        "certificate",
        "its certificate has expired; if this machine's clock is right (timedatectl), it must renew it",
    ),
    18: ("certificate", f"its certificate is self-signed; {_LOGIN_WORDS}"),
    62: ("login", f"its certificate is for another name; {_LOGIN_WORDS}"),
    64: ("login", f"its certificate is for another address; {_LOGIN_WORDS}"),
}
"""The outage's code and words by OpenSSL's verify code (`x509_vfy.h`)."""


def from_opening(error: Exception, host: str, secrets: Sequence[str]) -> LinkError:  # noqa: PLR0911 - a table.
    """Translate what went wrong while connecting to `host`; never raises.

    Neither one of the `secrets` nor the address of a proxy, which may hold a password, appears in the text. An error
    that nobody foresaw is an outage too, named by its type: it came of what a stranger sent.
    """
    match error:
        case InvalidStatus(response=response):
            return _from_status(response, host, secrets)
        case InvalidProxyStatus(response=response):
            problem = f"the proxy answered {response.status_code} instead of connecting to {host}"
            return LinkUnavailable(problem, code="proxy")
        case ssl.SSLCertVerificationError():
            unknown = ("certificate", f"its certificate is not trusted: {error.verify_message}")
            code, words = _CERTIFICATE_WORDS.get(error.verify_code, unknown)
            return LinkUnavailable(f"{host} cannot prove who it is: {words}", code=code)
        case ssl.SSLError():
            return LinkUnavailable(f"{host} does not speak TLS as it should: {error.reason or error}")
        case socket.gaierror():
            problem = f"no address is known for {host}: is the network up? ({error.strerror})"
            return LinkUnavailable(problem, code="dns")
        case TimeoutError():
            return LinkUnavailable(f"no answer from {host} in time", code="unreachable")
        case OSError():
            return LinkUnavailable(f"no connection to {host}: {_reason(error)}", code="unreachable")
        case InvalidProxy():
            return LinkUnavailable(f"{_PROXY_WORDS} {_PROXY_FORM}", code="proxy")
        case ProxyError() | ImportError():
            return LinkUnavailable(f"{_PROXY_WORDS} {_quoted(str(error), secrets)}", code="proxy")
        case InvalidURI() | ValueError():
            return LinkRefused("invalid_url", _NO_ADDRESS_WORDS)
        case InvalidHandshake():
            return LinkUnavailable(f"{host} does not answer as a WebSocket server: {_quoted(str(error), secrets)}")
        case _:
            detail = _quoted(f"{type(error).__name__}: {error}", secrets)
            return LinkUnavailable(f"connecting to {host} failed in an unforeseen way: {detail}")


def from_closing(closed: ConnectionClosed) -> LinkError:
    """Translate the end of an open connection.

    With 1008 and the codes from 3000 on the server says that another attempt would end the same way.
    """
    if closed.rcvd is not None and closed.rcvd_then_sent is not False:
        return _from_goodbye(closed.rcvd.code, closed.rcvd.reason)
    if closed.sent is not None:
        words = _OUR_CLOSE_WORDS.get(closed.sent.code, "the server broke the rules of WebSocket")
        return LinkUnavailable(_with_detail(words, closed.sent.reason), close_code=closed.sent.code)
    return LinkUnavailable("the connection broke off", close_code=_ABNORMAL_CLOSURE)


def _from_goodbye(code: int, reason: str) -> LinkError:
    words = _with_detail(_CLOSE_WORDS.get(code, f"the server ended the connection with code {code}"), reason)
    if code != _POLICY_VIOLATION and code < _FIRST_PRIVATE_CLOSE:
        return LinkUnavailable(words, code=_CODE_OF_CLOSE.get(code, ""), close_code=code)
    named = _REASON.fullmatch(reason)
    return LinkRefused(named[1] if named else f"close_{code}", words)


def _from_status(response: Response, host: str, secrets: Sequence[str]) -> LinkError:
    status = response.status_code
    body = _read_body(response, secrets)
    words = _STATUS_WORDS.get(status)
    named = f"{words} (HTTP {status})" if words else f"{host} answered HTTP {status}"
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return LinkUnavailable(f"{host} answered with a page; {_LOGIN_WORDS}", code="login")
    if status < HTTPStatus.BAD_REQUEST:
        place = _quoted(_first(response, "Location"), secrets) or "another address"
        return LinkRefused(f"http_{status}", f"{host} sends us on to {place}; write that into realtime.url")
    if status == HTTPStatus.TOO_MANY_REQUESTS and (body.refuses or _OF_MONEY.search(body.text)):
        code = body.code if body.refuses else _NO_CREDIT
        return LinkRefused(code, _with_detail(f"{_NO_CREDIT_WORDS} (HTTP {status})", body.text))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in {407, 408, 429}:
        code = _CODE_OF_STATUS.get(status, "" if status == HTTPStatus.REQUEST_TIMEOUT else "failing")
        return LinkUnavailable(_with_detail(named, body.text), code=code, retry_after_s=_retry_after_s(response))
    return LinkRefused(body.code if body.refuses else f"http_{status}", _with_detail(named, body.text))


class _Body(NamedTuple):
    """What the body of an HTTP error says."""

    text: str
    """The sentence, in one line: the message of JSON, or the text if it is no web page."""
    code: str = ""

    @property
    def refuses(self) -> bool:
        """Whether the code is one with which servers refuse."""
        return kind_of(ErrorBody(code=self.code)) is ErrorKind.REFUSED


def _read_body(response: Response, secrets: Sequence[str]) -> _Body:
    text, code = (response.body or b"").decode("utf-8", "replace").strip(), ""
    with suppress(ValueError, RecursionError):  # Not JSON, or none that is worth reading.
        text, code = _read_json(text)
    return _Body("") if text.startswith("<") else _Body(_quoted(text, secrets), code)


def _read_json(text: str) -> tuple[str, str]:
    """Return the sentence and the code of an error in JSON; raises `ValueError` or `RecursionError`."""
    answer, code = json.loads(text), ""
    if not isinstance(answer, dict):
        return text, ""
    error = answer.get("error", answer.get("detail", answer.get("message", "")))
    if isinstance(error, dict):
        code = str(error.get("code") or "")
        error = error.get("message", "")
    return str(error), code


def _quoted(text: str, secrets: Sequence[str]) -> str:
    """Return what a server said in one line, not too long, and without our secrets."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return shortened(one_line(text), _SHOWN_CHARACTERS)


def _first(response: Response, header: str) -> str:
    """Return the value of a header, the first one where a server sends several; empty if there is none."""
    return next(iter(response.headers.get_all(header)), "")


def _retry_after_s(response: Response) -> float | None:
    # The other form of the header is a date, and a machine without a clock battery cannot count from dates.
    wish = _first(response, "Retry-After")
    return float(wish) if wish.isdecimal() else None


def _reason(error: OSError) -> str:
    """Say why in the system's words; asyncio packs the errors of several addresses into one text."""
    numbers = [error.errno] if error.errno else [int(number) for number in re.findall(r"\[Errno (\d+)\]", str(error))]
    return ", ".join(dict.fromkeys(os.strerror(number) for number in numbers)) or str(error) or "it hung up"


def _with_detail(words: str, detail: str) -> str:
    shown = one_line(detail)
    return f"{words}: {shown}" if shown else words
