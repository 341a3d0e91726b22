"""Contract of `hearthd say` and `hearthd status`, through a real broker, with a stand-in for the running hearthd."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hearthd.__main__ import main
from hearthd.adapters.mqtt import MqttBroker
from hearthd.core.home.topics import RoomTopics
from hearthd.core.settings import MqttSettings, Secret
from hearthd.ports import BrokerSession
from tests.doubles.broker import Account, MosquittoBroker

ROOT = Path(__file__).resolve().parents[2]
TOPICS = RoomTopics("hearthd", "Kitchen")
STATE = {"phase": "idle", "link": "ready", "mic": "live", "volume_percent": 80}
ACCOUNT = Account("house", "secret")


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[MosquittoBroker]:
    """A broker that wants a password."""
    async with MosquittoBroker(tmp_path / "broker", accounts=[ACCOUNT]) as running:
        yield running


@pytest.fixture
def file(tmp_path: Path, broker: MosquittoBroker) -> Path:
    """The settings of the kitchen."""
    path = tmp_path / "kitchen.toml"
    path.write_text(
        f'[room]\nname = "Kitchen"\n[mqtt]\nhost = "{broker.host}"\nport = {broker.port}\nusername = "house"\n'
    )
    return path


async def command(*arguments: str, password: str = ACCOUNT.password) -> tuple[int, str, str]:
    """Run the command as a process of its own; returns exit code, stdout and stderr."""
    environment = {"PYTHONPATH": str(ROOT / "daemon"), "HEARTHD_MQTT_PASSWORD": password, "PATH": "/usr/bin:/bin"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hearthd", *arguments, env=environment, stdout=-1, stderr=-1
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def hearthd(
    broker: MosquittoBroker, on_say: Callable[[dict[str, str]], list[dict[str, object]]] = lambda _: []
) -> AsyncIterator[BrokerSession]:
    """Be the running hearthd of the kitchen: available, with a state, answering each `say` with events."""
    settings = MqttSettings(host=broker.host, port=broker.port, username=ACCOUNT.username)
    house = MqttBroker(settings, Secret(ACCOUNT.password), "hearthd-kitchen", TOPICS.availability)

    async def serve(session: BrokerSession) -> None:
        async for message in session.messages():
            for event in on_say(json.loads(message.payload)):
                await session.publish(TOPICS.event, json.dumps(event).encode())

    async with house.connect() as session, asyncio.TaskGroup() as tasks:
        await session.publish(TOPICS.state, json.dumps(STATE).encode(), retain=True)
        await session.subscribe([TOPICS.say])
        serving = tasks.create_task(serve(session))
        yield session
        serving.cancel()


async def test_a_text_is_spoken_and_the_command_waits_for_it(broker: MosquittoBroker, file: Path) -> None:
    """Words on the command line are one text, and other turns are not mistaken for ours."""
    said: list[str] = []

    def answer(say: dict[str, str]) -> list[dict[str, object]]:
        said.append(say["text"])
        return [
            {"event": "turn", "turn": 3, "cause": "wake", "outcome": "failed"},
            {"event": "error", "code": "too_many_says", "problem": "4 are waiting", "id": "another"},
            {"event": "turn", "turn": 4, "cause": "say", "id": "another", "outcome": "failed"},
            {"event": "reply", "turn": 5},
            {"event": "turn", "turn": 5, "cause": "say", "id": say["id"], "outcome": "answered"},
        ]

    async with hearthd(broker, answer):
        assert await command("say", "--config", str(file), "{Dinner", "is ready}") == (0, "", "")
    assert said == ["{Dinner is ready}"]


async def test_a_text_of_somebody_else_is_not_ours(broker: MosquittoBroker, file: Path) -> None:
    """It was spoken, and ours, behind it, was not; nor is its trouble the reason."""

    def answer(say: dict[str, str]) -> list[dict[str, object]]:
        return [
            {"event": "turn", "turn": 7, "cause": "say", "outcome": "answered"},
            {"event": "error", "turn": 8, "problem": "no connection to the server"},
            {"event": "turn", "turn": 8, "cause": "say", "id": "another", "outcome": "failed"},
            {"event": "turn", "turn": 9, "cause": "say", "id": say["id"], "outcome": "interrupted"},
        ]

    async with hearthd(broker, answer):
        assert await command("say", "--config", str(file), "hello") == (1, "", "hearthd: not spoken: interrupted\n")


@pytest.mark.parametrize(
    ("events", "told"),
    [
        (
            [
                {"event": "error", "code": "link_down", "problem": "no connection to the server"},
                {"event": "turn", "cause": "say", "outcome": "failed", "id": "ours"},
            ],
            "hearthd: not spoken: no connection to the server\n",
        ),
        (
            [{"event": "turn", "cause": "say", "outcome": "nothing_said", "id": "ours"}],
            "hearthd: not spoken: nothing said\n",
        ),
        (
            [{"event": "error", "code": "too_many_says", "problem": "4 are waiting", "id": "ours"}],
            "hearthd: not spoken: 4 are waiting\n",
        ),
    ],
)
async def test_a_text_that_was_not_spoken_is_explained(
    broker: MosquittoBroker, file: Path, events: list[dict[str, object]], told: str
) -> None:
    """The room's own words come through."""

    def answer(say: dict[str, str]) -> list[dict[str, object]]:
        return [{**event, "id": say["id"]} if "id" in event else event for event in events]

    async with hearthd(broker, answer):
        assert await command("say", "--config", str(file), "hello") == (1, "", told)


async def test_a_room_that_stops_in_between_is_told(broker: MosquittoBroker, file: Path) -> None:
    """Nobody waits for a speaker that is gone."""
    heard = asyncio.Event()

    def note(_: dict[str, str]) -> list[dict[str, object]]:
        heard.set()
        return []

    async with asyncio.TaskGroup() as tasks, hearthd(broker, note):
        asked = tasks.create_task(command("say", "--config", str(file), "hello"))
        await heard.wait()
    assert asked.result() == (1, "", "hearthd: the hearthd of this room has stopped before it spoke\n")


async def test_a_text_that_nobody_acknowledges_is_given_up(broker: MosquittoBroker, file: Path) -> None:
    """After the time that the caller allows."""
    async with hearthd(broker):
        code, _, told = await command("say", "--config", str(file), "--timeout", "0.7", "hello")
    assert code == 1
    assert "was not spoken within 0.7 s; see: hearthd status --watch" in told


async def test_the_state_is_shown(broker: MosquittoBroker, file: Path) -> None:
    """In one line for people, in one object for programs."""
    async with hearthd(broker):
        line = "Kitchen: online, phase idle, link ready, mic live, volume percent 80\n"
        assert await command("status", "--config", str(file)) == (0, line, "")
        code, told, _ = await command("status", "--config", str(file), "--json")
    assert code == 0
    assert json.loads(told) == {"room": "Kitchen", "availability": "online", "state": STATE}


async def test_a_watcher_sees_what_happens(broker: MosquittoBroker, file: Path) -> None:
    """The state first, then every event, one JSON object a line, until it is interrupted."""
    environment = {"PYTHONPATH": str(ROOT / "daemon"), "HEARTHD_MQTT_PASSWORD": ACCOUNT.password}
    arguments = ("status", "--config", str(file), "--watch", "--json")
    async with hearthd(broker) as session:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hearthd", *arguments, env=environment, stdout=-1, stderr=-1
        )
        assert process.stdout is not None
        first = json.loads(await process.stdout.readline())
        await session.publish(TOPICS.event, b"not JSON")
        await session.publish(TOPICS.event, b'{"event": "wake", "word": "okay_nabu"}')
        await session.publish(TOPICS.state, b'{"phase": "listening"}', retain=True)
        lines = [json.loads(await process.stdout.readline()) for _ in range(3)]
        process.send_signal(2)
        _, told = await process.communicate()
    assert first["state"] == STATE
    assert lines[1] == {"room": "Kitchen", "event": "wake", "word": "okay_nabu"}
    assert lines[2]["state"] == {"phase": "listening"}
    assert (process.returncode, told) == (0, b"")


async def test_what_others_wrote_does_not_steer_the_terminal(broker: MosquittoBroker, file: Path) -> None:
    """Anybody in the house may write to a broker; escape sequences are shown without their escape."""
    async with hearthd(broker) as session:
        await session.publish(TOPICS.state, b'{"phase": "\\u001b[2Jidle"}', retain=True)
        code, told, _ = await command("status", "--config", str(file))
    assert (code, told) == (0, "Kitchen: online, phase [2Jidle\n")


async def test_a_watcher_waits_for_a_room_that_is_not_there_yet(broker: MosquittoBroker, file: Path) -> None:
    """Whoever starts the service beside it sees it come up."""
    environment = {"PYTHONPATH": str(ROOT / "daemon"), "HEARTHD_MQTT_PASSWORD": ACCOUNT.password}
    arguments = ("status", "--config", str(file), "--watch", "--json")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hearthd", *arguments, env=environment, stdout=-1, stderr=-1
    )
    assert process.stdout is not None
    first = json.loads(await process.stdout.readline())
    async with hearthd(broker):
        then = [json.loads(await process.stdout.readline()) for _ in range(2)]
        process.terminate()
        await process.communicate()
    assert (first["availability"], first["state"]) == (None, None)
    assert (then[0]["availability"], then[1]["state"]) == ("online", STATE)


async def test_a_room_that_never_was_is_told_apart_from_one_that_is_off(
    broker: MosquittoBroker, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong name and a stopped service want different remedies."""
    for arguments in (("status",), ("say", "hello")):
        code, _, told = await command(*arguments, "--config", str(file))
        assert code == 1
        assert "no hearthd has ever spoken below hearthd/kitchen on this broker" in told
    async with hearthd(broker):
        pass
    for arguments in (("status",), ("say", "hello")):
        code, _, told = await command(*arguments, "--config", str(file))
        assert code == 1
        assert 'the hearthd of the room "Kitchen" is not running; see: systemctl status hearthd' in told


async def test_a_broker_that_is_away_or_says_no_is_told(broker: MosquittoBroker, file: Path) -> None:
    """With the setting that leads there."""
    code, _, told = await command("status", "--config", str(file), password="wrong")
    assert code == 1
    assert 'hearthd: MQTT broker 127.0.0.1: the broker does not accept the user "house"' in told
    await broker.stop()
    code, _, told = await command("say", "--config", str(file), "hello")
    assert code == 1
    assert "hearthd: MQTT broker 127.0.0.1: nobody listens" in told


def test_without_mqtt_there_is_no_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both commands say so at once."""
    path = tmp_path / "hearthd.toml"
    path.write_text("[mqtt]\nhost = ''\n")
    for arguments in (["status"], ["say", "hello"]):
        assert main([*arguments, "--config", str(path)]) == 1
        assert "mqtt.host is empty" in capsys.readouterr().err


def test_a_wrong_configuration_is_78(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As everywhere."""
    for arguments in (["status"], ["say", "hello"]):
        assert main([*arguments, "--config", str(tmp_path / "absent.toml")]) == 78
        assert "cannot be read" in capsys.readouterr().err


def test_a_text_that_no_room_would_speak_is_not_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The room's own rules are applied before anything is sent."""
    path = tmp_path / "hearthd.toml"
    path.write_text("")
    assert main(["say", "--config", str(path), "x" * 1001]) == 1
    assert "this cannot be spoken: expected at most 1000 characters, found 1001" in capsys.readouterr().err
