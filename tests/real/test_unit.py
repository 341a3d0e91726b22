"""What systemd's own tools say about the units; needs no root and no running systemd."""

import subprocess
from pathlib import Path

import pytest

from tests.doubles.installation import PROJECT

_UNITS = PROJECT / "systemd"


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments, "--no-pager"], capture_output=True, text=True, check=False, timeout=30
    )


def test_every_setting_is_known(tmp_path: Path) -> None:
    """Nothing is left to remark for systemd, which only warns about a misspelled key and goes without it."""
    program = tmp_path / "hearthd"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    units = [tmp_path / name for name in ("hearthd.service", "hearthd-offline.socket", "hearthd-offline.service")]
    for unit in units:
        text = (_UNITS / unit.name).read_text(encoding="utf-8")
        unit.write_text(text.replace("/opt/hearthd/current/bin/hearthd", str(program)))

    checked = _analyze("verify", "--man=no", *map(str, units))

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_a_misspelled_setting_would_be_seen(tmp_path: Path) -> None:
    """The check above is able to fail."""
    unit = tmp_path / "hearthd.service"
    unit.write_text("[Service]\nExecStart=/bin/true\nProtectHoem=yes\n", encoding="utf-8")

    assert "ProtectHoem" in _analyze("verify", "--man=no", str(unit)).stderr


def test_sound_cards_have_a_number_before_they_are_allowed() -> None:
    """`DeviceAllow=char-...` is looked up at the start alone, in a list where ALSA stands once its module is loaded."""
    lines = (_UNITS / "hearthd.service").read_text(encoding="utf-8").splitlines()

    assert "DeviceAllow=char-alsa rw" in lines
    assert {"Wants=modprobe@snd.service", "After=modprobe@snd.service"} <= set(lines)


@pytest.mark.parametrize(("unit", "tenths"), [("hearthd.service", 15), ("hearthd-offline.service", 5)])
def test_exposure_stays_small(unit: str, tenths: int) -> None:
    """What remains exposed is what a networked sound daemon needs, and next to nothing of what only thinks."""
    judged = _analyze("security", "--offline=true", f"--threshold={tenths}", str(_UNITS / unit))

    assert judged.returncode == 0, judged.stdout
