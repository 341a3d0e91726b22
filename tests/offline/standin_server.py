"""The real server with the stand-in worker, in this process, on a free port or a socket file."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hearthd.offline.serving import sockets
from hearthd.offline.serving.server import OfflineServer
from hearthd.offline.serving.workshop import Workshop
from tests.offline.standin_worker import COMMAND

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@dataclass
class Served:
    """A server that runs."""

    url: str
    server: OfflineServer
    workshop: Workshop


def local_time() -> datetime:
    """Half past six."""
    return datetime(2026, 11, 22, 18, 30).astimezone()


@asynccontextmanager
async def served(path: Path | None = None, **options: Any) -> AsyncIterator[Served]:  # noqa: ANN401 - as the workshop has them
    """Serve for the time of the context; `options` are the workshop's."""
    workshop = Workshop(options.pop("command", COMMAND), **options)
    server = OfflineServer(workshop, local_time)
    listening = sockets.on_port(0) if path is None else sockets.on_path(path)
    url, stop, ready = listening.address, asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.run([listening], stop, ready.set))
        async with asyncio.timeout(20):
            await ready.wait()
        try:
            yield Served(url, server, workshop)
        finally:
            stop.set()
