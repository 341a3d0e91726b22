"""The installer on a machine that has never seen hearthd, and on one that has."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hearthd import __version__
from tests.doubles.installation import HOMES, KEY_FILE, PROJECT, SETTINGS, Installed, install
from tests.doubles.sandbox import Machine
from tests.doubles.service import UNIT
from tests.journeys.household import Plan
from tests.real.served import served

_SHIPPED = "/opt/hearthd/hearthd.toml"
_LIST = "from importlib.metadata import distributions as d\nfor found in d(): print(f'{found.name}=={found.version}')"
_STARTED = (UNIT, "hearthd-offline.socket")
_OLDER = "# shipped with an older release\n"


# The first run collects Python packages, perhaps over a slow line.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def machine(installed: Installed) -> Iterator[Machine]:
    """A machine with hearthd freshly installed, its settings as shipped before and after each test."""
    yield installed.machine
    shipped = _shipped()
    installed.machine.write(SETTINGS, shipped)
    installed.machine.write(_SHIPPED, shipped)
    installed.machine.run("rm", "-f", f"{SETTINGS}.new")


def _shipped() -> str:
    return (PROJECT / "config" / "hearthd.toml").read_text(encoding="utf-8")


def _present(machine: Machine, paths: list[str]) -> list[str]:
    found = machine.run("ls", "-d", *paths, check=False).stdout.splitlines()
    return [path for path in paths if path in found]


def test_a_fresh_machine_is_started_without_a_key(installed: Installed) -> None:
    """It lacks a sound card, and says so; the installer tells that it works offline, and where a key goes."""
    said = installed.said.splitlines()

    assert [line for line in said if line.startswith("hearthd is started, but not ready: no microphone")]
    assert "There is no API key, so it works offline" in installed.said
    assert f"  sudo install -m 600 /dev/stdin {KEY_FILE}" in said
    assert [installed.machine.show(unit, "UnitFileState") for unit in _STARTED] == ["enabled", "enabled"]
    assert installed.machine.show(_STARTED[1], "ActiveState") == "active"


async def test_without_a_key_it_runs_offline(installed: Installed) -> None:
    """A newcomer has a speaker that understands, before there is any account."""
    async with served(installed, Plan(online=False, offline=True)) as (_, service):
        installed.machine.run("rm", KEY_FILE)

        said = install(installed.machine)

        assert "hearthd runs. Watch it" in said
        assert "There is no API key, so it works offline" in said
        await service.says("the offline server", "there is no API key")


async def test_without_a_key_and_the_offline_server_it_waits_for_the_key(installed: Installed) -> None:
    """Nobody could answer; what is left to do is said."""
    async with served(installed, Plan(online=False, offline=False)) as (_, service):
        installed.machine.run("rm", KEY_FILE)

        said = install(installed.machine)

        assert "Installed, and started with every boot. Left to do:" in said
        assert f"  sudo install -m 600 /dev/stdin {KEY_FILE}" in said.splitlines()
        assert await service.show("ActiveState") == ("inactive",)


def test_the_user_may_open_sound_cards_and_no_secrets(machine: Machine) -> None:
    """The daemon's user is in the group that owns sound cards; secrets are root's."""
    assert machine.run("id", "--name", "--groups", "hearthd").stdout.split() == ["hearthd", "audio"]
    assert machine.run("stat", "--format=%U %a", "/etc/credstore").stdout == "root 700\n"


def test_the_locked_packages_are_installed_and_nothing_else(machine: Machine) -> None:
    """The program runs on exactly the versions of the lock, and carries no tools that it does not need."""
    lock = (PROJECT / "scripts" / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    locked = {line.split(" ")[0] for line in lock.splitlines() if "==" in line and not line.startswith(" ")}
    listed = machine.run("/opt/hearthd/current/bin/python", "-c", _LIST).stdout

    assert {line.lower().replace("_", "-") for line in listed.splitlines()} == locked | {f"hearthd=={__version__}"}


def test_a_second_run_changes_nothing(machine: Machine) -> None:
    """An up-to-date machine stays as it is."""
    before = machine.read(SETTINGS), machine.run("readlink", "/opt/hearthd/current").stdout

    assert "up to date" in install(machine, "--no-start")

    assert (machine.read(SETTINGS), machine.run("readlink", "/opt/hearthd/current").stdout) == before


def test_edited_settings_are_kept_beside_new_ones(machine: Machine) -> None:
    """Nobody loses an edit to an update, and the owner learns where the new file lies."""
    machine.write(SETTINGS, "# mine\n")
    machine.write(_SHIPPED, _OLDER)

    said = install(machine, "--no-start")

    assert machine.read(SETTINGS) == "# mine\n"
    assert "hearthd.toml.new" in said
    assert machine.read(f"{SETTINGS}.new") == _shipped()


def test_edited_settings_are_not_nagged_about(machine: Machine) -> None:
    """As long as the shipped file stays the same, there is nothing to compare with."""
    machine.write(SETTINGS, "# mine\n")

    said = install(machine, "--no-start")

    assert machine.read(SETTINGS) == "# mine\n"
    assert "hearthd.toml.new" not in said


def test_untouched_settings_follow_the_release(machine: Machine) -> None:
    """Who never edited the file gets the new one, explanations and all."""
    machine.write(SETTINGS, _OLDER)
    machine.write(_SHIPPED, _OLDER)

    install(machine, "--no-start")

    assert machine.read(SETTINGS) == _shipped()


async def test_with_a_key_an_update_restarts_the_service_on_the_new_release(installed: Installed) -> None:
    """The running daemon is replaced once the new one is ready, and the release that it came from is removed."""
    async with served(installed) as (_, service):
        await service.start()
        (first,) = await service.show("MainPID")
        installed.machine.write("/opt/hearthd/releases/older/bin/hearthd", "")

        said = install(installed.machine)

        assert said.splitlines()[-1].startswith("hearthd runs.")
        state, second = await service.show("ActiveState", "MainPID")
        assert state == "active"
        assert second != first
        assert _present(installed.machine, ["/opt/hearthd/releases/older"]) == []


async def test_without_sound_an_update_says_what_is_missing(installed: Installed) -> None:
    """The installer neither waits for ever nor calls it a failure, and names what to do."""
    async with served(installed) as (home, service):
        home.card.unplug()

        said = install(installed.machine)

        assert "hearthd is started, but not ready: no microphone: open hearth_mic: No such device" in said
        assert "sudo hearthd devices" in said
        assert await service.show("ActiveState") == ("activating",)


async def test_with_broken_settings_an_update_fails_and_says_why(installed: Installed) -> None:
    """Who looks at the terminal need not look into the journal."""
    async with served(installed):
        installed.machine.write(SETTINGS, '[audio]\ncapture_devise = "default"\n')

        with pytest.raises(AssertionError, match=r"(?s)hearthd does not start.*did you mean capture_device"):
            install(installed.machine)


def test_uninstalling_keeps_what_is_the_owners_and_purging_keeps_nothing(installed: Installed, tmp_path: Path) -> None:
    """Settings, key and memory outlive the program until the owner says otherwise."""
    installed.machine.run("cp", "--archive", "--no-target-directory", "/opt/hearthd", f"{HOMES}/program")
    with Machine(tmp_path, shown=[PROJECT], shared={installed.homes: HOMES}) as machine:
        # Building the program once is enough.
        machine.run("cp", "--archive", "--no-target-directory", f"{HOMES}/program", "/opt/hearthd")
        uninstall = str(PROJECT / "scripts" / "uninstall")
        install(machine, "--no-start")
        machine.write(KEY_FILE, "sk-test\n", mode=0o600)
        machine.write("/var/lib/hearthd/memory", "")

        # Without what was shipped, the next installer would take untouched settings for edited ones.
        kept = [SETTINGS, _SHIPPED, KEY_FILE, "/var/lib/hearthd/memory"]
        units = [f"/etc/systemd/system/{unit}" for unit in (*_STARTED, "hearthd-offline.service")]
        gone = ["/opt/hearthd/current", "/opt/hearthd/releases", "/usr/local/bin/hearthd", *units]
        assert _present(machine, kept + gone) == kept + gone

        machine.run(uninstall)

        assert _present(machine, kept + gone) == kept

        said = machine.run(uninstall, "--purge").stdout

        assert _present(machine, ["/opt/hearthd", *kept, *gone]) == []
        topics = ["hearthd/ROOM/state", "hearthd/ROOM/availability", "homeassistant/device/hearthd_ROOM/config"]
        assert [topic for topic in topics if topic in said] == topics
        assert machine.run("id", "hearthd", check=False).returncode == 1
