"""An event loop whose clock is virtual: when nothing is ready, it jumps to the next timer instead of waiting for it.

An hour passes in milliseconds, the same way each time. Nothing outside the loop can take part: a thread, a socket, a
file or a process would need real time, so whatever reaches for one fails at once.

For all asynchronous tests below a folder, its `conftest.py` says:

    def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
        return {"virtual": VirtualTimeLoop}
"""

import asyncio
import threading
from collections.abc import Callable
from contextvars import Context
from types import CoroutineType
from typing import Never

START_S = 1_000.0
"""What the clock shows at first: not 0, so that nobody takes a moment for a duration."""
RESOLUTION_S = 1e-9
"""Timers closer than this are due together; more than what adding up floats loses, less than half a sample."""

_OUTSIDE = (
    *("run_in_executor", "getaddrinfo", "getnameinfo", "subprocess_exec", "subprocess_shell", "add_signal_handler"),
    *("create_connection", "create_server", "create_unix_connection", "create_unix_server", "start_tls"),
    *("create_datagram_endpoint", "connect_accepted_socket", "connect_read_pipe", "connect_write_pipe", "sendfile"),
    *("add_reader", "add_writer", "sock_accept", "sock_connect", "sock_recv", "sock_recv_into", "sock_recvfrom"),
    *("sock_recvfrom_into", "sock_sendall", "sock_sendto", "sock_sendfile"),
)


class VirtualTimeError(RuntimeError):
    """Something that cannot be in virtual time: the outside world, or waiting for what will never come."""


class _Clock:
    """Stands where a loop has its selector: asked to wait, it puts the clock forward."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.now_s = START_S
        self._loop = loop

    def select(self, timeout: float | None) -> list[Never]:
        if timeout is None:
            waiting = "\n".join(sorted(f"  {_whereabouts(task)}" for task in asyncio.all_tasks(self._loop)))
            raise VirtualTimeError(f"nothing will ever happen again; waiting for ever are\n{waiting}")
        now_s = self.now_s + timeout
        timers: list[asyncio.TimerHandle] = getattr(self._loop, "_scheduled")  # noqa: B009 - no public way to see them
        # They are due now, and whoever compares his deadline with a clock a hair before it would wait for ever.
        self.now_s = max(
            (due_s for each in timers if now_s < (due_s := each.when()) < now_s + RESOLUTION_S), default=now_s
        )
        return []


class VirtualTimeLoop(asyncio.BaseEventLoop):
    """One thread's event loop in virtual time; `time()` is in seconds from `START_S` on."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Clock(self)
        self._clock_resolution = RESOLUTION_S
        self._owner = threading.get_ident()

    def time(self) -> float:
        """The virtual moment; stands still while code runs."""
        return self._selector.now_s

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.Handle:
        """As `call_soon`, from the loop's own thread alone."""
        if threading.get_ident() != self._owner:
            raise VirtualTimeError(f"thread {threading.current_thread().name} calls a loop in virtual time")
        return self.call_soon(callback, *args, context=context)

    def _process_events(self, event_list: list[Never]) -> None:
        """Have no events but timers."""


def _refusal(method: str) -> Callable[..., Never]:
    def refuse(*_args: object, **_options: object) -> Never:
        raise VirtualTimeError(f"{method}: no thread, socket, file or process can take part in virtual time")

    return refuse


for _method in _OUTSIDE:
    setattr(VirtualTimeLoop, _method, _refusal(_method))


def _whereabouts(task: asyncio.Task[object]) -> str:
    """Name a task and the line of code in which it waits."""
    coroutine: object = task.get_coro()
    place = "finished"
    while isinstance(coroutine, CoroutineType) and coroutine.cr_frame is not None:
        place = f"{coroutine.cr_code.co_filename}:{coroutine.cr_frame.f_lineno} in {coroutine.cr_code.co_qualname}"
        coroutine = coroutine.cr_await
    return f"{task.get_name()}: {place}"
