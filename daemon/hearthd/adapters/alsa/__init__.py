"""Sound cards through libasound: one owner thread per PCM, and no call that may wait inside the library."""

from hearthd.adapters.alsa.microphone import AlsaMicrophone
from hearthd.adapters.alsa.speaker import AlsaSpeaker

__all__ = ["AlsaMicrophone", "AlsaSpeaker"]
