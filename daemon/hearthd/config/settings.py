"""All settings in one struct."""

import msgspec

from hearthd.core.home.devices import Devices
from hearthd.core.settings import (
    AudioSettings,
    BudgetSettings,
    GateSettings,
    LogSettings,
    MqttSettings,
    OfflineSettings,
    PolicySettings,
    RealtimeSettings,
    RoomSettings,
    Secret,
    WakeSettings,
)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that the owner set; what was left out has its default."""

    room: RoomSettings = RoomSettings()
    audio: AudioSettings = AudioSettings()
    wake: WakeSettings = WakeSettings()
    gate: GateSettings = GateSettings()
    realtime: RealtimeSettings = RealtimeSettings()
    budget: BudgetSettings = BudgetSettings()
    mqtt: MqttSettings = MqttSettings()
    devices: Devices = {}
    policy: PolicySettings = PolicySettings()
    offline: OfflineSettings = OfflineSettings()
    log: LogSettings = LogSettings()
    openai_api_key: Secret = Secret("")
    mqtt_password: Secret = Secret("")
    warnings: tuple[str, ...] = ()
    """What is allowed but hardly meant; each a sentence for the owner."""
