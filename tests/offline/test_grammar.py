"""Trees of sentences: read, written, measured."""

from hearthd.offline.mind.grammar import (
    Choice,
    Lexicon,
    Listed,
    Maybe,
    Node,
    Sequence,
    Text,
    parse,
    size,
    vocabulary,
    write_jsgf,
)

DEVICES = Lexicon({("lamp",): ("L",), ("lamp", "two"): ("M",), ("lamp", "one"): ("N",), ("fan",): ("F",)})
SWITCH = Choice((Text(("on",), (1,)), Text(("off",), (0,))))
TREE: Node = Sequence(
    (Maybe(Text(("please",))), Listed("devices", DEVICES, Text(("and",))), SWITCH, Text((), ("end",)))
)


def meaning(text: str) -> object:
    """Return what a sentence of the tree means."""
    return parse(TREE, tuple(text.split()))


def test_marks_come_in_the_order_of_the_words() -> None:
    """Optional words, lists and the longest of several phrases."""
    assert meaning("please lamp two and fan and lamp off") == ("M", "F", "L", 0, "end")
    assert meaning("lamp on") == ("L", 1, "end")


def test_what_the_tree_cannot_say_means_nothing() -> None:
    """A beginning, an end too many and an unknown word are no sentences."""
    assert [meaning(text) for text in ("lamp", "lamp on on", "lamp three on", "", "please")] == [None] * 5


def test_the_first_of_several_readings_wins() -> None:
    """So the same words always mean the same."""
    one, other = Text(("go",), (1,)), Text(("go",), (2,))
    assert parse(Choice((one, other)), ("go",)) == (1,)
    assert parse(Sequence((Maybe(one), Maybe(other))), ("go",)) == (2,)
    assert parse(Sequence((Choice((Text((), (3,)), Text((), (4,)))), one)), ("go",)) == (3, 1)


def test_many_readings_take_no_time() -> None:
    """Ambiguity is read once a place, so that no sentence takes for ever."""
    word = Text(("a",))
    nested: Node = Listed("x", Choice((word, Listed("y", word, Text(())))), Text(()))
    assert parse(nested, ("a",) * 60) == ()


def test_jsgf_shares_beginnings_and_repeats_by_right_recursion() -> None:
    """The text is what a recogniser compiles; an empty alternative makes the rest optional."""
    assert write_jsgf(TREE).splitlines() == [
        "#JSGF V1.0;",
        "grammar house;",
        "public <utterance> = ( please | <NULL> ) <devices> ( on | off );",
        "<devices> = ( /3/ lamp ( <NULL> | two | one ) | /1/ fan ) <devices_more>;",
        "<devices_more> = ( <NULL> | and <devices> );",
    ]
    assert "= ( go | <NULL> );" in write_jsgf(Choice((Text(("go",)), Text(()))))
    assert write_jsgf(Sequence((TREE, TREE))).count("<devices> =") == 1


def test_what_is_said_more_often_weighs_more_and_what_is_never_said_is_only_typed() -> None:
    """Choices, options, lists and phrases carry their weights; a weight of nothing leaves words out of the grammar."""
    words = Lexicon({("lamp",): (), ("lamp", "one"): (), ("fan",): ()}, {("lamp",): 2.0, ("fan",): 0.0})
    tree = Choice((Maybe(Text(("please",)), 0.2), Text(("now",)), Text(("typed",))), (1.0, 0.5, 0.0))
    text = write_jsgf(Sequence((tree, Listed("more", words, Text(("and",)), 0.1))))
    assert text.splitlines()[2:] == [
        "public <utterance> = ( /1/ ( /0.2/ please | /0.8/ <NULL> ) | /0.5/ now ) <more>;",
        "<more> = lamp ( /2/ <NULL> | /1/ one ) <more_more>;",
        "<more_more> = ( /0.9/ <NULL> | /0.1/ and <more> );",
    ]
    assert parse(tree, ("typed",)) == ()


def test_words_are_counted_as_compiled() -> None:
    """Shared beginnings once, every other word each time."""
    assert vocabulary(TREE) == {"please", "lamp", "two", "one", "fan", "and", "on", "off"}
    assert size(TREE) == 8
    assert size(Sequence((TREE, TREE))) == 16
