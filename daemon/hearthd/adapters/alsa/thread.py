"""A thread that owns one PCM from open to close, inside a coroutine that never loses sight of it."""

import asyncio
import logging
import threading
from collections.abc import Callable

from hearthd.ports import DeviceHangs, DeviceUnavailable

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
TURN_EVERY_S = 1.5
"""Owners pass their checkpoint at least this often, however idle they are: once between any two looks."""
STUCK_LOOKS = 2
"""So many looks in a row without a turn mean a thread that hangs. Looks are counted, not seconds, so that a process
that was stopped for a while does not accuse its threads."""
CLOSE_S = 1.0
"""From the dismissal to the closed device; owners see it at once unless they hang."""
STUCK_MAX = 2
"""Threads that may hang in libasound per device before it is not opened any more; that is for a new process to do."""


class Dismissed(Exception):
    """The owner thread shall close its device and end."""


class Errand:
    """What an owner thread shares with the coroutine that watches it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin on behalf of a coroutine of `loop`."""
        self.loop = loop
        self.turns = 0
        self._dismissed = threading.Event()

    def checkpoint(self) -> None:
        """Say, in the owner thread, that it turns. Raises `Dismissed` when nobody waits for it any more."""
        self.turns += 1
        if self._dismissed.is_set() or self.loop.is_closed():
            raise Dismissed

    def nap(self, lasting_s: float) -> None:
        """Sleep in the owner thread, unless dismissed."""
        self._dismissed.wait(lasting_s)

    def dismiss(self) -> None:
        """Have the owner thread end at its next checkpoint."""
        self._dismissed.set()


class OwnerThread:
    """Runs the owner of one device; one at a time.

    A thread that hangs inside libasound cannot be ended. It is left behind, to close its PCM should it ever come back,
    and the device counts as lost.
    """

    def __init__(self, device: str, operation: str) -> None:
        """Name the ALSA `device` and the `operation` that errors speak of."""
        self._device = device
        self._operation = operation
        self._running = False
        self._stuck: list[threading.Thread] = []

    async def run(self, work: Callable[[Errand], None], wake: Callable[[], None]) -> None:
        """Run `work(errand)` in a thread until it raises, or until cancelled, and see it end.

        `work` passes `errand.checkpoint()` at least every `TURN_EVERY_S`; `wake` is called after a dismissal, for
        owners that sleep until something happens. Raises what `work` raises, `DeviceUnavailable` when it hangs, and
        `DeviceHangs`, without a thread of its own, while too many hang already.
        After a cancellation a device that failed in its last moment is no news, but any other error still comes out.
        """
        assert not self._running, f"{self._device} is opened twice"
        self._refuse_when_stuck()
        errand = Errand(asyncio.get_running_loop())
        ended: asyncio.Future[BaseException | None] = errand.loop.create_future()
        thread = threading.Thread(
            target=self._body, args=(work, errand, ended), name=f"{self._operation} {self._device}", daemon=True
        )
        self._running = True
        patience_s = CLOSE_S
        thread.start()
        try:
            if not await self._ends(errand, ended):
                patience_s = 0.0
                raise DeviceUnavailable(self._device, self._operation, "the sound library does not answer")
        finally:
            self._running = False
            errand.dismiss()
            wake()
            if not errand.loop.is_closed():
                await self._see_it_end(thread, ended, patience_s)
        if error := ended.result():
            raise error

    @staticmethod
    def _body(work: Callable[[Errand], None], errand: Errand, ended: asyncio.Future[BaseException | None]) -> None:
        outcome: BaseException | None = None
        try:
            work(errand)
        except Dismissed:
            pass
        except BaseException as error:  # noqa: BLE001 - handed to the coroutine, which raises it
            outcome = error

        def settle() -> None:
            if not ended.done():
                ended.set_result(outcome)

        try:
            errand.loop.call_soon_threadsafe(settle)
        except RuntimeError:
            log.debug("a sound thread ended after its event loop", exc_info=outcome)

    def _refuse_when_stuck(self) -> None:
        self._stuck = [thread for thread in self._stuck if thread.is_alive()]
        if len(self._stuck) >= STUCK_MAX:
            problem = "the sound library hangs and does not come back; hearthd has to be restarted"
            raise DeviceHangs(self._device, self._operation, problem)

    @staticmethod
    async def _ends(errand: Errand, ended: asyncio.Future[BaseException | None]) -> bool:
        """Return True once the thread has ended, False as soon as it hangs."""
        turns_seen = errand.turns
        looks_in_vain = 0
        while looks_in_vain < STUCK_LOOKS:
            await asyncio.wait([ended], timeout=LOOK_EVERY_S)
            if ended.done():
                return True
            looks_in_vain = looks_in_vain + 1 if errand.turns == turns_seen else 0
            turns_seen = errand.turns
        return False

    async def _see_it_end(
        self, thread: threading.Thread, ended: asyncio.Future[BaseException | None], patience_s: float
    ) -> None:
        """Wait, through further cancellations, until the thread has closed its device, or leave it behind.

        Raises what the thread raised, unless the device was the cause.
        """
        loop = asyncio.get_running_loop()
        give_up_s = loop.time() + patience_s
        cancelled: asyncio.CancelledError | None = None
        while not ended.done() and loop.time() < give_up_s:
            try:
                await asyncio.wait([ended], timeout=give_up_s - loop.time())
            except asyncio.CancelledError as again:
                cancelled = again
        if not ended.done():
            self._stuck.append(thread)
            log.error(
                "a sound thread hangs in the sound library",
                extra={"HEARTHD_EVENT": "sound_thread_stuck", "HEARTHD_DEVICE": self._device},
            )
        else:
            thread.join()  # settling the future was its last deed
            error = ended.result()
            if error is not None and not isinstance(error, DeviceUnavailable):
                raise error
        if cancelled is not None:
            raise cancelled
