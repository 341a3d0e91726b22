"""The utterance on its way up: kept until committed, complete in every session."""

import base64
import logging

import pytest

from hearthd.core.audio.pcm import LINK_RATE_HZ
from hearthd.engine.uplink import APPEND_BYTES_MAX, Uplink
from tests.core.realtime import wire
from tests.core.realtime.wire import sent, started
from tests.engine.voices import noise

SOUND = noise(1.0, LINK_RATE_HZ)


def appended(messages: list[wire.Json]) -> bytes:
    """Return the sound that went out."""
    return b"".join(base64.b64decode(str(message["audio"])) for message in messages if message["type"] == wire.APPEND)


def test_sound_waits_for_a_session_and_goes_out_in_small_pieces() -> None:
    """All of it, from the start; and from then on as it comes."""
    uplink, protocol = Uplink(20.0), started()
    uplink.open(1)
    uplink.take(1, SOUND)
    uplink.attach(protocol)
    messages = sent(protocol)
    assert appended(messages) == SOUND
    assert len(messages) == len(SOUND) / APPEND_BYTES_MAX
    uplink.take(1, SOUND[:960])
    assert appended(sent(protocol)) == SOUND[:960]


def test_a_new_session_gets_it_again_from_the_start() -> None:
    """What a lost session had is lost with it."""
    uplink, first, second = Uplink(20.0), started(), started()
    uplink.attach(first)
    uplink.open(1)
    uplink.take(1, SOUND[:4_800])
    uplink.attach(None)
    uplink.take(1, SOUND[4_800:])
    uplink.attach(second)
    assert appended(sent(first)) == SOUND[:4_800]
    assert appended(sent(second)) == SOUND


def test_sound_of_another_turn_is_dropped() -> None:
    """It comes late from a thread that had not heard of the end yet; without a turn, everything does."""
    uplink, protocol = Uplink(20.0), started()
    uplink.attach(protocol)
    uplink.take(0, SOUND)
    uplink.open(2)
    uplink.take(1, SOUND)
    uplink.take(2, SOUND[:960])
    uplink.close()
    uplink.take(2, SOUND)
    assert appended(sent(protocol)) == SOUND[:960]
    uplink.open(3)
    uplink.attach(protocol)
    assert sent(protocol) == []


def test_an_utterance_beyond_all_bounds_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """What fits is kept, whole pieces of it; the next utterance begins anew."""
    uplink, protocol = Uplink(2.5), started()
    with caplog.at_level(logging.ERROR, "hearthd"):
        for turn in (1, 2):
            uplink.attach(None)
            uplink.open(turn)
            for _ in range(5):
                uplink.take(turn, SOUND)
            uplink.take(turn, SOUND[:2])
            uplink.attach(protocol)
            assert appended(sent(protocol)) == 2 * SOUND
    assert [record.__dict__["HEARTHD_TURN"] for record in caplog.records] == [1, 2]
