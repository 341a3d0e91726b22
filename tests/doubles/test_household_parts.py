"""The parts of a household: what they claim to have seen must be so."""

import asyncio
import tomllib
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import numpy as np
import pytest

from tests.doubles.appliances import Appliances, tasmota_plug, zigbee_blind, zigbee_lamp
from tests.doubles.broker import MosquittoBroker
from tests.doubles.chronicle import Chronicle
from tests.doubles.daemon import JournalLine
from tests.doubles.mqtt_tap import Kind, MqttTap
from tests.doubles.mqtt_watch import MqttWatch
from tests.doubles.room import Room, trimmed
from tests.doubles.settings_file import Tables, merged, write_settings
from tests.doubles.vcard import VirtualCard

LAMP, BLIND, PLUG = "zigbee2mqtt/kitchen light", "zigbee2mqtt/kitchen blind", "cmnd/coffee/POWER"


@dataclass(frozen=True)
class Seen:
    """An entry of a chronicle."""

    at_s: float
    what: str


async def test_a_chronicle_finds_what_was_and_waits_for_what_will_be() -> None:
    """An entry counts whether it came before or after the question, but not if it is older than asked for."""
    chronicle = Chronicle[Seen]("sight")
    chronicle.add(Seen(1.0, "old"))
    assert (await chronicle.until(lambda seen: seen.what == "old", "the old one")).at_s == 1.0
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(chronicle.until(lambda seen: seen.what == "old", "a newer one", after_s=2.0))
        await asyncio.sleep(0)
        chronicle.add(Seen(1.5, "old"))
        await asyncio.sleep(0)
        chronicle.add(Seen(2.5, "old"))
    assert waiting.result().at_s == 2.5


async def test_a_chronicle_says_what_it_missed() -> None:
    """A wait in vain names what was wanted and shows what came instead."""
    chronicle = Chronicle[Seen]("sight")
    chronicle.add(Seen(1.0, "a cat"))
    with pytest.raises(AssertionError, match=r"(?s)a dog: no such sight within 0\.01 s.*a cat"):
        await chronicle.until(lambda seen: seen.what == "dog", "a dog", timeout_s=0.01)


def test_a_journal_line_gives_its_fields() -> None:
    """Quoted values lose their quotes, and the message is no field."""
    line = JournalLine(0.0, '2026-01-01 00:00:00.000  info     a=b turn over  event=turn problem="no luck today"')
    assert line.fields["event"] == "turn"
    assert line.fields["problem"] == "no luck today"


def test_settings_are_toml_with_the_last_word_winning(tmp_path: Path) -> None:
    """Sections lie over each other key by key, nested ones become sections, and texts keep their letters."""
    base: Tables = {"gate": {"vad_level": 2, "follow_up_s": 6.0}, "devices": {"lamp": {"unit": "°C", "on": True}}}
    write_settings(tmp_path / "settings", merged(base, {"gate": {"follow_up_s": 1.5}, "wake": {"words": ["alexa"]}}))
    assert tomllib.loads((tmp_path / "settings").read_text(encoding="utf-8")) == {
        "gate": {"vad_level": 2, "follow_up_s": 1.5},
        "devices": {"lamp": {"unit": "°C", "on": True}},
        "wake": {"words": ["alexa"]},
    }


async def test_speech_stands_where_the_room_says(tmp_path: Path) -> None:
    """Each sentence is in the microphone's script from its first frame to its last, over the noise of the room."""
    with VirtualCard(tmp_path, capture_rates_hz=(16_000,)) as card:
        room = Room(card, 16_000)
        begin = card.frame()
        end = room.hush(6.0)
        first, second = await room.say("okay nabu", "good morning", pause_s=0.5, lead_s=0.3)
        script = np.fromfile(card.folder / "capture-16000.s16", np.int16).astype(np.int32)
    assert begin < first.first_frame < first.end_frame < second.first_frame < second.end_frame < end
    assert second.first_frame - first.end_frame == 8_000
    for said in (first, second):
        noise = script[said.first_frame : said.end_frame] - said.samples
        assert 0 < np.abs(noise).max() < 200
        assert said.ends_s - said.begins_s == pytest.approx(len(said.samples) / 16_000, abs=1e-4)


def test_trimming_keeps_all_that_is_audible() -> None:
    """Silence around speech goes, speech stays."""
    loud = np.full(1_600, 5_000, np.int16)
    assert np.array_equal(
        trimmed(np.concatenate([np.zeros(1_600, np.int16), loud, np.zeros(999, np.int16)]), 16_000), loud
    )


async def test_appliances_obey_and_report_in_their_own_words(tmp_path: Path) -> None:
    """A Zigbee lamp merges JSON, a blind turns words into positions, a plug repeats; the watcher and the tap see it."""
    things, watch = Appliances(zigbee_lamp(), zigbee_blind(), tasmota_plug()), MqttWatch("kitchen")
    async with (
        MosquittoBroker(tmp_path) as broker,
        MqttTap(broker.host, broker.port) as tap,
        asyncio.TaskGroup() as tasks,
    ):
        playing = tasks.create_task(things.run(broker.host, broker.port))
        watching = tasks.create_task(watch.run(broker.host, broker.port))
        await things.present.wait()
        await watch.present.wait()
        async with aiomqtt.Client("127.0.0.1", tap.port) as client:
            await client.publish(f"{LAMP}/set", '{"state":"ON"}', qos=1)
            await client.publish(f"{BLIND}/set", '{"state":"OPEN"}', qos=1)
            await client.publish(PLUG, "ON", qos=1)
            await client.publish("hearthd/kitchen/state", '{"phase":"idle"}', qos=1)
            await things.told("coffee", "ON")
            state = await watch.shows(phase="idle")
            reports = await reported(client)
        playing.cancel()
        watching.cancel()
    assert reports == {
        LAMP: '{"state": "ON", "brightness": 254}',
        BLIND: '{"state": "OPEN", "position": 100}',
        "stat/coffee/POWER": "ON",
    }
    published = [packet for packet in tap.packets if packet.from_client and packet.kind is Kind.PUBLISH]
    assert [packet.topic for packet in published] == [f"{LAMP}/set", f"{BLIND}/set", PLUG, "hearthd/kitchen/state"]
    receipts = [packet for packet in tap.packets if not packet.from_client and packet.kind is Kind.PUBACK]
    assert [packet.packet_id for packet in receipts] == [packet.packet_id for packet in published]
    assert published[-1].at_s < state.at_s


async def reported(client: aiomqtt.Client) -> dict[str, str]:
    """Read what the three appliances report until each has obeyed."""
    await client.subscribe([(LAMP, 1), (BLIND, 1), ("stat/coffee/POWER", 1)])
    reports: dict[str, str] = {}
    async with asyncio.timeout(10):
        async for message in client.messages:
            text = message.payload.decode()
            if "ON" in text or "OPEN" in text:
                reports[str(message.topic)] = text
            if len(reports) == 3:
                break
    return reports
