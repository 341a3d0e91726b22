"""Where ports, engine and adapters meet."""

import asyncio

from hearthd.compose.daemon import Daemon
from hearthd.compose.outside import Outside, adapters
from hearthd.config import Settings

__all__ = ["Daemon", "Outside", "adapters", "serve"]


async def serve(settings: Settings, *, stop: asyncio.Event) -> None:
    """Run the daemon among its real `adapters` until `stop` is set, then close everything in order.

    Raises `WakeModelUnusable` when a wake word cannot be loaded; anything else that comes out is a bug.
    """
    await Daemon(settings, adapters(settings)).run(stop)
