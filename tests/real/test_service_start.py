"""How the installed service starts: what it must have, what it may lack, and where its key comes from and goes."""

import asyncio
import time

import pytest

from tests.doubles.installation import PASSWORD_FILE, Installed
from tests.doubles.service import UNIT, Service
from tests.journeys.household import Plan
from tests.real.served import KEY, served

# The first run collects Python packages, perhaps over a slow line.
pytestmark = pytest.mark.timeout(600)

PASSWORD = "hunter2-4711"
NOBODY = 1
"""A port of loopback on which nobody listens."""
START_S = 6
"""What systemd grants to a start here: many times what one takes, for a machine that is busy at that moment."""


async def test_it_is_ready_when_sound_runs_and_not_before(installed: Installed) -> None:
    """Without a card it stays, however long that takes, and says what is missing; both directions make it ready."""
    async with served(installed) as (home, service):
        await service.add(f"TimeoutStartSec={START_S}s")
        home.card.unplug()
        await service.begin()
        without = await service.says("no microphone: open", "no loudspeaker: open")
        (pid,) = await service.show("MainPID")
        await _runs_for(service, START_S + 1.0)
        home.card.capture.come_back()
        deaf_no_more = await service.says("no loudspeaker: ", lacking="no microphone: ")
        too_early = await service.show("ActiveState", "MainPID")
        home.card.replug()
        await service.shows(ActiveState="active")

        assert "No such device" in without
        assert home.card.speaker in deaf_no_more
        assert too_early == ("activating", pid)
        assert await service.show("MainPID", "NRestarts") == (pid, "0")
        assert (await service.says("waiting for")).startswith('waiting for "okay nabu"')


async def test_a_hang_before_readiness_is_ended_too(installed: Installed) -> None:
    """Time to start is granted to a daemon that waits, not to one that stands still."""
    async with served(installed) as (home, service):
        await service.add(f"TimeoutStartSec={START_S}s")
        home.card.unplug()
        await service.begin()
        await service.says("no microphone: open")
        await service.signal("STOP")
        home.card.replug()

        await service.shows(NRestarts="1", ActiveState="active")


async def test_a_house_without_network_is_no_reason_to_restart(installed: Installed) -> None:
    """Neither broker nor server: it is ready all the same, says so, feeds the watchdog, and tells each outage once."""
    plan = Plan(settings={"realtime": {"url": f"ws://127.0.0.1:{NOBODY}/v1/realtime"}, "mqtt": {"port": NOBODY}})
    async with served(installed, plan) as (_, service):
        await service.start()
        await service.says('waiting for "okay nabu"', "the server is not connected: ", "no MQTT broker: ")
        (pid,) = await service.show("MainPID")
        fed = {await service.show("WatchdogTimestampMonotonic")}
        while len(fed) < 5:  # longer than the watchdog would wait
            await asyncio.sleep(0.1)
            fed.add(await service.show("WatchdogTimestampMonotonic"))

        assert await service.show("ActiveState", "MainPID", "NRestarts") == ("active", pid, "0")
        assert len(await service.journal("--priority=warning")) == 2
        assert await service.journal("--priority=err") == []


async def test_secrets_come_from_the_credential_store_and_go_to_their_servers_alone(installed: Installed) -> None:
    """Who looks at the service, its process or the journal, at its most talkative, finds no trace of them."""
    machine = installed.machine
    async with served(installed, Plan(settings={"log": {"level": "debug"}})) as (home, service):
        machine.write(PASSWORD_FILE, f"{PASSWORD}\n", mode=0o600)
        await service.start()
        await home.settled()
        (pid,) = await service.show("MainPID")
        seen = {
            "systemctl show": machine.run("systemctl", "show", UNIT).stdout,
            "systemctl status": machine.run("systemctl", "status", UNIT).stdout,
            "command line": machine.read(f"/proc/{pid}/cmdline"),
            "environment": machine.read(f"/proc/{pid}/environ"),
            "journal": machine.run("journalctl", "--output=json", "--all").stdout,
            "MQTT": "".join(map(str, home.watch.messages)),
        }

        granted = machine.run("ls", f"/run/credentials/{UNIT}").stdout.split()
        assert granted == ["mqtt_password", "openai_api_key"]
        assert [shake.headers["authorization"] for shake in home.server.record.handshakes] == [f"Bearer {KEY}"]
        assert {place for place, text in seen.items() if KEY in text or PASSWORD in text} == set()
        assert "" not in seen.values()
        assert "CREDENTIALS_DIRECTORY" in seen["environment"]


async def _runs_for(service: Service, lasting_s: float) -> None:
    """Wait until its process is that old."""
    (started_us,) = await service.show("ExecMainStartTimestampMonotonic")
    await asyncio.sleep(max(0.0, int(started_us) / 1e6 + lasting_s - time.monotonic()))
