"""The demo shows what it claims to show, and owns up when it cannot."""

import io
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from rich.console import Console

from tests.demo.acts import ACTS, INTERRUPTED, INTERRUPTER
from tests.demo.journey import StepFailed, run_demo
from tests.demo.story import Story
from tests.doubles import speech
from tests.doubles.appliances import Appliance, zigbee_lamp
from tests.journeys import household

ROOT = Path(__file__).resolve().parents[2]
STEPS = {"spoke", "woken", "heard", "switched", "confirmed", "answered", "nothing", "silenced"}


@pytest.mark.timeout(200)
def test_the_demo_tells_the_whole_journey(tmp_path: Path) -> None:
    """It ends well, has told every step of every wish, and leaves both sides of the talk to listen to."""
    command = [sys.executable, "-m", "tests.demo", "--output", str(tmp_path)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
    assert told.returncode == 0, told.stdout + told.stderr
    lines = [line.split(maxsplit=3) for line in told.stdout.splitlines()]
    steps = [(words[2], words[3]) for words in lines if words[1:2] == ["s"]]
    assert {step for step, _ in steps} == STEPS
    heard = [story for step, story in steps if step == "heard"]
    wishes = [*ACTS, INTERRUPTED, INTERRUPTER]
    assert len(heard) == len(wishes)
    assert [wish.wish for wish, story in zip(wishes, heard, strict=True) if wish.known and wish.wish not in story] == []
    for name in ("said.wav", "answered.wav"):
        assert -45 < speech.level_dbfs(speech.load(tmp_path / name, 16_000)) < -10


async def test_the_demo_names_the_step_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lamp without power is not switched, whatever was understood, and the story ends there with the journal."""

    def lamp_without_power(name: str) -> Appliance:
        lamp = zigbee_lamp(name)
        lamp.deaf = True
        return lamp

    monkeypatch.setattr(household, "zigbee_lamp", lamp_without_power)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    told = io.StringIO()
    with pytest.raises(StepFailed, match="did not confirm it") as failure:
        await run_demo(tmp_path, Story(Console(file=told)))
    assert failure.value.step == "confirmed"
    assert "switched" in told.getvalue()
    assert "answered" not in told.getvalue()
    assert any("journal ends with" in note for note in failure.value.__notes__)
    assert not (tmp_path / "said.wav").exists()
