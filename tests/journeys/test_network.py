"""The network is pulled in the middle of everything: the house goes on offline, and online again when it is back.

With a real broker, the embedded server as the daemon's child, and its real ear: what acts was understood from sound.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.journeys.household import Household
from tests.journeys.network import NOTICE, Fault, Moment, Network, Outage
from tests.journeys.stage import journey
from tests.journeys.turns import Lateness, lateness

TAKES_OVER_WITHIN_S: Final = 10.0
LIMIT_S: Final = 240.0
"""Four outages in a row, of 20 s each on a machine with nothing else to do."""


async def pulled(folder: Path, fault: Fault, *moments: Moment) -> None:
    """Pull the network at each of some moments, and check what came of it in the end."""
    network = Network()
    async with Household(folder, network.plan()) as home, lateness() as late:
        network.home = home
        await network.converse()
        outages = [await network.outage(fault, moment) for moment in moments]
        await network.converse()
        assert network.carried_out == network.wanted
        assert network.overlaps_s() == []
        if fault is Fault.REFUSES:  # otherwise the server learns of a session's end when the network is back
            assert home.server.record.peak_live_sessions == 1
        told(network, outages, late)
        home.server.assert_clean()
        ending = await home.stop()
        assert ending.exit_code == 0


def told(network: Network, outages: Sequence[Outage], late: Lateness) -> None:
    """Check that each outage was noticed in time and told once: to MQTT, to the journal, and aloud."""
    home = network.home
    for outage in outages:
        assert outage.taken.at_s - outage.pulled_s < TAKES_OVER_WITHIN_S + late.total_s
        assert outage.taken.document["server_reason"].startswith("the server is not connected: ")
        assert network.notices(outage) == [f"I cannot reach my server. {NOTICE}"]
    changes = ["offline", "online"] * len(outages)
    assert [event.document["server"] for event in home.watch.events("server")] == changes
    lines = home.daemon.journal.where(lambda line: line.fields.get("event") == "server_changed")
    assert [line.fields["server"] for line in lines] == changes
    assert [line.fields.get("reason") for line in lines] == ["unreachable", None] * len(outages)


@journey(limit_s=LIMIT_S)
async def test_a_server_that_refuses_all_of_a_sudden(folder: Path) -> None:
    """At rest, in mid sentence, when a command was carried out that is not answered yet, and while hearthd speaks."""
    await pulled(folder, Fault.REFUSES, Moment.IDLE, Moment.LISTENING, Moment.ACTING, Moment.SPEAKING)


@journey(limit_s=LIMIT_S)
async def test_a_network_that_swallows_everything_all_of_a_sudden(folder: Path) -> None:
    """The same, but for a call that arrives only when this machine has carried the command out already."""
    await pulled(folder, Fault.VANISHES, Moment.IDLE, Moment.LISTENING, Moment.THINKING, Moment.SPEAKING)
