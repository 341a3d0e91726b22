"""The picture of the conversation in `ARCHITECTURE.md` is that of the rules, and shows every move there is."""

import random

from hearthd.core.conversation.machine import Machine
from hearthd.core.conversation.phases import Phase
from tests.core.conversation.diagram import BEGINS, DOCUMENT, ENDS, MANNERS, drawing, may_happen, moves, words

WALKS = 200
STEPS_A_WALK = 200


def test_the_document_shows_the_rules_as_they_are() -> None:
    """Whoever changes a rule draws the picture anew."""
    text = DOCUMENT.read_text(encoding="utf-8")
    shown = text.partition(BEGINS)[2].partition(ENDS)[0]
    assert drawing() == shown, f"{DOCUMENT.name} shows other rules; draw them anew with: scripts/diagram"


def test_no_walk_at_random_makes_a_move_that_is_not_drawn() -> None:
    """The situations from which the picture is worked out are enough of them."""
    drawn = moves()
    missing = set[tuple[Phase, str, Phase]]()
    for seed in range(WALKS):
        choose = random.Random(seed)
        machine = Machine(choose.choice(MANNERS))
        now_s = 0.0
        for _ in range(STEPS_A_WALK):
            now_s += choose.random()
            phase, event = machine.phase, choose.choice(may_happen(machine.phase))
            machine.step(event, now_s)
            name = type(event).__name__
            if machine.phase is not phase and machine.phase not in drawn[phase, name]:
                missing.add((phase, name, machine.phase))
    assert missing == set()


def test_names_are_written_as_people_write_them() -> None:
    """Events lose their capitals and phases their underscore."""
    assert [words(name) for name in ("WakeHeard", "follow_up")] == ["wake heard", "follow-up"]
