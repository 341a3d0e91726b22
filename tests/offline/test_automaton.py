"""JSGF, compiled."""

from itertools import product

import pytest

from hearthd.offline.hearing.automaton import Automaton, GrammarUnusable, compile_jsgf
from tests.offline.household import house

HEADER = "#JSGF V1.0;\ngrammar test;\n"


def compiled(rules: str, unsayable: str = "") -> Automaton:
    """Compile rules whose words can all be said but one."""
    return compile_jsgf(HEADER + rules, lambda word: word != unsayable)


def accepts(automaton: Automaton, text: str) -> bool:
    """Whether a sentence leads from the first state to the last."""
    state = 0
    for word in text.split():
        found = [arc.target for arc in automaton.arcs if (arc.source, arc.word) == (state, word)]
        if not found:
            return False
        (state,) = found
    return any((arc.source, arc.word, arc.target) == (state, None, automaton.states - 1) for arc in automaton.arcs)


def sentences(automaton: Automaton, words: str, longest: int) -> set[str]:
    """Return every sentence up to a length."""
    texts = (" ".join(choice) for count in range(longest + 1) for choice in product(words.split(), repeat=count))
    return {text for text in texts if accepts(automaton, text)}


def test_alternatives_options_and_rules_say_what_they_say() -> None:
    """Brackets, bars and references mean what JSGF says."""
    automaton = compiled("public <all> = [ please ] ( on | off <what> );\n<what> = the lamp | <NULL>;")
    assert sentences(automaton, "please on off the lamp", 4) == {
        "on",
        "please on",
        "off",
        "please off",
        "off the lamp",
        "please off the lamp",
    }


def test_a_rule_that_goes_on_with_itself_is_a_list() -> None:
    """Right recursion repeats, and ends where the whole may end."""
    automaton = compiled("public <all> = <list> on;\n<list> = lamp <more>;\n<more> = <NULL> | and <list>;")
    assert sentences(automaton, "lamp and on", 4) == {"lamp on", "lamp and lamp on"}
    assert accepts(automaton, "lamp and lamp and lamp and lamp on")


def test_equal_ends_are_one_state() -> None:
    """The smallest automaton has a state for each thing that is left to say, and one for the end."""
    assert compiled("public <all> = ( a x | b x | c x );").states == 4


def test_probabilities_of_what_may_follow_add_up_to_one() -> None:
    """The weights of alternatives are shares of what may follow, and an option is said every other time."""
    automaton = compiled("public <all> = a [ /1/ and b | /4/ c ];")
    after_a = {arc.word: arc.probability for arc in automaton.arcs if arc.source == automaton.arcs[0].target}
    assert after_a == pytest.approx({None: 0.5, "and": 0.1, "c": 0.4}, abs=1e-3)


def test_a_word_is_as_likely_as_the_sentences_that_bring_it() -> None:
    """Where several ways lead to a state, each counts as often as it is taken; lists go on as often as they say."""
    automaton = compiled(
        "public <all> = /3/ a x | /1/ <list>;\n<list> = a y <more>;\n<more> = /3/ <NULL> | /1/ <list>;"
    )
    after_a = {arc.word: arc.probability for arc in automaton.arcs if arc.source == automaton.arcs[0].target}
    assert after_a == pytest.approx({"x": 0.75, "y": 0.25}, abs=1e-3)
    (again,) = (arc for arc in automaton.arcs if arc.word == "a" and arc.source != 0)
    assert again.probability == pytest.approx(0.25, abs=1e-3)


def test_a_word_that_cannot_be_said_takes_its_sentences_with_it() -> None:
    """Nothing leads into a sentence that cannot be finished."""
    automaton = compiled("public <all> = turn on ( lamp | xyz );", "xyz")
    assert sentences(automaton, "turn on lamp xyz", 3) == {"turn on lamp"}
    assert {arc.word for arc in automaton.arcs} == {"turn", "on", "lamp", None}


@pytest.mark.parametrize(
    "rules",
    [
        "public <all> = <all> a;",
        "public <all> = <other>;",
        "public <all> = ( a ;",
        "public <all> = a",
        "public <all> a;",
        "<all> = a;",
        "public <all> = xyz;",
    ],
)
def test_what_is_no_grammar_is_refused(rules: str) -> None:
    """Left recursion, unknown rules, unbalanced brackets, no public rule and no sentence are told as such."""
    with pytest.raises(GrammarUnusable):
        compiled(rules, "xyz")


def test_a_text_without_header_is_refused() -> None:
    """A grammar starts with its header."""
    with pytest.raises(GrammarUnusable):
        compile_jsgf("public <all> = a;", lambda _: True)


def test_a_house_of_thirty_devices_stays_small() -> None:
    """As small as it was when recognition was measured, with room for half as much again."""
    automaton = compile_jsgf(house().grammar.jsgf, lambda _: True)
    assert accepts(automaton, "please turn on the kitchen light and the kettle")
    assert not accepts(automaton, "please turn on the")
    assert automaton.states < 1_600
    assert len(automaton.arcs) < 16_000
