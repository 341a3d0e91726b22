"""What systemd's own tools say about the unit; needs no root and no running systemd."""

import subprocess
from pathlib import Path

from tests.doubles.installation import PROJECT

_UNIT = PROJECT / "systemd" / "hearthd.service"


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments, "--no-pager"], capture_output=True, text=True, check=False, timeout=30
    )


def test_every_setting_is_known(tmp_path: Path) -> None:
    """Nothing is left to remark for systemd, which only warns about a misspelled key and goes without it."""
    program = tmp_path / "hearthd"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    unit = tmp_path / "hearthd.service"
    unit.write_text(_UNIT.read_text(encoding="utf-8").replace("/opt/hearthd/current/bin/hearthd", str(program)))

    checked = _analyze("verify", "--man=no", str(unit))

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_a_misspelled_setting_would_be_seen(tmp_path: Path) -> None:
    """The check above is able to fail."""
    unit = tmp_path / "hearthd.service"
    unit.write_text("[Service]\nExecStart=/bin/true\nProtectHoem=yes\n", encoding="utf-8")

    assert "ProtectHoem" in _analyze("verify", "--man=no", str(unit)).stderr


def test_exposure_stays_at_most_1_5() -> None:
    """What remains exposed is what a networked sound daemon needs; systemd counts in tenths."""
    judged = _analyze("security", "--offline=true", "--threshold=15", str(_UNIT))

    assert judged.returncode == 0, judged.stdout
