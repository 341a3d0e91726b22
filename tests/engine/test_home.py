"""Function calls run to their confirmed end, against a broker in memory and in virtual time."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import pytest

from hearthd.core.home.catalogue import Catalogue
from hearthd.core.home.devices import Cover, Device, Light, Scene, Sensor, Switch
from hearthd.core.home.policy import Policy
from hearthd.core.home.states import StateBook
from hearthd.engine.home import CONFIRM_S, EXPIRY_S, PUBLISH_S, SETTLE_S, HomeCalls
from hearthd.ports import BrokerMessage, BrokerUnavailable
from tests.doubles.memory_broker import MemoryBroker, Published

HOUSE: Mapping[str, Device] = {
    "kitchen_light": Light(
        command_topic="lamp/set",
        state_topic="lamp",
        availability_topic="lamp/availability",
        supported_color_modes=("brightness",),
    ),
    "plug": Switch(schema="plain", command_topic="plug/set", state_topic="plug"),
    "relay": Switch(schema="plain", command_topic="relay/set"),
    "strip": Light(
        schema="plain", command_topic="strip/set", state_topic="strip", brightness_command_topic="strip/brightness/set"
    ),
    "blind": Cover(command_topic="blind/set", state_topic="blind"),
    "movie_night": Scene(command_topic="scene/set"),
    "freezer": Sensor(state_topic="freezer", unit_of_measurement="°C"),
}
LIGHT_ON = '{"device": ["kitchen_light"], "on": true}'


class Home:
    """The calls, the broker behind them, and the devices on its other side."""

    def __init__(self, broker: MemoryBroker, calls: HomeCalls) -> None:
        self.broker = broker
        self.calls = calls
        self.delay_s = 0.3
        """How long a device takes to report."""
        self.reports: dict[str, Mapping[str, bytes]] = {}
        """What devices report, by command topic."""

    async def call(self, name: str, arguments: str, turn: int = 1) -> object:
        """Run one call and decode its answer."""
        return json.loads(await self.calls.answer(name, arguments, turn))

    async def timed(self, name: str, arguments: str) -> tuple[object, float]:
        """Run one call; returns its answer and the virtual seconds that it took."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        answer = await self.call(name, arguments)
        return answer, loop.time() - began_s

    async def obey(self) -> None:
        """Report as the devices do, for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                published = await self.broker.next_published()
                tasks.create_task(self._report(self.reports.get(published.topic, {})))

    async def _report(self, reports: Mapping[str, bytes]) -> None:
        await asyncio.sleep(self.delay_s)
        for topic, payload in reports.items():
            self.broker.forward(topic, payload)

    async def hear(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Let a device report on its own account, and the report arrive."""
        self.broker.forward(topic, payload, retain=retain)
        await asyncio.sleep(0.001)


@asynccontextmanager
async def at_home(*guarded: str) -> AsyncIterator[Home]:
    """Connect the calls to a broker in memory, and let the devices live until the test is over."""
    catalogue = Catalogue(HOUSE, "")
    home = Home(MemoryBroker(), HomeCalls(catalogue, StateBook(catalogue.wirings), Policy(guarded)))
    async with home.broker.client("hearthd/room").connect() as session, asyncio.TaskGroup() as tasks:
        assert await session.subscribe(home.calls.topics()) == ()
        home.calls.attach(session)

        async def read() -> None:
            with suppress(BrokerUnavailable):
                async for message in session.messages():
                    home.calls.apply(message)

        alive = [tasks.create_task(read()), tasks.create_task(home.obey())]
        yield home
        for task in alive:
            task.cancel()


async def test_a_command_is_answered_when_the_device_reports_it() -> None:
    """Published once, with an expiry, and confirmed by the device's own words, at the moment they come."""
    async with at_home() as home:
        home.reports["lamp/set"] = {"lamp": b'{"state":"ON","brightness":102}'}

        answer, took_s = await home.timed("set_light", '{"device": ["kitchen_light"], "brightness_percent": 40}')

        assert answer == {
            "ok": True,
            "device": "kitchen light",
            "state": {"on": True, "brightness_percent": 40},
            "confirmed": True,
        }
        assert took_s == pytest.approx(home.delay_s)
        assert home.broker.log == [
            Published("hearthd/room", "lamp/set", b'{"brightness":102,"state":"ON"}', retain=False, expiry_s=EXPIRY_S)
        ]


async def test_a_plain_device_gets_its_messages_in_order() -> None:
    """Brightness first, so that the lamp does not flash, and each acknowledged before the next."""
    async with at_home() as home:
        home.reports["strip/set"] = {"strip": b"ON"}

        answer = await home.call("set_light", '{"device": "strip", "brightness_percent": 100}')

        assert answer == {"ok": True, "device": "strip", "state": {"on": True}, "confirmed": True}
        assert [(sent.topic, sent.payload) for sent in home.broker.log] == [
            ("strip/brightness/set", b"254"),
            ("strip/set", b"ON"),
        ]


@pytest.mark.parametrize(
    ("name", "device", "arguments"),
    [("set_switch", "relay", ', "on": true'), ("activate_scene", "movie night", "")],
)
async def test_a_device_without_reports_is_told_to_be_one(name: str, device: str, arguments: str) -> None:
    """The broker's acknowledgement is all there is, and the answer says so, at once."""
    async with at_home() as home:
        answer, took_s = await home.timed(name, f'{{"device": ["{device}"]{arguments}}}')

        assert answer == {
            "ok": True,
            "device": device,
            "confirmed": False,
            "note": "sent; this device does not report its state",
        }
        assert took_s == 0


async def test_a_device_that_says_nothing_has_not_confirmed() -> None:
    """Silence is never success; the answer comes after the deadline, with the last known state."""
    async with at_home() as home:
        await home.hear("lamp", b'{"state":"OFF"}')

        answer, took_s = await home.timed("set_light", LIGHT_ON)

        assert answer == {
            "ok": False,
            "device": "kitchen light",
            "error": "no_confirmation",
            "explanation": "The kitchen light did not confirm in time.",
            "state": {"on": False},
        }
        assert took_s == pytest.approx(CONFIRM_S)


async def test_a_report_that_says_otherwise_is_no_confirmation() -> None:
    """Old states that arrive late neither confirm nor end the wait; the right one still counts."""
    async with at_home() as home:
        home.reports["lamp/set"] = {"lamp": b'{"state":"OFF"}'}
        refused = await home.call("set_light", LIGHT_ON)
        assert isinstance(refused, dict)
        assert (refused["ok"], refused["error"]) == (False, "no_confirmation")

        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(home.call("set_light", LIGHT_ON))
            await asyncio.sleep(CONFIRM_S - 0.1)
            await home.hear("lamp", b'{"state":"ON"}')

        answer = call.result()
        assert isinstance(answer, dict)
        assert answer["confirmed"] is True


async def test_a_retained_state_is_no_confirmation() -> None:
    """What the broker kept from yesterday says nothing about today."""
    async with at_home() as home, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(home.call("set_light", LIGHT_ON))
        await asyncio.sleep(0.1)
        home.calls.apply(BrokerMessage("lamp", b'{"state":"ON"}', retained=True))

        answer = await call
        assert isinstance(answer, dict)
        assert answer["error"] == "no_confirmation"


async def test_a_device_that_was_only_ever_retained_must_speak_for_itself() -> None:
    """A lamp that died last week is still kept as on; being told so again is no proof that it is."""
    async with at_home() as home:
        home.calls.apply(BrokerMessage("plug", b"ON", retained=True))

        answer, took_s = await home.timed("set_switch", '{"device": ["plug"], "on": true}')

        assert answer == {
            "ok": False,
            "device": "plug",
            "error": "no_confirmation",
            "explanation": "The plug did not confirm in time.",
            "state": {"on": True},
        }
        assert took_s == pytest.approx(CONFIRM_S)


async def test_news_of_one_property_does_not_vouch_for_a_retained_one() -> None:
    """The brightness comes from the lamp, but that it is on is what the broker kept."""
    async with at_home() as home:
        home.calls.apply(BrokerMessage("lamp", b'{"state":"ON"}', retained=True))
        home.reports["lamp/set"] = {"lamp": b'{"brightness":102}'}

        answer = await home.call("set_light", '{"device": ["kitchen_light"], "brightness_percent": 40}')

        assert isinstance(answer, dict)
        assert (answer["ok"], answer["state"]) == (False, {"on": True, "brightness_percent": 40})


async def test_a_retained_position_tells_where_a_cover_came_from() -> None:
    """What confirms is the cover's own report; that it is nearer than before may be seen by what was kept."""
    async with at_home() as home:
        home.calls.apply(BrokerMessage("blind", b'{"state":"OPEN","position":100}', retained=True))
        home.reports["blind/set"] = {"blind": b'{"state":"OPEN","position":96}'}

        answer, took_s = await home.timed("move_cover", '{"device": ["blind"], "action": "close"}')

        assert isinstance(answer, dict)
        assert answer["confirmed"] is True
        assert took_s == pytest.approx(home.delay_s)


async def test_a_device_that_already_is_as_wished_needs_no_new_report() -> None:
    """Many devices report changes only; a short time to object is enough."""
    async with at_home() as home:
        await home.hear("plug", b"ON")

        answer, took_s = await home.timed("set_switch", '{"device": ["plug"], "on": true}')

        assert answer == {"ok": True, "device": "plug", "state": {"on": True}, "confirmed": True}
        assert took_s == pytest.approx(SETTLE_S)


async def test_a_device_that_objects_is_waited_for_to_the_end() -> None:
    """Known to be on, told to be on, it reports off: only a later "on" helps."""
    async with at_home() as home:
        await home.hear("plug", b"ON")
        home.reports["plug/set"] = {"plug": b"OFF"}

        answer, took_s = await home.timed("set_switch", '{"device": ["plug"], "on": true}')

        assert isinstance(answer, dict)
        assert (answer["ok"], answer["state"]) == (False, {"on": False})
        assert took_s == pytest.approx(CONFIRM_S)


@pytest.mark.parametrize("retained", [False, True])
async def test_a_device_that_is_offline_must_speak_for_itself(retained: bool) -> None:
    """Its last state proves nothing, and the answer tells where the trouble may lie, which bridges have retained."""
    async with at_home() as home:
        await home.hear("lamp", b'{"state":"ON"}')
        home.calls.apply(BrokerMessage("lamp/availability", b'{"state":"offline"}', retained=retained))

        answer = await home.call("set_light", LIGHT_ON)

        assert answer == {
            "ok": False,
            "device": "kitchen light",
            "error": "no_confirmation",
            "explanation": "The kitchen light did not confirm in time; it was last reported to be offline.",
            "state": {"on": True, "available": False},
        }


async def test_a_cover_confirms_by_setting_out() -> None:
    """Nobody waits half a minute for an answer."""
    async with at_home() as home:
        await home.hear("blind", b'{"state":"OPEN","position":100}')
        home.reports["blind/set"] = {"blind": b'{"state":"OPEN","position":96}'}

        answer, took_s = await home.timed("move_cover", '{"device": ["blind"], "action": "close"}')

        assert answer == {
            "ok": True,
            "device": "blind",
            "state": {"state": "open", "position_percent": 96},
            "confirmed": True,
        }
        assert took_s == pytest.approx(home.delay_s)


async def test_several_devices_are_commanded_side_by_side() -> None:
    """One answer for all, each device with its own outcome; the slowest sets the time."""
    async with at_home() as home:
        home.reports["plug/set"] = {"plug": b"ON"}

        answer, took_s = await home.timed("set_switch", '{"device": ["plug", "relay"], "on": true}')

        assert answer == {
            "ok": True,
            "devices": [
                {"ok": True, "device": "plug", "state": {"on": True}, "confirmed": True},
                {
                    "ok": True,
                    "device": "relay",
                    "confirmed": False,
                    "note": "sent; this device does not report its state",
                },
            ],
        }
        assert took_s == pytest.approx(home.delay_s)


async def test_one_device_that_fails_makes_the_whole_call_not_ok() -> None:
    """The model must not say "done" when one of two lamps is silent."""
    async with at_home() as home:
        home.reports["lamp/set"] = {"lamp": b'{"state":"ON"}'}

        answer = await home.call("set_light", '{"device": ["kitchen_light", "strip"], "on": true}')

        assert isinstance(answer, dict)
        assert answer["ok"] is False
        assert [device["ok"] for device in answer["devices"]] == [True, False]


async def test_without_a_broker_nothing_is_kept_for_later() -> None:
    """The call fails at once, asks for no confirmation, and no command appears when the broker is back."""
    async with at_home("plug") as home:
        home.calls.attach(None)

        answer, took_s = await home.timed("set_switch", '{"device": ["plug"], "on": true}')

        assert answer == {
            "ok": False,
            "error": "broker_unavailable",
            "explanation": "There is no connection to the house right now.",
        }
        assert took_s == 0
        assert home.broker.log == []


async def test_a_broker_that_is_lost_on_the_way_is_told() -> None:
    """The adapter's plain words reach the model."""
    async with at_home() as home:
        home.broker.freeze()

        answer, took_s = await home.timed("set_switch", '{"device": ["relay"], "on": true}')

        assert answer == {
            "ok": False,
            "device": "relay",
            "error": "broker_unavailable",
            "explanation": "Nobody knows whether the relay was told: no answer within 2 s.",
        }
        assert took_s == pytest.approx(2.0)


async def test_a_session_that_forgets_its_deadline_is_held_to_ours() -> None:
    """Every wait of ours ends, whatever an adapter does."""

    class Stuck:
        async def publish(
            self, topic: str, payload: bytes, *, retain: bool = False, expiry_s: int | None = None
        ) -> None:
            await asyncio.sleep(3_600)

    async with at_home() as home:
        home.calls.attach(Stuck())  # type: ignore[arg-type]

        answer, took_s = await home.timed("set_light", LIGHT_ON)

        assert answer == {
            "ok": False,
            "device": "kitchen light",
            "error": "broker_unavailable",
            "explanation": "Nobody knows whether the kitchen light was told: the broker did not answer in time.",
        }
        assert took_s == pytest.approx(PUBLISH_S)


async def test_a_topic_that_the_broker_refuses_is_named() -> None:
    """Waiting would not help; somebody has to mend the access list."""
    async with at_home() as home:
        home.broker.denied.add("lamp/set")

        answer = await home.call("set_light", LIGHT_ON)

        assert answer == {
            "ok": False,
            "device": "kitchen light",
            "error": "broker_refused",
            "explanation": "The kitchen light could not be told: the broker does not let us publish to lamp/set.",
        }


async def test_a_refused_call_publishes_nothing() -> None:
    """What the catalogue refuses comes back as error and explanation."""
    async with at_home() as home:
        answer = await home.call("set_light", '{"device": ["attic"], "on": true}')

        assert answer == {
            "ok": False,
            "error": "unknown_device",
            "explanation": "There is no device 'attic' for this.",
        }
        assert home.broker.log == []


async def test_a_guarded_device_acts_in_a_later_turn_only() -> None:
    """The first call becomes a question; the same call in the next turn is carried out."""
    async with at_home("plug") as home:
        home.reports["plug/set"] = {"plug": b"ON"}
        call = ("set_switch", '{"device": ["plug"], "on": true}')

        first = await home.call(*call, turn=7)
        again = await home.call(*call, turn=7)
        confirmed = await home.call(*call, turn=8)

        assert first == again
        assert isinstance(first, dict)
        assert first["error"] == "needs_confirmation"
        assert isinstance(confirmed, dict)
        assert confirmed["ok"] is True
        assert len(home.broker.log) == 1


async def test_a_state_is_read_from_the_book() -> None:
    """Reading sends nothing, and works without a broker, with a mark on what may be outdated."""
    async with at_home() as home:
        await home.hear("freezer", b"-18.5")
        assert await home.call("read_state", '{"device": ["freezer"]}') == {
            "ok": True,
            "device": "freezer",
            "state": {"value": -18.5, "unit": "°C"},
        }

        home.calls.attach(None)

        assert await home.call("read_state", '{"device": ["freezer", "plug"]}') == {
            "ok": False,
            "devices": [
                {"ok": True, "device": "freezer", "state": {"value": -18.5, "unit": "°C", "outdated": True}},
                {
                    "ok": False,
                    "device": "plug",
                    "error": "no_report",
                    "explanation": "The plug has not reported its state yet.",
                },
            ],
        }
        assert home.broker.log == []


async def test_a_state_from_before_an_outage_confirms_nothing() -> None:
    """While we were away anything may have happened to the plug."""
    async with at_home() as home:
        await home.hear("plug", b"ON")
        session = home.calls._session
        home.calls.attach(None)
        home.calls.attach(session)
        silent = await home.call("set_switch", '{"device": ["plug"], "on": true}')
        home.calls.apply(BrokerMessage("plug", b"ON", retained=True))
        kept = await home.call("set_switch", '{"device": ["plug"], "on": true}')

        assert isinstance(silent, dict)
        assert (silent["error"], silent["state"]) == ("no_confirmation", {"on": True, "outdated": True})
        assert isinstance(kept, dict)
        assert (kept["error"], kept["state"]) == ("no_confirmation", {"on": True})


async def test_a_cancelled_call_leaves_nothing_behind() -> None:
    """Nobody waits for a report any more when the daemon stops in mid-call."""
    async with at_home() as home:
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(home.call("set_light", LIGHT_ON))
            await asyncio.sleep(0.5)
            assert len(home.calls._watches) == 1
            call.cancel()

        assert call.cancelled()
        assert home.calls._watches == set()


async def test_a_report_that_makes_no_sense_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """One warning for the owner, and the calls go on."""
    async with at_home() as home:
        with caplog.at_level(logging.DEBUG, "hearthd"):
            await home.hear("plug", b"perhaps")
            await home.hear("plug", b"perhaps")

        assert [(record.levelname, record.__dict__["HEARTHD_PROBLEM"]) for record in caplog.records] == [
            ("WARNING", "plug: cannot read b'perhaps'")
        ]
