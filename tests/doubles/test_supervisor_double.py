"""The stand-in for systemd treats a service as systemd does."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.doubles import standin_daemon
from tests.doubles.supervisor import SupervisedProcess


def _daemon(folder: Path, *, settings: str = "", watchdog_s: float | None = None) -> SupervisedProcess:
    assert standin_daemon.__file__ is not None
    file = folder / "settings.toml"
    file.write_text(settings, encoding="utf-8")
    return SupervisedProcess(
        [sys.executable, standin_daemon.__file__, "run", "--config", str(file)],
        folder,
        watchdog_s=watchdog_s,
        credentials={"openai_api_key": "sk-1"},
        environment={"PYTHONPATH": os.pathsep.join(sys.path)},
    )


async def test_a_service_lives_from_ready_to_stopping(tmp_path: Path) -> None:
    """It starts with its credentials, feeds the watchdog, says that it stops, and ends with 0."""
    async with _daemon(tmp_path, watchdog_s=3.0) as service:
        ready = await service.until(READY="1")
        await service.until(WATCHDOG="1")
        service.process.terminate()
        await service.until(STOPPING="1")

        assert await service.ended() == 0
        assert ready.fields["STATUS"] == "Listening"
        assert ready.sender == service.process.pid
        found = json.loads((tmp_path / "state" / "credentials.json").read_text(encoding="utf-8"))
        assert found == {"openai_api_key": "sk-1"}
        assert not service.watchdog_bit


async def test_a_hung_service_is_aborted(tmp_path: Path) -> None:
    """Who stops feeding the watchdog gets SIGABRT and leaves its tracebacks."""
    async with _daemon(tmp_path, watchdog_s=0.5) as service:
        await service.until(READY="1")
        service.process.send_signal(signal.SIGSTOP)

        assert await service.ended() == -signal.SIGABRT
        assert service.watchdog_bit
        assert "Fatal Python error: Aborted" in service.output


async def test_a_service_that_ends_early_is_told_with_its_output(tmp_path: Path) -> None:
    """A test that waits for readiness fails at once, with what the program said."""
    async with _daemon(tmp_path, settings="broken") as service:
        with pytest.raises(AssertionError, match="The configuration is bad"):
            await service.until(READY="1")
        assert await service.ended() == standin_daemon.EXIT_BAD_CONFIGURATION
