"""The conversation's rules as a picture and a table, worked out by stepping the machine.

`ARCHITECTURE.md` shows them, `scripts/diagram` writes them there, and `test_diagram.py` fails when it shows others.
"""

import functools
import pickle
import re
import sys
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path

from hearthd.core.conversation import events as ev
from hearthd.core.conversation.machine import Machine
from hearthd.core.conversation.phases import Manners, Phase
from hearthd.core.conversation.rules import RULES
from tests.core.conversation.worlds import Stage, every_event

DOCUMENT = Path(__file__).resolve().parents[3] / "ARCHITECTURE.md"
BEGINS = "<!-- scripts/diagram writes from here -->\n"
ENDS = "<!-- to here -->\n"

Moves = dict[tuple[Phase, str], set[Phase]]
"""The phases that an event, by the name of its class, leads to from a phase; the phase itself means that it stays."""

MANNERS = (
    Manners(),
    Manners(barge_in="off"),
    Manners(barge_in="speech"),
    Manners(follow_up_s=0.0),
    Manners(manual_turns=False),
    Manners(push_to_talk=False),
)
SAYING_IS_NEWS = {Phase.IDLE, Phase.FOLLOW_UP}
"""Elsewhere a text to be spoken only waits; with one waiting, every way to idle leads on to speaking it."""


@functools.cache
def moves() -> Moves:
    """Step every rule from the usual situations of its phase, and from those after one thing more happened."""
    found: Moves = {}
    for manners in MANNERS:
        usual = set(_usual_situations(manners))
        for situation in usual.union(*map(_one_thing_later, usual)):
            phase: Phase = pickle.loads(situation).phase
            for event in may_happen(phase):
                if (phase, type(event)) in RULES:
                    target = _stepped(situation, event).phase
                    found.setdefault((phase, type(event).__name__), set()).add(target)
    return found


@functools.cache
def may_happen(phase: Phase) -> Sequence[ev.Event]:
    """Return the events that the picture is made of."""
    return [event for event in every_event() if phase in SAYING_IS_NEWS or not isinstance(event, ev.SayRequested)]


def drawing() -> str:
    """Return what stands between the two marks in the document."""
    found = moves()
    return f"\n{_picture(found)}\n{_table(found)}\n"


def words(name: str) -> str:
    """Return an event's or a phase's name as people write it."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower().replace("_", "-")


def _usual_situations(manners: Manners) -> Iterator[bytes]:
    """Yield pickled machines, because nothing else copies them as fast."""
    without_link = Stage(manners, ready=False)
    without_link.step(ev.MicrophoneFound(), ev.SpeakerFound())
    no_link = pickle.dumps(without_link.machine)
    yield no_link
    yield pickle.dumps(_stepped(no_link, ev.WakeHeard("okay_nabu", 5)))
    yield pickle.dumps(_stepped(no_link, ev.SayRequested("dinner")))
    resting = pickle.dumps(Stage(manners).machine)
    yield resting
    yield pickle.dumps(_stepped(resting, ev.SayRequested("dinner")))
    for stage in (Stage(manners).listening(), Stage(manners).thinking(), Stage(manners).speaking()):
        yield pickle.dumps(stage.machine)
    yield pickle.dumps(Stage(manners).following_up().machine)
    sending_again = Stage(manners).thinking()
    sending_again.step(ev.LinkLost("no route"))
    yield pickle.dumps(sending_again.machine)
    yield pickle.dumps(_stepped(pickle.dumps(Stage(manners).thinking().machine), ev.WakeHeard("okay_nabu", 5)))


def _one_thing_later(situation: bytes) -> set[bytes]:
    """Return what a situation may become without leaving its phase."""
    phase: Phase = pickle.loads(situation).phase
    later = (_stepped(situation, event) for event in may_happen(phase))
    return {pickle.dumps(machine) for machine in later if machine.phase is phase}


def _stepped(situation: bytes, event: ev.Event) -> Machine:
    machine: Machine = pickle.loads(situation)
    machine.step(event, 0.0)
    return machine


def _events() -> list[str]:
    return [kind.__name__ for kind in typing.get_args(ev.Event)]


def _picture(found: Moves) -> str:
    lines = ["```mermaid", "flowchart TD"]
    lines += [f'  {phase.value}(["{words(phase)}"])' for phase in Phase]
    for phase in Phase:
        for target in Phase:
            causes = [words(name) for name in _events() if target in found.get((phase, name), ())]
            if causes and target is not phase:
                arrow = "-.->" if target is Phase.IDLE else "-->"
                lines.append(f'  {phase.value} {arrow}|"{"<br>".join(causes)}"| {target.value}')
    return "\n".join([*lines, "```", ""])


def _table(found: Moves) -> str:
    lines = [f"| | {' | '.join(words(phase) for phase in Phase)} |", "|---" * (len(Phase) + 1) + "|"]
    for name in _events():
        cells = [_cell(found, phase, name) for phase in Phase]
        if any(cells):
            lines.append(f"| {words(name)} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _cell(found: Moves, phase: Phase, name: str) -> str:
    if (phase, getattr(ev, name)) not in RULES:
        return ""
    targets = [words(target) for target in Phase if target in found[phase, name] and target is not phase]
    return ", ".join(targets) or "stays"


def main() -> None:
    """Write the drawing into the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGINS)
    _, _, after = rest.partition(ENDS)
    drawn = f"{before}{BEGINS}{drawing()}{ENDS}{after}"
    DOCUMENT.write_text(drawn, encoding="utf-8")
    sys.stdout.write(f"{DOCUMENT.name} {'was up to date' if drawn == text else 'shows the rules as they are now'}\n")


if __name__ == "__main__":
    main()
