"""The installer on a machine that has never seen hearthd, and on one that has."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles import standin_daemon
from tests.doubles.installation import PROJECT, install
from tests.doubles.sandbox import Machine

_UNIT = "hearthd.service"
_SETTINGS = "/etc/hearthd/hearthd.toml"
_SHIPPED = "/opt/hearthd/hearthd.toml"
_KEY = "/etc/credstore/hearthd.openai_api_key"


# The first run collects Python packages, perhaps over a slow line.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with hearthd freshly installed; what the installer said is in `/root/said`."""
    with Machine(tmp_path_factory.mktemp("machine"), shown=[PROJECT]) as booted:
        booted.write("/root/said", install(booted))
        yield booted


@pytest.fixture
def settings(machine: Machine) -> Iterator[Path]:
    """The installed settings, as shipped before and after each test."""
    shipped = (PROJECT / "config" / "hearthd.toml").read_text(encoding="utf-8")
    yield machine.path(_SETTINGS)
    machine.write(_SETTINGS, shipped)
    machine.write(_SHIPPED, shipped)
    machine.path(f"{_SETTINGS}.new").unlink(missing_ok=True)


def _present(machine: Machine, paths: list[str]) -> list[str]:
    found = machine.run("ls", "-d", *paths, check=False).stdout.splitlines()
    return [path for path in paths if path in found]


def test_a_fresh_machine_waits_for_its_key(machine: Machine) -> None:
    """Everything is in place for the next boot, and the installer says where the key goes."""
    assert f"install -m 600 /dev/stdin {_KEY}" in machine.path("/root/said").read_text(encoding="utf-8")
    states = [machine.show(_UNIT, name) for name in ("UnitFileState", "ActiveState")]
    assert states == ["enabled", "inactive"]


def test_the_user_may_open_sound_cards_and_no_secrets(machine: Machine) -> None:
    """The daemon's user is in the group that owns sound cards; secrets are root's."""
    assert machine.run("id", "--name", "--groups", "hearthd").stdout.split() == ["hearthd", "audio"]
    assert machine.run("stat", "--format=%U %a", "/etc/credstore").stdout == "root 700\n"


def test_the_locked_packages_are_installed_and_nothing_else(machine: Machine) -> None:
    """The program runs on exactly the versions of the lock."""
    lock = (PROJECT / "scripts" / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    locked = {line.split(" ")[0] for line in lock.splitlines() if "==" in line and not line.startswith(" ")}
    listed = machine.run("/opt/hearthd/current/bin/python", "-m", "pip", "list", "--format=freeze").stdout

    tools = ("hearthd==", "pip==", "setuptools==")
    assert {line for line in listed.lower().splitlines() if not line.startswith(tools)} == locked


def test_a_second_run_changes_nothing(machine: Machine) -> None:
    """An up-to-date machine stays as it is, down to the time of its settings."""
    before = machine.path(_SETTINGS).read_text(encoding="utf-8"), machine.path("/opt/hearthd/current").readlink()

    assert "up to date" in install(machine)

    after = machine.path(_SETTINGS).read_text(encoding="utf-8"), machine.path("/opt/hearthd/current").readlink()
    assert after == before


def test_edited_settings_are_kept_beside_new_ones(machine: Machine, settings: Path) -> None:
    """Nobody loses an edit to an update, and the owner learns where the new file lies."""
    settings.write_text("# mine\n", encoding="utf-8")
    machine.write(_SHIPPED, "# shipped with an older release\n")

    said = install(machine, "--no-start")

    assert settings.read_text(encoding="utf-8") == "# mine\n"
    assert "hearthd.toml.new" in said
    fresh = machine.path(f"{_SETTINGS}.new").read_text(encoding="utf-8")
    assert fresh == (PROJECT / "config" / "hearthd.toml").read_text(encoding="utf-8")


def test_edited_settings_are_not_nagged_about(machine: Machine, settings: Path) -> None:
    """As long as the shipped file stays the same, there is nothing to compare with."""
    settings.write_text("# mine\n", encoding="utf-8")

    said = install(machine, "--no-start")

    assert settings.read_text(encoding="utf-8") == "# mine\n"
    assert "hearthd.toml.new" not in said


def test_untouched_settings_follow_the_release(machine: Machine, settings: Path) -> None:
    """Who never edited the file gets the new one, explanations and all."""
    settings.write_text("# shipped with an older release\n", encoding="utf-8")
    machine.write(_SHIPPED, "# shipped with an older release\n")

    install(machine, "--no-start")

    assert settings.read_text(encoding="utf-8") == (PROJECT / "config" / "hearthd.toml").read_text(encoding="utf-8")


def test_with_a_key_an_update_restarts_the_service_on_the_new_release(machine: Machine) -> None:
    """The running daemon is replaced, and the release that it came from is removed."""
    assert standin_daemon.__file__ is not None
    machine.write("/srv/standin_daemon.py", Path(standin_daemon.__file__).read_text(encoding="utf-8"))
    command = f"/opt/hearthd/current/bin/python /srv/standin_daemon.py run --config {_SETTINGS}"
    machine.write(f"/etc/systemd/system/{_UNIT}.d/test.conf", f"[Service]\nExecStart=\nExecStart={command}\n")
    machine.write(_KEY, "sk-test\n", mode=0o600)
    install(machine)
    first = machine.show(_UNIT, "MainPID")
    machine.write("/opt/hearthd/releases/older/bin/hearthd", "")

    install(machine)

    assert machine.show(_UNIT, "ActiveState") == "active"
    assert machine.show(_UNIT, "MainPID") != first
    assert not machine.path("/opt/hearthd/releases/older").exists()


def test_uninstalling_keeps_what_is_the_owners_and_purging_keeps_nothing(tmp_path: Path) -> None:
    """Settings, key and memory outlive the program until the owner says otherwise."""
    with Machine(tmp_path, shown=[PROJECT]) as machine:
        uninstall = str(PROJECT / "scripts" / "uninstall")
        install(machine, "--no-start")
        machine.write(_KEY, "sk-test\n", mode=0o600)
        machine.write("/var/lib/hearthd/memory", "")

        machine.run(uninstall)

        kept = [_SETTINGS, _KEY, "/var/lib/hearthd/memory"]
        gone = ["/opt/hearthd", "/usr/local/bin/hearthd", f"/etc/systemd/system/{_UNIT}"]
        assert _present(machine, kept + gone) == kept

        machine.run(uninstall, "--purge")

        assert _present(machine, kept + gone) == []
        assert machine.run("id", "hearthd", check=False).returncode == 1
