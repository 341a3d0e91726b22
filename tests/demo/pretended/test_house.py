"""The pretended house obeys and reports as real devices do."""

import asyncio

import msgspec
import pytest

from hearthd.core.home.devices import Climate, Cover, Device, Fan, Light, Scene, Sensor, Switch
from hearthd.demo.house import OBEYS_S, PretendHouse, first_report, obeyed
from hearthd.ports import BrokerMessage

LAMP = Light(command_topic="lamp/set", state_topic="lamp")
DOOR = Sensor(state_topic="door", value_key="contact")
MOOD = Scene(command_topic="mood/set")


@pytest.mark.parametrize(
    ("device", "report"),
    [
        (LAMP, {"state": "OFF", "brightness": 254, "color_temp": 370}),
        (Switch(), {"state": "OFF"}),
        (Fan(), {"state": "OFF"}),
        (Cover(), {"state": "OPEN", "position": 100}),
        (Climate(), {"current_heating_setpoint": 20, "local_temperature": 20.5, "system_mode": "heat"}),
        (DOOR, {"contact": True}),
        (MOOD, {}),
    ],
)
def test_every_device_has_something_to_say_of_itself(device: Device, report: dict[str, object]) -> None:
    """In the words of zigbee2mqtt."""
    assert first_report(device) == report


@pytest.mark.parametrize(
    ("report", "command", "then"),
    [
        ({"state": "OFF", "brightness": 254}, {"state": "ON"}, {"state": "ON", "brightness": 254}),
        ({"state": "OPEN", "position": 100}, {"state": "CLOSE"}, {"state": "CLOSE", "position": 0}),
        ({"state": "CLOSE", "position": 0}, {"state": "OPEN"}, {"state": "OPEN", "position": 100}),
        ({"state": "CLOSE", "position": 0}, {"position": 30}, {"state": "OPEN", "position": 30}),
        ({"state": "OPEN", "position": 30}, {"position": 0}, {"state": "CLOSE", "position": 0}),
        ({"state": "OPEN", "position": 30}, {"state": "STOP"}, {"state": "STOP", "position": 30}),
        ({"state": "OFF"}, {"state": "OPEN"}, {"state": "OPEN"}),
    ],
)
def test_a_command_changes_what_it_names(
    report: dict[str, object], command: dict[str, object], then: dict[str, object]
) -> None:
    """Blinds know that a position is a state and the other way round."""
    assert obeyed(report, command) == then


async def test_the_house_reports_what_is_retained_and_what_changes() -> None:
    """A client that subscribes late knows how things are, and hears of each command some time after it."""
    heard: list[tuple[str, bytes]] = []
    house = PretendHouse({"lamp": LAMP, "door": DOOR, "mood": MOOD}, lambda *message: heard.append(message))
    async with house.connect() as session:
        assert await session.subscribe(["lamp", "elsewhere"]) == ()
        messages = session.messages()
        assert await anext(messages) == BrokerMessage("lamp", msgspec.json.encode(first_report(LAMP)), retained=True)
        told_s = asyncio.get_running_loop().time()
        for topic in ("lamp/set", "mood/set", "hearthd/demo/state"):
            await session.publish(topic, b'{"state":"ON"}', retain=True, expiry_s=5)
        message = await anext(messages)
        assert (message.topic, message.retained) == ("lamp", False)
        assert msgspec.json.decode(message.payload) == {**first_report(LAMP), "state": "ON"}
        assert asyncio.get_running_loop().time() == pytest.approx(told_s + OBEYS_S)
    assert [topic for topic, _ in heard] == ["lamp/set", "mood/set", "hearthd/demo/state"]
    assert house.reports == {"lamp": {**first_report(LAMP), "state": "ON"}, "door": {"contact": True}}


async def test_what_nobody_subscribed_to_is_not_delivered() -> None:
    """As with a real broker."""
    house = PretendHouse({"lamp": LAMP}, lambda *_message: None)
    await house.subscribe(["hearthd/demo/listen"])
    house.send("hearthd/demo/stop", b"")
    await house.publish("lamp/set", b'{"state":"ON"}')
    await asyncio.sleep(1)
    house.send("hearthd/demo/listen", b"")
    assert await anext(house.messages()) == BrokerMessage("hearthd/demo/listen", b"", retained=False)
