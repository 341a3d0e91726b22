"""Names and typed text as spoken words."""

import pytest

from hearthd.offline.mind.vocabulary import heard, number_words, spoken


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("kitchen_light_2", "kitchen light two"),
        ("KitchenLight2", "kitchen light two"),
        ("Küche & Bad", "kuche and bad"),
        ("Mia's lamp", "mia's lamp"),
        ("Mia\u2019s lamp", "mia's lamp"),
        ("lamp 21", "lamp twenty one"),
        ("0x00158d0001234567", ""),
        ("日本", ""),
        ("", ""),
        ("x" * 81, ""),
        ("one two three four five six seven eight nine", ""),
    ],
)
def test_a_name_is_said_in_words(name: str, words: str) -> None:
    """Identifiers in any style; what nobody could say has no words."""
    assert words == " ".join(spoken(name))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Set it to 50%, PLEASE!", "set it to fifty percent please"),
        ("21.5 °C", "twenty one point five degrees"),
        ("21,5°", "twenty one point five degrees"),
        ("20 per cent", "twenty percent"),
        ("whats the time", "what's the time"),
        ("What\u2019s that?", "what's that"),
        ("12345678901 lamps", "12345678901 lamps"),
        ("", ""),
    ],
)
def test_typed_text_becomes_spoken_words(text: str, words: str) -> None:
    """Case, punctuation, digits and signs are only ways of writing."""
    assert words == " ".join(heard(text))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (19, "nineteen"),
        (20, "twenty"),
        (21.5, "twenty one point five"),
        (-3, "minus three"),
        (100, "one hundred"),
        (2_700, "two thousand seven hundred"),
        (0.05, "zero point zero five"),
    ],
)
def test_numbers_are_spelled_out(number: float, words: str) -> None:
    """As they are said, without "and"."""
    assert words == " ".join(number_words(number))
