"""The server on real sockets: who may come in, how many, and what no client can do to the others."""

from __future__ import annotations

import asyncio
import json
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hearthd.offline.protocol import limits
from hearthd.offline.protocol.session import ServerSession
from tests.doubles.realtime.audio import noise, silence
from tests.doubles.realtime.client import RawClient
from tests.offline.session_scene import SET_LIGHT
from tests.offline.standin_server import Served, served
from tests.offline.standin_worker import DIES_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

DEADLINE_S = 30


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder whose path is short, as that of a socket must be."""
    with tempfile.TemporaryDirectory(prefix="hearthd-") as made:
        yield Path(made)


@pytest.fixture
async def server() -> AsyncIterator[Served]:
    """Return a running server."""
    async with served() as running:
        yield running


async def started(socket: ClientConnection) -> RawClient:
    """Begin a session whose client says when a turn ends."""
    raw = RawClient(socket)
    await raw.until("session.created")
    session = {"type": "realtime", "tools": [SET_LIGHT], "audio": {"input": {"turn_detection": None}}}
    await raw.send("session.update", session=session)
    await raw.until("session.updated")
    return raw


async def holds_a_turn(url: str) -> bool:
    """Tell whether a new client gets an answer."""
    async with connect(url) as socket:
        raw = await started(socket)
        await raw.speak(noise(3_000))
        done = await raw.ask()
        return bool(done["output"][0]["content"][0]["transcript"] == "It is six thirty.")


async def closed(socket: ClientConnection) -> int | None:
    """Read until the server ends the connection, and return its close code."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                await socket.recv()
    except ConnectionClosed:
        return socket.close_code


async def refused(url: str, **options: object) -> InvalidStatus:
    """Return how the opening request is refused."""
    with pytest.raises(InvalidStatus) as failed:
        async with connect(url, **options):  # type: ignore[arg-type]
            pass
    return failed.value


# --------------------------------------------------------------------------------------------------- who may come in


async def test_other_addresses_are_not_found(server: Served) -> None:
    """Only the address of the service is served."""
    answer = await refused(server.url.replace("realtime", "chat"))
    assert answer.response.status_code == 404


@pytest.mark.parametrize(
    "options",
    [{"origin": "https://example.org"}, {"additional_headers": {"Origin": "null"}}],
    ids=["page", "file"],
)
async def test_pages_of_the_web_stay_outside(server: Served, options: dict[str, object]) -> None:
    """A page in a browser on this machine could reach the port, but must not command the house."""
    assert (await refused(server.url, **options)).response.status_code == 403


async def test_a_name_that_was_made_to_point_here_stays_outside(server: Served) -> None:
    """As pages do that outwit the browser's own rule."""
    port = server.url.rpartition(":")[2].partition("/")[0]
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    request = (
        "GET /v1/realtime HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    writer.write(request.encode())
    async with asyncio.timeout(DEADLINE_S):
        assert b" 403 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    ("query", "headers", "code"),
    [
        ("", {"OpenAI-Beta": "realtime=v1"}, "beta_api_shape_disabled"),
        ("?intent=transcription", {}, "invalid_intent"),
    ],
)
async def test_what_this_server_does_not_speak_is_refused_as_the_service_does(
    server: Served, query: str, headers: dict[str, str], code: str
) -> None:
    """After the upgrade, with an error and a close code that means no."""
    async with connect(server.url + query, additional_headers=headers) as socket:
        assert (await RawClient(socket).error())["code"] == code
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert (socket.close_code, socket.close_reason) == (4_000, f"invalid_request_error.{code}")


async def test_the_model_of_the_address_is_shown(server: Served) -> None:
    """Clients compare."""
    async with connect(f"{server.url}?model=gpt-realtime-2.1") as socket:
        created = await RawClient(socket).until("session.created")
        assert created["session"]["model"] == "gpt-realtime-2.1"


async def test_a_socket_file_is_for_its_owner_and_group(folder: Path) -> None:
    """And is gone with the server."""
    path = folder / "run" / "offline.sock"
    async with served(path) as running:
        assert running.url == f"ws+unix://{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        async with unix_connect(str(path), "ws://localhost/v1/realtime") as socket:
            raw = await started(socket)
            await raw.send("conversation.item.create", item=_question())
            assert (await raw.ask({"output_modalities": ["text"]}))["status"] == "completed"
    assert list(path.parent.iterdir()) == []


def _question() -> dict[str, object]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What time is it?"}]}


# ------------------------------------------------------------------------------------------------------ how many


async def test_fifty_clients_are_too_many(server: Served) -> None:
    """Four get in, the others are told to come later, the four are not disturbed, and a free place is taken."""

    async def attempt() -> ClientConnection | InvalidStatus:
        try:
            return await connect(server.url)
        except InvalidStatus as full:
            return full

    outcomes = await asyncio.gather(*(attempt() for _ in range(50)))
    inside = [outcome for outcome in outcomes if isinstance(outcome, ClientConnection)]
    outside = [outcome for outcome in outcomes if isinstance(outcome, InvalidStatus)]
    assert len(inside) == limits.MOST_SESSIONS
    assert {(full.response.status_code, full.response.headers["Retry-After"]) for full in outside} == {(503, "5")}
    assert b"4 sessions" in (outside[0].response.body or b"")
    talks = [await started(socket) for socket in inside]
    for talk in talks:
        await talk.send("conversation.item.create", item=_question())
    assert [(await talk.ask())["status"] for talk in talks] == ["completed"] * 4
    await inside[0].close()
    assert await holds_a_turn(server.url)
    for socket in inside[1:]:
        await socket.close()


async def test_four_talk_at_once(server: Served) -> None:
    """Everybody gets the answer to what they said themselves."""
    lengths_ms = [1_000, 2_000, 3_000, 4_000]

    async def turn(length_ms: int) -> str:
        async with connect(server.url) as socket:
            raw = await started(socket)
            await raw.speak(noise(length_ms))
            return json.dumps((await raw.ask())["output"][0])

    said = await asyncio.gather(*(turn(length_ms) for length_ms in lengths_ms))
    words = ["true", "false", "six thirty", "bedroom"]
    assert [word in answer for word, answer in zip(words, said, strict=True)] == [True] * 4


# ------------------------------------------------------------------------------------------- what nobody can break


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff" * 5_000,
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /v1/realtime HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 500,
    ],
    ids=["noise", "plain", "tls", "headers"],
)
async def test_garbage_on_the_socket_is_survived(server: Served, garbage: bytes) -> None:
    """Before any session; the next client is served."""
    port = server.url.rpartition(":")[2].partition("/")[0]
    _, writer = await asyncio.open_connection("127.0.0.1", int(port))
    writer.write(garbage)
    await writer.drain()
    writer.close()
    assert await holds_a_turn(server.url)


async def test_garbage_in_a_session_is_survived(server: Served) -> None:
    """Binary, broken and unknown messages get an error each, and the session goes on."""
    async with connect(server.url) as socket:
        raw = await started(socket)
        for message in (b"\x00\xff", "{", "[]", '{"type":"x"}', '{"type":"session.update","session":{"type":7}}'):
            await socket.send(message)
        codes = [(await raw.error())["code"] for _ in range(5)]
        assert codes == ["invalid_event", "invalid_json", "invalid_event", "invalid_value", "invalid_type"]
        await raw.send("conversation.item.create", item=_question())
        assert (await raw.ask())["status"] == "completed"


async def test_garbage_between_messages_ends_that_session_alone(server: Served) -> None:
    """Frames that are none, text that is no UTF-8, and messages beyond all measure."""
    async with connect(server.url) as good:
        raw = await started(good)
        noisy = await connect(server.url)
        noisy.transport.write(b"\xff" * 1_000)
        assert await closed(noisy) == 1_002
        long_winded = await connect(server.url)
        await long_winded.send("x" * (limits.MESSAGE_BYTES + 1))
        assert await closed(long_winded) == 1_009
        await raw.send("conversation.item.create", item=_question())
        assert (await raw.ask())["status"] == "completed"


async def test_a_client_that_goes_in_the_middle_of_a_turn_leaves_nothing(server: Served) -> None:
    """Whatever it had ordered; the next client is served."""
    for length_ms in (500, 3_000):
        async with connect(server.url) as socket:
            raw = await started(socket)
            await raw.speak(noise(length_ms))
            await raw.send("response.create")
            socket.transport.abort()
    assert await holds_a_turn(server.url)


async def test_a_worker_that_dies_costs_one_turn(server: Served) -> None:
    """The same session's next turn works."""
    async with connect(server.url) as socket:
        raw = await started(socket)
        await raw.speak(noise(DIES_S * 1_000))
        failed = await raw.ask()
        assert failed["status_details"]["error"]["code"] == "server_error"
        await raw.speak(noise(3_000))
        assert (await raw.ask())["status"] == "completed"


async def test_a_quarter_of_an_hour_is_survived(server: Served) -> None:
    """One error, and then a turn, while another client has its own."""
    async with connect(server.url) as socket:
        raw = await started(socket)
        minute = silence(30_000)
        for _ in range(30):
            await raw.append(minute)
        assert (await raw.error())["code"] == "input_audio_buffer_full"
        assert await holds_a_turn(server.url)
        await raw.send("input_audio_buffer.commit")
        await raw.until("input_audio_buffer.committed")
        assert (await raw.ask())["output"] == []


async def test_a_client_that_reads_nothing_is_let_go(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its patience is used up; the server reads no more of it than it may keep."""
    monkeypatch.setattr(limits, "SEND_S", 0.3)
    greedy = await connect(server.url, max_queue=1)
    item = {"id": "long", **_question(), "content": [{"type": "input_text", "text": "x" * 200_000}]}
    await greedy.send(json.dumps({"type": "conversation.item.create", "item": item}))
    with pytest.raises(ConnectionClosed):
        await _ask_for_ever(greedy, "long")
    assert await holds_a_turn(server.url)


async def _ask_for_ever(socket: ClientConnection, item_id: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            await socket.send(json.dumps({"type": "conversation.item.retrieve", "item_id": item_id}))


async def test_a_session_ends_after_its_time(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the error of the service, and the close code that means: come back at once."""
    monkeypatch.setattr(limits, "SESSION_S", 0.2)
    async with connect(server.url) as socket:
        raw = RawClient(socket)
        assert (await raw.error())["code"] == "session_expired"
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1_001


async def test_a_bug_in_a_session_is_not_the_workers(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the session that has it, and is told in the journal."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async with connect(server.url) as socket:
        raw = await started(socket)
        with monkeypatch.context() as patched:
            patched.setattr(ServerSession, "take", broken)
            await raw.send("response.create")
            assert await closed(socket) == 1_006
    assert await holds_a_turn(server.url)


async def test_stopping_ends_the_sessions(folder: Path) -> None:
    """Politely, as the service goes away."""
    async with served(folder / "s") as running:
        socket = await unix_connect(str(folder / "s"), "ws://localhost/v1/realtime")
        await started(socket)
        assert running.server.sessions == 1
    with pytest.raises(ConnectionClosed):
        await socket.recv()
    assert socket.close_code == 1_001
