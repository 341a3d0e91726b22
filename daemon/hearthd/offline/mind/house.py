"""The house that a session describes: what can be said in it, and what is meant by it."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from hearthd.core.home.notes import read_notes
from hearthd.core.realtime.session import FunctionTool
from hearthd.offline.mind import habits, remarks
from hearthd.offline.mind.asking import Questions
from hearthd.offline.mind.commanding import AND, Commands, Weighted
from hearthd.offline.mind.grammar import Choice, Listed, Node, parse, size, vocabulary, write_jsgf
from hearthd.offline.mind.naming import Household
from hearthd.offline.mind.schema import Function, read_functions
from hearthd.offline.mind.understanding import Understanding, interpret
from hearthd.offline.mind.vocabulary import heard
from hearthd.offline.mind.wording import listed
from hearthd.offline.parts import Grammar

_INSTRUCTIONS_MAX = 200_000
"""Characters of instructions that are searched for our own lines."""

WIDEST = 20_000
"""Words of all commands, counted as compiled, and twice what all questions may have: thirty devices make 3,300 in
all, and are searched in a tenth of real time."""


class House:
    """Understands the commands and questions of one session; immutable, and equal sessions give equal grammars."""

    def __init__(self, tools: Sequence[FunctionTool], instructions: str) -> None:
        """Read functions from their schemas, and names and areas from our own lines in the instructions."""
        functions = read_functions(tools)
        self.functions: dict[str, Function] = {function.name: function for function in functions}
        household = Household(functions, read_notes(instructions[:_INSTRUCTIONS_MAX]))
        self.sentences: Node = _sentences(functions, household)

        self.introduction = _introduction(functions)

    @cached_property
    def grammar(self) -> Grammar:
        """What a recogniser may expect to hear."""
        return Grammar(write_jsgf(self.sentences), vocabulary(self.sentences))

    def understand(self, text: str) -> Understanding:
        """Tell what recognised or typed text asks for; case, punctuation and digits do not matter."""
        words = heard(text)
        for attempt in dict.fromkeys((words, remarks.undressed(words))):
            if attempt and (marks := parse(self.sentences, attempt)):
                return interpret(marks, self.functions)
        return Understanding()


def _introduction(functions: Sequence[Function]) -> str:
    """Say what can be asked for, to somebody who wants to know."""
    able = [text for kind, text in _ABILITIES.items() if any(kind in function.words for function in functions)]
    return f"I can {listed([*able, 'tell you the time and the date'])}."


_ABILITIES: Mapping[str, str] = {
    "light": "switch and dim the lights",
    "cover": "move the blinds",
    "climate": "set the heating",
    "fan": "run the fans",
    "scene": "start scenes",
    "read": "read the sensors",
    "timer": "set timers",
    "volume": "change the volume",
}


def _sentences(functions: Sequence[Function], household: Household) -> Node:
    bodies: list[Node] = [remarks.builtin(functions)]
    shares = [habits.REMARKS]
    if commands := _fitting(Commands(functions, household).sentences(), WIDEST):
        bodies.append(Listed("commands", _one_of(commands), AND, habits.SECOND_COMMAND_CHANCE))
        shares.append(habits.COMMANDS)
    if questions := _fitting(Questions(functions, household).sentences(), WIDEST // 2):
        bodies.append(_one_of(questions))
        shares.append(habits.QUESTIONS)
    return remarks.dressed(Choice(tuple(bodies), tuple(shares)))


def _one_of(sentences: Iterable[Weighted]) -> Node:
    nodes, weights = zip(*sentences, strict=True)
    return Choice(nodes, weights)


def _fitting(sentences: Iterable[Weighted], room: int) -> list[Weighted]:
    """Take what fits, in its order; the rest is not even made. In a house of ordinary size that is everything."""
    kept = []
    for node, weight in sentences:
        room -= size(node)
        if room < 0:
            break
        kept.append((node, weight))
    return kept
