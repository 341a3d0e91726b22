"""TCP and TLS to the MQTT broker, opened by the event loop itself.

paho would open them in a thread of its own that nobody can stop, for 5 s each: too long for a daemon that must end
within 2 s of SIGTERM.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any


async def dial(host: str, port: int, tls: ssl.SSLContext | None, at_most_s: float) -> socket.socket:
    """Open a connection, without Nagle's delay and with TLS if there is a context; the socket does not block.

    Raises `OSError`: of the last address that was tried, `TimeoutError`, `socket.gaierror` or `ssl.SSLError`.
    Cancelling closes what was open.
    """
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + at_most_s
    async with asyncio.timeout_at(ends_s):
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError as error:  # Python's word for a name with an empty label or one that is too long.
            raise socket.gaierror(socket.EAI_NONAME, "it is no name of a host") from error
    failure: OSError = TimeoutError()
    for tried, (family, kind, protocol, _, address) in enumerate(found):
        plain = socket.socket(family, kind, protocol)
        try:
            # A name may have addresses that swallow every packet: each gets its share of the time that is left.
            async with asyncio.timeout((ends_s - loop.time()) / (len(found) - tried)):
                await _connect(plain, address)
        except OSError as error:
            plain.close()
            failure = error
        except BaseException:
            plain.close()
            raise
        else:
            async with asyncio.timeout_at(ends_s):
                return plain if tls is None else await _shake_hands(plain, tls, host)
    raise failure


async def _connect(plain: socket.socket, address: Any) -> None:  # noqa: ANN401 - its shape depends on the family.
    plain.setblocking(False)  # noqa: FBT003 - the name of this switch is its method's.
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await asyncio.get_running_loop().sock_connect(plain, address)


async def _shake_hands(plain: socket.socket, tls: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    loop = asyncio.get_running_loop()
    secure = tls.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
    try:
        while True:
            try:
                secure.do_handshake()
            except ConnectionError as error:
                raise ssl.SSLError("hung up in the handshake") from error
            except ssl.SSLWantReadError:
                await _until(loop.add_reader, loop.remove_reader, secure)
            except ssl.SSLWantWriteError:
                await _until(loop.add_writer, loop.remove_writer, secure)
            else:
                return secure
    except BaseException:
        secure.close()
        raise


async def _until(watch: Callable[..., None], unwatch: Callable[[int], bool], watched: socket.socket) -> None:
    """Wait until the socket can be read, or written."""
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    number = watched.fileno()
    watch(number, _wake, ready)
    try:
        await ready
    finally:
        unwatch(number)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
