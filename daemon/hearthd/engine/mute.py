"""Mute, remembered: whoever muted the microphone finds it closed after a crash, an update or a power cut, too."""

import asyncio
from typing import Never

from hearthd.ports import MuteMemory


class MuteKeeper:
    """Has remembered what was wished for last; used by the loop alone."""

    def __init__(self, memory: MuteMemory) -> None:
        """Recall nothing yet."""
        self._memory = memory
        self._muted = False
        self._changed = asyncio.Event()

    def recall(self) -> bool:
        """Return how it was left; for the start, as it looks at the disk."""
        self._muted = self._memory.muted()
        return self._muted

    def switch(self, *, muted: bool) -> None:
        """Take a wish."""
        if muted is not self._muted:
            self._muted = muted
            self._changed.set()

    async def run(self) -> Never:
        """Have each wish remembered, the last one for certain, for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._memory.keep(muted=self._muted)
