"""A program that serves WebSocket on the socket that it was handed, as the embedded server does.

It greets with what it knows of itself and then repeats what it is told. With `deaf` it cannot be ended politely.
"""

import asyncio
import json
import os
import signal
import socket
import sys

from websockets.asyncio.server import ServerConnection, serve

FIRST_FD = 3
"""`SD_LISTEN_FDS_START` of sd_listen_fds(3)."""


async def _talk(connection: ServerConnection) -> None:
    await connection.send(json.dumps({"pid": os.getpid(), "environment": dict(os.environ)}))
    async for message in connection:
        await connection.send(message)


async def main() -> None:
    """Serve until the end."""
    if (os.environ["LISTEN_FDS"], os.environ["LISTEN_PID"]) != ("1", str(os.getpid())):
        raise SystemExit("the socket is not for this process")
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, (lambda: None) if "deaf" in sys.argv else ended.set)
    async with serve(_talk, sock=socket.socket(fileno=FIRST_FD), close_timeout=0.1):
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(main())
