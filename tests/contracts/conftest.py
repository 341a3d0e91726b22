"""Which loop each contract is tested in."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from tests.doubles.virtual_time import VirtualTimeLoop

IN_BOTH_TIMES = {"test_microphone.py", "test_speaker.py"}
"""Contracts whose double lives in virtual time and whose adapter lives in real time; the loop tells which is tested."""


LoopFactories = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]


def pytest_asyncio_loop_factories(item: pytest.Item) -> LoopFactories:
    """Run the contracts of sound once in each time, all others in real time."""
    if item.path.name in IN_BOTH_TIMES:
        return {"memory": VirtualTimeLoop, "alsa": asyncio.SelectorEventLoop}
    return {"real": asyncio.SelectorEventLoop}
