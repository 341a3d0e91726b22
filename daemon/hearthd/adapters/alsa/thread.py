"""A thread that owns one PCM from open to close, inside a coroutine that never loses sight of it."""

import asyncio
import logging
import threading
from collections.abc import Callable
from time import monotonic

from hearthd.ports import DeviceUnavailable

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
STUCK_AFTER_S = 5.0
"""Owners turn at least every 2 s, however idle they are."""
CLOSE_S = 1.0
"""From the stop sign to the closed device; owners see it within a period."""
STUCK_MAX = 2
"""Threads that may hang in libasound per device before we stop opening it and let the watchdog decide."""


class Errand:
    """What an owner thread shares with the coroutine that watches it."""

    def __init__(self) -> None:
        """Begin with a moment's credit."""
        self.stopping = threading.Event()
        self.turned_s = monotonic()

    def turns(self) -> bool:
        """Say that the thread's loop turns; returns whether it shall go on."""
        self.turned_s = monotonic()
        return not self.stopping.is_set()


class OwnerThread:
    """Runs the owner of one device; one at a time.

    A thread that hangs inside libasound cannot be ended. It is left behind, told to close its PCM should it ever come
    back, and the device counts as lost.
    """

    def __init__(self, device: str, operation: str) -> None:
        """Name the ALSA `device` and the `operation` that errors speak of."""
        self._device = device
        self._operation = operation
        self._stuck: list[threading.Thread] = []

    async def run(self, work: Callable[[Errand], None], wake: Callable[[], None]) -> None:
        """Run `work(errand)` in a thread until it returns or raises, or until cancelled, and see it end.

        `wake` is called after the stop sign is up, for owners that sleep until something happens. Raises what `work` raises, and `DeviceUnavailable` when the thread stops turning.
        """
        self._stuck = [thread for thread in self._stuck if thread.is_alive()]
        if len(self._stuck) >= STUCK_MAX:
            raise DeviceUnavailable(
                self._device, self._operation, "the sound library hangs and does not come back"
            )
        errand = Errand()
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def settle(error: BaseException | None) -> None:
            if ended.done():
                return
            if error is None:
                ended.set_result(None)
            else:
                ended.set_exception(error)

        def body() -> None:
            outcome: BaseException | None = None
            try:
                work(errand)
            except BaseException as error:  # noqa: BLE001 - forwarded to the coroutine, which raises it
                outcome = error
            try:
                loop.call_soon_threadsafe(settle, outcome)
            except RuntimeError:
                log.debug("a sound thread ended after its loop")

        thread = threading.Thread(target=body, name=f"{self._operation} {self._device}", daemon=True)
        thread.start()
        try:
            await self._watch(errand, ended)
        finally:
            errand.stopping.set()
            wake()
            if await self._settled(ended, CLOSE_S):
                ended.exception()  # seen, even if a cancellation goes first
            else:
                ended.cancel()
                self._stuck.append(thread)
                log.error("a sound thread hangs in the sound library", extra={"HEARTHD_DEVICE": self._device})

    async def _watch(self, errand: Errand, ended: asyncio.Future[None]) -> None:
        while not await self._settled(ended, LOOK_EVERY_S):
            if monotonic() - errand.turned_s > STUCK_AFTER_S:
                raise DeviceUnavailable(self._device, self._operation, "the sound library does not answer")
        ended.result()

    @staticmethod
    async def _settled(ended: asyncio.Future[None], within_s: float) -> bool:
        await asyncio.wait([ended], timeout=within_s)
        return ended.done()
