"""All tests of the pretended room run in virtual time."""

import asyncio
from collections.abc import Callable, Mapping

from tests.doubles.virtual_time import VirtualTimeLoop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give every test a loop whose clock jumps."""
    return {"virtual": VirtualTimeLoop}
