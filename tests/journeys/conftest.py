"""The stage on which all journeys of this folder take place."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.journeys.stage import Stage

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Demand that every test of this folder is a journey: all others would stand still for as long as it runs."""
    for item in items:
        if _HERE in item.path.parents and not hasattr(getattr(item, "obj", None), "journey"):
            raise pytest.UsageError(f"{item.nodeid} is no journey")


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """Begin the journeys that were selected."""
    selected = [item.obj for item in request.session.items if isinstance(item, pytest.Function)]
    made = Stage([test for test in selected if hasattr(test, "journey")])
    running = asyncio.get_running_loop().create_task(made.run(), name="stage")
    yield made
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
