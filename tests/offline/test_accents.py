"""The ways to say a word that American dictionaries lack."""

import pytest

from hearthd.offline.hearing.accents import british


@pytest.mark.parametrize(
    ("word", "american", "further"),
    [
        ("start", ["S T AA R T"], ["S T AA T"]),
        ("door", ["D AO R"], ["D AO"]),
        ("here", ["HH IY R"], ["HH IY AH"]),
        ("timer", ["T AY M ER"], ["T AY M AH"]),
        ("garden", ["G AA R D AH N"], ["G AA D AH N"]),
        ("hot", ["HH AA T"], ["HH AO T"]),
        ("half", ["HH AE F"], ["HH AA F", "HH AH F"]),
        ("bathroom", ["B AE TH R UW M"], ["B AA TH R UW M", "B AH TH R UW M"]),
        ("of", ["AH V"], ["AO V"]),
        ("garage", ["G ER AA ZH"], ["G AE R AA ZH", "G AE R IH JH", "G AH R AA ZH", "G AH R IH JH"]),
        ("lamp", ["L AE M P"], ["L AH M P"]),
    ],
)
def test_the_british_way_is_added(word: str, american: list[str], further: list[str]) -> None:
    """R falls silent but before vowels, lips are rounded in "hot", "half" is like "father", "lamp" near "lump"."""
    assert british(word, american) == further


@pytest.mark.parametrize(
    ("word", "american"),
    [
        ("red", "R EH D"),
        ("very", "V EH R IY"),
        ("during", "D UH R IH NG"),
        ("father", "F AA DH AH"),
    ],
)
def test_what_all_say_alike_is_not_added(word: str, american: str) -> None:
    """An R before a vowel stays."""
    assert british(word, [american]) == []


def test_nothing_is_added_twice() -> None:
    """Ways that differ in America alone are one in Britain, and what America knows already is left out."""
    assert british("on", ["AA N", "AO N"]) == []
    assert british("our", ["AW ER", "AW R", "AA R"]) == ["AW AH", "AA"]
