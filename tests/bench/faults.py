"""`scripts/bench faults`: how soon the daemon answers again after each fault of the wire and of the server.

The whole engine in virtual time: the figures are those of the design, on any machine the same, and cost no waiting.
"""

import asyncio
import logging
from typing import Final

from rich.table import Table

from tests.bench.figures import Budget, Figure
from tests.bench.report import Report
from tests.doubles.virtual_time import VirtualTimeLoop
from tests.engine.fault_list import MESSAGES, NETWORK, SESSIONS
from tests.engine.faults import PROMISED_S, Fault, Suffered, lag_s, suffer

TITLE: Final = "Recovery from faults, in virtual time: the end of the fault, and the wake word in that moment -> answer"
ENDS: Final = 3
"""In how many moments of its own retries each fault ends."""
GROUPS: Final = {"the way to the server": NETWORK, "sessions": SESSIONS, "messages": MESSAGES}


def faults(report: Report) -> list[Figure]:
    """Suffer every fault; raises AssertionError when one is not told as it should be."""
    logging.getLogger("hearthd").addHandler(logging.NullHandler())  # its warnings belong to nobody here
    table = Table(title="What becomes of each fault", title_justify="left", title_style="bold", box=None)
    for heading in ("fault", "heard", "said where the offline server answers", "MQTT event", "journal"):
        table.add_column(heading)
    table.add_column("recovery", justify="right")
    overall = Figure("every fault", "s", Budget(PROMISED_S))
    figures = []
    for group, members in GROUPS.items():
        report.progress(f"{len(members)} faults: {group} ...")
        figure = Figure(group, "s", Budget(PROMISED_S))
        for fault in members:
            ends = [_suffered(fault, number) for number in range(ENDS)]
            recoveries_s = [each.recovery_s for each in ends]
            figure.add(*recoveries_s)
            tale = ends[0].tale
            events, journal = ", ".join(tale.events) or "-", ", ".join(tale.journal) or "-"
            said = f"{tale.words.partition('.')[0]}." if tale.words else "-"
            table.add_row(fault.name, tale.heard, said, events, journal, f"{max(recoveries_s):.1f} s")
        overall.add(*figure.samples)
        figures.append(figure)
    report.table(table)
    return [*figures, overall]


def _suffered(fault: Fault, number: int) -> Suffered:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        suffered = runner.run(suffer(fault, lag_s(number)))
    assert suffered.tale == fault.tale, f"{fault.name}: {suffered.tale}"
    assert suffered.most_live == 1, f"{fault.name}: {suffered.most_live} sessions at once"
    return suffered
