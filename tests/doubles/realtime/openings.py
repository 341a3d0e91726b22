"""How connections begin and end by themselves: what a request earns, waits that a client may cut short, the cap."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from tests.doubles.realtime.scenario import ErrorFirst

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

    from tests.doubles.realtime.outbox import Outbox
    from tests.doubles.realtime.record import SessionRecord


def refusal(socket: ServerConnection, session: SessionRecord) -> ErrorFirst | None:
    """Return the refusal that the request itself earns, whatever the scenario says."""
    assert socket.request is not None
    if "OpenAI-Beta" in socket.request.headers:
        return ErrorFirst("beta_api_shape_disabled", "the OpenAI-Beta header: the beta is over", close_code=4000)
    if not session.model:
        return ErrorFirst("missing_model", "no model in the URL", close_code=4000)
    return None


async def expire(outbox: Outbox, life_s: float) -> None:
    """End a session that has reached the provider's cap."""
    await asyncio.sleep(life_s)
    text = "Your session hit the maximum duration of 60 minutes."
    with suppress(ConnectionClosed):
        await outbox.error("session_expired", text, param=None, kind="invalid_request_error", event_id=None)
        await outbox.close(CloseCode.GOING_AWAY, text)


async def stays(socket: ServerConnection, delay_s: float) -> bool:
    """Wait; return False as soon as the connection ends meanwhile."""
    with suppress(TimeoutError):
        async with asyncio.timeout(delay_s):
            await socket.wait_closed()
            return False
    return True


async def drain(socket: ServerConnection) -> None:
    """Read and ignore until the client goes."""
    async for _ in socket:
        pass
