"""The outside worlds that the daemon lives among: the only file that knows which adapter stands behind which port."""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass

from hearthd.adapters.alsa import AlsaMicrophone, AlsaSpeaker
from hearthd.adapters.mqtt import MqttBroker
from hearthd.adapters.mute_mark import MuteMark
from hearthd.adapters.offline_server import OfflineTransport
from hearthd.adapters.store import SqliteLedger
from hearthd.adapters.store_clock import SystemClock
from hearthd.adapters.systemd import SystemdSupervisor
from hearthd.adapters.websocket import WebSocketTransport
from hearthd.config import Settings
from hearthd.config.rules import needs_key
from hearthd.config.state import state_folder
from hearthd.core.home.topics import RoomTopics, room_slug
from hearthd.core.settings import WakeSettings
from hearthd.ports import (
    Broker,
    Ledger,
    LinkHost,
    LinkTransport,
    Microphone,
    MuteMemory,
    Speaker,
    Supervisor,
    WakeScorer,
    WallClock,
)


@dataclass(frozen=True, slots=True)
class Outside:
    """The outside worlds that the daemon lives among, each behind its port."""

    supervisor: Supervisor
    microphone: Microphone
    speaker: Speaker
    scorer: WakeScorer | None
    """None: no wake word."""
    transport: LinkTransport | None
    """To the configured server; None: it wants a key, and there is none."""
    broker: Broker | None
    """None: no MQTT."""
    ledger: Ledger
    mute: MuteMemory
    offline: LinkHost | None = None
    """None: no server on this machine."""
    clock: WallClock | None = None
    """None: no conversation is told the time of day."""
    random_unit: Callable[[], float] = random.random
    """Spreads retries."""

    @property
    def calendar(self) -> WallClock:
        """The clock by which money is counted, whether or not a conversation is told the time."""
        return self.clock or SystemClock()


def adapters(settings: Settings) -> Outside:
    """Return the real worlds that `settings` name; nothing is opened. Raises `WakeModelUnusable`."""
    audio, mqtt = settings.audio, settings.mqtt
    topics = RoomTopics(mqtt.base_topic, settings.room.name)
    client_id = f"hearthd-{room_slug(settings.room.name)}"
    state = state_folder(os.environ)
    broker = MqttBroker(mqtt, settings.mqtt_password, client_id, topics.availability) if mqtt.host else None
    return Outside(
        supervisor=SystemdSupervisor(),
        microphone=AlsaMicrophone(audio.capture_device, audio.capture_rate_hz),
        speaker=AlsaSpeaker(audio.playback_device, audio.playback_rate_hz),
        scorer=_scorer(settings.wake),
        transport=_transport(settings),
        broker=broker,
        ledger=SqliteLedger(state),
        mute=MuteMark(state),
        offline=(lambda: OfflineTransport(settings.offline)) if settings.offline.enabled else None,
        clock=SystemClock(),
    )


def _transport(settings: Settings) -> LinkTransport | None:
    """Return the way to the configured server, unless it would only refuse us and another one can answer."""
    if settings.offline.enabled and needs_key(settings.realtime) and not settings.openai_api_key:
        return None
    return WebSocketTransport(settings.realtime, settings.openai_api_key)


def _scorer(settings: WakeSettings) -> WakeScorer | None:
    """Load the wake words; without any, the model runtime is not even imported."""
    if not settings.words:
        return None
    from hearthd.adapters.wakeword import MicroWakeWords  # noqa: PLC0415 - 10 MB that push-to-talk does without

    return MicroWakeWords(settings.words, settings.threshold)
