"""`scripts/bench network`: how soon this machine answers when the network goes, and the server when it is back."""

import asyncio
import logging
from typing import Final

from tests.bench.figures import Budget, Figure, Statistic
from tests.bench.report import Report
from tests.journeys.household import Household
from tests.journeys.network import Fault, Moment, Network, Outage

TITLE = "Network: it goes in the middle of something, and comes back"
TAKEN_OVER_S: Final = 10.0
RECOVERED_S: Final = 5.0
REST_S: Final = 6.0
"""Before each outage, so that the server counts as well; see `core.realtime.choice.STABLE_S`."""


class Measured:
    """Counts outages."""

    def __init__(self) -> None:
        latest = Budget(TAKEN_OVER_S, Statistic.MAX)
        self._obeyed = {
            (fault, moment): Figure(f"{fault}, {moment}: pulled → next command carried out", "s", latest)
            for fault in Fault
            for moment in Moment
        }
        self._taken = {fault: Figure(f"{fault}: pulled → offline server ready", "s", latest) for fault in Fault}
        self._back = {
            fault: Figure(f"{fault}: network back → online again", "s", Budget(RECOVERED_S)) for fault in Fault
        }
        self._notices = Figure("spoken notices per outage", "", Budget(1, Statistic.MAX))
        self._lost = Figure("commands not carried out", "", Budget(0, Statistic.MAX))
        self._twice = Figure("commands carried out once too often", "", Budget(0, Statistic.MAX))
        self._overlap = Figure("two live sessions at once, for", "s", Budget(0, Statistic.MAX))

    def figures(self) -> list[Figure]:
        """Return all figures."""
        times = (*self._obeyed.values(), *self._taken.values(), *self._back.values())
        return [*times, self._notices, self._lost, self._twice, self._overlap]

    def outage(self, network: Network, outage: Outage) -> None:
        """Count one."""
        self._obeyed[outage.fault, outage.moment].add(outage.obeyed_s - outage.pulled_s)
        self._taken[outage.fault].add(outage.taken.at_s - outage.pulled_s)
        self._back[outage.fault].add(outage.back_s - outage.mended_s)
        self._notices.add(len(network.notices(outage)))

    def household(self, network: Network) -> None:
        """Count what only the end tells."""
        self._lost.add((network.wanted - network.carried_out).total())
        self._twice.add((network.carried_out - network.wanted).total())
        self._overlap.add(sum(network.overlaps_s()))


async def network(rounds: int, report: Report) -> list[Figure]:
    """Pull the network so often at each moment, in both ways; raises AssertionError when the daemon does not go on."""
    # A mended network delivers handshakes that were given up meanwhile; the stand-in's library takes that for an error.
    logging.getLogger("websockets.server").setLevel(logging.CRITICAL)
    measured = Measured()
    for fault in Fault:
        report.progress(f"the server {fault}: {rounds} x {len(Moment)} outages of about 25 s each ...")
        pulled = Network()
        async with Household(None, pulled.plan()) as home:
            pulled.home = home
            for _ in range(rounds):
                for moment in Moment:
                    await asyncio.sleep(REST_S)
                    measured.outage(pulled, await pulled.outage(fault, moment))
            await pulled.converse()
            home.server.assert_clean()
        measured.household(pulled)
    return measured.figures()
