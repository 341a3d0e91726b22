"""What the tests of the service share: one machine with hearthd installed, for installing takes seconds."""

from collections.abc import Iterator

import pytest

from tests.doubles.installation import HOMES, PROJECT, Installed, install
from tests.doubles.sandbox import Machine
from tests.doubles.service import UNIT


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """A machine on which the installer has run once, with no key to start with, and whose daemon was stopped again.

    Every test leaves it like that.
    """
    homes = tmp_path_factory.mktemp("homes")
    homes.chmod(0o755)
    folder = tmp_path_factory.mktemp("machine")
    with Machine(folder, network="host", shown=[PROJECT], shared={homes: HOMES}) as machine:
        said = install(machine)
        machine.run("systemctl", "stop", UNIT)
        yield Installed(machine, said, homes)
