"""Contract of `hearthd devices`, on virtual cards behind the real libasound."""

import json
import os
import signal
import tomllib
from collections.abc import Iterator
from pathlib import Path

import alsaaudio
import pytest

from hearthd.__main__ import main
from hearthd.adapters.alsa import inventory
from hearthd.adapters.alsa.card import Granted
from hearthd.adapters.alsa.inventory import CAPTURE, PLAYBACK, SoundDevice
from hearthd.core.audio.pcm import PcmFormat
from hearthd.ports import DeviceUnavailable
from tests.doubles.vcard import VirtualCard


@pytest.fixture(autouse=True)
def _ctrl_c() -> Iterator[None]:
    """The command takes Ctrl-C away from Python; the test run gets it back."""
    handler = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualCard]:
    """A card whose microphone gives two rates in stereo, and whose loudspeaker gives one."""
    with VirtualCard(tmp_path, capture_rates_hz=(16_000, 48_000), capture_channels=2) as virtual:
        monkeypatch.setenv("ALSA_CONFIG_PATH", virtual.env()["ALSA_CONFIG_PATH"])
        yield virtual


def asked(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    """Call the command; returns exit code and stdout."""
    code = main(["devices", *options])
    return code, capsys.readouterr().out


def test_what_the_cards_really_grant_is_listed(card: VirtualCard, capsys: pytest.CaptureFixture[str]) -> None:
    """Rates and channels as libasound gave them, not as they were asked for."""
    code, told = asked(capsys, "--json")
    assert code == 0
    assert json.loads(told) == {
        "capture": [
            {
                "name": card.microphone,
                "description": "",
                "granted": [{"rate_hz": 48_000, "channels": 2}, {"rate_hz": 16_000, "channels": 2}],
                "problem": "",
            }
        ],
        "playback": [
            {
                "name": card.speaker,
                "description": "",
                "granted": [{"rate_hz": 48_000, "channels": 1}],
                "problem": "",
            }
        ],
    }


def test_the_lines_for_the_settings_are_given(card: VirtualCard, capsys: pytest.CaptureFixture[str]) -> None:
    """They can be copied as they stand."""
    code, told = asked(capsys)
    assert code == 0
    assert "48000 Hz stereo, 16000 Hz stereo" in told
    assert tomllib.loads(told.partition("For the settings:")[2]) == {
        "audio": {
            "capture_device": card.microphone,
            "capture_rate_hz": 48_000,
            "playback_device": card.speaker,
            "playback_rate_hz": 48_000,
        }
    }


def test_without_a_card_it_says_what_to_look_at(
    card: VirtualCard, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1, and the usual causes: root is in every group."""
    card.unplug()
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)
    code, told = asked(capsys)
    assert code == 1
    assert "There are no microphones." in told
    assert "are you in the group audio?" in told
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "/proc/asound/cards" in asked(capsys)[1]


def test_cards_in_use_are_listed_with_the_way_to_free_them(
    card: VirtualCard, capsys: pytest.CaptureFixture[str]
) -> None:
    """Most often it is hearthd itself that has them."""
    for side in (card.capture, card.playback):
        side.refuse_open(len(inventory.RATES_HZ))
    code, told = asked(capsys)
    assert code == 1
    assert card.microphone in told
    assert "sudo systemctl stop hearthd" in told


def test_a_card_that_cannot_be_used_is_marked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The problem stands beside the name, and another device is recommended."""
    devices = {
        CAPTURE: [
            SoundDevice("hw:CARD=Busy,DEV=0", "Busy Card [USB]", (), "another program uses the card"),
            SoundDevice("hw:CARD=Array,DEV=0", "Array", (PcmFormat(16_000, 6),), ""),
        ],
        PLAYBACK: [],
    }
    monkeypatch.setattr(inventory, "sound_devices", devices.__getitem__)
    code, told = asked(capsys)
    assert code == 1
    [busy] = [line for line in told.splitlines() if "CARD=Busy" in line]
    assert "Busy Card [USB]" in busy
    assert "another program uses the card" in busy
    assert "16000 Hz 6 channels" in told
    assert 'capture_device = "hw:CARD=Array,DEV=0"\ncapture_rate_hz = 16000\n' in told


class _Closable:
    """All that the inventory does with an open device."""

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A machine with one card and one device of its owner's making, which give 48 kHz stereo or refuse as told here."""
    found: dict[str, str] = {}

    def open_pcm(_: int, name: str, __: int, ___: int) -> tuple[_Closable, Granted]:
        if name in found:
            raise DeviceUnavailable(name, "open", found[name])
        return _Closable(), Granted(PcmFormat(48_000, 2), 960, 3840)

    names = ["null", "hw:CARD=vc4,DEV=0", "plughw:CARD=vc4,DEV=0", "dmix:CARD=vc4,DEV=0", "mine"]
    monkeypatch.setattr(alsaaudio, "pcms", lambda _: names)
    monkeypatch.setattr(alsaaudio, "cards", lambda: ["other", "vc4"])
    monkeypatch.setattr(alsaaudio, "card_indexes", lambda: [0, 3])
    monkeypatch.setattr(alsaaudio, "card_name", lambda index: ("short", f"Card number {index}"))
    monkeypatch.setattr(inventory, "open_pcm", open_pcm)
    return found


def test_hardware_comes_first_and_converters_not_at_all(refusals: dict[str, str]) -> None:
    """A card by its stable name, then `default`, then what the owner made."""
    offers = (PcmFormat(48_000, 2),)
    assert refusals == {}
    assert inventory.sound_devices(PLAYBACK) == [
        SoundDevice("hw:CARD=vc4,DEV=0", "Card number 3", offers, ""),
        SoundDevice("default", "", offers, ""),
        SoundDevice("mine", "", offers, ""),
    ]


def test_a_card_without_pcm16_is_offered_through_the_converter(refusals: dict[str, str]) -> None:
    """HDMI outputs of a Raspberry Pi speak another format by themselves."""
    refusals["hw:CARD=vc4,DEV=0"] = "gives IEC958_SUBFRAME_LE, not S16_LE; try plughw: instead of hw:"
    assert inventory.sound_devices(PLAYBACK)[0].name == "plughw:CARD=vc4,DEV=0"
    refusals["plughw:CARD=vc4,DEV=0"] = "another program uses the card"
    first = inventory.sound_devices(PLAYBACK)[0]
    assert (first.name, first.granted) == ("hw:CARD=vc4,DEV=0", ())
    assert "IEC958_SUBFRAME_LE" in first.problem


def test_hardware_that_fails_is_listed_and_anything_else_is_not(refusals: dict[str, str]) -> None:
    """Somebody looks for their card; nobody looks for a plugin whose server is not there."""
    refusals |= {"hw:CARD=vc4,DEV=0": "busy", "default": "no such device", "mine": "no server"}
    assert inventory.sound_devices(CAPTURE) == [SoundDevice("hw:CARD=vc4,DEV=0", "Card number 3", (), "busy")]
