"""What only the real WebSocket can get wrong: addresses, headers, TLS, HTTP answers, silence, limits."""

import asyncio
import http
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import (
    ConnectionClosedError,
    InvalidProxy,
    InvalidProxyMessage,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidURI,
)
from websockets.frames import Close
from websockets.http11 import Request, Response

from hearthd.adapters import websocket
from hearthd.adapters.websocket import WebSocketTransport
from hearthd.adapters.websocket_errors import from_closing, from_opening
from hearthd.core.settings import RealtimeSettings, Secret
from hearthd.ports import LinkRefused, LinkUnavailable
from tests.doubles.certificates import issue

pytestmark = pytest.mark.timeout(20)

KEY = "sk-test-0123456789"


def transport(url: str, *, key: str = KEY, model: str = "m", **headers: str) -> WebSocketTransport:
    """Make the transport as the settings would."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return WebSocketTransport(RealtimeSettings(url=url, model=model, headers=named), Secret(key))


async def refusal(link: WebSocketTransport) -> LinkRefused | LinkUnavailable:
    """Connect, which must fail, and return how."""
    with pytest.raises((LinkRefused, LinkUnavailable)) as failed:
        async with link.connect():
            pass
    error = failed.value
    assert isinstance(error, LinkRefused | LinkUnavailable)
    assert KEY not in str(error)
    return error


@asynccontextmanager
async def server(
    answer: Callable[[ServerConnection, Request], Response | None] | None = None,
    handler: Callable[[ServerConnection], Awaitable[None]] = ServerConnection.wait_closed,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[str]:
    """Serve on a free port of loopback; yields host and port."""
    async with serve(
        handler, "127.0.0.1", 0, process_request=answer, ssl=tls, ping_interval=None, close_timeout=0.1
    ) as serving:
        yield f"127.0.0.1:{serving.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def raw_server(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """Serve plain TCP; yields host and port."""
    finished = asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await talk(reader, writer)
        await finished.wait()
        writer.close()

    serving = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{serving.sockets[0].getsockname()[1]}"
    finally:
        finished.set()
        serving.close()
        await serving.wait_closed()


# ------------------------------------------------------------------------------------------------------ the request


async def request_of(link_to: Callable[[str], WebSocketTransport]) -> Request:
    """Connect once and return what the server was asked."""
    asked: list[Request] = []

    def note(_: ServerConnection, request: Request) -> None:
        asked.append(request)

    async with server(note) as address, link_to(address).connect():
        pass
    return asked[0]


@pytest.mark.parametrize(
    ("url", "model", "path"),
    [
        ("ws://{}/v1/realtime", "gpt x", "/v1/realtime?model=gpt%20x"),
        ("ws://{}/v1?api-version=2", "m", "/v1?api-version=2&model=m"),
        ("ws://{}/v1?model=theirs&x=1", "ours", "/v1?model=theirs&x=1"),
        ("ws://{}/v1?model=", "ours", "/v1?model="),
        ("ws://{}", "", "/"),
    ],
)
async def test_the_model_joins_the_query_unless_the_address_has_one(url: str, model: str, path: str) -> None:
    """Whatever stands in the address stays there."""
    assert (await request_of(lambda at: transport(url.format(at), model=model))).path == path


@pytest.mark.parametrize(
    ("dialect", "path"), [("openai", "/v1/realtime"), ("azure", "/openai/v1/realtime"), ("auto", "/")]
)
async def test_an_address_without_a_path_gets_that_of_the_server_s_kind(dialect: str, path: str) -> None:
    """The host alone is what people know; of a server that nobody knows, nothing is guessed."""

    def link(at: str) -> WebSocketTransport:
        return WebSocketTransport(RealtimeSettings(url=f"ws://{at}", model="", dialect=dialect), Secret(""))  # type: ignore[arg-type]

    assert (await request_of(link)).path == path


async def test_the_key_goes_as_bearer_and_nothing_asks_for_compression() -> None:
    """The request carries what the server needs and no beta header."""
    headers = (await request_of(lambda at: transport(f"ws://{at}"))).headers
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert headers["User-Agent"].startswith("hearthd/")
    assert "Sec-WebSocket-Extensions" not in headers
    assert "OpenAI-Beta" not in headers


async def test_without_a_key_nothing_is_said_about_it() -> None:
    """A server on this machine gets no empty Authorization."""
    assert "Authorization" not in (await request_of(lambda at: transport(f"ws://{at}", key=""))).headers


async def test_the_key_goes_where_the_server_s_kind_looks_for_it() -> None:
    """Azure is told by its address or named by the owner; then nothing goes as Bearer."""

    def azure(at: str) -> WebSocketTransport:
        return WebSocketTransport(RealtimeSettings(url=f"ws://{at}", dialect="azure"), Secret(KEY))

    headers = (await request_of(azure)).headers
    assert headers["api-key"] == KEY
    assert "Authorization" not in headers


async def test_a_header_of_ones_own_takes_the_place_of_bearer() -> None:
    """As Azure wants it, with the secret for the placeholder; other headers leave Bearer alone."""
    azure = await request_of(lambda at: transport(f"ws://{at}", api_key="{openai_api_key}", X_A="b"))
    assert (azure.headers["api-key"], azure.headers["X-A"]) == (KEY, "b")
    assert "Authorization" not in azure.headers
    other = await request_of(lambda at: transport(f"ws://{at}", OpenAI_Project="p"))
    assert (other.headers["OpenAI-Project"], other.headers["Authorization"]) == ("p", f"Bearer {KEY}")


@pytest.mark.parametrize(("suffix", "path"), [("", "/v1/realtime?model=m"), (":/other?x=1", "/other?x=1&model=m")])
async def test_a_unix_socket_is_spoken_to(tmp_path: Path, suffix: str, path: str) -> None:
    """The path behind the colon is asked for, else the usual one."""
    asked: list[str] = []

    def note(_: ServerConnection, request: Request) -> None:
        asked.append(request.path)

    address = tmp_path / "server.sock"
    async with (
        serve(ServerConnection.wait_closed, unix=True, path=str(address), process_request=note),
        transport(f"ws+unix://{address}{suffix}").connect(),
    ):
        assert asked == [path]


async def test_loopback_needs_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stays on this machine is not carried to the proxy of the environment."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    await request_of(lambda at: transport(f"ws://{at}"))


async def test_everything_else_takes_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that cannot be used is named as such."""
    asked = asyncio.Event()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readline()) == b"CONNECT api.example.com:443 HTTP/1.1\r\n"
        asked.set()
        writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    async with raw_server(refuse) as address:
        monkeypatch.setenv("https_proxy", f"http://{address}")
        error = await refusal(transport("wss://api.example.com/"))
    assert asked.is_set()
    assert str(error) == "the proxy answered 403 instead of connecting to api.example.com"


async def test_small_messages_leave_at_once() -> None:
    """Nagle's algorithm would hold an audio block back until the last one is acknowledged."""
    async with server() as address, transport(f"ws://{address}").connect() as link:
        raw: socket.socket = link._socket.transport.get_extra_info("socket")
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


async def test_the_key_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Not even with everything at DEBUG, where the library writes down every header."""
    caplog.set_level(logging.DEBUG)
    async with server() as address, transport(f"ws://{address}").connect() as link:
        await link.send("spoken words")
    told = [record.getMessage() for record in caplog.records if record.name != "websockets.server"]
    assert [message for message in told if KEY in message or "spoken words" in message] == []


# ------------------------------------------------------------------------------------------------------ HTTP answers


def answering(status: int, body: str = "", **headers: str) -> Callable[[ServerConnection, Request], Response]:
    """Answer every request so."""
    fields = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    fields["Content-Length"] = str(len(body.encode()))
    phrase = http.HTTPStatus(status).phrase
    return lambda _, __: Response(status, phrase, fields, body.encode())


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 402, 403, 404, 405, 410, 426])
async def test_a_no_of_http_is_a_refusal(status: int) -> None:
    """Trying again soon would not help; the code names the status."""
    async with server(answering(status, Location="wss://elsewhere.example.com/")) as address:
        error = await refusal(transport(f"ws://{address}"))
    assert isinstance(error, LinkRefused)
    assert error.code == f"http_{status}"


@pytest.mark.parametrize("status", [200, 407, 408, 429, 500, 502, 503, 504, 511])
async def test_what_may_pass_is_an_outage(status: int) -> None:
    """Load, faults, portals and proxies come and go."""
    async with server(answering(status)) as address:
        assert isinstance(await refusal(transport(f"ws://{address}")), LinkUnavailable)


@pytest.mark.parametrize(
    ("wish", "delay_s"), [("17", 17.0), ("", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None)]
)
@pytest.mark.parametrize("status", [429, 503])
async def test_the_wish_of_the_server_when_to_retry_is_handed_on(status: int, wish: str, delay_s: float | None) -> None:
    """Seconds are honoured; a date is not, since the clock of this machine may be wrong."""
    async with server(answering(status, Retry_After=wish)) as address:
        error = await refusal(transport(f"ws://{address}"))
    assert isinstance(error, LinkUnavailable)
    assert error.retry_after_s == delay_s


@pytest.mark.parametrize("status", [429, 503])
async def test_of_a_wish_that_comes_twice_the_first_counts(status: int) -> None:
    """Proxies on the way add headers of their own; HTTP forbids it, and servers do it."""
    fields = Headers([("Retry-After", "17"), ("Retry-After", "5"), ("Content-Length", "0")])
    async with server(lambda _, __: Response(status, "x", fields)) as address:
        error = await refusal(transport(f"ws://{address}"))
    assert isinstance(error, LinkUnavailable)
    assert error.retry_after_s == 17.0


async def test_an_empty_account_is_a_refusal_although_it_comes_as_429() -> None:
    """Only money helps, so that nothing is gained by trying again soon."""
    body = '{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}'
    async with server(answering(429, body)) as address:
        error = await refusal(transport(f"ws://{address}"))
    assert isinstance(error, LinkRefused)
    assert (error.code, error.problem) == (
        "insufficient_quota",
        "the account with the server has no credit left (HTTP 429): You exceeded your current quota",
    )


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ('{"error": {"message": "Wrong  key\\n sk-test-0123456789"}}', ": Wrong key ***"),
        ('{"error": "no"}', ": no"),
        ('{"detail": "no"}', ": no"),
        ('{"message": "no"}', ": no"),
        ("[1]", ": [1]"),
        ("plain words", ": plain words"),
        ("x" * 300, ": " + "x" * 199 + "…"),
        ("[" * 100_000, ": " + "[" * 199 + "…"),
        ('{"error": ' * 20_000 + "1" + "}" * 20_000, ": " + '{"error": ' * 19 + '{"error":…'),
        ("9" * 5_000, ": " + "9" * 199 + "…"),
        ('{"error": {"message": "two\\u0000\\ud800words"}}', ": two words"),
        ("up\0stream\x1b[0m", ": up stream [0m"),
        ("<!DOCTYPE html><p>no", ""),
        ("", ""),
    ],
)
async def test_the_sentence_of_an_error_body_is_repeated_and_nothing_else(body: str, detail: str) -> None:
    """JSON's message, or a plain text; no web page, and never the key."""
    async with server(answering(401, body)) as address:
        error = await refusal(transport(f"ws://{address}", X_A="no"))
    assert str(error) == f"http_401: the server does not accept the API key (HTTP 401){detail}"


async def test_a_redirect_is_not_followed() -> None:
    """The key goes where the owner said, and nowhere else."""
    asked: list[Request] = []

    def note(_: ServerConnection, request: Request) -> None:
        asked.append(request)

    async with server(note) as elsewhere, server(answering(302, Location=f"ws://{elsewhere}/")) as address:
        error = await refusal(transport(f"ws://{address}", api_key=KEY))
    assert asked == []
    assert f"sends us on to ws://{elsewhere}/; write that into realtime.url" in str(error)


async def test_of_two_ways_on_the_first_is_told_without_what_cannot_be_shown() -> None:
    """What stands in the header goes to the journal, to MQTT and to systemd."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: wss://a\xff/\r\nLocation: wss://b/\r\nContent-Length: 0\r\n\r\n")

    async with raw_server(answer) as address:
        error = await refusal(transport(f"ws://{address}"))
    assert str(error) == "http_302: 127.0.0.1 sends us on to wss://a /; write that into realtime.url"


async def test_what_is_no_web_server_is_told() -> None:
    """Another protocol on that port, and a peer that hangs up."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com ESMTP\r\n\r\n")
        writer.close()

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    for talk in (greet, hang_up):
        async with raw_server(talk) as address:
            error = await refusal(transport(f"ws://{address}"))
        assert isinstance(error, LinkUnavailable)
        assert "does not answer as a WebSocket server" in str(error)


# ------------------------------------------------------------------------------------------------- network and TLS


async def test_nobody_listening_is_told() -> None:
    """With all addresses of a name tried, the reason stands there once."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        for host in ("127.0.0.1", "localhost"):
            error = await refusal(transport(f"ws://{host}:{port}"))
            assert str(error) == f"no connection to {host}: Connection refused"
            assert isinstance(error, LinkUnavailable)


async def test_a_missing_unix_socket_is_told(tmp_path: Path) -> None:
    """The server may come up later, so it is an outage."""
    error = await refusal(transport(f"ws+unix://{tmp_path}/absent.sock"))
    assert str(error) == "no connection to localhost: No such file or directory"


async def test_an_unknown_name_is_told() -> None:
    """`.invalid` never exists (RFC 2606)."""
    error = await refusal(transport("wss://realtime.invalid/"))
    assert str(error).startswith("no address is known for realtime.invalid: is the network up?")


async def test_a_server_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connecting has a deadline."""
    monkeypatch.setattr(websocket, "OPEN_S", 0.05)

    async def say_nothing(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        pass

    async with raw_server(say_nothing) as address:
        error = await refusal(transport(f"ws://{address}"))
    assert str(error) == "no answer from 127.0.0.1 in time"


async def test_tls_is_spoken_and_the_server_must_prove_who_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trusted certificate opens, an unknown authority does not, nor one for another name."""
    issued = issue(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate_file, issued.key_file)
    async with server(tls=context) as address:
        unknown = await refusal(transport(f"wss://{address}"))
        monkeypatch.setenv("SSL_CERT_FILE", str(issued.ca_file))
        async with transport(f"wss://{address}").connect() as link:
            await link.send("hello")
        other_name = await refusal(transport(f"wss://{address.replace('127.0.0.1', '127.0.0.2')}"))
        plain = await refusal(transport(f"ws://{address}"))
    assert str(unknown).startswith("127.0.0.1 cannot prove who it is: its certificate is not trusted: ")
    assert isinstance(other_name, LinkUnavailable)
    assert isinstance(plain, LinkUnavailable)


async def test_a_server_without_tls_is_told() -> None:
    """`wss://` to a plain port."""

    async def answer_plainly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with raw_server(answer_plainly) as address:
        error = await refusal(transport(f"wss://{address}"))
    assert "127.0.0.1 does not speak TLS as it should: " in str(error)


@pytest.mark.parametrize(
    ("verify_code", "code", "words"),
    [
        (9, "clock", "this machine's clock is wrong"),
        (10, "certificate", "has expired"),
        (18, "certificate", "self-signed"),
        (20, "certificate", "is not trusted: whatever"),
        (62, "login", "does the network want a login first"),
        (64, "login", "does the network want a login first"),
    ],
)
def test_a_certificate_that_is_refused_leads_to_its_likely_cause(verify_code: int, code: str, words: str) -> None:
    """A Pi without a clock battery, and a portal in between, are told apart from a stranger."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = verify_code
    error.verify_message = "whatever"
    told = from_opening(error, "host", [])
    assert (told.code, words in str(told)) == (code, True)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (socket.gaierror(-2, "Name or service not known"), "dns"),
        (TimeoutError(), "unreachable"),
        (ConnectionRefusedError(111, "Connection refused"), "unreachable"),
        (InvalidProxy("x", "y"), "proxy"),
        (InvalidStatus(Response(200, "OK", Headers(), b"<html>")), "login"),
        (InvalidStatus(Response(511, "Network Authentication Required", Headers())), "login"),
        (InvalidStatus(Response(407, "Proxy Authentication Required", Headers())), "proxy"),
        (InvalidStatus(Response(408, "Request Timeout", Headers())), ""),
        (InvalidProxyStatus(Response(403, "Forbidden", Headers())), "proxy"),
    ],
)
def test_what_somebody_can_mend_is_named(error: Exception, code: str) -> None:
    """For the sentence that is spoken, and for machines."""
    assert from_opening(error, "host", []).code == code


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidProxy("x", "y"), LinkUnavailable),
        (InvalidProxyMessage("x"), LinkUnavailable),
        (ImportError("python-socks"), LinkUnavailable),
        (InvalidURI("x", "y"), LinkRefused),
        (UnicodeError("idna"), LinkRefused),
        (OSError("odd"), LinkUnavailable),
    ],
)
def test_every_other_failure_to_connect_has_its_kind(error: Exception, kind: type[Exception]) -> None:
    """Proxies come and go, an address that cannot be used stays so."""
    assert isinstance(from_opening(error, "host", []), kind)


def test_an_error_that_nobody_foresaw_is_an_outage_with_its_name() -> None:
    """The next attempt may be luckier, and whoever reads the journal knows what to look for."""
    error = from_opening(LookupError(f"odd\0header {KEY}"), "host", [KEY])
    assert isinstance(error, LinkUnavailable)
    assert error.problem == "connecting to host failed in an unforeseen way: LookupError: odd header ***"


@pytest.mark.parametrize(
    ("proxy", "code"),
    [
        ("house:hunter2@proxy.lan:3128", "proxy"),
        ("http://house:hunter2@proxy.lan:3128/path", "proxy"),
        ("http://proxy.lan:hunter2", "invalid_url"),
        ("http://house:hunter2@proxy..lan:3128", "invalid_url"),
    ],
)
async def test_the_password_of_a_proxy_is_never_told(proxy: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However its address is misspelled, the owner learns where to look and the journal learns no secret."""
    monkeypatch.setenv("https_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    error = await refusal(transport("wss://api.example.com/"))
    assert error.code == code
    assert "https_proxy" in error.problem
    assert "hunter2" not in str(error)


# ------------------------------------------------------------------------------------------------ an open connection


async def test_a_lost_connection_is_an_outage() -> None:
    """No goodbye: code 1006."""

    async def vanish(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with server(handler=vanish) as address, transport(f"ws://{address}").connect() as link:
        with pytest.raises(LinkUnavailable) as lost:
            await anext(link.receive())
    assert (lost.value.problem, lost.value.close_code) == ("the connection broke off", 1006)


async def test_a_peer_that_went_silent_gives_no_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """TCP would hold a half-open connection for hours; whoever asked decides how long to wait."""
    monkeypatch.setattr(websocket, "CLOSE_S", 0.05)

    async def freeze(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await connection.wait_closed()

    async with server(handler=freeze) as address, transport(f"ws://{address}").connect() as link:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await link.ping()


async def test_a_message_over_the_limit_ends_the_connection_in_plain_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Memory is bounded, whatever a server sends."""
    monkeypatch.setattr(websocket, "MAX_MESSAGE_BYTES", 1000)

    async def flood(connection: ServerConnection) -> None:
        await connection.send("x" * 1001)
        await connection.wait_closed()

    async with server(handler=flood) as address, transport(f"ws://{address}").connect() as link:
        with pytest.raises(LinkUnavailable, match="the server sent a message that is too large"):
            await anext(link.receive())


async def test_json_in_binary_frames_is_understood() -> None:
    """Broken text in them is handed on as such and never ends the connection."""

    async def speak(connection: ServerConnection) -> None:
        await connection.send(b'{"type":"x"}')
        await connection.send(b"\xff")
        await connection.wait_closed()

    async with server(handler=speak) as address, transport(f"ws://{address}").connect() as link:
        arriving = link.receive()
        assert [await anext(arriving), await anext(arriving)] == ['{"type":"x"}', "\N{REPLACEMENT CHARACTER}"]


async def test_a_burst_in_both_directions_does_not_lock_up() -> None:
    """More messages than any buffer holds, both sides sending before either reads."""
    count = 4 * websocket.MAX_QUEUED_FRAMES
    text = "x" * 2000
    received: list[int] = []

    async def burst(connection: ServerConnection) -> None:
        for _ in range(count):
            await connection.send(text)
        received.extend([len(await connection.recv()) for _ in range(count)])
        await connection.close()

    async def shout(link: websocket.WebSocketLink) -> None:
        for _ in range(count):
            await link.send(text)

    async with server(handler=burst) as address, transport(f"ws://{address}").connect() as link:
        arriving = link.receive()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(shout(link))
            assert [len(await anext(arriving)) for _ in range(count)] == [2000] * count
        with pytest.raises(LinkUnavailable):
            await anext(arriving)
    assert received == [2000] * count


async def fill(link: websocket.WebSocketLink) -> None:
    """Send until the peer takes no more."""
    try:
        while True:
            async with asyncio.timeout(0.2):
                await link.send("x" * 100_000)
    except TimeoutError:
        pass


async def test_leaving_does_not_wait_for_a_peer_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon must be able to stop, whatever the server does; also with a full socket."""
    monkeypatch.setattr(websocket, "CLOSE_S", 0.05)

    async def freeze(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await connection.wait_closed()

    async with server(handler=freeze) as address:
        async with transport(f"ws://{address}").connect() as link:
            await fill(link)
        assert link._socket.transport.is_closing()


async def test_being_cancelled_while_leaving_leaves_no_socket_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second stop in the middle of the goodbye ends it at once."""
    monkeypatch.setattr(websocket, "CLOSE_S", 60.0)

    async def freeze(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await connection.wait_closed()

    async with server(handler=freeze) as address:
        connecting = transport(f"ws://{address}").connect()
        link = await connecting.__aenter__()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await connecting.__aexit__(None, None, None)
        assert link._socket.transport.is_closing()


@pytest.mark.parametrize(
    ("closed", "problem", "code"),
    [
        (
            ConnectionClosedError(Close(1008, "no"), None),
            "the server calls it a violation of its rules: no",
            "close_1008",
        ),
        (ConnectionClosedError(Close(3000, ""), None), "the server ended the connection with code 3000", "close_3000"),
        (
            ConnectionClosedError(Close(4004, "invalid_request_error.model_not_found"), Close(4004, ""), True),
            "the server ended the connection with code 4004: invalid_request_error.model_not_found",
            "model_not_found",
        ),
    ],
)
def test_a_goodbye_that_means_no_is_a_refusal(closed: ConnectionClosedError, problem: str, code: str) -> None:
    """The server's own code, when the reason holds one, else the number."""
    error = from_closing(closed)
    assert isinstance(error, LinkRefused)
    assert (error.problem, error.code) == (problem, code)


def test_a_goodbye_is_told_in_one_line_that_can_be_shown() -> None:
    """NUL and line breaks are nothing that a status can hold."""
    error = from_closing(ConnectionClosedError(Close(1011, "up\0stream\nerror"), None))
    assert error.problem == "the server failed: up stream error"


def test_a_breach_of_the_protocol_is_an_outage() -> None:
    """We closed, because of what the server sent."""
    error = from_closing(ConnectionClosedError(Close(1002, ""), Close(1002, "bad opcode"), False))
    assert isinstance(error, LinkUnavailable)
    assert (error.problem, error.close_code) == ("the server broke the rules of WebSocket: bad opcode", 1002)
